//! What an evaluation showed, rule by rule and condition by condition: what `explain`, near-misses, counterfactuals and
//! `probe` are made of.
//!
//! A condition's truth is its own: what evaluating that condition alone gives, with the statements that bind its names,
//! whatever the conditions around it say and in whatever order they are written.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::verdict::{RuleSet, Truth};

/// Every rule that could apply to a request, in the order of file and line.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Explanation {
    /// The bodies of `approve`, `reject` and `escalate` that the request's action is routed to.
    pub rules: Vec<ExplainedRule>,
}

/// One body of a set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExplainedRule {
    /// `package.set#slug`.
    pub id: String,
    /// Which set.
    pub set: RuleSet,
    /// Its title, else its id.
    pub title: String,
    /// Path of its file, relative to the policy directory.
    pub file: String,
    /// Line of its head, from 1.
    pub line: u32,
    /// Its truth as a whole: that of one run through its conditions in which all hold together. All conditions may be
    /// true and the rule false, where each holds for another element.
    pub truth: Truth,
    /// The reasons it gave in plain Rego, those given in spite of unknown facts included.
    pub reasons: Vec<String>,
    /// Its conditions in the order written.
    pub conditions: Vec<ExplainedCondition>,
    /// The places of the input that its evaluation looked at, each once, by JSON pointer.
    pub reads: Vec<String>,
}

/// One condition of a body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExplainedCondition {
    /// Its source text on one line.
    pub text: String,
    /// Its own truth.
    pub truth: Truth,
    /// Operands and the values they had: `("input.context.amount", "120")`; literals are left out. Where there were
    /// several, those that came nearest to making it hold.
    pub values: Vec<(String, String)>,
    /// Path of its file.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// What was absent, null or of the wrong kind: the path as one writes it, and what was seen.
    pub missing: Vec<Missing>,
    /// The comparisons that were made for it, in it or in what it calls, in the order they were made.
    pub comparisons: Vec<Comparison>,
    /// The helper rules and functions it names, one level: the bodies of each.
    pub helpers: Vec<ExplainedHelper>,
}

/// A fact that a condition needed and that was not there, or not of the right kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// `input.context.amount`, or `data.limits["XYZ"]`.
    pub path: String,
    /// `absent`, `null`, or words for what there was.
    pub saw: String,
}

/// One body of a helper rule or function, as it was seen when a condition called it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExplainedHelper {
    /// Its name as the condition's file would write it: `flagged`, `hours.open`.
    pub name: String,
    /// Path of its file.
    pub file: String,
    /// Line of its head, from 1.
    pub line: u32,
    /// Its truth as a whole.
    pub truth: Truth,
    /// Its conditions in the order written, without helpers of their own.
    pub conditions: Vec<ExplainedCondition>,
}

/// One comparison of two values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// How they were compared.
    pub operator: Operator,
    /// The value on the left; what is tested, for [`Operator::Holds`].
    pub left: Side,
    /// The value on the right; `None` for [`Operator::Holds`].
    pub right: Option<Side>,
    /// What came of it.
    pub truth: Truth,
    /// Whether the condition wants it true. Under `not` it does not.
    pub wanted: bool,
    /// Path of the file it is written in.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// Its source text.
    pub text: String,
    /// Its value; `None` where it had none. Sets are arrays, in order. A collection of more than 1,000 members is left
    /// out.
    pub value: Option<Value>,
    /// Where in the input the value stands, as a JSON pointer, if it is a value of the input as it is:
    /// `/context/amount`. Given for an absent value too, where its path is known.
    pub pointer: Option<String>,
}

/// How two values were compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `==`, and `=` between values.
    Equal,
    /// `!=`
    Unequal,
    /// `x in collection`, and a look-up by a key whether it is there.
    In,
    /// A value on its own: it is there and is not false.
    Holds,
    /// A built-in that answers yes or no about a text: `startswith`, `endswith`, `contains`, `regex.match`, `glob.match`.
    Matches,
}

impl ExplainedRule {
    /// Whether a statement names a value that no condition looks at: the reason of a rule that does not hold would read as if
    /// it did.
    pub fn is_of_its_head(&self, condition: &ExplainedCondition) -> bool {
        let is_in = |name: &str, text: &str| {
            let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            words.any(|word| word == name)
        };
        let mut others = self
            .conditions
            .iter()
            .filter(|other| !std::ptr::eq(*other, condition));
        condition.truth == Truth::True
            && condition
                .names()
                .is_some_and(|name| !others.any(|other| is_in(name, &other.text)))
    }
}

impl ExplainedCondition {
    /// The name that it gives a value to, where it does nothing else: `reason` of `reason := sprintf(…)`.
    pub fn names(&self) -> Option<&str> {
        let (name, _) = self.text.split_once(" := ")?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        name.chars().all(is_name).then_some(name)
    }
}

#[cfg(test)]
pub(crate) mod examples;
