//! The same delivery again: inside the window it is a duplicate, outside of it an attack.

use std::time::Duration;

use countersign::clock::Clock;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha2::Sha256;

use super::{TM, Told, counted, entries, nothing_is_stored, post, refused, server_with};
use crate::harness::{Countersign, SECRET, requested};

fn verify(tolerance: &str) -> String {
    format!(
        r#"{{hmac: {{header: X-Signature, signed: "{{timestamp}}.{{body}}", timestamp_header: X-Timestamp, tolerance: {tolerance}, secrets: [{SECRET}]}}}}"#
    )
}

fn body() -> Vec<u8> {
    requested(1, json!(50)).to_string().into_bytes()
}

fn signature(timestamp: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

async fn send(server: &Countersign, timestamp: &str, signature: &str) -> Told {
    let headers = [
        ("X-Timestamp", timestamp.as_bytes()),
        ("X-Signature", signature.as_bytes()),
    ];
    post(server, TM, body(), &headers).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_is_late_or_early_is_refused_though_its_signature_is_right() {
    let server = server_with(&verify("5m"), "").await;
    let now = Clock.now().as_second();
    for (timestamp, reason) in [
        ((now - 600).to_string(), "timestamp_stale"),
        ((now + 600).to_string(), "timestamp_ahead"),
        (((now - 600) * 1000).to_string(), "timestamp_stale"),
        (((now + 600) * 1000).to_string(), "timestamp_ahead"),
        ("2026-01-01T00:00:00Z".to_owned(), "timestamp_stale"),
        ("2199-01-01T00:00:00Z".to_owned(), "timestamp_ahead"),
        ("0".to_owned(), "timestamp_stale"),
        ("99999999999999999999".to_owned(), "timestamp_malformed"),
        (format!("-{now}"), "timestamp_malformed"),
        (format!("{now}.5"), "timestamp_malformed"),
        (String::new(), "timestamp_malformed"),
    ] {
        let signed = signature(&timestamp, &body());
        let headers = [
            ("X-Timestamp", timestamp.as_bytes()),
            ("X-Signature", signed.as_bytes()),
        ];
        refused(&server, TM, body(), &headers, (401, "unverified", reason)).await;
    }
    nothing_is_stored(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timestamp_that_was_not_signed_is_refused() {
    let server = server_with(&verify("5m"), "").await;
    let now = Clock.now().as_second();
    let (first, second) = (now.to_string(), (now + 1).to_string());
    let signed = signature(&first, &body());
    let signed = ("X-Signature", signed.as_bytes());
    let first = ("X-Timestamp", first.as_bytes());
    let second = ("X-Timestamp", second.as_bytes());
    for (headers, reason) in [
        (vec![second, signed], "signature_wrong"),
        (vec![signed], "timestamp_missing"),
        (vec![first, second, signed], "timestamp_malformed"),
        (vec![first, first, signed], "timestamp_malformed"),
    ] {
        refused(&server, TM, body(), &headers, (401, "unverified", reason)).await;
    }
    // Over the body alone, as if the timestamp did not matter.
    let bare = crate::harness::signature(SECRET, &body());
    let bare = (
        "X-Signature",
        bare.strip_prefix("sha256=").unwrap().as_bytes(),
    );
    refused(
        &server,
        TM,
        body(),
        &[first, bare],
        (401, "unverified", "signature_wrong"),
    )
    .await;
    nothing_is_stored(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_inside_the_window_is_the_same_case_also_after_a_restart() {
    let server = server_with(&verify("5m"), "").await;
    let timestamp = Clock.now().as_second().to_string();
    let signed = signature(&timestamp, &body());
    let first = send(&server, &timestamp, &signed).await;
    assert_eq!((first.status, first.word()), (200, "accepted"));
    let again = send(&server, &timestamp, &signed).await;
    assert_eq!((again.status, again.word()), (200, "duplicate"));
    assert_eq!(again.body["case_id"], first.body["case_id"]);

    let server = server.restart().await;
    let later = send(&server, &timestamp, &signed).await;
    assert_eq!((later.status, later.word()), (200, "duplicate"));
    assert_eq!(later.body["case_id"], first.body["case_id"]);
    assert_eq!(entries(&server, "decided").await, 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_a_duplicate_until_the_window_closes_and_refused_from_then_on() {
    let server = server_with(&verify("4s"), "").await;
    let timestamp = Clock.now().as_second().to_string();
    let signed = signature(&timestamp, &body());
    let first = send(&server, &timestamp, &signed).await;
    assert_eq!((first.status, first.word()), (200, "accepted"));
    let replaying = async {
        loop {
            let again = send(&server, &timestamp, &signed).await;
            if again.status != 200 {
                return again;
            }
            assert_eq!(again.word(), "duplicate");
        }
    };
    let refused = tokio::time::timeout(Duration::from_secs(30), replaying).await;
    let refused = refused.unwrap();
    assert_eq!((refused.status, refused.word()), (401, "unverified"));
    assert_eq!(counted(&server, "timestamp_stale").await, 1);
    assert_eq!(entries(&server, "decided").await, 1);
    server.stop().await;
}
