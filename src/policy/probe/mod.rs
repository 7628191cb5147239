//! Attacks a policy set before anybody else does: takes what it approves, changes it a little, and says where it approves
//! what it should not.
//!
//! Every change is judged by a property that must hold whatever the policy is about ([`Property`]), and only where the
//! approval rests on what was changed. The same set and samples give the same findings in the same order.
//!
//! The way of a sample: `facts` (what its evaluation rests on) → `mutate` (what is changed) → `attack` (which changes are
//! tried for which property) → `judge` (who let it through) → `suggest` (the line that would not have).

pub mod samples;

mod attack;
mod oracle;
mod facts;
mod mutate;
mod judge;
mod suggest;
mod monotone;
mod report;
mod paths;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

pub use judge::{Blame, BlamedCondition};
pub use samples::Sample;

use oracle::Oracle;

use super::PolicySet;

/// What must hold for every approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Property {
    /// A missing field never makes approval easier.
    MissingField,
    /// A value of the wrong kind is never approved.
    WrongKind,
    /// A number that is bounded above is bounded below.
    NoLowerBound,
    /// What METADATA declares `monotone` is never more approvable when it is larger.
    Monotone,
    /// What is denied is denied however it is spelt.
    Spelling,
    /// Nothing is approved because there is nothing in it.
    EmptyContainer,
    /// A container approves nothing that its parts would not.
    Container,
}

/// Whether approvals are held to the evidence guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// As countersign decides.
    On,
    /// As plain Rego would.
    Off,
}

/// One way in, reduced to the smallest change that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// What does not hold.
    pub property: Property,
    /// Who let it through.
    pub blame: Blame,
    /// The rule that approved: where the guard line belongs, since one more condition in a veto makes the veto weaker.
    pub approved_by: Approver,
    /// The sample that was changed.
    pub sample: String,
    /// What was changed in it, in order.
    pub changes: Vec<Change>,
    /// The place it is about: the pointer of the change that made it an approval.
    pub pointer: String,
    /// A condition, or several lines of them, that would not have let it through.
    pub suggestion: String,
    /// How many changes get through at the same condition.
    pub mutants: usize,
}

/// A rule that approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Approver {
    /// Its id.
    pub id: String,
    /// Its title, else its id.
    pub title: String,
    /// Path of its file, relative to the policy directory.
    pub file: String,
    /// Line of its head, from 1.
    pub line: u32,
}

/// One change of a sample, in the words of JSON Patch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The JSON pointer of the place.
    pub path: String,
    /// What was there; absent where nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// What is there now; absent where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
}

/// What an attack came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// In the order of file, line and property.
    pub findings: Vec<Finding>,
    /// How many samples there were.
    pub samples: usize,
    /// How many of them are approved, and so were changed.
    pub approved: usize,
    /// How many evaluations it took.
    pub evaluations: usize,
    /// Whether everything was tried.
    pub extent: Extent,
}

/// Whether everything was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// It was.
    Whole,
    /// The cap on evaluations was reached; nothing is known of what was left.
    Capped,
}

/// How an attack is made.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Whether approvals are held to the evidence guard.
    pub guard: Guard,
    /// The most evaluations there may be.
    pub most_evaluations: usize,
    /// The time of samples that do not say theirs.
    pub now: Timestamp,
}

/// Attacks `set` with `samples`. `progress` is told how many samples are done.
pub fn run(
    set: &PolicySet,
    samples: &[Sample],
    settings: Settings,
    mut progress: impl FnMut(usize),
) -> Report {
    let monotone = monotone::declared(set.files());
    let mut oracle = Oracle::new(set, settings);
    let mut approved = 0;
    let mut found = Found::default();
    for (number, sample) in samples.iter().enumerate() {
        progress(number);
        if attack::sample(&mut oracle, sample, &monotone, &mut found) {
            approved += 1;
        }
    }
    progress(samples.len());
    Report {
        findings: found.findings(),
        samples: samples.len(),
        approved,
        evaluations: oracle.evaluations(),
        extent: oracle.extent(),
    }
}

impl Property {
    /// Its stable code, documented in `docs/checks.md`.
    pub fn code(self) -> &'static str {
        match self {
            Self::MissingField => "CS101",
            Self::WrongKind => "CS102",
            Self::NoLowerBound => "CS103",
            Self::Monotone => "CS104",
            Self::Spelling => "CS105",
            Self::EmptyContainer => "CS106",
            Self::Container => "CS107",
        }
    }

    /// All of them, in the order of their codes.
    pub const ALL: [Self; 7] = [
        Self::MissingField,
        Self::WrongKind,
        Self::NoLowerBound,
        Self::Monotone,
        Self::Spelling,
        Self::EmptyContainer,
        Self::Container,
    ];

    /// What must hold, in a sentence without its full stop.
    pub fn law(self) -> &'static str {
        match self {
            Self::MissingField => "a missing field never makes approval easier",
            Self::WrongKind => "a value of the wrong kind is never approved",
            Self::NoLowerBound => "a number that is bounded above is bounded below",
            Self::Monotone => {
                "what METADATA declares `monotone` is never more approvable when it is larger"
            }
            Self::Spelling => "what is denied is denied however it is spelt",
            Self::EmptyContainer => "nothing is approved because there is nothing in it",
            Self::Container => "a container approves nothing that its parts would not",
        }
    }
}

/// Findings so far: one for each property and condition, the smallest change of all that get through there.
#[derive(Debug, Default)]
struct Found(BTreeMap<Key, Finding>);

/// In the order in which findings are shown.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    file: String,
    line: u32,
    property: Property,
    rule: String,
    text: String,
    pointer: String,
}

impl Found {
    fn add(&mut self, finding: Finding) {
        let condition = finding.blame.condition.as_ref();
        let place = condition.map_or((&finding.blame.file, finding.blame.line), |condition| {
            (&condition.file, condition.line)
        });
        let key = Key {
            file: place.0.clone(),
            line: place.1,
            property: finding.property,
            rule: finding.blame.rule.clone(),
            text: condition.map(|one| one.text.clone()).unwrap_or_default(),
            // Where a condition is blamed it says the place; a rule alone may be to blame for several.
            pointer: match condition {
                Some(_) => String::new(),
                None => finding.pointer.clone(),
            },
        };
        match self.0.get_mut(&key) {
            None => {
                self.0.insert(key, finding);
            }
            Some(known) => {
                let mutants = known.mutants + finding.mutants;
                if finding.size() < known.size() {
                    *known = finding;
                }
                known.mutants = mutants;
            }
        }
    }

    fn findings(self) -> Vec<Finding> {
        self.0.into_values().collect()
    }
}

impl Finding {
    /// How far the changed sample is from the sample: fewer changes, deeper in it, are smaller.
    fn size(&self) -> (usize, std::cmp::Reverse<usize>) {
        let depth = self
            .changes
            .iter()
            .map(|change| paths::depth(&change.path))
            .min()
            .unwrap_or_default();
        (self.changes.len(), std::cmp::Reverse(depth))
    }
}

#[cfg(test)]
mod tests;
