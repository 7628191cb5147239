//! What comes of a click: a form for the reason, or a vote; and whoever clicked is told what became of it.

use super::Interactions;
use crate::domain::card::Card;
use crate::domain::case::{Case, Refused};
use crate::domain::effect::Ballot;
use crate::domain::escalation::Via;
use crate::domain::id::CaseId;
use crate::domain::person::Person;
use crate::flow::VoteError;
use crate::json;
use crate::notify::slack::{
    Choice, Clicker, Face, Interaction, NoMember, Place, SlackError, ended, form,
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
                let said = "The case cannot be looked up now. Try again in a moment.";
                return self.whisper(by, place, said).await;
            }
        };
        if let Some(ending) = &card.ending {
            let said = format!(
                "Your vote does not count; it was decided before: {}.",
                ended(ending)
            );
            return self.answer(by, choice, place, &said).await;
        }
        if card.digest != choice.shown {
            return self.answer(by, choice, place, STALE).await;
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
            let said = format!(
                "The form for your reason could not be opened. Click again, or vote in the inbox: {link}"
            );
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
                format!(
                    "Your vote does not count: {why} The inbox is at {}",
                    self.link(choice.case)
                )
            }
        };
        self.answer(by, choice, place, &said).await;
    }

    /// Whom `by` is here; or why nobody, for them.
    async fn person(&self, by: &Clicker) -> Result<Person, String> {
        let address = match self.api.address_of(by).await {
            Ok(address) => address,
            Err(NoMember::Unasked(error)) => {
                cannot_tell("users.info", &error);
                return Err(
                    "Slack could not be asked who you are. Try again in a moment.".to_owned(),
                );
            }
            Err(why) => return Err(format!("{why}.")),
        };
        let now = self.flow.clock().now();
        self.directory.by_email(&address, now).ok_or_else(|| {
            format!(
                "nobody is known here by {address}. Log in to the inbox, or ask an admin to list the address."
            )
        })
    }

    /// Tells whoever clicked, and shows the case on the card as it stands now.
    async fn answer(&self, by: &Clicker, choice: &Choice, place: &Place, said: &str) {
        tokio::join!(self.whisper(by, place, said), self.show(choice, place));
    }

    async fn whisper(&self, by: &Clicker, place: &Place, said: &str) {
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

const STALE: &str = "Your vote does not count: the case has changed since this card was shown. Look at it again, and vote on what stands now.";

fn unknown(case: CaseId) -> String {
    format!("Your vote does not count: there is no case {case} any more.")
}

/// What became of a vote, for whoever voted.
fn told(voted: Result<Case, VoteError>) -> String {
    match voted {
        Ok(case) => match (Card::of(&case, None).ending, case.question()) {
            (Some(ending), _) => {
                format!("Your vote counts, and that decides it: {}.", ended(&ending))
            }
            (None, Some(open)) => format!(
                "Your vote counts: {} of {} approvals.",
                open.approvals(&case.votes).count(),
                open.votes
            ),
            (None, None) => "Your vote counts.".to_owned(),
        },
        Err(VoteError::Refused(case, Refused::Closed(_))) => match Card::of(&case, None).ending {
            Some(ending) => format!(
                "Your vote does not count; it was decided before: {}.",
                ended(&ending)
            ),
            None => "Your vote does not count; it was decided before.".to_owned(),
        },
        Err(VoteError::Refused(_, Refused::Stale)) => STALE.to_owned(),
        Err(VoteError::Refused(_, refused)) => format!("Your vote does not count: {refused}."),
        Err(VoteError::Unknown(case)) => unknown(case),
        Err(VoteError::Unstored(error)) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a vote from Slack could not be stored: {error}"
            );
            "It is not certain that your vote was stored. Look at the card, and vote again."
                .to_owned()
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
