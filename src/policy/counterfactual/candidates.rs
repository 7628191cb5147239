//! Which changes may be enough: read from the comparisons that came out otherwise than an approval needs them.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::decimal::Decimal;
use crate::domain::explanation::{
    Comparison, ExplainedCondition, ExplainedRule, Explanation, Side,
};
use crate::domain::near::{Change, Need, approvers, failing, falls_short};
use crate::domain::verdict::{RuleSet, Truth};

/// Members of one collection that are tried, those most like the value first.
const MOST_MEMBERS: usize = 8;

/// Longer collections of the request are not rewritten.
const MOST_ITEMS: usize = 64;

/// The changes that may be enough, the smallest first, each once.
pub(super) fn candidates(explanation: &Explanation, input: &Value) -> Vec<Change> {
    let mut found = Found {
        input,
        asked_for: asked_for(explanation),
        proposed: Vec::new(),
    };
    for rule in approvers(explanation) {
        found.for_approval(rule);
    }
    for rule in &explanation.rules {
        // A veto without a false condition stands in the way, whether it is known to hold or not.
        if rule.set != RuleSet::Approve && rule.truth != Truth::False {
            found.against_veto(rule);
        }
    }
    let mut proposed = found.proposed;
    proposed.sort_by(Proposal::by_size);
    let mut changes: Vec<Change> = Vec::new();
    for Proposal { change, .. } in proposed {
        if !changes.contains(&change) {
            changes.push(change);
        }
    }
    changes
}

/// A change and how large it is.
struct Proposal {
    change: Change,
    turn: Turn,
    /// Of numbers the part of the value that changes; of everything else as if all of it did.
    part: f64,
    characters: usize,
}

/// What is tried after everything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    First,
    /// Digits that neither the value nor the threshold has.
    Finer,
}

impl Proposal {
    fn by_size(&self, other: &Self) -> Ordering {
        let parts = self.part.total_cmp(&other.part);
        self.turn
            .cmp(&other.turn)
            .then(parts)
            .then(self.characters.cmp(&other.characters))
    }
}

struct Found<'a> {
    input: &'a Value,
    /// What policies compare a field with, by its pointer: what it could be instead.
    asked_for: BTreeMap<&'a str, Vec<&'a Value>>,
    proposed: Vec<Proposal>,
}

impl Found<'_> {
    /// What would make every failing condition of a rule hold. One change is enough only where all of them look at it.
    fn for_approval(&mut self, rule: &ExplainedRule) {
        let all: Vec<&ExplainedCondition> = failing(rule).collect();
        for condition in &all {
            for comparison in condition
                .comparisons
                .iter()
                .filter(|made| falls_short(made))
            {
                let others = || {
                    all.iter()
                        .filter(|other| !std::ptr::eq(**other, *condition))
                };
                self.turn(comparison, Need::wanted_by(comparison), |pointer| {
                    others().all(|other| may_depend_on(other, pointer))
                });
            }
        }
    }

    /// What would make one condition of a veto known not to hold.
    fn against_veto(&mut self, rule: &ExplainedRule) {
        for comparison in rule
            .conditions
            .iter()
            .flat_map(|condition| &condition.comparisons)
        {
            if comparison.truth == Truth::Unknown || !falls_short(comparison) {
                self.turn(comparison, Need::wanted_by(comparison).opposite(), |_| true);
            }
        }
    }

    /// Proposes what makes a comparison come out so, on whichever side the request can be changed.
    fn turn(&mut self, comparison: &Comparison, need: Need, is_enough: impl Fn(&str) -> bool) {
        let left = (&comparison.left, Some(need), comparison.right.as_ref());
        let right = comparison
            .right
            .as_ref()
            .map(|right| (right, need.from_the_right(), Some(&comparison.left)));
        for (side, need, other) in std::iter::once(left).chain(right) {
            let (Some(pointer), Some(need)) = (side.pointer.as_deref(), need) else {
                continue;
            };
            if !self.is_the_askers(pointer) || !is_enough(pointer) {
                continue;
            }
            let now = self.input.pointer(pointer).cloned();
            for (to, turn) in self.values(pointer, now.as_ref(), need, other) {
                self.propose(pointer, now.as_ref(), to, turn);
            }
        }
    }

    /// Whether whoever asks could have said something else there.
    fn is_the_askers(&self, pointer: &str) -> bool {
        let below = if self.input.get("context").is_some() {
            "/context/"
        } else {
            "/payload/"
        };
        pointer.starts_with(below)
    }

    /// The values that would be as needed.
    fn values(
        &self,
        pointer: &str,
        now: Option<&Value>,
        need: Need,
        other: Option<&Side>,
    ) -> Vec<(Value, Turn)> {
        let threshold = other.and_then(|side| side.value.as_ref());
        let first = |values: Vec<Value>| {
            values
                .into_iter()
                .map(|value| (value, Turn::First))
                .collect()
        };
        match (need, threshold) {
            (Need::Hold, _) => first(vec![Value::Bool(true)]),
            (Need::NotHold, _) => first(vec![Value::Bool(false)]),
            (Need::Equal, Some(threshold)) if is_plain(threshold) => first(vec![threshold.clone()]),
            (Need::Unequal, Some(Value::Bool(truth))) => first(vec![Value::Bool(!truth)]),
            (Need::In, Some(collection)) => first(members(collection, now)),
            (Need::Contain, Some(member)) => first(
                now.and_then(|now| including(now, member))
                    .into_iter()
                    .collect(),
            ),
            (Need::NotContain, Some(member)) => first(
                now.and_then(|now| excluding(now, member))
                    .into_iter()
                    .collect(),
            ),
            (Need::NotIn | Need::Unequal, Some(threshold)) => {
                let mut values = first(self.other_values(pointer, threshold));
                values.extend(around(now, need, threshold));
                values
            }
            (Need::Less | Need::AtMost | Need::Greater | Need::AtLeast, Some(threshold)) => {
                around(now, need, threshold)
            }
            // What a text would have to look like is not to be read from a pattern.
            (Need::Match | Need::NotMatch, _) => first(self.other_values(pointer, &Value::Null)),
            (
                Need::Equal
                | Need::Unequal
                | Need::In
                | Need::NotIn
                | Need::Contain
                | Need::NotContain
                | Need::Less
                | Need::AtMost
                | Need::Greater
                | Need::AtLeast,
                _,
            ) => Vec::new(),
        }
    }

    /// What policies would rather see there. Values that nobody asked for are not made up.
    fn other_values(&self, pointer: &str, than: &Value) -> Vec<Value> {
        let is_other = |value: &&&Value| match than {
            Value::Array(items) => !items.contains(value),
            Value::Object(members) => !members.values().any(|member| member == **value),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => ***value != *than,
        };
        let asked_for = self.asked_for.get(pointer).into_iter().flatten();
        asked_for
            .filter(is_other)
            .take(MOST_MEMBERS)
            .map(|value| (*value).clone())
            .collect()
    }

    fn propose(&mut self, pointer: &str, now: Option<&Value>, to: Value, turn: Turn) {
        if now == Some(&to) {
            return;
        }
        self.proposed.push(Proposal {
            part: part(now, &to),
            characters: now.map_or_else(
                || to.to_string().len(),
                |now| differing(&now.to_string(), &to.to_string()),
            ),
            change: Change {
                path: pointer.to_owned(),
                from: now.cloned(),
                to,
            },
            turn,
        });
    }
}

