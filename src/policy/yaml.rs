//! YAML and JSON as policy files may hold them: one meaning, or refused. A key written twice, a key that is no string, a
//! number that JSON does not have and a tag are all errors, since each would be read one way here and another elsewhere.

use serde_json::{Map, Value};
use serde_yaml::Value as Yaml;

use crate::json;

/// The key under which serde_json hides a number's text; as a user's key it would turn an object into a number.
const HIDDEN_NUMBER: &str = "$serde_json::private::Number";

/// Why a text was refused, and the byte it was noticed at, where the parser says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    /// In the words of a diagnostic.
    pub(super) message: String,
    /// Byte offset in the text.
    pub(super) at: Option<usize>,
}

/// Reads one YAML document.
pub(super) fn parse(text: &str) -> Result<Value, Refused> {
    let mut value: Yaml = serde_yaml::from_str(text).map_err(|error| {
        let at = error.location().map(|location| location.index());
        Refused {
            message: without_location(&error.to_string()),
            at,
        }
    })?;
    value
        .apply_merge()
        .map_err(|error| refused(error.to_string()))?;
    to_json(value)
}

/// Reads one JSON document.
pub(super) fn parse_json(text: &str) -> Result<Value, Refused> {
    let value = json::parse(text.as_bytes()).map_err(|error| Refused {
        message: error.problem.to_string(),
        at: Some(error.byte),
    })?;
    without_hidden_numbers(&value).map(|()| value)
}

fn without_hidden_numbers(value: &Value) -> Result<(), Refused> {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        Value::Array(items) => items.iter().try_for_each(without_hidden_numbers),
        Value::Object(object) if object.contains_key(HIDDEN_NUMBER) => Err(unusable_key()),
        Value::Object(object) => object.values().try_for_each(without_hidden_numbers),
    }
}

fn unusable_key() -> Refused {
    refused(format!("`{HIDDEN_NUMBER}` is not a key that can be used"))
}

fn refused(message: impl Into<String>) -> Refused {
    Refused {
        message: message.into(),
        at: None,
    }
}

/// The parser ends its messages with ` at line 1 column 2`; the frame says that better.
fn without_location(message: &str) -> String {
    let end = message.rfind(" at line ").unwrap_or(message.len());
    message.get(..end).unwrap_or(message).to_owned()
}

fn to_json(value: Yaml) -> Result<Value, Refused> {
    Ok(match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(value),
        Yaml::String(value) => Value::String(value),
        Yaml::Number(number) => {
            let json = if let Some(whole) = number.as_i64() {
                Some(whole.into())
            } else if let Some(whole) = number.as_u64() {
                Some(whole.into())
            } else {
                number.as_f64().and_then(serde_json::Number::from_f64)
            };
            Value::Number(
                json.ok_or_else(|| refused(format!("`{number}` is not a number in JSON")))?,
            )
        }
        Yaml::Sequence(items) => {
            Value::Array(items.into_iter().map(to_json).collect::<Result<_, _>>()?)
        }
        Yaml::Mapping(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                let Yaml::String(key) = key else {
                    return Err(refused("a key is not a string; put it in quotes"));
                };
                if key == HIDDEN_NUMBER {
                    return Err(unusable_key());
                }
                object.insert(key, to_json(value)?);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tagged) => {
            return Err(refused(format!(
                "the tag `{}` means nothing here",
                tagged.tag
            )));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_written_twice_is_refused_where_it_stands() {
        let text = "{\n  \"a\": 1,\n  \"a\": 2\n}";
        let json = parse_json(text).unwrap_err();
        assert_eq!(json.message, "the key `a` is given twice; send it once");
        assert_eq!(
            text.get(..json.at.unwrap()).unwrap().matches('\n').count(),
            2
        );
        assert!(
            parse("a: 1\na: 2\n")
                .unwrap_err()
                .message
                .contains("duplicate")
        );
    }

    #[test]
    fn what_json_cannot_say_is_refused() {
        for text in [
            "a: .nan",
            "1: one",
            "a: !secret x",
            "? [a]\n: b",
            "a: 1\n---\nb: 2",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse_json(r#"{"a": {"$serde_json::private::Number": "1"}}"#).is_err());
        assert!(parse_json("{} {}").is_err());
    }

    #[test]
    fn anchors_and_merges_are_followed() {
        let value = parse("base: &base {a: 1}\nmore:\n  <<: *base\n  b: 2\n").unwrap();
        assert_eq!(value["more"], serde_json::json!({"a": 1, "b": 2}));
    }
}
