//! A case moves: read, checked against the log, stepped, and written back with everything that follows.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use crate::domain::case::{Case, CaseTerms, Decision, EarlierAnswers, Event, Moved, Step, Told};
use crate::domain::id::CaseId;
use crate::domain::log_entry::{ChainMac, EntryKind};
use crate::store::sqlite::chain::{self, Link};
use crate::store::sqlite::effects::PlannedRow;
use crate::store::sqlite::rows::{CaseRow, case_columns, json, whole};
use crate::store::sqlite::writer::{Failure, Writing};
use crate::store::{Stepped, StoreError};

/// A case as it was read by the writer, and proven to be what the log says it is.
pub(super) struct Loaded {
    pub(super) rowid: i64,
    pub(super) row: CaseRow,
    pub(super) case: Case,
    state: ChainMac,
}

/// Moves the case `id` by `event`.
pub(super) fn step(
    writing: &mut Writing<'_>,
    id: CaseId,
    event: Event,
    terms: &CaseTerms,
    now: Timestamp,
) -> Result<Stepped, Failure> {
    let Some(loaded) = load(writing, id)? else {
        return Ok(Stepped::Unknown);
    };
    let event = event.under(writing.standing.freeze.as_ref());
    let is_hearsay = matches!(
        event,
        Event::PlatformResolved {
            told: Told::ByAnybody,
            ..
        }
    );
    let event = if is_hearsay && may_have_arrived(writing, loaded.rowid)? {
        event.as_an_echo()
    } else {
        event
    };
    match loaded.case.clone().step(event, terms, now) {
        Ok(step) => Ok(Stepped::Moved(loaded.apply(writing, step, now)?)),
        Err(refused) => Ok(Stepped::Stayed(loaded.case, refused)),
    }
}

/// Whether an answer may have arrived although nobody said so: then a word that nobody proved is likely to be its echo.
fn may_have_arrived(writing: &Writing<'_>, rowid: i64) -> rusqlite::Result<bool> {
    writing
        .connection
        .prepare_cached(
            "SELECT 1 FROM outbox WHERE case_id = ?1 AND kind = 'answer' AND state = 'due' AND (reached = 1 OR leased = 1)",
        )?
        .exists([rowid])
}

/// Reads the case of `key`.
pub(super) fn load(writing: &Writing<'_>, key: CaseId) -> Result<Option<Loaded>, Failure> {
    let rowid = writing
        .connection
        .prepare_cached("SELECT id FROM cases WHERE key = ?1")?
        .query_row([key.as_bytes()], |row| row.get(0))
        .optional()?;
    match rowid {
        Some(rowid) => load_row(writing, rowid),
        None => Ok(None),
    }
}

/// Reads the case in row `rowid`. One that is not what the log's last word on it says is refused: it was changed by
/// somebody without the chain's key, and must not move.
pub(super) fn load_row(writing: &Writing<'_>, rowid: i64) -> Result<Option<Loaded>, Failure> {
    let row = writing
        .connection
        .prepare_cached(concat!(
            "SELECT ",
            case_columns!(),
            " FROM cases WHERE id = ?1"
        ))?
        .query_row([rowid], |row| CaseRow::read(row, 0))
        .optional()?;
    let Some(row) = row else {
        return Ok(None);
    };
    let state = row.digest(writing.key)?;
    let logged = chain::logged_state(writing.connection, rowid)?;
    if logged.as_deref() != Some(&state[..]) {
        return Err(StoreError::Corrupt(format!(
            "{} is not what the log says it is; see `countersign log verify`",
            row.key
        ))
        .into());
    }
    let case = row.case()?;
    Ok(Some(Loaded {
        rowid,
        row,
        case,
        state,
    }))
}

