//! JSON as strangers send it: read strictly, or refused with the place.
//!
//! Two readers must never see two requests in the same bytes. So a key given twice, a number that would change its
//! value by being read, bytes that are not UTF-8 and text after the end are refused here, where `serde_json` alone would
//! take the last key, round the number, and go on.

mod number;
mod plain;
mod pointer;
mod same;

pub use plain::Plain;
pub use pointer::{InvalidPointer, Pointer};
pub use same::same;

use serde_json::{Map, Value};

/// How many arrays and objects may be open at once.
pub const MAXIMUM_DEPTH: usize = 64;

/// Reads one JSON text.
///
/// What is printed from the result is the same value again, with one exception: negative zero is read as zero, since no
/// policy can tell them apart and their texts differ.
pub fn parse(bytes: &[u8]) -> Result<Value, Refused> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Refused::at(error.valid_up_to(), Problem::NotUtf8))?;
    if text.starts_with('\u{feff}') {
        return Err(Refused::at(0, Problem::ByteOrderMark));
    }
    let mut reader = Reader { text, at: 0 };
    reader.skip_whitespace();
    if reader.peek().is_none() {
        return Err(Refused::at(reader.at, Problem::Empty));
    }
    let value = reader.value(0)?;
    reader.skip_whitespace();
    match reader.rest().chars().next() {
        None => Ok(value),
        Some(_) => Err(reader.refuse(Problem::Trailing)),
    }
}

/// The one text of a value, for digests: keys sorted by their bytes, no spaces, numbers and strings as `serde_json`
/// prints them.
pub fn canonical(value: &Value) -> String {
    let mut text = Vec::with_capacity(1024);
    write_canonical(value, &mut text);
    // `serde_json` writes UTF-8 and nothing else.
    String::from_utf8(text)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Why bytes were not taken as JSON, and where. It is shown to the sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} (byte {byte}{})", shown_place(.pointer))]
pub struct Refused {
    /// What is wrong.
    pub problem: Problem,
    /// Offset of it from the start, from 0.
    pub byte: usize,
    /// JSON pointer to the innermost value it is in; empty at the top.
    pub pointer: String,
}

