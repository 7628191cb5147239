//! What an explanation wants to know of an evaluation.

use std::collections::BTreeSet;

use regorus::Value;
use regorus::unstable::BoolOp;

use super::run::Answer;
use super::seen::{Place, Seen};
use super::term::{Builtin, Operands, Term};
use crate::domain::explanation::{Comparison, Operator, Side};
use crate::domain::verdict::Truth;

/// Most members of a collection that is told.
const MOST_MEMBERS: usize = 1_000;
/// Most comparisons that are kept for one condition.
const MOST_COMPARISONS: usize = 200;

/// What is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    Reads,
    Everything,
}

/// Keeps what happens.
pub(super) struct Watch {
    keep: Keep,
    /// Whether the condition wants what is compared to be true.
    wanted: bool,
    pub(super) comparisons: Vec<Comparison>,
    pub(super) reads: BTreeSet<String>,
    /// Functions and the arguments they were called with first.
    pub(super) calls: Vec<(usize, Vec<Seen>)>,
}

impl Watch {
    pub(super) fn new(keep: Keep) -> Self {
        Self {
            keep,
            wanted: true,
            comparisons: Vec::new(),
            reads: BTreeSet::new(),
            calls: Vec::new(),
        }
    }

    /// What follows is under one `not` more, or less.
    pub(super) fn turn(&mut self) {
        self.wanted = !self.wanted;
    }

    pub(super) fn read(&mut self, seen: &Seen) {
        if let Some(pointer) = pointer(seen)
            && !pointer.is_empty()
        {
            self.reads.insert(pointer);
        }
    }

    pub(super) fn called(&mut self, group: usize, arguments: &[Seen]) {
        if self.keep == Keep::Reads {
            return;
        }
        if !self.calls.iter().any(|(called, _)| *called == group) {
            self.calls.push((group, arguments.to_vec()));
        }
    }

    pub(super) fn compared(
        &mut self,
        operator: &BoolOp,
        of: &Operands,
        [left, right]: [&Seen; 2],
        seen: &Seen,
    ) {
        let operator = match operator {
            BoolOp::Lt => Operator::Less,
            BoolOp::Le => Operator::AtMost,
            BoolOp::Gt => Operator::Greater,
            BoolOp::Ge => Operator::AtLeast,
            BoolOp::Eq => Operator::Equal,
            BoolOp::Ne => Operator::Unequal,
        };
        self.pair(operator, of, [left, right], seen);
    }

    pub(super) fn sought(&mut self, of: &Operands, sides: [&Seen; 2], seen: &Seen) {
        self.pair(Operator::In, of, sides, seen);
    }

    fn pair(&mut self, operator: Operator, of: &Operands, sides: [&Seen; 2], seen: &Seen) {
        if self.keep == Keep::Reads {
            return;
        }
        let [left, right] = sides;
        let [left_text, right_text] = &of.texts;
        self.keep(Comparison {
            operator,
            left: side(left_text, left),
            right: Some(side(right_text, right)),
            truth: truth(seen),
            wanted: self.wanted,
            file: of.at.file.to_string(),
            line: of.at.line,
        });
    }

    /// A value that is a condition of its own.
    pub(super) fn held(&mut self, term: &Term, value: &Seen, answer: &Answer) {
        let is_reference = matches!(
            term,
            Term::Local(_) | Term::Input(_) | Term::Data(_) | Term::Part(..)
        );
        if self.keep == Keep::Reads || !is_reference {
            return;
        }
        let Some(text) = value.path() else {
            return;
        };
        let truth = match (&answer.doubt, answer.plain) {
            (Some(_), _) => Truth::Unknown,
            (None, true) => Truth::True,
            (None, false) => Truth::False,
        };
        self.keep(Comparison {
            operator: Operator::Holds,
            left: side(&text, value),
            right: None,
            truth,
            wanted: self.wanted,
            file: String::new(),
            line: 0,
        });
    }

    /// A built-in that answers yes or no about a text.
    pub(super) fn answered(&mut self, call: &Builtin, arguments: &[Seen], seen: &Seen) {
        let is_match = matches!(
            call.name.as_str(),
            "startswith" | "endswith" | "contains" | "regex.match" | "glob.match"
        );
        let (Some(first), Some(second)) = (arguments.first(), arguments.get(1)) else {
            return;
        };
        if !is_match || self.keep == Keep::Reads {
            return;
        }
        // The text comes second where a pattern comes first.
        let is_pattern_first = matches!(call.name.as_str(), "regex.match" | "glob.match");
        let text = if call.name == "glob.match" {
            arguments.get(2).unwrap_or(second)
        } else if is_pattern_first {
            second
        } else {
            first
        };
        let pattern = if is_pattern_first { first } else { second };
        let written = |seen: &Seen| seen.path().unwrap_or_default();
        self.keep(Comparison {
            operator: Operator::Matches,
            left: side(&written(text), text),
            right: Some(side(&written(pattern), pattern)),
            truth: truth(seen),
            wanted: self.wanted,
            file: call.at.file.to_string(),
            line: call.at.line,
        });
    }

    fn keep(&mut self, comparison: Comparison) {
        if self.comparisons.len() < MOST_COMPARISONS && !self.comparisons.contains(&comparison) {
            self.comparisons.push(comparison);
        }
    }
}

fn truth(seen: &Seen) -> Truth {
    match &seen.doubt {
        Some(_) => Truth::Unknown,
        None if seen.holds() => Truth::True,
        None => Truth::False,
    }
}

fn side(text: &str, seen: &Seen) -> Side {
    Side {
        text: text.to_owned(),
        value: json(&seen.value),
        pointer: pointer(seen),
    }
}

/// Where in the input a value stands, if it is a value of the input as it is.
fn pointer(seen: &Seen) -> Option<String> {
    match &seen.place {
        Place::At(node) => node.pointer(),
        Place::Of(..) | Place::NoKey(_) | Place::Nowhere => None,
    }
}

fn json(value: &Value) -> Option<serde_json::Value> {
    let members = match value {
        Value::Undefined => return None,
        Value::Array(items) => items.len(),
        Value::Set(items) => items.len(),
        Value::Object(fields) => fields.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    };
    if members > MOST_MEMBERS {
        return None;
    }
    serde_json::to_value(value).ok()
}
