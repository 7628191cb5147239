//! Moments, as people read them.

use jiff::{SignedDuration, Timestamp};

/// A moment, seen from now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::web::operators) struct When {
    /// `in 12 min`, `3 h ago`.
    pub(in crate::web::operators) relative: String,
    /// `2026-11-22 14:03:22 UTC`.
    pub(in crate::web::operators) absolute: String,
    /// As RFC 3339 has it.
    pub(in crate::web::operators) machine: String,
    /// Whether there is little time left. What is past is never urgent: nobody can be quick about it any more.
    pub(in crate::web::operators) urgent: bool,
}

/// Less time than this is little.
const LITTLE: SignedDuration = SignedDuration::from_mins(10);

/// Nearer than this is now.
const NOW: SignedDuration = SignedDuration::from_secs(5);

impl When {
    /// `at`, seen from `now`.
    pub(in crate::web::operators) fn new(at: Timestamp, now: Timestamp) -> Self {
        let left = at.duration_since(now);
        let length = length(left.abs());
        let relative = if left.abs() < NOW {
            "now".to_owned()
        } else if left.is_negative() {
            format!("{length} ago")
        } else {
            format!("in {length}")
        };
        let whole = Timestamp::from_second(at.as_second()).unwrap_or(at);
        Self {
            relative,
            absolute: whole.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            machine: whole.to_string(),
            urgent: left > -NOW && left < LITTLE,
        }
    }
}

/// A length of time in its largest unit, two of them where the second matters: `1 h 20 min`.
fn length(time: SignedDuration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours @ ..6, minutes) if minutes % 60 > 0 => format!("{hours} h {} min", minutes % 60),
        (0, hours, _) => format!("{hours} h"),
        (1, ..) => "1 day".to_owned(),
        (days, ..) => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_as_one_would_say_it() {
        let now: Timestamp = "2026-11-22T14:00:00Z".parse().unwrap();
        let said = |seconds: i64| {
            let when = When::new(now + SignedDuration::from_secs(seconds), now);
            (when.relative, when.urgent)
        };
        for (seconds, relative, urgent) in [
            (0, "now", true),
            (40, "in 40 s", true),
            (12 * 60, "in 12 min", false),
            (80 * 60, "in 1 h 20 min", false),
            (3600, "in 1 h", false),
            (7 * 3600 + 600, "in 7 h", false),
            (26 * 3600, "in 1 day", false),
            (-4, "now", true),
            (-60, "1 min ago", false),
            (-3 * 86_400, "3 days ago", false),
        ] {
            assert_eq!(said(seconds), (relative.to_owned(), urgent), "{seconds}");
        }
        assert_eq!(When::new(now, now).absolute, "2026-11-22 14:00:00 UTC");
    }
}
