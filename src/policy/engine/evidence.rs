//! Whether the facts a condition rests on were there.

use regorus::Value;

use crate::domain::rationale::is_hidden;
use crate::policy::engine::reads::{Key, Path};

/// The first place along `path` where the input has nothing: its path as one would write it, and what was there.
pub(crate) fn missing(input: &Value, path: &Path) -> Option<(String, String)> {
    Walk {
        input,
        shown: "input".to_owned(),
    }
    .at(input, path)
}

/// A path as one would write it.
pub(crate) fn written(path: &Path) -> String {
    let mut shown = "input".to_owned();
    for key in path {
        match key {
            Key::Is(key) | Key::Optional(key) => shown.push_str(&step(key)),
            Key::Every | Key::At(_) | Key::Computed => shown.push_str("[…]"),
            Key::Elements => {}
            Key::NoData(name) => shown.clone_from(name),
        }
    }
    shown
}

struct Walk<'a> {
    input: &'a Value,
    shown: String,
}

impl Walk<'_> {
    fn at(&mut self, value: &Value, path: &[Key]) -> Option<(String, String)> {
        let saw = match value {
            Value::Undefined => "absent",
            Value::Null => "null",
            Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Set(_)
            | Value::Object(_) => "",
        };
        if !saw.is_empty() {
            return Some((self.shown.clone(), saw.to_owned()));
        }
        let (key, rest) = path.split_first()?;
        match key {
            Key::Optional(key) if value[key] == Value::Undefined => {
                if has_parts(value) {
                    return None;
                }
                let saw = format!("{}, which has no parts", kind(value));
                Some((self.shown.clone(), saw))
            }
            Key::Is(key) | Key::Optional(key) => self.below(value, key, rest),
            Key::Elements if has_parts(value) => None,
            Key::Elements => {
                let saw = format!("{}, which has no elements", kind(value));
                Some((self.shown.clone(), saw))
            }
            Key::Every => self.every(value, rest),
            Key::At(other) => {
                // The other path is a read of its own: here it is only looked up.
                let key = look_up(self.input, other)?;
                self.below(value, &key, rest)
            }
            Key::NoData(name) => Some((name.clone(), "absent".to_owned())),
            Key::Computed => Some((
                format!("{}[…]", self.shown),
                "a part that cannot be told".to_owned(),
            )),
        }
    }

    fn below(&mut self, value: &Value, key: &Value, rest: &[Key]) -> Option<(String, String)> {
        let length = self.shown.len();
        self.shown.push_str(&step(key));
        let found = self.at(&value[key], rest);
        self.shown.truncate(length);
        found
    }

    fn every(&mut self, value: &Value, rest: &[Key]) -> Option<(String, String)> {
        match value {
            Value::Array(items) => {
                let mut items = items.iter().zip(0_u64..);
                items.find_map(|(_, index)| self.below(value, &Value::from(index), rest))
            }
            Value::Object(fields) => fields
                .iter_sorted()
                .find_map(|(key, _)| self.below(value, key, rest)),
            Value::Set(items) => items
                .iter_sorted()
                .find_map(|item| self.below(value, item, rest)),
            Value::Undefined
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_) => Some((
                self.shown.clone(),
                format!("{}, which has no elements", kind(value)),
            )),
        }
    }
}

fn has_parts(value: &Value) -> bool {
    match value {
        Value::Array(_) | Value::Set(_) | Value::Object(_) => true,
        Value::Undefined | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            false
        }
    }
}

fn look_up(input: &Value, path: &Path) -> Option<Value> {
    let mut value = input;
    for key in path {
        match key {
            Key::Is(key) => value = &value[key],
            Key::Optional(_)
            | Key::Elements
            | Key::Every
            | Key::At(_)
            | Key::Computed
            | Key::NoData(_) => return None,
        }
    }
    (*value != Value::Undefined).then(|| value.clone())
}

fn step(key: &Value) -> String {
    let Value::String(name) = key else {
        return format!("[{}]", super::show(key));
    };
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain && name.len() <= 64 && !name.contains(is_hidden) {
        format!(".{name}")
    } else {
        format!("[{}]", super::show(key))
    }
}

/// The kind of a value, in words.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Undefined => "absent",
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Set(_) => "a set",
        Value::Object(_) => "an object",
    }
}
