//! What an evaluation shows of the places that its approval rests on: which the rules read, what they are compared with,
//! and which values are denied there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;
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
    /// What that is.
    pub(super) by: DeniedBy,
    /// The rule, by its place in the explanation.
    pub(super) rule: usize,
    /// The condition, by its place in the rule.
    pub(super) condition: usize,
}

/// What a denied text stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeniedBy {
    /// The policies or their data.
    Policy,
    /// Another field of the request.
    Request,
}

/// What is kept out by one condition.
#[derive(Clone)]
struct KeepsOut {
    members: Vec<String>,
    list: String,
    by: DeniedBy,
}

/// What is kept out, and what is compared with it.
struct Denial<'a> {
    field: &'a Side,
    keeps_out: KeepsOut,
}

impl Facts {
    /// What `explanation` shows of `sample`, under policies with this `data`.
    pub(super) fn of(explanation: &Explanation, sample: &Value, data: &Value) -> Self {
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
                .flat_map(|condition| &condition.comparisons)
                .flat_map(pointers)
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
                for comparison in &condition.comparisons {
                    facts.bound(comparison);
                    if let Some(denial) = denial(rule, condition, comparison) {
                        let fields = fields(denial.field, rule, condition, sample);
                        facts.deny(&fields, &denial.keeps_out, (number, at));
                    }
                }
                for (pointer, keeps_out) in looked_up(rule, condition, data) {
                    facts.deny(&[pointer], &keeps_out, (number, at));
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

    fn deny(&mut self, fields: &[String], keeps_out: &KeepsOut, (rule, condition): (usize, usize)) {
        for pointer in fields {
            for member in keeps_out.members.iter().take(MOST_MEMBERS) {
                let denied = Denied {
                    pointer: pointer.clone(),
                    member: member.clone(),
                    members: keeps_out.members.clone(),
                    list: keeps_out.list.clone(),
                    by: keeps_out.by,
                    rule,
                    condition,
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
) -> Option<Denial<'a>> {
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
    let by = match list.pointer {
        None => DeniedBy::Policy,
        // A list that the request itself brings is not one of denied values.
        Some(_) if comparison.operator == Operator::In => return None,
        Some(_) => DeniedBy::Request,
    };
    Some(Denial {
        field,
        keeps_out: KeepsOut {
            members: texts_in(list.value.as_ref()?)?,
            list: list.text.clone(),
            by,
        },
    })
}

/// The texts that a value is or holds, keys for an object; `None` where there are none.
fn texts_in(value: &Value) -> Option<Vec<String>> {
    let mut texts: Vec<String> = match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        Value::Object(members) => members.keys().cloned().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    };
    texts.retain(|text| !text.trim().is_empty());
    (!texts.is_empty()).then_some(texts)
}

/// What a condition such as `not data.blocked[input.context.id]` keeps out: the keys that the data have there.
fn looked_up(
    rule: &ExplainedRule,
    condition: &ExplainedCondition,
    data: &Value,
) -> Vec<(String, KeepsOut)> {
    static LOOK_UP: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"\b(data(?:\.\w+)+)\[(input(?:\.\w+)+)\]").ok());
    let is_negated = condition.text.starts_with("not ");
    let is_veto = rule.set != RuleSet::Approve;
    let (Some(look_up), true) = (&*LOOK_UP, is_negated != is_veto) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for captures in look_up.captures_iter(&condition.text) {
        let [list, path] = captures.extract().1;
        let held = list
            .split('.')
            .skip(1)
            .try_fold(data, |value, key| value.get(key));
        if let Some(members) = held.filter(|held| held.is_object()).and_then(texts_in) {
            let keeps_out = KeepsOut {
                members,
                list: list.to_owned(),
                by: DeniedBy::Policy,
            };
            let fields = pointers_in(path).into_iter();
            found.extend(fields.map(|pointer| (pointer, keeps_out.clone())));
        }
    }
    found
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
