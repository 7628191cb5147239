//! `countersign test --watch`: the tests again whenever a file of the directory is another one.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use super::{Args, Ended, rounds};
use crate::cli::ExitStatus;
use crate::cli::terminal;
use crate::clock::Clock;
use crate::diagnostic::Diagnostic;
use crate::domain::id::Revision;
use crate::policy::ENGINE;
use crate::policy::folder::PolicyFiles;
use crate::policy::watch::Changes;

/// Clears the screen and what was scrolled away, and goes to the top.
const CLEAR: &str = "\x1b[2J\x1b[3J\x1b[H";

/// What was last run.
type Seen = Result<Revision, Vec<Diagnostic>>;

/// Runs the tests until somebody ends it, and ends as the last run did.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitStatus> {
    let directory = args.directory()?;
    let runtime = Runtime::new()?;
    let status = runtime.block_on(follow(args, &directory));
    // A run that is under way is nobody's any more.
    runtime.shutdown_background();
    status
}

async fn follow(args: &Args, directory: &Path) -> anyhow::Result<ExitStatus> {
    let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be listened to")?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut changes = Changes::of(directory);
    let mut seen: Option<Seen> = None;
    let mut status = ExitStatus::Done;
    let mut failed = Vec::new();
    loop {
        tokio::select! {
            () = changes.next() => {}
            _ = interrupt.recv() => return Ok(status),
            _ = terminate.recv() => return Ok(status),
        }
        let read = PolicyFiles::read(directory);
        let now = read
            .as_ref()
            .map(|files| files.revision(&ENGINE))
            .map_err(Clone::clone);
        if seen.as_ref() == Some(&now) {
            continue;
        }
        seen = Some(now);
        changes.renew();
        let (args, directory) = (args.clone(), directory.to_owned());
        let known = std::mem::take(&mut failed);
        let work = tokio::task::spawn_blocking(move || {
            let mut shown = Vec::new();
            let start = Instant::now();
            let mut clock = || start.elapsed();
            let ended = rounds(
                &args,
                &directory,
                &read,
                &known,
                &mut shown,
                Clock.now(),
                &mut clock,
            );
            (ended, shown, known)
        });
        let (ended, shown, known) = tokio::select! {
            done = work => done.context("the tests could not be run")?,
            _ = interrupt.recv() => return Ok(status),
            _ = terminate.recv() => return Ok(status),
        };
        show(&shown)?;
        (status, failed) = match ended {
            Ok(Ended { status, failed }) => (status, failed),
            Err(error) => {
                terminal::complain(&format!("{error:#}"));
                (ExitStatus::CouldNot, known)
            }
        };
        terminal::say("Watching for changes ...");
    }
}

/// A whole report at once; on a terminal in place of the one before it.
fn show(report: &[u8]) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    if std::io::stdout().is_terminal() {
        write!(out, "{CLEAR}")?;
    }
    out.write_all(report)?;
    Ok(out.flush()?)
}
