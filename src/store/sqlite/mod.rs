//! The store in one SQLite file, for one process.
//!
//! - `port`: each method of the store, handed to the writer or to a reader.
//! - `lock`, `schema`: who may open the file, and what is in it.
//! - `writer`: the one thread that writes; many requests share one sync.
//! - `commit`, `step`, `outbox`, `control`: what it writes.
//! - `chain`, `rows`, `effects`: how the log is chained, and how cases and effects are rows.
//! - `reader`, `listing`, `verify`: what is read beside it.
//!
//! What must hold: `synchronous` is FULL, so that a commit that returned is on disk. Whoever changes a case in the file
//! without the chain's key stops that case.

mod port;
mod lock;
mod schema;
mod writer;
mod commit;
mod step;
mod outbox;
mod settle;
mod control;
mod chain;
mod rows;
mod effects;
mod reader;
mod listing;
mod cases;
mod hindsight;
mod people;
mod verify;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{broadcast, mpsc, watch};

use crate::domain::id::CaseId;
use crate::domain::log_entry::ChainKey;
use crate::store::StoreError;

use chain::Standing;
use lock::Lock;
use reader::{Readers, Trouble};
use writer::{Ask, Failure, Fault, Health, Lasting, Message, QUEUE, Writer, Writing};

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
            synchronous: settings.synchronous,
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

    /// Returns when the writer has ended: after [`close`](crate::store::Store::close), or because it failed. Without a writer nothing can be
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

    /// Has `work` done by the writer, and on disk.
    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut Writing<'_>) -> Result<T, Failure> + Send + 'static,
        T: Send + 'static,
    {
        self.ask(Lasting::Synced, work).await
    }

    /// Has `work` done by the writer.
    async fn ask<T, F>(&self, lasting: Lasting, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&mut Writing<'_>) -> Result<T, Failure> + Send + 'static,
        T: Send + 'static,
    {
        self.health.check()?;
        let queue = self.queue.as_ref().ok_or(Fault::ReadOnly)?;
        let (message, answer) = Ask::message(lasting, work);
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

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tampering;
