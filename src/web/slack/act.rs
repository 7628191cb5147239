//! What comes of a click: a form for the reason, or a vote; and whoever clicked is told what became of it.

use super::Interactions;
use super::say::{say_decided, say_stale, say_uncertain, say_unknown, say_void, say_voted};
use crate::domain::card::Card;
use crate::domain::case::Case;
use crate::domain::effect::Ballot;
use crate::domain::escalation::Via;
use crate::domain::id::CaseId;
use crate::domain::notice::ChannelName;
use crate::domain::person::Person;
use crate::domain::rationale::visible;
use crate::json;
use crate::notify::slack::{
    Buttons, Choice, Clicker, Face, Interaction, KIND, NoMember, Place, SlackError, Wording, form,
    is_asked,
};
use crate::store::StoreError;
use crate::web::problem::Problem;

/// A card is changed again where the case moved while it was being changed, but not for ever.
const MOST_CHANGES: usize = 5;

/// A case as it stands, for whoever clicked on a card of it.
struct Looked {
    case: Case,
    card: Card,
    /// Whether we know of another card of it in this team's channel.
    elsewhere: bool,
}

/// What became of what somebody did. A vote is on disk, or will not be.
pub(super) enum Outcome {
    /// The vote counts.
    Counted(Wording),
    /// It does not.
    Refused(Wording),
    /// A form is to ask for the reason first.
    AsksWhy(Box<Card>),
    /// The same came before: it is not done again.
    Repeated,
    /// It could not be stored that it came, so it was not done.
    Unspent(Problem),
    /// There was nothing to do.
    Nothing,
}

/// Whether Slack still waited when it was known what became of what it sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// It did.
    InTime,
    /// It had its answer before, or hung up.
    TooLate,
}

impl Interactions {
    /// Does what was asked, as far as a vote goes.
    pub(super) async fn act(&self, interaction: &Interaction) -> Outcome {
        match interaction {
            Interaction::Clicked {
                by, choice, place, ..
            } => match self.ready(choice, place).await {
                Ok(card) if choice.vote == Ballot::Reject || card.reason_required => {
                    Outcome::AsksWhy(Box::new(card))
                }
                Ok(_) => self.vote(by, choice, None).await,
                Err(said) => Outcome::Refused(said),
            },
            Interaction::Submitted {
                by,
                choice,
                place,
                reason,
            } => match self.ready(choice, place).await {
                Ok(_) => self.vote(by, choice, reason.clone()).await,
                Err(said) => Outcome::Refused(said),
            },
            Interaction::Void { by, case, why, .. } => {
                tracing::warn!(
                    slack.user = by.user,
                    case.id = case.map(tracing::field::display),
                    "a click in Slack counts for nothing: {why}"
                );
                Outcome::Refused(say_void(self.page(*case)))
            }
            Interaction::Nothing => Outcome::Nothing,
        }
    }

    /// Does what else follows: forms are opened, people are told what a form on their screen does not tell them, and the
    /// card shows what stands.
    pub(super) async fn follow(&self, interaction: &Interaction, outcome: Outcome, heard: Heard) {
        let (by, choice, place) = match interaction {
            Interaction::Clicked {
                by, choice, place, ..
            }
            | Interaction::Submitted {
                by, choice, place, ..
            } => (by, choice, place),
            Interaction::Void { by, place, .. } => {
                if let (Some(place), Outcome::Refused(said)) = (place, outcome) {
                    self.whisper(by, place, &said).await;
                }
                return;
            }
            Interaction::Nothing => return,
        };
        match outcome {
            Outcome::Refused(said) => match (interaction, heard) {
                (Interaction::Submitted { .. }, Heard::InTime) => self.show(choice, place).await,
                _ => self.answer(by, choice, place, &said).await,
            },
            Outcome::Counted(said) => self.answer(by, choice, place, &said).await,
            Outcome::AsksWhy(card) => {
                if let Interaction::Clicked { trigger, .. } = interaction {
                    self.ask_why(by, &card, choice, place, trigger).await;
                }
            }
            Outcome::Unspent(_) if heard == Heard::TooLate => {
                self.whisper(by, place, &say_uncertain()).await;
            }
            Outcome::Unspent(_) | Outcome::Repeated | Outcome::Nothing => {}
        }
    }

    async fn ask_why(
        &self,
        by: &Clicker,
        card: &Card,
        choice: &Choice,
        place: &Place,
        trigger: &str,
    ) {
        // First of all: Slack lets nobody open a form three seconds after the click.
        let opened = match form(card, choice, place, &by.user, &self.seal) {
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
        } = looked.ok_or_else(|| say_unknown(choice.case))?;
        if let Some(ending) = &card.ending {
            return Err(say_decided(ending));
        }
        if elsewhere {
            let said = Wording::ours(
                "Your vote does not count: this is not the card that is kept up to date. Vote on that one, or on the case page: ",
            );
            return Err(said.linking(self.link(choice.case)));
        }
        if card.digest != choice.shown || !is_asked(&card, &choice.team) {
            return Err(say_stale());
        }
        Ok(card)
    }

    async fn vote(&self, by: &Clicker, choice: &Choice, reason: Option<String>) -> Outcome {
        let voted = match self.person(by).await {
            Ok(person) => {
                let voted = self.flow.vote(
                    choice.case,
                    person,
                    Via::Slack,
                    choice.vote,
                    reason,
                    choice.shown,
                );
                say_voted(voted.await)
            }
            Err(why) => {
                tracing::warn!(
                    slack.user = by.user,
                    case.id = %choice.case,
                    "a click in Slack does not count: {why}"
                );
                Err(Wording::ours("Your vote does not count: ")
                    .then(why)
                    .and(" The inbox is at ")
                    .linking(self.link(choice.case)))
            }
        };
        voted.map_or_else(Outcome::Refused, Outcome::Counted)
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

    /// The page of `case`, or the queue.
    pub(super) fn page(&self, case: Option<CaseId>) -> String {
        case.map_or_else(|| format!("{}/cases", self.inbox), |case| self.link(case))
    }

    pub(super) fn link(&self, case: CaseId) -> String {
        format!("{}/cases/{case}", self.inbox)
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
