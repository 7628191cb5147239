//! What comes of a click: a form for the reason, or a vote; and whoever clicked is told what became of it.

use super::Interactions;
use crate::domain::card::{Card, Ending};
use crate::domain::case::{Case, Refused};
use crate::domain::effect::Ballot;
use crate::domain::escalation::Via;
use crate::domain::id::CaseId;
use crate::domain::person::Person;
use crate::domain::rationale::visible;
use crate::flow::VoteError;
use crate::json;
use crate::notify::slack::{
    Choice, Clicker, Face, Interaction, NoMember, Place, SlackError, Wording, ended, form,
};
use crate::store::{CaseFile, StoreError};

/// A card is changed again where the case moved while it was being changed, but not for ever.
const MOST_CHANGES: usize = 5;

impl Interactions {
    pub(super) async fn act(&self, interaction: Interaction) {
        match interaction {
            Interaction::Clicked {
                by,
                choice,
                place,
                trigger,
            } => self.clicked(&by, &choice, &place, &trigger).await,
            Interaction::Submitted {
                by,
                choice,
                place,
                reason,
            } => self.vote(&by, &choice, &place, reason).await,
            Interaction::Nothing => {}
        }
    }

    async fn clicked(&self, by: &Clicker, choice: &Choice, place: &Place, trigger: &str) {
        let card = match self.look(choice.case).await {
            Ok(Some((_, card))) => card,
            Ok(None) => return self.whisper(by, place, &unknown(choice.case)).await,
            Err(error) => {
                cannot_look(choice.case, &error);
                let said =
                    Wording::ours("The case cannot be looked up now. Try again in a moment.");
                return self.whisper(by, place, &said).await;
            }
        };
        if let Some(ending) = &card.ending {
            return self.answer(by, choice, place, &before(ending)).await;
        }
        if card.digest != choice.shown {
            return self.answer(by, choice, place, &stale()).await;
        }
        let asks_why = choice.vote == Ballot::Reject || card.reason_required;
        if !asks_why {
            return self.vote(by, choice, place, None).await;
        }
        // First of all: Slack lets nobody open a form three seconds after the click.
        let opened = match form(&card, choice, place) {
            Some(view) => self.api.open(trigger, &view).await,
            None => Ok(()),
        };
        if let Err(error) = opened {
            cannot_tell("views.open", &error);
            let link = self.link(choice.case);
            let said = Wording::ours(
                "The form for your reason could not be opened. Click again, or vote in the inbox: ",
            )
            .and(link);
            self.whisper(by, place, &said).await;
        }
    }

    async fn vote(&self, by: &Clicker, choice: &Choice, place: &Place, reason: Option<String>) {
        let said = match self.person(by).await {
            Ok(person) => {
                let voted = self.flow.vote(
                    choice.case,
                    person,
                    Via::Slack,
                    choice.vote,
                    reason,
                    choice.shown,
                );
                told(voted.await)
            }
            Err(why) => {
                tracing::warn!(
                    slack.user = by.user,
                    case.id = %choice.case,
                    "a click in Slack does not count: {why}"
                );
                Wording::ours("Your vote does not count: ")
                    .then(why)
                    .and(" The inbox is at ")
                    .and(self.link(choice.case))
            }
        };
        self.answer(by, choice, place, &said).await;
    }

    /// Whom `by` is here; or why nobody, for them.
    async fn person(&self, by: &Clicker) -> Result<Person, Wording> {
        let address = match self.api.address_of(by).await {
            Ok(address) => address,
            Err(NoMember::Unasked(error)) => {
                cannot_tell("users.info", &error);
                return Err(Wording::ours(
                    "Slack could not be asked who you are. Try again in a moment.",
                ));
            }
            Err(why) => return Err(Wording::ours(format!("{why}."))),
        };
        let now = self.flow.clock().now();
        self.directory.by_email(&address, now).ok_or_else(|| {
            Wording::ours("nobody is known here by ")
                .quoting(visible(&address))
                .and(". Log in to the inbox, or ask an admin to list the address.")
        })
    }

