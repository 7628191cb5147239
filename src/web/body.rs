//! Reads a body whole, within a size and a time. A body that says it is too large is refused before a byte of it is read
//! or asked for (`Expect: 100-continue`); one that does not say so, at the byte that is too many.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, request};
use http_body_util::BodyExt as _;

use super::problem::{Code, Problem};
use super::serve::Progress;

/// What a body may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimits {
    /// The most bytes.
    pub bytes: usize,
    /// How long it may take from the end of the headers.
    pub timeout: Duration,
}

/// Why there is no body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is over the limit.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// It took too long.
    #[error("the body did not arrive within {0:?}")]
    Late(Duration),
    /// It is not sent as it is meant.
    #[error("the body is encoded; send it as it is, without `Content-Encoding`")]
    Encoded,
    /// It ended before it should, or is no HTTP.
    #[error("the body ended before it was whole")]
    Truncated,
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        let code = match error {
            BodyError::TooLarge(_) => Code::TooLarge,
            BodyError::Late(_) => Code::Timeout,
            BodyError::Encoded | BodyError::Truncated => Code::Malformed,
        };
        Self::new(code, error.to_string())
    }
}

/// Reads the body of `request` within `limits`.
pub async fn read(
    request: Request,
    limits: BodyLimits,
) -> Result<(request::Parts, Bytes), BodyError> {
    let (parts, body) = request.into_parts();
    let announced = announced(&parts.headers);
    if announced.is_some_and(|length| length > limits.bytes as u64) {
        return Err(BodyError::TooLarge(limits.bytes));
    }
    if is_encoded(&parts.headers) {
        return Err(BodyError::Encoded);
    }
    let progress = parts.extensions.get::<Arc<Progress>>().cloned();
    if let Some(progress) = &progress {
        progress.awaits_body();
    }
    let body = match tokio::time::timeout(limits.timeout, collect(body, limits.bytes)).await {
        Ok(collected) => collected?,
        Err(_) => return Err(BodyError::Late(limits.timeout)),
    };
    if let Some(progress) = &progress {
        progress.has_body();
    }
    Ok((parts, body))
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Nothing is unpacked here: the signature is over these bytes, and a small body must not become a large one.
fn is_encoded(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

async fn collect(mut body: Body, limit: usize) -> Result<Bytes, BodyError> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Truncated)?.into_data() else {
            continue;
        };
        if first.len() + all.len() + data.len() > limit {
            return Err(BodyError::TooLarge(limit));
        }
        // Nearly every body comes in one piece, and then it is not copied.
        if first.is_empty() && all.is_empty() {
            first = data;
        } else {
            if all.is_empty() {
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&data);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}
