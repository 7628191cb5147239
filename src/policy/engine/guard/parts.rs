//! What stands in collections and documents.

use std::sync::Arc;

use regorus::Value;

use super::kinds::kind;
use super::seen::{Node, Place, Seen, doubt, has_parts};

/// The members of a collection with their keys; those of a set are their own.
pub(super) fn parts(over: &Seen) -> Vec<(Seen, Seen)> {
    let member = |key: Value, value: Value| {
        let place = over.below(&key);
        let key = Seen::known(key);
        (
            key,
            Seen {
                sure: None,
                value,
                doubt: None,
                place,
            },
        )
    };
    match &over.value {
        Value::Array(items) => items
            .iter()
            .zip(0_u64..)
            .map(|(item, index)| member(Value::from(index), item.clone()))
            .collect(),
        Value::Object(fields) => fields
            .iter_sorted()
            .map(|(key, value)| member(key.clone(), value.clone()))
            .collect(),
        Value::Set(items) => items
            .iter_sorted()
            .map(|item| {
                let (_, value) = member(item.clone(), item.clone());
                (value.clone(), value)
            })
            .collect(),
        Value::Undefined | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Vec::new()
        }
    }
}

/// Whether a collection has a member.
pub(super) fn has(collection: &Value, member: &Value) -> bool {
    match collection {
        Value::Array(items) => items.contains(member),
        Value::Set(items) => items.contains(member),
        Value::Object(fields) => fields.iter_sorted().any(|(_, value)| value == member),
        Value::Undefined | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            false
        }
    }
}

/// What stands in the input at a path of literal keys.
pub(super) fn input_at(input: &Value, path: &[(Value, Arc<Node>)]) -> Seen {
    let mut value = input;
    let mut above: Option<&Arc<Node>> = None;
    for (key, node) in path {
        let part = &value[key];
        if *part == Value::Undefined {
            let written = || above.map_or_else(|| "input".to_owned(), |node| node.written());
            let why = if *value == Value::Null {
                doubt(written(), "null")
            } else if has_parts(value) {
                doubt(node.written(), "absent")
            } else {
                doubt(written(), format!("{}, which has no parts", kind(value)))
            };
            let last = path.last().map(|(_, node)| Place::At(node.clone()));
            return Seen {
                sure: None,
                value: Value::Undefined,
                doubt: Some(why),
                place: last.unwrap_or(Place::Nowhere),
            };
        }
        value = part;
        above = Some(node);
    }
    Seen {
        sure: None,
        value: value.clone(),
        doubt: None,
        place: above.map_or(Place::Nowhere, |node| Place::At(node.clone())),
    }
}
