//! What people look up when they decide. Every one of these looks through a bounded number of rows: the writer is held up by
//! none of them, and no filter makes one of them look through everything.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Deserialize;

use super::listing::{EFFECT, count, effect_of, lines};
use super::reader::Trouble;
use super::rows::time;
use crate::domain::case::{Case, Resolver, State};
use crate::domain::id::CaseId;
use crate::domain::platform::PlatformOutcome;
use crate::store::{FireCounts, LogPage, LogQuery, OutboxItem, Precedent, StoreError};

/// The most entries of one page of the log.
const PAGE: usize = 500;
/// The most entries that are looked through for one page.
const SEARCHED: u64 = 5000;

/// Earlier requests for the same action on which people or the platform had the last word. The condition is that of the
/// index, to the letter: only so is it used.
const SIMILAR: &str =
    "SELECT key, agent, standing, platform_outcome, decided_at FROM cases WHERE id IN (
        SELECT id FROM (
            SELECT id, agent FROM cases
            WHERE action = ?1 AND (votes IS NOT NULL OR platform_outcome IS NOT NULL) AND key <> ?2
            ORDER BY id DESC LIMIT 1000
        ) ORDER BY agent IS ?3 DESC, id DESC LIMIT ?4
    ) ORDER BY agent IS ?3 DESC, id DESC";

/// Earlier requests for the same action.
pub(super) fn similar(
    connection: &Connection,
    id: CaseId,
    action: &str,
    agent: Option<&str>,
    limit: usize,
) -> Result<Vec<Precedent>, Trouble> {
    let mut statement = connection.prepare_cached(SIMILAR)?;
    let mut rows = statement.query(params![action, id.as_bytes(), agent, count(limit)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.extend(precedent(row)?);
    }
    Ok(found)
}

/// `None` for a case that is still going on, or that policy or the clock ended.
fn precedent(row: &Row<'_>) -> Result<Option<Precedent>, Trouble> {
    let case_id = CaseId::from_bytes(row.get(0)?);
    let standing: String = row.get(2)?;
    let state: State = serde_json::from_str(&standing)
        .map_err(|_| StoreError::Corrupt(format!("{case_id} has no readable `standing`")))?;
    let (State::Answering(resolution) | State::Resolved(resolution)) = state else {
        return Ok(None);
    };
    let platform_outcome: Option<String> = row.get(3)?;
    let is_by_somebody = match &resolution.by {
        Resolver::Person(_) | Resolver::Platform => true,
        Resolver::Policy | Resolver::Deadline => false,
    };
    if !is_by_somebody {
        return Ok(None);
    }
    Ok(Some(Precedent {
        case_id,
        agent: row.get(1)?,
        resolution,
        platform_outcome: platform_outcome.as_deref().map(PlatformOutcome::parse),
        decided_at: time(row.get(4)?)?,
    }))
}

/// What is not done of a case.
pub(super) fn effects_of(connection: &Connection, id: CaseId) -> Result<Vec<OutboxItem>, Trouble> {
    let rows = connection
        .prepare_cached(&format!(
            "{EFFECT} WHERE outbox.case_id = (SELECT id FROM cases WHERE key = ?1) AND outbox.state <> 'withdrawn'
             ORDER BY outbox.id"
        ))?
        .query_map([id.as_bytes()], effect_of)?
        .collect::<Result<Vec<_>, _>>()?;
    Ok(rows.into_iter().collect::<Result<_, _>>()?)
}

/// A page of the log.
pub(super) fn log_page(connection: &Connection, query: &LogQuery) -> Result<LogPage, Trouble> {
    let limit = query.limit.clamp(1, PAGE);
    let before = query.before.and_then(|before| i64::try_from(before).ok());
    let before = before.unwrap_or(i64::MAX);
    let Some(id) = query.case else {
        return searched(connection, query, before, limit);
    };
    let rowid = connection
        .prepare_cached("SELECT id FROM cases WHERE key = ?1")?
        .query_row([id.as_bytes()], |row| row.get::<_, i64>(0))
        .optional()?;
    // No row has this number: of a case that is not there nothing is found.
    let rowid = rowid.unwrap_or(-1);
    let is_wanted = |kind| query.kind.is_none_or(|wanted| wanted == kind);
    let mut found = lines(
        connection,
        "WHERE log.case_id = ?1 AND log.sequence < ?2 ORDER BY log.sequence DESC",
        &[rowid, before],
    )?;
    found.retain(|line| is_wanted(line.kind));
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|line| line.sequence);
    Ok(LogPage { lines: found, next })
}

/// A page out of the whole log: so many entries are looked through, and no more.
fn searched(
    connection: &Connection,
    query: &LogQuery,
    before: i64,
    limit: usize,
) -> Result<LogPage, Trouble> {
    let newest: Option<i64> = connection
        .prepare_cached("SELECT MAX(sequence) FROM log WHERE sequence < ?1")?
        .query_row([before], |row| row.get(0))?;
    let newest = newest.and_then(|newest| u64::try_from(newest).ok());
    let Some(newest) = newest else {
        return Ok(LogPage {
            lines: Vec::new(),
            next: None,
        });
    };
    let oldest = (newest + 1).saturating_sub(SEARCHED).max(1);
    let bounds = [
        i64::try_from(oldest).unwrap_or(i64::MAX),
        i64::try_from(newest).unwrap_or(i64::MAX),
        count(limit),
    ];
    let range = "WHERE log.sequence BETWEEN ?1 AND ?2";
    let order = "ORDER BY log.sequence DESC LIMIT ?3";
    // A word of our own, never a text that came from outside.
    let kind = query.kind.map_or_else(String::new, |kind| {
        format!("AND log.kind = '{}'", kind.as_str())
    });
    let found = lines(connection, &format!("{range} {kind} {order}"), &bounds)?;
    let end = match found.last() {
        Some(last) if found.len() >= limit => last.sequence,
        Some(_) | None => oldest,
    };
    Ok(LogPage {
        lines: found,
        next: (end > 1).then_some(end),
    })
}

/// Of a verdict, the rules that fired and nothing else.
#[derive(Deserialize)]
struct Fired {
    rules: Vec<FiredRule>,
}

#[derive(Deserialize)]
struct FiredRule {
    id: String,
}

/// How often each rule fired in the newest cases.
pub(super) fn fired(connection: &Connection, limit: usize) -> Result<FireCounts, Trouble> {
    let mut statement = connection
        .prepare_cached("SELECT verdict, decided_at FROM cases ORDER BY id DESC LIMIT ?1")?;
    let mut rows = statement.query([count(limit)])?;
    let mut counts = FireCounts::default();
    let mut since: Option<Timestamp> = None;
    let mut fired: BTreeMap<String, u64> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let verdict: String = row.get(0)?;
        let verdict: Fired = serde_json::from_str(&verdict)
            .map_err(|_| StoreError::Corrupt("a case has no readable `verdict`".to_owned()))?;
        let decided_at = time(row.get(1)?)?;
        since = Some(since.map_or(decided_at, |since| since.min(decided_at)));
        counts.cases += 1;
        // A rule of several bodies fires once in a case.
        let once: BTreeSet<String> = verdict.rules.into_iter().map(|rule| rule.id).collect();
        for id in once {
            *fired.entry(id).or_default() += 1;
        }
    }
    counts.since = since;
    counts.rules = fired;
    Ok(counts)
}

/// What [`similar`] asks about `case`; nothing is similar to a request without an action.
pub(super) fn asked(case: &Case) -> Option<(CaseId, String, Option<String>)> {
    let asked = &case.asked;
    Some((asked.id, asked.action.clone()?, asked.agent.clone()))
}
