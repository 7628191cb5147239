//! A JSON value as a Rego term. The engine reads no line that is longer than 1,024 bytes and nothing nested too deeply, and a
//! source file must not hide what it says: so long texts are put together from pieces, what lies too deep is JSON in a
//! text, and no character is written that cannot be seen.

use std::fmt::Write as _;

use serde_json::Value;

use crate::domain::rationale::is_hidden;
use crate::json;

/// A text that is longer as a literal, in bytes, is put together from pieces of at most this length.
const LONGEST: usize = 300;
/// Containers within containers up to here are written as such.
const DEEPEST: usize = 5;

/// `value` as a term.
pub(super) fn literal(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value, 0);
    text
}

fn write(into: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            let plain = value.to_string();
            if plain.len() > LONGEST {
                write_as_json(into, value, depth);
            } else {
                into.push_str(&plain);
            }
        }
        Value::String(text) => write_text(into, text, depth),
        Value::Array(items) if items.is_empty() => into.push_str("[]"),
        Value::Object(members) if members.is_empty() => into.push_str("{}"),
        Value::Array(_) | Value::Object(_) if depth >= DEEPEST => write_as_json(into, value, depth),
        Value::Array(items) => {
            into.push_str("[\n");
            for item in items {
                indent(into, depth + 1);
                write(into, item, depth + 1);
                into.push_str(",\n");
            }
            indent(into, depth);
            into.push(']');
        }
        Value::Object(members) => {
            let names: Vec<String> = members.keys().map(|key| quoted(key)).collect();
            if names.iter().any(|name| name.len() > LONGEST) {
                write_as_json(into, value, depth);
                return;
            }
            into.push_str("{\n");
            for (name, member) in names.iter().zip(members.values()) {
                indent(into, depth + 1);
                into.push_str(name);
                into.push_str(": ");
                write(into, member, depth + 1);
                into.push_str(",\n");
            }
            indent(into, depth);
            into.push('}');
        }
    }
}

fn write_as_json(into: &mut String, value: &Value, depth: usize) {
    into.push_str("json.unmarshal(");
    write_text(into, &json::canonical(value), depth);
    into.push(')');
}

fn write_text(into: &mut String, text: &str, depth: usize) {
    let whole = quoted(text);
    if whole.len() <= LONGEST {
        into.push_str(&whole);
        return;
    }
    into.push_str("concat(\"\", [\n");
    let mut piece = String::new();
    let push = |into: &mut String, piece: &mut String| {
        indent(into, depth + 1);
        into.push('"');
        into.push_str(piece);
        into.push_str("\",\n");
        piece.clear();
    };
    for character in text.chars() {
        escape(&mut piece, character);
        if piece.len() > LONGEST {
            push(into, &mut piece);
        }
    }
    if !piece.is_empty() {
        push(into, &mut piece);
    }
    indent(into, depth);
    into.push_str("])");
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        escape(&mut quoted, character);
    }
    quoted.push('"');
    quoted
}

/// As JSON escapes it. The engine's `"` literals know no other escapes, and no interpolation.
fn escape(into: &mut String, character: char) {
    match character {
        '"' => into.push_str("\\\""),
        '\\' => into.push_str("\\\\"),
        '\n' => into.push_str("\\n"),
        '\r' => into.push_str("\\r"),
        '\t' => into.push_str("\\t"),
        _ if is_hidden(character) || u32::from(character) > 0xffff => {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                let _ = write!(into, "\\u{unit:04x}");
            }
        }
        _ => into.push(character),
    }
}

fn indent(into: &mut String, depth: usize) {
    into.extend(std::iter::repeat_n('\t', depth));
}
