mod platform;
mod read;
mod reading_times;
mod answer;
mod statuses;
mod confirm;
mod pages;
mod pending;
mod check;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method};
use serde_json::json;

use super::*;
use crate::domain::effect::Ballot;
use crate::domain::id::RequestId;
use crate::json::Pointer;
use crate::secret::Secret;
use crate::signature::Verifier;
use crate::source::auth::Auth;
use crate::source::callback::CallbackHosts;
use crate::source::testing::{client, nobody};
use crate::source::{FieldRule, WebUrl};
use platform::Platform;

const TOKEN: &str = "tok_5f0c9a1e77";
const KEY: &str = "sk_d41d8cd98f00b204";

fn pointer(raw: &str) -> Pointer {
    Pointer::parse(raw).unwrap()
}

fn at(raw: &str) -> FieldRule {
    FieldRule::At(pointer(raw))
}

fn call(method: Method, url: &str, body: Option<Value>) -> Call {
    Call {
        method,
        url: UrlTemplate::parse(url).unwrap(),
        headers: Vec::new(),
        body: body.map(|body| BodyTemplate::parse(&body).unwrap()),
        auth: Some(Auth::Bearer(Credential::written(Secret::new(KEY)).unwrap())),
    }
}

/// A platform that nothing proves, with everything in `data`.
fn settings(api_url: &WebUrl) -> Settings {
    Settings {
        name: SourceName::parse("desk").unwrap(),
        platform: "webhook",
        api_url: Some(api_url.clone()),
        verify: Verifier::new(vec![]),
        events: Some(Events {
            at: Place::Body(pointer("/event")),
            request: vec!["approval.requested".to_owned()],
            resolved: vec![
                "approval.approved".to_owned(),
                "approval.denied".to_owned(),
                "approval.closed".to_owned(),
            ],
            id: None,
        }),
        fields: Fields {
            action: Some(at("/data/action")),
            agent: Some(at("/data/agent")),
            context: Some(at("/data/context")),
            title: Some(at("/data/title")),
            message: Some(at("/data/message")),
            requested_at: Some(at("/data/created_at")),
            expires_at: Some(at("/data/expires_at")),
            rationale_required: Some(at("/data/needs_reason")),
            token: Some(at("/data/token")),
            callback: Some(at("/data/callback")),
            ..Fields::of(at("/data/id"))
        },
        resolved: ResolvedFields {
            id: None,
            outcome: Some(at("/data/status")),
            by: Some(at("/data/by")),
            reason: Some(at("/data/reason")),
        },
        volatile: vec![pointer("/sent_at")],
        confirm: None,
        reconcile: None,
        answer: Some(Answering {
            approve: call(
                Method::POST,
                "{api_url}/v1/approvals/{id}/approve",
                Some(json!({"by": "countersign", "note": "{rationale}"})),
            ),
            reject: call(
                Method::POST,
                "{api_url}/v1/approvals/{id}/deny",
                Some(json!({"by": "countersign", "note": "{rationale}"})),
            ),
            statuses: Statuses::default(),
            outcome: None,
        }),
        callback_hosts: CallbackHosts::parse(["127.0.0.1"]).unwrap(),
        acknowledge: Acknowledge::default(),
        forward_to: None,
    }
}

fn source(change: impl FnOnce(&mut Settings)) -> Webhook {
    source_at(&nobody(), change)
}

fn source_at(api_url: &WebUrl, change: impl FnOnce(&mut Settings)) -> Webhook {
    let mut settings = settings(api_url);
    let usual_hosts = settings.callback_hosts.clone();
    change(&mut settings);
    if format!("{:?}", settings.callback_hosts) != format!("{usual_hosts:?}") {
        return Webhook::new(settings, client()).unwrap();
    }
    let (client, callbacks) = CLIENTS.with(Clone::clone);
    Webhook::calling_by(settings, client, callbacks).unwrap()
}

thread_local! {
    // A test has a thread of its own, and many sources: what they call by takes long to make.
    static CLIENTS: (Client, CallbackClient) = {
        let client = client();
        let hosts = settings(&nobody()).callback_hosts;
        let callbacks = CallbackClient::new(hosts, client.timeouts(), Arc::new(SystemResolver));
        (client, callbacks.unwrap())
    };
}

fn asked() -> Value {
    json!({
        "event": "approval.requested", "sent_at": "2026-02-25T17:00:00Z",
        "data": {
            "id": "ap_1", "action": "stripe.refund", "agent": "billing-bot", "context": {"amount": 49.9},
            "title": "Refund", "message": "please", "created_at": "2026-02-25T16:59:59Z",
            "expires_at": "2026-02-25T17:30:00Z", "needs_reason": false,
        },
    })
}

/// What is asked, with `value` at `place`; null takes it out.
fn with(place: &str, value: Value) -> Value {
    let mut body = asked();
    let place = pointer(place);
    place.remove(&mut body);
    if !value.is_null() {
        let (parent, key) = place.as_str().rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[key] = value;
    }
    body
}

fn read_with(source: &Webhook, headers: HeaderMap, body: &Value) -> Result<Reading, Malformed> {
    let now = Timestamp::UNIX_EPOCH;
    let delivery = Delivery {
        headers,
        body: Bytes::from(body.to_string()),
        path_secret: None,
    };
    source.read(&source.verify(delivery, now).unwrap(), now)
}

fn read(source: &Webhook, body: &Value) -> Result<Reading, Malformed> {
    read_with(source, HeaderMap::new(), body)
}

fn request(source: &Webhook, body: &Value) -> Request {
    match read(source, body).unwrap() {
        Reading::Request(request) => *request,
        other @ (Reading::Resolved(_) | Reading::Nothing(_)) => panic!("not a request: {other:?}"),
    }
}

fn id(raw: &str) -> RequestId {
    RequestId::parse(raw).unwrap()
}

fn task() -> AnswerTask {
    AnswerTask {
        request: id("ap_1"),
        action: Some("stripe.refund".to_owned()),
        agent: Some("billing-bot".to_owned()),
        payload: None,
        token: None,
        ballot: Ballot::Approve,
        rationale: "Small refund: under $100".to_owned(),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        case_id: "case_1".to_owned(),
    }
}

fn header(name: &'static str, values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(HeaderName::from_static(name), value.parse().unwrap());
    }
    headers
}