    /// Tells whoever clicked, and shows the case on the card as it stands now.
    async fn answer(&self, by: &Clicker, choice: &Choice, place: &Place, said: &Wording) {
        tokio::join!(self.whisper(by, place, said), self.show(choice, place));
    }

    async fn whisper(&self, by: &Clicker, place: &Place, said: &Wording) {
        if let Err(error) = self.api.whisper(&place.channel, &by.user, said).await {
            cannot_tell("chat.postEphemeral", &error);
        }
    }

    /// Shows the case as it stands on the card that was clicked, which may be one that nobody else knows of. The outbox may
    /// change the same card, so it looks again after each change: the last change shows what stands.
    async fn show(&self, choice: &Choice, place: &Place) {
        let mut shown: Option<Case> = None;
        for _ in 0..MOST_CHANGES {
            let (case, card) = match self.look(choice.case).await {
                Ok(Some(looked)) => looked,
                Ok(None) => return,
                Err(error) => return cannot_look(choice.case, &error),
            };
            if shown.as_ref() == Some(&case) {
                return;
            }
            let face = Face::of(&card, &choice.team, &self.link(choice.case));
            if let Err(error) = self.api.update(place, &face).await {
                return cannot_tell("chat.update", &error);
            }
            shown = Some(case);
        }
    }

    async fn look(&self, id: CaseId) -> Result<Option<(Case, Card)>, StoreError> {
        let file = self.flow.store().case(id).await?;
        Ok(file.map(|CaseFile { case, input, .. }| {
            let input = input.and_then(|input| json::parse(input.as_bytes()).ok());
            let card = Card::of(&case, input.as_ref());
            (case, card)
        }))
    }

    fn link(&self, case: CaseId) -> String {
        format!("{}/cases/{case}", self.inbox)
    }
}

fn stale() -> Wording {
    Wording::ours(
        "Your vote does not count: the case has changed since this card was shown. Look at it again, and vote on what stands now.",
    )
}

fn unknown(case: CaseId) -> Wording {
    Wording::ours(format!(
        "Your vote does not count: there is no case {case} any more."
    ))
}

fn before(ending: &Ending) -> Wording {
    Wording::ours("Your vote does not count; it was decided before: ")
        .then(ended(ending))
        .and(".")
}

/// What became of a vote, for whoever voted.
fn told(voted: Result<Case, VoteError>) -> Wording {
    match voted {
        Ok(case) => match (Card::of(&case, None).ending, case.question()) {
            (Some(ending), _) => Wording::ours("Your vote counts, and that decides it: ")
                .then(ended(&ending))
                .and("."),
            (None, Some(open)) => Wording::ours(format!(
                "Your vote counts: {} of {} approvals.",
                open.approvals(&case.votes).count(),
                open.votes
            )),
            (None, None) => Wording::ours("Your vote counts."),
        },
        Err(VoteError::Refused(case, refused)) => not_counted(&case, &refused),
        Err(VoteError::Unknown(case)) => unknown(case),
        Err(VoteError::Unstored(error)) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a vote from Slack could not be stored: {error}"
            );
            Wording::ours(
                "It is not certain that your vote was stored. Look at the card, and vote again.",
            )
        }
    }
}

fn not_counted(case: &Case, refused: &Refused) -> Wording {
    match refused {
        Refused::Closed(_) => match Card::of(case, None).ending {
            Some(ending) => before(&ending),
            None => Wording::ours("Your vote does not count; it was decided before."),
        },
        Refused::Stale => stale(),
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

fn cannot_tell(method: &str, error: &SlackError) {
    tracing::warn!(slack.method = method, "Slack did not do it: {error}");
}

fn cannot_look(case: CaseId, error: &StoreError) {
    tracing::error!(
        case.id = %case,
        error = error as &dyn std::error::Error,
        "a case that was clicked on in Slack cannot be looked up: {error}"
    );
}
