//! A verdict with everything that it can be explained by, and how the API and the command line tell it. The names are a
//! promise.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::explanation::{
    ExplainedCondition, ExplainedHelper, ExplainedRule, Explanation, Missing,
};
use crate::domain::near::{Counterfactual, NearMiss};
use crate::domain::verdict::{Condition, FiredRule, Outcome, RuleSet, Truth, Verdict};

/// What was decided, and the rules that could have decided otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// The verdict. Unless it approves, its near-misses are looked for whatever its cause is.
    pub verdict: Verdict,
    /// Every rule that could apply.
    pub explanation: Explanation,
}

impl Account {
    /// The rules in the order they matter: those behind the verdict, others that hold, vetoes that nobody can rule out, the
    /// nearest approvals; and the rest.
    pub fn in_order(&self) -> (Vec<&ExplainedRule>, Vec<&ExplainedRule>) {
        let verdict = &self.verdict;
        let behind = match verdict.outcome {
            Outcome::Approve => RuleSet::Approve,
            Outcome::Reject => RuleSet::Reject,
            Outcome::Escalate => RuleSet::Escalate,
        };
        let place = |rule: &ExplainedRule| {
            let near = verdict.nearest.iter();
            let rank = near
                .clone()
                .position(|near| near.id == rule.id && near.line == rule.line);
            match (rule.truth, rule.set) {
                (Truth::True, set) if set == behind => 0,
                (Truth::True, _) => 1,
                (Truth::Unknown, RuleSet::Reject | RuleSet::Escalate) => 2,
                (Truth::Unknown | Truth::False, _) => rank.map_or(usize::MAX, |rank| 3 + rank),
            }
        };
        let mut placed: Vec<(usize, &ExplainedRule)> = self
            .explanation
            .rules
            .iter()
            .map(|rule| (place(rule), rule))
            .collect();
        placed.sort_by_key(|(place, _)| *place);
        let (shown, rest): (Vec<_>, Vec<_>) = placed
            .into_iter()
            .partition(|(place, _)| *place < usize::MAX);
        let alone = |rules: Vec<(usize, _)>| rules.into_iter().map(|(_, rule)| rule).collect();
        (alone(shown), alone(rest))
    }
}

/// An account as JSON.
#[derive(Debug, Clone, Serialize)]
pub struct AccountRecord<'a, V> {
    verdict: V,
    rules: Vec<RuleRecord<'a>>,
    nearest: &'a [NearMiss],
    counterfactual: Option<&'a Counterfactual>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
}

#[derive(Debug, Clone, Serialize)]
struct RuleRecord<'a> {
    id: &'a str,
    set: RuleSet,
    title: &'a str,
    truth: Truth,
    /// The first of its reasons; empty where it gave none.
    reason: &'a str,
    reasons: Vec<&'a str>,
    file: &'a str,
    line: u32,
    conditions: Vec<ConditionRecord<'a>>,
}

#[derive(Debug, Clone, Serialize)]
struct ConditionRecord<'a> {
    text: &'a str,
    truth: Truth,
    /// By operand: `{"input.context.amount": "50"}`.
    values: BTreeMap<&'a str, &'a str>,
    file: &'a str,
    line: u32,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    missing: &'a [Missing],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    helpers: Vec<HelperRecord<'a>>,
}

#[derive(Debug, Clone, Serialize)]
struct HelperRecord<'a> {
    name: &'a str,
    file: &'a str,
    line: u32,
    truth: Truth,
    conditions: Vec<ConditionRecord<'a>>,
}

impl<'a, V: Serialize> AccountRecord<'a, V> {
    /// The record of `account`, with the verdict as `verdict` shows it. `note` says what a reader should know of how it
    /// came to be.
    pub fn of(verdict: V, account: &'a Account, note: Option<&'a str>) -> Self {
        Self {
            verdict,
            rules: account
                .explanation
                .rules
                .iter()
                .map(RuleRecord::of)
                .collect(),
            nearest: &account.verdict.nearest,
            counterfactual: account.verdict.counterfactual.as_ref(),
            note,
        }
    }

    /// The record of a verdict that cannot be evaluated again: the rules that fired, and what was written down with it.
    pub fn of_kept(verdict: V, kept: &'a Verdict, note: &'a str) -> Self {
        Self {
            verdict,
            rules: kept.rules.iter().map(RuleRecord::of_fired).collect(),
            nearest: &kept.nearest,
            counterfactual: kept.counterfactual.as_ref(),
            note: Some(note),
        }
    }
}

impl<'a> RuleRecord<'a> {
    fn of(rule: &'a ExplainedRule) -> Self {
        Self {
            id: &rule.id,
            set: rule.set,
            title: &rule.title,
            truth: rule.truth,
            reason: rule.reasons.first().map_or("", String::as_str),
            reasons: rule.reasons.iter().map(String::as_str).collect(),
            file: &rule.file,
            line: rule.line,
            conditions: rule.conditions.iter().map(ConditionRecord::of).collect(),
        }
    }

    fn of_fired(rule: &'a FiredRule) -> Self {
        Self {
            id: &rule.id,
            set: rule.set,
            title: &rule.title,
            truth: Truth::True,
            reason: &rule.reason,
            reasons: vec![&rule.reason],
            file: &rule.file,
            line: rule.line,
            conditions: rule
                .conditions
                .iter()
                .map(ConditionRecord::of_fired)
                .collect(),
        }
    }
}

impl<'a> ConditionRecord<'a> {
    fn of(condition: &'a ExplainedCondition) -> Self {
        Self {
            text: &condition.text,
            truth: condition.truth,
            values: by_operand(&condition.values),
            file: &condition.file,
            line: condition.line,
            missing: &condition.missing,
            helpers: condition.helpers.iter().map(HelperRecord::of).collect(),
        }
    }

    fn of_fired(condition: &'a Condition) -> Self {
        Self {
            text: &condition.text,
            truth: condition.truth,
            values: by_operand(&condition.values),
            file: &condition.file,
            line: condition.line,
            missing: &[],
            helpers: Vec::new(),
        }
    }
}

impl<'a> HelperRecord<'a> {
    fn of(helper: &'a ExplainedHelper) -> Self {
        Self {
            name: &helper.name,
            file: &helper.file,
            line: helper.line,
            truth: helper.truth,
            conditions: helper.conditions.iter().map(ConditionRecord::of).collect(),
        }
    }
}

fn by_operand(values: &[(String, String)]) -> BTreeMap<&str, &str> {
    values
        .iter()
        .map(|(operand, value)| (operand.as_str(), value.as_str()))
        .collect()
}
