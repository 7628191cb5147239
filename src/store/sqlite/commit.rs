//! A decided request becomes a case, or is found to be one already.
//!
//! Everything that costs time is made ready by the caller ([`Prepared::new`]); the writer only adds what it alone knows:
//! whether approvals are frozen, which numbers come next, and what the chain ends with.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use crate::domain::case::{Case, CaseTerms, Step};
use crate::domain::effect::Planned;
use crate::domain::id::ContentDigest;
use crate::domain::log_entry::{ChainKey, ChainMac, EntryKind};
use crate::domain::verdict::Outcome;
use crate::secret::Secret;
use crate::store::sqlite::chain::{self, Link};
use crate::store::sqlite::effects::PlannedRow;
use crate::store::sqlite::rows::{CaseRow, json, whole};
use crate::store::sqlite::step::load;
use crate::store::sqlite::writer::{Failure, Writing};
use crate::store::{Decided, Receipt, StoreError};

/// A case that could be inserted as it is, if no freeze is on.
pub(super) struct Prepared {
    case: Case,
    row: CaseRow,
    kind: EntryKind,
    detail: String,
    body: ChainMac,
    state: ChainMac,
    effects: Vec<PlannedRow>,
    input: Arc<str>,
    token: Option<Secret>,
    terms: Arc<CaseTerms>,
    forward: Option<Planned>,
    confirm_by: Option<Timestamp>,
    now: Timestamp,
}

impl Prepared {
    /// Begins the case of `decided` and writes out its rows.
    pub(super) fn new(
        mut decided: Decided,
        key: &ChainKey,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        decided.asked.expires_at = decided.asked.expires_at.map(whole);
        let Step {
            mut case,
            effects,
            entry,
            ..
        } = match decided.confirm_by {
            None => Case::decided(decided.asked, decided.verdict, &decided.terms, now),
            Some(confirm_by) => Case::received(
                decided.asked,
                decided.verdict,
                whole(confirm_by),
                &decided.terms,
                now,
            ),
        };
        case.approve_by = case.approve_by.map(whole);
        let token = decided
            .token
            .as_ref()
            .map(|token| token.expose().to_owned());
        let row = CaseRow::of(&case, token, json(&case.verdict)?)?;
        let detail = json(&entry.detail)?;
        // What is only received holds in its detail all that stands of it; what is decided is digested as such.
        let body = if entry.kind == EntryKind::Received {
            chain::body(key, &detail)
        } else {
            chain::decided_body(key, &detail, row.input_digest.as_bytes(), &row.verdict)
        };
        let state = row.digest(key)?;
        let effects = effects
            .iter()
            .chain(decided.forward.as_ref())
            .map(|planned| PlannedRow::of(planned, &case.asked.source))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            case,
            row,
            kind: entry.kind,
            detail,
            body,
            state,
            effects,
            input: decided.input,
            token: decided.token,
            terms: decided.terms,
            forward: decided.forward,
            confirm_by: decided.confirm_by,
            now,
        })
    }

    /// The same request with its approval turned down by the freeze that is on, if one is.
    fn under_freeze(self, writing: &Writing<'_>) -> Result<Self, StoreError> {
        match (&writing.standing.freeze, self.case.verdict.outcome) {
            (Some(freeze), Outcome::Approve) => Self::new(
                Decided {
                    asked: self.case.asked,
                    verdict: self.case.verdict.under(freeze),
                    input: self.input,
                    token: self.token,
                    terms: self.terms,
                    forward: self.forward,
                    confirm_by: self.confirm_by,
                },
                writing.key,
                self.now,
            ),
            (None, _) | (Some(_), Outcome::Reject | Outcome::Escalate) => Ok(self),
        }
    }

    /// Inserts the case, unless its key is there.
    pub(super) fn commit(self, writing: &mut Writing<'_>) -> Result<Receipt, Failure> {
        let ready = self.under_freeze(writing)?;
        let Some(rowid) = ready.insert(writing)? else {
            return ready.received_before(writing);
        };
        for effect in &ready.effects {
            effect.insert(writing, Some(rowid), ready.now)?;
        }
        writing.standing.append(
            writing.connection,
            writing.key,
            &Link {
                at: ready.now,
                kind: ready.kind,
                case: Some((rowid, ready.row.key)),
                detail: ready.detail,
                body: ready.body,
                state: Some(ready.state),
            },
        )?;
        writing.moved.push(ready.row.key);
        Ok(Receipt::New(ready.case))
    }

    fn insert(&self, writing: &Writing<'_>) -> Result<Option<i64>, rusqlite::Error> {
        let row = &self.row;
        let inserted = writing
            .connection
            .prepare_cached(
                "INSERT INTO cases (key, source, request, action, agent, platform, mode, channel, state, standing,
                     outcome, cause, platform_outcome, votes, decided_at, wakes_at, expires_at, approve_by,
                     rationale_required, traceparent, content, input_digest, token, verdict, input)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21,
                     ?22, ?23, ?24, ?25)
                 ON CONFLICT (key) DO NOTHING",
            )?
            .execute(params![
                row.key.as_bytes(),
                row.source,
                row.request,
                row.action,
                row.agent,
                row.platform,
                row.mode,
                row.channel,
                row.state,
                row.standing,
                row.outcome,
                row.cause,
                row.platform_outcome,
                row.votes,
                row.decided_at,
                row.wakes_at,
                row.expires_at,
                row.approve_by,
                row.rationale_required,
                row.traceparent,
                row.content.as_bytes(),
                row.input_digest.as_bytes(),
                row.token,
                row.verdict,
                self.input,
            ])?;
        Ok((inserted == 1).then(|| writing.connection.last_insert_rowid()))
    }

    /// A duplicate writes nothing. A conflict is logged once for each other content, so that a flood cannot fill the log.
    fn received_before(&self, writing: &mut Writing<'_>) -> Result<Receipt, Failure> {
        let Some(before) = load(writing, self.row.key)? else {
            return Err(
                StoreError::Corrupt(format!("{} is there and is not", self.row.key)).into(),
            );
        };
        if before.row.content == self.row.content {
            return Ok(Receipt::Duplicate(before.case));
        }
        let detail = json(&serde_json::json!({ "content": self.row.content }))?;
        if !conflict_logged(writing, before.rowid, &detail)? {
            before.log(writing, EntryKind::Conflict, detail, self.now)?;
        }
        Ok(Receipt::Conflict(before.case))
    }
}

/// The digest that [`crate::domain::case::Asked::input`] has to be of this input.
pub(super) fn input_digest(input: &str) -> ContentDigest {
    ContentDigest::of(&[input.as_bytes()])
}

fn conflict_logged(
    writing: &Writing<'_>,
    rowid: i64,
    detail: &str,
) -> Result<bool, rusqlite::Error> {
    writing
        .connection
        .prepare_cached("SELECT 1 FROM log WHERE case_id = ?1 AND kind = ?2 AND detail = ?3")?
        .query_row(params![rowid, EntryKind::Conflict.as_str(), detail], |_| {
            Ok(())
        })
        .optional()
        .map(|found| found.is_some())
}
