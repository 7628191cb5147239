//! How fast a platform lets itself be called.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::NoCall;
use crate::source::Reach;

/// The longest that calls are held back, whatever a platform asks for.
const LONGEST_HOLD: Duration = Duration::from_mins(15);

/// Hosts that take no more calls for a while.
#[derive(Debug, Default)]
pub(super) struct Limits(Mutex<HashMap<String, Pause>>);

/// A length of time from a moment on. A clock that is put back does not make it longer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pause {
    since: Timestamp,
    length: Duration,
}

impl Limits {
    /// Whether a call to `host` may begin.
    pub(super) fn hold(&self, host: &str, now: Timestamp) -> Result<(), NoCall> {
        let pauses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match pauses.get(host).and_then(|pause| pause.left(now)) {
            None => Ok(()),
            Some(left) => Err(NoCall::Retry {
                after: Some(left),
                error: format!("`{host}` takes no more calls before its rate limit is reset"),
                reach: Reach::NotReached,
            }),
        }
    }

    /// `host` said that it takes no more calls for `length`.
    pub(super) fn exhausted(&self, host: String, length: Duration, now: Timestamp) {
        let mut pauses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pauses.retain(|_, pause| pause.left(now).is_some());
        pauses.insert(host, Pause::new(now, length));
    }
}

impl Pause {
    pub(super) fn new(since: Timestamp, length: Duration) -> Self {
        let length = length.min(LONGEST_HOLD);
        Self { since, length }
    }

    /// How much of it is left; nothing when it is over.
    pub(super) fn left(&self, now: Timestamp) -> Option<Duration> {
        let passed = now.duration_since(self.since);
        let left = self.length.checked_sub(passed.unsigned_abs())?;
        (!left.is_zero()).then_some(left)
    }
}
