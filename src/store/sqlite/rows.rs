//! Rows of `cases` and the domain's cases, both ways. A row that does not read back as a case is corrupt, and says where.

use std::borrow::Cow;

use jiff::Timestamp;
use rusqlite::Row;
use serde::{Deserialize, Serialize};

use crate::domain::case::{Asked, Case, Channel, Mode, State};
use crate::domain::freeze::Freeze;
use crate::domain::id::{CaseId, ContentDigest, RequestId, SourceName};
use crate::domain::log_entry::{ChainKey, ChainMac};
use crate::domain::platform::PlatformOutcome;
use crate::domain::verdict::{Cause, Outcome};
use crate::store::StoreError;

/// The columns of [`CaseRow`], in the order in which [`CaseRow::read`] takes them.
macro_rules! case_columns {
    () => {
        "cases.key, cases.source, cases.request, cases.action, cases.agent, cases.platform, cases.mode, \
         cases.channel, cases.state, cases.standing, cases.outcome, cases.cause, cases.platform_outcome, \
         cases.votes, cases.decided_at, cases.wakes_at, cases.expires_at, cases.approve_by, \
         cases.rationale_required, cases.traceparent, cases.content, cases.input_digest, cases.token, cases.verdict"
    };
}
pub(super) use case_columns;

/// A case as its row has it. What is serialised here is what the chain vouches for: every column but the rowid, the
/// verdict and the input, for which the entry that decided the case vouches.
#[derive(Clone, Serialize)]
pub(super) struct CaseRow {
    pub(super) key: CaseId,
    pub(super) source: String,
    pub(super) request: String,
    pub(super) action: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) platform: String,
    pub(super) mode: String,
    pub(super) channel: String,
    pub(super) state: String,
    pub(super) standing: String,
    pub(super) outcome: String,
    pub(super) cause: String,
    pub(super) platform_outcome: Option<String>,
    pub(super) votes: Option<String>,
    pub(super) decided_at: i64,
    pub(super) wakes_at: Option<i64>,
    pub(super) expires_at: Option<i64>,
    pub(super) approve_by: Option<i64>,
    pub(super) rationale_required: i64,
    pub(super) traceparent: Option<String>,
    pub(super) content: ContentDigest,
    pub(super) input_digest: ContentDigest,
    pub(super) token: Option<String>,
    #[serde(skip)]
    pub(super) verdict: String,
}

/// What the column `standing` holds: where the case is, and whom it was shown to on the way.
#[derive(Serialize, Deserialize)]
struct Standing<'a, S> {
    #[serde(flatten)]
    state: S,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    teams: Cow<'a, [String]>,
}

impl CaseRow {
    /// The row of `case`, of which `token` is the capability and `verdict` the verdict as JSON.
    pub(super) fn of(
        case: &Case,
        token: Option<String>,
        verdict: String,
    ) -> Result<Self, StoreError> {
        let asked = &case.asked;
        Ok(Self {
            key: asked.id,
            source: asked.source.as_str().to_owned(),
            request: asked.request.as_str().to_owned(),
            action: asked.action.clone(),
            agent: asked.agent.clone(),
            platform: asked.platform.clone(),
            mode: case.mode.as_str().to_owned(),
            channel: case.channel.as_str().to_owned(),
            state: case.state.as_str().to_owned(),
            standing: json(&Standing {
                state: &case.state,
                teams: Cow::Borrowed(&case.teams),
            })?,
            outcome: case.outcome.as_str().to_owned(),
            cause: case.cause.as_str().to_owned(),
            platform_outcome: case
                .platform_outcome
                .as_ref()
                .map(|outcome| outcome.as_str().to_owned()),
            votes: if case.votes.is_empty() {
                None
            } else {
                Some(json(&case.votes)?)
            },
            decided_at: case.decided_at.as_microsecond(),
            wakes_at: case.wakes_at().map(Timestamp::as_microsecond),
            expires_at: asked.expires_at.map(Timestamp::as_microsecond),
            approve_by: case.approve_by.map(Timestamp::as_microsecond),
            rationale_required: i64::from(asked.rationale_required),
            traceparent: asked.traceparent.clone(),
            content: asked.content,
            input_digest: asked.input,
            token,
            verdict,
        })
    }

