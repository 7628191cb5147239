//! The life of one request. [`Case::decided`] begins it, [`Case::step`] is the only way it moves, and both say what
//! has to be done outside as effects that are stored in the same transaction.
//!
//! ```text
//!            ┌────────────── too late to approve ──────────────┐
//!            ▼                                                 │
//! decided ─► open ──── votes ────► answering ──── settled ───► resolved
//!  ▲ │         └── deadline, platform ──────────────────────────▲
//!  │ └───────────────────────────────► answering / resolved ────┘
//! received, until the platform's own record was read back
//! ```
//!
//! A case that the platform is said to have closed opens again when the platform itself still lists it as pending.

mod event;
mod begin;
mod step;
mod ending;
mod asking;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::escalation::{Escalation, Vote};
use crate::domain::id::{CaseId, ContentDigest, RequestId, SourceName};
use crate::domain::platform::PlatformOutcome;
use crate::domain::team::People;
use crate::domain::verdict::{Cause, Outcome, Verdict, word};

use asking::Stood;

pub use event::{
    Confirmed, Decision, EarlierAnswers, Entry, Event, Moved, Refused, Step, Told, Whose,
};

/// Whether a source's answers leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Decide, record, show; send nothing to the platform.
    DryRun,
    /// Decide and answer.
    Enforce,
}

/// How the asker learns the resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// We call the platform's API.
    Answer,
    /// The agent waits on our own API.
    Wait,
}

/// What holds for a source's cases beyond its requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseTerms {
    /// Whether answers leave.
    pub mode: Mode,
    /// How the asker learns the resolution.
    pub channel: Channel,
    /// How long an approval may wait to be sent.
    pub answer_within: SignedDuration,
    /// How long anything else is tried.
    pub give_up_after: SignedDuration,
    /// Who may be asked, and what a policy's `escalate` leaves open.
    pub people: Arc<People>,
    /// The longest rationale the platform takes, in characters.
    pub rationale_limit: usize,
}

/// What is kept of a request beside its policy input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The case.
    pub id: CaseId,
    /// The source that read it.
    pub source: SourceName,
    /// The kind of that source.
    pub platform: String,
    /// What the asker calls it.
    pub request: RequestId,
    /// What is to be done.
    pub action: Option<String>,
    /// By whom.
    pub agent: Option<String>,
    /// After this the platform takes no answer.
    pub expires_at: Option<Timestamp>,
    /// Whether a vote needs a reason.
    pub rationale_required: bool,
    /// What a second delivery is compared by.
    pub content: ContentDigest,
    /// The digest of the policy input that was decided on.
    pub input: ContentDigest,
    /// The W3C trace the request came in, to be passed on.
    pub traceparent: Option<String>,
}

/// A request with its verdict and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// What was asked.
    pub asked: Asked,
    /// Whether answers leave.
    pub mode: Mode,
    /// How the asker learns the resolution.
    pub channel: Channel,
    /// What policy said, unchanged for ever. While the case is received: that it cannot say anything yet.
    pub verdict: Verdict,
    /// When policy said it; while the case is received, when that began.
    pub decided_at: Timestamp,
    /// What stands now: the verdict's outcome, until an approval turned into a question.
    pub outcome: Outcome,
    /// Why it stands.
    pub cause: Cause,
    /// Where it is.
    pub state: State,
    /// How the platform or its people decided it themselves.
    pub platform_outcome: Option<PlatformOutcome>,
    /// What people said, one vote each.
    pub votes: Vec<Vote>,
    /// Until when the approval that is being answered may leave.
    pub approve_by: Option<Timestamp>,
    /// The teams that were asked so far, the first one first.
    pub teams: Vec<String>,
}

/// Where a case is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// The platform is asked for its own record of the request; nothing is decided before.
    Received(Awaited),
    /// People are asked.
    Open(Escalation),
    /// The last word is said and on its way to the platform.
    Answering(Resolution),
    /// Nothing more will happen.
    Resolved(Resolution),
}

/// Why a case is a person's that was said to be over.
pub(crate) const TOLD_OTHERWISE: &str =
    "we were told that the platform had decided it, and it still lists it as pending";

/// A record that is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited {
    /// After this people are asked without it.
    pub confirm_by: Timestamp,
}

/// The last word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// The word.
    pub outcome: Resolved,
    /// Whose.
    pub by: Resolver,
    /// When.
    pub at: Timestamp,
    /// Why, where somebody said so.
    pub reason: Option<String>,
    /// Whether the platform knows.
    pub answer: AnswerState,
}

/// The words that end a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolved {
    /// Yes.
    Approved,
    /// No.
    Rejected,
    /// Nobody said anything in time.
    Expired,
    /// The platform decided it itself.
    Superseded,
}

