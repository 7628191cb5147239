//! Requests whose webhook was lost: the platform's own list of what is pending, gone through now and then.
//!
//! What is found there is the platform's own record already, so it is decided at once; in all else it goes the way of
//! every request.

use std::sync::Arc;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

use crate::domain::case::{Case, Event, Resolved, Resolver, State};
use crate::domain::log_entry::EntryKind;
use crate::domain::request::Request;
use crate::flow::{Desk, Flow, Took, confirm, decide};
use crate::source::NotListed;
use crate::store::{CaseFile, LogLine, Receipt, Stepped, StoreError};

/// A list may be a little behind what the platform told us by webhook.
const BEHIND: SignedDuration = SignedDuration::from_mins(1);

/// Why the pending requests of a source were not gone through to the end.
#[derive(Debug, thiserror::Error)]
pub enum Unreconciled {
    /// The platform did not show them.
    #[error("the pending requests of the platform could not be listed: {0}")]
    NotListed(#[from] NotListed),
    /// One of them could not be looked up or written.
    #[error("a pending request could not be stored")]
    Unstored(#[from] StoreError),
}

impl Flow {
    /// Goes through what the platform of `desk` says is pending: what nobody told us of becomes a case, and a case that
    /// we were told is closed there opens again. Returns how many requests were new.
    pub async fn reconcile(&self, desk: &Desk) -> Result<usize, Unreconciled> {
        let (name, began) = (desk.source.name(), self.clock.now());
        let pending = match desk.source.pending().await {
            Ok(pending) => pending,
            Err(error) => {
                self.observer.reconciled(name, Err(&error));
                return Err(error.into());
            }
        };
        let mut found = 0;
        for request in pending {
            match self.store.case(request.case_id()).await? {
                None => found += self.take_up(desk, request).await?,
                Some(file) if said_to_be_closed(&file.case, began) => {
                    self.still_pending(desk, &file, request).await?;
                }
                Some(_) => {}
            }
        }
        self.observer.reconciled(name, Ok(found));
        Ok(found)
    }

    /// Decides a request that no delivery told us of; returns how many cases began.
    async fn take_up(&self, desk: &Desk, request: Request) -> Result<usize, StoreError> {
        let (now, started) = (self.clock.now(), Instant::now());
        let set = self.policies.current();
        let (decided, evaluation) = decide::decide(&set, desk, request, None, None, now);
        let input = Arc::clone(&decided.input);
        match self.store.commit(decided, now).await? {
            Receipt::New(case) => {
                let took = Took {
                    evaluation,
                    whole: started.elapsed(),
                };
                self.observer.decided(&case, &input, took);
                Ok(1)
            }
            // Its webhook came meanwhile.
            Receipt::Duplicate(_) | Receipt::Conflict(_) => Ok(0),
        }
    }

    /// Opens a case again that the platform still lists with this `record`. Where nothing was decided yet, people are
    /// shown the record: what a delivery claimed is nobody's to vote on.
    async fn still_pending(
        &self,
        desk: &Desk,
        file: &CaseFile,
        record: Request,
    ) -> Result<(), StoreError> {
        let (id, terms) = (file.case.asked.id, Arc::clone(&desk.terms));
        let now = self.clock.now();
        let was_decided = |line: &LogLine| line.kind == EntryKind::Decided;
        let record = (!file.timeline.iter().any(was_decided)).then(|| {
            let set = self.policies.current();
            Box::new(confirm::taken_up(&set, file, record, now))
        });
        let event = Event::StillPending { record };
        let stepped = self.store.step(id, event, terms, now);
        match stepped.await? {
            Stepped::Moved(moved) => self.observer.moved(&moved),
            Stepped::Stayed(..) | Stepped::Unknown => {}
        }
        Ok(())
    }
}

/// Whether somebody told us, a while before `now`, that the platform had closed it.
fn said_to_be_closed(case: &Case, now: Timestamp) -> bool {
    match &case.state {
        State::Resolved(resolution) => {
            resolution.outcome == Resolved::Superseded
                && resolution.by == Resolver::Platform
                && now.duration_since(resolution.at) >= BEHIND
        }
        State::Received(_) | State::Open(_) | State::Answering(_) => false,
    }
}
