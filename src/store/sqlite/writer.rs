//! The one writer. It takes what is queued, does it in one transaction, and answers everybody after the one sync that
//! the commit costs. Nothing waits for company: a group is what came while the last one was being synced.
//!
//! What must hold:
//! - nobody is answered before the commit is;
//! - a piece of work that is refused has written nothing, so that the others in its group can go on;
//! - an error of SQLite undoes the whole group;
//! - after a failed write to the disk nothing is acknowledged any more: a sync that failed once may succeed the second
//!   time with the data gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::domain::id::CaseId;
use crate::domain::log_entry::ChainKey;
use crate::store::StoreError;
use crate::store::sqlite::chain::Standing;
use crate::store::sqlite::lock::Lock;
use crate::store::sqlite::schema::PATIENCE;
use crate::store::sqlite::{GroupObserver, Synchronous};

/// How much may wait for the writer before callers are turned away.
pub(super) const QUEUE: usize = 4096;
/// How much one transaction does at most.
const GROUP: usize = 256;
/// How many pages the write-ahead log has before it is copied back.
const CHECKPOINT: i32 = 500;
/// How many pages it has when readers are waited for, which kept it from starting over: 64 MiB.
pub(super) const OVERGROWN: i32 = 8192;
/// How long they are waited for.
const READERS_LEAVE: Duration = Duration::from_millis(50);

/// What a caller is told when the store is at fault. It is the source of a [`StoreError::Unavailable`].
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Fault {
    #[error("too many writes are waiting")]
    Full,
    #[error("the store is closed")]
    Closed,
    #[error("the store was opened for reading only")]
    ReadOnly,
    #[error("only an event can be passed on without a case")]
    NoCase,
    #[error("the log cannot be verified without the key of its chain")]
    NoKey,
    #[error("a write to the disk failed; nothing is acknowledged until a restart")]
    Poisoned,
    #[error("a read was cut short")]
    Interrupted,
    #[error(transparent)]
    Sqlite(Arc<rusqlite::Error>),
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        Self::Unavailable(Box::new(fault))
    }
}

/// Why a piece of work was not done.
pub(super) enum Failure {
    /// It was refused before it wrote anything.
    Refused(StoreError),
    /// SQLite failed; whatever the group wrote is undone.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

/// What a piece of work may use: the open transaction and what stands.
pub(super) struct Writing<'a> {
    pub(super) connection: &'a Connection,
    pub(super) key: &'a ChainKey,
    pub(super) standing: &'a mut Standing,
    /// The cases that moved, for those who watch.
    pub(super) moved: &'a mut Vec<CaseId>,
    /// Whether there may be something to claim that could not be claimed before.
    pub(super) planned: &'a mut Planned,
}

/// Whether a group made effects claimable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Planned {
    Nothing,
    Something,
}

/// What is shared between the writer and those who ask it.
#[derive(Default)]
pub(super) struct Health {
    /// Whether a write to the disk failed.
    pub(super) poisoned: AtomicBool,
    /// How many groups were synced.
    pub(super) syncs: AtomicU64,
}

impl Health {
    /// Whether the store may still answer.
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.poisoned.load(Ordering::Acquire) {
            return Err(Fault::Poisoned);
        }
        Ok(())
    }
}

/// A piece of work in the queue.
pub(super) enum Message {
    /// Do it.
    Work(Box<dyn Work>),
    /// Do what came before, then stop.
    Close(oneshot::Sender<()>),
}

/// Whether a piece of work has to be on disk before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lasting {
    /// A power cut must not undo it.
    Synced,
    /// It may be undone with the process it was done for: what it says is taken for lost at the next start anyway.
    Passing,
}

/// Something to be done in a transaction and answered after its commit.
pub(super) trait Work: Send {
    /// Whether its group has to be synced.
    fn lasting(&self) -> Lasting;

