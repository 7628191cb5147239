use super::*;

fn held_for(result: Result<Response, NoCall>) -> Duration {
    match result {
        Err(NoCall::Retry {
            after: Some(after),
            error,
            reach: Reach::NotReached,
        }) => {
            assert!(error.ends_with("takes no more calls before its rate limit is reset"));
            after
        }
        other => panic!("{other:?}"),
    }
}

async fn at(api: &Api, to: &WebUrl, seconds: i64) -> Result<Response, NoCall> {
    api.call(list(to), None, None, "", later(seconds)).await
}

#[tokio::test]
async fn after_the_last_call_of_a_window_none_is_begun_before_the_next() {
    for (status, headers) in [
        (
            200,
            &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "60")][..],
        ),
        (429, &[("retry-after", "60")]),
        (429, &[("x-ratelimit-reset", "60")]),
    ] {
        let platform = Platform::answering(status, headers, "{}").await;
        let api = api();
        let first = at(&api, &platform.url, 0).await.unwrap();
        assert_eq!(first.status, status);
        assert_eq!(
            held_for(at(&api, &platform.url, 20).await),
            Duration::from_secs(40)
        );
        assert_eq!(platform.received().len(), 1);
        at(&api, &platform.url, 60).await.unwrap();
        assert_eq!(platform.received().len(), 2);
    }
}

#[tokio::test]
async fn a_platform_that_takes_no_more_calls_holds_up_no_other() {
    let full = Platform::answering(429, &[("retry-after", "60")], "{}").await;
    let other = Platform::answering(200, &[], "{}").await;
    let (one, two) = (api(), api());
    at(&one, &full.url, 0).await.unwrap();
    held_for(at(&one, &full.url, 1).await);
    at(&one, &other.url, 1).await.unwrap();
    at(&two, &full.url, 1).await.unwrap();
    assert_eq!(full.received().len(), 2);
}

#[tokio::test]
async fn nobody_is_held_up_for_longer_than_a_quarter_of_an_hour_whatever_the_clock_does() {
    let platform = Platform::answering(429, &[("retry-after", "999999")], "{}").await;
    let api = api();
    at(&api, &platform.url, 0).await.unwrap();
    assert_eq!(
        held_for(at(&api, &platform.url, 0).await),
        Duration::from_mins(15)
    );
    at(&api, &platform.url, 900).await.unwrap();
    held_for(at(&api, &platform.url, 901).await);
    at(&api, &platform.url, -3600).await.unwrap();
    assert_eq!(platform.received().len(), 3);
}

#[tokio::test]
async fn calls_that_are_left_are_made() {
    let left = [("x-ratelimit-remaining", "1"), ("x-ratelimit-reset", "60")];
    let platform = Platform::answering(200, &left, "{}").await;
    let api = api();
    at(&api, &platform.url, 0).await.unwrap();
    at(&api, &platform.url, 0).await.unwrap();
}
