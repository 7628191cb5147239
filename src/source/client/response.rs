//! What came back, read with care: its status, how long to wait, and its words without our secrets.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use serde_json::Value;

use crate::json;
use crate::secret::Secret;
use crate::source::{AnswerResult, Reach};

const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// The longest pause a platform can ask for.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// From here on a number of seconds is a time and not a pause: it is thirty years.
const FIRST_UNIX_TIME: u64 = 1_000_000_000;

/// A response with a status; its body may be missing a part.
#[derive(Debug)]
pub(crate) struct Response {
    host: String,
    pub(crate) status: StatusCode,
    retry_after: Option<Duration>,
    exhausted_for: Option<Duration>,
    pub(in crate::source) body: Body,
    withheld: Vec<Secret>,
}

/// What came of a response's body.
pub(in crate::source) enum Body {
    Whole(Vec<u8>),
    TooLarge,
    Cut,
}

// A body may hold a token.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => write!(f, "Whole({} bytes)", bytes.len()),
            Self::TooLarge => f.write_str("TooLarge"),
            Self::Cut => f.write_str("Cut"),
        }
    }
}

/// Why a body is no JSON to rely on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("the response of `{0}` is larger than is read")]
    TooLarge(String),
    #[error("the response of `{0}` broke off")]
    Cut(String),
    #[error("the response of `{host}` is not usable: {reason}")]
    Json { host: String, reason: json::Refused },
}

/// What a status means, by its class alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum Class {
    Taken,
    Already,
    Expired,
    Unauthorized,
    Later(Reach),
    Never,
}

impl Response {
    pub(super) fn new(
        host: String,
        status: StatusCode,
        headers: &HeaderMap,
        body: Body,
        now: Timestamp,
    ) -> Self {
        let asked = retry_after(headers, now);
        let (retry_after, exhausted_for) = if status == StatusCode::TOO_MANY_REQUESTS {
            let pause = asked.or_else(|| reset(headers, now));
            (pause, pause)
        } else if only_number(headers, &REMAINING) == Some(0) {
            (asked, reset(headers, now))
        } else {
            (asked, None)
        };
        Self {
            host,
            status,
            retry_after,
            exhausted_for,
            body,
            withheld: Vec::new(),
        }
    }

    /// Has [`Response::describe`] keep `secrets` back, whoever calls it.
    pub(crate) fn withhold(&mut self, secrets: impl IntoIterator<Item = Secret>) {
        self.withheld.extend(secrets);
    }

    /// How long the platform takes no more calls, if this was the last one it takes.
    pub(in crate::source) fn exhausted_for(&self) -> Option<Duration> {
        self.exhausted_for
    }

    /// How long the platform asks us to wait before this call comes again.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    pub(in crate::source) fn class(&self) -> Class {
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
    pub(in crate::source) fn json(&self) -> Option<Value> {
        match &self.body {
            Body::Whole(bytes) => serde_json::from_slice(bytes).ok(),
            Body::TooLarge | Body::Cut => None,
        }
    }

    /// The body as JSON that has one meaning, for what is decided on.
    pub(crate) fn strict_json(&self) -> Result<Value, Unreadable> {
        let host = self.host.clone();
        match &self.body {
            Body::Whole(bytes) => {
                json::parse(bytes).map_err(|reason| Unreadable::Json { host, reason })
            }
            Body::TooLarge => Err(Unreadable::TooLarge(host)),
            Body::Cut => Err(Unreadable::Cut(host)),
        }
    }

    /// The result for a class that means failure, now or for ever.
    pub(in crate::source) fn retry(&self, reach: Reach, secrets: &[&Secret]) -> AnswerResult {
        AnswerResult::Retry {
            after: self.retry_after,
            error: self.describe(secrets),
            reach,
        }
    }

    /// What the platform said, for people: the status, and its own words if they hold no piece of a secret.
    pub(crate) fn describe(&self, secrets: &[&Secret]) -> String {
        let said = format!("`{}` answered {}", self.host, self.status);
        match self.json().as_ref().and_then(words) {
            Some(words)
                if !secrets
                    .iter()
                    .copied()
                    .chain(&self.withheld)
                    .any(|secret| gives_away(&words, secret)) =>
            {
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

/// How long the platform asks us to wait: seconds, or a date, which is held against the platform's own clock if it tells
/// it, else against ours.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        value.parse().map_or(LONGEST_PAUSE, Duration::from_secs)
    } else {
        let then = http_date(value)?;
        let now = clock_of(headers).unwrap_or(now);
        Duration::try_from(then.duration_since(now)).unwrap_or_default()
    };
    Some(pause.min(LONGEST_PAUSE))
}

/// How long until the platform counts anew: seconds, or a Unix time, which is held against the platform's own clock if
/// it tells it, else against ours.
fn reset(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let value = only_number(headers, &RESET)?;
    let pause = if value < FIRST_UNIX_TIME {
        Duration::from_secs(value)
    } else {
        let now = clock_of(headers).unwrap_or(now).as_second();
        Duration::from_secs(value.saturating_sub(u64::try_from(now).unwrap_or_default()))
    };
    Some(pause.min(LONGEST_PAUSE))
}

fn only_number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

fn clock_of(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(headers.get(header::DATE)?.to_str().ok()?)
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

    fn exhausted(status: u16, fields: &[(HeaderName, &'static str)]) -> Option<Duration> {
        let headers = fields
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect();
        let status = StatusCode::from_u16(status).unwrap();
        let now = "2026-03-01T00:00:00Z".parse().unwrap();
        Response::new(String::new(), status, &headers, Body::Cut, now).exhausted_for()
    }

    #[test]
    fn the_last_call_of_a_window_says_when_the_next_window_begins() {
        let pause = |seconds| Some(Duration::from_secs(seconds));
        // 2026-03-01T00:01:00Z
        let at_a_time = (RESET, "1772323260");
        assert_eq!(
            exhausted(200, &[(REMAINING, "0"), (RESET, "30")]),
            pause(30)
        );
        assert_eq!(
            exhausted(200, &[(REMAINING, "0"), at_a_time.clone()]),
            pause(60)
        );
        assert_eq!(exhausted(200, &[(REMAINING, "1"), at_a_time.clone()]), None);
        assert_eq!(exhausted(200, std::slice::from_ref(&at_a_time)), None);
        assert_eq!(exhausted(200, &[(REMAINING, "0")]), None);
        assert_eq!(exhausted(200, &[(REMAINING, "0"), (RESET, "soon")]), None);
        assert_eq!(exhausted(429, std::slice::from_ref(&at_a_time)), pause(60));
        assert_eq!(
            exhausted(429, &[at_a_time, (header::RETRY_AFTER, "5")]),
            pause(5)
        );
        assert_eq!(exhausted(429, &[]), None);
        assert_eq!(exhausted(503, &[(header::RETRY_AFTER, "5")]), None);
        let theirs = (header::DATE, "Sun, 01 Mar 2026 00:00:50 GMT");
        let skewed = [(REMAINING, "0"), (RESET, "1772323260"), theirs];
        assert_eq!(exhausted(200, &skewed), pause(10));
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