    /// Does it and keeps the answer. An error means that the group has to be undone.
    fn run(&mut self, writing: &mut Writing<'_>) -> Result<(), rusqlite::Error>;
    /// Gives the answer, or the fault that came between.
    fn answer(self: Box<Self>, fault: Option<&Fault>);
}

/// Work that is a closure, with whoever waits for it.
pub(super) struct Ask<F, T> {
    lasting: Lasting,
    work: Option<F>,
    done: Option<Result<T, StoreError>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Ask<F, T>
where
    F: FnOnce(&mut Writing<'_>) -> Result<T, Failure> + Send + 'static,
    T: Send + 'static,
{
    /// The message that asks for `work`, and where its answer comes.
    pub(super) fn message(
        lasting: Lasting,
        work: F,
    ) -> (Message, oneshot::Receiver<Result<T, StoreError>>) {
        let (caller, answer) = oneshot::channel();
        let ask = Self {
            lasting,
            work: Some(work),
            done: None,
            caller,
        };
        (Message::Work(Box::new(ask)), answer)
    }
}

impl<F, T> Work for Ask<F, T>
where
    F: FnOnce(&mut Writing<'_>) -> Result<T, Failure> + Send,
    T: Send,
{
    fn lasting(&self) -> Lasting {
        self.lasting
    }

    fn run(&mut self, writing: &mut Writing<'_>) -> Result<(), rusqlite::Error> {
        let Some(work) = self.work.take() else {
            return Ok(());
        };
        match work(writing) {
            Ok(done) => self.done = Some(Ok(done)),
            Err(Failure::Refused(error)) => self.done = Some(Err(error)),
            Err(Failure::Sqlite(error)) => return Err(error),
        }
        Ok(())
    }

    fn answer(self: Box<Self>, fault: Option<&Fault>) {
        let answer = match (fault, self.done) {
            (None, Some(done)) => done,
            (Some(fault), _) => Err(fault.clone().into()),
            (None, None) => Err(Fault::Closed.into()),
        };
        // A caller that went away does not need the answer.
        let _ = self.caller.send(answer);
    }
}

/// The writer's own things, moved to its thread.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) key: ChainKey,
    pub(super) standing: Standing,
    /// How groups are synced that have to be.
    pub(super) synchronous: Synchronous,
    pub(super) health: Arc<Health>,
    pub(super) changes: broadcast::Sender<CaseId>,
    pub(super) planned: watch::Sender<()>,
    pub(super) on_group: Option<GroupObserver>,
    pub(super) wal_pages: Arc<AtomicI32>,
    /// At how many pages readers are waited for next.
    pub(super) restart_at: i32,
    /// Given back when the connection is closed: fields drop in their order.
    pub(super) lock: Lock,
}

impl Writer {
    /// Works until it is told to close, or nobody is left to ask.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut group = Vec::with_capacity(GROUP);
        let mut closing = None;
        while let Some(first) = queue.blocking_recv() {
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Work(work) => group.push(work),
                    Message::Close(closed) => {
                        closing = Some(closed);
                        break;
                    }
                }
                next = if group.len() < GROUP {
                    queue.try_recv().ok()
                } else {
                    None
                };
            }
            self.commit(&mut group);
            if closing.is_some() {
                break;
            }
        }
        let Self {
            connection, lock, ..
        } = self;
        // SQLite copies the log back when the last connection closes; what it cannot copy the next start reads.
        drop(connection);
        drop(lock);
        if let Some(closed) = closing {
            let _ = closed.send(());
        }
    }

    /// Does a group in one transaction and answers it.
    fn commit(&mut self, group: &mut Vec<Box<dyn Work>>) {
        if group.is_empty() {
            return;
        }
        if let Err(fault) = self.health.check() {
            answer(group, Some(&fault));
            return;
        }
        let before = self.standing.clone();
        let (mut moved, mut planned) = (Vec::new(), Planned::Nothing);
        let synced = group.iter().any(|work| work.lasting() == Lasting::Synced);
        let done = if synced {
            self.transact(group, &mut moved, &mut planned)
        } else {
            self.transact_unsynced(group, &mut moved, &mut planned)
        };
        match done {
            Ok(Wrote::Something) => {
                if synced {
                    self.health.syncs.fetch_add(1, Ordering::Relaxed);
                    if let Some(observe) = &self.on_group {
                        observe(group.len());
                    }
                }
                answer(group, None);
                for id in moved {
                    // Nobody may be watching.
                    let _ = self.changes.send(id);
                }
                if planned == Planned::Something {
                    self.planned.send_replace(());
                }
                self.checkpoint();
            }
            Ok(Wrote::Nothing) => answer(group, None),
            Err(error) => {
                self.standing = before;
                self.undo(&error);
                answer(group, Some(&Fault::Sqlite(Arc::new(error))));
            }
        }
    }

