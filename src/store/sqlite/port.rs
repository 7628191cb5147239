//! Each method of the store: what changes something goes to the writer, what only looks goes to a reader.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::{broadcast, oneshot, watch};

use super::chain;
use super::commit::Prepared;
use super::effects::PlannedRow;
use super::rows::whole;
use super::writer::{Fault, Lasting, Message};
use super::{
    SqliteStore, cases, control, hindsight, listing, outbox, people, settle, step, verify,
};
use crate::domain::case::{Case, CaseTerms, Event, Moved};
use crate::domain::effect::{Effect, EffectId, EffectKind, Planned};
use crate::domain::freeze::Freeze;
use crate::domain::id::{CaseId, ContentDigest, SourceName};
use crate::domain::notice::ChannelName;
use crate::store::{
    Attempt, CaseAndInput, CaseFile, CasePage, CaseQuery, ChainReport, Claim, Counts, Decided,
    FireCounts, LogLine, LogPage, LogQuery, OutboxItem, Precedent, Receipt, Retried, Spent,
    Stepped, Store, StoreError, StoredSet, Waiting,
};

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, decided: Decided, now: Timestamp) -> Result<Receipt, StoreError> {
        let key = self.key.as_ref().ok_or(Fault::ReadOnly)?;
        let prepared = Prepared::new(decided, key, whole(now))?;
        self.write(move |writing| prepared.commit(writing)).await
    }

    async fn step(
        &self,
        id: CaseId,
        event: Event,
        terms: Arc<CaseTerms>,
        now: Timestamp,
    ) -> Result<Stepped, StoreError> {
        self.write(move |writing| step::step(writing, id, event, &terms, whole(now)))
            .await
    }

    async fn forward(
        &self,
        forward: Planned,
        once: Option<ContentDigest>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Effect::Forward(to) = &forward.effect else {
            return Err(Fault::NoCase.into());
        };
        let row = PlannedRow::of(&forward, &to.source)?;
        self.write(move |writing| outbox::forward(writing, &row, once, whole(now)))
            .await
    }

    async fn claim(
        &self,
        source: &SourceName,
        kind: EffectKind,
        limit: usize,
        now: Timestamp,
        lease: Timestamp,
    ) -> Result<Vec<Claim>, StoreError> {
        let source = source.clone();
        // Nobody else has the file, so a lease ends with this process, and need not outlast it.
        self.ask(Lasting::Passing, move |writing| {
            outbox::claim(writing, &source, kind, limit, whole(now), whole(lease))
        })
        .await
    }

    async fn settle(
        &self,
        id: EffectId,
        attempt: Attempt,
        terms: Arc<CaseTerms>,
        now: Timestamp,
    ) -> Result<Option<Moved>, StoreError> {
        self.write(move |writing| settle::settle(writing, id, attempt, &terms, whole(now)))
            .await
    }

    async fn next_due(
        &self,
        source: &SourceName,
        kind: EffectKind,
    ) -> Result<Option<Timestamp>, StoreError> {
        let source = source.clone();
        self.read(move |connection| listing::next_due(connection, &source, kind))
            .await
    }

    async fn claim_notices(
        &self,
        channel: &ChannelName,
        limit: usize,
        now: Timestamp,
        lease: Timestamp,
    ) -> Result<Vec<Claim>, StoreError> {
        let channel = channel.clone();
        self.ask(Lasting::Passing, move |writing| {
            outbox::claim_notices(writing, &channel, limit, whole(now), whole(lease))
        })
        .await
    }

    async fn next_notice_due(
        &self,
        channel: &ChannelName,
    ) -> Result<Option<Timestamp>, StoreError> {
        let channel = channel.clone();
        self.read(move |connection| people::next_notice_due(connection, &channel))
            .await
    }

    async fn told(&self, id: CaseId, channel: &ChannelName) -> Result<Option<String>, StoreError> {
        let channel = channel.clone();
        self.read(move |connection| people::told(connection, id, &channel))
            .await
    }

    async fn spend(
        &self,
        key: ContentDigest,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Spent, StoreError> {
        self.write(move |writing| control::spend(writing, key, whole(until), whole(now)))
            .await
    }

    async fn forget(&self, key: ContentDigest) -> Result<(), StoreError> {
        self.write(move |writing| control::forget(writing, key))
            .await
    }

    async fn spent(&self, key: ContentDigest) -> Result<bool, StoreError> {
        self.read(move |connection| people::spent(connection, key))
            .await
    }

    async fn waking(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(CaseId, SourceName)>, StoreError> {
        self.read(move |connection| listing::waking(connection, now, limit))
            .await
    }

    async fn source_of(&self, id: CaseId) -> Result<Option<SourceName>, StoreError> {
        self.read(move |connection| listing::source_of(connection, id))
            .await
    }

    async fn question_of(&self, id: CaseId) -> Result<Option<CaseAndInput>, StoreError> {
        self.read(move |connection| listing::question_of(connection, id))
            .await
    }

    async fn case(&self, id: CaseId) -> Result<Option<CaseFile>, StoreError> {
        self.read(move |connection| listing::case(connection, id))
            .await
    }

    async fn cases(&self, query: CaseQuery) -> Result<CasePage, StoreError> {
        self.read(move |connection| cases::cases(connection, &query))
            .await
    }

    async fn outbox(&self, limit: usize) -> Result<Vec<OutboxItem>, StoreError> {
        self.read(move |connection| listing::outbox(connection, limit))
            .await
    }

    async fn effect(&self, id: EffectId) -> Result<Option<OutboxItem>, StoreError> {
        self.read(move |connection| listing::effect(connection, id))
            .await
    }

    async fn owed(&self) -> Result<Vec<SourceName>, StoreError> {
        self.read(listing::owed).await
    }

    async fn owed_channels(&self) -> Result<Vec<ChannelName>, StoreError> {
        self.read(people::owed_channels).await
    }

    async fn retry(
        &self,
        id: EffectId,
        by: &str,
        terms: Arc<CaseTerms>,
        now: Timestamp,
    ) -> Result<Retried, StoreError> {
        let by = by.to_owned();
        self.write(move |writing| outbox::retry(writing, id, &by, &terms, whole(now)))
            .await
    }

    async fn freeze(&self, freeze: Freeze) -> Result<Freeze, StoreError> {
        self.write(move |writing| control::freeze(writing, freeze))
            .await
    }

    async fn unfreeze(&self, by: &str, now: Timestamp) -> Result<Option<Freeze>, StoreError> {
        let by = by.to_owned();
        self.write(move |writing| control::unfreeze(writing, &by, whole(now)))
            .await
    }

    async fn frozen(&self) -> Result<Option<Freeze>, StoreError> {
        self.read(|connection| Ok(chain::frozen(connection)?)).await
    }

    async fn keep_set(&self, set: StoredSet, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |writing| control::keep_set(writing, &set, whole(now)))
            .await
    }

    async fn set(&self, revision: &str) -> Result<Option<StoredSet>, StoreError> {
        let revision = revision.to_owned();
        self.read(move |connection| listing::set(connection, &revision))
            .await
    }

    async fn log_after(&self, sequence: u64, limit: usize) -> Result<Vec<LogLine>, StoreError> {
        self.read(move |connection| listing::log_after(connection, sequence, limit))
            .await
    }

    async fn log_tail(&self, limit: usize) -> Result<Vec<LogLine>, StoreError> {
        self.read(move |connection| listing::log_tail(connection, limit))
            .await
    }

    async fn log_page(&self, query: LogQuery) -> Result<LogPage, StoreError> {
        self.read(move |connection| hindsight::log_page(connection, &query))
            .await
    }

    async fn similar(&self, case: &Case, limit: usize) -> Result<Vec<Precedent>, StoreError> {
        let Some((id, action, agent)) = hindsight::asked(case) else {
            return Ok(Vec::new());
        };
        self.read(move |connection| {
            hindsight::similar(connection, id, &action, agent.as_deref(), limit)
        })
        .await
    }

    async fn effects_of(&self, id: CaseId) -> Result<Vec<OutboxItem>, StoreError> {
        self.read(move |connection| hindsight::effects_of(connection, id))
            .await
    }

    async fn fired(&self, limit: usize) -> Result<FireCounts, StoreError> {
        self.read(move |connection| hindsight::fired(connection, limit))
            .await
    }

    async fn verify_log(&self) -> Result<ChainReport, StoreError> {
        let key = self.key.clone().ok_or(Fault::NoKey)?;
        self.read(move |connection| verify::verify(connection, &key))
            .await
    }

    async fn compared(&self, since: Option<Timestamp>) -> Result<Vec<Case>, StoreError> {
        self.read(move |connection| listing::compared(connection, since))
            .await
    }

    async fn waiting(&self) -> Result<Vec<Waiting>, StoreError> {
        self.read(people::waiting).await
    }

    async fn counts(&self) -> Result<Counts, StoreError> {
        self.read(listing::counts).await
    }

    fn changes(&self) -> broadcast::Receiver<CaseId> {
        self.changes.subscribe()
    }

    fn planned(&self) -> watch::Receiver<()> {
        self.planned.subscribe()
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.write(control::probe).await
    }

    async fn close(&self) {
        self.readers.close().await;
        let Some(queue) = &self.queue else {
            return;
        };
        let (closed, done) = oneshot::channel();
        if queue.send(Message::Close(closed)).await.is_ok() {
            // The writer may have ended before it read this: then it is closed all the same.
            let _ = done.await;
        }
        if let Some(thread) = self.take_thread() {
            // A panic of the writer was reported when it happened.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}
