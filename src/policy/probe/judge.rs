//! Whether an approval rests on a changed fact, and which condition of which rule let it through.
//!
//! What must hold: a change is held against a rule only if the approval needs what was changed. An approving rule that
//! never looks at it is enough, unless a veto looks at it and nothing else keeps that veto from firing. An author who asks
//! what kind a value is, or says what stands in for an absent one, has said that it is fine.

use serde::Serialize;
use serde_json::Value;

use crate::domain::explanation::{
    Comparison, ExplainedCondition, ExplainedRule, Explanation, Operator, Side,
};
use crate::domain::verdict::{RuleSet, Truth};

use super::Approver;
use super::facts::{approves_plainly, is_idle, mentions, pointers};
use super::mutate;
use super::paths;

/// The rule that let something through, and the condition of it that did not hold it back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Blame {
    /// The rule's id.
    pub rule: String,
    /// Its title, else its id.
    pub title: String,
    /// Path of its file, relative to the policy directory.
    pub file: String,
    /// Line of its head, from 1.
    pub line: u32,
    /// The condition; `None` where no single one speaks of the place.
    pub condition: Option<BlamedCondition>,
}

/// A condition that held although it should not have, or a veto's that did not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct BlamedCondition {
    /// Its source text on one line.
    pub text: String,
    /// Path of its file.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
}

/// Who let an approval pass that rests on `pointer`; `None` where it does not rest on it.
pub(super) fn blame(explanation: &Explanation, pointer: &str) -> Option<Blame> {
    let leaning = leaning(explanation, pointer);
    let candidates = || {
        leaning.iter().flat_map(|rule| {
            rule.conditions
                .iter()
                .filter(|condition| mentions(condition, pointer) && !is_idle(rule, condition))
                .map(move |condition| (*rule, condition))
        })
    };
    let is_unknown =
        |(_, condition): &(&ExplainedRule, &ExplainedCondition)| condition.truth == Truth::Unknown;
    let is_compared = |(_, condition): &(&ExplainedRule, &ExplainedCondition)| {
        condition
            .comparisons
            .iter()
            .flat_map(pointers)
            .any(|other| paths::related(other, pointer))
    };
    let chosen = candidates()
        .find(is_unknown)
        .or_else(|| candidates().find(is_compared))
        .or_else(|| candidates().next());
    match chosen {
        Some((rule, condition)) => Some(Blame::of(rule, Some(condition))),
        None => leaning.first().map(|rule| Blame::of(rule, None)),
    }
}

/// The first rule that approves.
pub(super) fn approver(explanation: &Explanation) -> Option<Approver> {
    let mut rules = explanation.rules.iter();
    rules
        .find(|rule| approves_plainly(rule))
        .map(|rule| Approver {
            id: rule.id.clone(),
            title: rule.title.clone(),
            file: rule.file.clone(),
            line: rule.line,
        })
}

/// The rules without which there would be no approval, as far as `pointer` goes: the approving ones if all of them look
/// at it, and the vetoes that nothing but what they find there keeps from firing.
fn leaning<'a>(explanation: &'a Explanation, pointer: &str) -> Vec<&'a ExplainedRule> {
    let fired = || {
        explanation
            .rules
            .iter()
            .filter(|rule| approves_plainly(rule))
    };
    let mut leaning: Vec<&ExplainedRule> = Vec::new();
    if fired().all(|rule| looks_at(rule, pointer)) {
        leaning.extend(fired());
    }
    let vetoes = explanation
        .rules
        .iter()
        .filter(|rule| rule.set != RuleSet::Approve && looks_at(rule, pointer))
        .filter(|rule| {
            let mut others = rule
                .conditions
                .iter()
                .filter(|condition| !mentions(condition, pointer));
            others.all(|condition| condition.truth != Truth::False)
        });
    leaning.extend(vetoes);
    leaning
}

