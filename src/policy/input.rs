//! What a policy sees of a request: the document `input`, version 1.
//!
//! A field the sender did not give is absent, never null. [`schema`] describes it for editors and tests.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::domain::request::Request;
use crate::json;
use crate::policy::engine::Document;

/// The version of the document.
pub const VERSION: u64 = 1;

/// A policy input: canonical text, and the same document for the engine.
#[derive(Debug, Clone)]
pub struct Input {
    text: String,
    /// The action, or what there is instead.
    action: Result<String, &'static str>,
    /// The same for the engine, or why it cannot take it: then nothing is evaluated, and a person decides.
    document: Result<Document, String>,
}

/// Why a text is no policy input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// It is not JSON, or not JSON that everyone reads alike.
    #[error("the policy input is not valid JSON: {0}")]
    Json(#[from] json::Refused),
    /// It is JSON, but no object.
    #[error("the policy input must be an object, as `countersign schema input` describes it")]
    NotAnObject,
    /// The engine cannot take it.
    #[error("the policy input cannot be evaluated: {0}")]
    Unusable(String),
}

impl Input {
    /// Reads a policy input from JSON text.
    pub fn parse(text: &str) -> Result<Self, InputError> {
        let value = json::parse(text.as_bytes())?;
        if !value.is_object() {
            return Err(InputError::NotAnObject);
        }
        let input = Self::from_value(&value);
        match &input.document {
            Ok(_) => Ok(input),
            Err(error) => Err(InputError::Unusable(error.clone())),
        }
    }

    /// The policy input of a request at the time it is decided.
    pub fn of(request: &Request, now: Timestamp) -> Self {
        let proven = request.proven;
        let given = |text: &Option<String>| text.as_ref().map(|text| Cow::Owned(json!(text)));
        let moment = |at: Option<Timestamp>| at.map(|at| Cow::Owned(json!(at.to_string())));
        let agent = request.agent.as_ref();
        let fields: [(&str, Option<Cow<'_, Value>>); 15] = [
            ("version", Some(Cow::Owned(json!(VERSION)))),
            ("source", Some(Cow::Owned(json!(request.source)))),
            ("platform", Some(Cow::Owned(json!(request.platform)))),
            ("id", Some(Cow::Owned(json!(request.id)))),
            ("action", given(&request.action)),
            (
                "agent",
                agent.map(|agent| Cow::Owned(json!({ "id": agent }))),
            ),
            ("context", request.context.as_ref().map(Cow::Borrowed)),
            ("title", given(&request.title)),
            ("message", given(&request.message)),
            ("requested_at", moment(request.requested_at)),
            ("expires_at", moment(request.expires_at)),
            (
                "rationale_required",
                Some(Cow::Owned(json!(request.rationale_required))),
            ),
            ("now", moment(Some(now))),
            (
                "verified",
                Some(Cow::Owned(
                    json!({ "signature": proven.signature, "record": proven.record }),
                )),
            ),
            ("payload", Some(Cow::Borrowed(&request.payload))),
        ];
        let fields: BTreeMap<&str, Cow<'_, Value>> = fields
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)))
            .collect();
        let texts: Vec<String> = fields
            .iter()
            .map(|(key, value)| format!("\"{key}\":{}", json::canonical(value)))
            .collect();
        Self {
            text: format!("{{{}}}", texts.join(",")),
            action: action_in(fields.get("action").map(Cow::as_ref)),
            document: Document::of_fields(&fields),
        }
    }

    fn from_value(value: &Value) -> Self {
        Self {
            text: json::canonical(value),
            action: action_in(value.get("action")),
            document: Document::of(value),
        }
    }

    /// The document as canonical JSON: keys sorted, no spaces.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn document(&self) -> Result<&Document, &str> {
        self.document.as_ref().map_err(String::as_str)
    }

    /// The action, or what there is instead.
    pub(crate) fn action(&self) -> Result<&str, &'static str> {
        self.action.as_deref().map_err(|saw| *saw)
    }
}

fn action_in(value: Option<&Value>) -> Result<String, &'static str> {
    match value {
        Some(Value::String(action)) => Ok(action.clone()),
        None => Err("absent"),
        Some(Value::Null) => Err("null"),
        Some(Value::Bool(_)) => Err("a boolean"),
        Some(Value::Number(_)) => Err("a number"),
        Some(Value::Array(_)) => Err("an array"),
        Some(Value::Object(_)) => Err("an object"),
    }
}

