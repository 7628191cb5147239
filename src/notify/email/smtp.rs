//! One conversation with the mail server. Nothing is said to a server that did not prove who it is, but to one on loopback
//! where the config wants no more.

use std::time::Duration;

use lettre::address::Envelope;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, TlsParameters, TlsParametersBuilder,
};
use lettre::transport::smtp::extension::ClientId;
use tokio::time::{Instant, timeout_at};

use super::EmailUnusable;
use crate::credential::Credential;
use crate::domain::rationale::{bounded, visible};
use crate::notify::{EmailSettings, SmtpSecurity};

/// How long a server may take to be reached, TLS included.
const CONNECT: Duration = Duration::from_secs(10);

/// The most characters of what a server said.
const LONGEST_WORDS: usize = 200;

/// As many characters of a secret give it away.
const TELLING: usize = 8;

/// How mail leaves.
#[derive(Debug, Clone)]
pub(super) struct Server {
    host: String,
    port: u16,
    way: Way,
    login: Option<(String, Credential)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Secured {
    AtOnce,
    OnceAsked,
}

#[derive(Clone)]
enum Way {
    Tls(Secured, TlsParameters),
    Plain,
}

// What it trusts cannot be printed.
impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tls(secured, _) => write!(f, "Tls({secured:?})"),
            Self::Plain => f.write_str("Plain"),
        }
    }
}

/// Why a mail did not leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unsent {
    /// Perhaps later.
    NotNow(String),
    /// Perhaps it did: nobody said so. Later again.
    Lost(String),
    /// Never, as it is.
    Refused(String),
}

/// A connection that is ready for mail.
pub(super) struct Conversation(AsyncSmtpConnection);

impl Server {
    /// The server of `settings`, proven by the platform's roots and by `roots`, which is PEM.
    pub(super) fn new(settings: &EmailSettings, roots: &[&[u8]]) -> Result<Self, EmailUnusable> {
        let tls = || {
            let mut builder = TlsParametersBuilder::new(settings.host.clone());
            for pem in roots {
                let root = Certificate::from_pem(pem).map_err(EmailUnusable::Tls)?;
                builder = builder.add_root_certificate(root);
            }
            builder.build().map_err(EmailUnusable::Tls)
        };
        let way = match settings.security {
            SmtpSecurity::Tls => Way::Tls(Secured::AtOnce, tls()?),
            SmtpSecurity::StartTls => Way::Tls(Secured::OnceAsked, tls()?),
            SmtpSecurity::Plain if is_loopback(&settings.host) => Way::Plain,
            SmtpSecurity::Plain => return Err(EmailUnusable::Plain(settings.host.clone())),
        };
        Ok(Self {
            host: settings.host.clone(),
            port: settings.port,
            way,
            login: settings.login.clone(),
        })
    }

    /// Connects and logs in, until `end` at the latest.
    pub(super) async fn open(&self, end: Instant) -> Result<Conversation, Unsent> {
        let connecting = end.min(Instant::now() + CONNECT);
        let mut connection = match timeout_at(connecting, self.connect()).await {
            Ok(connected) => connected.map_err(|error| unsent(&error, &[]))?,
            Err(_) => return Err(self.silent()),
        };
        let Some((user, credential)) = &self.login else {
            return Ok(Conversation(connection));
        };
        let password = credential
            .read()
            .map_err(|error| Unsent::NotNow(error.to_string()))?;
        let login = Credentials::new(user.clone(), password.expose().to_owned());
        match timeout_at(end, connection.auth(DEFAULT_MECHANISMS, &login)).await {
            Ok(Ok(_)) => Ok(Conversation(connection)),
            Ok(Err(error)) => {
                // What the server says of a login may hold the login.
                let code = error.status().map(|code| format!(" ({code})"));
                let said = format!(
                    "`{}` refused the login{}",
                    self.host,
                    code.unwrap_or_default()
                );
                Err(if error.is_permanent() {
                    Unsent::Refused(said)
                } else {
                    Unsent::NotNow(said)
                })
            }
            Err(_) => Err(self.silent()),
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, lettre::transport::smtp::Error> {
        let (at_once, once_asked) = match &self.way {
            Way::Tls(Secured::AtOnce, tls) => (Some(tls.clone()), None),
            Way::Tls(Secured::OnceAsked, tls) => (None, Some(tls.clone())),
            Way::Plain => (None, None),
        };
        let hello = ClientId::default();
        let to = (self.host.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(to, Some(CONNECT), &hello, at_once, None).await?;
        if let Some(tls) = once_asked {
            connection.starttls(tls, &hello).await?;
        }
        Ok(connection)
    }

    /// Hands over one mail, until `end` at the latest. `secrets` are not repeated though the server does.
    pub(super) async fn send(
        &self,
        conversation: &mut Conversation,
        envelope: &Envelope,
        mail: &[u8],
        secrets: &[&str],
        end: Instant,
    ) -> Result<(), Unsent> {
        match timeout_at(end, conversation.0.send(envelope, mail)).await {
            Ok(Ok(_)) => Ok(()),
            // An address that this server cannot take is not taken later either.
            Ok(Err(error)) if error.is_client() => Err(Unsent::Refused(words(&error, secrets))),
            Ok(Err(error)) if error.is_permanent() || error.is_transient() => {
                Err(unsent(&error, secrets))
            }
            Ok(Err(error)) => Err(Unsent::Lost(words(&error, secrets))),
            Err(_) => Err(Unsent::Lost(self.silence())),
        }
    }

    fn silent(&self) -> Unsent {
        Unsent::NotNow(self.silence())
    }

    fn silence(&self) -> String {
        format!("no answer from `{}` in time", self.host)
    }
}

impl Conversation {
    /// Takes leave, as far as the server listens until `end`.
    pub(super) async fn close(mut self, end: Instant) {
        let _the_mail_is_gone_anyway = timeout_at(end, self.0.quit()).await;
    }
}

fn unsent(error: &lettre::transport::smtp::Error, secrets: &[&str]) -> Unsent {
    let words = words(error, secrets);
    if error.is_permanent() {
        Unsent::Refused(words)
    } else {
        Unsent::NotNow(words)
    }
}

/// What went wrong, as the server says it, unless that holds a piece of a secret: filters for spam like to quote.
fn words(error: &lettre::transport::smtp::Error, secrets: &[&str]) -> String {
    let said = error.to_string();
    let gives_away = |secret: &&str| {
        let characters: Vec<char> = secret.chars().collect();
        let mut pieces = characters.windows(TELLING);
        pieces.any(|piece| said.contains(&piece.iter().collect::<String>()))
    };
    if secrets.iter().any(gives_away) {
        return match error.status() {
            Some(code) => format!("the server answered {code}"),
            None => "the server answered something else than it should".to_owned(),
        };
    }
    bounded(&visible(&said), LONGEST_WORDS)
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let address = address.parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}
