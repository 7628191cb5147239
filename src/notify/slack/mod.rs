//! Slack: a team's cards in a channel, with buttons to vote by.
//!
//! What must hold, beside what holds of every [`Channel`]:
//! - one card of a case in one channel: what happens later changes it (`chat.update`), wherever it happened. Only a
//!   reminder, and a question that is asked again, are messages of their own, in the card's thread: of a change nobody hears;
//! - silence is worse than two cards. When the answer to a post is lost, the card is posted again, and the first one, if
//!   it is there, is an orphan that nobody changes: Slack has no key for a post by which it could be found again. A click on
//!   it counts for nothing once we know of another card, and takes its buttons away;
//! - what a button is for is sealed, for this card's team and channel: what we did not seal counts for nothing;
//! - a card that somebody deleted is posted anew.

mod api;
mod blocks;
mod choice;
mod form;
mod member;
mod sealed;
mod text;

use async_trait::async_trait;

use crate::domain::effect::Reached;
use crate::domain::notice::{ChannelName, Occasion};
use crate::identity::Seal;
use crate::notify::{Channel, Message, SlackSettings, Telling};
use crate::source::Client;

pub use api::{SlackApi, SlackError};
pub use blocks::{Face, ended, is_asked};
pub use choice::{Choice, Clicker, Interaction, Place, Unreadable};
pub use form::{form, refused_form, undecided_form};
pub use member::NoMember;
pub use sealed::{Buttons, Void};
pub use text::Wording;

/// The kind of these channels, as their names end.
pub const KIND: &str = "slack";

/// A channel of Slack's where a team is told.
#[derive(Debug)]
pub struct SlackChannel {
    name: ChannelName,
    channel: String,
    api: SlackApi,
    seal: Seal,
}

impl SlackChannel {
    /// The channel with the id `channel`, such as `C0123ABCD`, that the app with these settings is a member of. The buttons
    /// of its cards are sealed with `seal`.
    pub fn new(
        name: ChannelName,
        channel: String,
        settings: SlackSettings,
        client: Client,
        seal: Seal,
    ) -> Self {
        Self {
            name,
            channel,
            api: SlackApi::new(settings, client),
            seal,
        }
    }

    /// The card as it stands in `channel`: not in [`Self::channel`], if that was another one when the card was posted.
    fn face(&self, message: &Message, channel: &str) -> Face {
        let seal = &self.seal;
        let buttons = Buttons { seal, channel };
        let team = self.name.team();
        Face::of(&message.card, team, &message.link, Some(buttons))
    }

    async fn post(&self, message: &Message) -> Result<Option<Place>, SlackError> {
        let (team, link) = (self.name.team(), message.link.as_str());
        let face = self.face(message, &self.channel);
        match self.api.post(&self.channel, None, &face).await {
            Err(error) if refuses_the_face(&error) => {
                let bare = Face::bare(&message.card, team, link);
                self.api.post(&self.channel, None, &bare).await
            }
            posted => posted,
        }
    }

    async fn update(&self, place: Place, message: &Message) -> Result<Option<Place>, SlackError> {
        let (team, link) = (self.name.team(), message.link.as_str());
        let face = self.face(message, &place.channel);
        let mut updated = self.api.update(&place, &face).await;
        if updated.as_ref().is_err_and(refuses_the_face) {
            let bare = Face::bare(&message.card, team, link);
            updated = self.api.update(&place, &bare).await;
        }
        match updated {
            Ok(()) => Ok(Some(place)),
            Err(error) if self.is_out_of_reach(&place, &error) => self.post(message).await,
            Err(error) => Err(error),
        }
    }

    /// The card is a question again, and whoever is in the channel hears of it.
    async fn ask_again(
        &self,
        place: Place,
        message: &Message,
    ) -> Result<Option<Place>, SlackError> {
        let updated = self.update(place.clone(), message).await?;
        if updated.as_ref() != Some(&place) {
            // The card was posted anew: that was heard.
            return Ok(updated);
        }
        let face = Face::asked_again(&message.card, self.name.team());
        self.reply(place, message, &face).await
    }

    /// Posts `face` in the thread of the card at `place`.
    async fn reply(
        &self,
        place: Place,
        message: &Message,
        face: &Face,
    ) -> Result<Option<Place>, SlackError> {
        let posted = self.api.post(&place.channel, Some(&place.ts), face).await;
        match posted {
            Ok(_) => Ok(Some(place)),
            Err(error) if self.is_out_of_reach(&place, &error) => self.post(message).await,
            Err(error) => Err(error),
        }
    }

    /// Whether the card at `place` cannot be changed any more, but another one can be posted.
    fn is_out_of_reach(&self, place: &Place, error: &SlackError) -> bool {
        match error.word() {
            "message_not_found"
            | "thread_not_found"
            | "cant_update_message"
            | "edit_window_closed" => true,
            "channel_not_found" | "is_archived" | "not_in_channel" => place.channel != self.channel,
            _ => false,
        }
    }
}

/// Whether Slack would take a plainer message.
fn refuses_the_face(error: &SlackError) -> bool {
    matches!(
        error.word(),
        "invalid_blocks" | "invalid_blocks_format" | "msg_too_long" | "msg_blocks_too_long"
    )
}

#[async_trait]
impl Channel for SlackChannel {
    fn name(&self) -> &ChannelName {
        &self.name
    }

    fn kind(&self) -> &'static str {
        KIND
    }

    async fn tell(&self, message: &Message) -> Telling {
        let place = message.handle.as_deref().and_then(Place::parse);
        let told = match (message.occasion, place) {
            (_, None) => self.post(message).await,
            (Occasion::Asked, Some(place)) => self.ask_again(place, message).await,
            (Occasion::Reminded, Some(place)) => {
                let face = Face::reminder(&message.card, self.name.team());
                self.reply(place, message, &face).await
            }
            (
                Occasion::Voted | Occasion::HandedOver | Occasion::Closed | Occasion::Reopened,
                Some(place),
            ) => self.update(place, message).await,
        };
        match told {
            Ok(place) => Telling::Told {
                handle: place.and_then(|place| place.handle()),
            },
            Err(SlackError::Later {
                after,
                error,
                reached,
            }) => Telling::Retry {
                after,
                error,
                reached,
            },
            Err(error @ (SlackError::Refused { .. } | SlackError::Unusable(_))) => {
                Telling::Failed {
                    error: error.to_string(),
                    reached: Reached::No,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
