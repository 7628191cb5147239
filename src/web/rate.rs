//! A token bucket: so many requests a second, and as many at once after a pause.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Lets through at most as many requests a second as it was made for.
#[derive(Debug)]
pub struct Bucket {
    per_second: f64,
    left: Mutex<(f64, Instant)>,
}

/// A request that was let through and counts.
#[derive(Debug)]
pub struct Taken<'a>(&'a Bucket);

impl Bucket {
    /// A full bucket at `now`.
    pub fn new(per_second: NonZeroU32, now: Instant) -> Self {
        let per_second = f64::from(per_second.get());
        Self {
            per_second,
            left: Mutex::new((per_second, now)),
        }
    }

    /// Lets one request through at `now`, if there is one left.
    pub fn take(&self, now: Instant) -> Option<Taken<'_>> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let gained = now.saturating_duration_since(left.1).as_secs_f64() * self.per_second;
        *left = ((left.0 + gained).min(self.per_second), now.max(left.1));
        if left.0 < 1.0 {
            return None;
        }
        left.0 -= 1.0;
        Some(Taken(self))
    }
}

impl Taken<'_> {
    /// Gives the place back: what nobody proved to have sent must not use up what the source may send.
    pub fn give_back(self) {
        let mut left = self.0.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.0 = (left.0 + 1.0).min(self.0.per_second);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_bucket_of_two_lets_two_through_at_once_and_then_two_a_second() {
        let start = Instant::now();
        let bucket = Bucket::new(NonZeroU32::new(2).unwrap(), start);
        assert!(bucket.take(start).is_some());
        assert!(bucket.take(start).is_some());
        assert!(bucket.take(start).is_none());
        assert!(bucket.take(start + Duration::from_millis(500)).is_some());
        assert!(bucket.take(start + Duration::from_millis(500)).is_none());
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let start = Instant::now();
        let bucket = Bucket::new(NonZeroU32::new(1).unwrap(), start);
        bucket.take(start).unwrap().give_back();
        assert!(bucket.take(start).is_some());
        assert!(bucket.take(start).is_none());
    }
}
