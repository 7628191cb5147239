//! JSON pointers (RFC 6901): where in a payload a field is.

use std::fmt;

use serde_json::{Map, Value};

/// A checked JSON pointer. The empty one is the whole value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    raw: String,
    steps: Vec<String>,
}

/// Why a text is not a JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPointer {
    /// It does not begin at the root.
    #[error("`{0}` is not a JSON pointer; it starts with `/`, as in `/context/amount`")]
    Relative(String),
    /// `~` is followed by something other than `0` or `1`.
    #[error("`{0}` is not a JSON pointer; write `~0` for `~` and `~1` for `/` inside a key")]
    Escape(String),
}

impl Pointer {
    /// Parses a pointer as the config has it.
    pub fn parse(raw: &str) -> Result<Self, InvalidPointer> {
        if raw.is_empty() {
            return Ok(Self {
                raw: String::new(),
                steps: Vec::new(),
            });
        }
        let Some(path) = raw.strip_prefix('/') else {
            return Err(InvalidPointer::Relative(raw.to_owned()));
        };
        let steps = path
            .split('/')
            .map(|step| unescape(step).ok_or_else(|| InvalidPointer::Escape(raw.to_owned())))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            raw: raw.to_owned(),
            steps,
        })
    }

    /// What is there in `value`; `None` when a step of the way is missing.
    pub fn find<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        value.pointer(&self.raw)
    }

    /// The same, to be changed.
    pub fn find_mut<'a>(&self, value: &'a mut Value) -> Option<&'a mut Value> {
        value.pointer_mut(&self.raw)
    }

    /// The keys, and places in arrays, that lead there.
    pub fn steps(&self) -> &[String] {
        &self.steps
    }

    /// Takes what is there out of `value`: the key goes from its object. An array's item becomes null, so that its
    /// neighbours keep their places; so does the whole value.
    pub fn remove(&self, value: &mut Value) -> Option<Value> {
        let Some((last, parents)) = self.steps.split_last() else {
            return Some(value.take());
        };
        let mut parent = String::new();
        for step in parents {
            parent.push('/');
            parent.push_str(&escape(step));
        }
        match value.pointer_mut(&parent)? {
            Value::Object(members) => members.shift_remove(last),
            array @ Value::Array(_) => array
                .pointer_mut(&format!("/{}", escape(last)))
                .map(Value::take),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        }
    }

    /// Puts `content` there, for what was there before. Objects are made on the way where there is nothing; an array
    /// does not grow. Says whether it is there now: no other value on the way is replaced.
    pub fn put(&self, value: &mut Value, content: Value) -> bool {
        let mut place = value;
        for step in &self.steps {
            if place.is_null() {
                *place = Value::Object(Map::new());
            }
            let next = match place {
                Value::Object(members) => Some(members.entry(step.as_str()).or_insert(Value::Null)),
                array @ Value::Array(_) => array.pointer_mut(&format!("/{}", escape(step))),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
            };
            let Some(next) = next else { return false };
            place = next;
        }
        *place = content;
        true
    }

    /// The pointer as text.
    pub fn as_str(&self) -> &str {
        &self.raw
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.raw)
    }
}

/// One key as a step of a pointer.
pub(super) fn escape(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

fn unescape(step: &str) -> Option<String> {
    let mut key = String::with_capacity(step.len());
    let mut characters = step.chars();
    while let Some(character) = characters.next() {
        key.push(match character {
            '~' => match characters.next() {
                Some('0') => '~',
                Some('1') => '/',
                Some(_) | None => return None,
            },
            other => other,
        });
    }
    Some(key)
}
