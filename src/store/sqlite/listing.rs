//! What is read for people and for the loops: cases, timelines, the outbox, the log, and what is due next.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};

use crate::domain::case::Case;
use crate::domain::effect::{EffectId, EffectKind};
use crate::domain::id::{CaseId, Revision, SourceName};
use crate::domain::log_entry::EntryKind;
use crate::store::sqlite::chain;
use crate::store::sqlite::reader::Trouble;
use crate::store::sqlite::rows::{CaseRow, case_columns, time};
use crate::store::{CaseAndInput, CaseFile, Counts, LogLine, OutboxItem, StoreError, StoredSet};

/// The source of a case, and nothing else of it, which may be long.
pub(super) fn source_of(
    connection: &Connection,
    id: CaseId,
) -> Result<Option<SourceName>, Trouble> {
    let source: Option<String> = connection
        .prepare_cached("SELECT source FROM cases WHERE key = ?1")?
        .query_row([id.as_bytes()], |row| row.get(0))
        .optional()?;
    Ok(source.as_deref().map(source_name).transpose()?)
}

/// A case with its input, and without its timeline, which may be long.
pub(super) fn question_of(
    connection: &Connection,
    id: CaseId,
) -> Result<Option<CaseAndInput>, Trouble> {
    let Some((_, input, row)) = found(connection, id)? else {
        return Ok(None);
    };
    Ok(Some((row.case()?, input)))
}

/// A case with its input and timeline.
pub(super) fn case(connection: &Connection, id: CaseId) -> Result<Option<CaseFile>, Trouble> {
    let Some((rowid, input, row)) = found(connection, id)? else {
        return Ok(None);
    };
    Ok(Some(CaseFile {
        case: row.case()?,
        input,
        timeline: lines(
            connection,
            "WHERE log.case_id = ?1 ORDER BY log.sequence",
            &[rowid],
        )?,
    }))
}

/// The number of a case's row, its input, and the rest of it.
type FoundCase = (i64, Option<Arc<str>>, CaseRow);

fn found(connection: &Connection, id: CaseId) -> rusqlite::Result<Option<FoundCase>> {
    connection
        .prepare_cached(concat!(
            "SELECT id, input, ",
            case_columns!(),
            " FROM cases WHERE key = ?1"
        ))?
        .query_row([id.as_bytes()], |row| {
            Ok((row.get(0)?, row.get(1)?, CaseRow::read(row, 2)?))
        })
        .optional()
}

/// Cases decided since then whose platform outcome is known, the oldest first.
pub(super) fn compared(
    connection: &Connection,
    since: Option<Timestamp>,
) -> Result<Vec<Case>, Trouble> {
    let since = since.map_or(i64::MIN, Timestamp::as_microsecond);
    let rows = connection
        .prepare_cached(concat!(
            "SELECT ",
            case_columns!(),
            " FROM cases WHERE platform_outcome IS NOT NULL AND decided_at >= ?1 ORDER BY id"
        ))?
        .query_map([since], |row| CaseRow::read(row, 0))?
        .collect::<Result<Vec<_>, _>>()?;
    Ok(rows
        .iter()
        .map(CaseRow::case)
        .collect::<Result<_, StoreError>>()?)
}

