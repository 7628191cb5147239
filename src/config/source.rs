//! What a source is configured with: who asks, how they prove it, what of their request means what, and how they are
//! answered.

use std::time::Duration;

use http::HeaderName;
use jiff::{SignedDuration, Timestamp};

use super::{Mode, RateLimit};
use crate::credential::Credential;
use crate::domain::id::SourceName;
use crate::json::Pointer;
use crate::signature::{
    Algorithm, Check, EcdsaCheck, Encoding, HmacScheme, InvalidScheme, SignedText, Verifier,
};
use crate::source::webhook::Settings;
use crate::source::{FieldMap, WebUrl};

/// A platform or a group of agents that asks.
#[derive(Debug, Clone)]
pub struct SourceConfig {
    /// Its name.
    pub name: SourceName,
    /// Whether its requests are answered.
    pub mode: Mode,
    /// Where its events are delivered; starts with `/`, has no `/` at its end.
    pub path: String,
    /// Where events go on to, byte for byte.
    pub forward_to: Option<WebUrl>,
    /// The most bytes of a body.
    pub body_limit: u64,
    /// The most requests a second.
    pub rate_limit: RateLimit,
    /// What only this kind of source has.
    pub kind: SourceKind,
}

/// The kinds of source there are.
#[derive(Debug, Clone)]
pub enum SourceKind {
    /// TraceMem's webhooks.
    TraceMem(Box<TraceMemConfig>),
    /// Our own API.
    Http(HttpConfig),
    /// Any platform that asks by webhook, `agentwarden` among them.
    Webhook(Box<WebhookConfig>),
}

/// What a TraceMem source has.
#[derive(Debug, Clone)]
pub struct TraceMemConfig {
    /// Where answers go; its path is the prefix of every call.
    pub api_url: WebUrl,
    /// What answers are sent with. There always is one in `enforce`.
    pub credential: Option<Credential>,
    /// When the credential stops working.
    pub credential_expires: Option<Timestamp>,
    /// All of these must hold. There is more than a user agent in `enforce`.
    pub verify: Vec<VerifyConfig>,
    /// Where in the payload a policy's facts are.
    pub fields: FieldMap,
    /// What may differ between two deliveries of one request.
    pub volatile: Vec<Pointer>,
    /// An approval that could not be sent for this long is not sent any more.
    pub answer_within: Duration,
}

/// What a source has whose platform is described by configuration.
#[derive(Debug, Clone)]
pub struct WebhookConfig {
    /// What it works with. In `enforce` it says how to answer.
    pub settings: Settings,
    /// What `settings.verify` checks, as it is written.
    pub verify: Vec<VerifyConfig>,
    /// When what answers are sent with stops working.
    pub credential_expires: Option<Timestamp>,
    /// An approval that could not be sent for this long is not sent any more.
    pub answer_within: Duration,
    /// The longest rationale that the platform is sent, in characters.
    pub rationale_limit: usize,
    /// Which events are passed on. It matters only where there is a `forward_to`.
    pub forward: Forward,
}

/// Which of a platform's events are passed on while its requests are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forward {
    /// All but the requests.
    Events,
    /// The requests too.
    All,
}

/// What a source at our own API has.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// The agents that may ask. An agent may have several tokens; a token has one agent, in one source.
    pub tokens: Vec<AgentToken>,
}

/// One agent's token.
#[derive(Debug, Clone)]
pub struct AgentToken {
    /// The agent, as policies see it.
    pub agent: String,
    /// What it proves it with.
    pub token: Credential,
}

/// One way in which a sender proves who they are.
#[derive(Debug, Clone)]
pub enum VerifyConfig {
    /// A signature over the body.
    Hmac(HmacConfig),
    /// A signature over the body that only the platform can make.
    Ecdsa(EcdsaCheck<Credential>),
    /// Standard Webhooks 1.0.
    StandardWebhooks {
        /// `whsec_` secrets, of which any one is enough.
        secrets: Vec<Credential>,
        /// How far its time may be from ours.
        tolerance: Duration,
    },
    /// A secret in a header.
    StaticHeader {
        /// The header.
        name: HeaderName,
        /// Of which any one is enough.
        secrets: Vec<Credential>,
    },
    /// A secret as the last part of the path.
    SecretPath(Credential),
    /// The exact user agent. Proves nothing alone.
    UserAgent(String),
}

