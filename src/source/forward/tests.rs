use std::time::Duration;

use super::*;
use crate::domain::id::SourceName;
use crate::source::Reach;
use crate::source::testing::{Broken, Platform, Then, client, impatient_client, nobody};

fn event(headers: &[(&str, &str)]) -> Forward {
    Forward {
        source: SourceName::parse("refunds").unwrap(),
        lane: "refunds appr_1".to_owned(),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: b"{ \"event\":  \"approval.resolved\",\n\"x\": 1.10 }\xff".to_vec(),
    }
}

async fn passed_on(status: u16, headers: &[(&'static str, &str)], body: &str) -> AnswerResult {
    let executor = Platform::answering(status, headers, body).await;
    let result = Forwarder::new(executor.url.clone(), client())
        .forward(&event(&[]))
        .await;
    assert_eq!(executor.received().len(), 1);
    result
}

#[tokio::test]
async fn an_event_arrives_byte_for_byte_with_its_end_to_end_headers() {
    let executor = Platform::answering(200, &[], "").await;
    let event = event(&[
        ("host", "countersign.example"),
        ("content-length", "3"),
        ("connection", "keep-alive, X-Hop"),
        ("keep-alive", "timeout=5"),
        ("x-hop", "1"),
        ("transfer-encoding", "chunked"),
        ("expect", "100-continue"),
        ("te", "trailers"),
        ("user-agent", "AgentWarden-Webhook/1.0"),
        ("content-type", "application/json; charset=utf-8"),
        ("x-signature", "sha256=00"),
        ("x-twice", "a"),
        ("x-twice", "b"),
    ]);
    let result = Forwarder::new(executor.url.clone(), client())
        .forward(&event)
        .await;
    assert_eq!(result, AnswerResult::Done { platform: None });
    let received = executor.received();
    let sent = &received[0];
    assert_eq!(sent.body, event.body);
    assert_eq!(sent.headers["user-agent"], "AgentWarden-Webhook/1.0");
    assert_eq!(
        sent.headers["content-type"],
        "application/json; charset=utf-8"
    );
    assert_eq!(sent.headers["x-signature"], "sha256=00");
    assert_eq!(
        sent.headers.get_all("x-twice").iter().collect::<Vec<_>>(),
        ["a", "b"]
    );
    assert_eq!(sent.headers["host"], executor.url.host());
    assert_eq!(sent.headers["content-length"], event.body.len().to_string());
    for gone in [
        "connection",
        "keep-alive",
        "x-hop",
        "transfer-encoding",
        "expect",
        "te",
    ] {
        assert!(!sent.headers.contains_key(gone), "{gone}");
    }
}

#[tokio::test]
async fn a_header_that_is_not_ascii_arrives_byte_for_byte() {
    let executor = Platform::answering(200, &[], "").await;
    let as_kept: String = "Müller 😀".bytes().map(char::from).collect();
    let event = event(&[("x-name", &as_kept), ("x-latin", "M\u{fc}ller")]);
    let result = Forwarder::new(executor.url.clone(), client())
        .forward(&event)
        .await;
    assert_eq!(result, AnswerResult::Done { platform: None });
    let received = executor.received();
    let bytes = |name: &str| received[0].headers[name].as_bytes().to_vec();
    assert_eq!(bytes("x-name"), "Müller 😀".as_bytes());
    assert_eq!(bytes("x-latin"), b"M\xfcller");
}

#[tokio::test]
async fn what_the_receiver_says_ends_in_its_class() {
    assert_eq!(
        passed_on(202, &[], r#"{"status": "rejected"}"#).await,
        AnswerResult::Done { platform: None }
    );
    assert_eq!(
        passed_on(409, &[], "").await,
        AnswerResult::Already { platform: None }
    );
    assert!(matches!(
        passed_on(401, &[], "").await,
        AnswerResult::Alert { .. }
    ));
    for status in [302, 400, 404, 410] {
        assert!(
            matches!(
                passed_on(status, &[], "").await,
                AnswerResult::Failed { .. }
            ),
            "{status}"
        );
    }
    let busy = passed_on(429, &[("retry-after", "3")], "").await;
    let after = Some(Duration::from_secs(3));
    assert!(
        matches!(busy, AnswerResult::Retry { after: waited, reach: Reach::Refused, .. } if waited == after)
    );
    assert!(matches!(
        passed_on(500, &[], "").await,
        AnswerResult::Retry {
            reach: Reach::Unknown,
            ..
        }
    ));
}

#[tokio::test]
async fn a_receiver_that_is_away_or_hangs_is_tried_again() {
    let away = Forwarder::new(nobody(), client())
        .forward(&event(&[]))
        .await;
    assert!(
        matches!(
            away,
            AnswerResult::Retry {
                reach: Reach::NotReached,
                ..
            }
        ),
        "{away:?}"
    );
    let hanging = Broken::writing(b"", Then::Hang).await;
    let result = Forwarder::new(hanging.url.clone(), impatient_client())
        .forward(&event(&[]))
        .await;
    assert!(
        matches!(
            result,
            AnswerResult::Retry {
                reach: Reach::Unknown,
                ..
            }
        ),
        "{result:?}"
    );
}

#[tokio::test]
async fn a_source_that_forwards_no_more_says_so() {
    let result = Forwarder::pass_on(None, &event(&[])).await;
    assert!(matches!(result, AnswerResult::Failed { .. }), "{result:?}");
}
