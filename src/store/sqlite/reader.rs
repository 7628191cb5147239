//! Reading beside the writer: a few connections, each used by one blocking task at a time.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::store::StoreError;
use crate::store::sqlite::schema;
use crate::store::sqlite::writer::{Fault, Health};

/// How many read at once.
const READERS: usize = 4;

/// The connections, opened when they are first needed.
pub(super) struct Readers {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    turns: Arc<Semaphore>,
    health: Arc<Health>,
}

impl Readers {
    /// Readers of the database at `path`.
    pub(super) fn new(path: PathBuf, health: Arc<Health>) -> Self {
        Self {
            path,
            idle: Arc::default(),
            turns: Arc::new(Semaphore::new(READERS)),
            health,
        }
    }

    /// Does `work` in one transaction: all of it sees the same state.
    pub(super) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> Result<T, Trouble> + Send + 'static,
        T: Send + 'static,
    {
        self.health.check()?;
        let turn = Arc::clone(&self.turns)
            .acquire_owned()
            .await
            .map_err(|_| Fault::Closed)?;
        let idle = Arc::clone(&self.idle);
        let path = self.path.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = match kept {
                Some(connection) => connection,
                None => schema::open_to_read(&path)?,
            };
            let transaction = connection.unchecked_transaction().map_err(unavailable)?;
            let answer = work(&transaction);
            transaction.rollback().map_err(unavailable)?;
            idle.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
            answer.map_err(StoreError::from)
        });
        task.await.map_err(|_| Fault::Interrupted)?
    }

    /// Turns away whoever comes, and closes the connections once the last one is done.
    pub(super) async fn close(&self) {
        let all = u32::try_from(READERS).unwrap_or(u32::MAX);
        if let Ok(turns) = self.turns.acquire_many(all).await {
            self.turns.close();
            drop(turns);
        }
        self.forget();
    }

    /// Closes the connections that nobody uses: the writer has to be the last to close, since it alone can copy the log
    /// back.
    pub(super) fn forget(&self) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

/// Why a read failed.
pub(super) enum Trouble {
    /// SQLite failed.
    Sqlite(rusqlite::Error),
    /// What was read makes no sense, or what was asked.
    Store(StoreError),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Sqlite(error) => unavailable(error),
            Trouble::Store(error) => error,
        }
    }
}

fn unavailable(error: rusqlite::Error) -> StoreError {
    if error.sqlite_error().is_none() {
        // Not SQLite failed, but what a column holds is not what belongs there.
        return StoreError::Corrupt(error.to_string());
    }
    Fault::Sqlite(Arc::new(error)).into()
}
