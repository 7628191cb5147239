//! What nearly was: the rules that would have approved, what kept each of them from it, and the change that would have
//! made the difference.
//!
//! It is told to operators alone. An agent that reads it learns how to split its requests.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Number, Value};

use crate::domain::decimal::Decimal;
use crate::domain::explanation::{
    Comparison, ExplainedCondition, ExplainedRule, Explanation, Operator, Side,
};
use crate::domain::rationale::bounded;
use crate::domain::verdict::{Outcome, RuleSet, Truth};
use crate::json::{self, Plain};

/// More than these nobody reads.
pub const MOST_NEAREST: usize = 3;

/// More failing conditions of one rule are counted, not listed.
const MOST_FAILING: usize = 8;

/// Most characters of a source text or a value that are kept.
const MOST_SHOWN: usize = 120;

/// A rule that would have approved, had it not been for a few conditions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NearMiss {
    /// `package.set#slug`.
    pub id: String,
    /// Its title, else its id.
    pub title: String,
    /// Path of its file, relative to the policy directory.
    pub file: String,
    /// Line of its head, from 1.
    pub line: u32,
    /// The conditions that do not hold, as written, at most 8. Empty where each condition holds, but for
    /// different elements.
    pub failing: Vec<FailedCondition>,
    /// How many conditions do not hold.
    pub fails: usize,
    /// How many conditions hold; statements that only name a value are not counted.
    pub holds: usize,
}

/// A condition that does not hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailedCondition {
    /// Its source text on one line.
    pub text: String,
    /// False, or unknown.
    pub truth: Truth,
    /// Path of its file.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// What it compares, the first of it that is not as the rule wants it; `None` where it compares nothing.
    pub shortfall: Option<Shortfall>,
}

/// What was seen, and what would have been needed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shortfall {
    /// The operand that was looked at: `input.context.amount`.
    pub operand: String,
    /// What it was, as JSON text; `None` where it was absent.
    pub observed: Option<String>,
    /// How it has to be to the threshold.
    pub needs: Need,
    /// What it is compared with, as JSON text; `None` where that has no value, or there is none.
    pub threshold: Option<String>,
    /// The source text of the threshold, where it is not written out: `data.limits.refunds.automatic`.
    pub named: Option<String>,
    /// How far the observed number is from the threshold, never negative; `None` where they are not both numbers.
    pub distance: Option<Number>,
}

/// How an operand has to be to a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `==`
    Equal,
    /// `!=`
    Unequal,
    /// It is a member of the threshold.
    In,
    /// It is no member of the threshold.
    NotIn,
    /// The threshold is a member of it.
    Contain,
    /// The threshold is no member of it.
    NotContain,
    /// It is there and not false.
    Hold,
    /// It is not there, or false.
    NotHold,
    /// It has the form of the threshold.
    Match,
    /// It has not the form of the threshold.
    NotMatch,
}

/// One field of the policy input with another value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// JSON pointer into the policy input: `/context/amount`.
    pub path: String,
    /// What it is; left out where the field is absent.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub from: Option<Value>,
    /// What it would have to be.
    #[serde(deserialize_with = "plain")]
    pub to: Value,
}

/// What would have come out of a slightly different request. It was evaluated, guard and vetoes and all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Counterfactual {
    /// The changes, together.
    pub set: Vec<Change>,
    /// The outcome with them.
    pub outcome: Outcome,
}

/// The rules that came nearest to approving, the nearest first, at most [`MOST_NEAREST`]: those with the fewest
/// conditions that do not hold, then in the order of the explanation. A rule that is for another action is none.
pub fn nearest(explanation: &Explanation) -> Vec<NearMiss> {
    let mut near: Vec<NearMiss> = approvers(explanation).map(NearMiss::of).collect();
    near.sort_by_key(|near| near.fails.max(1));
    near.truncate(MOST_NEAREST);
    near
}

