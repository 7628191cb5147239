//! Rows of `outbox` and the domain's effects, both ways.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use crate::domain::case::{AnswerState, Case, Resolved, State};
use crate::domain::effect::{Answer, Ballot, Effect, EffectId, Forward, Planned, Reached, Release};
use crate::domain::id::SourceName;
use crate::domain::notice::Notice;
use crate::secret::Secret;
use crate::store::sqlite::rows::{json, time};
use crate::store::sqlite::step::{Loaded, load_row};
use crate::store::sqlite::writer::{Failure, Planned as NewWork, Writing};
use crate::store::{Claim, StoreError};

/// An effect as it is inserted.
pub(super) struct PlannedRow {
    source: String,
    lane: Option<String>,
    channel: Option<String>,
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
                json(answer)?,
            ),
            Effect::Forward(forward) => (
                &forward.source,
                Some(forward.lane.clone()),
                false,
                json(forward)?,
            ),
            Effect::Confirm => (source, None, false, "{}".to_owned()),
            Effect::Notify(notice) => (source, None, false, json(notice)?),
        };
        let channel = match &planned.effect {
            Effect::Notify(notice) => Some(notice.channel.as_str().to_owned()),
            Effect::Answer(_) | Effect::Forward(_) | Effect::Confirm => None,
        };
        Ok(Self {
            source: source.as_str().to_owned(),
            lane,
            channel,
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
        if self.state == "due" {
            *writing.planned = NewWork::Something;
        }
        // What a channel is told of one case is told in order.
        let lane = match (&self.channel, case) {
            (Some(channel), Some(case)) => Some(format!("{channel} {case}")),
            (Some(_), None) | (None, _) => self.lane.clone(),
        };
        writing
            .connection
            .prepare_cached(
                "INSERT INTO outbox (id, case_id, source, lane, kind, state, leased, freezable, due_at, attempts, reached,
                     not_after, created_at, body, channel)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8, 0, 0, ?9, ?8, ?10, ?11)",
            )?
            .execute(params![
                writing.standing.last_effect,
                case,
                self.source,
                lane,
                self.kind,
                self.state,
                self.freezable,
                now.as_microsecond(),
                self.not_after,
                self.body,
                self.channel,
            ])?;
        Ok(())
    }
}

/// An effect as it is read.
pub(super) struct EffectRow {
    pub(super) id: i64,
    case_id: Option<i64>,
    pub(super) state: String,
    leased: bool,
    pub(super) attempts: u32,
    pub(super) reached: bool,
    pub(super) not_after: i64,
    created_at: i64,
    pub(super) kind: String,
    body: String,
    error: Option<String>,
}

/// The columns that [`EffectRow::read`] takes.
pub(super) const COLUMNS: &str =
    "id, case_id, state, leased, attempts, reached, not_after, created_at, kind, body, error";

impl EffectRow {
    /// Reads [`COLUMNS`].
    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
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
            error: row.get(10)?,
        })
    }

    /// The effect with this number.
    pub(super) fn find(writing: &Writing<'_>, id: EffectId) -> rusqlite::Result<Option<Self>> {
        writing
            .connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM outbox WHERE id = ?1"))?
            .query_row([id.0], Self::read)
            .optional()
    }

    /// What is to be done.
    pub(super) fn effect(&self) -> Result<Effect, StoreError> {
        let corrupt = |_| StoreError::Corrupt(format!("effect {} has no readable `body`", self.id));
        match self.kind.as_str() {
            "answer" => serde_json::from_str::<Answer>(&self.body)
                .map(Effect::Answer)
                .map_err(corrupt),
            "confirm" => Ok(Effect::Confirm),
            "notify" => serde_json::from_str::<Notice>(&self.body)
                .map(Effect::Notify)
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

    /// The case it belongs to, checked against the log.
    pub(super) fn case(&self, writing: &Writing<'_>) -> Result<Option<Loaded>, Failure> {
        match self.case_id {
            Some(rowid) => load_row(writing, rowid),
            None => Ok(None),
        }
    }

    /// The claim on it. An answer is given out only if its case, which the log vouches for, says the same.
    pub(super) fn claim(&self, writing: &Writing<'_>) -> Result<Claim, Failure> {
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
        let handle = match (&effect, &loaded) {
            (Effect::Notify(notice), Some(loaded)) => told(writing, loaded.rowid, notice)?,
            (Effect::Answer(_) | Effect::Forward(_) | Effect::Confirm | Effect::Notify(_), _) => {
                None
            }
        };
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
            error: self.error.clone(),
            handle,
            created_at: time(self.created_at)?,
            not_after: time(self.not_after)?,
        })
    }
}

/// What the channel calls the message it has of the case.
fn told(writing: &Writing<'_>, case: i64, notice: &Notice) -> rusqlite::Result<Option<String>> {
    writing
        .connection
        .prepare_cached("SELECT handle FROM told WHERE case_id = ?1 AND channel = ?2")?
        .query_row(params![case, notice.channel.as_str()], |row| row.get(0))
        .optional()
}

/// Whether `ballot` is the last word of `case` and is still to be told.
fn stands(case: &Case, ballot: Ballot) -> bool {
    match &case.state {
        State::Answering(resolution) if resolution.answer == AnswerState::Pending => match ballot {
            Ballot::Approve => resolution.outcome == Resolved::Approved,
            Ballot::Reject => resolution.outcome == Resolved::Rejected,
        },
        State::Received(_) | State::Answering(_) | State::Open(_) | State::Resolved(_) => false,
    }
}
