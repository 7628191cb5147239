//! The outbox as the writer sees it: planned, claimed, retried. What becomes of an attempt is [`super::settle`]'s.
//!
//! `due` waits or is leased, `dead` waits for a person, `would` is what dry-run would have sent, and `withdrawn` is an
//! answer that was taken back while a worker had it. What is done is deleted.

use jiff::{SignedDuration, Timestamp};
use rusqlite::params;

use crate::domain::case::{CaseTerms, Event};
use crate::domain::effect::{Ballot, Effect, EffectId, EffectKind, Reached};
use crate::domain::id::{ContentDigest, SourceName};
use crate::domain::log_entry::EntryKind;
use crate::domain::notice::ChannelName;
use crate::store::sqlite::effects::{COLUMNS, EffectRow, PlannedRow};
use crate::store::sqlite::settle::{about, log, move_case};
use crate::store::sqlite::writer::{Failure, Planned, Writing};
use crate::store::{Claim, Retried};

/// How long it is known that an event was passed on. Senders repeat what was not acknowledged for hours, not for weeks.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24 * 14);

/// Writes an event that has no case, unless it was written before.
pub(super) fn forward(
    writing: &mut Writing<'_>,
    row: &PlannedRow,
    once: Option<ContentDigest>,
    now: Timestamp,
) -> Result<(), Failure> {
    if let Some(once) = once {
        let forgotten = now.saturating_sub(REMEMBERED).unwrap_or(Timestamp::MIN);
        writing
            .connection
            .prepare_cached("DELETE FROM passed_on WHERE at < ?1")?
            .execute([forgotten.as_microsecond()])?;
        let new = writing
            .connection
            .prepare_cached(
                "INSERT INTO passed_on (key, at) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            )?
            .execute(params![once.as_bytes(), now.as_microsecond()])?;
        if new == 0 {
            return Ok(());
        }
    }
    row.insert(writing, None, now)
}

/// Gives out what is due until `lease`.
pub(super) fn claim(
    writing: &mut Writing<'_>,
    source: &SourceName,
    kind: EffectKind,
    limit: usize,
    now: Timestamp,
    lease: Timestamp,
) -> Result<Vec<Claim>, Failure> {
    let frozen = writing.standing.freeze.is_some();
    let rows = writing
        .connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM outbox
             WHERE state = 'due' AND source = ?1 AND kind = ?5 AND due_at <= ?2
                 AND NOT (?3 AND freezable AND not_after >= ?2)
                 AND (lane IS NULL OR NOT EXISTS (SELECT 1 FROM outbox AS earlier
                     WHERE earlier.lane = outbox.lane AND earlier.id < outbox.id AND earlier.state = 'due'))
             ORDER BY due_at, id LIMIT ?4"
        ))?
        .query_map(
            params![
                source.as_str(),
                now.as_microsecond(),
                frozen,
                i64::try_from(limit).unwrap_or(i64::MAX),
                kind.as_str()
            ],
            EffectRow::read,
        )?
        .collect::<Result<Vec<_>, _>>()?;
    give_out(writing, rows, lease)
}

/// Gives out until `lease` what `channel` is to be told.
pub(super) fn claim_notices(
    writing: &mut Writing<'_>,
    channel: &ChannelName,
    limit: usize,
    now: Timestamp,
    lease: Timestamp,
) -> Result<Vec<Claim>, Failure> {
    let rows = writing
        .connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM outbox
             WHERE state = 'due' AND channel = ?1 AND due_at <= ?2
                 AND NOT EXISTS (SELECT 1 FROM outbox AS earlier
                     WHERE earlier.lane = outbox.lane AND earlier.id < outbox.id AND earlier.state = 'due')
             ORDER BY due_at, id LIMIT ?3"
        ))?
        .query_map(
            params![
                channel.as_str(),
                now.as_microsecond(),
                i64::try_from(limit).unwrap_or(i64::MAX),
            ],
            EffectRow::read,
        )?
        .collect::<Result<Vec<_>, _>>()?;
    give_out(writing, rows, lease)
}

