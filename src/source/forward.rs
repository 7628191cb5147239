//! Passing events on to whoever received them before us, as they came.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::domain::effect::Forward;
use crate::source::client::Class;
use crate::source::{AnswerResult, Client, WebUrl};

/// Headers that belong to one connection, or that the next one writes itself.
const NOT_PASSED_ON: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Passes events on to one address.
#[derive(Debug, Clone)]
pub struct Forwarder {
    to: WebUrl,
    client: Client,
}

impl Forwarder {
    /// A forwarder to the source's `forward_to`.
    pub fn new(to: WebUrl, client: Client) -> Self {
        Self { to, client }
    }

    /// Sends the event once, body and end-to-end headers as they came.
    pub async fn forward(&self, forward: &Forward) -> AnswerResult {
        let headers = end_to_end(&forward.headers);
        let body = Bytes::copy_from_slice(&forward.body);
        let response = match self.client.post(&self.to, headers, body).await {
            Ok(response) => response,
            Err(no_response) => return no_response.into(),
        };
        match response.class() {
            Class::Taken => AnswerResult::Done { platform: None },
            Class::Already => AnswerResult::Already { platform: None },
            Class::Unauthorized => AnswerResult::Alert {
                error: response.describe(&[]),
            },
            Class::Later(reach) => response.retry(reach, &[]),
            Class::Expired | Class::Never => AnswerResult::Failed {
                error: response.describe(&[]),
            },
        }
    }

    /// Sends the event by the source's forwarder, if it still has one.
    pub(super) async fn pass_on(forwarder: Option<&Self>, forward: &Forward) -> AnswerResult {
        match forwarder {
            Some(forwarder) => forwarder.forward(forward).await,
            None => AnswerResult::Failed {
                error: "the source has no `forward_to` any more".to_owned(),
            },
        }
    }
}

/// The headers that are meant for the receiver and not for the connection, in their order.
fn end_to_end(headers: &[(String, String)]) -> HeaderMap {
    let named_by_connection: BTreeSet<String> = headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("connection"))
        .flat_map(|(_, names)| names.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let mut kept = HeaderMap::new();
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        if NOT_PASSED_ON.contains(&name.as_str()) || named_by_connection.contains(&name) {
            continue;
        }
        if let (Ok(name), Some(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            bytes_of(value).and_then(|bytes| HeaderValue::from_bytes(&bytes).ok()),
        ) {
            kept.append(name, value);
        }
    }
    kept
}

/// The value's bytes: each is kept as the character of its number.
fn bytes_of(value: &str) -> Option<Vec<u8>> {
    value
        .chars()
        .map(|character| u8::try_from(character).ok())
        .collect()
}

#[cfg(test)]
mod tests;
