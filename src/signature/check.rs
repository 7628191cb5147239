//! Holding one delivery against one check, and what all checks need: headers that come once, moments within the
//! tolerance, secrets that may be unreadable.

use http::{HeaderMap, HeaderName, header};
use jiff::{SignedDuration, Timestamp};

use super::{Check, Delivery, NamedToken, Strength, Unverified, standard};
use crate::secret::Secret;

impl<S> Check<S> {
    pub(super) fn strength(&self) -> Strength {
        match self {
            Self::Hmac(_) | Self::Ecdsa(_) | Self::StandardWebhooks { .. } => Strength::Body,
            Self::StaticHeader { .. } | Self::SecretPath { .. } | Self::BearerToken { .. } => {
                Strength::Sender
            }
            Self::UserAgent { .. } => Strength::Nothing,
        }
    }

    pub(super) fn secrets(&self) -> Vec<&S> {
        match self {
            Self::Hmac(check) => check.0.secrets.iter().collect(),
            Self::Ecdsa(check) => check.0.public_keys.iter().collect(),
            Self::StandardWebhooks { secrets, .. }
            | Self::StaticHeader { secrets, .. }
            | Self::SecretPath { secrets } => secrets.iter().collect(),
            Self::BearerToken { tokens } => tokens.iter().map(|named| &named.token).collect(),
            Self::UserAgent { .. } => Vec::new(),
        }
    }

    /// Passes if the check holds; with the sender's name, where the check knows it.
    pub(super) fn hold(
        &self,
        delivery: &Delivery,
        now: Timestamp,
        read: &ReadSecret<'_, S>,
    ) -> Result<Option<&str>, Unverified> {
        let headers = &delivery.headers;
        match self {
            Self::Hmac(check) => check.hold(delivery, now, read)?,
            Self::Ecdsa(check) => check.hold(delivery, now, read)?,
            Self::StandardWebhooks { secrets, tolerance } => {
                standard::hold(secrets, *tolerance, delivery, now, read)?;
            }
            Self::StaticHeader { name, secrets } => {
                let wrong = || Unverified::HeaderWrong(name.clone());
                let presented = only(headers, name)
                    .map_err(|Ambiguous| wrong())?
                    .ok_or_else(|| Unverified::HeaderMissing(name.clone()))?;
                any_secret(secrets, read, wrong(), |secret| {
                    Ok(secret.matches(presented.as_bytes()))
                })?;
            }
            Self::SecretPath { secrets } => {
                let presented = delivery.path_secret.as_ref().ok_or(Unverified::PathWrong)?;
                any_secret(secrets, read, Unverified::PathWrong, |secret| {
                    Ok(secret.matches(presented.expose().as_bytes()))
                })?;
            }
            Self::BearerToken { tokens } => return holder(tokens, headers, read).map(Some),
            Self::UserAgent { expected } => match only(headers, &header::USER_AGENT) {
                Ok(Some(agent)) if agent == expected => {}
                Ok(_) | Err(Ambiguous) => return Err(Unverified::UserAgentWrong),
            },
        }
        Ok(None)
    }
}

/// Whose bearer token the request carries. Every token is compared, so that the time taken does not tell which was near.
fn holder<'a, S>(
    tokens: &'a [NamedToken<S>],
    headers: &HeaderMap,
    read: &ReadSecret<'_, S>,
) -> Result<&'a str, Unverified> {
    let credentials = only(headers, &header::AUTHORIZATION)
        .map_err(|Ambiguous| Unverified::TokenMissing)?
        .ok_or(Unverified::TokenMissing)?;
    let presented = match credentials.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        Some(_) | None => return Err(Unverified::TokenMissing),
    };
    let (mut holder, mut unusable) = (None, None);
    for named in tokens {
        match read(&named.token) {
            Ok(token) if token.matches(presented.as_bytes()) => holder = Some(named.name.as_str()),
            Ok(_) => {}
            Err(problem) => unusable = Some(problem),
        }
    }
    holder.ok_or_else(|| match unusable {
        Some(problem) => Unverified::SecretUnusable { problem },
        None => Unverified::TokenWrong,
    })
}

/// How a check comes by the text of a secret; an error says why it cannot.
pub(super) type ReadSecret<'a, S> = dyn Fn(&S) -> Result<Secret, String> + 'a;

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
pub(super) fn only_signature<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<&'a str, Unverified> {
    if headers.get_all(name).iter().nth(1).is_some() {
        return Err(Unverified::SignatureRepeated(name.clone()));
    }
    only(headers, name)
        .map_err(|Ambiguous| Unverified::SignatureMalformed(name.clone()))?
        .ok_or_else(|| Unverified::SignatureMissing(name.clone()))
}

/// The timestamp in a header, as text, if it lies within `tolerance` of `now`.
pub(super) fn only_timestamp<'a>(
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

/// A moment as senders stamp it: Unix seconds, Unix milliseconds (12 digits or more), or RFC 3339 to the letter. None of
/// the latter is the beginning or the end of another, so that what was signed can be split in one way only.
fn read_timestamp(text: &str) -> Option<Timestamp> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number = text.parse().ok()?;
        return if text.len() < 12 {
            Timestamp::from_second(number).ok()
        } else {
            Timestamp::from_millisecond(number).ok()
        };
    }
    if is_rfc3339(text.as_bytes()) {
        text.parse().ok()
    } else {
        None
    }
}

/// Whether `text` has the form of RFC 3339, whatever the numbers: `2022-04-07T21:39:13Z`.
fn is_rfc3339(text: &[u8]) -> bool {
    let formed = |text: &[u8], form: &[u8]| {
        text.len() == form.len()
            && text.iter().zip(form).all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                b'T' => matches!(byte, b'T' | b't'),
                b'Z' => matches!(byte, b'Z' | b'z'),
                b'+' => matches!(byte, b'+' | b'-'),
                other => byte == other,
            })
    };
    let Some((moment, rest)) = text.split_at_checked("0000-00-00T00:00:00".len()) else {
        return false;
    };
    let offset_at = rest
        .iter()
        .position(|byte| matches!(byte, b'Z' | b'z' | b'+' | b'-'));
    let Some((fraction, offset)) = offset_at.and_then(|at| rest.split_at_checked(at)) else {
        return false;
    };
    let fraction = match fraction {
        [] => true,
        [b'.', digits @ ..] => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
        [..] => false,
    };
    formed(moment, b"0000-00-00T00:00:00")
        && fraction
        && (formed(offset, b"Z") || formed(offset, b"+00:00"))
}

/// The delivery id in a header: one, printable, and without `separators`, so that what was signed can be split in one
/// way only.
pub(super) fn only_id<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    separators: &str,
) -> Result<&'a str, Unverified> {
    let id = only(headers, name)
        .map_err(|Ambiguous| Unverified::IdMalformed(name.clone()))?
        .ok_or_else(|| Unverified::IdMissing(name.clone()))?;
    if !is_plain_id(id, separators) {
        return Err(Unverified::IdMalformed(name.clone()));
    }
    Ok(id)
}

/// Whether `id` is one, and can be told from the text around it.
pub(super) fn is_plain_id(id: &str, separators: &str) -> bool {
    !id.is_empty() && id.len() <= 256 && !id.contains(|character| separators.contains(character))
}

/// Passes if `matches` is true of any secret. Otherwise the fault is the sender's (`wrong`), unless a secret of ours
/// could not be read or used.
pub(super) fn any_secret<S>(
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
