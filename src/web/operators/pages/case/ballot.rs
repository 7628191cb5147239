//! Whether who looks may vote, and what they filled in.

use crate::domain::case::{Case, Refused, State};
use crate::domain::effect::Ballot;
use crate::domain::person::{Person, same};
use crate::domain::rationale::visible;
use crate::flow::Flow;

/// What is offered to who looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Offer {
    /// The form.
    Vote(Form),
    /// Why there is none.
    Nothing(String),
    /// The case is over; the banner says how.
    Over,
}

/// The form as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form {
    /// What the vote is bound to.
    pub(super) digest: String,
    /// The newest log entry that was shown.
    pub(super) seen: u64,
    /// Whether they may approve too: nobody approves what they asked for themselves.
    pub(super) may_approve: bool,
    /// Whether a reason must be given.
    pub(super) reason_required: bool,
    /// What they wrote before.
    pub(super) reason: String,
    /// What is wrong with it.
    pub(super) wrong: Option<String>,
    /// What they voted before.
    pub(super) earlier: Option<&'static str>,
}

/// What somebody filled in, when it did not count.
#[derive(Debug, Clone, Default)]
pub(super) struct Filled {
    /// Their reason.
    pub(super) reason: String,
    /// What is wrong with it.
    pub(super) wrong: Option<String>,
    /// The newest log entry that they were shown, where the page they have is older.
    pub(super) seen: Option<u64>,
}

impl Offer {
    /// What `person` is offered on `case`.
    pub(super) fn of(flow: &Flow, case: &Case, person: &Person, seen: u64, filled: Filled) -> Self {
        if case.resolution().is_some() {
            return Self::Over;
        }
        if let State::Received(_) = case.state {
            return Self::Nothing(
                "Nothing is asked before the platform's record is read.".to_owned(),
            );
        }
        let approve = flow.may_vote(case, person, Ballot::Approve);
        if let Err(refused) = flow.may_vote(case, person, Ballot::Reject) {
            return Self::Nothing(why(&refused));
        }
        let earlier = case.votes.iter().find(|vote| same(&vote.by, &person.name));
        Self::Vote(Form {
            digest: case.shown().to_string(),
            seen,
            may_approve: approve.is_ok(),
            reason_required: case.asked.rationale_required,
            reason: filled.reason,
            wrong: filled.wrong,
            earlier: earlier.map(|vote| match vote.vote {
                Ballot::Approve => "approve",
                Ballot::Reject => "reject",
            }),
        })
    }
}

/// A refusal for the person whom it refuses.
pub(super) fn why(refused: &Refused) -> String {
    match refused {
        Refused::OwnRequest => {
            "You or your own agent asked for this; leave it to somebody else.".to_owned()
        }
        Refused::NotAsked { to: Some(team), .. } => {
            format!("You are not asked: {} votes on this.", visible(team))
        }
        Refused::NotAsked { to: None, .. } => "You may look, but not vote.".to_owned(),
        Refused::Closed(said) => format!(
            "It was {} by {} already.",
            said.outcome,
            visible(said.by.to_string().trim_start_matches("person:"))
        ),
        Refused::Stale => "The case has changed since you were shown it.".to_owned(),
        Refused::NotDecided => {
            "The platform is still being asked for its record; look again in a moment.".to_owned()
        }
        Refused::NoReason => "Say why: the platform insists on a reason.".to_owned(),
        Refused::Nothing => "There was nothing to do.".to_owned(),
    }
}