/// The approving rules that are for this action and did not approve.
pub fn approvers(explanation: &Explanation) -> impl Iterator<Item = &ExplainedRule> {
    explanation.rules.iter().filter(|rule| {
        rule.set == RuleSet::Approve
            && rule.truth != Truth::True
            && !failing(rule).any(is_about_the_action)
    })
}

/// The conditions of a rule that do not hold.
pub fn failing(rule: &ExplainedRule) -> impl Iterator<Item = &ExplainedCondition> {
    let fails = |condition: &&ExplainedCondition| condition.truth != Truth::True;
    rule.conditions.iter().filter(fails)
}

/// Whether a comparison came out otherwise than its condition wants it.
pub fn falls_short(comparison: &Comparison) -> bool {
    match comparison.truth {
        Truth::True => !comparison.wanted,
        Truth::False => comparison.wanted,
        Truth::Unknown => true,
    }
}

/// A condition that keeps a rule to some actions. Nobody asks for another action to be approved.
fn is_about_the_action(condition: &ExplainedCondition) -> bool {
    let is_action = |side: &Side| side.pointer.as_deref() == Some("/action");
    let short = condition.comparisons.iter().find(|made| falls_short(made));
    short.is_some_and(|made| is_action(&made.left) || made.right.as_ref().is_some_and(is_action))
}

impl NearMiss {
    fn of(rule: &ExplainedRule) -> Self {
        let fails = failing(rule).count();
        // Giving a value a name is no condition for anything.
        let holds = |condition: &&ExplainedCondition| {
            condition.truth == Truth::True && condition.names().is_none()
        };
        Self {
            id: rule.id.clone(),
            title: rule.title.clone(),
            file: rule.file.clone(),
            line: rule.line,
            failing: failing(rule)
                .take(MOST_FAILING)
                .map(FailedCondition::of)
                .collect(),
            fails,
            holds: rule.conditions.iter().filter(holds).count(),
        }
    }
}

impl FailedCondition {
    fn of(condition: &ExplainedCondition) -> Self {
        let mut short = condition
            .comparisons
            .iter()
            .filter(|made| falls_short(made));
        Self {
            text: bounded(&condition.text, MOST_SHOWN),
            truth: condition.truth,
            file: condition.file.clone(),
            line: condition.line,
            shortfall: match short.next().map(Shortfall::of) {
                // What is not there to be compared with is what is missing.
                Some(short) if short.threshold.is_some() || short.observed.is_none() => Some(short),
                short => Shortfall::missing(condition).or(short),
            },
        }
    }
}

impl Shortfall {
    fn of(comparison: &Comparison) -> Self {
        let needs = Need::wanted_by(comparison);
        let turned = comparison.right.as_ref().zip(needs.from_the_right());
        let (operand, needs, threshold) = match turned {
            Some((right, needs)) if is_rather_observed(right, &comparison.left) => {
                (right, needs, Some(&comparison.left))
            }
            Some(_) | None => (&comparison.left, needs, comparison.right.as_ref()),
        };
        Self {
            operand: name_of(operand),
            observed: operand.value.as_ref().map(shown),
            needs,
            threshold: threshold.and_then(|side| side.value.as_ref()).map(shown),
            named: threshold.filter(|side| !is_literal(side)).map(name_of),
            distance: threshold.and_then(|threshold| distance(operand, threshold)),
        }
    }

    /// For a condition that compares nothing, or got nowhere near it.
    fn missing(condition: &ExplainedCondition) -> Option<Self> {
        let missing = condition.missing.first()?;
        Some(Self {
            operand: missing.path.clone(),
            observed: (missing.saw != "absent").then(|| bounded(&missing.saw, MOST_SHOWN)),
            needs: Need::Hold,
            threshold: None,
            named: None,
            distance: None,
        })
    }
}

