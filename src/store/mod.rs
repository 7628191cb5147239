//! Where cases live. One port, spoken in the words of the story; the adapters are private to this folder.
//!
//! What must hold of every adapter:
//! - a method that returned `Ok` has its change on disk, and a power cut does not undo it;
//! - a case, its effects and its log entry are written together or not at all;
//! - two deliveries of one request, at once or years apart, are one case;
//! - a case moves only by [`Case::step`], read and written in one transaction.

mod sqlite;
mod hindsight;
mod listing;

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::case::{Asked, Case, CaseTerms, Event, Moved, Refused};
use crate::domain::effect::{Effect, EffectId, EffectKind, Planned, Reached};
use crate::domain::freeze::Freeze;
use crate::domain::id::{CaseId, ContentDigest, Revision, SourceName};
use crate::domain::notice::ChannelName;
use crate::domain::verdict::Verdict;
use crate::secret::Secret;

pub use hindsight::{FireCounts, LogPage, LogQuery, Precedent};
pub use listing::{CaseAndInput, CaseFile, CaseOrder, CasePage, CaseQuery, LogLine};
pub use sqlite::{GroupObserver, SqliteSettings, SqliteStore, Synchronous};

/// A request that was decided and is not written yet.
#[derive(Debug, Clone)]
pub struct Decided {
    /// What was asked.
    pub asked: Asked,
    /// What policy says. Under a freeze the store writes [`Verdict::under`] instead.
    pub verdict: Verdict,
    /// The policy input as JSON text: what was decided on, to the byte. [`Asked::input`] is its digest:
    /// `ContentDigest::of(&[input.as_bytes()])`.
    pub input: Arc<str>,
    /// The capability that answers the request.
    pub token: Option<Secret>,
    /// What holds for the source's cases.
    pub terms: Arc<CaseTerms>,
    /// The event itself, where it is passed on.
    pub forward: Option<Planned>,
    /// Until when the platform's own record is waited for, where nothing is decided without it: then the verdict is only
    /// what stands meanwhile.
    pub confirm_by: Option<Timestamp>,
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq)]
pub enum Receipt {
    /// It is a new case, and this is it as written.
    New(Case),
    /// The same request was received before.
    Duplicate(Case),
    /// The same id was received before with other content. The attempt is in the log; nothing else changed.
    Conflict(Case),
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Stepped {
    /// The case moved.
    Moved(Moved),
    /// The case stays as it is, for the reason given.
    Stayed(Case, Refused),
    /// There is no such case.
    Unknown,
}

/// A planned effect that is due and was given to one worker.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The effect's number in the outbox.
    pub id: EffectId,
    /// The case it belongs to; a forwarded event may have none.
    pub case: Option<Case>,
    /// The capability that answers the request.
    pub token: Option<Secret>,
    /// What is to be done.
    pub effect: Effect,
    /// How often it was tried before.
    pub attempts: u32,
    /// Whether an earlier attempt may have arrived although nobody said so.
    pub reached: Reached,
    /// What stood in the way the last time.
    pub error: Option<String>,
    /// What the channel calls the message it has of the case.
    pub handle: Option<String>,
    /// When it was written.
    pub created_at: Timestamp,
    /// It is not tried after this.
    pub not_after: Timestamp,
}

/// What became of one attempt at an effect.
#[derive(Debug, Clone, PartialEq)]
pub enum Attempt {
    /// It is done; the case, if there is one, moves by the event.
    Done(Option<Event>),
    /// A team was told.
    Told {
        /// What its channel calls the message, if it can be changed later.
        handle: Option<String>,
    },
    /// It failed and is due again.
    Again {
        /// When.
        at: Timestamp,
        /// Why, with no secret in it.
        error: String,
        /// Whether it may have arrived all the same.
        reached: Reached,
    },
    /// It is given up and kept for a person to retry; the case, if there is one, moves by the event.
    Dead {
        /// Why, with no secret in it.
        error: String,
        /// The event.
        event: Option<Event>,
    },
}

/// An effect as the outbox lists it. Neither token nor body is part of it.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct OutboxItem {
    /// Its number.
    pub id: EffectId,
    /// Its case.
    pub case_id: Option<CaseId>,
    /// The source whose platform is told, or whose event is passed on.
    pub source: SourceName,
    /// `answer`, `forward`, `confirm` or `notify`.
    pub kind: String,
    /// The team and the channel that is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// `due`, `held` (by a freeze), `dead`, or `would` in dry-run.
    pub state: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is due.
    pub due_at: Timestamp,
    /// When it was written.
    pub created_at: Timestamp,
    /// The last error.
    pub error: Option<String>,
}