/// What can be wrong with bytes that should be JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// There are no bytes, or only white space.
    #[error("the body is empty; send a JSON value")]
    Empty,
    /// JSON is UTF-8 and nothing else.
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// A byte order mark is not JSON.
    #[error("the body starts with a byte order mark; leave it out")]
    ByteOrderMark,
    /// The text stops inside a value.
    #[error("the JSON ends too early")]
    Ended,
    /// Some other character was due.
    #[error("expected {expected}, found `{}`", .found.escape_debug())]
    Unexpected {
        /// What was due.
        expected: &'static str,
        /// What was there.
        found: char,
    },
    /// A string holds a raw control character.
    #[error("a control character in a string must be escaped")]
    ControlCharacter,
    /// A string holds an escape that stands for no character.
    #[error("a string holds an escape that stands for no character")]
    Escape,
    /// An object has the key twice, once escapes are resolved.
    #[error("the key `{}` is given twice; send it once", shown_text(.key))]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// More than [`MAXIMUM_DEPTH`] arrays and objects are open.
    #[error("arrays and objects are nested deeper than {MAXIMUM_DEPTH}")]
    TooDeep,
    /// The number is none that is held exactly.
    #[error(
        "the number `{}` would change its value when read; send fewer digits, or a string",
        shown_text(.lexeme)
    )]
    Number {
        /// As it was written.
        lexeme: String,
    },
    /// There is more after the value.
    #[error("there is something after the end of the JSON value")]
    Trailing,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value, Refused> {
        match self.peek() {
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(_) | None => Err(self.unexpected("a value")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Refused> {
        self.open(depth)?;
        let mut members = Map::new();
        if self.take(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            let key_at = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a key in double quotes"));
            }
            let key = self.string()?;
            if members.contains_key(&key) {
                return Err(Refused::at(key_at, Problem::DuplicateKey { key }));
            }
            self.skip_whitespace();
            if !self.take(b':') {
                return Err(self.unexpected("`:`"));
            }
            self.skip_whitespace();
            let value = self.value(depth).map_err(|refused| refused.inside(&key))?;
            members.insert(key, value);
            self.skip_whitespace();
            if self.take(b'}') {
                return Ok(Value::Object(members));
            }
            if !self.take(b',') {
                return Err(self.unexpected("`,` or `}`"));
            }
            self.skip_whitespace();
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, Refused> {
        self.open(depth)?;
        let mut items = Vec::new();
        if self.take(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            let item = self
                .value(depth)
                .map_err(|refused| refused.inside(&items.len().to_string()))?;
            items.push(item);
            self.skip_whitespace();
            if self.take(b']') {
                return Ok(Value::Array(items));
            }
            if !self.take(b',') {
                return Err(self.unexpected("`,` or `]`"));
            }
            self.skip_whitespace();
        }
    }

    fn open(&mut self, depth: usize) -> Result<(), Refused> {
        if depth > MAXIMUM_DEPTH {
            return Err(self.refuse(Problem::TooDeep));
        }
        self.at += 1;
        self.skip_whitespace();
        Ok(())
    }

    fn string(&mut self) -> Result<String, Refused> {
        let start = self.at;
        let mut escaped = false;
        self.at += 1;
        loop {
            match self.peek() {
                None => return Err(self.refuse(Problem::Ended)),
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(0..=0x1f) => return Err(self.refuse(Problem::ControlCharacter)),
                Some(_) => self.at += 1,
            }
        }
        let end = self.at;
        self.at += 1;
        let wrong_escape = || Refused::at(start, Problem::Escape);
        if escaped {
            let quoted = self.text.get(start..=end).ok_or_else(wrong_escape)?;
            return serde_json::from_str(quoted).map_err(|_| wrong_escape());
        }
        Ok(self
            .text
            .get(start + 1..end)
            .ok_or_else(wrong_escape)?
            .to_owned())
    }

    fn number(&mut self) -> Result<Value, Refused> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        let lexeme = self.text.get(start..self.at).unwrap_or_default();
        number::exact(lexeme).map(Value::Number).ok_or_else(|| {
            Refused::at(
                start,
                Problem::Number {
                    lexeme: lexeme.to_owned(),
                },
            )
        })
    }

    fn digits(&mut self) -> Result<(), Refused> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start {
            Err(self.unexpected("a digit"))
        } else {
            Ok(())
        }
    }

    fn word(&mut self, word: &'static str, value: Value) -> Result<Value, Refused> {
        if self.rest().starts_with(word) {
            self.at += word.len();
            return Ok(value);
        }
        Err(self.unexpected("a value"))
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        if there {
            self.at += 1;
        }
        there
    }

    fn skip_whitespace(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn unexpected(&self, expected: &'static str) -> Refused {
        match self.rest().chars().next() {
            Some(found) => self.refuse(Problem::Unexpected { expected, found }),
            None => self.refuse(Problem::Ended),
        }
    }

    fn refuse(&self, problem: Problem) -> Refused {
        Refused::at(self.at.min(self.text.len()), problem)
    }
}

impl Refused {
    fn at(byte: usize, problem: Problem) -> Self {
        Self {
            problem,
            byte,
            pointer: String::new(),
        }
    }

    // The pointer grows from the inside out as the error returns, so that a good body pays nothing for it.
    fn inside(mut self, step: &str) -> Self {
        self.pointer.insert_str(0, &pointer::escape(step));
        self.pointer.insert(0, '/');
        self
    }
}

fn shown_place(pointer: &str) -> String {
    if pointer.is_empty() {
        String::new()
    } else {
        format!(", in `{}`", shown_text(pointer))
    }
}

fn shown_text(text: &str) -> String {
    const LONGEST_SHOWN: usize = 100;
    let mut shown: String = text
        .chars()
        .take(LONGEST_SHOWN)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(LONGEST_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

fn write_canonical(value: &Value, text: &mut Vec<u8>) {
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| key.as_str());
            text.push(b'{');
            for (position, (key, member)) in sorted.into_iter().enumerate() {
                if position > 0 {
                    text.push(b',');
                }
                write_scalar(key.as_str(), text);
                text.push(b':');
                write_canonical(member, text);
            }
            text.push(b'}');
        }
        Value::Array(items) => {
            text.push(b'[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    text.push(b',');
                }
                write_canonical(item, text);
            }
            text.push(b']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            write_scalar(value, text);
        }
    }
}

fn write_scalar(scalar: impl serde::Serialize, text: &mut Vec<u8>) {
    // Memory takes every byte, and no string, number or word is refused.
    let _ = serde_json::to_writer(text, &scalar);
}

#[cfg(test)]
mod tests;
