//! What each kind of channel needs to know, as the config reads it.

use std::time::Duration;

use crate::credential::Credential;
use crate::source::WebUrl;

/// The Slack app that posts the cards and takes the clicks.
#[derive(Debug, Clone)]
pub struct SlackSettings {
    /// Where Slack's Web API is: `https://slack.com/api`.
    pub api_url: WebUrl,
    /// The bot's token.
    pub token: Credential,
    /// What Slack signs its requests with; several while one is being exchanged.
    pub signing_secrets: Vec<Credential>,
    /// How long a request of Slack's waits for what becomes of it: less than the three seconds that Slack waits for us.
    pub patience: Duration,
}

/// The server that mail leaves by.
#[derive(Debug, Clone)]
pub struct EmailSettings {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is kept from others.
    pub security: SmtpSecurity,
    /// Whom it knows us as, with the password.
    pub login: Option<(String, Credential)>,
    /// The sender, as an address or `Name <address>`.
    pub from: String,
}

/// How a connection to a mail server is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SmtpSecurity {
    /// TLS from the first byte.
    Tls,
    /// TLS once the server was asked for it, and nothing without.
    StartTls,
    /// None; to loopback only.
    Plain,
}

/// A tool of the team's own that is told by webhook, signed as Standard Webhooks has it.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// Where it is.
    pub url: WebUrl,
    /// Each of them signs, so that one can be exchanged.
    pub secrets: Vec<Credential>,
    /// How the tool decides, if it may.
    pub decisions: Option<Decisions>,
}

/// How a tool of the team's own decides.
#[derive(Debug, Clone)]
pub struct Decisions {
    /// The name that its votes go under, whatever it says: the tool is one voter.
    pub by: String,
    /// What it signs with; several while one is being exchanged.
    pub secrets: Vec<Credential>,
}