impl Loaded {
    /// Writes the case after `step` with its effects and its log entry.
    pub(super) fn apply(
        self,
        writing: &mut Writing<'_>,
        step: Step,
        now: Timestamp,
    ) -> Result<Moved, Failure> {
        let Step {
            mut case,
            effects,
            earlier_answers,
            decision,
            entry,
            ended,
        } = step;
        case.approve_by = case.approve_by.map(whole);
        case.asked.expires_at = case.asked.expires_at.map(whole);
        let verdict = match &decision {
            Decision::Stands => self.row.verdict,
            Decision::Made | Decision::MadeOnRecord { .. } => json(&case.verdict)?,
        };
        let token = match &decision {
            Decision::Stands | Decision::Made => self.row.token,
            Decision::MadeOnRecord { token, .. } => {
                token.as_ref().map(|token| token.expose().to_owned())
            }
        };
        let row = CaseRow::of(&case, token, verdict)?;
        let detail = json(&entry.detail)?;
        let effects = effects
            .iter()
            .map(|planned| PlannedRow::of(planned, &case.asked.source))
            .collect::<Result<Vec<_>, _>>()?;
        let body = match &decision {
            Decision::Stands => chain::body(writing.key, &detail),
            Decision::Made | Decision::MadeOnRecord { .. } => chain::decided_body(
                writing.key,
                &detail,
                row.input_digest.as_bytes(),
                &row.verdict,
            ),
        };
        let state = row.digest(writing.key)?;
        // Nothing is refused from here on.
        update(writing, self.rowid, &row)?;
        match &decision {
            Decision::Stands => {}
            Decision::Made => decide(writing, self.rowid, &row, None)?,
            Decision::MadeOnRecord { input, .. } => {
                decide(writing, self.rowid, &row, Some(input))?;
            }
        }
        match earlier_answers {
            EarlierAnswers::Keep => {}
            EarlierAnswers::Withdraw => withdraw(writing, self.rowid)?,
            EarlierAnswers::Revive => revive(writing, self.rowid, now)?,
        }
        for effect in &effects {
            effect.insert(writing, Some(self.rowid), now)?;
        }
        let link = Link {
            at: now,
            kind: entry.kind,
            case: Some((self.rowid, row.key)),
            detail,
            body,
            state: Some(state),
        };
        writing
            .standing
            .append(writing.connection, writing.key, &link)?;
        writing.moved.push(row.key);
        Ok(Moved { case, ended })
    }

    /// Writes a log entry that leaves the case as it is.
    pub(super) fn log(
        &self,
        writing: &mut Writing<'_>,
        kind: EntryKind,
        detail: String,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let link = Link {
            at: now,
            kind,
            case: Some((self.rowid, self.row.key)),
            body: chain::body(writing.key, &detail),
            detail,
            state: Some(self.state),
        };
        writing
            .standing
            .append(writing.connection, writing.key, &link)?;
        writing.moved.push(self.row.key);
        Ok(())
    }
}

/// Writes what a decision was made on, and what it is.
fn decide(
    writing: &Writing<'_>,
    rowid: i64,
    row: &CaseRow,
    input: Option<&str>,
) -> rusqlite::Result<()> {
    writing
        .connection
        .prepare_cached(
            "UPDATE cases SET action = ?2, agent = ?3, expires_at = ?4, rationale_required = ?5, decided_at = ?6,
                 input_digest = ?7, verdict = ?8, input = COALESCE(?9, input), token = ?10
             WHERE id = ?1",
        )?
        .execute(params![
            rowid,
            row.action,
            row.agent,
            row.expires_at,
            row.rationale_required,
            row.decided_at,
            row.input_digest.as_bytes(),
            row.verdict,
            input,
            row.token,
        ])?;
    Ok(())
}

fn update(writing: &Writing<'_>, rowid: i64, row: &CaseRow) -> rusqlite::Result<()> {
    writing
        .connection
        .prepare_cached(
            "UPDATE cases SET state = ?2, standing = ?3, outcome = ?4, cause = ?5, platform_outcome = ?6, votes = ?7,
                 wakes_at = ?8, approve_by = ?9
             WHERE id = ?1",
        )?
        .execute(params![
            rowid,
            row.state,
            row.standing,
            row.outcome,
            row.cause,
            row.platform_outcome,
            row.votes,
            row.wakes_at,
            row.approve_by,
        ])?;
    Ok(())
}

/// Takes back the answers that have not left. One that a worker has in its hands may leave all the same: its row stays
/// until the worker says what became of it, and is never given out again.
fn withdraw(writing: &Writing<'_>, rowid: i64) -> rusqlite::Result<()> {
    writing
        .connection
        .prepare_cached(
            "DELETE FROM outbox
             WHERE case_id = ?1 AND kind = 'answer' AND (state = 'dead' OR (state = 'due' AND leased = 0))",
        )?
        .execute([rowid])?;
    writing
        .connection
        .prepare_cached(
            "UPDATE outbox SET state = 'withdrawn' WHERE case_id = ?1 AND kind = 'answer' AND state = 'due'",
        )?
        .execute([rowid])?;
    Ok(())
}

/// Makes the given-up answer due. An approval keeps its last moment: past it, it becomes a question to a person.
fn revive(writing: &Writing<'_>, rowid: i64, now: Timestamp) -> rusqlite::Result<()> {
    writing
        .connection
        .prepare_cached(
            "UPDATE outbox SET state = 'due', due_at = ?2, leased = 0
             WHERE case_id = ?1 AND kind = 'answer' AND state = 'dead'",
        )?
        .execute(params![rowid, now.as_microsecond()])?;
    Ok(())
}
