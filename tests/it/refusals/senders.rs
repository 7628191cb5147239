//! The other ways in which a sender proves itself: Standard Webhooks, a secret header, a secret path.

use countersign::clock::Clock;
use serde_json::{Value, json};

use super::{TM, nothing_is_stored, post, refused, server_with};
use crate::harness::{SECRET, requested, signature};

/// `whsec_` and the base64 of 24 bytes.
const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER_KEY: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";

fn body() -> Vec<u8> {
    requested(1, json!(50)).to_string().into_bytes()
}

/// A signature by the specification's own library.
fn standard(key: &str, id: &str, timestamp: i64, body: &[u8]) -> String {
    let webhook = standardwebhooks::Webhook::new(key).unwrap();
    webhook.sign(id, timestamp, body).unwrap()
}

/// The three headers of Standard Webhooks.
fn three<'a>(id: &'a str, timestamp: &'a str, signature: &'a str) -> [(&'static str, &'a [u8]); 3] {
    [
        ("webhook-id", id.as_bytes()),
        ("webhook-timestamp", timestamp.as_bytes()),
        ("webhook-signature", signature.as_bytes()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standard_webhook_is_taken_with_its_signature_among_others_and_refused_without() {
    let server = server_with(&format!("{{standard_webhooks: {{secrets: [{KEY}]}}}}"), "").await;
    let now = Clock.now().as_second();
    let text = now.to_string();
    let right = standard(KEY, ID, now, &body());
    let wrong = standard(OTHER_KEY, ID, now, &body());
    let encoded = right.strip_prefix("v1,").unwrap();
    for (sent, reason) in [
        (wrong.clone(), "signature_wrong"),
        (format!("{wrong} {wrong}"), "signature_wrong"),
        ("v1,".to_owned(), "signature_malformed"),
        ("v1, v1,".to_owned(), "signature_malformed"),
        ("v1".to_owned(), "signature_version"),
        (String::new(), "signature_version"),
        // The asymmetric version, even with the right bytes.
        (format!("v1a,{encoded}"), "signature_version"),
        (format!("v2,{encoded}"), "signature_version"),
        (encoded.to_owned(), "signature_version"),
        // Prefixes of the right one: of whole groups, and cut in the middle.
        (right[.."v1,".len() + 4].to_owned(), "signature_wrong"),
        (right[..right.len() - 4].to_owned(), "signature_wrong"),
        (right[..right.len() - 1].to_owned(), "signature_malformed"),
        (format!("{right}{right}"), "signature_malformed"),
        (format!("{wrong},{right}"), "signature_malformed"),
        (vec![right.as_str(); 33].join(" "), "signatures_too_many"),
    ] {
        let expected = (401, "unverified", reason);
        refused(&server, TM, body(), &three(ID, &text, &sent), expected).await;
    }
    let over_another = standard(KEY, ID, now, b"{}");
    let expected = (401, "unverified", "signature_wrong");
    refused(
        &server,
        TM,
        body(),
        &three(ID, &text, &over_another),
        expected,
    )
    .await;
    refused(
        &server,
        TM,
        body(),
        &three("msg_other", &text, &right),
        expected,
    )
    .await;
    nothing_is_stored(&server).await;

    for sent in [
        right.clone(),
        format!("{wrong} {right}"),
        format!("v1a,{encoded} v1, {right} v2,x"),
    ] {
        let told = post(&server, TM, body(), &three(ID, &text, &sent)).await;
        assert_eq!(told.status, 200, "{sent}: {told:?}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standard_webhook_needs_one_id_and_one_timestamp_near_our_clock() {
    let server = server_with(&format!("{{standard_webhooks: {{secrets: [{KEY}]}}}}"), "").await;
    let now = Clock.now().as_second();
    for (at, reason) in [
        (now - 600, "timestamp_stale"),
        (now + 600, "timestamp_ahead"),
        (0, "timestamp_stale"),
    ] {
        let signed = standard(KEY, ID, at, &body());
        let expected = (401, "unverified", reason);
        refused(
            &server,
            TM,
            body(),
            &three(ID, &at.to_string(), &signed),
            expected,
        )
        .await;
    }
    let (text, right) = (now.to_string(), standard(KEY, ID, now, &body()));
    let [id, timestamp, signature] = three(ID, &text, &right);
    for (headers, reason) in [
        (vec![timestamp, signature], "id_missing"),
        (vec![id, id, timestamp, signature], "id_malformed"),
        (
            vec![("webhook-id", b"a.b".as_slice()), timestamp, signature],
            "id_malformed",
        ),
        (
            vec![("webhook-id", b"".as_slice()), timestamp, signature],
            "id_malformed",
        ),
        (vec![id, signature], "timestamp_missing"),
        (
            vec![id, timestamp, timestamp, signature],
            "timestamp_malformed",
        ),
        (
            vec![id, ("webhook-timestamp", b"now".as_slice()), signature],
            "timestamp_malformed",
        ),
        (vec![id, timestamp], "signature_missing"),
        (
            vec![id, timestamp, signature, signature],
            "signature_repeated",
        ),
    ] {
        refused(&server, TM, body(), &headers, (401, "unverified", reason)).await;
    }
    nothing_is_stored(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_header_is_taken_whole_and_once_or_not_at_all() {
    const NAME: &str = "X-Webhook-Secret";
    let verify = format!("{{static_header: {{name: {NAME}, secrets: [{SECRET}]}}}}");
    let server = server_with(&verify, "").await;
    let right = SECRET.as_bytes();
    refused(
        &server,
        TM,
        body(),
        &[],
        (401, "unverified", "header_missing"),
    )
    .await;
    let wrong = (401, "unverified", "header_wrong");
    for sent in [
        b"".as_slice(),
        b"wrong",
        &right[..right.len() - 1],
        &[right, b"x"].concat(),
        &[right, b"\xff"].concat(),
        SECRET.to_uppercase().as_bytes(),
    ] {
        refused(&server, TM, body(), &[(NAME, sent)], wrong).await;
    }
    refused(&server, TM, body(), &[(NAME, right), (NAME, right)], wrong).await;
    nothing_is_stored(&server).await;
    let told = post(&server, TM, body(), &[(NAME, right)]).await;
    assert_eq!((told.status, told.word()), (200, "accepted"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_path_is_taken_whole_and_never_echoed() {
    let server = server_with(&format!("{{secret_path: {SECRET}}}"), "").await;
    let wrong = (401, "unverified", "path_wrong");
    let part = &SECRET[..SECRET.len() - 1];
    for path in [
        TM.to_owned(),
        format!("{TM}/wrong-secret"),
        format!("{TM}/{part}"),
        format!("{TM}/{SECRET}x"),
        format!("{TM}/{}", SECRET.to_uppercase()),
        format!("{TM}/%6"),
    ] {
        // An escape that is none is no path of ours.
        if path.ends_with("%6") {
            assert_eq!(post(&server, &path, body(), &[]).await.status, 404);
            continue;
        }
        let told = refused(&server, &path, body(), &[], wrong).await;
        let said = told.body.to_string();
        assert!(!said.contains("secret") && !said.contains(part), "{said}");
        assert_eq!(told.body["instance"], Value::Null);
    }
    // The secret in the query, or in the middle, is in no place of ours.
    refused(
        &server,
        &format!("{TM}?secret={SECRET}"),
        body(),
        &[],
        wrong,
    )
    .await;
    for path in [
        format!("{TM}/{SECRET}/more"),
        format!("/v1/sources/{SECRET}/tm"),
    ] {
        let told = post(&server, &path, body(), &[]).await;
        assert_eq!(told.status, 404, "{path}");
        assert!(!told.body.to_string().contains(SECRET), "{told:?}");
    }
    nothing_is_stored(&server).await;
    let escaped = SECRET.replace('-', "%2D");
    for path in [format!("{TM}/{SECRET}"), format!("{TM}/{escaped}")] {
        assert_eq!(
            post(&server, &path, body(), &[]).await.status,
            200,
            "{path}"
        );
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_check_that_is_listed_must_hold() {
    let verify = format!("{{hmac: {{secrets: [{SECRET}]}}}}, {{user_agent: TraceMem-Webhook/1.0}}");
    let server = server_with(&verify, "").await;
    let signed = signature(SECRET, &body());
    let signed = ("X-TraceMem-Signature", signed.as_bytes());
    let agent = ("User-Agent", b"TraceMem-Webhook/1.0".as_slice());
    let other = ("User-Agent", b"curl/8".as_slice());
    for (headers, reason) in [
        (vec![signed], "user_agent_wrong"),
        (vec![signed, other], "user_agent_wrong"),
        (vec![agent], "signature_missing"),
    ] {
        refused(&server, TM, body(), &headers, (401, "unverified", reason)).await;
    }
    nothing_is_stored(&server).await;
    assert_eq!(
        post(&server, TM, body(), &[signed, agent]).await.status,
        200
    );
    server.stop().await;
}
