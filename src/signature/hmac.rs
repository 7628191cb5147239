//! A keyed hash in a header, in the many forms platforms have for it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderName;
use jiff::{SignedDuration, Timestamp};

use super::check::{ReadSecret, any_secret, only_id, only_signature, only_timestamp};
use super::mac::{Algorithm, Mac};
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

/// What the hash is taken over: literal text around `{body}`, `{timestamp}` and `{id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedText {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Body,
    Timestamp,
    Id,
}

/// Why a signature scheme makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidScheme {
    /// A placeholder that does not exist.
    #[error("`{0}` is not known in `signed`; use `{{body}}`, `{{timestamp}}` and `{{id}}`")]
    UnknownPlaceholder(String),
    /// The body is not part of what is signed, or more than once.
    #[error("`signed` must hold `{{body}}` once; else the signature says nothing about the body")]
    Body,
    /// Two parts touch, so that the end of one could be taken for the start of the other.
    #[error("`signed` needs a separator between two placeholders, as in `{{timestamp}}.{{body}}`")]
    Touching,
    /// The template has a part whose header is not named.
    #[error("`signed` holds `{{{placeholder}}}`; say in `{key}` which header it comes in")]
    HeaderNotNamed {
        /// The placeholder.
        placeholder: &'static str,
        /// The key to set.
        key: &'static str,
    },
    /// A header is named that the signature does not cover, so that anyone could change it.
    #[error(
        "`{key}` is set but not signed; put `{{{placeholder}}}` in `signed` or leave `{key}` out"
    )]
    NotSigned {
        /// The placeholder.
        placeholder: &'static str,
        /// The key that is set.
        key: &'static str,
    },
    /// There is no secret.
    #[error("`secrets` is empty; give at least one")]
    NoSecrets,
    /// The tolerance is not a length of time.
    #[error("`tolerance` must be more than nothing")]
    Tolerance,
}

impl<S> HmacScheme<S> {
    /// The check for this scheme, if the scheme makes sense.
    pub fn check(self) -> Result<HmacCheck<S>, InvalidScheme> {
        covered(
            &self.signed,
            &Part::Timestamp,
            self.timestamp_header.as_ref(),
            "timestamp",
            "timestamp_header",
        )?;
        covered(
            &self.signed,
            &Part::Id,
            self.id_header.as_ref(),
            "id",
            "id_header",
        )?;
        if self.secrets.is_empty() {
            return Err(InvalidScheme::NoSecrets);
        }
        if self.tolerance <= SignedDuration::ZERO {
            return Err(InvalidScheme::Tolerance);
        }
        Ok(HmacCheck(self))
    }
}

impl<S> HmacCheck<S> {
    pub(super) fn hold(
        &self,
        delivery: &Delivery,
        now: Timestamp,
        read: &ReadSecret<'_, S>,
    ) -> Result<(), Unverified> {
        let headers = &delivery.headers;
        let tag = self
            .decode(only_signature(headers, &self.0.header)?)
            .ok_or_else(|| Unverified::SignatureMalformed(self.0.header.clone()))?;
        let timestamp = match &self.0.timestamp_header {
            Some(name) => only_timestamp(headers, name, self.0.tolerance, now)?,
            None => "",
        };
        let id = match &self.0.id_header {
            Some(name) => only_id(headers, name, &self.0.signed.separators())?,
            None => "",
        };
        any_secret(
            &self.0.secrets,
            read,
            Unverified::SignatureWrong(self.0.header.clone()),
            |secret| {
                Ok(self
                    .mac(secret, &delivery.body, timestamp, id)?
                    .matches(&tag))
            },
        )
    }

    /// The hash that a sender who knows `secret` would give.
    pub(super) fn mac(
        &self,
        secret: &Secret,
        body: &[u8],
        timestamp: &str,
        id: &str,
    ) -> Result<Mac, String> {
        let mut mac = Mac::keyed(self.0.algorithm, secret.expose().as_bytes())
            .ok_or("the secret is empty")?;
        for part in &self.0.signed.parts {
            mac.update(match part {
                Part::Literal(text) => text.as_bytes(),
                Part::Body => body,
                Part::Timestamp => timestamp.as_bytes(),
                Part::Id => id.as_bytes(),
            });
        }
        Ok(mac)
    }

    /// The header's value for a hash.
    pub(super) fn encode(&self, tag: &[u8]) -> String {
        let encoded = match self.0.encoding {
            Encoding::Hex => hex::encode(tag),
            Encoding::Base64 => STANDARD.encode(tag),
        };
        format!("{}{encoded}", self.0.prefix)
    }

    fn decode(&self, value: &str) -> Option<Vec<u8>> {
        let encoded = value.strip_prefix(&self.0.prefix)?;
        match self.0.encoding {
            Encoding::Hex => hex::decode(encoded).ok(),
            Encoding::Base64 => STANDARD.decode(encoded).ok(),
        }
    }
}

impl SignedText {
    /// Parses a template as the config has it: `{timestamp}.{body}`.
    pub fn parse(template: &str) -> Result<Self, InvalidScheme> {
        let mut parts = Vec::new();
        let mut rest = template;
        while let Some((literal, opened)) = rest.split_once('{') {
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            let (name, after) = opened
                .split_once('}')
                .ok_or_else(|| InvalidScheme::UnknownPlaceholder(format!("{{{opened}")))?;
            parts.push(match name {
                "body" => Part::Body,
                "timestamp" => Part::Timestamp,
                "id" => Part::Id,
                _ => return Err(InvalidScheme::UnknownPlaceholder(format!("{{{name}}}"))),
            });
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        if parts.iter().filter(|part| **part == Part::Body).count() != 1 {
            return Err(InvalidScheme::Body);
        }
        let literal = |part: &Part| matches!(part, Part::Literal(_));
        if parts
            .iter()
            .zip(parts.iter().skip(1))
            .any(|(one, next)| !literal(one) && !literal(next))
        {
            return Err(InvalidScheme::Touching);
        }
        Ok(Self { parts })
    }

    fn separators(&self) -> String {
        self.parts
            .iter()
            .filter_map(|part| match part {
                Part::Literal(text) => Some(text.as_str()),
                Part::Body | Part::Timestamp | Part::Id => None,
            })
            .collect()
    }
}

fn covered(
    signed: &SignedText,
    part: &Part,
    header: Option<&HeaderName>,
    placeholder: &'static str,
    key: &'static str,
) -> Result<(), InvalidScheme> {
    match (signed.parts.contains(part), header) {
        (true, None) => Err(InvalidScheme::HeaderNotNamed { placeholder, key }),
        (false, Some(_)) => Err(InvalidScheme::NotSigned { placeholder, key }),
        (true, Some(_)) | (false, None) => Ok(()),
    }
}
