//! Durations as Go prints them, since `opa test` does.

use std::time::Duration;

/// `1.4µs`, `523ns`, `12.5ms`, `1.5s`, `2m3s`, `1h0m0s`.
pub(super) fn as_go_prints_it(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let seconds = duration.as_secs();
    match nanos {
        0 => "0s".to_owned(),
        1..=999 => format!("{nanos}ns"),
        1_000..=999_999 => format!("{}µs", decimal(nanos, 3)),
        1_000_000..=999_999_999 => format!("{}ms", decimal(nanos, 6)),
        _ => {
            let rest = decimal(nanos % 60_000_000_000, 9);
            match (seconds / 3600, seconds / 60 % 60) {
                (0, 0) => format!("{rest}s"),
                (0, minutes) => format!("{minutes}m{rest}s"),
                (hours, minutes) => format!("{hours}h{minutes}m{rest}s"),
            }
        }
    }
}

/// `value` with its last `places` digits as a fraction, no zeros at the end.
fn decimal(value: u128, places: u32) -> String {
    let unit = 10_u128.pow(places);
    let fraction = format!("{:0width$}", value % unit, width = places as usize);
    match fraction.trim_end_matches('0') {
        "" => (value / unit).to_string(),
        fraction => format!("{}.{fraction}", value / unit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_in_go() {
        let shown: Vec<_> = [
            0,
            523,
            1_400,
            12_500_000,
            1_500_000_000,
            123_000_000_000,
            3_600_000_000_000,
        ]
        .map(|nanos| as_go_prints_it(Duration::from_nanos(nanos)))
        .into();
        assert_eq!(
            shown,
            ["0s", "523ns", "1.4µs", "12.5ms", "1.5s", "2m3s", "1h0m0s"]
        );
    }
}
