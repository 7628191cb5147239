//! The way out: POST to a platform, within limits of time and size, and without ever following where it points.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::redirect::Policy;
use serde_json::Value;

use crate::clock::Clock;
use crate::secret::Secret;
use crate::source::{AnswerResult, Reach, WebUrl};

/// The most that is read of a response.
const LARGEST_RESPONSE: usize = 64 * 1024;

/// The longest pause a platform can ask for.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// An HTTP client that keeps connections. Clones share them; make one for the program.
#[derive(Debug, Clone)]
pub struct Client {
    outward: reqwest::Client,
    // A proxy of the environment knows nothing of this machine's own loopback.
    loopback: reqwest::Client,
    timeouts: Timeouts,
}

/// How long the other side may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// To accept a connection, TLS included.
    pub connect: Duration,
    /// For everything, from the first byte out to the last byte in.
    pub total: Duration,
}

impl Timeouts {
    /// `total` for everything, of which a part for the connection: who is there accepts it soon.
    pub fn within(total: Duration) -> Self {
        Self {
            connect: total.min(Duration::from_secs(3)),
            total,
        }
    }
}

/// The system's trust store could not be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up TLS from the system's trust store")]
pub struct TlsUnavailable(#[source] reqwest::Error);

impl Client {
    /// A client with these limits, that trusts whom the system trusts.
    pub fn new(timeouts: Timeouts) -> Result<Self, TlsUnavailable> {
        // Fails only when a provider is there already, which is as good.
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        let limited = || {
            reqwest::Client::builder()
                .connect_timeout(timeouts.connect)
                .timeout(timeouts.total)
                .redirect(Policy::none())
        };
        Ok(Self {
            outward: limited().build().map_err(TlsUnavailable)?,
            loopback: limited().no_proxy().build().map_err(TlsUnavailable)?,
            timeouts,
        })
    }

    /// Sends `body` to `to`, once.
    pub(super) async fn post(
        &self,
        to: &WebUrl,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response, NoResponse> {
        let client = if to.is_loopback() {
            &self.loopback
        } else {
            &self.outward
        };
        let sent = client
            .post(to.as_url().clone())
            .headers(headers)
            .body(body)
            .send()
            .await;
        let mut response = sent.map_err(|error| self.no_response(to, error))?;
        let mut body = Body::Whole(Vec::new());
        while let Body::Whole(bytes) = &mut body {
            match response.chunk().await {
                Ok(None) => break,
                Ok(Some(chunk)) if bytes.len() + chunk.len() > LARGEST_RESPONSE => {
                    body = Body::TooLarge;
                }
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Err(_) => body = Body::Cut,
            }
        }
        Ok(Response {
            host: to.host(),
            status: response.status(),
            retry_after: retry_after(response.headers(), Clock.now()),
            body,
        })
    }

    fn no_response(&self, to: &WebUrl, error: reqwest::Error) -> NoResponse {
        let host = to.host();
        let (connect, timeout) = (error.is_connect(), error.is_timeout());
        let cause = root_cause(&error.without_url());
        let (error, reach) = match (connect, timeout) {
            (true, true) => (
                format!(
                    "no connection to `{host}` within {:?}",
                    self.timeouts.connect
                ),
                Reach::NotReached,
            ),
            (true, false) => (
                format!("cannot connect to `{host}`: {cause}"),
                Reach::NotReached,
            ),
            (false, true) => (
                format!("no response from `{host}` within {:?}", self.timeouts.total),
                Reach::Unknown,
            ),
            (false, false) => (
                format!("the connection to `{host}` broke: {cause}"),
                Reach::Unknown,
            ),
        };
        NoResponse { error, reach }
    }
}

/// A response with a status; its body may be missing a part.
#[derive(Debug)]
pub(super) struct Response {
    host: String,
    pub(super) status: StatusCode,
    retry_after: Option<Duration>,
    pub(super) body: Body,
}

/// What came of a response's body.
#[derive(Debug)]
pub(super) enum Body {
    Whole(Vec<u8>),
    TooLarge,
    Cut,
}

/// Nothing came back.
#[derive(Debug)]
pub(super) struct NoResponse {
    error: String,
    reach: Reach,
}

impl From<NoResponse> for AnswerResult {
    fn from(NoResponse { error, reach }: NoResponse) -> Self {
        Self::Retry {
            after: None,
            error,
            reach,
        }
    }
}

/// What a status means, by its class alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Taken,
    Already,
    Expired,
    Unauthorized,
    Later(Reach),
    Never,
}

impl Response {
    pub(super) fn class(&self) -> Class {
        match self.status {
            StatusCode::CONFLICT => Class::Already,
            StatusCode::GONE => Class::Expired,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Class::Unauthorized,
            StatusCode::TOO_MANY_REQUESTS => Class::Later(Reach::Refused),
            // A gateway may give these after the platform took it.
            StatusCode::REQUEST_TIMEOUT => Class::Later(Reach::Unknown),
            status if status.is_server_error() => Class::Later(Reach::Unknown),
            status if status.is_success() => Class::Taken,
            _ => Class::Never,
        }
    }

    /// The body as JSON, if all of it is there and it is JSON.
    pub(super) fn json(&self) -> Option<Value> {
        match &self.body {
            Body::Whole(bytes) => serde_json::from_slice(bytes).ok(),
            Body::TooLarge | Body::Cut => None,
        }
    }

    /// The result for a class that means failure, now or for ever.
    pub(super) fn retry(&self, reach: Reach, secrets: &[&Secret]) -> AnswerResult {
        AnswerResult::Retry {
            after: self.retry_after,
            error: self.describe(secrets),
            reach,
        }
    }

    /// What the platform said, for people: the status, and its own words if they hold no piece of a secret.
    pub(super) fn describe(&self, secrets: &[&Secret]) -> String {
        let said = format!("`{}` answered {}", self.host, self.status);
        match self.json().as_ref().and_then(words) {
            Some(words) if !secrets.iter().any(|secret| gives_away(&words, secret)) => {
                format!(
                    "{said}: {}",
                    words
                        .chars()
                        .take(200)
                        .flat_map(char::escape_debug)
                        .collect::<String>()
                )
            }
            Some(_) | None => said,
        }
    }
}

fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// How long the platform asks us to wait: seconds, or a date, which is held against the platform's own clock if it tells
/// it, else against ours.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        value.parse().map_or(LONGEST_PAUSE, Duration::from_secs)
    } else {
        let then = http_date(value)?;
        let told = headers
            .get(header::DATE)
            .and_then(|date| date.to_str().ok());
        let now = told.and_then(http_date).unwrap_or(now);
        Duration::try_from(then.duration_since(now)).unwrap_or_default()
    };
    Some(pause.min(LONGEST_PAUSE))
}

