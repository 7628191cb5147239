//! How teams are told, and how they answer from where they are told. One port, [`Channel`]; the adapters are private
//! to this folder.
//!
//! What must hold of every adapter:
//! - what it sends is made from a [`Card`] and inert in the language it writes: nothing that an agent wrote formats,
//!   links, mentions or adds a header;
//! - it never decides: whoever answers is proven to be a person, and votes as everybody does;
//! - no secret is in an error, a log line or a message, but for what a message is the capability for.

mod settings;
pub mod email;
pub mod webhook;
pub mod slack;

pub use email::{EmailChannel, EmailPorts, EmailUnusable, MailLink};
pub use settings::{Decisions, EmailSettings, SlackSettings, SmtpSecurity, WebhookSettings};
pub use webhook::WebhookChannel;

use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::domain::card::Card;
use crate::domain::effect::Reached;
use crate::domain::notice::{ChannelName, Occasion};

/// How long after a question's end it is known who heard of it: longer than anything is tried.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24 * 30);

/// What one channel is told of one case.
#[derive(Debug, Clone)]
pub struct Message {
    /// Why.
    pub occasion: Occasion,
    /// The case as it is now.
    pub card: Card,
    /// Which agent asks, as its platform writes it.
    pub agent: Option<String>,
    /// Where the case is in the inbox.
    pub link: String,
    /// The same for every attempt at this message, and no other's.
    pub id: String,
    /// What the channel called the message it has of the case, if there is one.
    pub handle: Option<String>,
}

impl Message {
    /// Until when it is kept that somebody was told this: nobody is told anything of the case after that.
    pub fn remembered_until(&self, now: Timestamp) -> Timestamp {
        let question = self.card.question.as_ref();
        let end = question.map_or(now, |question| question.deadline.max(now));
        end.saturating_add(REMEMBERED).unwrap_or(Timestamp::MAX)
    }
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Telling {
    /// Nothing of it is news to this channel's team.
    NoNews,
    /// The team was told.
    Told {
        /// What the channel calls the message, if that is to be changed later.
        handle: Option<String>,
    },
    /// Not now.
    Retry {
        /// At the earliest after this.
        after: Option<Duration>,
        /// Why, with no secret in it.
        error: String,
        /// Whether somebody of the team may have heard all the same.
        reached: Reached,
    },
    /// Not without a person: the channel is set up wrongly, or refuses the message.
    Failed {
        /// Why, with no secret in it.
        error: String,
        /// Whether somebody of the team may have heard all the same.
        reached: Reached,
    },
}

/// A place where a team is told.
#[async_trait]
pub trait Channel: Send + Sync {
    /// Its name.
    fn name(&self) -> &ChannelName;

    /// `slack`, `email` or `webhook`.
    fn kind(&self) -> &'static str;

    /// Tells the team: of what does not ask ([`Occasion::asks`]), only one that was asked here, or may have been. May be repeated with the same [`Message::id`] when it is not known whether it arrived.
    async fn tell(&self, message: &Message) -> Telling;
}
