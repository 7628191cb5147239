//! A store that keeps nothing, for the same handler without a store: it begins the case, as every store has to, and
//! forgets it.

use std::sync::Arc;

use async_trait::async_trait;
use countersign::domain::case::{Case, CaseTerms, Event, Moved};
use countersign::domain::effect::{EffectId, EffectKind, Planned};
use countersign::domain::freeze::Freeze;
use countersign::domain::id::{CaseId, ContentDigest, SourceName};
use countersign::domain::notice::ChannelName;
use countersign::store::{
    Attempt, CaseAndInput, CaseFile, CasePage, CaseQuery, ChainReport, Claim, Counts, Decided,
    FireCounts, LogLine, LogPage, LogQuery, OutboxItem, Precedent, Receipt, Retried, Spent,
    Stepped, Store, StoreError, StoredSet, Waiting,
};
use jiff::Timestamp;
use tokio::sync::{broadcast, watch};

pub(crate) struct Forgetful(broadcast::Sender<CaseId>, watch::Sender<()>);

impl Forgetful {
    pub(crate) fn new() -> Self {
        Self(broadcast::channel(1).0, watch::Sender::new(()))
    }
}

#[async_trait]
impl Store for Forgetful {
    async fn commit(&self, decided: Decided, now: Timestamp) -> Result<Receipt, StoreError> {
        let step = Case::decided(decided.asked, decided.verdict, &decided.terms, now);
        Ok(Receipt::New(step.case))
    }

    async fn step(
        &self,
        _: CaseId,
        _: Event,
        _: Arc<CaseTerms>,
        _: Timestamp,
    ) -> Result<Stepped, StoreError> {
        Ok(Stepped::Unknown)
    }

    async fn forward(
        &self,
        _: Planned,
        _: Option<ContentDigest>,
        _: Timestamp,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    async fn claim(
        &self,
        _: &SourceName,
        _: EffectKind,
        _: usize,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<Vec<Claim>, StoreError> {
        Ok(Vec::new())
    }

    async fn settle(
        &self,
        _: EffectId,
        _: Attempt,
        _: Arc<CaseTerms>,
        _: Timestamp,
    ) -> Result<Option<Moved>, StoreError> {
        Ok(None)
    }

    async fn next_due(
        &self,
        _: &SourceName,
        _: EffectKind,
    ) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }

    async fn waking(
        &self,
        _: Timestamp,
        _: usize,
    ) -> Result<Vec<(CaseId, SourceName)>, StoreError> {
        Ok(Vec::new())
    }

    async fn source_of(&self, _: CaseId) -> Result<Option<SourceName>, StoreError> {
        Ok(None)
    }

    async fn question_of(&self, _: CaseId) -> Result<Option<CaseAndInput>, StoreError> {
        Ok(None)
    }

    async fn case(&self, _: CaseId) -> Result<Option<CaseFile>, StoreError> {
        Ok(None)
    }

    async fn cases(&self, _: CaseQuery) -> Result<CasePage, StoreError> {
        Ok(CasePage {
            cases: Vec::new(),
            inputs: Vec::new(),
            next: None,
        })
    }

    async fn claim_notices(
        &self,
        _: &ChannelName,
        _: usize,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<Vec<Claim>, StoreError> {
        Ok(Vec::new())
    }

    async fn next_notice_due(&self, _: &ChannelName) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }

    async fn owed_channels(&self) -> Result<Vec<ChannelName>, StoreError> {
        Ok(Vec::new())
    }

    async fn told(&self, _: CaseId, _: &ChannelName) -> Result<Option<String>, StoreError> {
        Ok(None)
    }

    async fn spend(
        &self,
        _: ContentDigest,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<Spent, StoreError> {
        Ok(Spent::Now)
    }

    async fn forget(&self, _: ContentDigest) -> Result<(), StoreError> {
        Ok(())
    }

    async fn spent(&self, _: ContentDigest) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn log_page(&self, _: LogQuery) -> Result<LogPage, StoreError> {
        Ok(LogPage {
            lines: Vec::new(),
            next: None,
        })
    }

    async fn similar(&self, _: &Case, _: usize) -> Result<Vec<Precedent>, StoreError> {
        Ok(Vec::new())
    }

    async fn effects_of(&self, _: CaseId) -> Result<Vec<OutboxItem>, StoreError> {
        Ok(Vec::new())
    }

    async fn fired(&self, _: usize) -> Result<FireCounts, StoreError> {
        Ok(FireCounts::default())
    }

    async fn waiting(&self) -> Result<Vec<Waiting>, StoreError> {
        Ok(Vec::new())
    }

    async fn outbox(&self, _: usize) -> Result<Vec<OutboxItem>, StoreError> {
        Ok(Vec::new())
    }

    async fn owed(&self) -> Result<Vec<SourceName>, StoreError> {
        Ok(Vec::new())
    }

    async fn effect(&self, _: EffectId) -> Result<Option<OutboxItem>, StoreError> {
        Ok(None)
    }

    async fn retry(
        &self,
        _: EffectId,
        _: &str,
        _: Arc<CaseTerms>,
        _: Timestamp,
    ) -> Result<Retried, StoreError> {
        Ok(Retried::Unknown)
    }

    async fn freeze(&self, freeze: Freeze) -> Result<Freeze, StoreError> {
        Ok(freeze)
    }

    async fn unfreeze(&self, _: &str, _: Timestamp) -> Result<Option<Freeze>, StoreError> {
        Ok(None)
    }

    async fn frozen(&self) -> Result<Option<Freeze>, StoreError> {
        Ok(None)
    }

    async fn keep_set(&self, _: StoredSet, _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }

    async fn set(&self, _: &str) -> Result<Option<StoredSet>, StoreError> {
        Ok(None)
    }

    async fn log_after(&self, _: u64, _: usize) -> Result<Vec<LogLine>, StoreError> {
        Ok(Vec::new())
    }

    async fn log_tail(&self, _: usize) -> Result<Vec<LogLine>, StoreError> {
        Ok(Vec::new())
    }

    async fn verify_log(&self) -> Result<ChainReport, StoreError> {
        Ok(ChainReport {
            entries: 0,
            erased: 0,
            faults: Vec::new(),
        })
    }

    async fn compared(&self, _: Option<Timestamp>) -> Result<Vec<Case>, StoreError> {
        Ok(Vec::new())
    }

    async fn counts(&self) -> Result<Counts, StoreError> {
        Ok(Counts::default())
    }

    fn changes(&self) -> broadcast::Receiver<CaseId> {
        self.0.subscribe()
    }

    fn planned(&self) -> watch::Receiver<()> {
        self.1.subscribe()
    }

    async fn probe(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn close(&self) {}
}
