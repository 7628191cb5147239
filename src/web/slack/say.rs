//! What people are told of what they did in Slack, each sentence whole.

use crate::domain::card::{Card, Ending};
use crate::domain::case::{Case, Refused};
use crate::domain::id::CaseId;
use crate::domain::rationale::visible;
use crate::flow::VoteError;
use crate::notify::slack::{Wording, ended};

pub(super) fn say_stale() -> Wording {
    Wording::ours(
        "Your vote does not count: the case has changed since this card was shown. Look at it again, and vote on what stands now.",
    )
}

pub(super) fn say_unknown(case: CaseId) -> Wording {
    Wording::ours(format!(
        "Your vote does not count: there is no case {case} any more."
    ))
}

pub(super) fn say_decided(ending: &Ending) -> Wording {
    Wording::ours("Your vote does not count; it was decided before: ")
        .then(ended(ending))
        .and(".")
}

/// What became of a vote, for whoever voted: that it counts, or why it does not.
pub(super) fn say_voted(voted: Result<Case, VoteError>) -> Result<Wording, Wording> {
    match voted {
        Ok(case) => Ok(match (Card::of(&case, None).ending, case.question()) {
            (Some(ending), _) => Wording::ours("Your vote counts, and that decides it: ")
                .then(ended(&ending))
                .and("."),
            (None, Some(open)) => Wording::ours(format!(
                "Your vote counts: {} of {} approvals.",
                open.approvals(&case.votes).count(),
                open.votes
            )),
            (None, None) => Wording::ours("Your vote counts."),
        }),
        Err(VoteError::Refused(case, refused)) => Err(say_refused(&case, &refused)),
        Err(VoteError::Unknown(case)) => Err(say_unknown(case)),
        Err(VoteError::Unstored(error)) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a vote from Slack could not be stored: {error}"
            );
            Err(say_uncertain())
        }
    }
}

/// What to say where nobody knows whether a vote was stored.
pub(super) fn say_uncertain() -> Wording {
    Wording::ours("It is not certain that your vote was stored. Look at the card, and vote again.")
}

/// What to say of a vote of which nobody knows yet whether it counts.
pub(super) fn say_undecided(case: &str) -> Wording {
    Wording::ours(
        "Your vote is still being counted. It counts once the card says so, and the case page: ",
    )
    .linking(case)
}

/// What to say of a form that came before.
pub(super) fn say_repeated(case: &str) -> Wording {
    Wording::ours("This was sent before. Look at the card whether it counts, and vote again if it does not. The case page: ")
        .linking(case)
}

/// What to do where something was clicked that counts for nothing.
pub(super) fn say_void(page: String) -> Wording {
    Wording::ours(
        "Your vote does not count: this was not made for you here by this countersign, or before its key was changed. Open the case page and vote there: ",
    )
    .linking(page)
}

fn say_refused(case: &Case, refused: &Refused) -> Wording {
    match refused {
        Refused::Closed(_) => match Card::of(case, None).ending {
            Some(ending) => say_decided(&ending),
            None => Wording::ours("Your vote does not count; it was decided before."),
        },
        Refused::Stale => say_stale(),
        Refused::NotAsked { by, to } => {
            let said = Wording::ours("Your vote does not count: `").quoting(visible(by));
            match to {
                Some(team) => said
                    .and("` is not asked; the team `")
                    .quoting(visible(team))
                    .and("` may vote."),
                None => said.and("` is not asked; an approver may vote."),
            }
        }
        Refused::OwnRequest | Refused::NotDecided | Refused::NoReason | Refused::Nothing => {
            Wording::ours(format!("Your vote does not count: {refused}."))
        }
    }
}
