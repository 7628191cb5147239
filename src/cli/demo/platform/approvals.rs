//! What a platform was ever asked, and how each of it was answered first.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::domain::effect::Ballot;

/// One approval that waits at a platform.
#[derive(Debug, Clone)]
pub(in crate::cli::demo) struct Approval {
    /// What an answer names it by: the token at TraceMem, elsewhere the id.
    pub(in crate::cli::demo) key: String,
    pub(in crate::cli::demo) id: String,
    /// The platform's own record of it.
    pub(in crate::cli::demo) record: Value,
}

/// Everything that one platform was ever asked.
#[derive(Default)]
pub(in crate::cli::demo) struct Approvals(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// The oldest first.
    all: Vec<(Approval, Option<Ballot>)>,
    places: BTreeMap<String, usize>,
    contradictions: u32,
    without_rationale: u32,
}

/// What became of an answer.
pub(super) enum Taken {
    /// It is the first.
    First(Approval),
    /// The approval was answered before, like this.
    Again(Approval, Ballot),
    /// There is no such approval.
    Unknown,
}

/// How the platform sees it all in the end.
pub(in crate::cli::demo) struct View {
    /// Every approval by its id, with its answer.
    pub(in crate::cli::demo) approvals: BTreeMap<String, Option<Ballot>>,
    /// Answers that came after the first and said something else.
    pub(in crate::cli::demo) contradictions: u32,
    pub(in crate::cli::demo) without_rationale: u32,
}

impl View {
    /// The ids of what was approved, in order.
    pub(in crate::cli::demo) fn approved(&self) -> impl Iterator<Item = &String> {
        let approved = self
            .approvals
            .iter()
            .filter(|(_, answer)| **answer == Some(Ballot::Approve));
        approved.map(|(id, _)| id)
    }
}

impl Approvals {
    pub(in crate::cli::demo) fn open(&self, approval: Approval) {
        let mut kept = self.lock();
        let place = kept.all.len();
        kept.places.insert(approval.key.clone(), place);
        kept.all.push((approval, None));
    }

    pub(in crate::cli::demo) fn view(&self) -> View {
        let kept = self.lock();
        let answered = |(approval, answer): &(Approval, _)| (approval.id.clone(), *answer);
        View {
            approvals: kept.all.iter().map(answered).collect(),
            contradictions: kept.contradictions,
            without_rationale: kept.without_rationale,
        }
    }

    /// The first answer stands.
    pub(super) fn answer(&self, key: &str, ballot: Ballot, rationale: &str) -> Taken {
        let mut kept = self.lock();
        let Kept { all, places, .. } = &mut *kept;
        let Some((approval, answer)) = places.get(key).and_then(|place| all.get_mut(*place)) else {
            return Taken::Unknown;
        };
        let approval = approval.clone();
        match *answer {
            None => {
                *answer = Some(ballot);
                kept.without_rationale += u32::from(rationale.is_empty());
                Taken::First(approval)
            }
            Some(first) => {
                kept.contradictions += u32::from(first != ballot);
                Taken::Again(approval, first)
            }
        }
    }

    pub(super) fn find(&self, key: &str) -> Option<(Approval, Option<Ballot>)> {
        let kept = self.lock();
        kept.all.get(*kept.places.get(key)?).cloned()
    }

    /// The records that nobody answered, the newest first, which `matches`.
    pub(super) fn pending(&self, matches: impl Fn(&Value) -> bool) -> Vec<Value> {
        let kept = self.lock();
        let waiting = kept.all.iter().rev().filter(|(_, answer)| answer.is_none());
        let records = waiting.map(|(approval, _)| &approval.record);
        records.filter(|record| matches(record)).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The word that ends of approvals are told in.
pub(super) fn word(ballot: Ballot) -> &'static str {
    match ballot {
        Ballot::Approve => "approved",
        Ballot::Reject => "rejected",
    }
}
