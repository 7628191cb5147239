//! The signature over the body.

use serde_json::json;

use super::{TM, nothing_is_stored, post, refused, server};
use crate::harness::{SECRET, requested, signature};

const HEADER: &str = "X-TraceMem-Signature";
const WRONG: (u16, &str, &str) = (401, "unverified", "signature_wrong");
const MALFORMED: (u16, &str, &str) = (401, "unverified", "signature_malformed");

fn body() -> Vec<u8> {
    requested(1, json!(50)).to_string().into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_delivery_is_refused_and_the_sender_is_not_told_what_was_wrong() {
    let server = server().await;
    let forged = signature("a-secret-of-somebody-else", &body());
    let told = refused(&server, TM, body(), &[(HEADER, forged.as_bytes())], WRONG).await;
    assert_eq!(told.body["detail"], "the sender is not verified");
    nothing_is_stored(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsigned_delivery_is_refused() {
    let server = server().await;
    let missing = (401, "unverified", "signature_missing");
    refused(&server, TM, body(), &[], missing).await;
    // A signature elsewhere is none.
    let right = signature(SECRET, &body());
    for name in [
        "X-Hub-Signature-256",
        "Authorization",
        "X-TraceMem-Signature-256",
    ] {
        refused(&server, TM, body(), &[(name, right.as_bytes())], missing).await;
    }
    nothing_is_stored(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_is_not_whole_is_refused() {
    let server = server().await;
    let right = signature(SECRET, &body());
    let hexadecimal = right.strip_prefix("sha256=").unwrap();
    for (sent, expected) in [
        (String::new(), MALFORMED),
        ("v1,".to_owned(), MALFORMED),
        ("sha256".to_owned(), MALFORMED),
        ("sha256=".to_owned(), WRONG),
        // A prefix of the right one, of whole bytes and of half a byte.
        (right[.."sha256=".len() + 2].to_owned(), WRONG),
        (right[..right.len() - 2].to_owned(), WRONG),
        (right[..right.len() - 1].to_owned(), MALFORMED),
        // The right one and more.
        (format!("{right}00"), WRONG),
        (format!("{right},{right}"), MALFORMED),
        (format!("{right} {right}"), MALFORMED),
        (format!("sha256={right}"), MALFORMED),
        // Without its prefix, or with another.
        (hexadecimal.to_owned(), MALFORMED),
        (format!("sha1={hexadecimal}"), MALFORMED),
        (format!("SHA256={hexadecimal}"), MALFORMED),
        (format!("sha256={}", "0".repeat(64)), WRONG),
        (format!("sha256={}", "z".repeat(64)), MALFORMED),
    ] {
        refused(&server, TM, body(), &[(HEADER, sent.as_bytes())], expected).await;
    }
    nothing_is_stored(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn upper_case_digits_are_the_same_signature() {
    let server = server().await;
    let right = signature(SECRET, &body());
    let upper = format!("sha256={}", right["sha256=".len()..].to_uppercase());
    let told = post(&server, TM, body(), &[(HEADER, upper.as_bytes())]).await;
    assert_eq!((told.status, told.word()), (200, "accepted"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_over_another_body_is_refused() {
    let server = server().await;
    let right = signature(SECRET, &body());
    let mut raised = requested(1, json!(50));
    raised["context"]["amount"] = json!(99);
    for other in [
        raised.to_string().into_bytes(),
        // The same value in other bytes is another body.
        [body(), b"\n".to_vec()].concat(),
        Vec::new(),
    ] {
        refused(&server, TM, other, &[(HEADER, right.as_bytes())], WRONG).await;
    }
    nothing_is_stored(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_signature_headers_are_refused_even_when_one_or_both_are_right() {
    let server = server().await;
    let (right, wrong) = (signature(SECRET, &body()), signature("another", &body()));
    let repeated = (401, "unverified", "signature_repeated");
    for [first, second] in [[&right, &wrong], [&wrong, &right], [&right, &right]] {
        let headers = [(HEADER, first.as_bytes()), (HEADER, second.as_bytes())];
        refused(&server, TM, body(), &headers, repeated).await;
    }
    nothing_is_stored(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_header_that_is_not_ascii_is_refused() {
    let server = server().await;
    let right = signature(SECRET, &body()).into_bytes();
    for sent in [
        [&right[..], b"\xff"].concat(),
        [&right[..], "\u{a0}".as_bytes()].concat(),
        "sha256=ß".as_bytes().to_vec(),
        // Full-width digits look like digits.
        format!("sha256={}", "０".repeat(64)).into_bytes(),
    ] {
        refused(&server, TM, body(), &[(HEADER, &sent)], MALFORMED).await;
    }
    nothing_is_stored(&server).await;
    server.stop().await;
}
