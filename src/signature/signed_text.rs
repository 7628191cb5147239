//! What a signature is taken over: literal text around the body, and perhaps a timestamp and a delivery id.
//!
//! What must hold: the body is always part of it; whatever header is read is part of it; and it can be taken apart in
//! one way only, so that no two deliveries have one text.

use http::HeaderName;
use jiff::{SignedDuration, Timestamp};

use super::check::{is_plain_id, only_id, only_timestamp};
use super::{Delivery, Unverified};

/// What is signed: literal text around `{body}`, `{timestamp}` and `{id}`.
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
    /// A digit stands between the timestamp and another part, so that the timestamp could be read longer or shorter.
    #[error("`signed` needs something other than a digit beside `{{timestamp}}`")]
    Digit,
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
    /// There is no public key.
    #[error("`public_keys` is empty; give at least one")]
    NoPublicKeys,
    /// The tolerance is not a length of time.
    #[error("`tolerance` must be more than nothing")]
    Tolerance,
}

/// What is signed, and the headers with the parts of it that are not the body.
#[derive(Clone, Copy)]
pub(super) struct Coverage<'a> {
    pub(super) signed: &'a SignedText,
    pub(super) timestamp_header: Option<&'a HeaderName>,
    pub(super) id_header: Option<&'a HeaderName>,
    pub(super) tolerance: SignedDuration,
}

/// The parts of one delivery that are signed with its body. Empty where they are not.
#[derive(Clone, Copy)]
pub(super) struct Stamps<'a> {
    pub(super) timestamp: &'a str,
    pub(super) id: &'a str,
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
        let signed = Self { parts };
        if signed.digit_beside_timestamp() {
            return Err(InvalidScheme::Digit);
        }
        Ok(signed)
    }

    /// The bytes that are signed, in their order.
    pub(super) fn fill<'a>(
        &'a self,
        body: &'a [u8],
        stamps: Stamps<'a>,
    ) -> impl Iterator<Item = &'a [u8]> {
        self.parts.iter().map(move |part| match part {
            Part::Literal(text) => text.as_bytes(),
            Part::Body => body,
            Part::Timestamp => stamps.timestamp.as_bytes(),
            Part::Id => stamps.id.as_bytes(),
        })
    }

    /// Whether a digit stands between the timestamp and the part before or after it.
    fn digit_beside_timestamp(&self) -> bool {
        let digit = |character: char| character.is_ascii_digit();
        let threes = self
            .parts
            .iter()
            .zip(self.parts.iter().skip(1))
            .zip(self.parts.iter().skip(2));
        threes.into_iter().any(|((one, between), next)| {
            let Part::Literal(text) = between else {
                return false;
            };
            (*one == Part::Timestamp && text.starts_with(digit))
                || (*next == Part::Timestamp && text.ends_with(digit))
        })
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

impl<'a> Coverage<'a> {
    /// Whether all that is read is signed, and all that is signed is read.
    pub(super) fn validate(&self) -> Result<(), InvalidScheme> {
        self.covered(
            &Part::Timestamp,
            self.timestamp_header,
            "timestamp",
            "timestamp_header",
        )?;
        self.covered(&Part::Id, self.id_header, "id", "id_header")?;
        if self.tolerance <= SignedDuration::ZERO {
            return Err(InvalidScheme::Tolerance);
        }
        Ok(())
    }

    /// What `delivery` says was signed with its body, if its timestamp lies within the tolerance of `now`.
    pub(super) fn stamps<'d>(
        &self,
        delivery: &'d Delivery,
        now: Timestamp,
    ) -> Result<Stamps<'d>, Unverified> {
        let headers = &delivery.headers;
        Ok(Stamps {
            timestamp: match self.timestamp_header {
                Some(name) => only_timestamp(headers, name, self.tolerance, now)?,
                None => "",
            },
            id: match self.id_header {
                Some(name) => only_id(headers, name, &self.signed.separators())?,
                None => "",
            },
        })
    }

    /// Whether `id` can be told from what stands beside it; any can that is not signed.
    pub(super) fn allows_id(&self, id: &str) -> bool {
        self.id_header.is_none() || is_plain_id(id, &self.signed.separators())
    }

    /// The headers that go with a signature over `stamps`.
    pub(super) fn headers(
        &self,
        stamps: Stamps<'a>,
    ) -> impl Iterator<Item = (&'a HeaderName, &'a str)> {
        let timestamp = self.timestamp_header.map(|name| (name, stamps.timestamp));
        let id = self.id_header.map(|name| (name, stamps.id));
        timestamp.into_iter().chain(id)
    }

    fn covered(
        &self,
        part: &Part,
        header: Option<&HeaderName>,
        placeholder: &'static str,
        key: &'static str,
    ) -> Result<(), InvalidScheme> {
        match (self.signed.parts.contains(part), header) {
            (true, None) => Err(InvalidScheme::HeaderNotNamed { placeholder, key }),
            (false, Some(_)) => Err(InvalidScheme::NotSigned { placeholder, key }),
            (true, Some(_)) | (false, None) => Ok(()),
        }
    }
}
