//! Where teams are told, as the config has it.

use crate::domain::notice::ChannelName;
use crate::notify::{EmailSettings, SlackSettings, WebhookSettings};

/// How the teams are told.
#[derive(Debug, Clone, Default)]
pub struct NotifyConfig {
    /// The Slack app, where a team has a Slack channel.
    pub slack: Option<SlackSettings>,
    /// How mail is sent, where a team has addresses.
    pub email: Option<EmailSettings>,
    /// Where each team is told.
    pub channels: Vec<ChannelConfig>,
}

/// One place where a team is told.
#[derive(Debug, Clone)]
pub struct ChannelConfig {
    /// Its name: the team, a slash, and the kind.
    pub name: ChannelName,
    /// What it is.
    pub kind: ChannelKind,
}

/// What a channel is.
#[derive(Debug, Clone)]
pub enum ChannelKind {
    /// A channel of the Slack app, by its id.
    Slack {
        /// Such as `C0123ABCD`.
        channel: String,
    },
    /// Mail to each of these addresses.
    Email {
        /// Whoever reads them must be known by them to vote.
        to: Vec<String>,
    },
    /// A signed webhook.
    Webhook(WebhookSettings),
}
