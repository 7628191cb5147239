//! Who sent these bytes? A [`Verified`] value is the only proof, and only [`Verifier::verify`] makes one.
//!
//! Every check that is configured must hold. A signature proves the sender and the body; a static header or a secret
//! path proves the sender alone; a user agent proves nothing. Signatures are computed over the raw bytes, before anyone
//! parses them, and compared in full length and constant time.

mod mac;
mod signed_text;
mod hmac;
mod ecdsa;
mod standard;
mod check;
mod sign;

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use jiff::{SignedDuration, Timestamp};

pub use ecdsa::{
    EcdsaCheck, EcdsaScheme, InvalidPrivateKey, InvalidPublicKey, PrivateKey, PublicKey,
};
pub use hmac::{Encoding, HmacCheck, HmacScheme};
pub use mac::Algorithm;
pub use sign::{Signed, Unsignable};
pub use signed_text::{InvalidScheme, SignedText};
pub use standard::sign_by_each;

use crate::domain::request::Proven;
use crate::secret::Secret;

/// How far a timestamp may lie from our clock, both ways, where the config does not say otherwise.
pub const DEFAULT_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// The most signatures that are looked at in one header, so that a header cannot buy unbounded work.
pub const MAXIMUM_SIGNATURES: usize = 32;

/// What arrived: the bytes as they came, and what came with them.
pub struct Delivery {
    /// All headers.
    pub headers: HeaderMap,
    /// The raw body.
    pub body: Bytes,
    /// The part of the path after the source's own, where there is one.
    pub path_secret: Option<Secret>,
}

/// Something whose checks all held. There is no other way to make one.
pub struct Verified<T> {
    inner: T,
    strength: Strength,
    sender: Option<String>,
}

impl<T> Verified<T> {
    /// What was verified.
    pub fn get(&self) -> &T {
        &self.inner
    }

    /// What was verified, without its proof.
    pub fn into_inner(self) -> T {
        self.inner
    }

    /// What the checks proved.
    pub fn strength(&self) -> Strength {
        self.strength
    }

    /// The name behind the bearer token, where one was checked.
    pub fn sender(&self) -> Option<&str> {
        self.sender.as_deref()
    }

    /// What a policy is told about it.
    pub fn proven(&self) -> Proven {
        Proven {
            signature: self.strength == Strength::Body,
            record: false,
        }
    }
}

/// What checks prove when they hold, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Nothing: anyone could have sent it. Such a source must never be in `enforce`.
    Nothing,
    /// The sender knows a secret; the body is theirs only as far as the way here is.
    Sender,
    /// The sender signed this body.
    Body,
}

/// The checks of one source. `S` is what a secret, or a public key, is kept as; it is read at each use, so that a rotated
/// file is seen.
#[derive(Debug, Clone)]
pub struct Verifier<S> {
    checks: Vec<Check<S>>,
}

/// One thing that must hold. With several secrets, any of them will do: that is how one is rotated.
#[derive(Debug, Clone)]
pub enum Check<S> {
    /// A keyed hash in a header.
    Hmac(HmacCheck<S>),
    /// A signature with the platform's private key in a header.
    Ecdsa(EcdsaCheck<S>),
    /// Standard Webhooks 1.0, symmetric signatures (`v1`).
    StandardWebhooks {
        /// Keys in base64, with or without `whsec_` before them.
        secrets: Vec<S>,
        /// How far the sender's time may lie from ours, both ways.
        tolerance: SignedDuration,
    },
    /// A header that holds a secret.
    StaticHeader {
        /// The header.
        name: HeaderName,
        /// What it may hold.
        secrets: Vec<S>,
    },
    /// A secret at the end of the path.
    SecretPath {
        /// What it may be.
        secrets: Vec<S>,
    },
    /// A bearer token, which also names its holder.
    BearerToken {
        /// The tokens that are known.
        tokens: Vec<NamedToken<S>>,
    },
    /// A `User-Agent`, to the letter. Anyone can send it.
    UserAgent {
        /// What it must be.
        expected: String,
    },
}

/// A token and whose it is.
#[derive(Debug, Clone)]
pub struct NamedToken<S> {
    /// The holder.
    pub name: String,
    /// The token.
    pub token: S,
}

