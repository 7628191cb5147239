//! How long a token lives. What a JWT says of itself is believed for nothing but this.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::secret::Secret;

/// A token is used this long, even where it says that it has ended: then the clocks differ, and a platform that does not
/// take it says so.
const SHORTEST: Duration = Duration::from_secs(30);

/// The longest that a token is renewed before its end.
const WIDEST_MARGIN: Duration = Duration::from_mins(5);

/// A token's life from a moment on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Life {
    since: Timestamp,
    length: Duration,
}

impl Life {
    /// The life of a token that was given at `now`: what it says itself, else `lifetime`.
    pub(super) fn of(token: &Secret, lifetime: SignedDuration, now: Timestamp) -> Self {
        let length = told(token.expose(), now)
            .or_else(|| Duration::try_from(lifetime).ok())
            .unwrap_or_default();
        Self {
            since: now,
            length: length.max(SHORTEST),
        }
    }

    /// Whether there is no need to renew it yet.
    pub(super) fn is_fresh(self, now: Timestamp) -> bool {
        let margin = (self.length / 10).min(WIDEST_MARGIN);
        self.lasts_for(now, self.length.saturating_sub(margin))
    }

    /// Whether it has not ended.
    pub(super) fn lasts(self, now: Timestamp) -> bool {
        self.lasts_for(now, self.length)
    }

    fn lasts_for(self, now: Timestamp, length: Duration) -> bool {
        Duration::try_from(now.duration_since(self.since)).is_ok_and(|passed| passed < length)
            // Somebody who began a moment earlier may have waited for it.
            || now < self.since
    }
}

/// How long a JWT says that it lives: by the platform's own clock where it says when it was issued, else by ours.
fn told(token: &str, now: Timestamp) -> Option<Duration> {
    let mut parts = token.split('.');
    let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    let payload = payload.trim_end_matches('=');
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    let ends = seconds(claims.get("exp")?)?;
    let begins = claims
        .get("iat")
        .and_then(seconds)
        .filter(|begins| *begins < ends)
        .unwrap_or_else(|| now.as_second());
    let length = ends.checked_sub(begins)?;
    Some(Duration::from_secs(u64::try_from(length).unwrap_or(0)))
}

/// A `NumericDate`, which may have a fraction.
fn seconds(date: &Value) -> Option<i64> {
    match date {
        Value::Number(number) => number.to_string().split('.').next()?.parse().ok(),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-03-01T00:00:00Z";

    fn length(claims: &str) -> Duration {
        let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
        let now = NOW.parse().unwrap();
        Life::of(&Secret::new(token), SignedDuration::from_hours(1), now).length
    }

    #[test]
    fn a_token_lives_as_long_as_it_says_and_else_as_long_as_the_config_says() {
        // 1772323200 is now.
        assert_eq!(length(r#"{"exp":1772323800}"#), Duration::from_mins(10));
        assert_eq!(length(r#"{"exp":1772323800.5}"#), Duration::from_mins(10));
        let by_their_clock = r#"{"iat":1000000000,"exp":1000000900}"#;
        assert_eq!(length(by_their_clock), Duration::from_mins(15));
        assert_eq!(length(r#"{"exp":1772323100}"#), SHORTEST);
        assert_eq!(length(r#"{"exp":"tomorrow"}"#), Duration::from_hours(1));
        assert_eq!(length("{}"), Duration::from_hours(1));
        assert_eq!(length("no JSON"), Duration::from_hours(1));
        let opaque = Secret::new("tok.abc");
        let life = Life::of(&opaque, SignedDuration::from_hours(2), NOW.parse().unwrap());
        assert_eq!(life.length, Duration::from_hours(2));
    }

    #[test]
    fn a_token_is_renewed_a_little_before_it_ends() {
        let now: Timestamp = NOW.parse().unwrap();
        let life = |minutes| Life {
            since: now,
            length: Duration::from_mins(minutes),
        };
        let at = |minutes| now + SignedDuration::from_mins(minutes);
        assert!(life(10).is_fresh(at(8)));
        assert!(!life(10).is_fresh(at(9)));
        assert!(life(10).lasts(at(9)));
        assert!(!life(10).lasts(at(10)));
        assert!(life(600).is_fresh(at(594)));
        assert!(!life(600).is_fresh(at(595)));
    }
}