/// Whether what the rule decides can depend on the place.
fn looks_at(rule: &ExplainedRule, pointer: &str) -> bool {
    let mut mentioning = rule
        .conditions
        .iter()
        .filter(|condition| mentions(condition, pointer))
        .peekable();
    if mentioning.peek().is_some() {
        return mentioning.any(|condition| !is_idle(rule, condition));
    }
    // In a helper of a helper, which the explanation does not open.
    rule.reads.iter().any(|read| paths::within(read, pointer))
}

/// Whether the author said that what is absent here is fine: evaluated with every absent fact kept unknown, a rule still
/// approves and no veto is in doubt.
pub(super) fn absence_is_fine(explanation: &Explanation) -> bool {
    let approved = explanation
        .rules
        .iter()
        .any(|rule| rule.set == RuleSet::Approve && rule.truth == Truth::True);
    let in_doubt = explanation
        .rules
        .iter()
        .any(|rule| rule.set != RuleSet::Approve && rule.truth == Truth::Unknown);
    approved && !in_doubt
}

/// Whether the author of a rule that the approval rests on has spoken of values of the kind `seen` at `pointer`: asks for
/// its kind, whether it is null or there at all, reads numbers from texts, says what an unlisted key means, or compares
/// it with values of that kind.
pub(super) fn kind_is_handled(explanation: &Explanation, pointer: &str, seen: &str) -> bool {
    const TESTS: [&str; 8] = [
        "is_number(",
        "is_string(",
        "is_boolean(",
        "is_array(",
        "is_object(",
        "is_null(",
        "is_set(",
        "type_name(",
    ];
    let asks = |condition: &ExplainedCondition| {
        let is_asked = TESTS.iter().any(|test| condition.text.contains(test))
            || (seen == "string" && condition.text.contains("to_number("))
            || paths::names(&condition.text, "null")
            || condition.text.contains("object.get(data");
        is_asked && (mentions(condition, pointer) || !condition.text.contains("input."))
    };
    let expects = |condition: &ExplainedCondition| {
        let mut here = condition
            .comparisons
            .iter()
            .filter(|comparison| pointers(comparison).any(|other| other == pointer))
            .peekable();
        here.peek().is_some() && here.all(|comparison| expects_kind(comparison, pointer, seen))
    };
    leaning(explanation, pointer).iter().any(|rule| {
        rule.conditions
            .iter()
            .filter(|condition| mentions(condition, pointer))
            .any(|condition| {
                asks(condition)
                    || expects(condition)
                    || condition
                        .helpers
                        .iter()
                        .flat_map(|helper| &helper.conditions)
                        .any(asks)
            })
    })
}

/// Whether what is at `pointer` is looked for among values of the kind `seen`, or among none at all.
fn expects_kind(comparison: &Comparison, pointer: &str, seen: &str) -> bool {
    let is_here = |side: &Side| side.pointer.as_deref() == Some(pointer);
    let Some(list) = comparison
        .right
        .as_ref()
        .filter(|_| is_here(&comparison.left))
    else {
        return false;
    };
    match (&list.value, comparison.operator) {
        (Some(Value::Array(items)), Operator::In) => {
            items.is_empty() || items.iter().any(|item| mutate::kind(item) == seen)
        }
        (Some(Value::Object(members)), Operator::In) => members.is_empty(),
        (Some(_) | None, _) => false,
    }
}

/// Whether every condition that speaks of what is at `pointer` asks only that it is there.
pub(super) fn is_only_asked_for(explanation: &Explanation, pointer: &str) -> bool {
    let mut here = explanation
        .rules
        .iter()
        .flat_map(|rule| &rule.conditions)
        .filter(|condition| mentions(condition, pointer))
        .peekable();
    here.peek().is_some()
        && here.all(|condition| {
            let mut compared = condition.comparisons.iter();
            !condition.comparisons.is_empty()
                && compared.all(|comparison| comparison.operator == Operator::Holds)
        })
}

/// Which elements a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Elements {
    /// Each, or one that is found.
    Any,
    /// One that is found and held against a bound or against what it must not be: that it is there says nothing good of
    /// the others.
    Bounded,
}

