//! Every decided request in one of nine places: what policy said by what people did.

use std::collections::BTreeMap;

use crate::domain::case::{Case, Mode, Resolved, State};
use crate::domain::platform::PlatformOutcome;
use crate::domain::verdict::{FiredRule, Outcome, RuleSet};

/// What policy said of the requests that people decided, beside what they decided.
#[derive(Debug, Default)]
pub(crate) struct Comparison<'a> {
    /// Policy and people said the same.
    pub(crate) same: usize,
    /// The dangerous ones: policy approves, people rejected.
    pub(crate) approve_rejected: Vec<&'a Case>,
    /// Policy rejects, people approved.
    pub(crate) reject_approved: Vec<&'a Case>,
    /// Policy asks a person, and this is what they said.
    pub(crate) asked: Words,
    /// Policy decides, and nobody at the platform did in words we know.
    pub(crate) unanswered: Words,
    /// Requests that we answered ourselves: what the platform reports of them is our own word.
    pub(crate) our_own: usize,
    /// The rules behind it, the ones that differ most first.
    pub(crate) rules: Vec<RuleRow>,
}

/// How often people said what.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Words {
    /// Yes.
    pub(crate) approved: usize,
    /// No.
    pub(crate) rejected: usize,
    /// Nothing, in time.
    pub(crate) expired: usize,
    /// Something we do not know.
    pub(crate) other: usize,
}

/// One rule against what people did where it decided.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct RuleRow {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) file: String,
    pub(crate) line: u32,
    /// How often it was behind the outcome.
    pub(crate) decided: usize,
    /// Of these, where people said the same.
    pub(crate) same: usize,
    /// Of these, where people said the opposite.
    pub(crate) differ: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Same,
    Opposite,
    Neither,
}

impl<'a> Comparison<'a> {
    /// Sorts `cases`, whose platform outcome is known; others are passed over.
    pub(crate) fn of(cases: impl IntoIterator<Item = &'a Case>) -> Self {
        let mut comparison = Self::default();
        let mut rules: BTreeMap<&str, RuleRow> = BTreeMap::new();
        for case in cases {
            let Some(people) = &case.platform_outcome else {
                continue;
            };
            if echoes_us(case) {
                comparison.our_own += 1;
                continue;
            }
            let place = comparison.put(case, people);
            for rule in behind(case) {
                let row = rules
                    .entry(rule.id.as_str())
                    .or_insert_with(|| RuleRow::of(rule));
                row.decided += 1;
                match place {
                    Place::Same => row.same += 1,
                    Place::Opposite => row.differ += 1,
                    Place::Neither => {}
                }
            }
        }
        comparison.rules = rules.into_values().collect();
        comparison
            .rules
            .sort_by_key(|row| std::cmp::Reverse((row.differ, row.decided)));
        comparison
    }

    /// How many requests were compared.
    pub(crate) fn total(&self) -> usize {
        self.same
            + self.approve_rejected.len()
            + self.reject_approved.len()
            + self.asked.total()
            + self.unanswered.total()
    }

    fn put(&mut self, case: &'a Case, people: &PlatformOutcome) -> Place {
        match case.verdict.outcome {
            Outcome::Approve => match people {
                PlatformOutcome::Approved => self.agree(),
                PlatformOutcome::Rejected => {
                    self.approve_rejected.push(case);
                    Place::Opposite
                }
                PlatformOutcome::Expired | PlatformOutcome::Other(_) => self.nobody(people),
            },
            Outcome::Reject => match people {
                PlatformOutcome::Approved => {
                    self.reject_approved.push(case);
                    Place::Opposite
                }
                PlatformOutcome::Rejected => self.agree(),
                PlatformOutcome::Expired | PlatformOutcome::Other(_) => self.nobody(people),
            },
            Outcome::Escalate => {
                self.asked.count(people);
                Place::Neither
            }
        }
    }

    fn agree(&mut self) -> Place {
        self.same += 1;
        Place::Same
    }

    fn nobody(&mut self, people: &PlatformOutcome) -> Place {
        self.unanswered.count(people);
        Place::Neither
    }
}

impl Words {
    pub(crate) fn total(self) -> usize {
        self.approved + self.rejected + self.expired + self.other
    }

