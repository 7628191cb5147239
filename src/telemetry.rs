//! What the program says while it runs: log lines, and one line for each decision.
//!
//! What must hold: no secret and no body is logged but the policy's own input; a sender's text cannot start a line or
//! reorder one on a terminal. A decision's JSON is OPA's decision-log event with our fields beside, so that what
//! reads OPA's logs reads ours.

mod decision;

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use tracing::Subscriber;
use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

pub use decision::DecisionEvent;

use crate::config::{Log, LogFormat};
use crate::diagnostic::Paint;

/// Why logging could not be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter makes no sense.
    #[error("`{0}` is not a log filter; write `info`, or a list such as `warn,countersign=debug`")]
    Filter(String),
    /// Something else logs in this process.
    #[error("logging was started before")]
    Started,
}

/// Stdout, written by a thread of its own. A reader that does not read holds up nobody: past 128,000 lines that wait,
/// further ones are lost, and the record of every decision is in the store. Keep the guard until the end: it writes what
/// still waits.
pub fn stdout() -> (NonBlocking, WorkerGuard) {
    tracing_appender::non_blocking(io::stdout())
}

/// Starts logging to `out`. `rust_log` is the value of `RUST_LOG`, which goes before the config.
pub fn init(
    log: &Log,
    rust_log: Option<&str>,
    paint: Paint,
    out: NonBlocking,
) -> Result<(), TelemetryError> {
    let filter = rust_log
        .filter(|filter| !filter.is_empty())
        .unwrap_or(&log.level);
    let subscriber = subscriber(log.format, filter, paint, out)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| TelemetryError::Started)
}

/// What turns events into lines of `writer`.
pub fn subscriber<W>(
    format: LogFormat,
    filter: &str,
    paint: Paint,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter =
        EnvFilter::try_new(filter).map_err(|_| TelemetryError::Filter(filter.to_owned()))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer);
    Ok(match format {
        LogFormat::Json => Box::new(
            builder
                .json()
                .flatten_event(true)
                .with_span_list(false)
                .finish(),
        ),
        LogFormat::Text => Box::new(builder.with_ansi(paint == Paint::Coloured).finish()),
    })
}

/// Colours on a terminal, unless `NO_COLOR` says otherwise.
pub fn paint(terminal: &impl IsTerminal, environment: &dyn Fn(&str) -> Option<String>) -> Paint {
    let refused = environment("NO_COLOR").is_some_and(|value| !value.is_empty());
    if terminal.is_terminal() && !refused {
        Paint::Coloured
    } else {
        Paint::Plain
    }
}

/// Where decision lines go. One line is one write.
pub struct DecisionLines {
    format: LogFormat,
    out: Mutex<Box<dyn Write + Send>>,
}

impl DecisionLines {
    /// Lines on stdout, among the log's.
    pub fn to_stdout(format: LogFormat) -> Self {
        Self::to(format, Box::new(io::stdout()))
    }

    /// Lines to `out`.
    pub fn to(format: LogFormat, out: Box<dyn Write + Send>) -> Self {
        Self {
            format,
            out: Mutex::new(out),
        }
    }

    /// Writes one line. A closed stdout stops no decision: the record is in the store.
    pub fn write(&self, event: &DecisionEvent<'_>) {
        let mut line = event.line(self.format);
        line.push('\n');
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let written = out.write_all(line.as_bytes()).and_then(|()| out.flush());
        drop(written);
    }
}

impl fmt::Debug for DecisionLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecisionLines")
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
