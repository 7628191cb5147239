//! Which changes may be enough: read from the comparisons that came out otherwise than an approval needs them.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::Value;

use super::values::{
    MOST_MEMBERS, Turn, around, differing, excluding, including, is_plain, members, part,
};
use crate::domain::explanation::{
    Comparison, ExplainedCondition, ExplainedRule, Explanation, Side,
};
use crate::domain::near::{Change, Need, approvers, failing, falls_short};
use crate::domain::verdict::{RuleSet, Truth};

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
