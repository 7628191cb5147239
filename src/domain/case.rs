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

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::domain::effect::{Answer, Ballot, Effect, Planned, Release};
use crate::domain::escalation::{Escalation, EscalationDefaults, Tally, Vote, cast};
use crate::domain::id::{CaseId, ContentDigest, RequestId, SourceName};
use crate::domain::log_entry::EntryKind;
use crate::domain::platform::PlatformOutcome;
use crate::domain::rationale;
use crate::domain::verdict::{Cause, Outcome, Terms, Verdict, word};

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
    /// Begins the life of a request that policy decided as `verdict` at `now`.
    pub fn decided(asked: Asked, verdict: Verdict, terms: &CaseTerms, now: Timestamp) -> Step {
        let mut case = Self {
            outcome: verdict.outcome,
            cause: verdict.cause,
            asked,
            mode: terms.mode,
            channel: terms.channel,
            verdict,
            decided_at: now,
            state: State::Resolved(Resolution {
                outcome: Resolved::Expired,
                by: Resolver::Deadline,
                at: now,
                reason: None,
                answer: AnswerState::None,
            }),
            platform_outcome: None,
            votes: Vec::new(),
            approve_by: None,
        };
        let mut effects = Vec::new();
        if !case.asked.expired(now) {
            match case.outcome {
                Outcome::Approve => case.resolve(
                    Ballot::Approve,
                    Resolver::Policy,
                    None,
                    terms,
                    now,
                    &mut effects,
                ),
                Outcome::Reject => case.resolve(
                    Ballot::Reject,
                    Resolver::Policy,
                    None,
                    terms,
                    now,
                    &mut effects,
                ),
                Outcome::Escalate => case.open(terms, now),
            }
        }
        let entry = Entry {
            kind: EntryKind::Decided,
            detail: case.particulars(),
        };
        Step {
            case,
            effects,
            earlier_answers: EarlierAnswers::Keep,
            entry,
        }
    }

    /// Moves the case by `event`, or says why it does not move.
    pub fn step(
        mut self,
        event: Event,
        terms: &CaseTerms,
        now: Timestamp,
    ) -> Result<Step, Refused> {
        match self.state.clone() {
            State::Open(escalation) => match event {
                Event::Voted { vote, shown } => self.vote(&escalation, vote, shown, terms, now),
                Event::TimePassed if escalation.deadline <= now => Ok(self.expire(now)),
                Event::PlatformResolved {
                    outcome,
                    by,
                    reason,
                } => Ok(self.supersede(outcome, by.as_deref(), reason, now)),
                // Only an approval becomes a question again, so what arrived after all is that approval.
                Event::AnswerTaken { platform } => Ok(self.supersede(
                    platform.or(Some(PlatformOutcome::Approved)),
                    None,
                    None,
                    now,
                )),
                Event::AnswerNotNeeded { platform, .. } => {
                    Ok(self.supersede(platform, None, None, now))
                }
                Event::AnswerExpired => Ok(self.expire(now)),
                Event::TimePassed
                | Event::AnswerGivenUp { .. }
                | Event::AnswerTooLate { .. }
                | Event::AnswerRetried { .. } => Err(Refused::Nothing),
            },
            State::Answering(resolution) => match event {
                Event::Voted { .. } => Err(Refused::Closed(Box::new(resolution))),
                Event::TimePassed if self.asked.expired(now) => Ok(self.expire(now)),
                Event::TimePassed if self.wakes_at().is_some_and(|at| at <= now) => {
                    Ok(self.ask_again("the approval could not be sent in time", terms, now))
                }
                Event::TimePassed => Err(Refused::Nothing),
                Event::PlatformResolved {
                    outcome,
                    by,
                    reason,
                } => {
                    if outcome
                        .as_ref()
                        .is_some_and(|outcome| resolution.outcome.agrees_with(outcome))
                    {
                        return Ok(self.settle(resolution, outcome, now));
                    }
                    Ok(self.supersede(outcome, by.as_deref(), reason, now))
                }
                Event::AnswerTaken { platform } => {
                    if platform
                        .as_ref()
                        .is_some_and(|outcome| resolution.outcome.contradicts(outcome))
                    {
                        return Ok(self.supersede(platform, None, None, now));
                    }
                    Ok(self.settle(resolution, platform, now))
                }
                Event::AnswerNotNeeded { platform, ours } => match (&platform, ours) {
                    (Some(outcome), _) if resolution.outcome.agrees_with(outcome) => {
                        Ok(self.settle(resolution, platform, now))
                    }
                    (None, Whose::PerhapsOurs) => Ok(self.settle(resolution, None, now)),
                    (Some(_), _) | (None, Whose::NotOurs) => {
                        Ok(self.supersede(platform, None, None, now))
                    }
                },
                Event::AnswerExpired => Ok(self.expire(now)),
                Event::AnswerGivenUp { error } => self.give_up(resolution, &error),
                Event::AnswerTooLate { error } => match resolution.outcome {
                    Resolved::Approved => Ok(self.ask_again(&error, terms, now)),
                    Resolved::Rejected | Resolved::Expired | Resolved::Superseded => {
                        self.give_up(resolution, &error)
                    }
                },
                Event::AnswerRetried { by } => match resolution.answer {
                    AnswerState::Dead => {
                        let pending = Resolution {
                            answer: AnswerState::Pending,
                            ..resolution
                        };
                        self.state = State::Answering(pending);
                        Ok(self.stepped(
                            EntryKind::Retried,
                            json!({ "by": by }),
                            EarlierAnswers::Revive,
                        ))
                    }
                    AnswerState::Settled | AnswerState::Pending | AnswerState::None => {
                        Err(Refused::Nothing)
                    }
                },
            },
            State::Resolved(resolution) => match event {
                Event::Voted { .. } => Err(Refused::Closed(Box::new(resolution))),
                Event::PlatformResolved {
                    outcome: Some(outcome),
                    by,
                    reason,
                } if self.platform_outcome.is_none() => {
                    Ok(self.report(outcome, by.as_deref(), reason.as_deref()))
                }
                // An answer that was taken back may have arrived all the same: the platform's word is kept.
                Event::AnswerTaken {
                    platform: Some(outcome),
                }
                | Event::AnswerNotNeeded {
                    platform: Some(outcome),
                    ..
                } if self.platform_outcome.is_none() => Ok(self.report(outcome, None, None)),
                Event::PlatformResolved { .. }
                | Event::TimePassed
                | Event::AnswerTaken { .. }
                | Event::AnswerNotNeeded { .. }
                | Event::AnswerExpired
                | Event::AnswerGivenUp { .. }
                | Event::AnswerTooLate { .. }
                | Event::AnswerRetried { .. } => Err(Refused::Nothing),
            },
        }
    }

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

    fn vote(
        mut self,
        escalation: &Escalation,
        vote: Vote,
        shown: ContentDigest,
        terms: &CaseTerms,
        now: Timestamp,
    ) -> Result<Step, Refused> {
        if escalation.deadline <= now {
            return Ok(self.expire(now));
        }
        if self.asked.rationale_required
            && vote
                .reason
                .as_deref()
                .is_none_or(|reason| reason.trim().is_empty())
        {
            return Err(Refused::NoReason);
        }
        if self.shown() != shown {
            return Err(Refused::Stale);
        }
        let detail = json!({ "by": vote.by, "vote": vote.vote, "reason": vote.reason });
        let (by, reason) = (vote.by.clone(), vote.reason.clone());
        cast(&mut self.votes, vote);
        match escalation.tally(&self.votes) {
            Tally::Open => Ok(self.stepped(EntryKind::Voted, detail, EarlierAnswers::Keep)),
            Tally::Closed(ballot) => {
                let mut effects = Vec::new();
                self.resolve(
                    ballot,
                    Resolver::Person(by),
                    reason,
                    terms,
                    now,
                    &mut effects,
                );
                Ok(Step {
                    effects,
                    ..self.stepped(EntryKind::Resolved, detail, EarlierAnswers::Withdraw)
                })
            }
        }
    }

    /// Says the last word and plans to tell the platform, where there is one to tell.
    fn resolve(
        &mut self,
        ballot: Ballot,
        by: Resolver,
        reason: Option<String>,
        terms: &CaseTerms,
        now: Timestamp,
        effects: &mut Vec<Planned>,
    ) {
        let leaves = self.mode == Mode::Enforce && self.channel == Channel::Answer;
        let resolution = Resolution {
            outcome: match ballot {
                Ballot::Approve => Resolved::Approved,
                Ballot::Reject => Resolved::Rejected,
            },
            by,
            at: now,
            reason,
            answer: if leaves {
                AnswerState::Pending
            } else {
                AnswerState::None
            },
        };
        if self.channel == Channel::Answer {
            let patience = match ballot {
                Ballot::Approve => terms.answer_within,
                Ballot::Reject => terms.give_up_after,
            };
            let answer = Answer {
                ballot,
                rationale: rationale::for_platform(self, &resolution, terms.rationale_limit),
                decided_by_policy: resolution.by == Resolver::Policy,
            };
            let not_after = now.saturating_add(patience).unwrap_or(Timestamp::MAX);
            self.approve_by = (ballot == Ballot::Approve).then_some(not_after);
            let release = if leaves {
                Release::Send
            } else {
                Release::Would
            };
            effects.push(Planned {
                effect: Effect::Answer(answer),
                release,
                not_after,
            });
        }
        self.state = if leaves {
            State::Answering(resolution)
        } else {
            State::Resolved(resolution)
        };
    }

    fn open(&mut self, terms: &CaseTerms, now: Timestamp) {
        let none = Terms::default();
        let asked_for = self.verdict.terms.as_ref().unwrap_or(&none);
        self.state = State::Open(Escalation::open(
            asked_for,
            &terms.escalation,
            self.asked.expires_at,
            now,
        ));
    }

    /// The answer waits for a person to retry it.
    fn give_up(mut self, resolution: Resolution, error: &str) -> Result<Step, Refused> {
        if resolution.answer == AnswerState::Dead {
            return Err(Refused::Nothing);
        }
        self.state = State::Answering(Resolution {
            answer: AnswerState::Dead,
            ..resolution
        });
        Ok(self.stepped(
            EntryKind::DeadLettered,
            json!({ "error": error }),
            EarlierAnswers::Keep,
        ))
    }

    /// An approval that cannot leave in time is no approval any more.
    fn ask_again(mut self, error: &str, terms: &CaseTerms, now: Timestamp) -> Step {
        self.approve_by = None;
        if self.asked.expired(now) {
            return self.expire(now);
        }
        self.outcome = Outcome::Escalate;
        self.cause = Cause::Source;
        self.votes.clear();
        self.open(terms, now);
        self.stepped(
            EntryKind::Escalated,
            json!({ "error": error }),
            EarlierAnswers::Withdraw,
        )
    }

    fn expire(mut self, now: Timestamp) -> Step {
        let detail = self.end(Resolved::Expired, Resolver::Deadline, None, now);
        self.stepped(EntryKind::Expired, detail, EarlierAnswers::Withdraw)
    }

    fn supersede(
        mut self,
        outcome: Option<PlatformOutcome>,
        by: Option<&str>,
        reason: Option<String>,
        now: Timestamp,
    ) -> Step {
        let detail = json!({ "platform_outcome": outcome, "by": by, "reason": reason });
        self.end(Resolved::Superseded, Resolver::Platform, reason, now);
        self.platform_outcome = outcome.or(self.platform_outcome);
        self.stepped(EntryKind::Superseded, detail, EarlierAnswers::Withdraw)
    }

    /// The case stays as it is; what the platform says is kept beside it.
    fn report(mut self, outcome: PlatformOutcome, by: Option<&str>, reason: Option<&str>) -> Step {
        let detail = json!({ "platform_outcome": outcome, "by": by, "reason": reason });
        self.platform_outcome = Some(outcome);
        self.stepped(EntryKind::PlatformReported, detail, EarlierAnswers::Keep)
    }

    fn settle(
        mut self,
        resolution: Resolution,
        platform: Option<PlatformOutcome>,
        now: Timestamp,
    ) -> Step {
        let detail = json!({ "platform_outcome": platform, "at": now });
        self.state = State::Resolved(Resolution {
            answer: AnswerState::Settled,
            ..resolution
        });
        self.platform_outcome = platform.or(self.platform_outcome);
        self.stepped(EntryKind::Answered, detail, EarlierAnswers::Withdraw)
    }

    fn end(
        &mut self,
        outcome: Resolved,
        by: Resolver,
        reason: Option<String>,
        now: Timestamp,
    ) -> serde_json::Value {
        let resolution = Resolution {
            outcome,
            by,
            at: now,
            reason,
            answer: AnswerState::None,
        };
        let detail = json!({ "resolution": resolution });
        self.state = State::Resolved(resolution);
        detail
    }

    fn stepped(
        self,
        kind: EntryKind,
        detail: serde_json::Value,
        earlier_answers: EarlierAnswers,
    ) -> Step {
        Step {
            entry: Entry { kind, detail },
            case: self,
            effects: Vec::new(),
            earlier_answers,
        }
    }

    fn particulars(&self) -> serde_json::Value {
        json!({
            "outcome": self.outcome, "cause": self.cause, "mode": self.mode,
            "resolution": self.resolution(), "revision": self.verdict.revision,
        })
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
