//! What an evaluation shows of the places that its approval rests on: which the rules read, what they are compared with,
//! and which values are denied there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::domain::explanation::{
    Comparison, ExplainedCondition, ExplainedRule, Explanation, Operator, Side,
};
use crate::domain::verdict::{RuleSet, Truth};

use super::paths::{self, pointers_in, within};

/// The most members of one list that are tried.
const MOST_MEMBERS: usize = 8;

/// What one sample's evaluation rests on.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// The places that the approving rules or a veto read, and those around them; where nothing approves, that any rule
    /// reads.
    pub(super) read: BTreeSet<String>,
    /// The numbers that each place is compared with, ascending.
    pub(super) boundaries: BTreeMap<String, Vec<f64>>,
    /// The texts that a rule denies, in the order of the rules.
    pub(super) denied: Vec<Denied>,
}

/// A text that keeps a request from being approved.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Denied {
    /// The field that is looked at.
    pub(super) pointer: String,
    /// The text.
    pub(super) member: String,
    /// Every text that is denied with it.
    pub(super) members: Vec<String>,
    /// What the field is compared with, as it is written.
    pub(super) list: String,
    /// The rule, by its place in the explanation.
    pub(super) rule: usize,
    /// The condition, by its place in the rule.
    pub(super) condition: usize,
}

impl Facts {
    /// What `explanation` shows of `sample`.
    pub(super) fn of(explanation: &Explanation, sample: &Value) -> Self {
        let mut facts = Self::default();
        // Where nothing approves, what keeps each rule from it matters.
        let is_approved = explanation.rules.iter().any(approves_plainly);
        let matters = |rule: &&ExplainedRule| {
            rule.set != RuleSet::Approve || !is_approved || approves_plainly(rule)
        };
        for rule in explanation.rules.iter().filter(matters) {
            let named = rule
                .conditions
                .iter()
                .flat_map(comparisons)
                .flat_map(|comparison| pointers(comparison))
                .map(str::to_owned);
            for pointer in rule.reads.iter().cloned().chain(named) {
                facts
                    .read
                    .extend(paths::around(&pointer).map(str::to_owned));
                if !pointer.is_empty() {
                    facts.read.insert(pointer);
                }
            }
        }
        for (number, rule) in explanation.rules.iter().enumerate() {
            for (at, condition) in rule.conditions.iter().enumerate() {
                for comparison in comparisons(condition) {
                    facts.bound(comparison);
                    facts.deny(sample, rule, comparison, (number, at));
                }
            }
        }
        for boundaries in facts.boundaries.values_mut() {
            boundaries.sort_by(f64::total_cmp);
            boundaries.dedup();
        }
        facts
    }

    /// The places of `sample` that are read and are there.
    pub(super) fn present<'a>(
        &'a self,
        sample: &'a Value,
    ) -> impl Iterator<Item = (&'a str, &'a Value)> + 'a {
        self.read
            .iter()
            .filter_map(|pointer| Some((pointer.as_str(), sample.pointer(pointer)?)))
    }

    fn bound(&mut self, comparison: &Comparison) {
        let sides = [
            Some((&comparison.left, comparison.right.as_ref())),
            comparison
                .right
                .as_ref()
                .map(|right| (right, Some(&comparison.left))),
        ];
        for (side, other) in sides.into_iter().flatten() {
            let boundary = other.and_then(|other| other.value.as_ref()?.as_f64());
            if let (Some(pointer), Some(boundary)) = (&side.pointer, boundary) {
                let boundaries = self.boundaries.entry(pointer.clone()).or_default();
                boundaries.push(boundary);
            }
        }
    }

    fn deny(
        &mut self,
        sample: &Value,
        rule: &ExplainedRule,
        comparison: &Comparison,
        (number, at): (usize, usize),
    ) {
        let Some(condition) = rule.conditions.get(at) else {
            return;
        };
        let Some((field, list, members)) = denial(rule, condition, comparison) else {
            return;
        };
        for pointer in fields(field, rule, condition, sample) {
            for member in members.iter().take(MOST_MEMBERS) {
                let denied = Denied {
                    pointer: pointer.clone(),
                    member: member.clone(),
                    members: members.clone(),
                    list: list.text.clone(),
                    rule: number,
                    condition: at,
                };
                let is_known = self
                    .denied
                    .iter()
                    .any(|one| one.pointer == denied.pointer && one.member == denied.member);
                if !is_known {
                    self.denied.push(denied);
                }
            }
        }
    }
}

/// Whether plain Rego takes the rule's approval.
pub(super) fn approves_plainly(rule: &ExplainedRule) -> bool {
    rule.set == RuleSet::Approve && (rule.truth == Truth::True || !rule.reasons.is_empty())
}

