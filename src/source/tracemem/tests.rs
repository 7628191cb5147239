mod read;
mod answer;

use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::domain::effect::Ballot;
use crate::domain::platform::PlatformOutcome;
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
        credential: Some(written(CREDENTIAL)),
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
        other @ (Reading::Resolved(_) | Reading::Nothing(_)) => {
            panic!("not a request: {other:?}")
        }
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
        action: None,
        agent: None,
        payload: None,
        request: RequestId::parse("appr_1").unwrap(),
        token: Some(Secret::new(TOKEN)),
        ballot: Ballot::Approve,
        rationale: "Small refund: under $100".to_owned(),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        case_id: "case_1".to_owned(),
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
