use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use serde_json::json;

use super::*;
use crate::secret::Secret;

fn source() -> HttpSource {
    let tokens =
        [("billing-bot", "b-token"), ("ops-bot", "o-token")].map(|(name, token)| NamedToken {
            name: name.to_owned(),
            token: Credential::written(Secret::new(token)).unwrap(),
        });
    HttpSource::new(SourceName::parse("agents").unwrap(), tokens.into(), None)
}

fn headers(headers: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        )
    };
    let mut map = HeaderMap::new();
    for (name, value) in headers.iter().map(pair) {
        map.append(name, value);
    }
    map
}

fn read_with(more: &[(&'static str, &str)], body: &str) -> Result<Request, Malformed> {
    let mut headers = headers(more);
    headers.insert("authorization", HeaderValue::from_static("Bearer b-token"));
    let delivery = Delivery {
        headers,
        body: Bytes::copy_from_slice(body.as_bytes()),
        path_secret: None,
    };
    let source = source();
    let verified = source.verify(delivery, Timestamp::UNIX_EPOCH).unwrap();
    match source.read(&verified, Timestamp::UNIX_EPOCH)? {
        Reading::Request(request) => Ok(*request),
        other @ (Reading::Resolved(_) | Reading::Nothing(_)) => {
            panic!("not a request: {other:?}")
        }
    }
}

fn read(body: &Value) -> Result<Request, Malformed> {
    read_with(&[], &body.to_string())
}

fn refusal(body: &Value) -> String {
    read(body).unwrap_err().to_string()
}

fn asked() -> Value {
    json!({
        "id": "req-1", "action": "stripe.refund", "context": {"amount": 49},
        "title": "Refund", "message": "please", "expires_at": "2026-02-25T17:30:00Z",
    })
}

fn with(key: &str, value: Value) -> Value {
    let mut body = asked();
    body[key] = value;
    body
}

#[test]
fn the_agent_is_who_holds_the_token() {
    let request = read(&asked()).unwrap();
    assert_eq!(request.agent.as_deref(), Some("billing-bot"));
    assert_eq!(request.scope, "billing-bot");
    assert_eq!(request.id.as_str(), "req-1");
    assert_eq!(request.action.as_deref(), Some("stripe.refund"));
    assert_eq!(request.context, Some(json!({"amount": 49})));
    assert_eq!(request.payload, asked());
    assert!(request.proven.signature && request.token.is_none());
    assert_eq!(request.platform, "http");
}

#[test]
fn a_token_that_nobody_holds_is_refused() {
    let agent =
        |value: &str| source().agent(headers(&[("authorization", value)]), Timestamp::UNIX_EPOCH);
    assert_eq!(agent("Bearer o-token").unwrap(), "ops-bot");
    assert_eq!(agent("Bearer x-token").unwrap_err(), Unverified::TokenWrong);
    assert_eq!(agent("o-token").unwrap_err(), Unverified::TokenMissing);
    let nobody = HttpSource::new(SourceName::parse("agents").unwrap(), vec![], None);
    let refused = nobody.agent(
        headers(&[("authorization", "Bearer o-token")]),
        Timestamp::UNIX_EPOCH,
    );
    assert_eq!(refused.unwrap_err(), Unverified::TokenWrong);
}

#[test]
fn the_shortest_request_is_an_action_and_an_id() {
    let request = read(&json!({"id": "1", "action": "deploy"})).unwrap();
    assert_eq!(
        (
            request.context,
            request.title,
            request.message,
            request.expires_at
        ),
        (None, None, None, None)
    );
    let nulls =
        json!({"id": "1", "action": "deploy", "title": null, "message": null, "expires_at": null});
    assert_eq!(read(&nulls).unwrap().content, request.content);
}

#[test]
fn a_key_that_is_not_known_is_refused_with_what_may_be_meant() {
    assert_eq!(
        refusal(&with("contxt", json!({}))),
        "the key `contxt` is not known; did you mean `context`?"
    );
    assert_eq!(
        refusal(&with("Action", json!(""))),
        "the key `Action` is not known; did you mean `action`?"
    );
    assert_eq!(
        refusal(&with("amount", json!(5))),
        "the key `amount` is not known; facts of the ask go into `context`, beside it are `id`, `action`, `context`, \
         `title`, `message`, `expires_at`"
    );
    assert!(refusal(&with("agent", json!("root"))).starts_with("the key `agent` is not known"));
}

#[test]
fn a_value_of_another_kind_is_refused() {
    let no_action = "`action` must be a string that is not empty";
    for value in [json!(""), json!(7)] {
        assert_eq!(refusal(&with("action", value)), no_action);
    }
    let no_action = "`action` must be a string that is not empty, as `stripe.refund`";
    assert_eq!(refusal(&json!({"id": "1"})), no_action);
    assert_eq!(refusal(&with("action", Value::Null)), no_action);
    for value in [json!(null), json!("x"), json!([1]), json!(1)] {
        assert_eq!(
            refusal(&with("context", value)),
            "`context` must be an object"
        );
    }
    assert_eq!(
        refusal(&with("title", json!(1))),
        "`title` must be a string that is not empty"
    );
    assert!(
        refusal(&with("expires_at", json!("tomorrow")))
            .starts_with("`expires_at` must be a date and time")
    );
    for naive in ["2027-02-25T17:30:00", "2027-02-25 17:30:00.5"] {
        assert_eq!(
            refusal(&with("expires_at", json!(naive))),
            "`expires_at` must be a date and time with its offset from UTC, as `2026-01-31T12:00:00Z`"
        );
    }
    for empty in ["title", "message", "action"] {
        let told = refusal(&with(empty, json!("")));
        assert!(
            told.starts_with(&format!("`{empty}` must be a string that is not empty")),
            "{told}"
        );
    }
    assert_eq!(refusal(&json!([])), "the body must be a JSON object");
    assert!(read_with(&[], r#"{"id": "1", "action": "a", "action": "b"}"#).is_err());
}

#[test]
fn the_id_comes_in_the_body_or_in_the_header() {
    let body = r#"{"action": "deploy"}"#;
    let id = |value: &str| {
        read_with(&[("idempotency-key", value)], body).map(|request| request.id.to_string())
    };
    assert_eq!(id("k-1").unwrap(), "k-1");
    assert_eq!(id("\"k-1\"").unwrap(), "k-1");
    assert_eq!(id(r#""a\"b\\c""#).unwrap(), r#"a"b\c"#);
    for wrong in [
        "", "\"", "\"\"", "\"k-1", "\"k\"1\"", r#""k\1""#, r#""k\""#, "ké",
    ] {
        assert_eq!(id(wrong).unwrap_err(), Malformed::IdempotencyKey, "{wrong}");
    }
    assert_eq!(id(&"k".repeat(257)).unwrap_err(), Malformed::IdempotencyKey);
    let twice = [("idempotency-key", "k-1"), ("idempotency-key", "k-1")];
    assert_eq!(
        read_with(&twice, body).unwrap_err(),
        Malformed::IdempotencyKey
    );
    assert_eq!(read_with(&[], body).unwrap_err(), Malformed::NoId);
    let both = asked().to_string();
    for key in ["req-1", "req-2"] {
        let read = read_with(&[("idempotency-key", key)], &both).unwrap();
        assert_eq!(read.id.as_str(), "req-1", "the body's own id goes before");
    }
}

#[test]
fn the_content_is_what_is_asked_and_not_how_the_request_is_named() {
    let first = read(&asked()).unwrap();
    assert_eq!(
        read(&with("id", json!("req-2"))).unwrap().content,
        first.content
    );
    for (key, value) in [
        ("action", json!("x")),
        ("context", json!({"amount": 50})),
        ("title", json!("x")),
        ("message", json!("x")),
        ("expires_at", json!("2027-02-25T17:30:00Z")),
    ] {
        assert_ne!(
            read(&with(key, value)).unwrap().content,
            first.content,
            "{key}"
        );
    }
}
