//! Reading JSON of our own through serde, with what strangers put into it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// A value in which every key is a key. `serde_json::Value` reads an object whose first key is one that it uses inside as
/// the text behind that key: a person would be shown another request than the one that was made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plain(pub Value);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AsItIs).map(Self)
    }
}

struct AsItIs;

impl<'de> Visitor<'de> for AsItIs {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        let number =
            Number::from_f64(number).ok_or_else(|| E::custom("a number is out of range"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Plain(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some((key, Plain(member))) = members.next_entry::<String, Plain>()? {
            all.insert(key, member);
        }
        Ok(Value::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_serde_json_takes_for_its_own_is_read_as_it_is() {
        for text in [
            r#"{"$serde_json::private::RawValue":"{\"amount\":50}"}"#,
            r#"{"$serde_json::private::Number":"50"}"#,
            r#"[null,true,-1,1.5,18446744073709551615,"a",{"b":{"$serde_json::private::RawValue":"1"},"a":[]}]"#,
        ] {
            let Plain(value) = serde_json::from_str(text).unwrap();
            assert_eq!(value.to_string(), text);
            let Plain(again) = serde_json::from_value(value.clone()).unwrap();
            assert_eq!(again, value);
        }
    }
}
