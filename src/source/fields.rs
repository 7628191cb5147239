//! Where in a payload the parts of a request are, and the digest of what was found.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::domain::id::ContentDigest;
use crate::json::{self, Pointer};
use crate::secret::Secret;
use crate::source::Malformed;

/// Where the parts are that a platform has no field of its own for. A part without a rule is absent.
#[derive(Debug, Clone, Default)]
pub struct FieldMap {
    /// What the agent wants to do; found only as a string.
    pub action: Option<FieldRule>,
    /// The facts of the ask.
    pub context: Option<FieldRule>,
    /// Who wants to do it; found only as a string.
    pub agent: Option<FieldRule>,
}

/// Where one part is.
#[derive(Debug, Clone)]
pub enum FieldRule {
    /// In the payload.
    At(Pointer),
    /// In the payload; this where it is missing or null.
    Or {
        /// The place.
        at: Pointer,
        /// What it is otherwise.
        default: Value,
    },
    /// It is always this.
    Value(Value),
    /// In JSON that a string of the payload holds. A string that is not strict JSON holds nothing.
    Inside {
        /// The string.
        at: Pointer,
        /// The place in its JSON.
        json: Pointer,
    },
    /// The first of these that is there.
    FirstOf(Vec<FieldRule>),
}

impl FieldRule {
    /// The part, unless it is missing or null.
    pub(super) fn find(&self, payload: &Value) -> Option<Value> {
        let found = match self {
            Self::At(pointer) => pointer.find(payload)?.clone(),
            Self::Or { at, default } => at
                .find(payload)
                .filter(|found| !found.is_null())
                .unwrap_or(default)
                .clone(),
            Self::Value(value) => value.clone(),
            Self::Inside { at, json: inside } => {
                let text = at.find(payload)?.as_str()?;
                inside.find(&json::parse(text.as_bytes()).ok()?)?.clone()
            }
            Self::FirstOf(rules) => return rules.iter().find_map(|rule| rule.find(payload)),
        };
        (!found.is_null()).then_some(found)
    }

    /// The part, if it is a string with something in it.
    pub(super) fn find_text(&self, payload: &Value) -> Option<String> {
        match self.find(payload)? {
            Value::String(text) if !text.is_empty() => Some(text),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => None,
        }
    }
}

impl FieldRule {
    /// Takes the part out of the payload, wherever the rule would find it.
    pub(super) fn take_out(&self, payload: &mut Value) {
        match self {
            Self::At(pointer) | Self::Or { at: pointer, .. } => {
                pointer.remove(payload);
            }
            Self::Value(_) => {}
            Self::Inside { at, json: inside } => {
                let Some(Value::String(text)) = at.find_mut(payload) else {
                    return;
                };
                if let Ok(mut document) = json::parse(text.as_bytes()) {
                    inside.remove(&mut document);
                    *text = document.to_string();
                }
            }
            Self::FirstOf(rules) => rules.iter().for_each(|rule| rule.take_out(payload)),
        }
    }
}

/// The parts of a request by which a second delivery is told from a conflict.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Content {
    pub(super) action: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) context: Option<Value>,
    pub(super) title: Option<String>,
    pub(super) message: Option<String>,
    pub(super) expires_at: Option<Timestamp>,
}

impl Content {
    /// The digest of the parts and of the request's capability.
    pub(super) fn digest(&self, token: Option<&Secret>) -> ContentDigest {
        let mut parts = Map::new();
        let mut add = |name: &str, part: Option<Value>| {
            if let Some(part) = part {
                parts.insert(name.to_owned(), part);
            }
        };
        add("action", self.action.clone().map(Value::from));
        add("agent", self.agent.clone().map(Value::from));
        add("context", self.context.clone());
        add("title", self.title.clone().map(Value::from));
        add("message", self.message.clone().map(Value::from));
        add(
            "expires_at",
            self.expires_at.map(|at| Value::from(at.to_string())),
        );
        add("token", token.map(|token| Value::from(token.expose())));
        ContentDigest::of(&[json::canonical(&Value::Object(parts)).as_bytes()])
    }
}

/// The moment under `field`, if there is one. A time without a zone is taken as UTC.
pub(super) fn moment(payload: &Value, field: &'static str) -> Result<Option<Timestamp>, Malformed> {
    match payload.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => read_moment(text).map(Some).ok_or_else(|| no_moment(field)),
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Err(no_moment(field))
        }
    }
}

/// The moment under `field`, if there is one, which must say its offset from UTC: an agent that leaves it out may mean its own
/// clock, and be hours off.
pub(super) fn zoned_moment(
    payload: &Value,
    field: &'static str,
) -> Result<Option<Timestamp>, Malformed> {
    let found = moment(payload, field)?;
    let written = payload.get(field).and_then(Value::as_str);
    let time = written.and_then(|text| text.split_once(['T', 't', ' ']));
    match (found, time) {
        (Some(_), Some((_, time))) if !time.contains(['Z', 'z', '+', '-']) => {
            Err(Malformed::Field {
                field,
                expected: "a date and time with its offset from UTC, as `2026-01-31T12:00:00Z`",
            })
        }
        (found, _) => Ok(found),
    }
}

fn no_moment(field: &'static str) -> Malformed {
    Malformed::Field {
        field,
        expected: "a date and time by RFC 3339, as `2026-01-31T12:00:00Z`",
    }
}

