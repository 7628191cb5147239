//! Requests as bytes, signed before the clock starts.

use std::net::SocketAddr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::sets;

pub(crate) const SECRET: &str = "outgoing-secret-of-the-integration";
pub(crate) const CREDENTIAL: &str = "credential-that-answers-approvals";
pub(crate) const AGENT: &str = "agent-token-of-billing-bot-0123456789";
pub(crate) const OPERATOR: &str = "operator-token-of-the-load-program";

/// What is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A signed webhook.
    Webhook,
    /// A request of an agent at our own API.
    Ask,
}

/// `count` requests from number `first` on, no two alike.
pub(crate) fn make(kind: Kind, to: SocketAddr, first: u64, count: u64) -> Vec<Vec<u8>> {
    let body = match kind {
        Kind::Webhook => webhook(),
        Kind::Ask => json!({"action": "pay", "context": sets::context(), "title": "A payment"}),
    };
    (first..first + count)
        .map(|number| one(kind, to, body.clone(), number))
        .collect()
}

fn webhook() -> Value {
    json!({
        "event": "approval.requested", "title": "A payment", "message": "please", "intent": "pay",
        "agent_id": "agent-7", "context": sets::context(), "require_rationale": true,
    })
}

fn one(kind: Kind, to: SocketAddr, mut body: Value, number: u64) -> Vec<u8> {
    let (path, header) = match kind {
        Kind::Webhook => {
            body["approval_id"] = format!("appr_{number}").into();
            body["decision_id"] = format!("TMEM_{number}").into();
            body["token"] = format!("capability-token-{number}").into();
            ("/v1/sources/tm", None)
        }
        Kind::Ask => (
            "/v1/requests",
            Some(format!(
                "authorization: Bearer {AGENT}\r\nidempotency-key: key-{number}"
            )),
        ),
    };
    let body = body.to_string();
    let header = header.unwrap_or_else(|| format!("x-tracemem-signature: {}", signature(&body)));
    format!(
        "POST {path} HTTP/1.1\r\nhost: {to}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{header}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn signature(body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}