    /// Reads the columns of [`case_columns`], the first of them at `first`.
    pub(super) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            key: CaseId::from_bytes(row.get(first)?),
            source: row.get(first + 1)?,
            request: row.get(first + 2)?,
            action: row.get(first + 3)?,
            agent: row.get(first + 4)?,
            platform: row.get(first + 5)?,
            mode: row.get(first + 6)?,
            channel: row.get(first + 7)?,
            state: row.get(first + 8)?,
            standing: row.get(first + 9)?,
            outcome: row.get(first + 10)?,
            cause: row.get(first + 11)?,
            platform_outcome: row.get(first + 12)?,
            votes: row.get(first + 13)?,
            decided_at: row.get(first + 14)?,
            wakes_at: row.get(first + 15)?,
            expires_at: row.get(first + 16)?,
            approve_by: row.get(first + 17)?,
            rationale_required: row.get(first + 18)?,
            traceparent: row.get(first + 19)?,
            content: ContentDigest::from_bytes(row.get(first + 20)?),
            input_digest: ContentDigest::from_bytes(row.get(first + 21)?),
            token: row.get(first + 22)?,
            verdict: row.get(first + 23)?,
        })
    }

    /// What the chain has to say of a case in this state.
    pub(super) fn digest(&self, key: &ChainKey) -> Result<ChainMac, StoreError> {
        Ok(key.payload(&[b"case", json(self)?.as_bytes()]))
    }

    /// The case behind the row.
    pub(super) fn case(&self) -> Result<Case, StoreError> {
        let corrupt =
            |what: &str| StoreError::Corrupt(format!("{} has no readable `{what}`", self.key));
        let asked = Asked {
            id: self.key,
            source: SourceName::parse(&self.source).map_err(|_| corrupt("source"))?,
            platform: self.platform.clone(),
            request: RequestId::parse(&self.request).map_err(|_| corrupt("request"))?,
            action: self.action.clone(),
            agent: self.agent.clone(),
            expires_at: self.expires_at.map(time).transpose()?,
            rationale_required: self.rationale_required != 0,
            content: self.content,
            input: self.input_digest,
            traceparent: self.traceparent.clone(),
        };
        let Standing { state, teams }: Standing<'_, State> =
            serde_json::from_str(&self.standing).map_err(|_| corrupt("standing"))?;
        Ok(Case {
            asked,
            mode: Mode::parse(&self.mode).ok_or_else(|| corrupt("mode"))?,
            channel: Channel::parse(&self.channel).ok_or_else(|| corrupt("channel"))?,
            verdict: serde_json::from_str(&self.verdict).map_err(|_| corrupt("verdict"))?,
            decided_at: time(self.decided_at)?,
            outcome: Outcome::parse(&self.outcome).ok_or_else(|| corrupt("outcome"))?,
            cause: Cause::parse(&self.cause).ok_or_else(|| corrupt("cause"))?,
            state,
            platform_outcome: self.platform_outcome.as_deref().map(PlatformOutcome::parse),
            votes: match &self.votes {
                Some(votes) => serde_json::from_str(votes).map_err(|_| corrupt("votes"))?,
                None => Vec::new(),
            },
            approve_by: self.approve_by.map(time).transpose()?,
            teams: teams.into_owned(),
        })
    }
}

/// What the chain has to say while `freeze` is on, or while none is.
pub(super) fn freeze_digest(freeze: Option<&Freeze>, key: &ChainKey) -> ChainMac {
    match freeze {
        Some(freeze) => key.payload(&[
            b"freeze",
            freeze.by.as_bytes(),
            freeze.reason.as_bytes(),
            &freeze.since.as_microsecond().to_be_bytes(),
        ]),
        None => key.payload(&[b"no freeze"]),
    }
}

/// `at` without what a column of microseconds cannot hold, so that what is answered is what is read back.
pub(super) fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

/// The time in a column.
pub(super) fn time(microseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(microseconds)
        .map_err(|_| StoreError::Corrupt(format!("`{microseconds}` is not a time")))
}

/// `value` as JSON text.
pub(super) fn json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Unavailable(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::{at, decided, terms};

    /// A question to payments as its row has it.
    fn question() -> CaseRow {
        let mut question = decided("a", Outcome::Escalate);
        question.verdict.terms = Some(crate::domain::verdict::Terms {
            to: Some("payments".to_owned()),
            ..Default::default()
        });
        let verdict = json(&question.verdict).unwrap();
        let case = Case::decided(question.asked, question.verdict, &terms(), at(0)).case;
        assert_eq!(case.teams, ["payments"]);
        CaseRow::of(&case, None, verdict).unwrap()
    }

    #[test]
    fn the_teams_that_were_asked_are_read_back() {
        assert_eq!(question().case().unwrap().teams, ["payments"]);
    }

    #[test]
    fn a_row_from_before_teams_were_kept_is_read_and_written_as_it_was() {
        let mut row = question();
        let teams = r#","teams":["payments"]"#;
        row.standing = row.standing.replace(teams, "");
        assert!(!row.standing.contains("teams"), "{}", row.standing);
        let case = row.case().unwrap();
        assert_eq!(case.teams, [""; 0]);
        let again = CaseRow::of(&case, None, row.verdict).unwrap();
        assert_eq!(again.standing, row.standing);
    }
}
