//! A list of records, taken apart without reading the records: one that cannot be read must not hide the others.
//!
//! What must hold: on the way to the list no key is given twice, so that there is one list and not two.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::domain::id::RequestId;
use crate::json::{self, Pointer};
use crate::source::FieldRule;
use crate::source::webhook::parts;

/// Why a list could not be taken apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Untaken {
    #[error("it is not JSON")]
    NotJson,
    #[error("the key `{}` is given twice", .0.escape_debug())]
    Twice(String),
    #[error("it holds no list at `{0}`")]
    NoList(Pointer),
}

/// The items at `list` in the JSON text `document`, each as it came.
pub(super) fn items(document: &str, list: &Pointer) -> Result<Vec<Box<RawValue>>, Untaken> {
    let found = at(document, list)?.ok_or_else(|| Untaken::NoList(list.clone()))?;
    if !found.starts_with('[') {
        return Err(Untaken::NoList(list.clone()));
    }
    serde_json::from_str(found).map_err(|_| Untaken::NotJson)
}

/// The text of a string, or an integer, at `place` in `document`; none where there is something else, or nothing.
pub(super) fn text(document: &str, place: &Pointer) -> Result<Option<String>, Untaken> {
    let Some(found) = at(document, place)? else {
        return Ok(None);
    };
    let value = json::parse(found.as_bytes()).ok();
    Ok(value.as_ref().and_then(parts::text_or_integer))
}

/// What a record is called, even where the rest of it cannot be read.
pub(super) fn id(rule: &FieldRule, record: &RawValue) -> Option<RequestId> {
    let id = match rule {
        FieldRule::At(pointer) => text(record.get(), pointer).ok()??,
        FieldRule::Or { .. }
        | FieldRule::Value(_)
        | FieldRule::Inside { .. }
        | FieldRule::FirstOf(_) => {
            let record: Value = json::parse(record.get().as_bytes()).ok()?;
            return parts::id_in(rule, &record).ok();
        }
    };
    RequestId::parse(&id).ok()
}

/// The JSON text at `place` in `document`.
fn at<'a>(document: &'a str, place: &Pointer) -> Result<Option<&'a str>, Untaken> {
    let whole: &RawValue = serde_json::from_str(document).map_err(|_| Untaken::NotJson)?;
    let mut found = whole.get();
    for step in place.steps() {
        let next = match found.as_bytes().first() {
            Some(b'{') => {
                let Members(members) = serde_json::from_str(found).map_err(|_| Untaken::NotJson)?;
                let mut named = members.into_iter().filter(|(key, _)| key == step);
                let first = named.next();
                if named.next().is_some() {
                    return Err(Untaken::Twice(step.chars().take(80).collect()));
                }
                first.map(|(_, member)| member)
            }
            Some(b'[') => {
                let items: Vec<&RawValue> =
                    serde_json::from_str(found).map_err(|_| Untaken::NotJson)?;
                step.parse()
                    .ok()
                    .and_then(|index: usize| items.get(index).copied())
            }
            Some(_) | None => None,
        };
        match next {
            Some(next) => found = next.get(),
            None => return Ok(None),
        }
    }
    Ok(Some(found))
}

/// The members of an object, every one of them, in order.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Every)
    }
}

struct Every;

impl<'de> Visitor<'de> for Every {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}
