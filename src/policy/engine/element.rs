//! What a rule may put into its set.

use regorus::Value;

use crate::diagnostic::did_you_mean;
use crate::domain::verdict::{RuleSet, Terms};
use crate::policy::engine::guard::kinds::kind;

/// A reason, and for `escalate` the terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) reason: String,
    pub(crate) terms: Terms,
}

/// Longest time a person may be given, in seconds: a year.
const LONGEST: u64 = 365 * 24 * 60 * 60;

/// The keys an element of this set may have.
pub(crate) fn keys(set: RuleSet) -> &'static [&'static str] {
    match set {
        RuleSet::Approve | RuleSet::Reject => &["reason"],
        RuleSet::Escalate => &["reason", "to", "votes", "within"],
    }
}

/// Reads an element; the error says what is wrong with it.
pub(crate) fn read(set: RuleSet, value: &Value) -> Result<Element, String> {
    let fields = match value {
        Value::String(reason) => {
            return Ok(Element {
                reason: reason.to_string(),
                terms: Terms::default(),
            });
        }
        Value::Object(fields) => fields,
        Value::Undefined
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Array(_)
        | Value::Set(_) => {
            return Err(format!(
                "an element of `{set}` must be a string or an object with `reason`, not {}",
                kind(value)
            ));
        }
    };
    let mut element = Element {
        reason: String::new(),
        terms: Terms::default(),
    };
    let mut reasoned = false;
    for (key, value) in fields.iter_sorted() {
        let Value::String(key) = key else {
            return Err(format!(
                "an element of `{set}` has a key that is {}",
                kind(key)
            ));
        };
        check_key(set, key)?;
        match &**key {
            "reason" => {
                element.reason = text("reason", value)?;
                reasoned = true;
            }
            "to" => element.terms.to = Some(text("to", value)?),
            "votes" => element.terms.votes = Some(votes(value)?),
            _ => element.terms.within_seconds = Some(seconds(&text("within", value)?)?),
        }
    }
    if !reasoned {
        return Err(format!("an element of `{set}` has no `reason`"));
    }
    Ok(element)
}

/// Refuses a key that an element of this set cannot have.
pub(crate) fn check_key(set: RuleSet, key: &str) -> Result<(), String> {
    let known = keys(set);
    if known.contains(&key) {
        return Ok(());
    }
    let hint = did_you_mean(key, known.iter().copied())
        .map(|near| format!("; did you mean `{near}`?"))
        .unwrap_or_default();
    Err(format!("an element of `{set}` has no key `{key}`{hint}"))
}

fn text(key: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Ok(text.to_string()),
        Value::String(_) => Err(format!("`{key}` is empty")),
        Value::Undefined
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Array(_)
        | Value::Set(_)
        | Value::Object(_) => Err(format!("`{key}` must be a string, not {}", kind(value))),
    }
}

fn votes(value: &Value) -> Result<u32, String> {
    let votes = match value {
        Value::Number(_) => value.as_u32().ok(),
        Value::Undefined
        | Value::Null
        | Value::Bool(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Set(_)
        | Value::Object(_) => None,
    };
    votes
        .filter(|votes| (1..=100).contains(votes))
        .ok_or_else(|| "`votes` must be a whole number from 1 to 100".to_owned())
}

/// Reads `30m`, `24h`, `2d`, `1h30m`.
pub(crate) fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || format!("`within` must be a time such as `30m`, `24h` or `2d`, not `{text}`");
    let mut total = 0_u64;
    let mut digits = String::new();
    for c in text.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let unit = match c {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(wrong()),
        };
        let count: u64 = digits.parse().map_err(|_| wrong())?;
        total = count
            .checked_mul(unit)
            .and_then(|part| total.checked_add(part))
            .ok_or_else(wrong)?;
        digits.clear();
    }
    if !digits.is_empty() || total == 0 || total > LONGEST {
        return Err(wrong());
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_json(set: RuleSet, json: &str) -> Result<Element, String> {
        read(set, &Value::from_json_str(json).unwrap())
    }

    #[test]
    fn an_element_is_a_reason_or_an_object_with_one() {
        let element = read_json(
            RuleSet::Escalate,
            r#"{"reason": "r", "to": "payments", "votes": 2, "within": "1h30m"}"#,
        )
        .unwrap();
        let terms = Terms {
            to: Some("payments".into()),
            votes: Some(2),
            within_seconds: Some(5_400),
        };
        assert_eq!(
            element,
            Element {
                reason: "r".into(),
                terms
            }
        );
        assert_eq!(
            read_json(RuleSet::Reject, r#""because""#).unwrap().reason,
            "because"
        );
    }

    #[test]
    fn anything_else_is_refused_in_words() {
        for (json, message) in [
            (
                "7",
                "an element of `escalate` must be a string or an object with `reason`, not a number",
            ),
            (r#"{"to": "x"}"#, "an element of `escalate` has no `reason`"),
            (
                r#"{"reason": "x", "vote": 2}"#,
                "an element of `escalate` has no key `vote`; did you mean `votes`?",
            ),
            (
                r#"{"reason": "x", "votes": 0}"#,
                "`votes` must be a whole number from 1 to 100",
            ),
            (
                r#"{"reason": "x", "votes": 1.5}"#,
                "`votes` must be a whole number from 1 to 100",
            ),
            (
                r#"{"reason": "x", "within": "soon"}"#,
                "`within` must be a time such as `30m`, `24h` or `2d`, not `soon`",
            ),
            (
                r#"{"reason": "x", "within": "99999999999999999999d"}"#,
                "`within` must be a time such as `30m`, `24h` or `2d`, not `99999999999999999999d`",
            ),
            (r#"{"reason": ""}"#, "`reason` is empty"),
        ] {
            assert_eq!(read_json(RuleSet::Escalate, json).unwrap_err(), message);
        }
        assert!(read_json(RuleSet::Approve, r#"{"reason": "x", "votes": 2}"#).is_err());
    }
}