/// Who had the last word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Resolver {
    /// The policy set.
    Policy,
    /// A person, by the name their credential has.
    Person(String),
    /// The platform or its people.
    Platform,
    /// The clock.
    Deadline,
}

/// Whether the platform knows the resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerState {
    /// It took it.
    Settled,
    /// It is being told.
    Pending,
    /// Telling it was given up; a person can retry.
    Dead,
    /// There is nothing to tell.
    None,
}

impl Awaited {
    /// When people are asked though nobody said what became of reading the record.
    pub fn end(&self) -> Timestamp {
        // Whoever reads it knows what stood in the way, and has the first word.
        const FIRST_WORD: SignedDuration = SignedDuration::from_secs(5);
        self.confirm_by
            .saturating_add(FIRST_WORD)
            .unwrap_or(Timestamp::MAX)
    }
}

impl Asked {
    /// Whether the platform has stopped taking answers at `now`.
    pub fn expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

impl Case {
    /// The digest of what a person is shown and votes on: the input, the verdict, what stands and the terms of the
    /// question, not the tally. A vote on anything else is stale.
    pub fn shown(&self) -> ContentDigest {
        let verdict = serde_json::to_string(&self.verdict).unwrap_or_default();
        let question = match &self.state {
            State::Open(escalation) => {
                serde_json::to_string(&escalation.as_shown()).unwrap_or_default()
            }
            State::Received(_) | State::Answering(_) | State::Resolved(_) => String::new(),
        };
        let standing = format!("{} {}", self.outcome, self.cause);
        ContentDigest::of(&[
            self.asked.input.as_bytes(),
            verdict.as_bytes(),
            standing.as_bytes(),
            question.as_bytes(),
        ])
    }

    /// The last word, if it is said.
    pub fn resolution(&self) -> Option<&Resolution> {
        match &self.state {
            State::Received(_) | State::Open(_) => None,
            State::Answering(resolution) | State::Resolved(resolution) => Some(resolution),
        }
    }

    /// When the clock moves this case next, if it does.
    pub fn wakes_at(&self) -> Option<Timestamp> {
        match &self.state {
            State::Received(awaited) => {
                let end = awaited.end();
                Some(self.asked.expires_at.map_or(end, |at| at.min(end)))
            }
            State::Open(escalation) => {
                let deadline = escalation.deadline;
                Some((escalation.remind_at).map_or(deadline, |at| at.min(deadline)))
            }
            State::Answering(resolution) if resolution.answer == AnswerState::Dead => self
                .asked
                .expires_at
                .into_iter()
                .chain(self.approve_by)
                .min(),
            State::Answering(_) => self.asked.expires_at,
            State::Resolved(_) => None,
        }
    }
}

impl Resolved {
    /// Whether the platform's word says the same.
    pub fn agrees_with(self, platform: &PlatformOutcome) -> bool {
        match self {
            Self::Approved => *platform == PlatformOutcome::Approved,
            Self::Rejected => *platform == PlatformOutcome::Rejected,
            Self::Expired => *platform == PlatformOutcome::Expired,
            Self::Superseded => false,
        }
    }

    /// Whether the platform's word says the opposite; a word we do not know says nothing.
    pub fn contradicts(self, platform: &PlatformOutcome) -> bool {
        !matches!(platform, PlatformOutcome::Other(_)) && !self.agrees_with(platform)
    }
}

word!(Mode { Self::DryRun => "dry_run", Self::Enforce => "enforce" });
word!(Channel { Self::Answer => "answer", Self::Wait => "wait" });
word!(Resolved {
    Self::Approved => "approved", Self::Rejected => "rejected", Self::Expired => "expired",
    Self::Superseded => "superseded",
});
word!(AnswerState { Self::Settled => "settled", Self::Pending => "pending", Self::Dead => "dead", Self::None => "none" });

impl State {
    /// The word for it in the API, the log and the database.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Received(_) => "received",
            Self::Open(_) => "open",
            Self::Answering(_) => "answering",
            Self::Resolved(_) => "resolved",
        }
    }
}

impl std::fmt::Display for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Policy => f.write_str("policy"),
            Self::Person(name) => write!(f, "person:{name}"),
            Self::Platform => f.write_str("platform"),
            Self::Deadline => f.write_str("deadline"),
        }
    }
}

impl From<Resolver> for String {
    fn from(resolver: Resolver) -> Self {
        resolver.to_string()
    }
}

impl From<String> for Resolver {
    fn from(text: String) -> Self {
        match text.as_str() {
            "policy" => Self::Policy,
            "platform" => Self::Platform,
            "deadline" => Self::Deadline,
            name => Self::Person(name.strip_prefix("person:").unwrap_or(name).to_owned()),
        }
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
pub(crate) mod tests;
