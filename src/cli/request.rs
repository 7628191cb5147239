//! A request on the command line: a policy input in a file or on stdin, or a sample that holds one.

use std::io::Read;
use std::path::Path;

use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::json;
use crate::policy::Input;

/// A policy input with the time that it is decided at.
pub(super) struct Request {
    /// Its fields as they were written, `now` included.
    pub(super) fields: Map<String, Value>,
    /// The same, for policies.
    pub(super) input: Input,
    /// Its own time, else the one of reading it.
    pub(super) now: Timestamp,
}

impl Request {
    /// Reads the file at `path`, or `stdin` where it is `-`.
    pub(super) fn read(path: &Path, stdin: &mut dyn Read, now: Timestamp) -> anyhow::Result<Self> {
        let name = path.display();
        let bytes = if path.as_os_str() == "-" {
            let mut bytes = Vec::new();
            stdin.read_to_end(&mut bytes).map(|_| bytes)
        } else {
            std::fs::read(path)
        };
        let bytes = bytes.with_context(|| format!("`{name}` cannot be read"))?;
        let is_wrong =
            || format!("`{name}` is not a policy input (`countersign schema input` says what is)");
        let (fields, now) = read_input(&bytes, now).with_context(is_wrong)?;
        let text = Value::Object(fields.clone()).to_string();
        let input = Input::parse(&text).with_context(is_wrong)?;
        Ok(Self { fields, input, now })
    }
}

/// The policy input in `bytes` and the time that it is decided at: its own, else `now`, which is then in it.
fn read_input(bytes: &[u8], now: Timestamp) -> anyhow::Result<(Map<String, Value>, Timestamp)> {
    let mut fields = match json::parse(bytes)? {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            anyhow::bail!("it is not an object")
        }
    };
    if let Some(Value::Object(input)) = fields.get("input") {
        // A sample: what is expected of it is for those who run samples.
        fields = input.clone();
    }
    let now = match fields.get("now") {
        None => now,
        Some(Value::String(text)) => text
            .parse()
            .with_context(|| format!("its `now`, `{text}`, is not an RFC 3339 time"))?,
        Some(
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_),
        ) => {
            anyhow::bail!("its `now` is not an RFC 3339 time")
        }
    };
    fields.insert("now".to_owned(), now.to_string().into());
    Ok((fields, now))
}
