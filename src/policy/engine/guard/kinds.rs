//! Values of different kinds.
//!
//! Every value has a place in the order of all values, so a comparison of a text with a number comes out true or false
//! and says nothing: `true < 100` holds in plain Rego.

use regorus::Value;

/// How deep two collections are compared.
const DEEPEST: usize = 8;

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

fn is_same(a: &Value, b: &Value) -> bool {
    kind(a) == kind(b)
}

/// What is wrong with comparing the two, if they could never be alike; the first is the one that is shown.
pub(super) fn compared(left: &Value, right: &Value) -> Option<String> {
    (!is_same(left, right)).then(|| format!("{}, compared with {}", kind(left), kind(right)))
}

/// The same of their parts, at the same place of two collections.
pub(super) fn inside(left: &Value, right: &Value) -> Option<String> {
    parts_of(left, right, 0)
}

fn parts_of(left: &Value, right: &Value, depth: usize) -> Option<String> {
    if depth > DEEPEST {
        return None;
    }
    let parts = |left: &Value, right: &Value| {
        let absent = *left == Value::Undefined || *right == Value::Undefined;
        let mixed = if absent { None } else { compared(left, right) };
        mixed.or_else(|| parts_of(left, right, depth + 1))
    };
    match (left, right) {
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            let mut pairs = left.iter().zip(right.iter());
            pairs.find_map(|(left, right)| parts(left, right))
        }
        (Value::Object(left), Value::Object(_)) => left
            .iter_sorted()
            .find_map(|(key, value)| parts(value, &right[key])),
        (Value::Set(left), Value::Set(_)) => {
            let mut all = left.iter_sorted();
            all.find_map(|member| sought(member, right))
        }
        _ => None,
    }
}

/// What is wrong with putting the members of a collection in an order, if they are of different kinds: `null` sorts before
/// every number.
pub(super) fn ordered(collection: &Value) -> Option<String> {
    let members: Vec<&Value> = match collection {
        Value::Array(items) => items.iter().collect(),
        Value::Set(items) => items.iter_sorted().collect(),
        Value::Undefined
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Object(_) => return None,
    };
    let (first, rest) = members.split_first()?;
    if **first == Value::Null {
        return Some("null among what is put in order".to_owned());
    }
    let other = rest.iter().find(|other| !is_same(first, other))?;
    Some(format!(
        "{}, put in order with {}",
        kind(other),
        kind(first)
    ))
}

/// What is wrong with the members that two sets have in common, if one could be a member of the other in no case.
pub(super) fn shared(members: &Value, of: &Value) -> Option<String> {
    let (Value::Set(members), Value::Set(_)) = (members, of) else {
        return None;
    };
    let mut members = members.iter_sorted();
    members.find_map(|member| sought(member, of))
}

/// What is wrong with looking for a value in a collection, if no member is of its kind.
pub(super) fn sought(member: &Value, collection: &Value) -> Option<String> {
    if *member == Value::Null {
        return None;
    }
    let mut any = false;
    let mut alike = |other: &Value| {
        any = true;
        is_same(member, other) && inside(member, other).is_none()
    };
    let found = match collection {
        Value::Array(items) => items.iter().any(&mut alike),
        Value::Set(items) => items.iter_sorted().any(&mut alike),
        Value::Object(fields) => fields.iter_sorted().any(|(_, value)| alike(value)),
        Value::Undefined | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return None;
        }
    };
    (any && !found).then(|| format!("{} among values of other kinds", kind(member)))
}

/// What is wrong with a key that was looked up and not found, if no key is of its kind.
pub(super) fn looked_up(container: &Value, key: &Value) -> Option<String> {
    let mut any = false;
    let mut alike = |other: &Value| {
        any = true;
        is_same(key, other)
    };
    let found = match container {
        Value::Object(fields) => fields.iter_sorted().any(|(key, _)| alike(key)),
        Value::Set(items) => items.iter_sorted().any(&mut alike),
        Value::Array(_) => matches!(key, Value::Number(_)),
        Value::Undefined | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return None;
        }
    };
    let is_array = matches!(container, Value::Array(_));
    ((any || is_array) && !found).then(|| format!("{} as a key among others", kind(key)))
}
