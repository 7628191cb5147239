use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::signature::{Algorithm, Check, DEFAULT_TOLERANCE, Encoding, HmacScheme, SignedText};
use crate::source::FieldRule;
use crate::source::testing::{Broken, Platform, Then, client, impatient_client, nobody};

const TOKEN: &str = "tok_5f0c9a1e77";
const CREDENTIAL: &str = "whc_d41d8cd98f";

fn pointer(raw: &str) -> Pointer {
    Pointer::parse(raw).unwrap()
}

fn written(secret: &str) -> Credential {
    Credential::written(Secret::new(secret)).unwrap()
}

fn settings(api_url: WebUrl) -> TracememSettings {
    let scheme = HmacScheme {
        header: HeaderName::from_static("x-tracemem-signature"),
        algorithm: Algorithm::Sha256,
        encoding: Encoding::Hex,
        prefix: "sha256=".to_owned(),
        signed: SignedText::parse("{body}").unwrap(),
        timestamp_header: None,
        id_header: None,
        tolerance: DEFAULT_TOLERANCE,
        secrets: vec![written("outgoing")],
    };
    TracememSettings {
        name: SourceName::parse("refunds").unwrap(),
        api_url,
        credential: written(CREDENTIAL),
        verify: Verifier::new(vec![Check::Hmac(scheme.check().unwrap())]),
        fields: FieldMap {
            action: Some(FieldRule::At(pointer("/intent"))),
            context: Some(FieldRule::At(pointer("/context"))),
            agent: Some(FieldRule::At(pointer("/agent_id"))),
        },
        volatile: vec![],
        forward_to: None,
    }
}

fn here() -> WebUrl {
    WebUrl::parse("http://127.0.0.1:9").unwrap()
}

fn source(change: impl FnOnce(&mut TracememSettings)) -> Tracemem {
    let mut settings = settings(here());
    change(&mut settings);
    Tracemem::new(settings, client()).unwrap()
}

fn deliver(source: &Tracemem, body: &[u8]) -> Result<Reading, Malformed> {
    let now = Timestamp::UNIX_EPOCH;
    let headers = source
        .settings
        .verify
        .sign(body, "", now, Credential::read)
        .unwrap()
        .headers;
    let delivery = Delivery {
        headers,
        body: Bytes::copy_from_slice(body),
        path_secret: None,
    };
    source.read(&source.verify(delivery, now).unwrap(), now)
}

fn read(source: &Tracemem, body: &Value) -> Result<Reading, Malformed> {
    deliver(source, body.to_string().as_bytes())
}

fn request(source: &Tracemem, body: &Value) -> Request {
    match read(source, body).unwrap() {
        Reading::Request(request) => *request,
        other => panic!("not a request: {other:?}"),
    }
}

fn asked() -> Value {
    json!({
        "event": "approval.requested", "approval_id": "appr_1", "decision_id": "TMEM_1", "token": TOKEN,
        "title": "Refund", "message": "please", "expires_at": "2026-02-25T17:30:00Z", "require_rationale": true,
        "intent": "stripe.refund", "agent_id": "billing-bot", "context": {"amount": 49.9},
    })
}

fn with(key: &str, value: Value) -> Value {
    let mut body = asked();
    body[key] = value;
    body
}

fn without(key: &str) -> Value {
    let mut body = asked();
    body.as_object_mut().unwrap().shift_remove(key);
    body
}

fn task() -> AnswerTask {
    AnswerTask {
        request: RequestId::parse("appr_1").unwrap(),
        token: Some(Secret::new(TOKEN)),
        ballot: Ballot::Approve,
        rationale: "Small refund: under $100".to_owned(),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        idempotency_key: "case_1".to_owned(),
    }
}

async fn answered(api_url: WebUrl) -> AnswerResult {
    Tracemem::new(settings(api_url), client())
        .unwrap()
        .answer(&task())
        .await
}