/// The JSON Schema of the policy input.
pub fn schema() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let time = |description: &str| json!({ "type": "string", "format": "date-time", "description": description });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "countersign policy input",
        "description": "What a policy sees as `input`. A field the sender did not give is absent, never null.",
        "type": "object",
        "required": ["version", "source", "platform", "id", "rationale_required", "now", "verified", "payload"],
        "additionalProperties": false,
        "properties": {
            "version": { "const": VERSION, "description": "The version of this document." },
            "source": text("The configured source that received the request."),
            "platform": text("The kind of that source: `tracemem`, `http`, …"),
            "id": text("What the asker calls the request."),
            "action": text("What the agent wants to do, dotted: `stripe.refund`."),
            "agent": {
                "type": "object",
                "description": "Who wants to do it.",
                "required": ["id"],
                "additionalProperties": false,
                "properties": { "id": text("The agent's id.") }
            },
            "context": { "description": "The facts of the ask, as the platform gave them." },
            "title": text("Free text by the agent. Never a ground to approve on."),
            "message": text("Free text by the agent. Never a ground to approve on."),
            "requested_at": time("When the platform says it was asked."),
            "expires_at": time("After this the platform takes no answer."),
            "rationale_required": { "type": "boolean", "description": "Whether the platform insists on a rationale." },
            "now": time("The time of the decision; `time.now_ns()` is the same."),
            "verified": {
                "type": "object",
                "description": "What is known beyond what the sender claims.",
                "required": ["signature", "record"],
                "additionalProperties": false,
                "properties": {
                    "signature": { "type": "boolean", "description": "The sender proved that the body is theirs." },
                    "record": { "type": "boolean", "description": "The platform's own record of the request was read back." }
                }
            },
            "payload": { "description": "The whole body less its secrets." }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{ContentDigest, RequestId, SourceName};
    use crate::domain::request::Proven;

    fn request() -> Request {
        Request {
            source: SourceName::parse("refunds").unwrap(),
            platform: "tracemem",
            id: RequestId::parse("appr_1").unwrap(),
            scope: String::new(),
            action: Some("stripe.refund".into()),
            agent: Some("billing-bot".into()),
            context: Some(json!({ "amount": 42, "a": [1.5, "x"] })),
            title: Some("Refund".into()),
            message: Some("please".into()),
            requested_at: Some(Timestamp::UNIX_EPOCH),
            expires_at: Some(Timestamp::UNIX_EPOCH),
            rationale_required: true,
            proven: Proven {
                signature: true,
                record: false,
            },
            payload: json!({ "event": "approval.requested" }),
            token: None,
            content: ContentDigest::of(&[]),
        }
    }

    #[test]
    fn a_request_becomes_the_documented_input() {
        let input = Input::of(&request(), Timestamp::UNIX_EPOCH);
        insta::assert_snapshot!(input.text(), @r#"{"action":"stripe.refund","agent":{"id":"billing-bot"},"context":{"a":[1.5,"x"],"amount":42},"expires_at":"1970-01-01T00:00:00Z","id":"appr_1","message":"please","now":"1970-01-01T00:00:00Z","payload":{"event":"approval.requested"},"platform":"tracemem","rationale_required":true,"requested_at":"1970-01-01T00:00:00Z","source":"refunds","title":"Refund","verified":{"record":false,"signature":true},"version":1}"#);
        assert_eq!(Input::parse(input.text()).unwrap().text(), input.text());
    }

    #[test]
    fn what_is_not_given_is_absent() {
        let request = Request {
            action: None,
            agent: None,
            context: None,
            title: None,
            message: None,
            requested_at: None,
            expires_at: None,
            ..request()
        };
        let input = Input::of(&request, Timestamp::UNIX_EPOCH);
        insta::assert_snapshot!(input.text(), @r#"{"id":"appr_1","now":"1970-01-01T00:00:00Z","payload":{"event":"approval.requested"},"platform":"tracemem","rationale_required":true,"source":"refunds","verified":{"record":false,"signature":true},"version":1}"#);
    }

    #[test]
    fn the_schema_describes_every_field_and_what_is_always_there() {
        let schema = schema();
        let properties = schema.pointer("/properties").unwrap().as_object().unwrap();
        let full: Value =
            serde_json::from_str(Input::of(&request(), Timestamp::UNIX_EPOCH).text()).unwrap();
        let mut described: Vec<&String> = properties.keys().collect();
        described.sort();
        assert_eq!(
            described,
            full.as_object().unwrap().keys().collect::<Vec<_>>()
        );
        let bare = Request {
            action: None,
            agent: None,
            context: None,
            title: None,
            message: None,
            requested_at: None,
            expires_at: None,
            ..request()
        };
        let bare: Value =
            serde_json::from_str(Input::of(&bare, Timestamp::UNIX_EPOCH).text()).unwrap();
        let mut required: Vec<&str> = schema["required"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        required.sort_unstable();
        assert_eq!(
            required,
            bare.as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .collect::<Vec<_>>()
        );
        for (name, value) in full.as_object().unwrap() {
            let kind = match value {
                Value::String(_) => "string",
                Value::Bool(_) => "boolean",
                Value::Object(_) => "object",
                Value::Number(_) | Value::Null | Value::Array(_) => continue,
            };
            if let Some(described) = properties[name].get("type") {
                assert_eq!(described, kind, "{name}");
            }
        }
    }

    #[test]
    fn a_key_the_engine_would_read_as_something_else_is_just_a_key() {
        let document = |context: &str| {
            let text = format!(r#"{{"action": "a", "context": {context}}}"#);
            Input::parse(&text).unwrap().document.unwrap()
        };
        let object = document(r#"{"$serde_json::private::Number": "50"}"#);
        assert_ne!(object, document("50"));
        assert_ne!(
            object,
            document(r#"{"$serde_json::private::Number": "50", "blocked": true}"#)
        );
        assert_ne!(object, document(r#"{"$serde_json::private::Number": "x"}"#));
    }
}
