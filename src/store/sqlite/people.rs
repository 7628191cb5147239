//! What is read of the people's side: how much each team is asked, what a channel is to be told next, and what was used up.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::domain::id::{CaseId, ContentDigest};
use crate::domain::notice::ChannelName;
use crate::store::sqlite::reader::Trouble;
use crate::store::sqlite::rows::time;
use crate::store::{StoreError, Waiting};

/// Whether what `key` stands for was used.
pub(super) fn spent(connection: &Connection, key: ContentDigest) -> Result<bool, Trouble> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM spent WHERE key = ?1")?
        .exists([key.as_bytes()])?)
}

/// What `channel` calls the message it has of the case `id`.
pub(super) fn told(
    connection: &Connection,
    id: CaseId,
    channel: &ChannelName,
) -> Result<Option<String>, Trouble> {
    Ok(connection
        .prepare_cached(
            "SELECT told.handle FROM told JOIN cases ON cases.id = told.case_id
             WHERE cases.key = ?1 AND told.channel = ?2",
        )?
        .query_row(params![id.as_bytes(), channel.as_str()], |row| row.get(0))
        .optional()?)
}

/// When the next notice for `channel` is due, leases included.
pub(super) fn next_notice_due(
    connection: &Connection,
    channel: &ChannelName,
) -> Result<Option<Timestamp>, Trouble> {
    let next: Option<i64> = connection
        .prepare_cached(
            "SELECT MIN(due_at) FROM outbox WHERE state = 'due' AND channel = ?1
                 AND NOT EXISTS (SELECT 1 FROM outbox AS earlier
                     WHERE earlier.lane = outbox.lane AND earlier.id < outbox.id AND earlier.state = 'due')",
        )?
        .query_row([channel.as_str()], |row| row.get(0))?;
    Ok(next.map(time).transpose()?)
}

/// Every channel that something is due for.
pub(super) fn owed_channels(connection: &Connection) -> Result<Vec<ChannelName>, Trouble> {
    let names = connection
        .prepare_cached(
            "SELECT DISTINCT channel FROM outbox WHERE state = 'due' AND channel IS NOT NULL",
        )?
        .query_map([], |row| row.get::<_, String>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    let name = |name: String| {
        ChannelName::parse(&name)
            .ok_or_else(|| StoreError::Corrupt(format!("`{name}` is not the name of a channel")))
    };
    Ok(names.into_iter().map(name).collect::<Result<_, _>>()?)
}

/// How much each team is asked.
pub(super) fn waiting(connection: &Connection) -> Result<Vec<Waiting>, Trouble> {
    let rows = connection
        .prepare_cached(
            "SELECT json_extract(standing, '$.to'), COUNT(*), MIN(json_extract(standing, '$.since'))
             FROM cases WHERE state = 'open' GROUP BY 1",
        )?
        .query_map([], |row| {
            Ok((row.get(0)?, row.get::<_, i64>(1)?, row.get::<_, Option<String>>(2)?))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let waiting = rows.into_iter().map(|(team, open, oldest)| Waiting {
        team,
        open: u64::try_from(open).unwrap_or(0),
        oldest: oldest.and_then(|oldest| oldest.parse().ok()),
    });
    Ok(waiting.collect())
}
