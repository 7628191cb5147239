//! Which event a delivery is.

use http::{HeaderMap, HeaderName};
use serde_json::Value;

use crate::domain::id::RequestId;
use crate::domain::platform::PlatformOutcome;
use crate::source::Malformed;
use crate::source::webhook::settings::{Events, Place};
use crate::source::webhook::{MAXIMUM_SHOWN, parts};

/// One event, as the platform calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) kind: Kind,
    word: String,
    /// The delivery's own id.
    pub(super) delivery: Option<String>,
}

/// What an event is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Asks,
    Ends,
    Other,
}

impl Event {
    /// Finds the event's word and the delivery's id where `events` says they are. A word that is not listed is another
    /// event; no word at all is no event.
    pub(super) fn find(
        events: &Events,
        headers: &HeaderMap,
        payload: &Value,
    ) -> Result<Self, Malformed> {
        let word = match &events.at {
            Place::Body(pointer) => pointer
                .find(payload)
                .and_then(Value::as_str)
                .filter(|word| !word.is_empty())
                .ok_or(Malformed::Field {
                    field: "event",
                    expected: "a string that is not empty",
                })?,
            Place::Header(name) => only(headers, name)?.ok_or(NO_HEADER)?,
        };
        let kind = if events.request.iter().any(|asks| asks == word) {
            Kind::Asks
        } else if events.resolved.iter().any(|ends| ends == word) {
            Kind::Ends
        } else {
            Kind::Other
        };
        Ok(Self {
            kind,
            word: word.to_owned(),
            delivery: delivery_id(events.id.as_ref(), headers, payload)?,
        })
    }

    /// The platform's word, shortened.
    pub(super) fn shown(&self) -> String {
        self.word.chars().take(MAXIMUM_SHOWN).collect()
    }

    /// The outcome that the word itself names: its last part, as in `approval.approved`.
    pub(super) fn outcome(&self) -> Option<PlatformOutcome> {
        let last = self.word.rsplit(['.', ':', '/']).next()?;
        (!last.is_empty()).then(|| PlatformOutcome::parse(last))
    }
}

const NO_HEADER: Malformed = Malformed::Field {
    field: "event",
    expected: "a header that comes once",
};

/// A delivery whose id is none cannot be told from another: it is refused.
fn delivery_id(
    place: Option<&Place>,
    headers: &HeaderMap,
    payload: &Value,
) -> Result<Option<String>, Malformed> {
    let found = match place {
        None => return Ok(None),
        Some(Place::Header(name)) => only(headers, name)?.map(str::to_owned),
        Some(Place::Body(pointer)) => match pointer.find(payload) {
            None | Some(Value::Null) => None,
            Some(id) => Some(parts::text_or_integer(id).ok_or(Malformed::Field {
                field: "event id",
                expected: "a string or an integer",
            })?),
        },
    };
    found
        .map(|id| {
            RequestId::parse(&id)
                .map(String::from)
                .map_err(|reason| Malformed::Name {
                    field: "event id",
                    reason,
                })
        })
        .transpose()
}

/// A header that may come once at most.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Malformed> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => match value.to_str() {
            Ok(text) if !text.is_empty() => Ok(Some(text)),
            Ok(_) | Err(_) => Err(NO_HEADER),
        },
        (Some(_), Some(_)) => Err(NO_HEADER),
    }
}
