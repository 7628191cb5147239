//! What the commands that print share: the two formats, what each colour means, times, and how a command ends.
//!
//! Answers go to stdout and talk to stderr. Everything reads the same without colours. Text that strangers wrote goes
//! through [`visible`] before it reaches a terminal.

use std::io::{self, Write};

use anstream::eprintln;
use jiff::{SignedDuration, Timestamp};
use owo_colors::Style;

use super::ExitStatus;
use crate::diagnostic::{Diagnostic, Paint};
use crate::domain::rationale::{bounded, visible};

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Pretty,
    /// For programs: the names of the HTTP API.
    Json,
}

/// The process that reads our output went away; nobody is left to be told.
fn reader_gone(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

/// Says on stderr why a command could not do it, and how the process ends.
pub(super) fn end(result: anyhow::Result<ExitStatus>) -> ExitStatus {
    match result {
        Ok(status) => status,
        Err(error) if reader_gone(&error) => ExitStatus::Done,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitStatus::CouldNot
        }
    }
}

/// An error on stderr. What a server or a file said is part of it, so it is made visible.
pub(super) fn complain(message: &str) {
    use owo_colors::OwoColorize as _;
    let mut lines = message.lines().map(visible);
    let first = lines.next().unwrap_or_default();
    eprintln!("{} {first}", "error:".style(BAD));
    // Further in, so that no line of somebody else's text can pass for one of ours.
    lines.for_each(|line| eprintln!("  {line}"));
}

/// Mistakes in a file, as frames on stderr.
pub(super) fn show(mistakes: &[Diagnostic]) {
    for mistake in mistakes {
        eprintln!("{}\n", mistake.render(Paint::Coloured));
    }
}

/// Talk on stderr.
pub(super) fn say(message: &str) {
    eprintln!("{}", visible(message));
}

/// One JSON value on one line.
pub(super) fn write_json(out: &mut dyn Write, value: &impl serde::Serialize) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *out, value).map_err(io::Error::from)?;
    Ok(writeln!(out)?)
}

/// One JSON value over several lines.
pub(super) fn write_json_indented(
    out: &mut dyn Write,
    value: &impl serde::Serialize,
) -> anyhow::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value).map_err(io::Error::from)?;
    Ok(writeln!(out)?)
}

/// Rejected, dead, dangerous.
pub(super) const BAD: Style = Style::new().red().bold();
/// Approved, intact.
pub(super) const GOOD: Style = Style::new().green();
/// Waits for a person.
pub(super) const WAITS: Style = Style::new().yellow();
/// Of second importance.
pub(super) const FAINT: Style = Style::new().dimmed();
/// A heading.
pub(super) const HEADING: Style = Style::new().bold();
/// As it is.
pub(super) const PLAIN: Style = Style::new();

/// The colour of a word for an outcome, a state or a vote; words we do not know have none.
pub(super) fn style_of(word: &str) -> Style {
    match word {
        "approve" | "approved" => GOOD,
        "reject" | "rejected" | "dead" => BAD,
        "escalate" | "open" | "expired" | "held" => WAITS,
        _ => PLAIN,
    }
}

/// How long ago, or how long until, in its largest unit: `45s`, `12m`, `3h`, `9d`.
pub(super) fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.duration_since(from).as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A moment in UTC, to the second.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A stranger's text on one line, cut to `limit` characters.
pub(super) fn one_line(text: &str, limit: usize) -> String {
    bounded(&visible(text), limit)
}

/// `1482` as `1,482`.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A point in the past as people write it: `30d`, `12h`, `1h 30m`, a date, or an RFC 3339 time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// So long ago.
    Ago(SignedDuration),
    /// At this time.
    At(Timestamp),
}

impl Since {
    /// The moment it means at `now`.
    pub fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(duration) => now.saturating_sub(duration).unwrap_or(Timestamp::MIN),
            Self::At(at) => at,
        }
    }
}

impl std::str::FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Self::At(at));
        }
        let midnight = text
            .parse::<jiff::civil::Date>()
            .and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC));
        if let Ok(midnight) = midnight {
            return Ok(Self::At(midnight.timestamp()));
        }
        text.parse::<jiff::Span>()
            .and_then(|span| span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()))
            .ok()
            .filter(SignedDuration::is_positive)
            .map(Self::Ago)
            .ok_or_else(|| "write a time such as `30d`, `12h`, `2026-11-01` or RFC 3339".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_read_as_people_write_it() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        for (text, at) in [
            ("30d", "2026-10-22T12:00:00Z"),
            ("1h 30m", "2026-11-21T10:30:00Z"),
            ("2026-11-01", "2026-11-01T00:00:00Z"),
            ("2026-11-01T05:00:00Z", "2026-11-01T05:00:00Z"),
        ] {
            let since: Since = text.parse().unwrap();
            assert_eq!(since.before(now), at.parse().unwrap(), "{text}");
        }
        for text in ["", "yesterday", "-3d", "30"] {
            assert!(text.parse::<Since>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let gone = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(end(Err(gone.context("writing"))), ExitStatus::Done);
        assert_eq!(end(Err(anyhow::anyhow!("no"))), ExitStatus::CouldNot);
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(
            [0, 999, 1_482, 1_000_000].map(grouped),
            ["0", "999", "1,482", "1,000,000"]
        );
    }
}
