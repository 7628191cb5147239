//! The store in one SQLite file, for one process.
//!
//! - `lock`, `schema`: who may open the file, and what is in it.
//! - `writer`: the one thread that writes; many requests share one sync.
//! - `commit`, `step`, `outbox`, `control`: what it writes.
//! - `chain`, `rows`, `effects`: how the log is chained, and how cases and effects are rows.
//! - `reader`, `listing`, `verify`: what is read beside it.
//!
//! What must hold: `synchronous` is FULL, so that a commit that returned is on disk. Whoever changes a case in the file
//! without the chain's key stops that case.

mod lock;
mod schema;
mod writer;
mod commit;
mod step;
mod outbox;
mod control;
mod chain;
mod rows;
mod effects;
mod reader;
mod listing;
mod verify;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::domain::case::{Case, CaseTerms, Event};
use crate::domain::effect::{Effect, EffectId, Planned};
use crate::domain::freeze::Freeze;
use crate::domain::id::{CaseId, SourceName};
use crate::domain::log_entry::ChainKey;
use crate::store::{
    Attempt, CaseFile, CasePage, CaseQuery, ChainReport, Claim, Counts, Decided, LogLine,
    OutboxItem, Receipt, Retried, Stepped, Store, StoreError, StoredSet,
};

use chain::Standing;
use commit::Prepared;
use effects::PlannedRow;
use lock::Lock;
use reader::{Readers, Trouble};
use rows::whole;
use writer::{Ask, Failure, Fault, Health, Message, QUEUE, Writer, Writing};

/// How many changes a watcher may be behind before it is told that it missed some.
const CHANGES: usize = 1024;

/// Told the number of requests that shared a sync.
pub type GroupObserver = Arc<dyn Fn(usize) + Send + Sync>;

/// How the store is opened.
#[derive(Clone)]
pub struct SqliteSettings {
    /// The database file; it is created, with mode 0600, where there is none.
    pub path: PathBuf,
    /// The key of the log's chain.
    pub key: ChainKey,
    /// When a commit is on disk. Anything but [`Synchronous::Full`] is for tests.
    pub synchronous: Synchronous,
    /// Who counts groups.
    pub on_group: Option<GroupObserver>,
}

/// When a commit is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synchronous {
    /// Before it is acknowledged.
    Full,
    /// Some time later: a power cut loses acknowledged decisions. It is the control of the fault tests, which must show
    /// that they would notice, and no configuration leads here.
    Normal,
}

