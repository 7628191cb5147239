//! Who sent these bytes? A [`Verified`] value is the only proof, and only [`Verifier::verify`] makes one.
//!
//! Every check that is configured must hold. A signature proves the sender and the body; a static header or a secret
//! path proves the sender alone; a user agent proves nothing. Signatures are computed over the raw bytes, before anyone
//! parses them, and compared in full length and constant time.

mod mac;
mod hmac;
mod standard;
mod sign;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, header};
use jiff::{SignedDuration, Timestamp};

pub use hmac::{Encoding, HmacCheck, HmacScheme, InvalidScheme, SignedText};
pub use mac::Algorithm;
pub use sign::{Signed, Unsignable};

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

/// The checks of one source. `S` is what a secret is kept as; it is read at each use, so that a rotated file is seen.
#[derive(Debug, Clone)]
pub struct Verifier<S> {
    checks: Vec<Check<S>>,
}

/// One thing that must hold. With several secrets, any of them will do: that is how one is rotated.
#[derive(Debug, Clone)]
pub enum Check<S> {
    /// A keyed hash in a header.
    Hmac(HmacCheck<S>),
    /// Standard Webhooks 1.0, symmetric signatures (`v1`).
    StandardWebhooks {
        /// Keys in base64, with or without `whsec_` before them.
        secrets: Vec<S>,
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
    /// A `User-Agent`, to the letter. Anyone can send it.
    UserAgent {
        /// What it must be.
        expected: String,
    },
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
        for check in &self.checks {
            check.hold(&delivery, now, &|secret| {
                read(secret).map_err(|error| error.to_string())
            })?;
        }
        Ok(Verified {
            inner: delivery,
            strength: self.strength(),
        })
    }
}

impl<S> Check<S> {
    fn strength(&self) -> Strength {
        match self {
            Self::Hmac(_) | Self::StandardWebhooks { .. } => Strength::Body,
            Self::StaticHeader { .. } | Self::SecretPath { .. } => Strength::Sender,
            Self::UserAgent { .. } => Strength::Nothing,
        }
    }

    fn secrets(&self) -> &[S] {
        match self {
            Self::Hmac(check) => &check.0.secrets,
            Self::StandardWebhooks { secrets }
            | Self::StaticHeader { secrets, .. }
            | Self::SecretPath { secrets } => secrets,
            Self::UserAgent { .. } => &[],
        }
    }

    fn hold(
        &self,
        delivery: &Delivery,
        now: Timestamp,
        read: &ReadSecret<'_, S>,
    ) -> Result<(), Unverified> {
        match self {
            Self::Hmac(check) => check.hold(delivery, now, read),
            Self::StandardWebhooks { secrets } => standard::hold(secrets, delivery, now, read),
            Self::StaticHeader { name, secrets } => {
                let presented = only(&delivery.headers, name)
                    .map_err(|_| Unverified::HeaderWrong(name.clone()))?
                    .ok_or_else(|| Unverified::HeaderMissing(name.clone()))?;
                any_secret(
                    secrets,
                    read,
                    Unverified::HeaderWrong(name.clone()),
                    |secret| Ok(secret.matches(presented.as_bytes())),
                )
            }
            Self::SecretPath { secrets } => {
                let presented = delivery.path_secret.as_ref().ok_or(Unverified::PathWrong)?;
                any_secret(secrets, read, Unverified::PathWrong, |secret| {
                    Ok(secret.matches(presented.expose().as_bytes()))
                })
            }
            Self::UserAgent { expected } => match only(&delivery.headers, &header::USER_AGENT) {
                Ok(Some(agent)) if agent == expected => Ok(()),
                Ok(_) | Err(Ambiguous) => Err(Unverified::UserAgentWrong),
            },
        }
    }
}

/// How a check comes by the text of a secret; an error says why it cannot.
type ReadSecret<'a, S> = dyn Fn(&S) -> Result<Secret, String> + 'a;

/// A header that comes more than once, or is not printable ASCII.
struct Ambiguous;

/// The value of a header that may come once at most.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Ambiguous> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Ambiguous),
        (Some(_), Some(_)) => Err(Ambiguous),
    }
}

/// The signature in a header that must come exactly once.
fn only_signature<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a str, Unverified> {
    if headers.get_all(name).iter().nth(1).is_some() {
        return Err(Unverified::SignatureRepeated(name.clone()));
    }
    only(headers, name)
        .map_err(|Ambiguous| Unverified::SignatureMalformed(name.clone()))?
        .ok_or_else(|| Unverified::SignatureMissing(name.clone()))
}

/// The timestamp in a header, as text, if it lies within `tolerance` of `now`.
fn only_timestamp<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    tolerance: SignedDuration,
    now: Timestamp,
) -> Result<&'a str, Unverified> {
    let text = only(headers, name)
        .map_err(|Ambiguous| Unverified::TimestampMalformed(name.clone()))?
        .ok_or_else(|| Unverified::TimestampMissing(name.clone()))?;
    let at = read_timestamp(text).ok_or_else(|| Unverified::TimestampMalformed(name.clone()))?;
    let age = now.duration_since(at);
    if age > tolerance {
        return Err(Unverified::TimestampStale(name.clone()));
    }
    if -age > tolerance {
        return Err(Unverified::TimestampAhead(name.clone()));
    }
    Ok(text)
}

/// A moment as senders stamp it: Unix seconds, Unix milliseconds (12 digits or more), or RFC 3339 with its offset.
fn read_timestamp(text: &str) -> Option<Timestamp> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number = text.parse().ok()?;
        return if text.len() < 12 {
            Timestamp::from_second(number).ok()
        } else {
            Timestamp::from_millisecond(number).ok()
        };
    }
    let plain = |byte: u8| byte.is_ascii_digit() || b"TZtz:.+-".contains(&byte);
    if text.bytes().all(plain) {
        text.parse().ok()
    } else {
        None
    }
}

/// The delivery id in a header: one, printable, and without `separators`, so that what was signed can be split in one
/// way only.
fn only_id<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    separators: &str,
) -> Result<&'a str, Unverified> {
    let id = only(headers, name)
        .map_err(|Ambiguous| Unverified::IdMalformed(name.clone()))?
        .ok_or_else(|| Unverified::IdMissing(name.clone()))?;
    if id.is_empty() || id.len() > 256 || id.contains(|character| separators.contains(character)) {
        return Err(Unverified::IdMalformed(name.clone()));
    }
    Ok(id)
}

/// Passes if `matches` is true of any secret. Otherwise the fault is the sender's (`wrong`), unless a secret of ours
/// could not be read or used.
fn any_secret<S>(
    secrets: &[S],
    read: &ReadSecret<'_, S>,
    wrong: Unverified,
    matches: impl Fn(&Secret) -> Result<bool, String>,
) -> Result<(), Unverified> {
    let mut unusable = None;
    for secret in secrets {
        match read(secret).and_then(|secret| usable(&secret).and_then(|()| matches(&secret))) {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(problem) => unusable = Some(problem),
        }
    }
    Err(unusable.map_or(wrong, |problem| Unverified::SecretUnusable { problem }))
}

fn usable(secret: &Secret) -> Result<(), String> {
    if secret.expose().is_empty() {
        Err("the secret is empty".to_owned())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