fn give_out(
    writing: &Writing<'_>,
    rows: Vec<EffectRow>,
    lease: Timestamp,
) -> Result<Vec<Claim>, Failure> {
    let mut claims = Vec::with_capacity(rows.len());
    for row in rows {
        match row.claim(writing) {
            Ok(claim) => {
                lease_out(writing, &claim, lease)?;
                claims.push(claim);
            }
            // What cannot be trusted does not leave, and does not stand in the way of the rest.
            Err(Failure::Refused(error)) => bury(writing, row.id, &error.to_string())?,
            Err(Failure::Sqlite(error)) => return Err(error.into()),
        }
    }
    Ok(claims)
}

/// Makes the dead letter `id` due on the word of `by`.
pub(super) fn retry(
    writing: &mut Writing<'_>,
    id: EffectId,
    by: &str,
    terms: &CaseTerms,
    now: Timestamp,
) -> Result<Retried, Failure> {
    let Some(row) = EffectRow::find(writing, id)?.filter(|row| row.state != "withdrawn") else {
        return Ok(Retried::Unknown);
    };
    if row.state != "dead" {
        return Ok(Retried::NotDead);
    }
    let effect = row.effect()?;
    let loaded = row.case(writing)?;
    let fresh = now
        .saturating_add(terms.give_up_after)
        .unwrap_or(Timestamp::MAX)
        .as_microsecond();
    let fresh = match &effect {
        Effect::Answer(answer) => {
            let event = Event::AnswerRetried { by: by.to_owned() };
            let moved = loaded.map(|loaded| move_case(writing, loaded, event, None, terms, now));
            if !matches!(moved.transpose()?, Some(Ok(_))) {
                return Ok(Retried::NotDead);
            }
            match answer.ballot {
                Ballot::Approve => row.not_after,
                Ballot::Reject => row.not_after.max(fresh),
            }
        }
        Effect::Forward(_) | Effect::Confirm | Effect::Notify(_) => {
            let mut detail = about(&row, &effect);
            detail.insert("by".to_owned(), by.into());
            log(writing, loaded.as_ref(), EntryKind::Retried, detail, now)?;
            row.not_after.max(fresh)
        }
    };
    writing
        .connection
        .prepare_cached(
            "UPDATE outbox SET state = 'due', leased = 0, due_at = ?2, not_after = ?3 WHERE id = ?1",
        )?
        .execute(params![id.0, now.as_microsecond(), fresh])?;
    *writing.planned = Planned::Something;
    Ok(Retried::Due)
}

/// Makes what was leased by the process before due at once. It may have been sent, though nobody wrote it down, and a
/// power cut may have undone the lease itself: so whatever is due may have been sent.
pub(super) fn recover(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "BEGIN IMMEDIATE;
         DELETE FROM outbox WHERE state = 'withdrawn';
         UPDATE outbox SET reached = 1 WHERE state = 'due' AND reached = 0;
         UPDATE outbox SET leased = 0, attempts = attempts + 1, due_at = created_at
             WHERE state = 'due' AND leased = 1;
         COMMIT;",
    )
}

fn lease_out(writing: &Writing<'_>, claim: &Claim, lease: Timestamp) -> rusqlite::Result<()> {
    writing
        .connection
        .prepare_cached(
            "UPDATE outbox SET leased = 1, due_at = ?2, attempts = ?3, reached = ?4 WHERE id = ?1",
        )?
        .execute(params![
            claim.id.0,
            lease.as_microsecond(),
            claim.attempts,
            claim.reached == Reached::Perhaps
        ])?;
    Ok(())
}

/// Makes it a dead letter.
pub(super) fn bury(writing: &Writing<'_>, id: i64, error: &str) -> rusqlite::Result<()> {
    writing
        .connection
        .prepare_cached(
            "UPDATE outbox SET state = 'dead', leased = 0, attempts = attempts + leased, error = ?2 WHERE id = ?1",
        )?
        .execute(params![id, error])?;
    Ok(())
}
