//! What a source is configured with: who asks, how they prove it, what of their request means what, and how they are
//! answered.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;

use super::{Mode, RateLimit};
use crate::credential::Credential;
use crate::domain::id::SourceName;
use crate::signature::EcdsaCheck;

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
    pub forward_to: Option<Url>,
    /// JSON pointers to what may differ between two deliveries of one request. None at our own API.
    pub volatile: Vec<String>,
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
    TraceMem(TraceMemConfig),
    /// Our own API.
    Http(HttpConfig),
}

/// What a TraceMem source has.
#[derive(Debug, Clone)]
pub struct TraceMemConfig {
    /// Where answers go; its path is the prefix of every call.
    pub api_url: Url,
    /// What answers are sent with. There always is one in `enforce`.
    pub credential: Option<Credential>,
    /// When the credential stops working.
    pub credential_expires: Option<Timestamp>,
    /// All of these must hold. There is more than a user agent in `enforce`.
    pub verify: Vec<VerifyConfig>,
    /// Where in the payload a policy's facts are.
    pub fields: BTreeMap<FieldName, FieldConfig>,
    /// An approval that could not be sent for this long is not sent any more.
    pub answer_within: Duration,
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
        name: String,
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
    pub header: String,
    /// The hash.
    pub algorithm: HmacAlgorithm,
    /// How the signature is written.
    pub encoding: HmacEncoding,
    /// What stands before the signature.
    pub prefix: String,
    /// The template of what is signed; [`crate::signature::SignedText`] takes it.
    pub(super) signed: String,
    /// The header with the time; there is one if and only if the time is signed.
    pub timestamp_header: Option<String>,
    /// The header with the delivery's id; there is one if and only if the id is signed.
    pub id_header: Option<String>,
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

/// A fact that a platform has no field of its own for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FieldName {
    /// What the agent wants to do.
    Action,
    /// Who wants to do it.
    Agent,
    /// The facts of the ask.
    Context,
}

/// Where a fact is.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldConfig {
    /// At this JSON pointer of the payload.
    Pointer(String),
    /// This, whatever the payload says.
    Value(serde_json::Value),
    /// Inside a string of the payload that is itself JSON.
    Inside {
        /// JSON pointer to the string.
        at: String,
        /// JSON pointer inside it.
        json: String,
    },
}

impl HmacConfig {
    /// What is signed, as a good template with `{body}`, `{timestamp}` and `{id}`.
    pub fn template(&self) -> &str {
        &self.signed
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
            volatile: Vec::new(),
            body_limit: 1024 * 1024,
            rate_limit: None,
            kind: SourceKind::Http(HttpConfig { tokens: Vec::new() }),
        }
    }

    /// Whether whoever asks here has to prove who they are.
    pub fn verified(&self) -> bool {
        match &self.kind {
            SourceKind::TraceMem(tracemem) => tracemem
                .verify
                .iter()
                .any(|way| !matches!(way, VerifyConfig::UserAgent(_))),
            SourceKind::Http(http) => !http.tokens.is_empty(),
        }
    }
}

/// Where a source is delivered that does not say so.
pub(super) fn default_path(name: &SourceName) -> String {
    format!("/v1/sources/{name}")
}
