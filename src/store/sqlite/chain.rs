//! The writer's side of the decision log: what stands, and how an entry is put behind it.
//!
//! An entry holds two digests: `body`, of what happened, and `state`, of what the case was afterwards. The second one is
//! what a case is checked against before it moves: whoever changes a case in the file stops it, and cannot have the
//! change signed by the next step.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::domain::freeze::Freeze;
use crate::domain::id::CaseId;
use crate::domain::log_entry::{ChainKey, ChainMac, EntryKind, GENESIS, LogEntry};
use crate::store::StoreError;
use crate::store::sqlite::rows::{freeze_digest, time};
use crate::store::sqlite::writer::Failure;

/// What the one writer knows without looking it up. It is written back with every group that changed it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Standing {
    /// How many entries the log has.
    pub(super) sequence: u64,
    /// The MAC of the last one.
    pub(super) last: ChainMac,
    /// The highest number an effect ever had; a late worker must not meet another effect under its number.
    pub(super) last_effect: i64,
    /// The freeze that is on.
    pub(super) freeze: Option<Freeze>,
}

/// An entry that is about to be chained.
pub(super) struct Link {
    /// When.
    pub(super) at: Timestamp,
    /// What happened.
    pub(super) kind: EntryKind,
    /// To which case, with its rowid.
    pub(super) case: Option<(i64, CaseId)>,
    /// The particulars as JSON text.
    pub(super) detail: String,
    /// The digest of what happened: [`body`] or [`decided_body`].
    pub(super) body: ChainMac,
    /// The digest of what stands afterwards; of no bytes at all where nothing does.
    pub(super) state: Option<ChainMac>,
}

impl Standing {
    /// Reads what stands, and refuses a file whose head was not written with `key`.
    pub(super) fn load(connection: &Connection, key: &ChainKey) -> Result<Self, StoreError> {
        let unreadable = |error: rusqlite::Error| StoreError::Open(error.to_string());
        let head = connection
            .query_row(
                "SELECT sequence, last, mac, last_effect FROM chain_head",
                [],
                |row| {
                    Ok((
                        row.get::<_, i64>(0)?,
                        row.get::<_, ChainMac>(1)?,
                        row.get::<_, ChainMac>(2)?,
                        row.get::<_, i64>(3)?,
                    ))
                },
            )
            .optional()
            .map_err(unreadable)?;
        let end = last_entry(connection).map_err(unreadable)?;
        let freeze = frozen(connection)?;
        let (sequence, last, last_effect) = match head {
            None => (0, GENESIS, 0),
            Some((sequence, last, mac, last_effect)) => {
                let sequence = u64::try_from(sequence).unwrap_or(u64::MAX);
                if key.head(sequence, &last, &freeze_digest(freeze.as_ref(), key)) != mac {
                    return Err(StoreError::Open(
                        "the head of its log does not fit the chain key and the freeze; give it the key it was written with, see \
                         `countersign log verify`, or start on another file"
                            .to_owned(),
                    ));
                }
                (sequence, last, last_effect)
            }
        };
        if end.unwrap_or((0, GENESIS)) != (sequence, last) {
            return Err(StoreError::Open(
                "its log does not end where its head says; entries were cut off or put in, see `countersign log verify`"
                    .to_owned(),
            ));
        }
        Ok(Self {
            sequence,
            last,
            last_effect,
            freeze,
        })
    }

    /// Puts an entry behind the last one.
    pub(super) fn append(
        &mut self,
        connection: &Connection,
        key: &ChainKey,
        link: &Link,
    ) -> Result<(), Failure> {
        let state = link.state.as_ref().map_or(&[][..], |state| &state[..]);
        let entry = LogEntry {
            sequence: self.sequence + 1,
            at: link.at,
            kind: link.kind,
            case: link.case.map(|(_, id)| id),
            payload: key.payload(&[&link.body, state]),
        };
        let mac = key.link(&self.last, &entry);
        connection
            .prepare_cached(
                "INSERT INTO log (sequence, at, kind, case_id, detail, body, state, mac)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                entry.sequence.cast_signed(),
                link.at.as_microsecond(),
                link.kind.as_str(),
                link.case.map(|(rowid, _)| rowid),
                link.detail,
                link.body,
                state,
                mac,
            ])?;
        self.sequence = entry.sequence;
        self.last = mac;
        Ok(())
    }

    /// Writes the head, once for each group.
    pub(super) fn save(&self, connection: &Connection, key: &ChainKey) -> rusqlite::Result<()> {
        connection
            .prepare_cached(
                "INSERT INTO chain_head (id, sequence, last, mac, last_effect) VALUES (1, ?1, ?2, ?3, ?4)
                 ON CONFLICT (id) DO UPDATE SET sequence = ?1, last = ?2, mac = ?3, last_effect = ?4",
            )?
            .execute(params![
                self.sequence.cast_signed(),
                self.last,
                key.head(self.sequence, &self.last, &freeze_digest(self.freeze.as_ref(), key)),
                self.last_effect,
            ])?;
        Ok(())
    }
}

/// The digest of what happened, of which `detail` is all.
pub(super) fn body(key: &ChainKey, detail: &str) -> ChainMac {
    key.payload(&[detail.as_bytes()])
}

/// The digest of a decision: its particulars, the input it was made on, and the verdict.
pub(super) fn decided_body(
    key: &ChainKey,
    detail: &str,
    input: &[u8; 32],
    verdict: &str,
) -> ChainMac {
    key.payload(&[detail.as_bytes(), input, verdict.as_bytes()])
}

/// What the log's last entry of a case says of it.
pub(super) fn logged_state(
    connection: &Connection,
    rowid: i64,
) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached("SELECT state FROM log WHERE case_id = ?1 ORDER BY sequence DESC LIMIT 1")?
        .query_row([rowid], |row| row.get(0))
        .optional()
}

/// The freeze as its row has it.
pub(super) fn frozen(connection: &Connection) -> Result<Option<Freeze>, StoreError> {
    let row = connection
        .prepare_cached("SELECT by, reason, since FROM freeze")
        .and_then(|mut statement| {
            statement
                .query_row([], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?))
                })
                .optional()
        })
        .map_err(|error| StoreError::Unavailable(Box::new(error)))?;
    row.map(|(by, reason, since)| {
        Ok(Freeze {
            by,
            reason,
            since: time(since)?,
        })
    })
    .transpose()
}

fn last_entry(connection: &Connection) -> rusqlite::Result<Option<(u64, ChainMac)>> {
    connection
        .query_row(
            "SELECT sequence, mac FROM log ORDER BY sequence DESC LIMIT 1",
            [],
            |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?)),
        )
        .optional()
}