/// How a body is signed.
#[derive(Debug, Clone)]
pub struct HmacConfig {
    /// The header with the signature.
    pub header: HeaderName,
    /// The hash.
    pub algorithm: HmacAlgorithm,
    /// How the signature is written.
    pub encoding: HmacEncoding,
    /// What stands before the signature.
    pub prefix: String,
    /// The template of what is signed; [`crate::signature::SignedText`] takes it.
    pub(super) signed: String,
    /// The header with the time; there is one if and only if the time is signed.
    pub timestamp_header: Option<HeaderName>,
    /// The header with the delivery's id; there is one if and only if the id is signed.
    pub id_header: Option<HeaderName>,
    /// How far the sender's time may be from ours.
    pub tolerance: Duration,
    /// Of which any one is enough; at least one.
    pub secrets: Vec<Credential>,
}

/// The hash of an HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HmacAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// How a signature is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HmacEncoding {
    /// Hexadecimal digits.
    Hex,
    /// Base64 with padding.
    Base64,
}

impl HmacConfig {
    /// The scheme that it describes.
    pub fn scheme(&self) -> Result<HmacScheme<Credential>, InvalidScheme> {
        Ok(HmacScheme {
            header: self.header.clone(),
            algorithm: match self.algorithm {
                HmacAlgorithm::Sha256 => Algorithm::Sha256,
                HmacAlgorithm::Sha512 => Algorithm::Sha512,
            },
            encoding: match self.encoding {
                HmacEncoding::Hex => Encoding::Hex,
                HmacEncoding::Base64 => Encoding::Base64,
            },
            prefix: self.prefix.clone(),
            signed: SignedText::parse(&self.signed)?,
            timestamp_header: self.timestamp_header.clone(),
            id_header: self.id_header.clone(),
            tolerance: signed(self.tolerance),
            secrets: self.secrets.clone(),
        })
    }
}

impl VerifyConfig {
    /// What checks all of `ways`.
    pub fn verifier(ways: &[Self]) -> Result<Verifier<Credential>, InvalidScheme> {
        ways.iter()
            .map(Self::check)
            .collect::<Result<_, _>>()
            .map(Verifier::new)
    }

    fn check(&self) -> Result<Check<Credential>, InvalidScheme> {
        Ok(match self {
            Self::Hmac(hmac) => Check::Hmac(hmac.scheme()?.check()?),
            Self::Ecdsa(check) => Check::Ecdsa(check.clone()),
            Self::StandardWebhooks { secrets, tolerance } => Check::StandardWebhooks {
                secrets: secrets.clone(),
                tolerance: signed(*tolerance),
            },
            Self::StaticHeader { name, secrets } => Check::StaticHeader {
                name: name.clone(),
                secrets: secrets.clone(),
            },
            Self::SecretPath(secret) => Check::SecretPath {
                secrets: vec![secret.clone()],
            },
            Self::UserAgent(expected) => Check::UserAgent {
                expected: expected.clone(),
            },
        })
    }
}

impl SourceConfig {
    /// A source at our own API with the defaults: dry-run, and no tokens yet.
    pub fn http(name: SourceName) -> Self {
        Self {
            path: default_path(&name),
            name,
            mode: Mode::DryRun,
            forward_to: None,
            body_limit: 1024 * 1024,
            rate_limit: None,
            kind: SourceKind::Http(HttpConfig { tokens: Vec::new() }),
        }
    }

    /// How its senders prove who they are; nothing at our own API, where it is by a token.
    pub fn verify(&self) -> &[VerifyConfig] {
        match &self.kind {
            SourceKind::TraceMem(tracemem) => &tracemem.verify,
            SourceKind::Webhook(webhook) => &webhook.verify,
            SourceKind::Http(_) => &[],
        }
    }

    /// Whether whoever asks here has to prove who they are.
    pub fn verified(&self) -> bool {
        match &self.kind {
            SourceKind::TraceMem(_) | SourceKind::Webhook(_) => self
                .verify()
                .iter()
                .any(|way| !matches!(way, VerifyConfig::UserAgent(_))),
            SourceKind::Http(http) => !http.tokens.is_empty(),
        }
    }

    /// When what its answers are sent with stops working.
    pub fn credential_expires(&self) -> Option<Timestamp> {
        match &self.kind {
            SourceKind::TraceMem(tracemem) => tracemem.credential_expires,
            SourceKind::Webhook(webhook) => webhook.credential_expires,
            SourceKind::Http(_) => None,
        }
    }
}

/// Where a source is delivered that does not say so.
pub(super) fn default_path(name: &SourceName) -> String {
    format!("/v1/sources/{name}")
}

/// The same length for those who reckon with times before and after.
pub(super) fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