/// A time by RFC 3339; without a zone it is taken as UTC.
pub(super) fn read_moment(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let (hours, _) = time.split_once(':')?;
    let plain = |text: &str, more: &[u8]| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit() || more.contains(&byte))
    };
    if !plain(date, b"-") || !plain(hours, b"") || !plain(time, b":.Zz+-") {
        return None;
    }
    if plain(time, b":.") {
        let naive: DateTime = text.parse().ok()?;
        return naive
            .to_zoned(TimeZone::UTC)
            .ok()
            .map(|zoned| zoned.timestamp());
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn pointer(raw: &str) -> Pointer {
        Pointer::parse(raw).unwrap()
    }

    #[test]
    fn a_part_is_found_where_the_rule_says() {
        let payload = json!({
            "intent": "stripe.refund",
            "message": r#"{"amount": 49, "kind": "refund"}"#,
            "broken": r#"{"amount": 1, "amount": 900}"#,
            "nothing": null,
        });
        let inside = |at: &str, json: &str| FieldRule::Inside {
            at: pointer(at),
            json: pointer(json),
        };
        for (rule, found) in [
            (
                FieldRule::At(pointer("/intent")),
                Some(json!("stripe.refund")),
            ),
            (FieldRule::At(pointer("/missing")), None),
            (FieldRule::At(pointer("/nothing")), None),
            (FieldRule::Value(json!("fixed")), Some(json!("fixed"))),
            (inside("/message", "/amount"), Some(json!(49))),
            (
                inside("/message", ""),
                Some(json!({"amount": 49, "kind": "refund"})),
            ),
            (inside("/message", "/missing"), None),
            (inside("/intent", "/amount"), None),
            (inside("/broken", "/amount"), None),
            (inside("/missing", "/amount"), None),
            (
                FieldRule::FirstOf(vec![
                    FieldRule::At(pointer("/nothing")),
                    FieldRule::At(pointer("/intent")),
                    FieldRule::Value(json!("last")),
                ]),
                Some(json!("stripe.refund")),
            ),
            (FieldRule::FirstOf(vec![]), None),
        ] {
            assert_eq!(rule.find(&payload), found, "{rule:?}");
        }
        assert_eq!(
            inside("/message", "/kind").find_text(&payload),
            Some("refund".to_owned())
        );
        assert_eq!(inside("/message", "/amount").find_text(&payload), None);
    }

    #[test]
    fn a_moment_is_read_by_rfc_3339_and_as_utc_without_a_zone() {
        let read =
            |text: &str| moment(&json!({"at": text}), "at").map(|at| at.unwrap().to_string());
        for text in [
            "2026-02-25T17:30:00Z",
            "2026-02-25T17:30:00",
            "2026-02-25 17:30:00",
            "2026-02-25T18:30:00+01:00",
            "2026-02-25t17:30:00z",
        ] {
            assert_eq!(read(text).unwrap(), "2026-02-25T17:30:00Z", "{text}");
        }
        assert_eq!(
            read("2026-02-25T23:51:33.984319").unwrap(),
            "2026-02-25T23:51:33.984319Z"
        );
        for text in [
            "",
            "N/A",
            "soon",
            "2026-02-25",
            "2026-02-30T00:00:00Z",
            "2026-02-25T25:00:00Z",
            "1740504600",
            "2026-02-25T17:30:00Z[Europe/Berlin]",
            "2026-02-25T17:30:00 CET",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(moment(&json!({"at": 1_740_504_600}), "at").is_err());
        assert_eq!(moment(&json!({"at": null}), "at"), Ok(None));
        assert_eq!(moment(&json!({}), "at"), Ok(None));
    }

    #[test]
    fn the_order_of_keys_does_not_make_another_content() {
        let content = |context: &str| Content {
            context: Some(json::parse(context.as_bytes()).unwrap()),
            ..Content::default()
        };
        let digest = content(r#"{"a": 1, "b": {"c": 2, "d": 3}}"#).digest(None);
        assert_eq!(
            content(r#"{"b": {"d": 3, "c": 2}, "a": 1}"#).digest(None),
            digest
        );
        assert_ne!(
            content(r#"{"b": {"d": 3, "c": 2}, "a": 2}"#).digest(None),
            digest
        );
    }

    fn any_content() -> impl Strategy<Value = (Content, Option<String>)> {
        let text = || prop::option::of("[ab]{0,2}");
        let context = prop::option::of(prop_oneof![
            Just(json!({})),
            Just(json!({"a": 1})),
            Just(json!("a"))
        ]);
        let expiry =
            prop::option::of((0_i64..3).prop_map(|second| Timestamp::from_second(second).unwrap()));
        (text(), text(), context, text(), text(), expiry, text()).prop_map(
            |(action, agent, context, title, message, expires_at, token)| {
                (
                    Content {
                        action,
                        agent,
                        context,
                        title,
                        message,
                        expires_at,
                    },
                    token,
                )
            },
        )
    }

    proptest! {
        #[test]
        fn digests_are_equal_exactly_when_contents_are(one in any_content(), other in any_content()) {
            let digest = |(content, token): &(Content, Option<String>)| {
                content.digest(token.as_ref().map(Secret::new).as_ref())
            };
            prop_assert_eq!(digest(&one) == digest(&other), one == other);
        }
    }
}
