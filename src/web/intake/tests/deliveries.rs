use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::event;
use crate::metrics::Metrics;
use crate::store::Store as _;
use crate::web::body::BodyLimits;
use crate::web::intake::{Door, Intake};
use crate::web::tests::house::{House, heard};
use crate::web::token::Tokens;

#[tokio::test]
async fn a_delivery_is_accepted_once_and_a_duplicate_after_that() {
    let house = House::open().await;
    let first = house
        .delivers(&event("appr_1", &json!({"amount": 50})))
        .await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text);
    assert_eq!(first.json()["status"], "accepted");
    let again = house
        .delivers(&event("appr_1", &json!({"amount": 50})))
        .await;
    assert_eq!(
        again.json(),
        json!({"status": "duplicate", "case_id": first.json()["case_id"]})
    );
    let other = house
        .delivers(&event("appr_1", &json!({"amount": 51})))
        .await;
    other.is(409, "conflict");
    assert_eq!(other.json()["case_id"], first.json()["case_id"]);
    let resolved =
        json!({"event": "approval.resolved", "approval_id": "appr_1", "resolution": "approved"});
    assert_eq!(house.delivers(&resolved).await.json()["status"], "closed");
    let strange = house.delivers(&json!({"event": "ping"})).await;
    assert_eq!(strange.json(), json!({"status": "ignored"}));
    assert_eq!(house.lines.text().lines().count(), 1);
}

#[tokio::test]
async fn the_sender_is_not_told_which_check_failed() {
    let house = House::open().await;
    let mut answers = Vec::new();
    for (path, key) in [
        ("/v1/sources/tm/s3cre", "k3y"),
        ("/v1/sources/tm", "k3y"),
        ("/v1/sources/tm/s3cret", "k3"),
        ("/v1/sources/tm/%zz", "k3y"),
    ] {
        let request = http::Request::post(path)
            .header("x-key", key)
            .header("x-request-id", "same");
        let refused = heard(&house.intake, request.body("{}".into()).unwrap()).await;
        if path.ends_with("%zz") {
            refused.is(404, "unknown_source");
        } else {
            refused.is(401, "unverified");
            answers.push(refused.text);
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    let counted = house.operates("", "GET", "/metrics", "").await.text;
    assert!(
        counted.contains(r#"reason="path_wrong"} 2"#)
            && counted.contains(r#"reason="header_wrong"} 1"#),
        "{counted}"
    );
}

#[tokio::test]
async fn what_is_no_delivery_is_refused_with_its_code() {
    let house = House::open().await;
    house
        .delivers(&json!({"event": "approval.requested"}))
        .await
        .is(400, "malformed");
    house
        .delivers(&event("appr_1", &json!({"long": "x".repeat(300_000)})))
        .await
        .is(413, "too_large");
    for (method, path, status, code) in [
        ("POST", "/v1/sources/nobody", 404, "unknown_source"),
        ("POST", "/v1/sources/agents", 404, "unknown_source"),
        ("GET", "/v1/sources/tm/s3cret", 405, "method_not_allowed"),
        ("GET", "/", 404, "not_found"),
        ("POST", "/v1/cases", 404, "not_found"),
        ("GET", "/metrics", 404, "not_found"),
    ] {
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .body("{}".into())
            .unwrap();
        heard(&house.intake, request).await.is(status, code);
    }
    assert_eq!(house.store.counts().await.unwrap().open, 0);
}

#[tokio::test]
async fn a_source_is_delivered_to_at_a_path_of_its_own() {
    let house = House::open().await;
    let body = BodyLimits {
        bytes: 4096,
        timeout: Duration::from_secs(10),
    };
    let source = crate::web::tests::house::name("tm");
    let door = Door {
        source,
        path: Some("/hooks/{odd}/tm".to_owned()),
        body,
        rate: None,
    };
    let metrics = Arc::new(Metrics::new("test"));
    let agents = Tokens::new(Vec::new());
    let intake = Intake::new(
        Arc::clone(&house.flow),
        vec![door],
        agents,
        metrics,
        CancellationToken::new(),
    );
    let router = Arc::new(intake).router();
    let post = |path: &str| {
        let event = event("appr_1", &json!({"amount": 50})).to_string();
        http::Request::post(path)
            .header("x-key", "k3y")
            .body(event.into())
            .unwrap()
    };
    let accepted = heard(&router, post("/hooks/%7Bodd%7D/tm/s3cret")).await;
    accepted.is(404, "not_found");
    let mut request = post("/hooks/x/tm/s3cret");
    *request.uri_mut() = http::Uri::from_static("/hooks/{odd}/tm/s3cret");
    assert_eq!(heard(&router, request).await.json()["status"], "accepted");
    heard(&router, post("/v1/sources/tm/s3cret"))
        .await
        .is(404, "unknown_source");
    let mut request = http::Request::get("/")
        .body(axum::body::Body::empty())
        .unwrap();
    *request.uri_mut() = http::Uri::from_static("/hooks/{odd}/tm");
    let refused = heard(&router, request).await;
    refused.is(405, "method_not_allowed");
    assert_eq!(refused.headers["allow"], "POST");
}

#[tokio::test]
async fn forgeries_do_not_use_up_what_a_source_may_send() {
    let house = House::with_rate(std::num::NonZeroU32::new(1)).await;
    for _ in 0..3 {
        let forged = http::Request::post("/v1/sources/tm/wrong")
            .body("{}".into())
            .unwrap();
        heard(&house.intake, forged).await.is(401, "unverified");
    }
    assert_eq!(
        house
            .delivers(&event("appr_1", &json!({"amount": 50})))
            .await
            .status,
        StatusCode::OK
    );
    let mut refused = house
        .delivers(&event("appr_2", &json!({"amount": 50})))
        .await;
    while refused.status == StatusCode::OK {
        refused = house
            .delivers(&event("appr_3", &json!({"amount": 50})))
            .await;
    }
    refused.is(429, "rate_limited");
    assert_eq!(refused.headers["retry-after"], "1");
}