fn http_date(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

/// The sentence in an error body, wherever platforms put it.
fn words(body: &Value) -> Option<String> {
    ["message", "detail", "error", "title"]
        .into_iter()
        .find_map(|key| match body.get(key)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Object(inner) => inner
                .get("message")
                .or_else(|| inner.get("error"))?
                .as_str()
                .map(str::to_owned),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => None,
        })
}

/// Whether `text` holds any six characters of the secret, or all of a shorter one.
fn gives_away(text: &str, secret: &Secret) -> bool {
    const TELLING: usize = 6;
    let characters: Vec<char> = secret.expose().chars().collect();
    if characters.len() < TELLING {
        return !characters.is_empty() && text.contains(secret.expose());
    }
    characters
        .windows(TELLING)
        .any(|piece| text.contains(&piece.iter().collect::<String>()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn asked(retry: &'static str, date: Option<&'static str>) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static(retry));
        if let Some(date) = date {
            headers.insert(header::DATE, HeaderValue::from_static(date));
        }
        let ours = "1994-11-06T08:49:57Z".parse().unwrap();
        retry_after(&headers, ours)
    }

    #[test]
    fn a_platform_may_ask_for_a_pause_in_seconds_or_until_a_date_of_at_most_an_hour() {
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(asked("120", None), Some(Duration::from_mins(2)));
        assert_eq!(asked("0", None), Some(Duration::ZERO));
        assert_eq!(asked("99999999999999999999999", None), Some(LONGEST_PAUSE));
        assert_eq!(
            asked("Sun, 06 Nov 1994 08:50:07 GMT", date),
            Some(Duration::from_secs(30))
        );
        assert_eq!(
            asked("Sun, 06 Nov 1994 08:00:00 GMT", date),
            Some(Duration::ZERO)
        );
        assert_eq!(
            asked("Mon, 07 Nov 1994 08:49:37 GMT", date),
            Some(LONGEST_PAUSE)
        );
        assert_eq!(
            asked("Sun, 06 Nov 1994 08:50:07 GMT", None),
            Some(Duration::from_secs(10))
        );
        assert_eq!(asked("-5", None), None);
        assert_eq!(asked("soon", date), None);
    }

    #[test]
    fn words_that_hold_a_piece_of_a_secret_are_not_repeated() {
        let secret = Secret::new("tok_abcdefghijk");
        assert!(gives_away("bad token tok_abcdefghijk", &secret));
        assert!(gives_away("bad token tok_ab…", &secret));
        assert!(!gives_away("bad token", &secret));
        assert!(gives_away("it was abc", &Secret::new("abc")));
        assert!(!gives_away("anything", &Secret::new("")));
    }
}
