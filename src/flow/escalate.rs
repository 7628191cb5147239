//! People and the clock: votes, deadlines, the freeze, and agents that wait.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::case::{Case, Event, Mode, Refused, State};
use crate::domain::effect::{Ballot, EffectId};
use crate::domain::escalation::{Via, Vote};
use crate::domain::freeze::Freeze;
use crate::domain::id::{CaseId, ContentDigest, SourceName};
use crate::domain::person::Person;
use crate::domain::team::People;
use crate::flow::Flow;
use crate::store::{Retried, Stepped, StoreError};

/// Why a vote does not count.
#[derive(Debug, thiserror::Error)]
pub enum VoteError {
    /// There is no such case.
    #[error("there is no case `{0}`")]
    Unknown(CaseId),
    /// The case says no.
    #[error("{1}")]
    Refused(Box<Case>, Refused),
    /// It could not be written.
    #[error("the vote could not be stored")]
    Unstored(#[source] StoreError),
}

/// What an agent that waits gets to know.
#[derive(Debug, Clone, PartialEq)]
pub enum Waiting {
    /// The case as it is now.
    Case(Box<Case>),
    /// The agent has no such case.
    Unknown,
}

impl Flow {
    /// Counts a person's vote on what they were shown.
    pub async fn vote(
        &self,
        id: CaseId,
        by: Person,
        via: Via,
        vote: Ballot,
        reason: Option<String>,
        shown: ContentDigest,
    ) -> Result<Case, VoteError> {
        let now = self.clock.now();
        let source = self
            .store
            .source_of(id)
            .await
            .map_err(VoteError::Unstored)?
            .ok_or(VoteError::Unknown(id))?;
        let terms = Arc::clone(self.terms_of(&source));
        let name = by.name.clone();
        let event = Event::Voted {
            by,
            via,
            vote,
            reason,
            shown,
        };
        match self
            .store
            .step(id, event, terms, now)
            .await
            .map_err(VoteError::Unstored)?
        {
            Stepped::Moved(moved) => {
                self.observer.moved(&moved);
                let case = moved.case;
                let counted = |vote: &Vote| {
                    vote.by == name && vote.at.as_microsecond() == now.as_microsecond()
                };
                if case.votes.iter().any(counted) {
                    return Ok(case);
                }
                // The deadline was there before the vote: the case moved, and the vote does not count.
                let refused = match case.resolution() {
                    Some(resolution) => Refused::Closed(Box::new(resolution.clone())),
                    None => Refused::Stale,
                };
                Err(VoteError::Refused(Box::new(case), refused))
            }
            Stepped::Stayed(case, refused) => Err(VoteError::Refused(Box::new(case), refused)),
            Stepped::Unknown => Err(VoteError::Unknown(id)),
        }
    }

    /// Whether `person` may say `ballot` on `case`, as far as who they are goes.
    pub fn may_vote(&self, case: &Case, person: &Person, ballot: Ballot) -> Result<(), Refused> {
        case.may_vote(person, ballot, self.people_of(&case.asked.source))
    }

    /// Who may be asked about what `source` asks.
    pub fn people_of(&self, source: &SourceName) -> &People {
        &self.terms_of(source).people
    }

    /// Moves every case whose time has come, and returns how many moved.
    pub async fn pass_time(&self, now: Timestamp) -> Result<usize, StoreError> {
        let mut moved = 0;
        for (id, source) in self.store.waking(now, 256).await? {
            let terms = Arc::clone(self.terms_of(&source));
            match self.store.step(id, Event::TimePassed, terms, now).await {
                Ok(Stepped::Moved(case)) => {
                    self.observer.moved(&case);
                    moved += 1;
                }
                Ok(Stepped::Stayed(..) | Stepped::Unknown) => {}
                // A case that somebody changed in the file stops alone.
                Err(StoreError::Corrupt(what)) => {
                    tracing::error!(case.id = %id, "a case cannot be moved: {what}");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(moved)
    }

    /// Stops every approval by policy, from the next commit on.
    pub async fn freeze(&self, by: String, reason: String) -> Result<Freeze, StoreError> {
        self.store
            .freeze(Freeze {
                by,
                reason,
                since: self.clock.now(),
            })
            .await
    }

    /// Lets policy approve again; returns the freeze that was on.
    pub async fn unfreeze(&self, by: &str) -> Result<Option<Freeze>, StoreError> {
        self.store.unfreeze(by, self.clock.now()).await
    }

    /// Puts a dead letter back into the outbox.
    pub async fn retry(&self, id: EffectId, by: &str) -> Result<Retried, StoreError> {
        let Some(item) = self.store.effect(id).await? else {
            return Ok(Retried::Unknown);
        };
        let terms = Arc::clone(self.terms_of(&item.source));
        self.store.retry(id, by, terms, self.clock.now()).await
    }

    /// The agent's own case, as soon as it is resolved or after `patience`, whichever is first.
    pub async fn wait(
        &self,
        source: &SourceName,
        agent: &str,
        id: CaseId,
        patience: Duration,
    ) -> Result<Waiting, StoreError> {
        // Subscribed before the first look, so that no change falls between.
        let mut changes = self.store.changes();
        let end = tokio::time::Instant::now() + patience;
        loop {
            let Some(file) = self.store.case(id).await? else {
                return Ok(Waiting::Unknown);
            };
            let asked = &file.case.asked;
            if asked.source != *source || asked.agent.as_deref() != Some(agent) {
                return Ok(Waiting::Unknown);
            }
            let open = matches!(file.case.state, State::Received(_) | State::Open(_))
                && file.case.mode == Mode::Enforce;
            if !open || tokio::time::Instant::now() >= end {
                return Ok(Waiting::Case(Box::new(file.case)));
            }
            loop {
                tokio::select! {
                    () = tokio::time::sleep_until(end) => break,
                    change = changes.recv() => match change {
                        Ok(other) if other != id => {}
                        Ok(_) | Err(_) => break,
                    },
                }
            }
        }
    }
}
