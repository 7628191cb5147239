//! Standard Webhooks 1.0: `v1` is HMAC-SHA256 over `id.timestamp.body`, in base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};
use jiff::{SignedDuration, Timestamp};

use super::check::{ReadSecret, any_secret, is_plain_id, only_id, only_signature, only_timestamp};
use super::mac::{Algorithm, Mac};
use super::sign::header_value;
use super::{Delivery, MAXIMUM_SIGNATURES, Unsignable, Unverified};
use crate::secret::Secret;

pub(super) const ID: HeaderName = HeaderName::from_static("webhook-id");
pub(super) const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
pub(super) const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// What stands between the parts that are signed.
const SEPARATOR: &str = ".";

pub(super) fn hold<S>(
    secrets: &[S],
    tolerance: SignedDuration,
    delivery: &Delivery,
    now: Timestamp,
    read: &ReadSecret<'_, S>,
) -> Result<(), Unverified> {
    let headers = &delivery.headers;
    let tags = tags(only_signature(headers, &SIGNATURE)?)?;
    let id = only_id(headers, &ID, SEPARATOR)?;
    let timestamp = only_timestamp(headers, &TIMESTAMP, tolerance, now)?;
    if !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Unverified::TimestampMalformed(TIMESTAMP));
    }
    any_secret(
        secrets,
        read,
        Unverified::SignatureWrong(SIGNATURE),
        |secret| {
            let mac = mac(secret, &delivery.body, timestamp, id)?;
            Ok(tags.iter().any(|tag| mac.matches(tag)))
        },
    )
}

/// The hash that a sender who knows `secret` would give.
pub(super) fn mac(secret: &Secret, body: &[u8], timestamp: &str, id: &str) -> Result<Mac, String> {
    let encoded = secret.expose();
    let encoded = encoded.strip_prefix("whsec_").unwrap_or(encoded);
    let key = STANDARD
        .decode(encoded)
        .map_err(|_| "the secret is not `whsec_` and base64")?;
    let mut mac = Mac::keyed(Algorithm::Sha256, &key).ok_or("the secret is empty")?;
    for part in [id, SEPARATOR, timestamp, SEPARATOR] {
        mac.update(part.as_bytes());
    }
    mac.update(body);
    Ok(mac)
}

/// The headers of a delivery of ours that every one of `secrets` signs, so that the receiver can exchange one: each
/// secret is base64, with or without `whsec_` before it.
pub fn sign_by_each(
    secrets: &[Secret],
    body: &[u8],
    id: &str,
    now: Timestamp,
) -> Result<HeaderMap, Unsignable> {
    if !allows_id(id) {
        return Err(Unsignable::Id);
    }
    let timestamp = now.as_second().to_string();
    let mut signatures = Vec::new();
    for secret in secrets {
        let mac = mac(secret, body, &timestamp, id).map_err(Unsignable::Secret)?;
        signatures.push(encode(&mac.tag()));
    }
    if signatures.is_empty() {
        return Err(Unsignable::Secret("there is none".to_owned()));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (ID, id),
        (TIMESTAMP, &timestamp),
        (SIGNATURE, &signatures.join(" ")),
    ] {
        let value = header_value(&name, value)?;
        headers.insert(name, value);
    }
    Ok(headers)
}

/// Whether a delivery may have this id.
fn allows_id(id: &str) -> bool {
    is_plain_id(id, SEPARATOR)
}

/// The header's value for a hash.
fn encode(tag: &[u8]) -> String {
    format!("v1,{}", STANDARD.encode(tag))
}

/// The `v1` hashes in the header; those of other versions are for other receivers.
fn tags(header: &str) -> Result<Vec<Vec<u8>>, Unverified> {
    let signatures: Vec<_> = header.split(' ').take(MAXIMUM_SIGNATURES + 1).collect();
    if signatures.len() > MAXIMUM_SIGNATURES {
        return Err(Unverified::SignaturesTooMany(SIGNATURE));
    }
    let known: Vec<_> = signatures
        .iter()
        .filter_map(|signature| signature.strip_prefix("v1,"))
        .collect();
    if known.is_empty() {
        return Err(Unverified::SignatureVersion(SIGNATURE));
    }
    let tags: Vec<_> = known
        .iter()
        .filter_map(|encoded| STANDARD.decode(encoded).ok())
        .filter(|tag| !tag.is_empty())
        .collect();
    if tags.is_empty() {
        Err(Unverified::SignatureMalformed(SIGNATURE))
    } else {
        Ok(tags)
    }
}