async fn answered_with(status: u16, headers: &[(&'static str, &str)], body: &str) -> AnswerResult {
    let platform = Platform::answering(status, headers, body).await;
    let result = answered(platform.url.clone()).await;
    assert_eq!(platform.received().len(), 1, "one attempt is one request");
    let shown = format!("{result:?}");
    assert!(
        !shown.contains(TOKEN) && !shown.contains(CREDENTIAL),
        "{shown}"
    );
    result
}

#[test]
fn a_request_is_read_with_its_mapped_fields_and_without_its_token() {
    let request = request(&source(|_| ()), &asked());
    assert_eq!(request.id.as_str(), "appr_1");
    assert_eq!(request.action.as_deref(), Some("stripe.refund"));
    assert_eq!(request.agent.as_deref(), Some("billing-bot"));
    assert_eq!(request.context, Some(json!({"amount": 49.9})));
    assert_eq!(
        (request.title.as_deref(), request.message.as_deref()),
        (Some("Refund"), Some("please"))
    );
    assert_eq!(
        request.expires_at.unwrap().to_string(),
        "2026-02-25T17:30:00Z"
    );
    assert!(request.rationale_required && request.proven.signature && !request.proven.record);
    assert_eq!(request.token.as_ref().unwrap().expose(), TOKEN);
    assert_eq!(request.payload, without("token"));
    assert!(!format!("{request:?}").contains(TOKEN));
}

#[test]
fn the_token_is_blotted_out_wherever_else_it_turns_up() {
    let source = source(|settings| {
        settings.fields.context = Some(FieldRule::Inside {
            at: pointer("/message"),
            json: pointer(""),
        });
    });
    let mut body = with(
        "message",
        json!(r#"{"link": "https:\/\/x\/tok_5f0c9a1\u006577"}"#),
    );
    body["links"] = json!([{"answer": format!("https://api/x?token={TOKEN}")}]);
    body[TOKEN] = json!(1);
    let request = request(&source, &body);
    assert_eq!(
        request.payload["links"],
        json!([{"answer": "https://api/x?token=[token]"}])
    );
    assert_eq!(request.context, Some(json!({"link": "https://x/[token]"})));
    assert!(!format!("{request:?}").contains(TOKEN));
}

#[test]
fn a_part_that_is_missing_or_of_another_kind_is_absent() {
    let source = source(|_| ());
    let mut body = with("intent", json!(7));
    body["agent_id"] = json!({"id": "billing-bot"});
    body["context"] = Value::Null;
    body["title"] = json!(["Refund"]);
    let request = request(&source, &body);
    assert_eq!(
        (
            request.action,
            request.agent,
            request.context,
            request.title
        ),
        (None, None, None, None)
    );
}

#[test]
fn parts_are_read_from_json_inside_the_message_and_absent_when_it_is_no_json() {
    let source = source(|settings| {
        let inside = |json: &str| {
            Some(FieldRule::Inside {
                at: pointer("/message"),
                json: pointer(json),
            })
        };
        settings.fields = FieldMap {
            action: inside("/action"),
            context: inside(""),
            agent: None,
        };
    });
    let good = request(
        &source,
        &with("message", json!(r#"{"action": "deploy", "amount": 5}"#)),
    );
    assert_eq!(good.action.as_deref(), Some("deploy"));
    assert_eq!(good.context, Some(json!({"action": "deploy", "amount": 5})));
    for broken in [
        r#"{"action": "deploy""#,
        r#"{"action": "deploy", "action": "x"}"#,
        "deploy it",
        "",
    ] {
        let bad = request(&source, &with("message", json!(broken)));
        assert_eq!((bad.action, bad.context), (None, None), "{broken}");
    }
}

#[test]
fn a_request_that_cannot_be_answered_or_placed_is_malformed() {
    let source = source(|_| ());
    let message = |body: &Value| read(&source, body).unwrap_err().to_string();
    for field in ["approval_id", "token", "event"] {
        let expected = format!("`{field}` must be a string that is not empty");
        assert_eq!(message(&without(field)), expected);
        for value in [json!(""), json!(7), json!(null), json!(["appr_1"])] {
            assert_eq!(message(&with(field, value)), expected);
        }
    }
    assert_eq!(
        message(&with("approval_id", json!("a\nb"))),
        "`approval_id` is not usable: a request id must be 1 to 256 characters with no control characters"
    );
    let no_moment = "`expires_at` must be a date and time by RFC 3339, as `2026-01-31T12:00:00Z`";
    for value in [
        json!("soon"),
        json!("N/A"),
        json!(1_772_040_600),
        json!(true),
    ] {
        assert_eq!(message(&with("expires_at", value)), no_moment);
    }
    assert_eq!(message(&json!([asked()])), "the body must be a JSON object");
    let twice = asked()
        .to_string()
        .replacen('{', r#"{"token": "other","#, 1);
    assert_eq!(
        deliver(&source, twice.as_bytes()).unwrap_err().to_string(),
        "the key `token` is given twice; send it once (byte 93)"
    );
}

#[test]
fn only_a_plain_false_means_that_no_rationale_is_required() {
    let source = source(|_| ());
    let required = |body: &Value| request(&source, body).rationale_required;
    assert!(!required(&without("require_rationale")));
    assert!(!required(&with("require_rationale", json!(false))));
    for value in [json!(true), json!("false"), json!(0), json!({})] {
        assert!(required(&with("require_rationale", value)));
    }
}

#[test]
fn events_that_are_not_for_us_are_nothing() {
    let source = source(|_| ());
    for event in ["approval.viewed", "decision.closed", "ping"] {
        match read(&source, &json!({"event": event})).unwrap() {
            Reading::Nothing { event: read } => assert_eq!(read, event),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_resolved_event_is_read_in_any_of_its_likely_shapes() {
    let source = source(|_| ());
    let resolved = |more: Value| {
        let mut body = json!({"event": "approval.resolved", "approval_id": "appr_1"});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        match read(&source, &body).unwrap() {
            Reading::Resolved(elsewhere) => (elsewhere.outcome, elsewhere.by, elsewhere.reason),
            other => panic!("{other:?}"),
        }
    };
    let text = |text: &str| Some(text.to_owned());
    let (approved, rejected) = (
        Some(PlatformOutcome::Approved),
        Some(PlatformOutcome::Rejected),
    );
    assert_eq!(
        resolved(json!({"resolution": "approved", "approver": "ann", "rationale": "fine"})),
        (approved.clone(), text("ann"), text("fine"))
    );
    assert_eq!(
        resolved(
            json!({"status": "denied", "resolved_by": {"id": "u1", "email": "a@b"}, "reason": "no"})
        ),
        (rejected, text("a@b"), text("no"))
    );
    assert_eq!(
        resolved(json!({"status": "resolved", "outcome": "approve", "by": 7})),
        (approved, None, None)
    );
    let other = Some(PlatformOutcome::Other("withdrawn".to_owned()));
    assert_eq!(
        resolved(json!({"status": "withdrawn"})),
        (other, None, None)
    );
    assert_eq!(resolved(json!({})), (None, None, None));
    assert!(read(&source, &json!({"event": "approval.resolved"})).is_err());
}

#[test]
fn a_second_delivery_differs_in_what_was_read_and_in_nothing_else() {
    let source = source(|_| ());
    let content = |body: &Value| request(&source, body).content;
    let first = content(&asked());
    assert_eq!(
        content(&with("delivered_at", json!("2026-02-25T17:00:07Z"))),
        first
    );
    assert_eq!(content(&with("decision_id", json!("TMEM_2"))), first);
    assert_eq!(
        content(&with("expires_at", json!("2026-02-25T18:30:00+01:00"))),
        first
    );
    for (key, value) in [
        ("intent", json!("stripe.payout")),
        ("agent_id", json!("other")),
        ("context", json!({"amount": 4990})),
        ("title", json!("x")),
        ("message", json!("x")),
        ("expires_at", json!("2027-02-25T17:30:00Z")),
        ("token", json!("tok_other")),
    ] {
        assert_ne!(content(&with(key, value)), first, "{key}");
        if key != "token" {
            assert_ne!(content(&without(key)), first, "{key}");
        }
    }
}

#[test]
fn volatile_parts_do_not_make_a_conflict() {
    let volatile = ["/token", "/context/attempt", "/expires_at"]
        .map(pointer)
        .to_vec();
    let source = source(|settings| settings.volatile = volatile);
    let body = |token: &str, attempt: u32, expires_at: &str, amount: u32| {
        let mut body = with("context", json!({"amount": amount, "attempt": attempt}));
        body["token"] = json!(token);
        body["expires_at"] = json!(expires_at);
        request(&source, &body)
    };
    let first = body("tok_1", 1, "2026-02-25T17:30:00Z", 49);
    assert_eq!(
        body("tok_2", 2, "2026-02-25T17:31:00Z", 49).content,
        first.content
    );
    assert_ne!(
        body("tok_1", 1, "2026-02-25T17:30:00Z", 50).content,
        first.content
    );
    assert_eq!(
        first.context,
        Some(json!({"amount": 49, "attempt": 1})),
        "policies still see it"
    );
}

#[tokio::test]
async fn an_answer_is_the_call_that_tracemem_documents() {
    let platform = Platform::answering(
        200,
        &[],
        r#"{"approval_id": "appr_1", "status": "approved"}"#,
    )
    .await;
    let source = Tracemem::new(settings(platform.url.clone()), client()).unwrap();
    let done = AnswerResult::Done {
        platform: Some(PlatformOutcome::Approved),
    };
    assert_eq!(source.answer(&task()).await, done);
    assert_eq!(source.answer(&task()).await, done);
    let received = platform.received();
    assert_eq!(received[0], received[1], "a repeat is the same to the byte");
    let sent = &received[0];
    assert_eq!(
        (sent.method.as_str(), sent.path.as_str()),
        ("POST", "/v1/webhooks/approvals/respond")
    );
    assert_eq!(
        sent.body,
        r#"{"token":"tok_5f0c9a1e77","resolution":"approved","rationale":"Small refund: under $100"}"#
    );
    for (name, value) in [
        ("authorization", "Bearer whc_d41d8cd98f"),
        ("content-type", "application/json"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        ("idempotency-key", "case_1"),
    ] {
        assert_eq!(sent.headers[name], value);
    }
}

#[tokio::test]
async fn an_empty_rationale_is_left_out() {
    let platform = Platform::answering(204, &[], "").await;
    let source = Tracemem::new(settings(platform.url.clone()), client()).unwrap();
    let task = AnswerTask {
        ballot: Ballot::Reject,
        rationale: String::new(),
        traceparent: None,
        ..task()
    };
    assert_eq!(
        source.answer(&task).await,
        AnswerResult::Done { platform: None }
    );
    assert_eq!(
        platform.received()[0].body,
        r#"{"token":"tok_5f0c9a1e77","resolution":"rejected"}"#
    );
}

#[tokio::test]
async fn a_rotated_credential_is_used_at_the_next_answer() {
    let platform = Platform::answering(204, &[], "").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credential");
    std::fs::write(&file, "first\n").unwrap();
    let mut settings = settings(platform.url.clone());
    settings.credential = Credential::in_file(&file);
    let source = Tracemem::new(settings, client()).unwrap();
    source.answer(&task()).await;
    std::fs::write(&file, "second\n").unwrap();
    source.answer(&task()).await;
    std::fs::remove_file(&file).unwrap();
    let gone = source.answer(&task()).await;
    assert!(
        matches!(
            gone,
            AnswerResult::Retry {
                reach: Reach::NotReached,
                ..
            }
        ),
        "{gone:?}"
    );
    let sent: Vec<_> = platform
        .received()
        .iter()
        .map(|sent| sent.headers["authorization"].clone())
        .collect();
    assert_eq!(sent, ["Bearer first", "Bearer second"]);
}

#[tokio::test]
async fn an_outcome_that_is_not_ours_is_not_taken_for_ours() {
    let other = |outcome| AnswerResult::Already {
        platform: Some(outcome),
    };
    assert_eq!(
        answered_with(200, &[], r#"{"status": "rejected"}"#).await,
        other(PlatformOutcome::Rejected)
    );
    assert_eq!(
        answered_with(200, &[], r#"{"status": "expired"}"#).await,
        other(PlatformOutcome::Expired)
    );
    assert_eq!(
        answered_with(409, &[], r#"{"status": "rejected"}"#).await,
        other(PlatformOutcome::Rejected)
    );
    assert_eq!(
        answered_with(409, &[], r#"{"resolution": "approved"}"#).await,
        other(PlatformOutcome::Approved)
    );
    assert_eq!(
        answered_with(409, &[], "conflict").await,
        AnswerResult::Already { platform: None }
    );
    let vague = Some(PlatformOutcome::Other("queued".to_owned()));
    assert_eq!(
        answered_with(202, &[], r#"{"status": "queued"}"#).await,
        AnswerResult::Done { platform: vague }
    );
}

#[tokio::test]
async fn a_success_that_says_nothing_readable_is_a_success() {
    let done = AnswerResult::Done { platform: None };
    for body in ["", "<html>ok</html>", "[]", "7", r#"{"status": 7}"#] {
        assert_eq!(answered_with(200, &[], body).await, done, "{body}");
    }
    assert_eq!(
        answered_with(200, &[], &"x".repeat(3 * 1024 * 1024)).await,
        done
    );
}

#[tokio::test]
async fn every_refusal_ends_in_its_class() {
    assert_eq!(answered_with(410, &[], "").await, AnswerResult::Expired);
    for status in [401, 403] {
        assert!(
            matches!(
                answered_with(status, &[], "").await,
                AnswerResult::Alert { .. }
            ),
            "{status}"
        );
    }
    for status in [400, 404, 405, 413, 415, 422, 451] {
        assert!(
            matches!(
                answered_with(status, &[], "").await,
                AnswerResult::Failed { .. }
            ),
            "{status}"
        );
    }
    for status in [408, 500, 502, 503, 504, 599] {
        let result = answered_with(status, &[], "").await;
        assert!(
            matches!(
                result,
                AnswerResult::Retry {
                    reach: Reach::Unknown,
                    after: None,
                    ..
                }
            ),
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_platform_that_is_busy_is_given_the_time_it_asks_for() {
    let result = answered_with(429, &[("retry-after", "7")], r#"{"message": "slow down"}"#).await;
    let AnswerResult::Retry {
        after,
        error,
        reach,
    } = result
    else {
        panic!("{result:?}")
    };
    assert_eq!(
        (after, reach),
        (Some(std::time::Duration::from_secs(7)), Reach::Refused)
    );
    assert!(
        error.ends_with("answered 429 Too Many Requests: slow down"),
        "{error}"
    );
    let result = answered_with(503, &[("retry-after", "86400")], "").await;
    let AnswerResult::Retry { after, .. } = result else {
        panic!("{result:?}")
    };
    assert_eq!(after, Some(std::time::Duration::from_secs(3600)));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Platform::answering(200, &[], "").await;
    let to = format!("http://{}/", elsewhere.url.host());
    for status in [301, 302, 303, 307, 308] {
        let result = answered_with(status, &[("location", &to)], "").await;
        assert!(matches!(result, AnswerResult::Failed { .. }), "{status}");
    }
    assert!(
        elsewhere.received().is_empty(),
        "the credential went nowhere else"
    );
}

#[tokio::test]
async fn a_platform_that_repeats_our_secrets_does_not_get_them_into_our_logs() {
    for body in [
        json!({"message": format!("bad token {TOKEN}")}),
        json!({"error": {"message": format!("credential {CREDENTIAL} is expired")}}),
        json!({"detail": "unknown token tok_5f0c…"}),
    ] {
        let AnswerResult::Alert { error } = answered_with(401, &[], &body.to_string()).await else {
            panic!()
        };
        assert!(
            error.ends_with("answered 401 Unauthorized; is the credential right and still valid?"),
            "{error}"
        );
    }
    let result = answered_with(422, &[], "{\"message\": \"no\\u001b[31m\\n\"}").await;
    let AnswerResult::Failed { error } = result else {
        panic!("{result:?}")
    };
    assert!(
        error.ends_with(r"answered 422 Unprocessable Entity: no\u{1b}[31m\n"),
        "{error}"
    );
}

#[tokio::test]
async fn a_platform_that_is_not_there_was_not_reached() {
    let url = nobody().await;
    let result = answered(url.clone()).await;
    let AnswerResult::Retry { error, reach, .. } = result else {
        panic!("{result:?}")
    };
    assert_eq!(reach, Reach::NotReached);
    assert!(
        error.starts_with(&format!("cannot connect to `{}`: ", url.host())),
        "{error}"
    );
}

#[tokio::test]
async fn silence_after_sending_leaves_the_outcome_unknown() {
    for bytes in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"sta"] {
        let platform = Broken::writing(bytes.as_bytes(), Then::Hang).await;
        let source = Tracemem::new(settings(platform.url.clone()), impatient_client()).unwrap();
        let result = source.answer(&task()).await;
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
}

#[tokio::test]
async fn a_connection_that_breaks_after_sending_leaves_the_outcome_unknown() {
    for bytes in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"sta",
        "HTTP/1.1 2",
        "gibberish\r\n\r\n",
    ] {
        let platform = Broken::writing(bytes.as_bytes(), Then::Close).await;
        let result = answered(platform.url.clone()).await;
        assert!(
            matches!(
                result,
                AnswerResult::Retry {
                    reach: Reach::Unknown,
                    ..
                }
            ),
            "{bytes}: {result:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_can_never_be_sent_says_why() {
    let source = source(|_| ());
    let result = source
        .answer(&AnswerTask {
            token: None,
            ..task()
        })
        .await;
    assert!(matches!(result, AnswerResult::Failed { .. }), "{result:?}");
    let mut settings = settings(here());
    settings.credential = written("two\nlines");
    let result = Tracemem::new(settings, client())
        .unwrap()
        .answer(&task())
        .await;
    assert!(matches!(result, AnswerResult::Alert { .. }), "{result:?}");
}