impl Need {
    /// What the condition needs of the left side to the right one.
    pub fn wanted_by(comparison: &Comparison) -> Self {
        let holds = match comparison.operator {
            Operator::Less => Self::Less,
            Operator::AtMost => Self::AtMost,
            Operator::Greater => Self::Greater,
            Operator::AtLeast => Self::AtLeast,
            Operator::Equal => Self::Equal,
            Operator::Unequal => Self::Unequal,
            Operator::In => Self::In,
            Operator::Holds => Self::Hold,
            Operator::Matches => Self::Match,
        };
        if comparison.wanted {
            holds
        } else {
            holds.opposite()
        }
    }

    /// What is so exactly when this is not.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Less => Self::AtLeast,
            Self::AtMost => Self::Greater,
            Self::Greater => Self::AtMost,
            Self::AtLeast => Self::Less,
            Self::Equal => Self::Unequal,
            Self::Unequal => Self::Equal,
            Self::In => Self::NotIn,
            Self::NotIn => Self::In,
            Self::Contain => Self::NotContain,
            Self::NotContain => Self::Contain,
            Self::Hold => Self::NotHold,
            Self::NotHold => Self::Hold,
            Self::Match => Self::NotMatch,
            Self::NotMatch => Self::Match,
        }
    }

    /// The same need, told of the other side; `None` where the sides are not of a kind.
    pub fn from_the_right(self) -> Option<Self> {
        match self {
            Self::Less => Some(Self::Greater),
            Self::AtMost => Some(Self::AtLeast),
            Self::Greater => Some(Self::Less),
            Self::AtLeast => Some(Self::AtMost),
            Self::Equal | Self::Unequal => Some(self),
            Self::In => Some(Self::Contain),
            Self::NotIn => Some(Self::NotContain),
            Self::Contain => Some(Self::In),
            Self::NotContain => Some(Self::NotIn),
            Self::Hold | Self::NotHold | Self::Match | Self::NotMatch => None,
        }
    }
}

/// Whether `right` is what the request brings, and `left` what it is measured by.
fn is_rather_observed(right: &Side, left: &Side) -> bool {
    left.pointer.is_none() && (right.pointer.is_some() || (is_literal(left) && !is_literal(right)))
}

/// Whether a side is written out where it is compared; texts may come without their quotes.
fn is_literal(side: &Side) -> bool {
    let is_written = |value: &Value| {
        value.as_str() == Some(&side.text)
            || json::parse(side.text.as_bytes()).is_ok_and(|read| read == *value)
    };
    side.text.starts_with(['"', '`', '[', '{']) || side.value.as_ref().is_some_and(is_written)
}

/// What a reader calls a side: its path in the input, where it is one, else its source text.
fn name_of(side: &Side) -> String {
    match &side.pointer {
        Some(pointer) => input_path(pointer),
        None => bounded(&side.text, MOST_SHOWN),
    }
}

fn distance(one: &Side, other: &Side) -> Option<Number> {
    let decimal = |side: &Side| match side.value.as_ref()? {
        Value::Number(number) => Decimal::of(number),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    };
    decimal(one)?.distance(decimal(other)?)?.number()
}

/// A value as JSON text, cut.
pub fn shown(value: &Value) -> String {
    bounded(&value.to_string(), MOST_SHOWN)
}

/// A JSON pointer into the policy input as policies write it: `input.context["charge id"]`.
pub fn input_path(pointer: &str) -> String {
    let mut path = "input".to_owned();
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        let is_name = step.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && step.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if is_name {
            path.push('.');
            path.push_str(&step);
        } else if step
            .parse::<u32>()
            .is_ok_and(|index| index.to_string() == step)
        {
            path.push('[');
            path.push_str(&step);
            path.push(']');
        } else {
            path.push('[');
            path.push_str(&Value::String(step).to_string());
            path.push(']');
        }
    }
    path
}

/// Tells a field that is null from one that is not there.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    plain(deserializer).map(Some)
}

/// A key of a stranger's is a key, whatever it is called.
fn plain<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    Plain::deserialize(deserializer).map(|Plain(value)| value)
}

#[cfg(test)]
mod tests;
