//! The tables, and how a connection is set up before it touches them.
//!
//! Times are microseconds since 1970. `log.case_id` and `outbox.case_id` are rowids of `cases`: a random key would
//! dirty an index page for every row. Indexes are partial wherever most rows are of no interest to them, since every
//! one of them is paid for by every decision.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::store::StoreError;
use crate::store::sqlite::Synchronous;

/// Marks the file as ours: `cosi`.
const APPLICATION: i64 = 0x636f_7369;
/// The first version in which a checkpoint beside a writer cannot corrupt the file.
const OLDEST_SQLITE: i32 = 3_051_003;
/// How long a connection waits for another one, as for the recovery of the log at a start.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// Every statement of the writer stays prepared.
const STATEMENTS: usize = 64;

/// Each brings the file from the version of its index to the next; what is released is never edited.
const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE cases (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    source TEXT NOT NULL,
    request TEXT NOT NULL,
    action TEXT,
    agent TEXT,
    platform TEXT NOT NULL,
    mode TEXT NOT NULL,
    channel TEXT NOT NULL,
    state TEXT NOT NULL,
    standing TEXT NOT NULL,
    outcome TEXT NOT NULL,
    cause TEXT NOT NULL,
    platform_outcome TEXT,
    votes TEXT,
    decided_at INTEGER NOT NULL,
    wakes_at INTEGER,
    expires_at INTEGER,
    approve_by INTEGER,
    rationale_required INTEGER NOT NULL,
    traceparent TEXT,
    content BLOB NOT NULL,
    input_digest BLOB NOT NULL,
    token TEXT,
    verdict TEXT NOT NULL,
    input TEXT
) STRICT;
CREATE INDEX cases_waking ON cases (wakes_at) WHERE wakes_at IS NOT NULL;
CREATE INDEX cases_open ON cases (state) WHERE state = 'open';

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    case_id INTEGER REFERENCES cases (id),
    source TEXT NOT NULL,
    lane TEXT,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    leased INTEGER NOT NULL,
    freezable INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    reached INTEGER NOT NULL,
    not_after INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    error TEXT,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX outbox_due ON outbox (source, due_at) WHERE state = 'due';
CREATE INDEX outbox_dead ON outbox (created_at) WHERE state = 'dead';
CREATE INDEX outbox_case ON outbox (case_id) WHERE case_id IS NOT NULL;
CREATE INDEX outbox_lane ON outbox (lane) WHERE lane IS NOT NULL;

CREATE TABLE log (
    sequence INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    case_id INTEGER,
    detail TEXT,
    body BLOB NOT NULL,
    state BLOB NOT NULL,
    mac BLOB NOT NULL
) STRICT;
CREATE INDEX log_case ON log (case_id) WHERE case_id IS NOT NULL;

CREATE TABLE chain_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sequence INTEGER NOT NULL,
    last BLOB NOT NULL,
    mac BLOB NOT NULL,
    last_effect INTEGER NOT NULL
) STRICT;

CREATE TABLE freeze (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    by TEXT NOT NULL,
    reason TEXT NOT NULL,
    since INTEGER NOT NULL
) STRICT;

