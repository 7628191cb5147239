//! Whether two values mean the same.

use serde_json::Value;

use super::number;

/// Whether both mean the same: the order of keys does not matter, nor does `50` written as `50.00`.
pub fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => number::same(one, other),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, value)| other.get(key).is_some_and(|another| same(value, another)))
        }
        (
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_),
            _,
        ) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use crate::json::parse;

    fn same(one: &str, other: &str) -> bool {
        let read = |text: &str| parse(text.as_bytes()).unwrap();
        let (one, other) = (read(one), read(other));
        assert_eq!(super::same(&one, &other), super::same(&other, &one));
        super::same(&one, &other)
    }

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        for (one, other) in [
            ("50", "50.00"),
            ("0", "-0.0"),
            ("1e3", "1000"),
            ("0.1", "0.10"),
            (r#"{"a": 1, "b": [2.0]}"#, r#"{"b": [2], "a": 1.0}"#),
        ] {
            assert!(same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn nothing_else_is_the_same() {
        for (one, other) in [
            ("50", "50.01"),
            ("50", "\"50\""),
            ("1", "true"),
            ("0", "null"),
            ("9007199254740993", "9007199254740992.0"),
            ("[1, 2]", "[2, 1]"),
            ("[1]", "[1, 1]"),
            (r#"{"a": 1}"#, r#"{"a": 1, "b": null}"#),
            (r#"{"a": null}"#, r#"{"b": null}"#),
            ("{}", "[]"),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
    }
}