/// Why a delivery is not what it claims to be. The message may be shown to the sender: it says what was looked at, never
/// what was expected there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// There is no signature.
    #[error("the header `{0}` with the signature is missing")]
    SignatureMissing(HeaderName),
    /// The signature's header comes more than once.
    #[error("the header `{0}` is given more than once")]
    SignatureRepeated(HeaderName),
    /// The header holds nothing that could be a signature.
    #[error("the header `{0}` does not hold a signature in the configured form")]
    SignatureMalformed(HeaderName),
    /// None of the signatures has a version that is known.
    #[error("the header `{0}` holds no signature of a known version")]
    SignatureVersion(HeaderName),
    /// There are more signatures than are looked at.
    #[error("the header `{0}` holds more than {MAXIMUM_SIGNATURES} signatures")]
    SignaturesTooMany(HeaderName),
    /// No secret gives this signature for this body.
    #[error("the signature in `{0}` does not match")]
    SignatureWrong(HeaderName),
    /// The timestamp is missing.
    #[error("the header `{0}` with the timestamp is missing")]
    TimestampMissing(HeaderName),
    /// The timestamp's header comes more than once, or does not hold one.
    #[error("the header `{0}` does not hold one timestamp")]
    TimestampMalformed(HeaderName),
    /// The timestamp is too old: perhaps a replay.
    #[error("the timestamp in `{0}` is too old")]
    TimestampStale(HeaderName),
    /// The timestamp is too far ahead of our clock.
    #[error("the timestamp in `{0}` is too far in the future")]
    TimestampAhead(HeaderName),
    /// The delivery id is missing.
    #[error("the header `{0}` with the delivery id is missing")]
    IdMissing(HeaderName),
    /// The delivery id comes more than once, or could be taken for another part of what was signed.
    #[error("the header `{0}` does not hold one delivery id")]
    IdMalformed(HeaderName),
    /// The header with the secret is missing.
    #[error("the header `{0}` is missing")]
    HeaderMissing(HeaderName),
    /// The header with the secret comes more than once, or holds something else.
    #[error("the header `{0}` does not match")]
    HeaderWrong(HeaderName),
    /// The path does not end in the secret.
    #[error("the path does not end in the secret of this source")]
    PathWrong,
    /// There is no bearer token.
    #[error("the header `authorization` must hold one bearer token, as in `Bearer …`")]
    TokenMissing,
    /// The bearer token is nobody's.
    #[error("the bearer token is not known here")]
    TokenWrong,
    /// The user agent is another one.
    #[error("the `User-Agent` is not the expected one")]
    UserAgentWrong,
    /// None of the readable secrets matched, and at least one could not be read or used: the fault is ours.
    #[error("the sender could not be verified now; try again later")]
    SecretUnusable {
        /// What is wrong with the secret. For our log, not for the sender.
        problem: String,
    },
}

impl Unverified {
    /// A short word for a metric's label.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::SignatureMissing(_) => "signature_missing",
            Self::SignatureRepeated(_) => "signature_repeated",
            Self::SignatureMalformed(_) => "signature_malformed",
            Self::SignatureVersion(_) => "signature_version",
            Self::SignaturesTooMany(_) => "signatures_too_many",
            Self::SignatureWrong(_) => "signature_wrong",
            Self::TimestampMissing(_) => "timestamp_missing",
            Self::TimestampMalformed(_) => "timestamp_malformed",
            Self::TimestampStale(_) => "timestamp_stale",
            Self::TimestampAhead(_) => "timestamp_ahead",
            Self::IdMissing(_) => "id_missing",
            Self::IdMalformed(_) => "id_malformed",
            Self::HeaderMissing(_) => "header_missing",
            Self::HeaderWrong(_) => "header_wrong",
            Self::PathWrong => "path_wrong",
            Self::TokenMissing => "token_missing",
            Self::TokenWrong => "token_wrong",
            Self::UserAgentWrong => "user_agent_wrong",
            Self::SecretUnusable { .. } => "secret_unusable",
        }
    }
}

impl<S> Verifier<S> {
    /// The verifier that asks for all of `checks`. With none, everything passes and nothing is proven.
    pub fn new(checks: Vec<Check<S>>) -> Self {
        Self { checks }
    }

    /// What holds of a delivery that passes.
    pub fn strength(&self) -> Strength {
        self.checks
            .iter()
            .map(Check::strength)
            .max()
            .unwrap_or(Strength::Nothing)
    }

    /// Whether deliveries carry a secret as the last part of their path.
    pub fn expects_path_secret(&self) -> bool {
        self.checks
            .iter()
            .any(|check| matches!(check, Check::SecretPath { .. }))
    }

    /// Every secret that the checks use, in the order of the checks; to try them when the program starts.
    pub fn secrets(&self) -> impl Iterator<Item = &S> {
        self.checks.iter().flat_map(Check::secrets)
    }

    /// Holds `delivery` against every check at the time `now`. `read` gives the text of a secret; one that cannot be
    /// read matches nothing, the others still count.
    pub fn verify<E: std::fmt::Display>(
        &self,
        delivery: Delivery,
        now: Timestamp,
        read: impl Fn(&S) -> Result<Secret, E>,
    ) -> Result<Verified<Delivery>, Unverified> {
        let mut sender = None;
        let read = |secret: &S| read(secret).map_err(|error| error.to_string());
        for check in &self.checks {
            if let Some(holder) = check.hold(&delivery, now, &read)? {
                sender = Some(holder.to_owned());
            }
        }
        Ok(Verified {
            inner: delivery,
            strength: self.strength(),
            sender,
        })
    }
}

#[cfg(test)]
mod tests;
