//! `countersign completions`: a completion script for a shell, on stdout.

use std::io::Write as _;

use super::ExitStatus;
use super::terminal;

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    shell: clap_complete::Shell,
}

/// Runs the command. `program` is the whole command line that is completed.
pub fn run(args: &Args, program: &mut clap::Command) -> ExitStatus {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, program, "countersign", &mut script);
    let written = std::io::stdout().lock().write_all(&script);
    terminal::end(written.map(|()| ExitStatus::Done).map_err(Into::into))
}
