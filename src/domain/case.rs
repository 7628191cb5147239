//! The life of one request. [`Case::decided`] begins it, [`Case::step`] is the only way it moves, and both say what
//! has to be done outside as effects that are stored in the same transaction.
//!
//! ```text
//!            ┌────────────── too late to approve ──────────────┐
//!            ▼                                                 │
//! decided ─► open ──── votes ────► answering ──── settled ───► resolved
//!    │         └── deadline, platform ──────────────────────────▲
//!    └───────────────────────────────► answering / resolved ────┘
//! ```

mod step;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::effect::{Ballot, Planned};
use crate::domain::escalation::{Escalation, EscalationDefaults, Vote};
use crate::domain::id::{CaseId, ContentDigest, RequestId, SourceName};
use crate::domain::log_entry::EntryKind;
use crate::domain::platform::PlatformOutcome;
use crate::domain::verdict::{Cause, Outcome, Verdict, word};

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
    /// What a policy's `escalate` leaves open.
    pub escalation: EscalationDefaults,
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
    /// What policy said, unchanged for ever.
    pub verdict: Verdict,
    /// When policy said it.
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
}

/// Where a case is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// People are asked.
    Open(Escalation),
    /// The last word is said and on its way to the platform.
    Answering(Resolution),
    /// Nothing more will happen.
    Resolved(Resolution),
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

/// Something that happened to a case.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A person voted on what they were shown.
    Voted {
        /// The vote.
        vote: Vote,
        /// [`Case::shown`] of what they saw.
        shown: ContentDigest,
    },
    /// The clock reached the deadline or the request's own expiry.
    TimePassed,
    /// The platform said how the request ended.
    PlatformResolved {
        /// Its word, if it gave one.
        outcome: Option<PlatformOutcome>,
        /// Who decided there.
        by: Option<String>,
        /// Why.
        reason: Option<String>,
    },
    /// The platform took the answer.
    AnswerTaken {
        /// The outcome it echoed.
        platform: Option<PlatformOutcome>,
    },
    /// The platform had an answer already.
    AnswerNotNeeded {
        /// The outcome it reported.
        platform: Option<PlatformOutcome>,
        /// Whether an earlier attempt of ours may be that answer.
        ours: Whose,
    },
    /// The platform says the request expired.
    AnswerExpired,
    /// The answer was given up.
    AnswerGivenUp {
        /// Why.
        error: String,
    },
    /// The approval could not be sent in time.
    AnswerTooLate {
        /// What stood in the way.
        error: String,
    },
    /// A person put the given-up answer back.
    AnswerRetried {
        /// The person.
        by: String,
    },
}

impl Event {
    /// What the end of an attempt at an answer `sent` means once that answer was taken back while it was on its way: it
    /// tells what the platform has, and nothing about the answer that stands now.
    pub fn of_withdrawn(self, sent: Ballot) -> Option<Self> {
        let sent = match sent {
            Ballot::Approve => PlatformOutcome::Approved,
            Ballot::Reject => PlatformOutcome::Rejected,
        };
        match self {
            Self::AnswerTaken { platform } => Some(Self::AnswerTaken {
                platform: match platform {
                    Some(PlatformOutcome::Other(_)) | None => Some(sent),
                    Some(
                        PlatformOutcome::Approved
                        | PlatformOutcome::Rejected
                        | PlatformOutcome::Expired,
                    ) => platform,
                },
            }),
            Self::AnswerNotNeeded { platform, .. } => Some(Self::AnswerNotNeeded {
                platform,
                ours: Whose::NotOurs,
            }),
            Self::AnswerExpired => Some(Self::AnswerExpired),
            Self::Voted { .. }
            | Self::TimePassed
            | Self::PlatformResolved { .. }
            | Self::AnswerGivenUp { .. }
            | Self::AnswerTooLate { .. }
            | Self::AnswerRetried { .. } => None,
        }
    }
}

/// Whose answer a platform may have had already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Nobody else's than one of our own attempts, as far as can be known.
    PerhapsOurs,
    /// Somebody else's.
    NotOurs,
}

/// A case after a step, with what follows from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The case as it is now.
    pub case: Case,
    /// What is to be done outside.
    pub effects: Vec<Planned>,
    /// What happens to answers that have not left yet.
    pub earlier_answers: EarlierAnswers,
    /// What the log says of it.
    pub entry: Entry,
}

/// What happens to answers of the case that are still in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlierAnswers {
    /// They stay.
    Keep,
    /// They must not leave any more.
    Withdraw,
    /// The given-up one is tried again.
    Revive,
}

/// A log entry's kind and payload, before it is chained.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What happened.
    pub kind: EntryKind,
    /// The particulars, as a JSON object.
    pub detail: serde_json::Value,
}

/// Why an event did not move the case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The last word was said before.
    #[error("the case was {} by {} at {}", .0.outcome, .0.by, .0.at)]
    Closed(Box<Resolution>),
    /// The person saw something else than what stands now.
    #[error("the case has changed since it was shown; look at it again")]
    Stale,
    /// The person's name is that of the agent that asks.
    #[error("nobody approves what they asked for themselves; leave it to somebody else")]
    OwnRequest,
    /// A reason is required.
    #[error("a reason is required; the platform insists on a rationale")]
    NoReason,
    /// The event says nothing new.
    #[error("nothing to do")]
    Nothing,
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
            State::Open(escalation) => serde_json::to_string(escalation).unwrap_or_default(),
            State::Answering(_) | State::Resolved(_) => String::new(),
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
            State::Open(_) => None,
            State::Answering(resolution) | State::Resolved(resolution) => Some(resolution),
        }
    }

    /// When the clock moves this case next, if it does.
    pub fn wakes_at(&self) -> Option<Timestamp> {
        match &self.state {
            State::Open(escalation) => Some(escalation.deadline),
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
mod tests;
