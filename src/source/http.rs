//! Our own API: an agent asks over HTTP, known by its token, and waits for its verdict.
//!
//! Who asks is the token's holder, never a field of the body. The body is ours to define, so it is read strictly: a key
//! that is not known is a mistake, not an extension.

use async_trait::async_trait;
use http::HeaderMap;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::credential::Credential;
use crate::domain::effect::Forward;
use crate::domain::id::{RequestId, SourceName};
use crate::domain::request::{Proven, Request};
use crate::json;
use crate::signature::{Check, Delivery, NamedToken, Unverified, Verified, Verifier};
use crate::source::fields::{Content, zoned_moment};
use crate::source::forward::Forwarder;
use crate::source::{AnswerResult, AnswerTask, Malformed, Reading, Source};

const KEYS: [&str; 6] = ["id", "action", "context", "title", "message", "expires_at"];

/// A source whose agents call us.
#[derive(Debug)]
pub struct HttpSource {
    name: SourceName,
    verifier: Verifier<Credential>,
    forwarder: Option<Forwarder>,
}

impl HttpSource {
    /// The source of the agents that hold `tokens`.
    pub fn new(
        name: SourceName,
        tokens: Vec<NamedToken<Credential>>,
        forwarder: Option<Forwarder>,
    ) -> Self {
        Self {
            name,
            verifier: Verifier::new(vec![Check::BearerToken { tokens }]),
            forwarder,
        }
    }

    /// The agent that a request with these headers comes from, for looking up what it asked before.
    pub fn agent(&self, headers: HeaderMap, now: Timestamp) -> Result<String, Unverified> {
        let delivery = Delivery {
            headers,
            body: bytes::Bytes::new(),
            path_secret: None,
        };
        let verified = self.verify(delivery, now)?;
        verified
            .sender()
            .map(str::to_owned)
            .ok_or(Unverified::TokenWrong)
    }
}

#[async_trait]
impl Source for HttpSource {
    fn name(&self) -> &SourceName {
        &self.name
    }

    fn verify(&self, delivery: Delivery, now: Timestamp) -> Result<Verified<Delivery>, Unverified> {
        self.verifier.verify(delivery, now, Credential::read)
    }

    fn read(&self, delivery: &Verified<Delivery>, _now: Timestamp) -> Result<Reading, Malformed> {
        let agent = delivery.sender().unwrap_or_default().to_owned();
        let Delivery { headers, body, .. } = delivery.get();
        let payload = json::parse(body)?;
        let members = payload.as_object().ok_or(Malformed::NotAnObject)?;
        if let Some(unknown) = members.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(unknown_key(unknown));
        }
        let parts = Content {
            action: Some(text(members, "action")?.ok_or(Malformed::Field {
                field: "action",
                expected: "a string that is not empty, as `stripe.refund`",
            })?),
            agent: Some(agent.clone()),
            context: context(members)?,
            title: text(members, "title")?,
            message: text(members, "message")?,
            expires_at: zoned_moment(&payload, "expires_at")?,
        };
        Ok(Reading::Request(Box::new(Request {
            source: self.name.clone(),
            platform: "http",
            id: request_id(members, headers)?,
            scope: agent,
            content: parts.digest(None),
            action: parts.action,
            agent: parts.agent,
            context: parts.context,
            title: parts.title,
            message: parts.message,
            requested_at: None,
            expires_at: parts.expires_at,
            rationale_required: false,
            // The token came with the body, over the one connection that the agent made to us.
            proven: Proven {
                signature: true,
                record: false,
            },
            payload,
            token: None,
        })))
    }

    async fn answer(&self, _task: &AnswerTask) -> AnswerResult {
        AnswerResult::Failed {
            error: "agents of this source fetch their verdict; there is nowhere to send it"
                .to_owned(),
        }
    }

    async fn forward(&self, forward: &Forward) -> AnswerResult {
        Forwarder::pass_on(self.forwarder.as_ref(), forward).await
    }
}

/// The id in the body, else the header: a body that names itself is the same request whatever key an attempt is sent with.
fn request_id(members: &Map<String, Value>, headers: &HeaderMap) -> Result<RequestId, Malformed> {
    let in_header = idempotency_key(headers)?;
    let in_body = match text(members, "id")? {
        Some(id) => Some(RequestId::parse(&id).map_err(|reason| Malformed::Name {
            field: "id",
            reason,
        })?),
        None => None,
    };
    in_body.or(in_header).ok_or(Malformed::NoId)
}

/// The key in the header: bare, or as a quoted string of structured fields (RFC 8941).
fn idempotency_key(headers: &HeaderMap) -> Result<Option<RequestId>, Malformed> {
    let mut values = headers.get_all("idempotency-key").iter();
    let (value, None) = (values.next(), values.next()) else {
        return Err(Malformed::IdempotencyKey);
    };
    let Some(value) = value else { return Ok(None) };
    let raw = value.to_str().map_err(|_| Malformed::IdempotencyKey)?;
    let key = match raw.strip_prefix('"') {
        Some(quoted) => unquote(quoted).ok_or(Malformed::IdempotencyKey)?,
        None => raw.to_owned(),
    };
    RequestId::parse(&key)
        .map(Some)
        .map_err(|_| Malformed::IdempotencyKey)
}

fn unquote(quoted: &str) -> Option<String> {
    let mut key = String::new();
    let mut characters = quoted.strip_suffix('"')?.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return None,
            '\\' => key.push(
                characters
                    .next()
                    .filter(|escaped| matches!(escaped, '"' | '\\'))?,
            ),
            other => key.push(other),
        }
    }
    Some(key)
}

/// A string, if it is there; null is the same as not there.
fn text(members: &Map<String, Value>, field: &'static str) -> Result<Option<String>, Malformed> {
    match members.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(
            Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_),
        ) => Err(Malformed::Field {
            field,
            expected: "a string that is not empty",
        }),
    }
}

fn context(members: &Map<String, Value>) -> Result<Option<Value>, Malformed> {
    match members.get("context") {
        None => Ok(None),
        Some(object @ Value::Object(_)) => Ok(Some(object.clone())),
        Some(
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_),
        ) => Err(Malformed::Field {
            field: "context",
            expected: "an object",
        }),
    }
}

fn unknown_key(key: &str) -> Malformed {
    let near = KEYS
        .iter()
        .map(|known| (strsim::damerau_levenshtein(known, key), known))
        .filter(|(distance, known)| *distance <= 1.max(known.len() / 3))
        .min_by_key(|(distance, _)| *distance);
    let hint = match near {
        Some((_, known)) => format!("; did you mean `{known}`?"),
        None => format!(
            "; facts of the ask go into `context`, beside it are {}",
            listed(&KEYS)
        ),
    };
    Malformed::UnknownKey {
        key: key.chars().take(80).flat_map(char::escape_debug).collect(),
        hint,
    }
}

fn listed(keys: &[&str]) -> String {
    keys.iter()
        .map(|key| format!("`{key}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests;
