//! How a platform, or its people, decided a request themselves.

use serde::{Deserialize, Serialize};

/// The platform's own word on a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum PlatformOutcome {
    /// Approved there.
    Approved,
    /// Rejected there.
    Rejected,
    /// Nobody answered in time.
    Expired,
    /// A word we do not know, as the platform wrote it, cut to 64 characters.
    Other(String),
}

impl PlatformOutcome {
    /// Reads the words that platforms are known to use, in any case; every other word is kept as it is.
    pub fn parse(word: &str) -> Self {
        match word.trim().to_ascii_lowercase().as_str() {
            "approved" | "approve" | "allowed" | "allow" => Self::Approved,
            "rejected" | "reject" | "denied" | "deny" | "declined" => Self::Rejected,
            "expired" | "timeout" | "timed_out" => Self::Expired,
            _ => Self::Other(word.chars().take(64).collect()),
        }
    }

    /// The word in the API, the log and the database.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Other(word) => word,
        }
    }
}

impl From<String> for PlatformOutcome {
    fn from(word: String) -> Self {
        Self::parse(&word)
    }
}

impl From<PlatformOutcome> for String {
    fn from(outcome: PlatformOutcome) -> Self {
        outcome.as_str().to_owned()
    }
}
