//! Where teams are told, and where they answer from there: a worker for each channel, the links in mails, Slack's clicks,
//! and the teams' own tools.

use std::sync::Arc;

use async_trait::async_trait;

use super::doors::Folk;
use super::{StartError, lease, sources};
use crate::clock::Clock;
use crate::config::{ChannelConfig, ChannelKind, Config};
use crate::domain::effect::Reached;
use crate::domain::notice::ChannelName;
use crate::flow::{Flow, Herald, Observer};
use crate::notify::slack::SlackChannel;
use crate::notify::{Channel, EmailChannel, EmailPorts, Message, Telling, WebhookChannel};
use crate::source::Client;
use crate::store::Store;
use crate::web::decisions::TeamTools;
use crate::web::mail::MailLinks;
use crate::web::slack::{Interactions, SlackDesk};

/// How many messages to one channel are under way at once.
const AT_ONCE: usize = 8;

/// What telling teams takes.
pub(super) struct Means<'a> {
    pub(super) config: &'a Config,
    pub(super) client: &'a Client,
    pub(super) flow: &'a Arc<Flow>,
    pub(super) store: &'a Arc<dyn Store>,
    pub(super) observer: &'a Arc<dyn Observer>,
    pub(super) folk: &'a Folk,
    pub(super) clock: Clock,
    /// Where people reach the inbox, with no `/` at its end.
    pub(super) inbox: Arc<str>,
}

/// Where teams answer from where they are told.
pub(super) struct Answering {
    /// By the link in a mail.
    pub(super) links: Arc<MailLinks>,
    /// By a tool of their own.
    pub(super) tools: Arc<TeamTools>,
    /// By a click in Slack, where there is a Slack app.
    pub(super) slack: Option<Arc<Interactions>>,
}

/// A channel that left the config while something was to be told there: it is given up, so that nothing waits for ever.
struct Gone(ChannelName);

#[async_trait]
impl Channel for Gone {
    fn name(&self) -> &ChannelName {
        &self.0
    }

    fn kind(&self) -> &'static str {
        "gone"
    }

    async fn tell(&self, _message: &Message) -> Telling {
        Telling::Failed {
            error: format!("the channel `{}` is not in the config any more", self.0),
            reached: Reached::No,
        }
    }
}

impl Means<'_> {
    /// A worker for each channel of the config, and for each that left it with something to be told.
    pub(super) async fn heralds(&self) -> Result<Vec<Herald>, StartError> {
        let configured = &self.config.notify.channels;
        let mut heralds = Vec::new();
        for channel in configured {
            heralds.push(self.herald(self.channel(channel)?));
        }
        let owed = self
            .store
            .owed_channels()
            .await
            .map_err(StartError::Store)?;
        for name in owed {
            if configured.iter().any(|channel| channel.name == name) {
                continue;
            }
            tracing::warn!(
                channel.name = name.as_str(),
                "channel `{name}` is not in the config any more; what was to be told there is given up, see `countersign outbox`"
            );
            heralds.push(self.herald(Arc::new(Gone(name))));
        }
        Ok(heralds)
    }

    /// Where teams answer.
    pub(super) fn answering(&self) -> Result<Answering, StartError> {
        let (flow, directory) = (Arc::clone(self.flow), Arc::clone(&self.folk.directory));
        let (seal, inbox) = (self.folk.seal.clone(), Arc::clone(&self.inbox));
        let links = MailLinks::new(flow, directory, seal, inbox);
        let tools = self.config.notify.channels.iter();
        let tools = tools.filter_map(|channel| match &channel.kind {
            ChannelKind::Webhook(webhook) => {
                let decisions = webhook.decisions.clone()?;
                Some((channel.name.team().to_owned(), decisions))
            }
            ChannelKind::Slack { .. } | ChannelKind::Email { .. } => None,
        });
        let tools = TeamTools::new(Arc::clone(self.flow), tools);
        let slack = self.config.notify.slack.as_ref().map(|settings| {
            Interactions::new(SlackDesk {
                flow: Arc::clone(self.flow),
                directory: Arc::clone(&self.folk.directory),
                settings: settings.clone(),
                client: self.client.clone(),
                seal: self.folk.seal.clone(),
                inbox: Arc::clone(&self.inbox),
            })
        });
        Ok(Answering {
            links: Arc::new(links),
            tools: Arc::new(tools),
            slack: slack.transpose().map_err(StartError::Scheme)?.map(Arc::new),
        })
    }

    fn channel(&self, channel: &ChannelConfig) -> Result<Arc<dyn Channel>, StartError> {
        let name = channel.name.clone();
        let unusable = || StartError::Channel(name.clone());
        Ok(match &channel.kind {
            ChannelKind::Slack { channel } => {
                let settings = self.config.notify.slack.clone().ok_or_else(unusable)?;
                let client = self.client.clone();
                let seal = self.folk.seal.clone();
                Arc::new(SlackChannel::new(
                    name,
                    channel.clone(),
                    settings,
                    client,
                    seal,
                ))
            }
            ChannelKind::Email { to } => {
                let settings = self.config.notify.email.as_ref().ok_or_else(unusable)?;
                let ports = EmailPorts {
                    inbox: Arc::clone(&self.inbox),
                    seal: self.folk.seal.clone(),
                    directory: Arc::clone(&self.folk.directory),
                    store: Arc::clone(self.store),
                    clock: self.clock,
                };
                let channel = EmailChannel::new(name.clone(), to, settings, ports);
                Arc::new(channel.map_err(|reason| StartError::Email { name, reason })?)
            }
            ChannelKind::Webhook(settings) => {
                let client = self.client.clone();
                Arc::new(WebhookChannel::new(
                    name,
                    settings.clone(),
                    client,
                    self.clock,
                ))
            }
        })
    }

    fn herald(&self, channel: Arc<dyn Channel>) -> Herald {
        Herald {
            channel,
            store: Arc::clone(self.store),
            clock: self.clock,
            observer: Arc::clone(self.observer),
            inbox: Arc::clone(&self.inbox),
            concurrency: AT_ONCE,
            lease: lease(self.config.outbox.timeout),
            terms: Arc::new(sources::orphaned(self.config)),
        }
    }
}