    /// As [`Self::transact`], but a power cut may undo it. The next group that is synced makes it last too.
    fn transact_unsynced(
        &mut self,
        group: &mut [Box<dyn Work>],
        moved: &mut Vec<CaseId>,
        planned: &mut Planned,
    ) -> rusqlite::Result<Wrote> {
        self.synchronous(Synchronous::Normal)?;
        let done = self.transact(group, moved, planned);
        if done.is_err() && !self.connection.is_autocommit() {
            // The setting cannot change inside of a transaction.
            self.connection.execute_batch("ROLLBACK")?;
        }
        if let Err(error) = self.synchronous(self.synchronous) {
            // What comes next would be acknowledged without being on disk.
            self.health.poisoned.store(true, Ordering::Release);
            return Err(error);
        }
        done
    }

    fn synchronous(&self, how: Synchronous) -> rusqlite::Result<()> {
        // Not from the cache of statements: this pragma takes effect when it is compiled, not when it is run.
        self.connection.execute_batch(match how {
            Synchronous::Full => "PRAGMA synchronous = FULL",
            Synchronous::Normal => "PRAGMA synchronous = NORMAL",
        })
    }

    fn transact(
        &mut self,
        group: &mut [Box<dyn Work>],
        moved: &mut Vec<CaseId>,
        planned: &mut Planned,
    ) -> rusqlite::Result<Wrote> {
        let connection = &self.connection;
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let changes = connection.total_changes();
        let before = self.standing.clone();
        for work in group.iter_mut() {
            work.run(&mut Writing {
                connection,
                key: &self.key,
                standing: &mut self.standing,
                moved,
                planned,
            })?;
        }
        if self.standing != before {
            self.standing.save(connection, &self.key)?;
        }
        let wrote = if connection.total_changes() == changes {
            Wrote::Nothing
        } else {
            Wrote::Something
        };
        connection
            .prepare_cached("COMMIT")?
            .execute([])
            .inspect_err(|error| {
                // A full disk was refused before anything was synced; of all else nobody knows what is on it.
                if error.sqlite_error_code() != Some(ErrorCode::DiskFull) {
                    self.health.poisoned.store(true, Ordering::Release);
                }
            })?;
        Ok(wrote)
    }

    /// Undoes the group that failed with `error`, and stops for good where the disk is at fault.
    fn undo(&self, error: &rusqlite::Error) {
        let undone =
            self.connection.is_autocommit() || self.connection.execute_batch("ROLLBACK").is_ok();
        if !undone || at_the_disk(error) {
            self.health.poisoned.store(true, Ordering::Release);
        }
    }

    /// Copies the log back when it has grown. Those who waited for the group are answered by now.
    fn checkpoint(&mut self) {
        let pages = self.wal_pages.load(Ordering::Relaxed);
        if pages < CHECKPOINT {
            self.restart_at = OVERGROWN;
            return;
        }
        let copied = if pages < self.restart_at {
            self.copy_back("PRAGMA wal_checkpoint(PASSIVE)")
        } else {
            // A reader that stays is waited for again only when the log has grown on.
            self.restart_at = pages.saturating_add(CHECKPOINT);
            self.connection
                .busy_timeout(READERS_LEAVE)
                .and_then(|()| self.copy_back("PRAGMA wal_checkpoint(RESTART)"))
                .and_then(|()| self.connection.busy_timeout(PATIENCE))
        };
        if let Err(error) = copied
            && at_the_disk(&error)
        {
            self.health.poisoned.store(true, Ordering::Release);
        }
    }

    fn copy_back(&self, how: &str) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(how)?
            .query_row([], |_| Ok(()))
    }
}

/// Whether a group changed anything.
enum Wrote {
    Something,
    Nothing,
}

/// Whether a read, a write or a sync of the file failed, other than for want of space.
fn at_the_disk(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

fn answer(group: &mut Vec<Box<dyn Work>>, fault: Option<&Fault>) {
    for work in group.drain(..) {
        work.answer(fault);
    }
}
