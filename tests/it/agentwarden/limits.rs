//! The platform says how often it may be called. `Retry-After` is assumed, the three `X-RateLimit-` headers are
//! AW/api-reference/introduction's.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use super::{Behaviour, Endpoint, Office, id, seconds};

fn too_many(headers: Vec<(&'static str, String)>) -> Behaviour {
    Behaviour::Say(429, json!({"detail": "Too many requests"}), headers)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_too_many_calls_the_next_one_waits_as_long_as_it_was_told() {
    let endpoints = [Endpoint::Login, Endpoint::Logs, Endpoint::Approve];
    join_all(endpoints.map(async |endpoint| {
        let office = Office::open().await;
        let later = vec![("retry-after", "3".to_owned())];
        office.platform.script(endpoint, [too_many(later)]);
        let case = office.asks(1, 50).await;
        let verdict = office.settled(&case).await;
        assert_eq!(verdict["resolution"]["outcome"], "approved");
        let calls = office.platform.calls(endpoint);
        assert_eq!(calls.len(), 2);
        let waited = calls[1].at.duration_since(calls[0].at);
        assert!(waited >= Duration::from_secs(3), "{endpoint:?}: {waited:?}");
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_retry_after_the_end_of_the_window_counts() {
    let office = Office::open().await;
    let headers = vec![
        ("x-ratelimit-limit", "300".to_owned()),
        ("x-ratelimit-remaining", "0".to_owned()),
        ("x-ratelimit-reset", (seconds() + 4).to_string()),
    ];
    office.platform.script(Endpoint::Logs, [too_many(headers)]);
    let case = office.asks(1, 50).await;
    office.settled(&case).await;
    let calls = office.platform.calls(Endpoint::Logs);
    assert_eq!(calls.len(), 2);
    let waited = calls[1].at.duration_since(calls[0].at);
    assert!(waited >= Duration::from_secs(2), "{waited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_used_up_is_not_run_against() {
    let office = Office::open().await;
    {
        // Room for the confirmation and the answer of one request, and nothing more in this window.
        let mut state = office.platform.state();
        state.rate_limit = (2, 0);
        state.resets_at = seconds() + 4;
    }
    let first = office.asks(1, 50).await;
    office.settled(&first).await;
    let second = office.asks(2, 50).await;
    let verdict = office.settled(&second).await;
    assert_eq!(verdict["resolution"]["outcome"], "approved");
    let answers = office.platform.answers();
    assert_eq!(
        answers,
        [format!("approve {}", id(1)), format!("approve {}", id(2))]
    );
    // Had a call been one too many, there would be a third look or a third answer.
    assert_eq!(office.platform.calls(Endpoint::Logs).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_says_tomorrow_is_waited_for_no_longer_than_the_request_may_wait() {
    let office = Office::open_with(&["confirm: {within: 2s}"]).await;
    let tomorrow = vec![("retry-after", "86400".to_owned())];
    office.platform.always(Endpoint::Logs, too_many(tomorrow));
    let case = office.asks(1, 50).await;
    office.left_to_people(&case).await;
    assert_eq!(office.platform.calls(Endpoint::Logs).len(), 1);
    assert_eq!(office.platform.answers(), [""; 0]);
}