/// Cases that the clock moves at or before `now`.
pub(super) fn waking(
    connection: &Connection,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<(CaseId, SourceName)>, Trouble> {
    let rows = connection
        .prepare_cached(
            "SELECT key, source FROM cases WHERE wakes_at <= ?1 ORDER BY wakes_at LIMIT ?2",
        )?
        .query_map(params![now.as_microsecond(), count(limit)], |row| {
            Ok((CaseId::from_bytes(row.get(0)?), row.get::<_, String>(1)?))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    rows.into_iter()
        .map(|(id, source)| Ok((id, source_name(&source)?)))
        .collect()
}

/// When the next effect of `source` and `kind` can be claimed. What a freeze holds can be after its last
/// moment.
pub(super) fn next_due(
    connection: &Connection,
    source: &SourceName,
    kind: EffectKind,
) -> Result<Option<Timestamp>, Trouble> {
    let first = |sql: &str| {
        connection
            .prepare_cached(sql)?
            .query_row([source.as_str(), kind.as_str()], |row| {
                row.get::<_, Option<i64>>(0)
            })
            .optional()
            .map(Option::flatten)
    };
    let waiting = "(lane IS NULL OR NOT EXISTS (SELECT 1 FROM outbox AS earlier
        WHERE earlier.lane = outbox.lane AND earlier.id < outbox.id AND earlier.state = 'due'))";
    let due = if chain::frozen(connection)?.is_some() {
        let held = first(
            "SELECT MIN(MAX(due_at, not_after + 1)) FROM outbox WHERE state = 'due' AND source = ?1 AND kind = ?2 AND freezable",
        )?;
        let free = first(&format!(
            "SELECT due_at FROM outbox WHERE state = 'due' AND source = ?1 AND kind = ?2 AND NOT freezable AND {waiting}
             ORDER BY due_at LIMIT 1"
        ))?;
        held.into_iter().chain(free).min()
    } else {
        first(&format!(
            "SELECT due_at FROM outbox WHERE state = 'due' AND source = ?1 AND kind = ?2 AND {waiting} ORDER BY due_at LIMIT 1"
        ))?
    };
    Ok(due.map(time).transpose()?)
}

/// What [`effect_of`] reads.
pub(super) const EFFECT: &str = "SELECT outbox.id, cases.key, outbox.source, outbox.kind,
        CASE WHEN outbox.state = 'due' AND outbox.freezable AND EXISTS (SELECT 1 FROM freeze) THEN 'held'
            ELSE outbox.state END,
        outbox.attempts, outbox.due_at, outbox.created_at, outbox.error, outbox.channel
    FROM outbox LEFT JOIN cases ON cases.id = outbox.case_id";

/// Effects that are not done: the dead letters, what is due, then what dry-run would have sent, each from the oldest.
pub(super) fn outbox(connection: &Connection, limit: usize) -> Result<Vec<OutboxItem>, Trouble> {
    let mut items = Vec::new();
    for which in [
        "outbox.state = 'dead'",
        "outbox.state = 'due'",
        "outbox.state = 'would'",
    ] {
        let left = limit.saturating_sub(items.len());
        let rows = connection
            .prepare_cached(&format!(
                "{EFFECT} WHERE {which} ORDER BY outbox.id LIMIT ?1"
            ))?
            .query_map([count(left)], effect_of)?
            .collect::<Result<Vec<_>, _>>()?;
        for row in rows {
            items.push(row?);
        }
    }
    Ok(items)
}

/// One effect that is not done.
pub(super) fn effect(connection: &Connection, id: EffectId) -> Result<Option<OutboxItem>, Trouble> {
    let row = connection
        .prepare_cached(&format!(
            "{EFFECT} WHERE outbox.id = ?1 AND outbox.state <> 'withdrawn'"
        ))?
        .query_row([id.0], effect_of)
        .optional()?;
    Ok(row.transpose()?)
}

/// Every source that something is due or dead for.
pub(super) fn owed(connection: &Connection) -> Result<Vec<SourceName>, Trouble> {
    let names = connection
        .prepare_cached(
            "SELECT source FROM outbox WHERE state = 'due' UNION SELECT source FROM outbox WHERE state = 'dead'",
        )?
        .query_map([], |row| row.get::<_, String>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    Ok(names
        .iter()
        .map(|name| source_name(name))
        .collect::<Result<_, _>>()?)
}

/// How much is under way.
pub(super) fn counts(connection: &Connection) -> Result<Counts, Trouble> {
    let number = |sql: &str| {
        connection
            .prepare_cached(sql)?
            .query_row([], |row| row.get::<_, i64>(0))
            .map(|number| u64::try_from(number).unwrap_or(0))
    };
    Ok(Counts {
        open: number("SELECT COUNT(*) FROM cases WHERE state = 'open'")?,
        due: number("SELECT COUNT(*) FROM outbox WHERE state = 'due'")?,
        dead: number("SELECT COUNT(*) FROM outbox WHERE state = 'dead'")?,
    })
}

/// The set whose revision is `revision` or, where one alone does, begins with it.
pub(super) fn set(connection: &Connection, revision: &str) -> Result<Option<StoredSet>, Trouble> {
    if revision.is_empty() || !revision.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(None);
    }
    let from = revision.to_ascii_lowercase();
    // `g` comes after every hexadecimal digit.
    let to = format!("{from}g");
    let mut rows = connection
        .prepare_cached(
            "SELECT revision, engine, files FROM policy_sets WHERE revision >= ?1 AND revision < ?2 LIMIT 2",
        )?
        .query_map([from, to], |row| {
            Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<Result<Vec<(String, String, Arc<str>)>, _>>()?;
    let (Some((revision, engine, files)), true) = (rows.pop(), rows.is_empty()) else {
        return Ok(None);
    };
    let mut digest = [0; 32];
    hex::decode_to_slice(&revision, &mut digest)
        .map_err(|_| StoreError::Corrupt(format!("`{revision}` is not a revision")))?;
    Ok(Some(StoredSet {
        revision: Revision::of(digest),
        engine,
        files,
    }))
}

/// Log entries after `sequence`.
pub(super) fn log_after(
    connection: &Connection,
    sequence: u64,
    limit: usize,
) -> Result<Vec<LogLine>, Trouble> {
    let after = i64::try_from(sequence).unwrap_or(i64::MAX);
    lines(
        connection,
        "WHERE log.sequence > ?1 ORDER BY log.sequence LIMIT ?2",
        &[after, count(limit)],
    )
}

/// The newest log entries, the oldest of them first.
pub(super) fn log_tail(connection: &Connection, limit: usize) -> Result<Vec<LogLine>, Trouble> {
    let mut tail = lines(
        connection,
        "ORDER BY log.sequence DESC LIMIT ?1",
        &[count(limit)],
    )?;
    tail.reverse();
    Ok(tail)
}

/// The log entries that `which` selects.
pub(super) fn lines(
    connection: &Connection,
    which: &str,
    values: &[i64],
) -> Result<Vec<LogLine>, Trouble> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT log.sequence, log.at, log.kind, log.detail, cases.key
         FROM log LEFT JOIN cases ON cases.id = log.case_id {which}"
    ))?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        lines.push(line(row)?);
    }
    Ok(lines)
}