    fn count(&mut self, people: &PlatformOutcome) {
        match people {
            PlatformOutcome::Approved => self.approved += 1,
            PlatformOutcome::Rejected => self.rejected += 1,
            PlatformOutcome::Expired => self.expired += 1,
            PlatformOutcome::Other(_) => self.other += 1,
        }
    }
}

impl RuleRow {
    fn of(rule: &FiredRule) -> Self {
        Self {
            id: rule.id.clone(),
            title: rule.title.clone(),
            file: rule.file.clone(),
            line: rule.line,
            decided: 0,
            same: 0,
            differ: 0,
        }
    }
}

/// The rules that gave the outcome; those it overruled are left out.
pub(super) fn behind(case: &Case) -> impl Iterator<Item = &FiredRule> {
    let set = match case.verdict.outcome {
        Outcome::Approve => RuleSet::Approve,
        Outcome::Reject => RuleSet::Reject,
        Outcome::Escalate => RuleSet::Escalate,
    };
    case.verdict
        .rules
        .iter()
        .filter(move |rule| rule.set == set)
}

/// Whether the platform only repeats what countersign told it. Agreeing with ourselves proves nothing.
fn echoes_us(case: &Case) -> bool {
    match case.mode {
        Mode::DryRun => false,
        Mode::Enforce => match &case.state {
            State::Received(_) | State::Open(_) => false,
            State::Answering(said) | State::Resolved(said) => match said.outcome {
                Resolved::Approved | Resolved::Rejected => case
                    .platform_outcome
                    .as_ref()
                    .is_some_and(|people| said.outcome.agrees_with(people)),
                Resolved::Expired | Resolved::Superseded => false,
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples::{case, decided_there};

    fn compared(ours: Outcome, mode: Mode, theirs: PlatformOutcome) -> Case {
        decided_there(case("appr_1", ours, mode), theirs)
    }

    #[test]
    fn every_pair_of_words_has_its_place() {
        for (ours, theirs, place) in [
            (Outcome::Approve, PlatformOutcome::Approved, [1, 0, 0, 0, 0]),
            (Outcome::Approve, PlatformOutcome::Rejected, [0, 1, 0, 0, 0]),
            (Outcome::Approve, PlatformOutcome::Expired, [0, 0, 0, 0, 1]),
            (
                Outcome::Approve,
                PlatformOutcome::Other("held".into()),
                [0, 0, 0, 0, 1],
            ),
            (Outcome::Reject, PlatformOutcome::Approved, [0, 0, 1, 0, 0]),
            (Outcome::Reject, PlatformOutcome::Rejected, [1, 0, 0, 0, 0]),
            (Outcome::Reject, PlatformOutcome::Expired, [0, 0, 0, 0, 1]),
            (
                Outcome::Escalate,
                PlatformOutcome::Approved,
                [0, 0, 0, 1, 0],
            ),
            (Outcome::Escalate, PlatformOutcome::Expired, [0, 0, 0, 1, 0]),
        ] {
            let case = compared(ours, Mode::DryRun, theirs.clone());
            let found = Comparison::of([&case]);
            let places = [
                found.same,
                found.approve_rejected.len(),
                found.reject_approved.len(),
                found.asked.total(),
                found.unanswered.total(),
            ];
            assert_eq!((places, found.total()), (place, 1), "{ours} {theirs:?}");
        }
    }

    #[test]
    fn our_own_answer_coming_back_is_no_agreement() {
        let echo = compared(Outcome::Approve, Mode::Enforce, PlatformOutcome::Approved);
        let found = Comparison::of([&echo]);
        assert_eq!((found.our_own, found.total()), (1, 0));
        let overruled = compared(Outcome::Approve, Mode::Enforce, PlatformOutcome::Rejected);
        let found = Comparison::of([&overruled]);
        assert_eq!((found.our_own, found.approve_rejected.len()), (0, 1));
    }

    #[test]
    fn the_rule_that_differs_most_comes_first() {
        let cases = [
            compared(Outcome::Approve, Mode::DryRun, PlatformOutcome::Approved),
            compared(Outcome::Approve, Mode::DryRun, PlatformOutcome::Approved),
            compared(Outcome::Reject, Mode::DryRun, PlatformOutcome::Approved),
        ];
        let rows = Comparison::of(&cases).rules;
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row.title.as_str(), row.decided, row.same, row.differ))
            .collect();
        assert_eq!(told, [("Fraud list", 1, 0, 1), ("Small refund", 2, 2, 0)]);
    }
}
