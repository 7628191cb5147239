use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use serde_json::json;

use super::*;
use crate::json::Pointer;
use crate::source::testing::{Broken, Received, Said, Then};

/// A platform that gives the tokens `token-1`, `token-2` and so on, and takes the one that was given last, until it
/// forgets them all.
struct Club {
    platform: Platform,
    given: Arc<AtomicUsize>,
    taken: Arc<AtomicUsize>,
}

impl Club {
    async fn open() -> Self {
        let (given, taken) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(1)));
        let (count, oldest) = (Arc::clone(&given), Arc::clone(&taken));
        let platform = Platform::saying(move |received| {
            if received.path == "/auth/login" {
                return give(received, count.fetch_add(1, Ordering::SeqCst) + 1);
            }
            let number = received.headers["authorization"]
                .to_str()
                .unwrap()
                .strip_prefix("Bearer token-number-")
                .and_then(|number| number.parse::<usize>().ok());
            let welcome = number.is_some_and(|number| number >= oldest.load(Ordering::SeqCst));
            said(if welcome { 200 } else { 401 }, &[], "{}")
        })
        .await;
        Self {
            platform,
            given,
            taken,
        }
    }

    fn given(&self) -> usize {
        self.given.load(Ordering::SeqCst)
    }

    /// Takes no token that was given until now.
    fn forget(&self) {
        self.taken.store(self.given() + 1, Ordering::SeqCst);
    }

    fn auth(&self) -> Auth {
        Auth::Login(logging_in(&self.platform, credential("swordfish")))
    }
}

