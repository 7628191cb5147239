//! What is to be done outside, as data. An effect is stored in the transaction that made it necessary and performed
//! afterwards, at least once, until it is settled or given up.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::id::SourceName;
use crate::domain::notice::Notice;

/// Something to be done outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Tell the platform the resolution.
    Answer(Answer),
    /// Pass an event on to the agent's executor, byte for byte.
    Forward(Forward),
    /// Read the platform's own record of the request back, so that it can be decided.
    Confirm,
    /// Tell a team.
    Notify(Notice),
}

/// What is told to the platform. Every attempt sends the same bytes, so that a repeat after an unknown outcome is safe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The word.
    pub ballot: Ballot,
    /// Why, bounded and with control characters escaped.
    pub rationale: String,
    /// Who decided: a freeze holds what policy approved, not what a person did.
    pub decided_by_policy: bool,
}

/// An event on its way to `forward_to`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// The source it came to.
    pub source: SourceName,
    /// Forwards with the same lane leave one after the other: `source`, a space, and the request's id.
    pub lane: String,
    /// The end-to-end headers, in order, with a character for each byte of a value.
    pub headers: Vec<(String, String)>,
    /// The body.
    #[serde(with = "base64_bytes")]
    pub body: Vec<u8>,
}

/// Either word that ends a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ballot {
    /// Yes.
    Approve,
    /// No.
    Reject,
}

/// Whether an effect leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Release {
    /// As soon as it can.
    Send,
    /// Never: dry-run records what it would have sent.
    Would,
}

/// An effect with when it may be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// What.
    pub effect: Effect,
    /// Whether it leaves at all.
    pub release: Release,
    /// It is not tried after this. An approval then becomes a question to a person; all else is a dead letter.
    pub not_after: Timestamp,
}

/// Whether an attempt may have taken effect at the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reached {
    /// No attempt can have.
    No,
    /// One may have: it was sent and no answer came back.
    Perhaps,
}

/// The number of an effect in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EffectId(pub i64);

impl std::fmt::Display for EffectId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::fmt::Debug for Forward {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The body may hold a capability.
        f.debug_struct("Forward")
            .field("lane", &self.lane)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// What sort of effect one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EffectKind {
    /// An answer to a platform.
    Answer,
    /// An event that is passed on.
    Forward,
    /// A look at a platform's record.
    Confirm,
    /// Word to a team.
    Notify,
}

impl EffectKind {
    /// Those that are a platform's; a notice is a team's.
    pub const OF_SOURCES: [Self; 3] = [Self::Answer, Self::Forward, Self::Confirm];

    /// Its word in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Forward => "forward",
            Self::Confirm => "confirm",
            Self::Notify => "notify",
        }
    }
}

impl Effect {
    /// The word for its kind in the API and the database.
    pub fn kind(&self) -> &'static str {
        let kind = match self {
            Self::Answer(_) => EffectKind::Answer,
            Self::Forward(_) => EffectKind::Forward,
            Self::Confirm => EffectKind::Confirm,
            Self::Notify(_) => EffectKind::Notify,
        };
        kind.as_str()
    }
}

mod base64_bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map_err(serde::de::Error::custom)
    }
}