/// What became of a retry that a person asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retried {
    /// It is due now.
    Due,
    /// It is not a dead letter.
    NotDead,
    /// There is no such effect.
    Unknown,
}

/// What a check of the whole chain found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ChainReport {
    /// How many entries were checked.
    pub entries: u64,
    /// How many payloads are gone while their digests stand.
    pub erased: u64,
    /// Every fault, in the order of the chain, at most 100.
    pub faults: Vec<String>,
}

/// A policy set that served, kept so that its decisions can be evaluated again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSet {
    /// Its digest.
    pub revision: Revision,
    /// The engine that ran it, with its version.
    pub engine: String,
    /// All its files, as one JSON text.
    pub files: Arc<str>,
}

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing was written, or nobody can say whether it was; ask again later.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store cannot be opened.
    #[error("cannot open the store: {0}")]
    Open(String),
    /// The cursor is not one of ours.
    #[error("`{0}` is not a cursor; use `next` of the page before")]
    Cursor(String),
    /// What is stored cannot be read: the file was changed by something else, or is of a later version.
    #[error("what is stored cannot be read: {0}")]
    Corrupt(String),
}

/// Where cases live.
#[async_trait]
pub trait Store: Send + Sync {
    /// Writes a decided request as a new case with its effects and its log entry, or finds that it was written before.
    async fn commit(&self, decided: Decided, now: Timestamp) -> Result<Receipt, StoreError>;

    /// Moves a case by `event`; effects and log entry go with it.
    async fn step(
        &self,
        id: CaseId,
        event: Event,
        terms: Arc<CaseTerms>,
        now: Timestamp,
    ) -> Result<Stepped, StoreError>;

