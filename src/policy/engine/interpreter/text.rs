//! How a failure is written: the text of statements and values, with nothing in it that a terminal would obey.

use regorus::Value;
use regorus::unstable::{Span, WithModifier};

use crate::domain::rationale::visible;
use crate::policy::engine::parse::{Parsed, bytes_of};
use crate::policy::engine::show;

/// How many values of one part are shown.
const MOST_VALUES: usize = 3;

/// The text of a span.
pub(super) fn text_of<'a>(parsed: &'a Parsed, span: &Span) -> &'a str {
    let (start, end) = bytes_of(span, &parsed.file.text);
    parsed.file.text.get(start..end).unwrap_or_default()
}

/// Where the value of `with … as value` is: the span of an object may begin at its last key.
pub(super) fn value_of(with: &WithModifier, source: &str) -> (usize, usize) {
    let start = bytes_of(with.refr.span(), source).1;
    let end = bytes_of(&with.span, source).1;
    let text = source.get(start..end).unwrap_or_default();
    let value = text
        .trim_start()
        .strip_prefix("as")
        .unwrap_or(text)
        .trim_start();
    (end - value.len(), end)
}

/// What a rule is worth of which no body held.
pub(super) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Undefined | Value::Bool(false) => true,
        Value::Set(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Null | Value::Bool(true) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            false
        }
    }
}

/// The values of a part, the first ones of many.
pub(super) fn shown(values: &[Value]) -> String {
    let mut shown: Vec<String> = values.iter().take(MOST_VALUES).map(show).collect();
    if shown.is_empty() {
        return show(&Value::Undefined);
    }
    if values.len() > MOST_VALUES {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}

/// Text of a file as it is printed: a tab is four columns.
pub(super) fn on_screen(text: &str) -> String {
    visible(&text.replace('\t', "    "))
}

/// Text of several lines as it would be written in one.
pub(super) fn on_one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ").replace("( ", "(").replace("[ ", "[");
    on_screen(&line.replace(", )", ")").replace(", ]", "]"))
}

/// Lines without what all of them are indented by.
pub(super) fn outdented(lines: &str) -> String {
    let indent_of = |line: &str| line.len() - line.trim_start().len();
    let filled = lines.lines().filter(|line| !line.trim().is_empty());
    let indent = filled.map(indent_of).min().unwrap_or_default();
    let cut = |line: &str| on_screen(line.get(indent..).unwrap_or_default().trim_end());
    lines.lines().map(cut).collect::<Vec<_>>().join("\n")
}
