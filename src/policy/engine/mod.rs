//! The Rego engine behind the policies, and the only folder that names it.
//!
//! `parse` reads a file and refuses what the engine could not read in bounded time; `guard` works out what every rule gives
//! and how much of it is known; `program` and `run` are the second opinion, by the engine's virtual machine; `evaluate` puts
//! the two together; `interpreter` runs a set's own tests.

pub(crate) mod parse;
pub(crate) mod syntax;
pub(crate) mod catalog;
pub(crate) mod chains;
pub(crate) mod bodies;
pub(crate) mod annotations;
pub(crate) mod slice;
pub(crate) mod bounds;
pub(crate) mod program;
pub(crate) mod run;
pub(crate) mod guard;
pub(crate) mod element;
pub(crate) mod evaluate;
pub(crate) mod admission;
pub(crate) mod load;
pub(crate) mod lint;
pub mod interpreter;
pub mod inputs;
#[cfg(test)]
mod differential;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use regorus::Value;
use serde_json::{Number, Value as Json};

use crate::domain::rationale::is_hidden;

/// What the revision of a set says of the engine and its time-zone data: with another one, the same files may decide
/// otherwise.
pub static ENGINE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "regorus 0.14.1 rvm, time zones {}",
        chrono_tz::IANA_TZDB_VERSION
    )
});

/// Most characters of a value that are shown.
const MOST_SHOWN: usize = 120;

/// A document the engine reads: the input of one request, or the data of a set.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document(Value);

impl Document {
    /// Takes JSON as it is, every key for a key. The engine's own reader takes an object whose first key is one that
    /// `serde_json` uses inside for a number and drops the keys after it: whoever chooses keys could show policy something
    /// else than everybody else sees.
    pub(crate) fn of(json: &Json) -> Result<Self, String> {
        engines(json).map(Self)
    }

    /// A document with these keys.
    pub(crate) fn of_fields(fields: &BTreeMap<&str, Cow<'_, Json>>) -> Result<Self, String> {
        let fields: Result<BTreeMap<Value, Value>, String> = fields
            .iter()
            .map(|(key, value)| Ok((Value::from(*key), engines(value)?)))
            .collect();
        Ok(Self(Value::from(fields?)))
    }
}

fn engines(json: &Json) -> Result<Value, String> {
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::from(*truth),
        Json::Number(number) => engines_number(number)?,
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => {
            let items: Result<Vec<Value>, String> = items.iter().map(engines).collect();
            Value::from(items?)
        }
        Json::Object(members) => {
            let mut object = Value::new_object();
            let fields = object.as_object_mut().map_err(|error| error.to_string())?;
            for (key, member) in members {
                fields.insert(Value::from(key.as_str()), engines(member)?);
            }
            object
        }
    })
}

fn engines_number(number: &Number) -> Result<Value, String> {
    if let Some(whole) = number.as_u64() {
        return Ok(Value::from(whole));
    }
    if let Some(whole) = number.as_i64() {
        return Ok(Value::from(whole));
    }
    let float = number.as_f64().filter(|float| float.is_finite());
    float
        .map(Value::from)
        .ok_or_else(|| format!("the number {number} is out of range"))
}

/// A value as JSON on one line, cut short, with nothing in it that a terminal would obey.
pub(crate) fn show(value: &Value) -> String {
    if *value == Value::Undefined {
        return "undefined".to_owned();
    }
    // A set of ten thousand customers is not rendered to show its beginning.
    let mut start = Start(Vec::new());
    let whole = serde_json::to_writer(&mut start, value).is_ok();
    let text = String::from_utf8_lossy(&start.0);
    let mut shown = String::new();
    for (c, count) in text.trim_end_matches('\u{fffd}').chars().zip(0..) {
        if count == MOST_SHOWN {
            shown.push('…');
            return shown;
        }
        if is_hidden(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    if !whole {
        shown.push('…');
    }
    shown
}

/// Takes the first bytes and refuses the rest.
struct Start(Vec<u8>);

impl std::io::Write for Start {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() > MOST_SHOWN * 4 {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<u64>().prop_map(Into::into),
            any::<f64>().prop_map(|float| (float + 0.0).into()),
            "\\PC{0,8}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::hash_map("\\PC{0,4}", inner, 0..4)
                    .prop_map(|fields| { serde_json::Value::Object(fields.into_iter().collect()) }),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_document_is_the_same_by_way_of_its_text(json in json()) {
            let read = crate::json::parse(crate::json::canonical(&json).as_bytes()).unwrap();
            prop_assert_eq!(Document::of(&json), Document::of(&read));
        }
    }
}
