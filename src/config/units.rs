//! Values with units, addresses, URLs and names as a config writes them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use reqwest::Url;

use crate::domain::person::is_name;

/// `50ms`, `15m`, `1h30m`, `2d`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let (number, after) = rest.split_at_checked(digits)?;
        let unit_end = after
            .find(|letter: char| letter.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(unit_end)?;
        let milliseconds: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        let part = number.parse::<u64>().ok()?.checked_mul(milliseconds)?;
        total = total.checked_add(Duration::from_millis(part))?;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

/// `512`, `64KiB`, `1MiB`, `1MB`: bytes.
pub(super) fn size(text: &str) -> Option<u64> {
    let digits = text
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let bytes = match unit.trim_start() {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(bytes)
}

/// An IP address and port; `localhost` is the one name that is known.
pub(super) fn address(text: &str) -> Option<SocketAddr> {
    if let Some(port) = text.strip_prefix("localhost:") {
        return Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().ok()?)));
    }
    text.parse().ok()
}

/// An absolute `http` or `https` URL with a host and with no user, password or fragment in it.
pub(super) fn url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some_and(|host| !host.is_empty())
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    plain.then_some(url)
}

/// Whether what is sent to `url` can be read on the way.
pub(super) fn in_the_clear(url: &Url) -> bool {
    url.scheme() == "http" && !url.host_str().is_some_and(is_loopback)
}

/// Whether a host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || (address.parse::<IpAddr>()).is_ok_and(|address| address.is_loopback())
}

/// The name of a host, or its address.
pub(super) fn host(text: &str) -> Option<String> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let fits = text.parse::<IpAddr>().is_ok() || text.len() <= 253 && text.split('.').all(label);
    fits.then(|| text.to_owned())
}

/// An e-mail address that needs no quotes, with nothing around it.
pub(super) fn email(text: &str) -> Option<String> {
    let plain = text.len() <= 254
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"\"(),:;<>[\\]".contains(&byte));
    let address = text.parse::<lettre::Address>();
    (plain && address.is_ok()).then(|| text.to_owned())
}

/// `countersign <approvals@example.com>`, or the address alone. Nothing in it can begin another header.
pub(super) fn mailbox(text: &str) -> Option<String> {
    if text.chars().any(char::is_control) {
        return None;
    }
    let address = match text.strip_suffix('>') {
        Some(rest) => rest.rsplit_once('<')?.1,
        None => text,
    };
    let address = email(address)?;
    let read = text.parse::<lettre::message::Mailbox>().ok()?;
    (read.email.as_ref() as &str == address).then(|| text.to_owned())
}

/// The id of a Slack channel, group or conversation.
pub(super) fn channel(text: &str) -> Option<String> {
    let fits = text.starts_with(['C', 'G', 'D'])
        && (3..=32).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    fits.then(|| text.to_owned())
}

/// The name of a team: it stands in policies, in paths and before the `/` of its channels.
pub(super) fn team(text: &str) -> Option<String> {
    let fits = (1..=63).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    fits.then(|| text.to_owned())
}

/// `09:00`.
pub(super) fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let two = |digits: &str| {
        let fits = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| digits.parse().ok()).flatten()
    };
    Time::new(two(hour)?, two(minute)?, 0, 0).ok()
}

/// `2027-11-01` (its first moment, UTC) or an RFC 3339 time.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    if text.len() != "2027-11-01".len() {
        return None;
    }
    let date: Date = text.parse().ok()?;
    date.to_zoned(TimeZone::UTC)
        .ok()
        .map(|zoned| zoned.timestamp())
}

/// A path on our listener: parts of letters, digits, `-`, `.`, `_` and `~`.
pub(super) fn route(text: &str) -> Option<String> {
    let parts = text.strip_prefix('/')?;
    let fits = parts.split('/').all(|part| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "-._~".contains(letter))
    });
    fits.then(|| text.to_owned())
}

/// The name of a person or an agent.
pub(super) fn name(text: &str) -> Option<String> {
    is_name(text).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_and_nothing_else() {
        for (text, milliseconds) in [
            ("50ms", 50),
            ("15m", 900_000),
            ("2d", 172_800_000),
            ("1h30m", 5_400_000),
            ("0s", 0),
        ] {
            assert_eq!(
                duration(text),
                Some(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
        for text in [
            "",
            "5",
            "m",
            "5 m",
            "5M",
            "-5m",
            "1.5h",
            "5ms ",
            "99999999999999999999d",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn no_team_has_the_name_by_which_teams_that_are_not_there_are_counted() {
        assert!(team("other").is_some() && team("(unknown)").is_none() && team("").is_none());
    }

    #[test]
    fn sizes_are_bytes() {
        for (text, bytes) in [
            ("512", 512),
            ("1MiB", 1 << 20),
            ("64 KiB", 65_536),
            ("1MB", 1_000_000),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in ["", "MiB", "1mib", "1.5MiB", "-1"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn urls_are_absolute_and_carry_no_credentials() {
        assert!(url("https://api.tracemem.com").is_some());
        assert!(url("http://127.0.0.1:9/x?y=1").is_some());
        for text in [
            "",
            "/hook",
            "api.tracemem.com",
            "ftp://a/b",
            "https://",
            "https://u:p@host/",
            "https://a/#b",
            "unix:/x",
        ] {
            assert_eq!(url(text), None, "{text}");
        }
        assert!(in_the_clear(&url("http://10.0.0.1/").unwrap()));
        for safe in [
            "https://a/",
            "http://localhost:1/",
            "http://[::1]:1/",
            "http://127.1.2.3/",
        ] {
            assert!(!in_the_clear(&url(safe).unwrap()), "{safe}");
        }
    }

    #[test]
    fn a_date_is_its_first_moment_in_utc() {
        assert_eq!(moment("2027-11-01"), "2027-11-01T00:00:00Z".parse().ok());
        assert_eq!(
            moment("2027-11-01T10:00:00+02:00"),
            "2027-11-01T08:00:00Z".parse().ok()
        );
        assert_eq!(moment("2027-13-01"), None);
        assert_eq!(moment("1 November"), None);
    }

    #[test]
    fn routes_and_names_are_checked() {
        assert!(route("/hooks/tracemem").is_some());
        for text in [
            "", "/", "hooks", "/a//b", "/a/", "/{x}", "/../x", "/a?b", "/a b",
        ] {
            assert_eq!(route(text), None, "{text}");
        }
        assert!(name("alice@example.com").is_some());
        assert!(name("").is_none() && name("a b").is_none() && name("a\u{202e}b").is_none());
    }
}