/// The condition of a rule that approved that needs each element of `container` to be something.
pub(super) fn needs_elements(
    explanation: &Explanation,
    container: &str,
    elements: Elements,
) -> Option<Blame> {
    let bounds = |comparison: &Comparison| match comparison.operator {
        Operator::Less
        | Operator::AtMost
        | Operator::Greater
        | Operator::AtLeast
        | Operator::Unequal
        | Operator::Matches => true,
        // To look for one by name is to ask whether it is there.
        Operator::Equal | Operator::In | Operator::Holds => false,
    };
    let inside = |pointer: &str| pointer != container && paths::within(pointer, container);
    let fired = explanation
        .rules
        .iter()
        .filter(|rule| approves_plainly(rule));
    fired
        .flat_map(|rule| {
            rule.conditions
                .iter()
                .map(move |condition| (rule, condition))
        })
        .find(|(_, condition)| {
            condition.comparisons.iter().any(|comparison| {
                comparison.wanted
                    && comparison.left.pointer.as_deref().is_some_and(inside)
                    && !names_an_index(comparison)
                    && (elements == Elements::Any || bounds(comparison))
            })
        })
        .map(|(rule, condition)| Blame::of(rule, Some(condition)))
}

/// The condition of a veto that looks at elements of `container`.
pub(super) fn vetoes_elements(explanation: &Explanation, container: &str) -> Option<Blame> {
    let inside = |pointer: &str| pointer != container && paths::within(pointer, container);
    explanation
        .rules
        .iter()
        .filter(|rule| rule.set != RuleSet::Approve)
        .flat_map(|rule| {
            rule.conditions
                .iter()
                .map(move |condition| (rule, condition))
        })
        .find(|(_, condition)| {
            let mut compared = condition.comparisons.iter();
            compared
                .any(|comparison| pointers(comparison).any(inside) && !names_an_index(comparison))
        })
        .map(|(rule, condition)| Blame::of(rule, Some(condition)))
}

/// Whether the policy names an element by its number: then it is not about the others.
fn names_an_index(comparison: &Comparison) -> bool {
    match comparison.operator {
        // Here the text is the path of what was seen, not what the policy says.
        Operator::Holds | Operator::Matches => return false,
        Operator::Less
        | Operator::AtMost
        | Operator::Greater
        | Operator::AtLeast
        | Operator::Equal
        | Operator::Unequal
        | Operator::In => {}
    }
    comparison.left.text.split('[').skip(1).any(|rest| {
        rest.split_once(']')
            .is_some_and(|(index, _)| index.parse::<usize>().is_ok())
    })
}

/// Whether a rule that approved asks for the container to be empty, or counts that there is nothing in it.
pub(super) fn emptiness_is_handled(explanation: &Explanation, container: &str) -> bool {
    explanation
        .rules
        .iter()
        .filter(|rule| approves_plainly(rule))
        .flat_map(|rule| &rule.conditions)
        .filter(|condition| mentions(condition, container))
        .flat_map(|condition| &condition.comparisons)
        .any(|comparison| {
            let is_nothing = |value: &serde_json::Value| {
                value.as_f64() == Some(0.0) || value.as_array().is_some_and(Vec::is_empty)
            };
            let sides = [Some(&comparison.left), comparison.right.as_ref()];
            comparison.operator == Operator::Equal
                && comparison.truth == Truth::True
                && sides
                    .into_iter()
                    .flatten()
                    .all(|side| side.value.as_ref().is_some_and(is_nothing))
        })
}

impl Blame {
    /// The blame of this rule and condition.
    pub(super) fn of(rule: &ExplainedRule, condition: Option<&ExplainedCondition>) -> Self {
        Self {
            rule: rule.id.clone(),
            title: rule.title.clone(),
            file: rule.file.clone(),
            line: rule.line,
            condition: condition.map(|condition| BlamedCondition {
                text: condition.text.clone(),
                file: condition.file.clone(),
                line: condition.line,
            }),
        }
    }
}
