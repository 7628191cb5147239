//! A tool of the team's own, told by webhook as Standard Webhooks has it.
//!
//! What must hold: every configured secret signs, so that one can be exchanged; one message has one id however often it is
//! sent; it goes where the config says and nowhere else.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use jiff::Timestamp;
use serde::Serialize;

use crate::clock::Clock;
use crate::domain::card::Card;
use crate::domain::effect::Reached;
use crate::domain::notice::ChannelName;
use crate::notify::{Channel, Message, Telling, WebhookSettings};
use crate::secret::Secret;
use crate::signature::sign_by_each;
use crate::source::{Client, NoResponse, Response};

/// A team that is told by webhook.
pub struct WebhookChannel {
    name: ChannelName,
    settings: WebhookSettings,
    client: Client,
    clock: Clock,
}

#[derive(Serialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: String,
    timestamp: Timestamp,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    /// The team that is told: one tool may serve several.
    team: &'a str,
    #[serde(flatten)]
    card: &'a Card,
    link: &'a str,
}

impl WebhookChannel {
    /// Tells the tool of `settings` by `client`.
    pub fn new(name: ChannelName, settings: WebhookSettings, client: Client, clock: Clock) -> Self {
        Self {
            name,
            settings,
            client,
            clock,
        }
    }

    /// The secrets that can be read, and what is wrong with the last that cannot.
    fn secrets(&self) -> (Vec<Secret>, Option<String>) {
        let (mut secrets, mut unreadable) = (Vec::new(), None);
        for credential in &self.settings.secrets {
            match credential.read() {
                Ok(secret) => secrets.push(secret),
                Err(error) => unreadable = Some(error.to_string()),
            }
        }
        (secrets, unreadable)
    }

    fn body(&self, message: &Message, now: Timestamp) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&Event {
            kind: format!("escalation.{}", message.occasion.as_str()),
            timestamp: now,
            data: Data {
                team: self.name.team(),
                card: &message.card,
                link: &message.link,
            },
        })
    }
}

#[async_trait]
impl Channel for WebhookChannel {
    fn name(&self) -> &ChannelName {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "webhook"
    }

    async fn tell(&self, message: &Message) -> Telling {
        let now = self.clock.now();
        let (secrets, unreadable) = self.secrets();
        if let Some(problem) = unreadable {
            if secrets.is_empty() {
                return later(None, problem, Reached::No);
            }
            tracing::warn!(
                channel.name = self.name.as_str(),
                "one secret of a webhook cannot be read: {problem}"
            );
        }
        let body = match self.body(message, now) {
            Ok(body) => body,
            Err(error) => return never(error.to_string()),
        };
        let mut headers = match sign_by_each(&secrets, &body, &message.id, now) {
            Ok(headers) => headers,
            Err(unsignable) => return never(unsignable.to_string()),
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let sent = self
            .client
            .post(&self.settings.url, headers, Bytes::from(body))
            .await;
        match sent {
            Ok(response) => judged(&response, &secrets, &message.id),
            Err(NoResponse::Lost { error, reach }) => later(None, error, reach.into()),
            Err(NoResponse::Refused(refused)) => never(refused.to_string()),
        }
    }
}

fn judged(response: &Response, secrets: &[Secret], id: &str) -> Telling {
    let secrets: Vec<&Secret> = secrets.iter().collect();
    let status = response.status;
    if status.is_success() {
        // That there is a handle says, for as long as there is the case, that the tool was told.
        return Telling::Told {
            handle: Some(id.to_owned()),
        };
    }
    let said = response.describe(&secrets);
    if status == StatusCode::GONE || status.is_redirection() {
        // The tool wants no more; or it is somewhere else, and only the config says where.
        never(said)
    } else {
        // Whatever else is wrong may be mended before the question ends. A tool that failed may show the question already.
        later(response.retry_after(), said, Reached::Perhaps)
    }
}

fn later(after: Option<Duration>, error: String, reached: Reached) -> Telling {
    Telling::Retry {
        after,
        error,
        reached,
    }
}

fn never(error: String) -> Telling {
    Telling::Failed {
        error,
        reached: Reached::No,
    }
}