/// What each field is compared with for equality or membership, anywhere in the explanation.
fn asked_for(explanation: &Explanation) -> BTreeMap<&str, Vec<&Value>> {
    let mut asked_for: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    let conditions = explanation.rules.iter().flat_map(|rule| &rule.conditions);
    for comparison in conditions.flat_map(|condition| &condition.comparisons) {
        let Some(right) = &comparison.right else {
            continue;
        };
        let need = Need::wanted_by(comparison);
        for (side, need, other) in [
            (&comparison.left, Some(need), right),
            (right, need.from_the_right(), &comparison.left),
        ] {
            let (Some(pointer), Some(value)) = (side.pointer.as_deref(), &other.value) else {
                continue;
            };
            let values: &[Value] = match (need, value) {
                (Some(Need::Equal), value) if is_plain(value) => std::slice::from_ref(value),
                (Some(Need::In), Value::Array(items)) => items
                    .get(..items.len().min(MOST_MEMBERS))
                    .unwrap_or_default(),
                _ => continue,
            };
            let known = asked_for.entry(pointer).or_default();
            for value in values {
                if is_plain(value) && !known.contains(&value) {
                    known.push(value);
                }
            }
        }
    }
    asked_for
}

/// Whether a change there may change the condition: it compares what is there, or nothing that is known to be elsewhere.
fn may_depend_on(condition: &ExplainedCondition, pointer: &str) -> bool {
    let mut sides = condition
        .comparisons
        .iter()
        .flat_map(|made| std::iter::once(&made.left).chain(&made.right));
    let related = |at: &str| at.starts_with(pointer) || pointer.starts_with(at);
    let mut pointers = sides.clone().filter_map(|side| side.pointer.as_deref());
    pointers.any(related) || sides.all(|side| side.pointer.is_none())
}

/// A value that a person reads as one: no collection, and not null.
fn is_plain(value: &Value) -> bool {
    matches!(value, Value::Bool(_) | Value::Number(_) | Value::String(_))
}

/// The members of a collection, or the keys that are looked up in it, those most like `now` first.
fn members(collection: &Value, now: Option<&Value>) -> Vec<Value> {
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

fn including(collection: &Value, member: &Value) -> Option<Value> {
    let mut items = items(collection)?;
    (is_plain(member) && !items.contains(member)).then(|| {
        items.push(member.clone());
        Value::Array(items)
    })
}

fn excluding(collection: &Value, member: &Value) -> Option<Value> {
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
fn around(now: Option<&Value>, need: Need, threshold: &Value) -> Vec<(Value, Turn)> {
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
fn part(now: Option<&Value>, to: &Value) -> f64 {
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
fn differing(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let shorter = one.len().min(other.len());
    let alike =
        |pairs: &mut dyn Iterator<Item = (&char, &char)>| pairs.take_while(|(a, b)| a == b).count();
    let beginning = alike(&mut one.iter().zip(&other));
    let ending = alike(&mut one.iter().rev().zip(other.iter().rev())).min(shorter - beginning);
    one.len() + other.len() - 2 * (beginning + ending)
}
