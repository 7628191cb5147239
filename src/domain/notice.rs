//! What a team is told, and where.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::verdict::word;

/// A place where a team is told: the team's name, a slash, and the channel's own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChannelName(Arc<str>);

/// Something that a team is told. What it says is made from the case when it leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Where.
    pub channel: ChannelName,
    /// Why.
    pub occasion: Occasion,
}

/// Why a team is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// It is asked.
    Asked,
    /// Half of its time is up.
    Reminded,
    /// Somebody voted, and more votes are needed.
    Voted,
    /// Its time is up, and another team is asked.
    HandedOver,
    /// The question is over, wherever it was decided.
    Closed,
    /// What was decided does not hold, and another team is asked again.
    Reopened,
}

word!(Occasion {
    Self::Asked => "asked", Self::Reminded => "reminded", Self::Voted => "voted",
    Self::HandedOver => "handed_over", Self::Closed => "closed", Self::Reopened => "reopened",
});

impl Occasion {
    /// Whether the team is asked then. Whatever else it is told is of use only to those who heard of the question.
    pub const fn asks(self) -> bool {
        match self {
            Self::Asked | Self::Reminded => true,
            Self::Voted | Self::HandedOver | Self::Closed | Self::Reopened => false,
        }
    }
}

impl ChannelName {
    /// The channel `name` of `team`.
    pub fn new(team: &str, name: &str) -> Self {
        Self(format!("{team}/{name}").into())
    }

    /// The channel behind a name of [`Self::as_str`].
    pub fn parse(name: &str) -> Option<Self> {
        name.contains('/').then(|| Self(name.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The team it belongs to.
    pub fn team(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(team, _)| team)
    }
}

impl std::fmt::Display for ChannelName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
