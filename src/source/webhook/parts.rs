//! From a payload, or from a platform's record, to a request.
//!
//! What must hold: a part that is missing is absent; the id, a time or a capability of the wrong kind is refused; what
//! answers the request is in none of the parts, wherever the platform repeats it.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Number, Value};

use crate::domain::id::{RequestId, SourceName};
use crate::domain::request::{Proven, Request};
use crate::json::Pointer;
use crate::secret::Secret;
use crate::source::blot::{Mark, blot_out, blot_out_of_text};
use crate::source::fields::{Content, read_moment};
use crate::source::webhook::capability::Capabilities;
use crate::source::webhook::settings::Fields;
use crate::source::{FieldRule, Malformed};

/// Numbers from here on are milliseconds: as seconds they would be later than the year 5000.
const FIRST_MILLISECONDS: f64 = 1e11;

/// Whose requests are read, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) source: &'a SourceName,
    pub(super) platform: &'static str,
    pub(super) fields: &'a Fields,
    pub(super) volatile: &'a [Pointer],
}

impl Reader<'_> {
    /// The request in `payload`.
    pub(super) fn read(&self, mut payload: Value, proven: Proven) -> Result<Request, Malformed> {
        let fields = self.fields;
        let id = id_in(&fields.id, &payload)?;
        let mut lasting = payload.clone();
        for volatile in self.volatile {
            volatile.remove(&mut lasting);
        }
        let content = self
            .content(&lasting)?
            .digest(self.capabilities(&lasting)?.pack().as_ref());

        let capabilities = self.capabilities(&payload)?;
        for rule in [&fields.token, &fields.callback].into_iter().flatten() {
            rule.take_out(&mut payload);
        }
        let marked = |value: &mut Value| {
            for (secret, mark) in marks(&capabilities) {
                blot_out(value, secret, mark);
            }
        };
        marked(&mut payload);
        let mut parts = self.content(&payload)?;
        // A part may have been hidden in a string's JSON, where it is escaped.
        if let Some(context) = &mut parts.context {
            marked(context);
        }
        for text in [
            &mut parts.action,
            &mut parts.agent,
            &mut parts.title,
            &mut parts.message,
        ]
        .into_iter()
        .flatten()
        {
            for (secret, mark) in marks(&capabilities) {
                blot_out_of_text(text, secret, mark);
            }
        }
        Ok(Request {
            source: self.source.clone(),
            platform: self.platform,
            id,
            scope: String::new(),
            action: parts.action,
            agent: parts.agent,
            context: parts.context,
            title: parts.title,
            message: parts.message,
            requested_at: moment(fields.requested_at.as_ref(), &payload, "requested_at")?,
            expires_at: parts.expires_at,
            rationale_required: rationale_required(fields.rationale_required.as_ref(), &payload),
            proven,
            payload,
            token: capabilities.pack(),
            content,
        })
    }

    fn content(&self, payload: &Value) -> Result<Content, Malformed> {
        let fields = self.fields;
        let text =
            |rule: &Option<FieldRule>| rule.as_ref().and_then(|rule| rule.find_text(payload));
        Ok(Content {
            action: text(&fields.action),
            agent: text(&fields.agent),
            context: fields.context.as_ref().and_then(|rule| rule.find(payload)),
            title: text(&fields.title),
            message: text(&fields.message),
            expires_at: moment(fields.expires_at.as_ref(), payload, "expires_at")?,
        })
    }

    fn capabilities(&self, payload: &Value) -> Result<Capabilities, Malformed> {
        let secret = |rule: &Option<FieldRule>, field| match rule
            .as_ref()
            .and_then(|rule| rule.find(payload))
        {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(Secret::new(text))),
            Some(
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_)
                | Value::Object(_),
            ) => Err(Malformed::Field {
                field,
                expected: "a string that is not empty",
            }),
        };
        Ok(Capabilities {
            token: secret(&self.fields.token, "token")?,
            callback: secret(&self.fields.callback, "callback")?,
        })
    }
}

/// What the platform calls the request: a string or an integer.
pub(super) fn id_in(rule: &FieldRule, payload: &Value) -> Result<RequestId, Malformed> {
    let id = rule
        .find(payload)
        .as_ref()
        .and_then(text_or_integer)
        .ok_or(Malformed::Field {
            field: "id",
            expected: "a string or an integer",
        })?;
    RequestId::parse(&id).map_err(|reason| Malformed::Name {
        field: "id",
        reason,
    })
}

/// The text of a string or an integer; of nothing else, since other numbers have several texts.
pub(super) fn text_or_integer(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}

/// The callback first: it may hold the token.
fn marks(capabilities: &Capabilities) -> impl Iterator<Item = (&Secret, Mark)> {
    let callback = capabilities
        .callback
        .iter()
        .map(|secret| (secret, Mark::Callback));
    callback.chain(
        capabilities
            .token
            .iter()
            .map(|secret| (secret, Mark::Token)),
    )
}

/// Only a plain `false`, or nothing at all, is a no.
fn rationale_required(rule: Option<&FieldRule>, payload: &Value) -> bool {
    rule.and_then(|rule| rule.find(payload))
        .is_some_and(|required| required != Value::Bool(false))
}

/// A time as platforms write it: RFC 3339, the same without a zone for UTC, or as a number the seconds or milliseconds
/// since 1970.
fn moment(
    rule: Option<&FieldRule>,
    payload: &Value,
    field: &'static str,
) -> Result<Option<Timestamp>, Malformed> {
    let Some(found) = rule.and_then(|rule| rule.find(payload)) else {
        return Ok(None);
    };
    let read = match &found {
        Value::String(text) => read_moment(text),
        Value::Number(number) => since_1970(number),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    read.map(Some).ok_or(Malformed::Field {
        field,
        expected: "a date and time by RFC 3339, as `2026-01-31T12:00:00Z`, or a Unix time as a number",
    })
}

fn since_1970(number: &Number) -> Option<Timestamp> {
    let number = number.as_f64().filter(|number| *number >= 0.0)?;
    let seconds = if number < FIRST_MILLISECONDS {
        number
    } else {
        number / 1000.0
    };
    let since = SignedDuration::try_from_secs_f64(seconds).ok()?;
    Timestamp::UNIX_EPOCH.checked_add(since).ok()
}
