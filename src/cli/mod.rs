//! The command line: one file per subcommand, each an `Args` and a `run`. Answers go to stdout, talk to stderr.
//!
//! Every flag may also be given in the environment, as `COUNTERSIGN_` and its name in capitals; the flag goes before
//! it, and both go before the config. The one flag that may not is the switch `user add --token`: `COUNTERSIGN_TOKEN` is
//! the token of whoever types.

pub mod agreement;
pub mod cases;
pub mod check;
pub mod completions;
pub mod config;
pub mod decide;
pub mod demo;
pub mod explain;
pub mod freeze;
pub mod ledger;
pub mod log;
pub mod operators;
pub mod outbox;
pub mod probe;
pub mod run;
pub mod schema;
pub mod source;
pub mod terminal;
pub mod test;
pub mod user;
pub mod vote;

mod case_name;
mod case_page;
mod explain_page;
mod junit;
mod sarif;
mod annotations;
mod log_event;
mod log_line;
mod policy_directory;
mod request;
mod table;

#[cfg(test)]
mod samples;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::domain::effect::Ballot;

/// How a command ended, as the shell sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// It did what it was asked.
    Done = 0,
    /// It could not do it.
    CouldNot = 1,
    /// It did it, and the answer is no.
    No = 2,
}

/// Answers agents' approval requests by policy, asks people for the rest, and writes down why
///
/// Exits 0 when done, 1 when it could not, 2 when the answer is no. Every flag may be given in the environment, as
/// COUNTERSIGN_ and its name in capitals.
#[derive(Debug, Parser)]
#[command(
    name = "countersign",
    version,
    arg_required_else_help = true,
    infer_subcommands = false
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Demo(demo::DemoArgs),
    Check(check::Args),
    Test(test::Args),
    Decide(decide::Args),
    Explain(explain::Args),
    Probe(probe::Args),
    #[command(visible_alias = "case")]
    Cases(cases::Args),
    /// Approve an open case
    Approve(vote::Args),
    /// Reject an open case
    Reject(vote::Args),
    Freeze(freeze::FreezeArgs),
    Unfreeze(freeze::UnfreezeArgs),
    Outbox(outbox::Args),
    Log(log::Args),
    Agreement(agreement::Args),
    Source(source::Args),
    User(user::Args),
    Config(config::ConfigArgs),
    Schema(schema::Args),
    Completions(completions::Args),
}

/// The program.
pub fn main() -> ExitCode {
    let mut program = program();
    let parsed = program
        .clone()
        .try_get_matches()
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let status = match parsed {
        Ok(cli) => cli.run(&mut program),
        Err(told) => {
            // Help and version are answers; everything else is a command line that was not understood.
            let status = if told.use_stderr() {
                ExitStatus::CouldNot
            } else {
                ExitStatus::Done
            };
            let _ = told.print();
            status
        }
    };
    status.into()
}

impl Cli {
    fn run(self, program: &mut clap::Command) -> ExitStatus {
        match self.command {
            Command::Run(args) => run::run(&args),
            Command::Demo(args) => demo::run(&args),
            Command::Check(args) => check::run(&args),
            Command::Test(args) => test::run(&args),
            Command::Decide(args) => decide::run(&args),
            Command::Explain(args) => explain::run(&args),
            Command::Probe(args) => probe::run(&args),
            Command::Cases(args) => cases::run(&args),
            Command::Approve(args) => vote::run(Ballot::Approve, &args),
            Command::Reject(args) => vote::run(Ballot::Reject, &args),
            Command::Freeze(args) => freeze::freeze(&args),
            Command::Unfreeze(args) => freeze::unfreeze(&args),
            Command::Outbox(args) => outbox::run(&args),
            Command::Log(args) => log::run(&args),
            Command::Agreement(args) => agreement::run(&args),
            Command::Source(args) => source::run(&args),
            Command::User(args) => user::run(&args),
            Command::Config(args) => config::run(&args, crate::clock::Clock.now()),
            Command::Schema(args) => schema::run(&args),
            Command::Completions(args) => completions::run(&args, program),
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        match status {
            ExitStatus::Done => Self::SUCCESS,
            ExitStatus::CouldNot => Self::from(1),
            ExitStatus::No => Self::from(2),
        }
    }
}

/// The command line with the environment's twin of every flag.
fn program() -> clap::Command {
    with_environment(Cli::command())
}

fn with_environment(command: clap::Command) -> clap::Command {
    command
        .mut_args(|flag| match flag.get_long() {
            Some(long) if has_twin(&flag) => {
                let name = format!(
                    "COUNTERSIGN_{}",
                    long.to_ascii_uppercase().replace('-', "_")
                );
                flag.env(name).hide_env_values(true)
            }
            Some(_) | None => flag,
        })
        .mut_subcommands(with_environment)
}

/// Whether the environment may give this flag: not if another of its name takes a value there.
fn has_twin(flag: &clap::Arg) -> bool {
    flag.get_action().takes_values() || flag.get_long() != Some("token")
}

/// Waits for an answer on this thread.
fn wait_for<T>(answer: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        program().debug_assert();
    }

    #[test]
    fn every_flag_has_a_twin_in_the_environment() {
        fn look(command: &clap::Command, seen: &mut usize) {
            for flag in command.get_arguments() {
                if let Some(long) = flag.get_long().filter(|_| has_twin(flag)) {
                    let twin = flag
                        .get_env()
                        .map(|name| name.to_string_lossy().into_owned());
                    let name = format!("COUNTERSIGN_{}", long.to_uppercase().replace('-', "_"));
                    assert_eq!(twin, Some(name), "{} --{long}", command.get_name());
                    *seen += 1;
                }
            }
            command
                .get_subcommands()
                .for_each(|command| look(command, seen));
        }
        let mut seen = 0;
        look(&program(), &mut seen);
        assert!(seen > 20);
    }

    #[test]
    fn the_token_of_whoever_types_makes_no_token_for_another() {
        let mut program = program();
        let user = program.find_subcommand_mut("user").unwrap();
        let add = user.find_subcommand("add").unwrap();
        let switch = add
            .get_arguments()
            .find(|flag| flag.get_long() == Some("token"));
        assert!(switch.unwrap().get_env().is_none());
    }
}
