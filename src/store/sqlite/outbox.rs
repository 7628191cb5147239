//! The outbox as the writer sees it: planned, claimed, settled, retried.
//!
//! `due` waits or is leased, `dead` waits for a person, `would` is what dry-run would have sent, and `withdrawn` is an
//! answer that was taken back while a worker had it. What is done is deleted.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};
use serde_json::json;

use crate::domain::case::{AnswerState, Case, CaseTerms, Event, Resolved, State};
use crate::domain::effect::{
    Answer, Ballot, Claim, Effect, EffectId, Forward, Planned, Reached, Release,
};
use crate::domain::id::SourceName;
use crate::domain::log_entry::EntryKind;
use crate::secret::Secret;
use crate::store::sqlite::chain::{self, Link};
use crate::store::sqlite::rows::{json as text, time};
use crate::store::sqlite::step::{Loaded, load_row};
use crate::store::sqlite::writer::{Failure, Writing};
use crate::store::{Attempt, Retried, StoreError};

/// An effect as it is inserted.
pub(super) struct PlannedRow {
    source: String,
    lane: Option<String>,
    kind: &'static str,
    state: &'static str,
    freezable: bool,
    not_after: i64,
    body: String,
}

impl PlannedRow {
    /// The row of `planned`; an answer goes to the platform of `source`.
    pub(super) fn of(planned: &Planned, source: &SourceName) -> Result<Self, StoreError> {
        let (source, lane, freezable, body) = match &planned.effect {
            Effect::Answer(answer) => (
                source,
                None,
                answer.decided_by_policy && answer.ballot == Ballot::Approve,
                text(answer)?,
            ),
            Effect::Forward(forward) => (
                &forward.source,
                Some(forward.lane.clone()),
                false,
                text(forward)?,
            ),
        };
        Ok(Self {
            source: source.as_str().to_owned(),
            lane,
            kind: planned.effect.kind(),
            state: match planned.release {
                Release::Send => "due",
                Release::Would => "would",
            },
            freezable,
            not_after: planned.not_after.as_microsecond(),
            body,
        })
    }

    /// Inserts it as an effect of the case in row `case`.
    pub(super) fn insert(
        &self,
        writing: &mut Writing<'_>,
        case: Option<i64>,
        now: Timestamp,
    ) -> Result<(), Failure> {
        writing.standing.last_effect += 1;
        writing
            .connection
            .prepare_cached(
                "INSERT INTO outbox (id, case_id, source, lane, kind, state, leased, freezable, due_at, attempts, reached,
                     not_after, created_at, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8, 0, 0, ?9, ?8, ?10)",
            )?
            .execute(params![
                writing.standing.last_effect,
                case,
                self.source,
                self.lane,
                self.kind,
                self.state,
                self.freezable,
                now.as_microsecond(),
                self.not_after,
                self.body,
            ])?;
        Ok(())
    }
}

/// An effect as it is read.
struct EffectRow {
    id: i64,
    case_id: Option<i64>,
    state: String,
    leased: bool,
    attempts: u32,
    reached: bool,
    not_after: i64,
    created_at: i64,
    kind: String,
    body: String,
}

const COLUMNS: &str =
    "id, case_id, state, leased, attempts, reached, not_after, created_at, kind, body";

impl EffectRow {
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            case_id: row.get(1)?,
            state: row.get(2)?,
            leased: row.get(3)?,
            attempts: row.get(4)?,
            reached: row.get(5)?,
            not_after: row.get(6)?,
            created_at: row.get(7)?,
            kind: row.get(8)?,
            body: row.get(9)?,
        })
    }

    fn find(writing: &Writing<'_>, id: EffectId) -> rusqlite::Result<Option<Self>> {
        writing
            .connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM outbox WHERE id = ?1"))?
            .query_row([id.0], Self::read)
            .optional()
    }

    fn effect(&self) -> Result<Effect, StoreError> {
        let corrupt = |_| StoreError::Corrupt(format!("effect {} has no readable `body`", self.id));
        match self.kind.as_str() {
            "answer" => serde_json::from_str::<Answer>(&self.body)
                .map(Effect::Answer)
                .map_err(corrupt),
            "forward" => serde_json::from_str::<Forward>(&self.body)
                .map(Effect::Forward)
                .map_err(corrupt),
            kind => Err(StoreError::Corrupt(format!(
                "effect {} is of the unknown kind `{kind}`",
                self.id
            ))),
        }
    }

    fn case(&self, writing: &Writing<'_>) -> Result<Option<Loaded>, Failure> {
        match self.case_id {
            Some(rowid) => load_row(writing, rowid),
            None => Ok(None),
        }
    }

    /// The claim on it. An answer is given out only if its case, which the log vouches for, says the same.
    fn claim(&self, writing: &Writing<'_>) -> Result<Claim, Failure> {
        let effect = self.effect()?;
        let loaded = self.case(writing)?;
        if let Effect::Answer(answer) = &effect
            && !loaded
                .as_ref()
                .is_some_and(|loaded| stands(&loaded.case, answer.ballot))
        {
            return Err(StoreError::Corrupt(format!(
                "effect {} is not what its case says",
                self.id
            ))
            .into());
        }
        let (case, token) = match loaded {
            Some(loaded) => (Some(loaded.case), loaded.row.token.map(Secret::new)),
            None => (None, None),
        };
        Ok(Claim {
            id: EffectId(self.id),
            case,
            token,
            effect,
            attempts: self.attempts + u32::from(self.leased),
            reached: if self.reached || self.leased {
                Reached::Perhaps
            } else {
                Reached::No
            },
            created_at: time(self.created_at)?,
            not_after: time(self.not_after)?,
        })
    }
}

