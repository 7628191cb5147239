//! An open question to people: who is asked, how many must say yes, and until when.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::effect::Ballot;
use crate::domain::verdict::Terms;

/// A question that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// The team that is asked.
    pub to: Option<String>,
    /// How many people must approve; one reject is enough to reject.
    pub votes: u32,
    /// After this nobody can vote any more.
    pub deadline: Timestamp,
    /// Why people are asked although the verdict says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// What one person said. Their second vote replaces the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// The person, as their credential names them.
    pub by: String,
    /// Yes or no.
    pub vote: Ballot,
    /// Why.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// What an `escalate` element leaves open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EscalationDefaults {
    /// The team.
    pub to: Option<String>,
    /// How many must approve.
    pub votes: u32,
    /// How long they have.
    pub within: SignedDuration,
}

/// What the votes amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tally {
    /// More votes are needed.
    Open,
    /// Enough people said the same.
    Closed(Ballot),
}

impl Escalation {
    /// The question that `terms` ask for. It ends when the time is up or the request expires, whichever is first.
    pub fn open(
        terms: &Terms,
        defaults: &EscalationDefaults,
        expires_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let within = terms
            .within_seconds
            .and_then(|seconds| i64::try_from(seconds).ok())
            .map_or(defaults.within, SignedDuration::from_secs);
        let deadline = now.saturating_add(within).unwrap_or(Timestamp::MAX);
        Self {
            to: terms.to.clone().or_else(|| defaults.to.clone()),
            votes: terms.votes.unwrap_or(defaults.votes).max(1),
            deadline: expires_at.map_or(deadline, |at| at.min(deadline)),
            because: None,
        }
    }

    /// What `votes` amount to: one reject rejects, enough approvals approve.
    pub fn tally(&self, votes: &[Vote]) -> Tally {
        if votes.iter().any(|vote| vote.vote == Ballot::Reject) {
            return Tally::Closed(Ballot::Reject);
        }
        if votes.len() >= self.votes as usize {
            return Tally::Closed(Ballot::Approve);
        }
        Tally::Open
    }
}

/// Puts `vote` among `votes`: one vote for each person, the latest.
pub fn cast(votes: &mut Vec<Vote>, vote: Vote) {
    votes.retain(|earlier| earlier.by != vote.by);
    votes.push(vote);
}
