//! What of a document does not fit a schema, in words.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a schema can fail in three dozen ways; those without words of their own are named by their keyword"
)]

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use super::compile::Schema;
use crate::domain::rationale::{bounded, visible};
use crate::domain::verdict::MissingEvidence;

/// Most characters of a value, or of the values that a schema allows, that are shown.
const MOST_SHOWN: usize = 120;

/// One place that does not fit.
pub(super) struct Misfit {
    /// `input.context.amount`.
    pub(super) path: String,
    /// `absent`, `null`, or what is wrong with what is there.
    pub(super) saw: String,
    /// The keyword in the schema, by JSON pointer.
    pub(super) pointer: String,
    file: String,
    line: u32,
}

impl Misfit {
    fn new(schema: &Schema, path: String, saw: String, pointer: &str) -> Self {
        let (line, _) = schema.place(pointer).line_and_column();
        Self {
            path,
            saw,
            pointer: pointer.to_owned(),
            file: schema.file.clone(),
            line,
        }
    }

    pub(super) fn evidence(self, rule: String) -> MissingEvidence {
        MissingEvidence {
            path: self.path,
            saw: self.saw,
            rule,
            file: self.file,
            line: self.line,
        }
    }
}

/// What of the part of `document` at `path` does not fit.
pub(super) fn misfits(schema: &Schema, path: &[String], document: &Value) -> Vec<Misfit> {
    let mut root = "input".to_owned();
    let mut part = document;
    for step in path {
        root += &written(step);
        match part.get(step) {
            Some(below) => part = below,
            None => return vec![Misfit::new(schema, root, "absent".to_owned(), "")],
        }
    }
    let errors = schema.validator.iter_errors(part).take(super::MOST_NAMED);
    errors
        .flat_map(|error| of_error(schema, &root, part, &error))
        .collect()
}

fn of_error(schema: &Schema, root: &str, part: &Value, error: &ValidationError<'_>) -> Vec<Misfit> {
    let pointer = error.schema_path().as_str();
    let path = format!("{root}{}", steps(part, error.instance_path().as_str()));
    let one = |saw: String| vec![Misfit::new(schema, path.clone(), saw, pointer)];
    let value = error.instance();
    let seen = seen(value);
    match error.kind() {
        Kind::Required { property } => {
            let name = property.as_str().map(written).unwrap_or_default();
            let path = format!("{path}{name}");
            vec![Misfit::new(schema, path, "absent".to_owned(), pointer)]
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            let saw = |name: &String| {
                let path = format!("{path}{}", written(name));
                let saw = "there, which the schema does not allow".to_owned();
                Misfit::new(schema, path, saw, pointer)
            };
            unexpected.iter().map(saw).collect()
        }
        Kind::Type { .. } => one(kind(value).to_owned()),
        Kind::Minimum { limit } => one(format!("{seen}, less than the minimum {limit}")),
        Kind::Maximum { limit } => one(format!("{seen}, more than the maximum {limit}")),
        Kind::ExclusiveMinimum { limit } => one(format!("{seen}, and must be more than {limit}")),
        Kind::ExclusiveMaximum { limit } => one(format!("{seen}, and must be less than {limit}")),
        Kind::MultipleOf { multiple_of } => one(format!("{seen}, no multiple of {multiple_of}")),
        Kind::Enum { options } => one(format!("{seen}, which is none of {}", short(options))),
        Kind::Constant { expected_value } => {
            one(format!("{seen}, and must be {}", short(expected_value)))
        }
        Kind::Pattern { pattern } => one(format!(
            "{seen}, which does not match `{}`",
            bounded(pattern, MOST_SHOWN)
        )),
        Kind::Format { format } => one(format!("{seen}, which is no {format}")),
        Kind::MinLength { limit } => one(format!("{seen}, shorter than {limit} characters")),
        Kind::MaxLength { limit } => one(format!("{seen}, longer than {limit} characters")),
        Kind::MinItems { limit } => one(format!("{seen} of fewer than {limit} items")),
        Kind::MaxItems { limit } => one(format!("{seen} of more than {limit} items")),
        Kind::MinProperties { limit } => one(format!("{seen} of fewer than {limit} fields")),
        Kind::MaxProperties { limit } => one(format!("{seen} of more than {limit} fields")),
        Kind::UniqueItems => one(format!("{seen} with an item twice")),
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => {
            one(format!("{seen}, which fits none of the choices"))
        }
        Kind::OneOfMultipleValid { .. } => {
            one(format!("{seen}, which fits more than one of the choices"))
        }
        Kind::FalseSchema => one("there, which the schema does not allow".to_owned()),
        other => one(format!(
            "{seen}, which `{}` does not allow",
            other.keyword()
        )),
    }
}

/// A value that is short as it is, else what kind of value it is.
fn seen(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => short(value),
        Value::Array(_) | Value::Object(_) => kind(value).to_owned(),
    }
}

fn short(value: &Value) -> String {
    bounded(&visible(&value.to_string()), MOST_SHOWN)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A JSON pointer into `value`, as one writes it in Rego.
fn steps(value: &Value, pointer: &str) -> String {
    let mut text = String::new();
    let mut at = Some(value);
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        at = match at {
            Some(Value::Array(items)) => {
                text.extend(["[", &*step, "]"]);
                step.parse::<usize>()
                    .ok()
                    .and_then(|index| items.get(index))
            }
            other => {
                text += &written(&step);
                other.and_then(|value| value.get(&step))
            }
        };
    }
    text
}

/// One step below an object.
fn written(step: &str) -> String {
    let mut characters = step.chars();
    let is_word = characters
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_word {
        format!(".{step}")
    } else {
        format!("[{}]", short(&Value::from(step)))
    }
}