    /// Writes an event that is passed on and has no case; nothing, if one was written under the same `once` before.
    async fn forward(
        &self,
        forward: Planned,
        once: Option<ContentDigest>,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Gives at most `limit` due effects of `source` and `kind` to the caller until `lease`; nobody else is given them before.
    /// Under a freeze an approval by policy is given only after its `not_after`, to become a question. Of forwards with one lane only the
    /// oldest that is not done is given.
    async fn claim(
        &self,
        source: &SourceName,
        kind: EffectKind,
        limit: usize,
        now: Timestamp,
        lease: Timestamp,
    ) -> Result<Vec<Claim>, StoreError>;

    /// Records an attempt at a claimed effect and moves its case, in one transaction. Returns the case if it moved.
    async fn settle(
        &self,
        id: EffectId,
        attempt: Attempt,
        terms: Arc<CaseTerms>,
        now: Timestamp,
    ) -> Result<Option<Moved>, StoreError>;

    /// When the next effect of `source` and `kind` is due, leases included.
    async fn next_due(
        &self,
        source: &SourceName,
        kind: EffectKind,
    ) -> Result<Option<Timestamp>, StoreError>;

    /// As [`Store::claim`], what `channel` is to be told; of one case, in order.
    async fn claim_notices(
        &self,
        channel: &ChannelName,
        limit: usize,
        now: Timestamp,
        lease: Timestamp,
    ) -> Result<Vec<Claim>, StoreError>;

    /// When the next notice for `channel` is due, leases included.
    async fn next_notice_due(&self, channel: &ChannelName)
    -> Result<Option<Timestamp>, StoreError>;

    /// What `channel` calls the message it has of the case, as far as that is settled.
    async fn told(&self, id: CaseId, channel: &ChannelName) -> Result<Option<String>, StoreError>;

    /// Writes that what `key` stands for (a link, a nonce, a session) was used, and says whether it was before. It may be
    /// forgotten after `until`, when what it stands for is of no use any more.
    async fn spend(
        &self,
        key: ContentDigest,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Spent, StoreError>;

    /// Takes back what [`Store::spend`] wrote of `key`: what it stands for did not happen.
    async fn forget(&self, key: ContentDigest) -> Result<(), StoreError>;

    /// Whether [`Store::spend`] was called with `key`.
    async fn spent(&self, key: ContentDigest) -> Result<bool, StoreError>;

    /// At most `limit` cases that the clock moves at or before `now`, with their sources.
    async fn waking(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(CaseId, SourceName)>, StoreError>;

    /// The source that read the request of a case.
    async fn source_of(&self, id: CaseId) -> Result<Option<SourceName>, StoreError>;

    /// A case with its input, if that was not erased, and without its timeline, which may be long.
    async fn question_of(&self, id: CaseId) -> Result<Option<CaseAndInput>, StoreError>;

    /// A case with its input and timeline.
    async fn case(&self, id: CaseId) -> Result<Option<CaseFile>, StoreError>;

    /// A page of cases.
    async fn cases(&self, query: CaseQuery) -> Result<CasePage, StoreError>;

    /// At most `limit` effects that are not done: dead letters, then what is due, then what dry-run would have sent,
    /// each from the oldest.
    async fn outbox(&self, limit: usize) -> Result<Vec<OutboxItem>, StoreError>;

    /// One effect that is not done.
    async fn effect(&self, id: EffectId) -> Result<Option<OutboxItem>, StoreError>;

    /// Every source that something is due or dead for, also those that nobody has configured any more.
    async fn owed(&self) -> Result<Vec<SourceName>, StoreError>;

    /// Every channel that something is due for, also those that nobody has configured any more.
    async fn owed_channels(&self) -> Result<Vec<ChannelName>, StoreError>;

    /// Makes a dead letter due again, on the word of `by`; its case moves by [`Event::AnswerRetried`].
    async fn retry(
        &self,
        id: EffectId,
        by: &str,
        terms: Arc<CaseTerms>,
        now: Timestamp,
    ) -> Result<Retried, StoreError>;

    /// Freezes approvals, or says who did before.
    async fn freeze(&self, freeze: Freeze) -> Result<Freeze, StoreError>;

    /// Releases approvals and returns the freeze that was on, if there was one.
    async fn unfreeze(&self, by: &str, now: Timestamp) -> Result<Option<Freeze>, StoreError>;

    /// The freeze that is on.
    async fn frozen(&self) -> Result<Option<Freeze>, StoreError>;

    /// Keeps a policy set before it serves.
    async fn keep_set(&self, set: StoredSet, now: Timestamp) -> Result<(), StoreError>;

    /// A set that served.
    async fn set(&self, revision: &str) -> Result<Option<StoredSet>, StoreError>;

    /// Log entries after `sequence`, the oldest first.
    async fn log_after(&self, sequence: u64, limit: usize) -> Result<Vec<LogLine>, StoreError>;

    /// The newest `limit` log entries, the oldest of them first.
    async fn log_tail(&self, limit: usize) -> Result<Vec<LogLine>, StoreError>;

    /// A page of the log, the newest first. One page looks through a bounded number of entries, whatever it is filtered by.
    async fn log_page(&self, query: LogQuery) -> Result<LogPage, StoreError>;

    /// At most `limit` earlier requests for the same action on which somebody else than policy had the last word: those of the same agent
    /// first, each from the newest. They are looked for among the last 1,000 there are.
    async fn similar(&self, case: &Case, limit: usize) -> Result<Vec<Precedent>, StoreError>;

    /// The effects of a case that are not done, the oldest first.
    async fn effects_of(&self, id: CaseId) -> Result<Vec<OutboxItem>, StoreError>;

    /// How often each rule fired in the newest `limit` cases.
    async fn fired(&self, limit: usize) -> Result<FireCounts, StoreError>;

    /// Checks the whole chain against its key, and every case against the chain.
    async fn verify_log(&self) -> Result<ChainReport, StoreError>;

    /// Cases decided since then whose platform outcome is known.
    async fn compared(&self, since: Option<Timestamp>) -> Result<Vec<Case>, StoreError>;

    /// How much each team is asked; of no team, what everybody is.
    async fn waiting(&self) -> Result<Vec<Waiting>, StoreError>;

    /// How many cases are open, and how many effects are due and dead.
    async fn counts(&self) -> Result<Counts, StoreError>;

    /// Wakes at every change of a case, with its id; lags are told as such.
    fn changes(&self) -> tokio::sync::broadcast::Receiver<CaseId>;

    /// Changes whenever there may be something to [`Store::claim`] that was not there, or not free, before.
    fn planned(&self) -> tokio::sync::watch::Receiver<()>;

    /// Writes one row and syncs it, to tell whether the store can be written.
    async fn probe(&self) -> Result<(), StoreError>;

    /// Finishes what was given to it and closes. Later calls are `Unavailable`.
    async fn close(&self);
}

/// How much a team is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The team; none where everybody is asked.
    pub team: Option<String>,
    /// How many questions are open.
    pub open: u64,
    /// Since when the oldest of them is.
    pub oldest: Option<Timestamp>,
}

/// Whether something that can be used once was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// It was not, and is now.
    Now,
    /// It was before.
    Before,
}

/// How much is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Cases that people are asked about.
    pub open: u64,
    /// Effects that are due.
    pub due: u64,
    /// Dead letters.
    pub dead: u64,
}

#[cfg(test)]
pub(crate) mod contract;