/// The comparisons of a condition and of the helpers that it names.
pub(super) fn comparisons(condition: &ExplainedCondition) -> impl Iterator<Item = &Comparison> {
    let own = condition.comparisons.iter();
    let helpers = condition
        .helpers
        .iter()
        .flat_map(|helper| &helper.conditions)
        .flat_map(|condition| &condition.comparisons)
        .filter(|comparison| !condition.comparisons.contains(comparison));
    own.chain(helpers)
}

/// The places of the input on either side.
pub(super) fn pointers(comparison: &Comparison) -> impl Iterator<Item = &str> {
    let sides = [Some(&comparison.left), comparison.right.as_ref()];
    sides
        .into_iter()
        .flatten()
        .filter_map(|side| side.pointer.as_deref())
}

/// The field, the list and its texts, where the comparison keeps out what is in a list.
fn denial<'a>(
    rule: &ExplainedRule,
    condition: &ExplainedCondition,
    comparison: &'a Comparison,
) -> Option<(&'a Side, &'a Side, Vec<String>)> {
    let (left, right) = (&comparison.left, comparison.right.as_ref()?);
    let is_veto = rule.set != RuleSet::Approve;
    let to_be_equal = match comparison.operator {
        Operator::In | Operator::Equal | Operator::Matches => true,
        Operator::Unequal => false,
        Operator::Less
        | Operator::AtMost
        | Operator::Greater
        | Operator::AtLeast
        | Operator::Holds => return None,
    };
    // A veto that wants it equal keeps it out, and so does an approval that wants it not to be.
    if is_veto != (to_be_equal == comparison.wanted) {
        return None;
    }
    if comparison.operator == Operator::Matches
        && !["startswith(", "endswith(", "contains("]
            .iter()
            .any(|name| condition.text.contains(name))
    {
        return None;
    }
    let (field, list) = match (&left.pointer, &right.pointer) {
        (None, Some(_)) if comparison.operator != Operator::In => (right, left),
        _ => (left, right),
    };
    // A list that the request itself brings is not one of denied values.
    if list.pointer.is_some() {
        return None;
    }
    let members: Vec<String> = match list.value.as_ref()? {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        Value::Object(members) => members.keys().cloned().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    };
    let has_letters = |text: &String| text.chars().any(char::is_alphabetic);
    let members: Vec<String> = members.into_iter().filter(has_letters).collect();
    (!members.is_empty()).then_some((field, list, members))
}

/// The places that a side stands for: its own, or those that its text or the variables in it come from.
fn fields(
    side: &Side,
    rule: &ExplainedRule,
    condition: &ExplainedCondition,
    sample: &Value,
) -> Vec<String> {
    // An argument that is no plain path has no text.
    let text = if side.text.is_empty() {
        &condition.text
    } else {
        &side.text
    };
    let mut found: Vec<String> = side.pointer.iter().cloned().collect();
    if found.is_empty() {
        found = pointers_in(text);
    }
    if found.is_empty() {
        for condition in &rule.conditions {
            if let Some((name, made_of)) = assignment(&condition.text)
                && paths::names(text, name)
            {
                found.extend(pointers_in(made_of));
            }
        }
    }
    found.retain(|pointer| match sample.pointer(pointer) {
        Some(value) => value.is_string(),
        None => paths::around(pointer)
            .next()
            .and_then(|outer| sample.pointer(outer))
            .is_some_and(Value::is_object),
    });
    found
}

/// The variable and what it is given, of a condition `x := …`.
pub(super) fn assignment(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once(":=")?;
    let name = name.trim();
    name.chars()
        .all(|c| c.is_alphanumeric() || c == '_')
        .then_some((name, value.trim()))
}

/// Whether a condition speaks of a place: it compares it, lacks it, or names it or a variable that is made of it.
pub(super) fn mentions(condition: &ExplainedCondition, pointer: &str) -> bool {
    let path = paths::path_of(pointer);
    let is_path = |other: &str| {
        let rest = |one: &str, other: &str| {
            one.strip_prefix(other)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        rest(other, &path) || (other != "input" && rest(&path, other))
    };
    let here = |condition: &ExplainedCondition| {
        condition
            .comparisons
            .iter()
            .flat_map(pointers)
            .any(|other| paths::related(other, pointer))
            || condition
                .missing
                .iter()
                .any(|missing| is_path(&missing.path))
            || condition.values.iter().any(|(text, _)| is_path(text))
            || pointers_in(&condition.text)
                .iter()
                .any(|other| within(other, pointer) || within(pointer, other))
    };
    here(condition) || {
        let mut helpers = condition.helpers.iter();
        helpers.any(|helper| helper.conditions.iter().any(here))
    }
}

/// Whether the condition gives a variable its value that no other condition uses: it makes the reason, and decides
/// nothing.
pub(super) fn is_idle(rule: &ExplainedRule, condition: &ExplainedCondition) -> bool {
    assignment(&condition.text).is_some_and(|(name, _)| {
        !rule.conditions.iter().any(|other| {
            !std::ptr::eq(other, condition)
                && (paths::names(&other.text, name)
                    || other.values.iter().any(|(text, _)| text == name))
        })
    })
}