/// Whether `ballot` is the last word of `case` and is still to be told.
fn stands(case: &Case, ballot: Ballot) -> bool {
    match &case.state {
        State::Answering(resolution) if resolution.answer == AnswerState::Pending => match ballot {
            Ballot::Approve => resolution.outcome == Resolved::Approved,
            Ballot::Reject => resolution.outcome == Resolved::Rejected,
        },
        State::Answering(_) | State::Open(_) | State::Resolved(_) => false,
    }
}

/// Writes an event that has no case.
pub(super) fn forward(
    writing: &mut Writing<'_>,
    row: &PlannedRow,
    now: Timestamp,
) -> Result<(), Failure> {
    row.insert(writing, None, now)
}

/// Gives out what is due until `lease`.
pub(super) fn claim(
    writing: &mut Writing<'_>,
    source: &SourceName,
    limit: usize,
    now: Timestamp,
    lease: Timestamp,
) -> Result<Vec<Claim>, Failure> {
    let frozen = writing.standing.freeze.is_some();
    let rows = writing
        .connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM outbox
             WHERE state = 'due' AND source = ?1 AND due_at <= ?2
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
                i64::try_from(limit).unwrap_or(i64::MAX)
            ],
            EffectRow::read,
        )?
        .collect::<Result<Vec<_>, _>>()?;
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

/// Records `attempt` at the effect `id`.
pub(super) fn settle(
    writing: &mut Writing<'_>,
    id: EffectId,
    attempt: Attempt,
    terms: &CaseTerms,
    now: Timestamp,
) -> Result<(), Failure> {
    let Some(row) = EffectRow::find(writing, id)? else {
        return Ok(());
    };
    let effect = row.effect()?;
    let loaded = row.case(writing)?;
    let withdrawn = match (&effect, row.state.as_str()) {
        (Effect::Answer(answer), "withdrawn") => Some(answer.ballot),
        (Effect::Answer(_) | Effect::Forward(_), _) => None,
    };
    match attempt {
        Attempt::Done(event) => {
            delete(writing, id)?;
            let event = match withdrawn {
                Some(sent) => event.and_then(|event| event.of_withdrawn(sent)),
                None => event,
            };
            move_case(writing, loaded, event, terms, now)?;
        }
        Attempt::Dead { event, .. } if withdrawn.is_some() => {
            delete(writing, id)?;
            let event = event
                .zip(withdrawn)
                .and_then(|(event, sent)| event.of_withdrawn(sent));
            move_case(writing, loaded, event, terms, now)?;
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
        Attempt::Dead { error, event } => {
            bury(writing, id.0, &error)?;
            match (event, &effect) {
                (Some(event), Effect::Answer(_)) => {
                    if !move_case(writing, loaded, Some(event), terms, now)? {
                        // The case has no use for the answer any more.
                        delete(writing, id)?;
                    }
                }
                (None, _) | (Some(_), Effect::Forward(_)) => {
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
    Ok(())
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
            if !move_case(writing, loaded, Some(event), terms, now)? {
                return Ok(Retried::NotDead);
            }
            match answer.ballot {
                Ballot::Approve => row.not_after,
                Ballot::Reject => row.not_after.max(fresh),
            }
        }
        Effect::Forward(_) => {
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
    Ok(Retried::Due)
}

/// Makes what was leased by the process before due at once. It may have been sent, though nobody wrote it down.
pub(super) fn recover(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "BEGIN IMMEDIATE;
         DELETE FROM outbox WHERE state = 'withdrawn';
         UPDATE outbox SET leased = 0, reached = 1, attempts = attempts + 1, due_at = created_at
             WHERE state = 'due' AND leased = 1;
         COMMIT;",
    )
}

/// Moves the case by `event`, if there are both; says whether it moved.
fn move_case(
    writing: &mut Writing<'_>,
    loaded: Option<Loaded>,
    event: Option<Event>,
    terms: &CaseTerms,
    now: Timestamp,
) -> Result<bool, Failure> {
    let (Some(loaded), Some(event)) = (loaded, event) else {
        return Ok(false);
    };
    match loaded.case.clone().step(event, terms, now) {
        Ok(step) => {
            loaded.apply(writing, step, now)?;
            Ok(true)
        }
        Err(_refused) => Ok(false),
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