fn line(row: &Row<'_>) -> Result<LogLine, Trouble> {
    let sequence: i64 = row.get(0)?;
    let corrupt =
        |what: &str| StoreError::Corrupt(format!("log entry {sequence} has no readable `{what}`"));
    let kind: String = row.get(2)?;
    let detail: Option<String> = row.get(3)?;
    let key: Option<[u8; 16]> = row.get(4)?;
    Ok(LogLine {
        sequence: u64::try_from(sequence).map_err(|_| corrupt("sequence"))?,
        at: time(row.get(1)?)?,
        kind: EntryKind::parse(&kind).ok_or_else(|| corrupt("kind"))?,
        case_id: key.map(CaseId::from_bytes),
        detail: detail
            .map(|detail| serde_json::from_str(&detail).map_err(|_| corrupt("detail")))
            .transpose()?,
    })
}

/// One effect that is not done.
pub(super) fn effect_of(row: &Row<'_>) -> rusqlite::Result<Result<OutboxItem, StoreError>> {
    let key: Option<[u8; 16]> = row.get(1)?;
    let source: String = row.get(2)?;
    let (due_at, created_at) = (row.get(6)?, row.get(7)?);
    let (id, kind, state) = (EffectId(row.get(0)?), row.get(3)?, row.get(4)?);
    let (attempts, error, channel) = (row.get(5)?, row.get(8)?, row.get(9)?);
    Ok((|| {
        Ok(OutboxItem {
            id,
            case_id: key.map(CaseId::from_bytes),
            source: source_name(&source)?,
            kind,
            channel,
            state,
            attempts,
            due_at: time(due_at)?,
            created_at: time(created_at)?,
            error,
        })
    })())
}

fn source_name(raw: &str) -> Result<SourceName, StoreError> {
    SourceName::parse(raw).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// `limit` as SQLite takes it.
pub(super) fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
