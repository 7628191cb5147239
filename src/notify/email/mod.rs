//! Mail to a team: one for each address, since each has a link of its own.
//!
//! What must hold: the link is for whoever reads the mail of that address, and for this question; nobody is asked about what
//! their own agent asks, and nobody is told the end of what they were not asked; a mail that was taken is not sent again
//! because another was not; a server that does not prove who it is gets nothing.

mod letter;
mod link;
mod smtp;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lettre::Address;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use tokio::time::Instant;

pub use letter::{Row, ended, moment, progress, rows};
pub use link::MailLink;

use letter::Letter;
use smtp::{Conversation, Server, Unsent};

use crate::clock::Clock;
use crate::domain::effect::Reached;
use crate::domain::id::ContentDigest;
use crate::domain::notice::{ChannelName, Occasion};
use crate::identity::{Directory, Seal};
use crate::notify::{Channel, EmailSettings, Message, Telling};
use crate::store::{Spent, Store, StoreError};

/// How long all mails of one message may take together. What is left then goes with the next attempt.
const PATIENCE: Duration = Duration::from_secs(30);

/// A team that is told by mail.
pub struct EmailChannel {
    name: ChannelName,
    to: Vec<Mailbox>,
    from: Mailbox,
    server: Server,
    ports: EmailPorts,
}

/// What telling by mail takes beside the server.
#[derive(Clone)]
pub struct EmailPorts {
    /// Where people reach us, with no `/` at its end.
    pub inbox: Arc<str>,
    /// What links are sealed with.
    pub seal: Seal,
    /// Who reads the mail of which address.
    pub directory: Arc<Directory>,
    /// Where it is kept who was told.
    pub store: Arc<dyn Store>,
    /// The clock.
    pub clock: Clock,
}

/// Why no mail could ever leave.
#[derive(Debug, thiserror::Error)]
pub enum EmailUnusable {
    /// It is no address.
    #[error(
        "`{0}` is not an e-mail address; write it as `alice@example.com` or `Alice <alice@example.com>`"
    )]
    Address(String),
    /// There is nobody to write to.
    #[error("there is no address to write to; list at least one")]
    Nobody,
    /// The way to the server is open to everybody.
    #[error(
        "mail to `{0}` would go unprotected; use `tls` or `starttls`, or a server on this machine"
    )]
    Plain(String),
    /// TLS cannot be set up.
    #[error("TLS to the mail server cannot be set up")]
    Tls(#[source] lettre::transport::smtp::Error),
}

