//! Values that stand in for others: which are close by, and how far apart two are.

use serde_json::Value;

use crate::domain::decimal::Decimal;
use crate::domain::near::Need;

/// Members of one collection that are tried, those most like the value first.
pub(super) const MOST_MEMBERS: usize = 8;

/// Longer collections of the request are not rewritten.
const MOST_ITEMS: usize = 64;

/// What is tried after everything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    First,
    /// Digits that neither the value nor the threshold has.
    Finer,
}

/// A value that a person reads as one: no collection, and not null.
pub(super) fn is_plain(value: &Value) -> bool {
    matches!(value, Value::Bool(_) | Value::Number(_) | Value::String(_))
}

/// The members of a collection, or the keys that are looked up in it, those most like `now` first.
pub(super) fn members(collection: &Value, now: Option<&Value>) -> Vec<Value> {
    let mut members: Vec<Value> = match collection {
        Value::Array(items) => items
            .iter()
            .filter(|item| is_plain(item))
            .cloned()
            .collect(),
        Value::Object(members) => {
            let values = members.values().filter(|value| is_plain(value)).cloned();
            members
                .keys()
                .cloned()
                .map(Value::String)
                .chain(values)
                .collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    let now = now.map(ToString::to_string).unwrap_or_default();
    members.sort_by_cached_key(|member| differing(&now, &member.to_string()));
    members.truncate(MOST_MEMBERS);
    members
}

pub(super) fn including(collection: &Value, member: &Value) -> Option<Value> {
    let mut items = items(collection)?;
    (is_plain(member) && !items.contains(member)).then(|| {
        items.push(member.clone());
        Value::Array(items)
    })
}

pub(super) fn excluding(collection: &Value, member: &Value) -> Option<Value> {
    let mut items = items(collection)?;
    items.retain(|item| item != member);
    Some(Value::Array(items))
}

fn items(collection: &Value) -> Option<Vec<Value>> {
    match collection {
        Value::Array(items) if items.len() <= MOST_ITEMS && items.iter().all(is_plain) => {
            Some(items.clone())
        }
        Value::Array(_)
        | Value::Object(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_) => None,
    }
}

/// The numbers next to a threshold, by one unit of the coarser of the two numbers; later by one of the finer. A text
/// that is the number already comes first.
pub(super) fn around(now: Option<&Value>, need: Need, threshold: &Value) -> Vec<(Value, Turn)> {
    let Some(threshold) = decimal(threshold) else {
        return Vec::new();
    };
    let meant = now.and_then(meant);
    let places = meant.map_or(threshold.places(), Decimal::places);
    let coarse = places.min(threshold.places());
    // Between whole numbers there are prices, too.
    let fine = places.max(threshold.places()).max(2);
    let steps: &[i128] = match need {
        Need::Less => &[-1],
        Need::Greater => &[1],
        Need::Unequal => &[-1, 1],
        Need::AtMost | Need::AtLeast | Need::Equal => &[0],
        Need::In
        | Need::NotIn
        | Need::Contain
        | Need::NotContain
        | Need::Hold
        | Need::NotHold
        | Need::Match
        | Need::NotMatch => &[],
    };
    let moved = |places: u32, turn: Turn| {
        steps.iter().filter_map(move |&step| {
            let number = threshold.moved(step, places)?.number()?;
            Some((Value::Number(number), turn))
        })
    };
    let as_number = now
        .filter(|now| now.is_string())
        .and(meant)
        .and_then(Decimal::number)
        .map(|number| (Value::Number(number), Turn::First));
    as_number
        .into_iter()
        .chain(moved(coarse, Turn::First))
        .chain(moved(fine, Turn::Finer))
        .collect()
}

fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Number(number) => Decimal::of(number),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}

/// The number that a value is, or is the text of.
fn meant(value: &Value) -> Option<Decimal> {
    match value {
        Value::String(text) => decimal(&crate::json::parse(text.as_bytes()).ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            decimal(value)
        }
    }
}

/// How much of a value changes: of numbers the distance, relative to the larger; 1 for everything else.
pub(super) fn part(now: Option<&Value>, to: &Value) -> f64 {
    let numbers = now.and_then(meant).zip(decimal(to));
    let Some((now, to)) = numbers else {
        return 1.0;
    };
    let largest = now.approximately().abs().max(to.approximately().abs());
    match now.distance(to) {
        Some(apart) if largest > 0.0 => apart.approximately() / largest,
        Some(_) => 0.0,
        None => 2.0,
    }
}

/// How many characters of two texts are left when what they begin and end with alike is taken off.
pub(super) fn differing(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let shorter = one.len().min(other.len());
    let alike =
        |pairs: &mut dyn Iterator<Item = (&char, &char)>| pairs.take_while(|(a, b)| a == b).count();
    let beginning = alike(&mut one.iter().zip(&other));
    let ending = alike(&mut one.iter().rev().zip(other.iter().rev())).min(shorter - beginning);
    one.len() + other.len() - 2 * (beginning + ending)
}