fn give(received: &Received, number: usize) -> Said {
    let body: serde_json::Value = serde_json::from_slice(&received.body).unwrap();
    let expected = json!({
        "email": "bot@example.com", "password": "swordfish", "deep": ["swordfish", "no {password}"], "otp": 7,
    });
    if body != expected {
        return said(401, &[], r#"{"message":"wrong password"}"#);
    }
    let token = format!("token-number-{number}");
    said(
        200,
        &[],
        &json!({"data": {"access_token": token}}).to_string(),
    )
}

pub(super) fn logging_in(platform: &Platform, password: Credential) -> Login {
    Login {
        url: platform.url.under("/auth/login").unwrap(),
        body: json!({
            "email": "bot@example.com", "password": "{password}", "deep": ["{password}", "no {password}"], "otp": 7,
        }),
        password,
        token: Pointer::parse("/data/access_token").unwrap(),
        lifetime: SignedDuration::from_mins(10),
    }
}

async fn at(api: &Api, club: &Club, seconds: i64) -> Result<Response, NoCall> {
    let outgoing = answer(&club.platform.url);
    api.call(outgoing, Some(&club.auth()), None, "case-7", later(seconds))
        .await
}

#[tokio::test]
async fn calls_that_begin_together_share_one_login() {
    let club = Club::open().await;
    let api = api();
    let calls = join_all((0..8).map(|_| at(&api, &club, 0))).await;
    assert!(calls.into_iter().all(|call| call.unwrap().status == 200));
    assert_eq!(club.given(), 1);
    let shown = format!("{api:?}");
    assert!(
        !shown.contains("token-number") && !shown.contains("swordfish"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_once_for_all_and_the_call_is_made_once_more() {
    let club = Club::open().await;
    let api = api();
    at(&api, &club, 0).await.unwrap();
    club.forget();
    let calls = join_all((0..8).map(|_| at(&api, &club, 1))).await;
    assert!(calls.into_iter().all(|call| call.unwrap().status == 200));
    assert_eq!(club.given(), 2);
    let bodies = club.platform.received();
    let keys = bodies.iter().filter(|call| call.path == "/").map(|call| {
        assert_eq!(call.body, br#"{"approved":true}"#[..]);
        call.headers["idempotency-key"].clone()
    });
    assert!(keys.into_iter().all(|key| key == "case-7"));
}

#[tokio::test]
async fn a_platform_that_refuses_what_it_has_just_given_is_not_asked_again_at_once() {
    let club = Club::open().await;
    club.taken.store(usize::MAX, Ordering::SeqCst);
    let api = api();
    let first = at(&api, &club, 0).await.unwrap();
    assert_eq!((first.status, club.given()), (StatusCode::UNAUTHORIZED, 2));
    for second in [1, 10, 29] {
        let again = at(&api, &club, second).await.unwrap();
        assert_eq!((again.status, club.given()), (StatusCode::UNAUTHORIZED, 2));
    }
    at(&api, &club, 31).await.unwrap();
    assert_eq!(club.given(), 3);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let club = Club::open().await;
    let api = api();
    for (second, given) in [(0, 1), (539, 1), (541, 2), (1000, 2), (1100, 3)] {
        at(&api, &club, second).await.unwrap();
        assert_eq!(club.given(), given, "after {second} s");
    }
}

#[tokio::test]
async fn a_token_that_cannot_be_renewed_yet_serves_to_its_end() {
    let logins = AtomicUsize::new(0);
    let platform = Platform::saying(move |received| match received.path.as_str() {
        "/auth/login" if logins.fetch_add(1, Ordering::SeqCst) == 0 => {
            said(200, &[], r#"{"data":{"access_token":"first-token"}}"#)
        }
        "/auth/login" => said(503, &[], "{}"),
        _ => said(200, &[], "{}"),
    })
    .await;
    let auth = Auth::Login(logging_in(&platform, credential("swordfish")));
    let api = api();
    let at = async |seconds| {
        let outgoing = answer(&platform.url);
        api.call(outgoing, Some(&auth), None, "", later(seconds))
            .await
    };
    at(0).await.unwrap();
    at(550).await.unwrap();
    assert_eq!(
        at(601).await.unwrap_err(),
        NoCall::Retry {
            after: None,
            error: format!(
                "cannot log in yet: `{}` answered 503 Service Unavailable",
                platform.url.host()
            ),
            reach: Reach::NotReached,
        }
    );
}

#[tokio::test]
async fn a_wrong_password_is_not_tried_again_before_a_while_has_passed_or_it_has_changed() {
    let club = Club::open().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "wrong-one").unwrap();
    let auth = Auth::Login(logging_in(&club.platform, Credential::in_file(&file)));
    let api = api();
    let at = async |seconds| {
        let outgoing = answer(&club.platform.url);
        api.call(outgoing, Some(&auth), None, "", later(seconds))
            .await
    };
    let alert = NoCall::Alert {
        error: format!(
            "cannot log in: `{}` answered 401 Unauthorized",
            club.platform.url.host()
        ) + ": wrong password",
    };
    let calls = join_all((0..8).map(|_| at(0))).await;
    assert!(calls.into_iter().all(|call| call.unwrap_err() == alert));
    assert_eq!(at(29).await.unwrap_err(), alert);
    assert_eq!(club.given(), 1);
    assert_eq!(at(30).await.unwrap_err(), alert);
    assert_eq!(club.given(), 2);
    std::fs::write(&file, "swordfish").unwrap();
    assert_eq!(at(31).await.unwrap().status, StatusCode::OK);
    assert_eq!(club.given(), 3);
}

#[tokio::test]
async fn what_comes_of_a_login_by_its_status() {
    for status in [400, 401, 403, 404, 302, 409, 422] {
        let platform = Platform::answering(status, &[], "{}").await;
        let auth = Auth::Login(logging_in(&platform, credential("swordfish")));
        let result = sent(&api(), &platform.url, &auth).await;
        assert!(
            matches!(result, Err(NoCall::Alert { .. })),
            "{status}: {result:?}"
        );
    }
    for status in [408, 429, 500, 503] {
        let platform = Platform::answering(status, &[("retry-after", "7")], "{}").await;
        let auth = Auth::Login(logging_in(&platform, credential("swordfish")));
        let api = api();
        for _again in 0..2 {
            let result = sent(&api, &platform.url, &auth).await;
            let Err(NoCall::Retry { after, reach, .. }) = result else {
                panic!("{status}: {result:?}")
            };
            assert_eq!(
                (after, reach),
                (Some(Duration::from_secs(7)), Reach::NotReached)
            );
        }
        assert_eq!(platform.received().len(), 1, "the pause is kept");
    }
}

#[tokio::test]
async fn a_login_without_a_token_needs_a_person_and_repeats_nothing_of_it() {
    for body in [
        "{}",
        "no JSON",
        "[]",
        r#"{"data":{"access_token":""}}"#,
        r#"{"data":{"access_token":7}}"#,
        r#"{"data":{"access_token":"token-number-1","access_token":"token-number-2"}}"#,
        r#"{"data":{"access_token":"token\nnumber"}}"#,
    ] {
        let platform = Platform::answering(200, &[], body).await;
        let auth = Auth::Login(logging_in(&platform, credential("swordfish")));
        let error = sent(&api(), &platform.url, &auth).await.unwrap_err();
        assert!(matches!(error, NoCall::Alert { .. }), "{body}: {error:?}");
        assert!(!format!("{error:?}").contains("number"), "{error:?}");
    }
}

#[tokio::test]
async fn a_login_that_is_not_answered_is_waited_for_once_by_all() {
    let hanging = Broken::writing(b"", Then::Hang).await;
    let login = |url: &WebUrl| Login {
        url: url.clone(),
        body: json!({}),
        password: credential("swordfish"),
        token: Pointer::parse("/token").unwrap(),
        lifetime: SignedDuration::from_mins(10),
    };
    let auth = Auth::Login(login(&hanging.url));
    let api = calling_by(impatient_client(), &[]);
    let began = std::time::Instant::now();
    let calls = join_all((0..20).map(|_| sent(&api, &hanging.url, &auth))).await;
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "not one after the other"
    );
    for call in calls {
        let NoCall::Retry { error, reach, .. } = call.unwrap_err() else {
            panic!("it is tried again")
        };
        assert_eq!(reach, Reach::NotReached);
        assert!(
            error.starts_with("cannot log in yet: no response from "),
            "{error}"
        );
    }
    let auth = Auth::Login(login(&nobody()));
    let result = sent(&api, &nobody(), &auth).await;
    assert!(matches!(result, Err(NoCall::Retry { .. })), "{result:?}");
}

#[tokio::test]
async fn a_login_that_fails_after_a_refusal_leaves_the_call_refused() {
    let logins = AtomicUsize::new(0);
    let platform = Platform::saying(move |received| match received.path.as_str() {
        "/auth/login" if logins.fetch_add(1, Ordering::SeqCst) == 0 => {
            said(200, &[], r#"{"data":{"access_token":"first-token"}}"#)
        }
        "/auth/login" => said(503, &[], "{}"),
        _ => said(401, &[], "{}"),
    })
    .await;
    let auth = Auth::Login(logging_in(&platform, credential("swordfish")));
    let result = sent(&api(), &platform.url, &auth).await;
    let Err(NoCall::Retry { reach, .. }) = result else {
        panic!("{result:?}")
    };
    assert_eq!(reach, Reach::Refused);
}
