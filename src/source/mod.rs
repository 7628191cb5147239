//! Those who ask: what they send us, and how they are answered.
//!
//! A source verifies a delivery, reads it, and tells the platform the last word. What must hold: only a
//! [`Verified`] delivery is read; what is missing or of the wrong kind is absent or refused, never made up; a
//! capability of the sender is taken out of all that others may see; and every attempt at one answer sends the same
//! bytes. Adding a platform is adding a file here.

mod blot;
mod fields;
mod percent;
mod url;
mod client;
pub mod auth;
pub mod callback;
mod api;
mod reply;
pub mod tracemem;
pub mod http;
pub mod webhook;
pub mod agentwarden;
pub mod forward;
#[cfg(test)]
mod testing;

use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use crate::domain::case::Mode;
use crate::domain::effect::{Ballot, Forward, Reached};
use crate::domain::id::{ContentDigest, InvalidId, RequestId, SourceName};
use crate::domain::platform::PlatformOutcome;
use crate::domain::request::Request;
use crate::json;
use crate::secret::Secret;
use crate::signature::{Delivery, Unverified, Verified};

pub use client::{Client, Timeouts, TlsUnavailable};
pub(crate) use client::{NoResponse, Outgoing, Response};
pub use fields::{FieldMap, FieldRule};
pub use url::{InvalidUrl, WebUrl};

/// One place that asks.
#[async_trait]
pub trait Source: Send + Sync {
    /// Its name in the config.
    fn name(&self) -> &SourceName;

    /// Proves who sent a delivery that arrived at `now`.
    fn verify(&self, delivery: Delivery, now: Timestamp) -> Result<Verified<Delivery>, Unverified>;

    /// Understands a delivery.
    fn read(&self, delivery: &Verified<Delivery>, now: Timestamp) -> Result<Reading, Malformed>;

    /// Tells the platform the last word, once.
    async fn answer(&self, task: &AnswerTask) -> AnswerResult;

    /// Passes an event on to whoever waits for it behind us, once.
    async fn forward(&self, forward: &Forward) -> AnswerResult;

    /// How long the platform may take to show its own record of a request; none where a delivery is enough to decide on.
    fn confirms_within(&self) -> Option<SignedDuration> {
        None
    }

    /// Reads the platform's own record of a request, once.
    async fn confirm(&self, _task: &ConfirmTask) -> Confirmation {
        Confirmation::Failed {
            error: "the source does not read requests back any more".to_owned(),
        }
    }

    /// How often [`Source::pending`] is asked; none where the platform lists nothing.
    fn reconciles_every(&self) -> Option<SignedDuration> {
        None
    }

    /// Every request that the platform says is pending, as its own records have it, the lists read to their ends.
    async fn pending(&self) -> Result<Vec<Request>, NotListed> {
        Ok(Vec::new())
    }

    /// Members that the acknowledgement of a request has beside our own, for platforms that read it.
    fn acknowledgement(&self, _mode: Mode) -> Option<&Map<String, Value>> {
        None
    }

    /// Whether [`Source::answer`] needs [`AnswerTask::payload`].
    fn looks_at_payload(&self) -> bool {
        false
    }

    /// What [`Source::answer`] would send, with every secret left out; nothing where nobody is called.
    fn preview(&self, _task: &AnswerTask) -> Option<Result<Preview, String>> {
        None
    }
}

/// One record to read back.
#[derive(Debug, Clone)]
pub struct ConfirmTask {
    /// What the platform calls the request.
    pub request: RequestId,
    /// The action that the delivery claimed.
    pub action: Option<String>,
    /// The agent that the delivery claimed.
    pub agent: Option<String>,
    /// The capability that came with it.
    pub token: Option<Secret>,
    /// The W3C trace the request came in.
    pub traceparent: Option<String>,
}

/// What came of reading a record.
#[derive(Debug, Clone)]
pub enum Confirmation {
    /// The platform has it, and this is what it says; [`Proven::record`] is set.
    ///
    /// [`Proven::record`]: crate::domain::request::Proven
    Record(Box<Request>),
    /// The platform has it, and says that it is not pending.
    NotPending {
        /// Its word.
        status: String,
    },
    /// The platform does not list it.
    Missing,
    /// It may work later.
    Retry {
        /// Not before this has passed, if the platform said so.
        after: Option<Duration>,
        /// What stood in the way.
        error: String,
    },
    /// The platform does not take our credential: a person has to act. It is tried again.
    Alert {
        /// What the platform said.
        error: String,
    },
    /// It will never work like this.
    Failed {
        /// What is wrong.
        error: String,
    },
}

/// Why the pending requests could not be listed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotListed {
    /// It may work later.
    #[error("{0}")]
    Later(String),
    /// A person has to act.
    #[error("{0}")]
    Alert(String),
}

