//! What happens to a case, and what follows from it.

use std::sync::Arc;

use crate::domain::case::{Asked, Case, Resolution};
use crate::domain::effect::{Ballot, Planned};
use crate::domain::escalation::{Escalation, Via};
use crate::domain::freeze::Freeze;
use crate::domain::id::ContentDigest;
use crate::domain::log_entry::EntryKind;
use crate::domain::person::Person;
use crate::domain::platform::PlatformOutcome;
use crate::domain::verdict::Verdict;
use crate::secret::Secret;

/// Something that happened to a case.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A person voted on what they were shown.
    Voted {
        /// The person.
        by: Person,
        /// How it came.
        via: Via,
        /// Yes or no.
        vote: Ballot,
        /// Why.
        reason: Option<String>,
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
        /// Whose word it is.
        told: Told,
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
    /// The platform's own record was read back, and decided on.
    Confirmed(Box<Confirmed>),
    /// The platform's own record does not bear the request out, or could not be read in time.
    Unconfirmed {
        /// Why, for people.
        doubt: String,
    },
    /// An answer was decided on what a delivery had claimed, and the platform's own record says otherwise.
    AnswerUnfounded {
        /// What is different, for people.
        doubt: String,
    },
    /// The platform lists the request as pending.
    StillPending {
        /// Its record, where nothing was decided before.
        record: Option<Box<Confirmed>>,
    },
}

/// A request as the platform's own record has it, decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Confirmed {
    /// What was asked, by the record.
    pub asked: Asked,
    /// What policy says of it, or why it does not count.
    pub verdict: Verdict,
    /// The policy input as JSON text; [`Asked::input`] is its digest.
    pub input: Arc<str>,
    /// What answers the request, in place of what came with the delivery.
    pub token: Option<Secret>,
}

impl Event {
    /// This event under a freeze, if one is on: an approval that it brings becomes a question to a person.
    #[must_use]
    pub fn under(self, freeze: Option<&Freeze>) -> Self {
        match (self, freeze) {
            (Self::Confirmed(confirmed), Some(freeze)) => Self::Confirmed(Box::new(Confirmed {
                verdict: confirmed.verdict.clone().under(freeze),
                ..*confirmed
            })),
            (event, _) => event,
        }
    }

    /// What was heard of an end, taken for the platform's word: what it tells of may be an answer of ours.
    #[must_use]
    pub fn as_an_echo(mut self) -> Self {
        if let Self::PlatformResolved { told, .. } = &mut self {
            *told = Told::ByThePlatform;
        }
        self
    }

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
            | Self::AnswerRetried { .. }
            | Self::Confirmed(_)
            | Self::Unconfirmed { .. }
            | Self::AnswerUnfounded { .. }
            | Self::StillPending { .. } => None,
        }
    }
}

/// Whose word on an end it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The platform's.
    ByThePlatform,
    /// That of somebody who did not prove to be the platform, and no answer of ours can be what they tell of.
    ByAnybody,
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
    /// Whether the step is the decision itself.
    pub decision: Decision,
    /// What the log says of it.
    pub entry: Entry,
    /// The question that is over for the team that was asked: somebody decided, or the next team is asked.
    pub ended: Option<Escalation>,
}

/// A case that a step moved.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    /// As it is now.
    pub case: Case,
    /// [`Step::ended`].
    pub ended: Option<Escalation>,
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

/// Whether a step decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The verdict is what it was.
    Stands,
    /// The verdict was made now, on what was known before.
    Made,
    /// The verdict was made now, on the platform's own record.
    MadeOnRecord {
        /// The policy input.
        input: Arc<str>,
        /// What answers the request.
        token: Option<Secret>,
    },
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
    /// The person is the agent that asks, or owns it.
    #[error("nobody decides what they or their own agent asked for; leave it to somebody else")]
    OwnRequest,
    /// Somebody else is asked.
    #[error("`{by}` is not asked; {asked} may vote", asked = asked(.to.as_deref()))]
    NotAsked {
        /// The person.
        by: String,
        /// The team that is.
        to: Option<String>,
    },
    /// The platform's record is still being read.
    #[error(
        "the platform is still being asked for its record of the request; look again in a moment"
    )]
    NotDecided,
    /// A reason is required.
    #[error("a reason is required; the platform insists on a rationale")]
    NoReason,
    /// The event says nothing new.
    #[error("nothing to do")]
    Nothing,
}

fn asked(to: Option<&str>) -> String {
    match to {
        Some(team) => format!("the team `{team}`"),
        None => "an approver".to_owned(),
    }
}
