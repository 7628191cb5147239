//! An open question to people: who is asked, how many must say yes, and until when.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::effect::Ballot;
use crate::domain::person::same;
use crate::domain::team::{Asking, People};
use crate::domain::verdict::{Terms, word};

/// A question that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// The team that is asked.
    pub to: Option<String>,
    /// How many people must approve; one reject is enough to reject.
    pub votes: u32,
    /// Since when; unknown of questions from before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// After this nobody can vote any more.
    pub deadline: Timestamp,
    /// Why people are asked although the verdict says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// When the team is reminded, if it was not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remind_at: Option<Timestamp>,
    /// The teams that were asked before and did not answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<String>,
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
    /// How it came.
    #[serde(default)]
    pub via: Via,
    /// The person's e-mail address, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The team that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
}

/// How a vote came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// The API, and the command line, which uses it.
    #[default]
    Api,
    /// The inbox.
    Web,
    /// A button in Slack.
    Slack,
    /// A link in an e-mail.
    Email,
    /// A tool of the team's own.
    Webhook,
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
    /// The question that `terms` ask of `to`, after the teams in `before`. It ends when the time is up or the request
    /// expires, whichever is first.
    pub fn open(
        to: Option<&str>,
        before: Vec<String>,
        terms: &Terms,
        people: &People,
        expires_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let Asking {
            votes,
            deadline,
            half_time,
        } = people.asking(to, terms, expires_at, now);
        let is_told = !people.channels(to).is_empty();
        Self {
            to: to.map(ToOwned::to_owned),
            votes,
            since: Some(now),
            deadline,
            because: None,
            remind_at: (is_told && half_time < deadline).then_some(half_time),
            before,
        }
    }

    /// What people are shown of it: whether they were reminded does not change what they vote on.
    #[must_use]
    pub fn as_shown(&self) -> Self {
        Self {
            remind_at: None,
            ..self.clone()
        }
    }

    /// The approvals that count: what was voted for another team does not.
    pub fn approvals<'v>(&self, votes: &'v [Vote]) -> impl Iterator<Item = &'v Vote> {
        let counts = |vote: &&Vote| vote.vote == Ballot::Approve && vote.team == self.to;
        votes.iter().filter(counts)
    }

    /// What `votes` amount to: one reject rejects, enough approvals approve.
    pub fn tally(&self, votes: &[Vote]) -> Tally {
        if votes.iter().any(|vote| vote.vote == Ballot::Reject) {
            return Tally::Closed(Ballot::Reject);
        }
        if self.approvals(votes).count() >= self.votes as usize {
            return Tally::Closed(Ballot::Approve);
        }
        Tally::Open
    }
}

/// Puts `vote` among `votes`: one vote for each person, the latest. Somebody who comes another way is the same person.
pub fn cast(votes: &mut Vec<Vote>, vote: Vote) {
    votes.retain(|earlier| !earlier.is_by_whoever_gave(&vote));
    votes.push(vote);
}

impl Vote {
    fn is_by_whoever_gave(&self, other: &Self) -> bool {
        let known = |vote: &Self| [Some(vote.by.clone()), vote.email.clone()];
        let theirs = known(other);
        let mut ours = known(self).into_iter().flatten();
        ours.any(|one| theirs.iter().flatten().any(|other| same(&one, other)))
    }
}

word!(Via {
    Self::Api => "api", Self::Web => "web", Self::Slack => "slack", Self::Email => "email", Self::Webhook => "webhook",
});
