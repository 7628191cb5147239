//! What comes of a click: a form for the reason, or a vote; and whoever clicked is told what became of it.

use super::Interactions;
use crate::domain::card::{Card, Ending};
use crate::domain::case::{Case, Refused};
use crate::domain::effect::Ballot;
use crate::domain::escalation::Via;
use crate::domain::id::CaseId;
use crate::domain::notice::ChannelName;
use crate::domain::person::Person;
use crate::domain::rationale::visible;
use crate::flow::VoteError;
use crate::json;
use crate::notify::slack::{
    Buttons, Choice, Clicker, Face, Interaction, KIND, NoMember, Place, SlackError, Wording, ended,
    form, is_asked,
};
use crate::store::StoreError;

/// A card is changed again where the case moved while it was being changed, but not for ever.
const MOST_CHANGES: usize = 5;

/// A case as it stands, for whoever clicked on a card of it.
struct Looked {
    case: Case,
    card: Card,
    /// Whether we know of another card of it in this team's channel.
    elsewhere: bool,
}

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
            } => match self.ready(&choice, &place).await {
                Ok(_) => self.vote(&by, &choice, &place, reason).await,
                Err(said) => self.answer(&by, &choice, &place, &said).await,
            },
            Interaction::Void {
                by,
                place,
                case,
                why,
            } => {
                tracing::warn!(
                    slack.user = by.user,
                    case.id = case.map(tracing::field::display),
                    "a click in Slack counts for nothing: {why}"
                );
                if let Some(place) = place {
                    self.whisper(&by, &place, &self.void(case)).await;
                }
            }
            Interaction::Nothing => {}
        }
    }

    /// What to do where something was clicked that counts for nothing.
    pub(super) fn void(&self, case: Option<CaseId>) -> Wording {
        let link = case.map_or_else(|| format!("{}/cases", self.inbox), |case| self.link(case));
        Wording::ours(
            "Your vote does not count: this was not made for you here by this countersign, or before its key was changed. Open the case page and vote there: ",
        )
        .linking(link)
    }

    async fn clicked(&self, by: &Clicker, choice: &Choice, place: &Place, trigger: &str) {
        let card = match self.ready(choice, place).await {
            Ok(card) => card,
            Err(said) => return self.answer(by, choice, place, &said).await,
        };
        let asks_why = choice.vote == Ballot::Reject || card.reason_required;
        if !asks_why {
            return self.vote(by, choice, place, None).await;
        }
        // First of all: Slack lets nobody open a form three seconds after the click.
        let opened = match form(&card, choice, place, &by.user, &self.seal) {
            Some(view) => self.api.open(trigger, &view).await.map_err(|error| {
                cannot_tell("views.open", &error);
            }),
            None => Err(()),
        };
        if opened.is_err() {
            let said = Wording::ours(
                "The form for your reason could not be opened. Click again, or vote in the inbox: ",
            );
            let said = said.linking(self.link(choice.case));
            self.whisper(by, place, &said).await;
        }
    }

    /// The card, if a vote by it may count; else what to say to whoever clicked.
    async fn ready(&self, choice: &Choice, place: &Place) -> Result<Card, Wording> {
        let looked = self.look(choice, place).await.map_err(|error| {
            cannot_look(choice.case, &error);
            Wording::ours("The case cannot be looked up now. Try again in a moment.")
        })?;
        let Looked {
            card, elsewhere, ..
        } = looked.ok_or_else(|| unknown(choice.case))?;
        if let Some(ending) = &card.ending {
            return Err(before(ending));
        }
        if elsewhere {
            let said = Wording::ours(
                "Your vote does not count: this is not the card that is kept up to date. Vote on that one, or on the case page: ",
            );
            return Err(said.linking(self.link(choice.case)));
        }
        if card.digest != choice.shown || !is_asked(&card, &choice.team) {
            return Err(stale());
        }
        Ok(card)
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
                    .linking(self.link(choice.case))
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
            let Looked {
                case,
                card,
                elsewhere,
            } = match self.look(choice, place).await {
                Ok(Some(looked)) => looked,
                Ok(None) => return,
                Err(error) => return cannot_look(choice.case, &error),
            };
            if shown.as_ref() == Some(&case) {
                return;
            }
            let buttons = (!elsewhere).then_some(Buttons {
                seal: &self.seal,
                channel: &place.channel,
            });
            let face = Face::of(&card, &choice.team, &self.link(choice.case), buttons);
            if let Err(error) = self.api.update(place, &face).await {
                return cannot_tell("chat.update", &error);
            }
            shown = Some(case);
        }
    }

    async fn look(&self, choice: &Choice, place: &Place) -> Result<Option<Looked>, StoreError> {
        let store = self.flow.store();
        let Some((case, input)) = store.question_of(choice.case).await? else {
            return Ok(None);
        };
        let channel = ChannelName::new(&choice.team, KIND);
        let known = store.told(choice.case, &channel).await?;
        let input = input.and_then(|input| json::parse(input.as_bytes()).ok());
        Ok(Some(Looked {
            card: Card::of(&case, input.as_ref()),
            case,
            elsewhere: known.is_some_and(|handle| !place.is(&handle)),
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
