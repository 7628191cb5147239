//! How figures are printed: what was measured, its bar, and whether it is met.

use std::time::Duration;

/// Prints one figure beside the bar that it has to stay under.
pub(crate) fn at_most(what: &str, measured: f64, bar: f64, unit: &str) {
    row(
        what,
        measured,
        &format!("at most {bar}{unit}"),
        unit,
        measured <= bar,
    );
}

/// Prints one figure beside the bar that it has to reach.
pub(crate) fn at_least(what: &str, measured: f64, bar: f64, unit: &str) {
    row(
        what,
        measured,
        &format!("at least {bar}{unit}"),
        unit,
        measured >= bar,
    );
}

fn row(what: &str, measured: f64, bar: &str, unit: &str, met: bool) {
    let met = if met { "met" } else { "MISSED" };
    println!("  {what:<66} {measured:>9.2}{unit:<3} {bar:<18} {met}");
}

/// Prints a figure that has no bar.
pub(crate) fn note(what: &str) {
    println!("  {what}");
}

/// The middle one.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The latency that this share of the requests stayed under; sorts them.
pub(crate) fn percentile(latencies: &mut [Duration], share: f64) -> Duration {
    latencies.sort_unstable();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a few million latencies"
    )]
    let at = ((latencies.len() as f64 * share) as usize).min(latencies.len().saturating_sub(1));
    latencies[at]
}

/// In milliseconds.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// In microseconds.
pub(crate) fn microseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// What else the machine did while we measured, so that nobody takes a loaded one for a quiet one.
pub(crate) fn machine() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = load
        .split_whitespace()
        .take(3)
        .collect::<Vec<_>>()
        .join(" ");
    format!("{cores} cores, load average at the start {load}")
}

/// CPU time that this thread has used.
pub(crate) fn thread_cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanoseconds = text
        .split_whitespace()
        .next()
        .and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap())
}