/// A request over HTTP as it would leave, with `***` where a secret stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The method.
    pub method: String,
    /// The address.
    pub url: String,
    /// The headers that are configured, in order.
    pub headers: Vec<(String, String)>,
    /// The body, if there is one.
    pub body: Option<String>,
}

/// What a delivery turned out to be.
#[derive(Debug, Clone)]
pub enum Reading {
    /// Somebody asks.
    Request(Box<Request>),
    /// A request was resolved at the platform.
    Resolved(Elsewhere),
    /// Nothing for us: acknowledged, counted and left alone.
    Nothing(Occasion),
}

/// Which event a delivery is, so that a second delivery of it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occasion {
    /// What the platform calls the event, shortened.
    pub event: String,
    /// The request that it is about, if it names one.
    pub request: Option<RequestId>,
    /// The delivery's own id, where the platform gives one.
    pub delivery: Option<String>,
    /// What it says, where nobody proved that it is the platform's word: whoever makes an event up must not keep the real
    /// one from being passed on.
    pub content: Option<ContentDigest>,
}

/// How a request ended at the platform, as far as the platform says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// The request.
    pub request: RequestId,
    /// What the platform calls the event, shortened.
    pub event: String,
    /// The delivery's own id, where the platform gives one.
    pub delivery: Option<String>,
    /// As [`Occasion::content`].
    pub content: Option<ContentDigest>,
    /// Its word for the outcome.
    pub outcome: Option<PlatformOutcome>,
    /// Who decided.
    pub by: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// Why a delivery cannot be understood. The message goes to the sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is not strict JSON.
    #[error(transparent)]
    Json(#[from] json::Refused),
    /// It is JSON, but no object.
    #[error("the body must be a JSON object")]
    NotAnObject,
    /// Something that must be there is not, or is not what it must be.
    #[error("`{field}` must be {expected}")]
    Field {
        /// The key.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A name is none.
    #[error("`{field}` is not usable: {reason}")]
    Name {
        /// Where it came from.
        field: &'static str,
        /// Why.
        reason: InvalidId,
    },
    /// A key that is not known.
    #[error("the key `{key}` is not known{hint}")]
    UnknownKey {
        /// The key, shortened and escaped.
        key: String,
        /// What may have been meant.
        hint: String,
    },
    /// Nothing names the request.
    #[error("the request has no id; send the header `Idempotency-Key`, or `id` in the body")]
    NoId,
    /// The header does not hold one key.
    #[error("the header `Idempotency-Key` must come once and hold 1 to 256 printable characters")]
    IdempotencyKey,
}

/// One answer to give.
#[derive(Debug, Clone)]
pub struct AnswerTask {
    /// What the platform calls the request.
    pub request: RequestId,
    /// The action that was decided on.
    pub action: Option<String>,
    /// The agent that asked.
    pub agent: Option<String>,
    /// The payload that was decided on, for sources whose answers name parts of it: see [`Source::looks_at_payload`].
    pub payload: Option<Value>,
    /// The capability that answers it.
    pub token: Option<Secret>,
    /// The word.
    pub ballot: Ballot,
    /// Why; bounded already. Empty where there is nothing to say.
    pub rationale: String,
    /// The W3C trace the request came in.
    pub traceparent: Option<String>,
    /// What we call the request.
    pub case_id: String,
}

impl AnswerTask {
    /// The same for every attempt at this word, and another one for the other: a platform that repeats what it said to a
    /// key it knows must not confirm a rejection with the response to an approval.
    pub fn idempotency_key(&self) -> String {
        format!("{}_{}", self.case_id, reply::ours(self.ballot).as_str())
    }
}

/// What became of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerResult {
    /// The platform took it.
    Done {
        /// The outcome it echoed.
        platform: Option<PlatformOutcome>,
    },
    /// The platform had an answer before, or reports another one than ours.
    Already {
        /// The outcome it reported.
        platform: Option<PlatformOutcome>,
    },
    /// The platform takes no answer any more.
    Expired,
    /// It may work later.
    Retry {
        /// Not before this has passed, if the platform said so.
        after: Option<Duration>,
        /// What stood in the way.
        error: String,
        /// Whether it may have arrived all the same.
        reach: Reach,
    },
    /// The platform does not take our credential: a person has to act.
    Alert {
        /// What the platform said.
        error: String,
    },
    /// It will never work like this.
    Failed {
        /// What the platform said.
        error: String,
    },
}

/// How far an attempt came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It did not leave: there was no connection.
    NotReached,
    /// It left, and nobody knows what became of it.
    Unknown,
    /// The platform declined to look at it.
    Refused,
}

impl From<Reach> for Reached {
    fn from(reach: Reach) -> Self {
        match reach {
            Reach::NotReached | Reach::Refused => Self::No,
            Reach::Unknown => Self::Perhaps,
        }
    }
}