/// The store in one file. Dropping it closes it.
pub struct SqliteStore {
    key: Option<ChainKey>,
    readers: Readers,
    health: Arc<Health>,
    changes: broadcast::Sender<CaseId>,
    planned: watch::Sender<()>,
    queue: Option<mpsc::Sender<Message>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl SqliteSettings {
    /// What production runs with.
    pub fn new(path: impl Into<PathBuf>, key: ChainKey) -> Self {
        Self {
            path: path.into(),
            key,
            synchronous: Synchronous::Full,
            on_group: None,
        }
    }
}

impl SqliteStore {
    /// Opens the file to write, alone. What the process before left leased is due at once.
    pub fn open(settings: SqliteSettings) -> Result<Self, StoreError> {
        let path = lock::resolve(&settings.path)?;
        let lock = Lock::take(&path)?;
        lock::create(&path)?;
        let mut connection = schema::open_to_write(&path, settings.synchronous)?;
        let standing = Standing::load(&connection, &settings.key).map_err(|error| match error {
            StoreError::Open(why) => StoreError::Open(format!("`{}`: {why}", path.display())),
            StoreError::Unavailable(_) | StoreError::Cursor(_) | StoreError::Corrupt(_) => error,
        })?;
        let cannot =
            |error: rusqlite::Error| StoreError::Open(format!("`{}`: {error}", path.display()));
        outbox::recover(&connection).map_err(cannot)?;
        let wal_pages = Arc::new(AtomicI32::new(0));
        let counter = Arc::clone(&wal_pages);
        connection
            .wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
                counter.store(pages, Ordering::Relaxed);
                Ok(())
            }))
            .map_err(cannot)?;
        let health = Arc::new(Health::default());
        let (changes, _) = broadcast::channel(CHANGES);
        let planned = watch::Sender::new(());
        let writer = Writer {
            connection,
            key: settings.key.clone(),
            standing,
            health: Arc::clone(&health),
            changes: changes.clone(),
            planned: planned.clone(),
            on_group: settings.on_group,
            wal_pages,
            restart_at: writer::OVERGROWN,
            lock,
        };
        let (queue, messages) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run(messages))
            .map_err(|error| StoreError::Open(format!("the writer's thread: {error}")))?;
        Ok(Self {
            key: Some(settings.key),
            readers: Readers::new(path, Arc::clone(&health)),
            health,
            changes,
            planned,
            queue: Some(queue),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Opens the file to read, beside whoever writes it. Writing methods are `Unavailable`; without `key` the log cannot
    /// be verified.
    pub fn open_for_reading(path: &Path, key: Option<ChainKey>) -> Result<Self, StoreError> {
        let path = lock::resolve(path)?;
        drop(schema::open_to_read(&path)?);
        let health = Arc::new(Health::default());
        let (changes, _) = broadcast::channel(1);
        Ok(Self {
            key,
            readers: Readers::new(path, Arc::clone(&health)),
            health,
            changes,
            planned: watch::Sender::new(()),
            queue: None,
            thread: Mutex::new(None),
        })
    }

    /// Returns when the writer has ended: after [`Store::close`], or because it failed. Without a writer nothing can be
    /// acknowledged, and the process has to end.
    pub async fn closed(&self) {
        match &self.queue {
            Some(queue) => queue.closed().await,
            None => std::future::pending().await,
        }
    }

    /// How many groups were synced since the store was opened.
    pub fn syncs(&self) -> u64 {
        self.health.syncs.load(Ordering::Relaxed)
    }

    /// Has `work` done by the writer.
    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut Writing<'_>) -> Result<T, Failure> + Send + 'static,
        T: Send + 'static,
    {
        self.health.check()?;
        let queue = self.queue.as_ref().ok_or(Fault::ReadOnly)?;
        let (message, answer) = Ask::message(work);
        queue.try_send(message).map_err(|error| match error {
            TrySendError::Full(_) => Fault::Full,
            TrySendError::Closed(_) => Fault::Closed,
        })?;
        answer.await.map_err(|_| Fault::Closed)?
    }

    /// Has `work` done by a reader.
    async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&rusqlite::Connection) -> Result<T, Trouble> + Send + 'static,
        T: Send + 'static,
    {
        self.readers.read(work).await
    }

    fn take_thread(&self) -> Option<JoinHandle<()>> {
        self.thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl Drop for SqliteStore {
    /// Waits for the writer, so that the file is free afterwards.
    fn drop(&mut self) {
        self.readers.forget();
        self.queue = None;
        if let Some(thread) = self.take_thread() {
            // Its panic was reported when it happened.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

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

    async fn forward(&self, forward: Planned, now: Timestamp) -> Result<(), StoreError> {
        let Effect::Forward(to) = &forward.effect else {
            return Err(Fault::NoCase.into());
        };
        let row = PlannedRow::of(&forward, &to.source)?;
        self.write(move |writing| outbox::forward(writing, &row, whole(now)))
            .await
    }

    async fn claim(
        &self,
        source: &SourceName,
        limit: usize,
        now: Timestamp,
        lease: Timestamp,
    ) -> Result<Vec<Claim>, StoreError> {
        let source = source.clone();
        self.write(move |writing| outbox::claim(writing, &source, limit, whole(now), whole(lease)))
            .await
    }

    async fn settle(
        &self,
        id: EffectId,
        attempt: Attempt,
        terms: Arc<CaseTerms>,
        now: Timestamp,
    ) -> Result<Option<Case>, StoreError> {
        self.write(move |writing| outbox::settle(writing, id, attempt, &terms, whole(now)))
            .await
    }

    async fn next_due(&self, source: &SourceName) -> Result<Option<Timestamp>, StoreError> {
        let source = source.clone();
        self.read(move |connection| listing::next_due(connection, &source))
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

    async fn case(&self, id: CaseId) -> Result<Option<CaseFile>, StoreError> {
        self.read(move |connection| listing::case(connection, id))
            .await
    }

    async fn cases(&self, query: CaseQuery) -> Result<CasePage, StoreError> {
        self.read(move |connection| listing::cases(connection, &query))
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

    async fn verify_log(&self) -> Result<ChainReport, StoreError> {
        let key = self.key.clone().ok_or(Fault::NoKey)?;
        self.read(move |connection| verify::verify(connection, &key))
            .await
    }

    async fn compared(&self, since: Option<Timestamp>) -> Result<Vec<Case>, StoreError> {
        self.read(move |connection| listing::compared(connection, since))
            .await
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

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tampering;
