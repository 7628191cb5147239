mod auth;
mod limits;
mod login;

use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, ToSpan as _};

use super::*;
use crate::credential::Credential;
use crate::source::callback::{CallbackHosts, SystemResolver};
use crate::source::client::{LARGEST_LIST, LARGEST_RESPONSE};
use crate::source::testing::{Platform, client, impatient_client, nobody, said};
use crate::source::{Timeouts, WebUrl};

fn now() -> Timestamp {
    "2026-03-01T00:00:00Z".parse().unwrap()
}

fn later(seconds: i64) -> Timestamp {
    now() + seconds.seconds()
}

fn api() -> Api {
    calling_by(client(), &[])
}

fn calling_by(client: Client, hosts: &[&str]) -> Api {
    let hosts = CallbackHosts::parse(hosts).unwrap();
    let timeouts = Timeouts::within(Duration::from_secs(5));
    let callbacks = CallbackClient::new(hosts, timeouts, Arc::new(SystemResolver)).unwrap();
    Api::new(client, callbacks)
}

fn credential(text: &str) -> Credential {
    Credential::written(Secret::new(text)).unwrap()
}

fn answer(to: &WebUrl) -> Outgoing<Destination> {
    Outgoing {
        method: Method::POST,
        to: Destination::Configured(to.clone()),
        headers: HeaderMap::new(),
        body: Some(Bytes::from_static(br#"{"approved":true}"#)),
        largest: LARGEST_RESPONSE,
    }
}

fn list(to: &WebUrl) -> Outgoing<Destination> {
    Outgoing {
        method: Method::GET,
        to: Destination::Configured(to.clone()),
        headers: HeaderMap::new(),
        body: None,
        largest: LARGEST_LIST,
    }
}

/// Answers with `auth`, at the same moment as ever.
async fn sent(api: &Api, to: &WebUrl, auth: &Auth) -> Result<Response, NoCall> {
    api.call(answer(to), Some(auth), None, "case-7", now())
        .await
}

#[tokio::test]
async fn a_call_says_who_calls_and_what_it_takes_unless_the_config_says_otherwise() {
    let platform = Platform::answering(200, &[], "{}").await;
    let api = api();
    api.call(answer(&platform.url), None, None, "case-7", now())
        .await
        .unwrap();
    let mut own = answer(&platform.url);
    own.method = Method::PUT;
    for (name, value) in [
        ("user-agent", "other"),
        ("accept", "application/vnd.api+json"),
        ("content-type", "application/vnd.api+json"),
        ("idempotency-key", "mine"),
    ] {
        own.headers.insert(name, HeaderValue::from_static(value));
    }
    api.call(own, None, None, "case-7", now()).await.unwrap();
    api.call(list(&platform.url), None, None, "case-7", now())
        .await
        .unwrap();
    let received = platform.received();
    let said = |call: usize, name: &str| {
        let value = received[call].headers.get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    assert_eq!(said(0, "accept").unwrap(), "application/json");
    assert_eq!(said(0, "content-type").unwrap(), "application/json");
    assert_eq!(said(0, "idempotency-key").unwrap(), "case-7");
    assert!(said(0, "user-agent").unwrap().starts_with("countersign/"));
    assert_eq!(said(0, "authorization"), None);
    assert_eq!(received[0].body, br#"{"approved":true}"#[..]);
    assert_eq!(received[1].method, Method::PUT);
    assert_eq!(said(1, "user-agent").unwrap(), "other");
    assert_eq!(said(1, "accept").unwrap(), "application/vnd.api+json");
    assert_eq!(said(1, "content-type").unwrap(), "application/vnd.api+json");
    assert_eq!(said(1, "idempotency-key").unwrap(), "mine");
    assert_eq!(
        (said(2, "content-type"), said(2, "idempotency-key")),
        (None, None)
    );
    assert_eq!(received[2].body.len(), 0);
}

#[tokio::test]
async fn an_answer_without_a_body_says_that_it_has_none() {
    let platform = Platform::answering(200, &[], "{}").await;
    let mut bare = answer(&platform.url);
    bare.body = None;
    api().call(bare, None, None, "case-7", now()).await.unwrap();
    api()
        .call(list(&platform.url), None, None, "case-7", now())
        .await
        .unwrap();
    let received = platform.received();
    assert_eq!(received[0].headers["content-length"], "0");
    assert!(!received[0].headers.contains_key("content-type"));
    assert!(!received[1].headers.contains_key("content-length"));
}

#[tokio::test]
async fn a_record_is_read_strictly_and_no_further_than_its_limit() {
    let twice = Platform::answering(200, &[], r#"{"status":"pending","status":"done"}"#).await;
    let response = api()
        .call(list(&twice.url), None, None, "", now())
        .await
        .unwrap();
    let error = response.strict_json().unwrap_err().to_string();
    assert!(error.contains("the key `status` is given twice"), "{error}");

    let long = format!("[\"{}\"]", "a".repeat(LARGEST_RESPONSE));
    let long = Platform::answering(200, &[], &long).await;
    let whole = api().call(list(&long.url), None, None, "", now()).await;
    assert!(whole.unwrap().strict_json().is_ok());
    let cut = api().call(answer(&long.url), None, None, "", now()).await;
    let error = cut.unwrap().strict_json().unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "the response of `{}` is larger than is read",
            long.url.host()
        )
    );
}

#[tokio::test]
async fn a_callback_is_called_where_it_is_listed_and_fails_for_good_where_it_leads_elsewhere() {
    let platform = Platform::answering(200, &[], "{}").await;
    let port = platform.url.host().split_once(':').unwrap().1.to_owned();
    let calling_back = |to| Outgoing {
        method: Method::PATCH,
        to: Destination::Callback(to),
        headers: HeaderMap::new(),
        body: Some(Bytes::from_static(b"{}")),
        largest: LARGEST_RESPONSE,
    };
    let own = Secret::new("run-token");
    let api = calling_by(client(), &["localhost", "127.0.0.1"]);
    let to = api
        .callbacks()
        .check(&format!("http://127.0.0.1:{port}/run?id=1"))
        .unwrap();
    let response = api
        .call(
            calling_back(to),
            Some(&Auth::OwnToken),
            Some(&own),
            "",
            now(),
        )
        .await
        .unwrap();
    assert_eq!(response.status, StatusCode::OK);
    let received = platform.received();
    assert_eq!(received[0].path, "/run?id=1");
    assert_eq!(received[0].headers["authorization"], "Bearer run-token");

    // This is a name that is looked up without a network, and leads to this machine alone.
    let elsewhere = calling_by(client(), &["localhost"]);
    let to = elsewhere
        .callbacks()
        .check(&format!("http://localhost:{port}/run"))
        .unwrap();
    let response = elsewhere
        .call(calling_back(to), None, None, "", now())
        .await;
    assert_eq!(response.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn whatever_a_platform_repeats_no_secret_of_the_call_is_told() {
    let echo = Platform::saying(|received| {
        let authorization = received.headers["authorization"].to_str().unwrap();
        said(
            400,
            &[],
            &serde_json::json!({"message": authorization}).to_string(),
        )
    })
    .await;
    let own = Secret::new("the-request's-own");
    let basic = Auth::Basic {
        user: "key-id".to_owned(),
        password: credential("swordfish"),
    };
    for auth in [Auth::Bearer(credential("swordfish")), basic, Auth::OwnToken] {
        let response = api()
            .call(answer(&echo.url), Some(&auth), Some(&own), "", now())
            .await
            .unwrap();
        let said = response.describe(&[]);
        assert_eq!(
            said,
            format!("`{}` answered 400 Bad Request", echo.url.host())
        );
    }
    let token = Platform::answering(400, &[], r#"{"message":"bad: the-request's-own"}"#).await;
    let response = api()
        .call(answer(&token.url), None, Some(&own), "", now())
        .await;
    assert!(!response.unwrap().describe(&[]).contains("own"));
}
