//! `countersign source`: plays the platform of one source, to see that what it sends is understood and what it would be
//! told.
//!
//! What must hold: nothing that is sent from here can be taken for a real request; a secret is printed only where a
//! delivery carries it, and that is said.

mod curl;
mod page;
mod refusal;
mod sample;
mod sender;
mod sign;
mod trial;

use std::path::PathBuf;

use clap::Subcommand;

use super::ExitStatus;

/// Try out a source as its platform would: send it a sample, or sign a delivery of your own
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: SourceCommand,
}

#[derive(Debug, Subcommand)]
enum SourceCommand {
    Test(trial::Args),
    Sign(sign::Args),
}

/// Which source, and where its deliveries go
#[derive(Debug, clap::Args)]
struct SourceArgs {
    /// The source's name in the config
    name: String,
    /// Where the server takes deliveries, as its platform reaches it [default: the config's `listen`]
    #[arg(long, value_name = "URL")]
    deliver_to: Option<String>,
    /// For `ecdsa`: a private key whose public half is under `public_keys`, as PEM
    #[arg(long, value_name = "PRIVATE.pem")]
    key: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitStatus {
    match &args.command {
        SourceCommand::Test(args) => trial::run(args),
        SourceCommand::Sign(args) => sign::run(args),
    }
}
