//! A keyed hash in a header, in the many forms platforms have for it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};

use super::check::{ReadSecret, any_secret, only_signature};
use super::mac::{Algorithm, Mac};
use super::sign::{Unsignable, header_value};
use super::signed_text::{Coverage, InvalidScheme, SignedText, Stamps};
use super::{Delivery, Unverified};
use crate::secret::Secret;

/// How a platform signs, as the config has it. [`HmacScheme::check`] makes a check of it.
#[derive(Debug, Clone)]
pub struct HmacScheme<S> {
    /// The header with the hash.
    pub header: HeaderName,
    /// The hash.
    pub algorithm: Algorithm,
    /// How it is written.
    pub encoding: Encoding,
    /// What stands before it in the header: `sha256=`, or nothing.
    pub prefix: String,
    /// What it is taken over.
    pub signed: SignedText,
    /// The header with the timestamp, if that is signed.
    pub timestamp_header: Option<HeaderName>,
    /// The header with the delivery id, if that is signed.
    pub id_header: Option<HeaderName>,
    /// How far the timestamp may lie from our clock, both ways.
    pub tolerance: SignedDuration,
    /// The keys, as text.
    pub secrets: Vec<S>,
}

/// A keyed hash over the body, and perhaps over a timestamp and a delivery id with it.
///
/// INVARIANT: whatever header is read is signed, the body is signed, and there is a secret.
#[derive(Debug, Clone)]
pub struct HmacCheck<S>(pub(super) HmacScheme<S>);

/// How the hash is written in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Hexadecimal digits of either case.
    Hex,
    /// Base64 with padding.
    Base64,
}

impl<S> HmacScheme<S> {
    /// The check for this scheme, if the scheme makes sense.
    pub fn check(self) -> Result<HmacCheck<S>, InvalidScheme> {
        self.validate()?;
        Ok(HmacCheck(self))
    }

    /// Signs `body`, which we send, as the delivery `id` at `now`, with the first secret. The headers are the
    /// signature's own and those of what is signed with the body.
    pub(crate) fn sign_outgoing<E: std::fmt::Display>(
        &self,
        body: &[u8],
        id: &str,
        now: Timestamp,
        read: impl Fn(&S) -> Result<Secret, E>,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, Unsignable> {
        self.validate().map_err(Unsignable::Scheme)?;
        let coverage = self.coverage();
        if !coverage.allows_id(id) {
            return Err(Unsignable::Id);
        }
        let secret = self.secrets.first().ok_or(InvalidScheme::NoSecrets);
        let secret = read(secret.map_err(Unsignable::Scheme)?)
            .map_err(|error| Unsignable::Secret(error.to_string()))?;
        let timestamp = now.as_second().to_string();
        let stamps = Stamps {
            timestamp: &timestamp,
            id,
        };
        let mac = self
            .mac(&secret, body, stamps)
            .map_err(Unsignable::Secret)?;
        let signature = self.encode(&mac.tag());
        coverage
            .headers(stamps)
            .chain([(&self.header, signature.as_str())])
            .map(|(name, value)| Ok((name.clone(), header_value(name, value)?)))
            .collect()
    }

    fn validate(&self) -> Result<(), InvalidScheme> {
        self.coverage().validate()?;
        if self.secrets.is_empty() {
            return Err(InvalidScheme::NoSecrets);
        }
        Ok(())
    }

    fn coverage(&self) -> Coverage<'_> {
        Coverage {
            signed: &self.signed,
            timestamp_header: self.timestamp_header.as_ref(),
            id_header: self.id_header.as_ref(),
            tolerance: self.tolerance,
        }
    }

    /// The hash that a sender who knows `secret` would give.
    pub(super) fn mac(
        &self,
        secret: &Secret,
        body: &[u8],
        stamps: Stamps<'_>,
    ) -> Result<Mac, String> {
        let mut mac =
            Mac::keyed(self.algorithm, secret.expose().as_bytes()).ok_or("the secret is empty")?;
        for part in self.signed.fill(body, stamps) {
            mac.update(part);
        }
        Ok(mac)
    }

    /// The header's value for a hash.
    pub(super) fn encode(&self, tag: &[u8]) -> String {
        format!("{}{}", self.prefix, self.encoding.encode(tag))
    }

    fn decode(&self, value: &str) -> Option<Vec<u8>> {
        self.encoding.decode(value.strip_prefix(&self.prefix)?)
    }
}

impl<S> HmacCheck<S> {
    pub(super) fn hold(
        &self,
        delivery: &Delivery,
        now: Timestamp,
        read: &ReadSecret<'_, S>,
    ) -> Result<(), Unverified> {
        let scheme = &self.0;
        let tag = scheme
            .decode(only_signature(&delivery.headers, &scheme.header)?)
            .ok_or_else(|| Unverified::SignatureMalformed(scheme.header.clone()))?;
        let stamps = scheme.coverage().stamps(delivery, now)?;
        any_secret(
            &scheme.secrets,
            read,
            Unverified::SignatureWrong(scheme.header.clone()),
            |secret| Ok(scheme.mac(secret, &delivery.body, stamps)?.matches(&tag)),
        )
    }
}

impl Encoding {
    pub(super) fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex => hex::encode(bytes),
            Self::Base64 => STANDARD.encode(bytes),
        }
    }

    /// The bytes that `text` stands for, if all of it is in this encoding.
    pub(super) fn decode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Hex => hex::decode(text).ok(),
            Self::Base64 => STANDARD.decode(text).ok(),
        }
    }
}
