//! The outbox as the writer sees it: planned, claimed, settled, retried.
//!
//! `due` waits or is leased, `dead` waits for a person, `would` is what dry-run would have sent, and `withdrawn` is an
//! answer that was taken back while a worker had it. What is done is deleted.

use jiff::{SignedDuration, Timestamp};
use rusqlite::params;
use serde_json::json;

use crate::domain::case::{CaseTerms, Event, Moved};
use crate::domain::effect::{Ballot, Effect, EffectId, EffectKind, Reached};
use crate::domain::id::{ContentDigest, SourceName};
use crate::domain::log_entry::EntryKind;
use crate::domain::notice::ChannelName;
use crate::store::sqlite::chain::{self, Link};
use crate::store::sqlite::effects::{COLUMNS, EffectRow, PlannedRow};
use crate::store::sqlite::rows::json as text;
use crate::store::sqlite::step::Loaded;
use crate::store::sqlite::writer::{Failure, Planned, Writing};
use crate::store::{Attempt, Claim, Retried};

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

/// Records `attempt` at the effect `id`. Returns its case if that moved.
pub(super) fn settle(
    writing: &mut Writing<'_>,
    id: EffectId,
    attempt: Attempt,
    terms: &CaseTerms,
    now: Timestamp,
) -> Result<Option<Moved>, Failure> {
    let Some(row) = EffectRow::find(writing, id)? else {
        return Ok(None);
    };
    let effect = row.effect()?;
    let loaded = row.case(writing)?;
    let withdrawn = match (&effect, row.state.as_str()) {
        (Effect::Answer(answer), "withdrawn") => Some(answer.ballot),
        (Effect::Answer(_) | Effect::Forward(_) | Effect::Confirm | Effect::Notify(_), _) => None,
    };
    match attempt {
        Attempt::Done(event) => {
            delete(writing, id)?;
            let event = match withdrawn {
                Some(sent) => event.and_then(|event| event.of_withdrawn(sent)),
                None => event,
            };
            return move_case(writing, loaded, event, terms, now);
        }
        Attempt::Told { handle } => {
            delete(writing, id)?;
            if let (Effect::Notify(notice), Some(loaded), Some(handle)) = (&effect, &loaded, handle)
            {
                remember(writing, loaded.rowid, &notice.channel, &handle)?;
            }
            return Ok(None);
        }
        Attempt::Dead { event, .. } if withdrawn.is_some() => {
            delete(writing, id)?;
            let event = event
                .zip(withdrawn)
                .and_then(|(event, sent)| event.of_withdrawn(sent));
            return move_case(writing, loaded, event, terms, now);
        }
        Attempt::Again { .. } if withdrawn.is_some() => delete(writing, id)?,
        Attempt::Again { at, error, reached } => {
            if row.state == "due" {
                again(writing, &row, at, &error, reached)?;
                let attempts = row.attempts + 1;
                let detail =
                    json!({ "effect": id, "kind": row.kind, "attempts": attempts, "error": error });
                log(
                    writing,
                    loaded.as_ref(),
                    EntryKind::AttemptFailed,
                    &detail,
                    now,
                )?;
            }
        }
        // Another worker gave it up when the lease of this one had run out.
        Attempt::Dead { .. } if row.state == "dead" => {}
        Attempt::Dead { error, event } => {
            bury(writing, id.0, &error)?;
            match (event, &effect) {
                (Some(event), Effect::Answer(_)) => {
                    let moved = move_case(writing, loaded, Some(event), terms, now)?;
                    if moved.is_none() {
                        // The case has no use for the answer any more.
                        delete(writing, id)?;
                    }
                    return Ok(moved);
                }
                (None, _) | (Some(_), Effect::Forward(_) | Effect::Confirm | Effect::Notify(_)) => {
                    let detail = json!({ "effect": id, "kind": row.kind, "error": error });
                    log(
                        writing,
                        loaded.as_ref(),
                        EntryKind::DeadLettered,
                        &detail,
                        now,
                    )?;
                }
            }
        }
    }
    Ok(None)
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
            if move_case(writing, loaded, Some(event), terms, now)?.is_none() {
                return Ok(Retried::NotDead);
            }
            match answer.ballot {
                Ballot::Approve => row.not_after,
                Ballot::Reject => row.not_after.max(fresh),
            }
        }
        Effect::Forward(_) | Effect::Confirm | Effect::Notify(_) => {
            let detail = json!({ "effect": id, "kind": row.kind, "by": by });
            log(writing, loaded.as_ref(), EntryKind::Retried, &detail, now)?;
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

/// Keeps what the channel calls the message it has of the case.
fn remember(
    writing: &Writing<'_>,
    case: i64,
    channel: &ChannelName,
    handle: &str,
) -> rusqlite::Result<()> {
    writing
        .connection
        .prepare_cached(
            "INSERT INTO told (case_id, channel, handle) VALUES (?1, ?2, ?3)
             ON CONFLICT (case_id, channel) DO UPDATE SET handle = excluded.handle",
        )?
        .execute(params![case, channel.as_str(), handle])?;
    Ok(())
}

/// Moves the case by `event`, if there are both; returns it if it moved.
fn move_case(
    writing: &mut Writing<'_>,
    loaded: Option<Loaded>,
    event: Option<Event>,
    terms: &CaseTerms,
    now: Timestamp,
) -> Result<Option<Moved>, Failure> {
    let (Some(loaded), Some(event)) = (loaded, event) else {
        return Ok(None);
    };
    let event = event.under(writing.standing.freeze.as_ref());
    match loaded.case.clone().step(event, terms, now) {
        Ok(step) => loaded.apply(writing, step, now).map(Some),
        Err(_refused) => Ok(None),
    }
}

fn log(
    writing: &mut Writing<'_>,
    loaded: Option<&Loaded>,
    kind: EntryKind,
    detail: &serde_json::Value,
    now: Timestamp,
) -> Result<(), Failure> {
    let detail = text(detail)?;
    if let Some(loaded) = loaded {
        return loaded.log(writing, kind, detail, now);
    }
    let link = Link {
        at: now,
        kind,
        case: None,
        body: chain::body(writing.key, &detail),
        detail,
        state: None,
    };
    writing
        .standing
        .append(writing.connection, writing.key, &link)
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

fn again(
    writing: &Writing<'_>,
    row: &EffectRow,
    at: Timestamp,
    error: &str,
    reached: Reached,
) -> rusqlite::Result<()> {
    writing
        .connection
        .prepare_cached(
            "UPDATE outbox SET leased = 0, due_at = ?2, attempts = ?3, reached = ?4, error = ?5 WHERE id = ?1",
        )?
        .execute(params![
            row.id,
            at.as_microsecond(),
            row.attempts + 1,
            row.reached || reached == Reached::Perhaps,
            error
        ])?;
    Ok(())
}

fn bury(writing: &Writing<'_>, id: i64, error: &str) -> rusqlite::Result<()> {
    writing
        .connection
        .prepare_cached(
            "UPDATE outbox SET state = 'dead', leased = 0, attempts = attempts + leased, error = ?2 WHERE id = ?1",
        )?
        .execute(params![id, error])?;
    Ok(())
}

fn delete(writing: &Writing<'_>, id: EffectId) -> rusqlite::Result<()> {
    writing
        .connection
        .prepare_cached("DELETE FROM outbox WHERE id = ?1")?
        .execute([id.0])?;
    Ok(())
}
