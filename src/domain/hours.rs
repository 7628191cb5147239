//! When a team works. Time that is given to a team is counted in its working hours.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Days that are looked at before an end is held to be out of reach: longer than any question is open.
const FARTHEST: usize = 20_000;

/// Days and times of day, in a time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkingHours {
    zone: TimeZone,
    days: Vec<Weekday>,
    from: Time,
    to: Time,
}

impl WorkingHours {
    /// From `from` until `to` on each of `days`, by the clocks of `zone`. An end that is not after the beginning is on the
    /// next day. `None` without a day.
    pub fn new(zone: TimeZone, days: Vec<Weekday>, from: Time, to: Time) -> Option<Self> {
        (!days.is_empty()).then_some(Self {
            zone,
            days,
            from,
            to,
        })
    }

    /// The time zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// When `working` time has passed since `start`, counting working hours only.
    pub fn after(&self, start: Timestamp, working: SignedDuration) -> Timestamp {
        let mut left = working;
        // A shift that began yesterday may still be on.
        let first = start.to_zoned(self.zone.clone()).date().yesterday();
        let mut day = first.ok();
        for _ in 0..FARTHEST {
            let Some(date) = day else { break };
            day = date.tomorrow().ok();
            let Some((begins, ends)) = self.shift(date) else {
                continue;
            };
            let begins = begins.max(start);
            if ends <= begins {
                continue;
            }
            let length = ends.duration_since(begins);
            if left <= length {
                return begins.saturating_add(left).unwrap_or(Timestamp::MAX);
            }
            left = left.saturating_sub(length);
        }
        Timestamp::MAX
    }

    /// Whether the team works at `now`.
    pub fn contain(&self, now: Timestamp) -> bool {
        let today = now.to_zoned(self.zone.clone()).date();
        let days = [today.yesterday().ok(), Some(today)];
        days.into_iter()
            .flatten()
            .filter_map(|date| self.shift(date))
            .any(|(begins, ends)| begins <= now && now < ends)
    }

    /// The shift that begins on `date`.
    fn shift(&self, date: Date) -> Option<(Timestamp, Timestamp)> {
        if !self.days.contains(&date.weekday()) {
            return None;
        }
        let last = if self.to <= self.from {
            date.tomorrow().ok()?
        } else {
            date
        };
        let at = |date: Date, time| {
            let zoned = date.to_datetime(time).to_zoned(self.zone.clone());
            zoned.ok().map(|zoned| zoned.timestamp())
        };
        Some((at(date, self.from)?, at(last, self.to)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::time;
    use proptest::prelude::*;

    fn office() -> WorkingHours {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let days = vec![
            Weekday::Monday,
            Weekday::Tuesday,
            Weekday::Wednesday,
            Weekday::Thursday,
            Weekday::Friday,
        ];
        WorkingHours::new(zone, days, time(9, 0, 0, 0), time(17, 0, 0, 0)).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn what_comes_on_friday_evening_is_due_on_monday() {
        // 2026-11-20 is a Friday; Berlin is an hour ahead of UTC.
        let due = office().after(at("2026-11-20T15:30:00Z"), SignedDuration::from_hours(1));
        assert_eq!(due, at("2026-11-23T08:30:00Z"));
        let night = office().after(at("2026-11-21T02:00:00Z"), SignedDuration::from_mins(30));
        assert_eq!(night, at("2026-11-23T08:30:00Z"));
    }

    #[test]
    fn a_day_with_a_changed_clock_has_the_hours_its_clocks_show() {
        // Clocks go back on Sunday, 2026-10-25: from two hours ahead to one.
        let days = vec![Weekday::Saturday, Weekday::Sunday];
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let nights = WorkingHours::new(zone, days, time(22, 0, 0, 0), time(6, 0, 0, 0)).unwrap();
        let due = nights.after(at("2026-10-24T20:00:00Z"), SignedDuration::from_hours(9));
        assert_eq!(
            due,
            at("2026-10-25T05:00:00Z"),
            "06:00 in Berlin: nine hours, not eight"
        );
        assert!(nights.contain(at("2026-10-25T04:59:59Z")));
        assert!(!nights.contain(at("2026-10-25T05:00:00Z")));
    }

    proptest! {
        #[test]
        fn time_that_is_given_is_never_shorter_and_ends_while_the_team_works(
            start in 1_700_000_000..1_900_000_000_i64,
            seconds in 1..2_000_000_i64,
        ) {
            let hours = office();
            let start = Timestamp::from_second(start).unwrap();
            let due = hours.after(start, SignedDuration::from_secs(seconds));
            prop_assert!(due.duration_since(start) >= SignedDuration::from_secs(seconds));
            let just_before = due.saturating_sub(SignedDuration::from_millis(1)).unwrap();
            prop_assert!(hours.contain(just_before));
            let later = hours.after(start, SignedDuration::from_secs(seconds + 1));
            prop_assert!(later > due);
        }
    }
}