/// Tells other programs not to answer: no holiday note is sent back.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl EmailChannel {
    /// Tells `to` by the server of `settings`, which is proven by the platform's roots.
    pub fn new(
        name: ChannelName,
        to: &[String],
        settings: &EmailSettings,
        ports: EmailPorts,
    ) -> Result<Self, EmailUnusable> {
        Self::trusting(name, to, settings, ports, &[])
    }

    /// The same with more roots, each as PEM: for a server whose certificate is the company's own.
    pub fn trusting(
        name: ChannelName,
        to: &[String],
        settings: &EmailSettings,
        ports: EmailPorts,
        roots: &[&[u8]],
    ) -> Result<Self, EmailUnusable> {
        let mailbox = |text: &String| {
            let mailbox = text.trim().parse::<Mailbox>();
            mailbox.map_err(|_| EmailUnusable::Address(text.clone()))
        };
        let to: Vec<Mailbox> = to.iter().map(mailbox).collect::<Result<_, _>>()?;
        if to.is_empty() {
            return Err(EmailUnusable::Nobody);
        }
        Ok(Self {
            name,
            to,
            from: mailbox(&settings.from)?,
            server: Server::new(settings, roots)?,
            ports,
        })
    }

    /// Mails everybody in `to` and says who was not because of what; `reached` says whether others were mailed before.
    async fn mail(&self, message: &Message, to: Vec<&Mailbox>, mut reached: Reached) -> Telling {
        let end = Instant::now() + PATIENCE;
        let mut conversation: Option<Conversation> = None;
        let (mut later, mut never) = (Vec::new(), Vec::new());
        for mailbox in to {
            let address = mailbox.email.to_string();
            let written = match self.write(message, mailbox) {
                Ok(Some(written)) => written,
                Ok(None) => continue,
                Err(problem) => {
                    later.push(format!("{address}: {problem}"));
                    continue;
                }
            };
            let opened = match conversation.take() {
                Some(open) => Ok(open),
                None => self.server.open(end).await,
            };
            let mut open = match opened {
                Ok(open) => open,
                // The next address would fare no better.
                Err(Unsent::NotNow(error) | Unsent::Lost(error)) => return retry(error, reached),
                Err(Unsent::Refused(error)) => return Telling::Failed { error, reached },
            };
            let asked = match self.asking(message, &mailbox.email).await {
                Ok(asked) => asked,
                Err(error) => {
                    later.push(format!("{address}: {error}"));
                    conversation = Some(open);
                    continue;
                }
            };
            let secrets: Vec<&str> = written.token.as_deref().into_iter().collect();
            let envelope = written.mail.envelope();
            let taken = self
                .server
                .send(
                    &mut open,
                    envelope,
                    &written.mail.formatted(),
                    &secrets,
                    end,
                )
                .await;
            match taken {
                Ok(()) => {
                    reached = Reached::Perhaps;
                    self.remember_sent(message, &mailbox.email).await;
                    conversation = Some(open);
                }
                Err(Unsent::Lost(error)) => {
                    reached = Reached::Perhaps;
                    later.push(format!("{address}: {error}"));
                }
                Err(Unsent::NotNow(error)) => {
                    self.take_back(asked).await;
                    later.push(format!("{address}: {error}"));
                }
                Err(Unsent::Refused(error)) => {
                    self.take_back(asked).await;
                    never.push(format!("{address}: {error}"));
                }
            }
        }
        if let Some(open) = conversation {
            open.close(end).await;
        }
        match (later.is_empty(), never.is_empty(), reached) {
            (true, true, Reached::Perhaps) => Telling::Told { handle: None },
            (true, true, Reached::No) => Telling::NoNews,
            (false, _, _) => retry(later.join("; "), reached),
            (true, false, _) => Telling::Failed {
                error: never.join("; "),
                reached,
            },
        }
    }

    /// The mail to one address, or why it cannot be written now.
    fn write(&self, message: &Message, to: &Mailbox) -> Result<Option<Written>, String> {
        let card = &message.card;
        let question = card.question.as_ref();
        let question = question.filter(|_| message.occasion.asks());
        let token = match question {
            Some(question) => {
                let address = to.email.to_string();
                let link = MailLink::new(card.case_id, card.digest, &address, question.deadline);
                let sealed = link.and_then(|link| link.sealed(&self.ports.seal));
                Some(sealed.map_err(|error| error.to_string())?)
            }
            None => None,
        };
        let link = (token.as_ref()).map(|token| format!("{}/mail/{token}", self.ports.inbox));
        let team = self.name.team();
        let Some(letter) = Letter::of(message.occasion, team, card, link, &message.link) else {
            return Ok(None);
        };
        let html = letter.html().map_err(|error| error.to_string())?;
        // Every mail of a case hangs on the case, whether or not its reader had the first.
        let thread = format!("<{}@{}>", card.case_id, self.from.email.domain());
        let mail = lettre::Message::builder()
            .from(self.from.clone())
            .to(to.clone())
            .subject(letter.subject.clone())
            .message_id(Some(self.message_id(message, &to.email)))
            .in_reply_to(thread.clone())
            .references(thread)
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(letter.text(), html));
        let mail = mail.map_err(|error| error.to_string())?;
        Ok(Some(Written { mail, token }))
    }

    /// The same for every attempt, so that a server which was sent it twice can tell.
    fn message_id(&self, message: &Message, to: &Address) -> String {
        let reader = ContentDigest::of(&[b"reader", to.to_string().as_bytes()]);
        let reader: String = reader.to_string().chars().take(12).collect();
        format!("<{}.{reader}@{}>", message.id, self.from.email.domain())
    }

    /// Who is to have `message` and has it not, and whether anybody has it.
    async fn left(&self, message: &Message) -> Result<(Vec<&Mailbox>, Reached), StoreError> {
        let (mut left, mut reached) = (Vec::new(), Reached::No);
        for mailbox in &self.to {
            if (self.ports.store)
                .spent(sent_key(message, &mailbox.email))
                .await?
            {
                reached = Reached::Perhaps;
            } else if self.is_meant(message, &mailbox.email).await? {
                left.push(mailbox);
            }
        }
        Ok((left, reached))
    }

    /// Whether `to` is to have `message`: who was asked is told the rest, and nobody is asked about what their own agent asks.
    async fn is_meant(&self, message: &Message, to: &Address) -> Result<bool, StoreError> {
        if message.occasion.asks() {
            let (directory, agent) = (&self.ports.directory, message.agent.as_deref());
            return Ok(!directory.is_owner(to.as_ref(), agent, self.ports.clock.now()));
        }
        self.ports.store.spent(self.asked_key(message, to)).await
    }

    /// Keeps that `to` was asked, if `message` asks, before the mail leaves: whatever becomes of the answer to it, or of this
    /// process, they are told the end. Returns what to take back if the mail surely did not arrive.
    async fn asking(
        &self,
        message: &Message,
        to: &Address,
    ) -> Result<Option<ContentDigest>, StoreError> {
        if !message.occasion.asks() {
            return Ok(None);
        }
        let (key, now) = (self.asked_key(message, to), self.ports.clock.now());
        let until = message.remembered_until(now);
        let spent = self.ports.store.spend(key, until, now).await?;
        Ok((spent == Spent::Now).then_some(key))
    }

    async fn take_back(&self, asked: Option<ContentDigest>) {
        let Some(asked) = asked else {
            return;
        };
        if let Err(error) = self.ports.store.forget(asked).await {
            self.cannot_keep("they are told the end of what they were not asked", &error);
        }
    }

    /// What stands for `to` having been asked, by this channel, about the case of `message`: perhaps, as far as anybody knows.
    fn asked_key(&self, message: &Message, to: &Address) -> ContentDigest {
        let (channel, case) = (self.name.as_str(), message.card.case_id.to_string());
        let to = to.to_string();
        ContentDigest::of(&[
            b"mail asked",
            channel.as_bytes(),
            case.as_bytes(),
            to.as_bytes(),
        ])
    }

    async fn remember_sent(&self, message: &Message, to: &Address) {
        let now = self.ports.clock.now();
        let until = message.remembered_until(now);
        let key = sent_key(message, to);
        if let Err(error) = self.ports.store.spend(key, until, now).await {
            self.cannot_keep("they may be mailed twice", &error);
        }
    }

    fn cannot_keep(&self, therefore: &str, error: &StoreError) {
        tracing::warn!(
            channel.name = self.name.as_str(),
            error = error as &dyn std::error::Error,
            "it could not be kept who was mailed; {therefore}: {error}"
        );
    }
}

struct Written {
    mail: lettre::Message,
    /// The capability in it.
    token: Option<String>,
}

#[async_trait]
impl Channel for EmailChannel {
    fn name(&self) -> &ChannelName {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "email"
    }

    async fn tell(&self, message: &Message) -> Telling {
        if message.occasion == Occasion::Voted {
            return Telling::NoNews;
        }
        match self.left(message).await {
            Ok((left, reached)) => self.mail(message, left, reached).await,
            Err(error) => retry(error.to_string(), Reached::No),
        }
    }
}

fn retry(error: String, reached: Reached) -> Telling {
    Telling::Retry {
        after: None,
        error,
        reached,
    }
}

/// What stands for `to` having been sent `message`.
fn sent_key(message: &Message, to: &Address) -> ContentDigest {
    let to = to.to_string();
    ContentDigest::of(&[b"mail sent", message.id.as_bytes(), to.as_bytes()])
}
