//! Where a case stands, in one glance: who is asked and until when, or who decided, when and why, and whether the platform knows.

use jiff::Timestamp;

use super::When;
use crate::domain::case::{
    AnswerState, Case, Channel, Mode, Resolution, Resolved, Resolver, State,
};
use crate::domain::rationale::{visible, voters};
use crate::domain::team::{OnDeadline, People};

/// What stands above everything else on the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Banner {
    /// The class that colours it: `waits`, `good`, `bad` or `over`.
    pub(super) class: &'static str,
    /// The state in a few words: `Open: payments is asked`.
    pub(super) title: String,
    /// When the question ends, while there is one.
    pub(super) deadline: Option<When>,
    /// `1 of 2 approvals`, while there is a question.
    pub(super) quorum: Option<String>,
    /// When the last word was said.
    pub(super) at: Option<When>,
    /// Why, in the words of who had the last word.
    pub(super) reason: Option<String>,
    /// What else one should know, a sentence each.
    pub(super) notes: Vec<String>,
}

impl Banner {
    /// The banner of `case`, about which `people` may be asked.
    pub(super) fn of(case: &Case, people: &People, now: Timestamp) -> Self {
        match &case.state {
            State::Received(awaited) => Self {
                class: "waits",
                title: "Not decided yet: the platform is asked for its own record".to_owned(),
                deadline: Some(When::new(awaited.confirm_by, now)),
                quorum: None,
                at: None,
                reason: None,
                notes: vec!["People are asked if it does not come.".to_owned()],
            },
            State::Open(question) => Self {
                class: "waits",
                title: match &question.to {
                    Some(team) => format!("Open: {} is asked", visible(team)),
                    None => "Open: everybody who may vote is asked".to_owned(),
                },
                deadline: Some(When::new(question.deadline, now)),
                quorum: Some(format!(
                    "{} of {} {}",
                    question.approvals(&case.votes).count(),
                    question.votes,
                    if question.votes == 1 {
                        "approval"
                    } else {
                        "approvals"
                    }
                )),
                at: None,
                reason: None,
                notes: open_notes(case, people),
            },
            State::Answering(said) | State::Resolved(said) => Self {
                class: match said.outcome {
                    Resolved::Approved => "good",
                    Resolved::Rejected => "bad",
                    Resolved::Expired | Resolved::Superseded => "over",
                },
                title: last_word(case, said),
                deadline: None,
                quorum: None,
                at: Some(When::new(said.at, now)),
                reason: said.reason.as_deref().map(visible),
                notes: closed_notes(case, said.answer),
            },
        }
    }
}

/// `Approved by bob, alice`.
fn last_word(case: &Case, said: &Resolution) -> String {
    let who = match &said.by {
        Resolver::Person(name) => voters(case, said).unwrap_or_else(|| visible(name)),
        Resolver::Policy => format!("policy {}", case.verdict.revision.short()),
        Resolver::Platform => "the platform".to_owned(),
        Resolver::Deadline => "the deadline".to_owned(),
    };
    match said.outcome {
        Resolved::Approved => format!("Approved by {who}"),
        Resolved::Rejected => format!("Rejected by {who}"),
        Resolved::Expired => "Expired: nobody answered in time".to_owned(),
        Resolved::Superseded => {
            let word = case.platform_outcome.as_ref();
            match word {
                Some(word) => format!("Decided on the platform: {}", visible(word.as_str())),
                None => "Decided on the platform".to_owned(),
            }
        }
    }
}

fn open_notes(case: &Case, people: &People) -> Vec<String> {
    let mut notes = Vec::new();
    let Some(question) = case.question() else {
        return notes;
    };
    if !question.before.is_empty() {
        let before: Vec<String> = question.before.iter().map(|team| visible(team)).collect();
        notes.push(format!(
            "Asked before, without an answer: {}.",
            before.join(", ")
        ));
    }
    let asked = question.to.as_deref();
    let team = asked.and_then(|name| people.team(name));
    if asked.is_some() && team.is_none() && people.teams().next().is_some() {
        notes.push("No team has this name: admins alone can vote.".to_owned());
    }
    notes.push(match (people.next(asked, &question.before), team) {
        (Some(next), _) => format!(
            "If nobody answers in time, {} is asked.",
            visible(&next.name)
        ),
        (None, Some(team)) if team.on_deadline == OnDeadline::Reject => {
            "If nobody answers in time, it is rejected.".to_owned()
        }
        (None, _) => {
            "If nobody answers in time, it expires, and the platform is told nothing.".to_owned()
        }
    });
    notes.push("One rejection is enough to reject.".to_owned());
    notes
}

fn closed_notes(case: &Case, answer: AnswerState) -> Vec<String> {
    let mut notes = Vec::new();
    match (case.mode, case.channel, answer) {
        (Mode::DryRun, ..) => notes.push("Dry run: the platform was not told.".to_owned()),
        (Mode::Enforce, Channel::Wait, _) => {
            notes.push("The agent learns it when it asks.".to_owned());
        }
        (Mode::Enforce, Channel::Answer, AnswerState::Settled) => {
            notes.push("The platform took the answer.".to_owned());
        }
        (Mode::Enforce, Channel::Answer, AnswerState::Pending) => {
            notes.push("The platform is being told.".to_owned());
        }
        (Mode::Enforce, Channel::Answer, AnswerState::Dead) => notes.push(
            "Telling the platform was given up; an admin can have it tried again.".to_owned(),
        ),
        (Mode::Enforce, Channel::Answer, AnswerState::None) => {
            notes.push("There was nothing to tell the platform.".to_owned());
        }
    }
    let resolution = case.resolution();
    let word = case.platform_outcome.as_ref();
    if let (Some(said), Some(word)) = (resolution, word)
        && said.outcome != Resolved::Superseded
    {
        let word_shown = visible(word.as_str());
        notes.push(if said.outcome.contradicts(word) {
            format!("The platform says otherwise: {word_shown}.")
        } else {
            format!("The platform says: {word_shown}.")
        });
    }
    notes
}
