//! Asks the policy set, and counts how often.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::domain::explanation::Explanation;
use crate::domain::verdict::Outcome;
use crate::policy::{self, Input, PolicySet};

use super::{Extent, Guard, Settings};

/// A policy set that answers so many questions and no more.
pub(super) struct Oracle<'a> {
    set: &'a PolicySet,
    settings: Settings,
    evaluations: usize,
    extent: Extent,
    /// The answers for the sample at hand, since different changes often make the same document.
    known: HashMap<String, bool>,
}

impl<'a> Oracle<'a> {
    pub(super) fn new(set: &'a PolicySet, settings: Settings) -> Self {
        Self {
            set,
            settings,
            evaluations: 0,
            extent: Extent::Whole,
            known: HashMap::new(),
        }
    }

    /// Whether the document is approved, in the way that is attacked. Once no more may be asked, nothing is.
    pub(super) fn approves(&mut self, document: &Value, now: Timestamp) -> bool {
        let Ok(input) = Input::parse(&document.to_string()) else {
            return false;
        };
        if let Some(answer) = self.known.get(input.text()) {
            return *answer;
        }
        if !self.may_ask() {
            return false;
        }
        let verdict = match self.settings.guard {
            Guard::On => policy::decide(self.set, &input, now),
            Guard::Off => policy::decide_plain(self.set, &input, now),
        };
        let answer = verdict.outcome == Outcome::Approve;
        self.known.insert(input.text().to_owned(), answer);
        answer
    }

    /// Whether the document is approved as countersign decides, guard and all.
    pub(super) fn approves_guarded(&mut self, document: &Value, now: Timestamp) -> bool {
        let Ok(input) = Input::parse(&document.to_string()) else {
            return false;
        };
        self.may_ask() && policy::decide(self.set, &input, now).outcome == Outcome::Approve
    }

    /// What the evaluation of the document showed; `None` once no more may be asked.
    pub(super) fn explain(&mut self, document: &Value, now: Timestamp) -> Option<Explanation> {
        let input = Input::parse(&document.to_string()).ok()?;
        self.may_ask()
            .then(|| policy::explain(self.set, &input, now))
    }

    /// The data of the set.
    pub(super) fn data(&self) -> &'a Value {
        &self.set.files().data
    }

    /// Forgets the answers: the next sample's documents are others.
    pub(super) fn begin_sample(&mut self) {
        self.known.clear();
    }

    /// The time of samples that do not say theirs.
    pub(super) fn now(&self) -> Timestamp {
        self.settings.now
    }

    pub(super) fn evaluations(&self) -> usize {
        self.evaluations
    }

    pub(super) fn extent(&self) -> Extent {
        self.extent
    }

    fn may_ask(&mut self) -> bool {
        if self.evaluations < self.settings.most_evaluations {
            self.evaluations += 1;
            return true;
        }
        self.extent = Extent::Capped;
        false
    }
}