CREATE TABLE policy_sets (
    revision TEXT PRIMARY KEY,
    engine TEXT NOT NULL,
    files TEXT NOT NULL,
    kept_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE probe (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    count INTEGER NOT NULL
) STRICT;
INSERT INTO probe (id, count) VALUES (1, 0);
",
    "
CREATE TABLE passed_on (
    key BLOB PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX passed_on_at ON passed_on (at);
DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (source, kind, due_at) WHERE state = 'due';
",
    "
ALTER TABLE outbox ADD COLUMN channel TEXT;
CREATE INDEX outbox_notices ON outbox (channel, due_at) WHERE state = 'due' AND channel IS NOT NULL;
CREATE TABLE told (
    case_id INTEGER NOT NULL REFERENCES cases (id),
    channel TEXT NOT NULL,
    handle TEXT NOT NULL,
    PRIMARY KEY (case_id, channel)
) STRICT, WITHOUT ROWID;
CREATE TABLE spent (
    key BLOB PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX spent_until ON spent (until);
",
    "
CREATE INDEX cases_similar ON cases (action, id, agent) WHERE votes IS NOT NULL OR platform_outcome IS NOT NULL;
",
];

/// Opens the writer's connection and brings the file to this program's version.
pub(super) fn open_to_write(
    path: &Path,
    synchronous: Synchronous,
) -> Result<Connection, StoreError> {
    check_sqlite()?;
    let cannot = |error: rusqlite::Error| cannot_open(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(cannot)?;
    connection.busy_timeout(PATIENCE).map_err(cannot)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    check_owner(&connection, path)?;
    let synchronous = match synchronous {
        Synchronous::Full => "FULL",
        Synchronous::Normal => "NORMAL",
    };
    // The writer checkpoints by itself, so that an error of a checkpoint is seen: SQLite's own would swallow it.
    let setup = format!(
        "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous};
         PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864; PRAGMA foreign_keys = ON;
         PRAGMA cache_size = -65536; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
    );
    connection.execute_batch(&setup).map_err(cannot)?;
    let journal: String = connection
        .pragma_query_value(None, "journal_mode", |row| row.get(0))
        .map_err(cannot)?;
    if journal != "wal" {
        return Err(StoreError::Open(format!(
            "`{}` cannot be used with a write-ahead log; put it on a local disk",
            path.display()
        )));
    }
    migrate(&mut connection, path)?;
    Ok(connection)
}

/// Opens a connection that only reads.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    check_sqlite()?;
    let cannot = |error: rusqlite::Error| cannot_open(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(cannot)?;
    connection.busy_timeout(PATIENCE).map_err(cannot)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let version = check_owner(&connection, path)?;
    if version < MIGRATIONS.len() {
        return Err(StoreError::Open(format!(
            "`{}` is empty or of an earlier version; start the service on it once",
            path.display()
        )));
    }
    connection
        .execute_batch("PRAGMA cache_size = -8192; PRAGMA mmap_size = 0; PRAGMA query_only = ON;")
        .map_err(cannot)?;
    Ok(connection)
}

/// Refuses files of other programs and of later versions; returns the file's version.
fn check_owner(connection: &Connection, path: &Path) -> Result<usize, StoreError> {
    let cannot = |error: rusqlite::Error| cannot_open(path, &error);
    let pragma = |name: &str| {
        connection
            .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
            .map_err(cannot)
    };
    let tables: i64 = connection
        .query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(cannot)?;
    let application = pragma("application_id")?;
    if application != APPLICATION && (tables > 0 || application != 0) {
        return Err(StoreError::Open(format!(
            "`{}` is the database of another program; use another file",
            path.display()
        )));
    }
    let version = pragma("user_version")?;
    match usize::try_from(version) {
        Ok(version) if version <= MIGRATIONS.len() => Ok(version),
        Ok(_) | Err(_) => Err(StoreError::Open(format!(
            "`{}` was written by a later version of countersign (schema {version}); run that one",
            path.display()
        ))),
    }
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let cannot = |error: rusqlite::Error| cannot_open(path, &error);
    let version = check_owner(connection, path)?;
    let missing = MIGRATIONS.get(version..).unwrap_or_default();
    if missing.is_empty() {
        return Ok(());
    }
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(cannot)?;
    for migration in missing {
        transaction.execute_batch(migration).map_err(cannot)?;
    }
    let latest = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    transaction
        .pragma_update(None, "application_id", APPLICATION)
        .and_then(|()| transaction.pragma_update(None, "user_version", latest))
        .and_then(|()| transaction.commit())
        .map_err(cannot)
}

fn check_sqlite() -> Result<(), StoreError> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(StoreError::Open(format!(
            "the linked SQLite {} can corrupt a write-ahead log; link 3.51.3 or later",
            rusqlite::version()
        )));
    }
    Ok(())
}

fn cannot_open(path: &Path, error: &rusqlite::Error) -> StoreError {
    let place = path.display();
    let text = match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => {
            format!("`{place}` is not a database; use another file")
        }
        Some(rusqlite::ErrorCode::DiskFull) => {
            format!("there is no space left for `{place}`; free some")
        }
        Some(_) | None => format!("`{place}`: {error}"),
    };
    StoreError::Open(text)
}
