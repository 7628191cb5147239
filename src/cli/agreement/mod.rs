//! `countersign agreement`: what policy would have done beside what people did. The report to read before a source is
//! set to `enforce`.

pub(crate) mod comparison;
mod page;

use super::ExitStatus;
use super::ledger::StoreArgs;
use super::terminal::{self, Format, Since};
use crate::clock::Clock;
use crate::domain::id::SourceName;
use comparison::Comparison;

/// Compare what policy would have done with what the platform's people did
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only requests decided since then: `30d`, `12h`, a date, or RFC 3339
    #[arg(long, default_value = "30d")]
    since: Since,
    /// Only requests of this source
    #[arg(long, value_parser = SourceName::parse)]
    source: Option<SourceName>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    store: StoreArgs,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitStatus {
    terminal::end(compare(args))
}

fn compare(args: &Args) -> anyhow::Result<ExitStatus> {
    let ledger = args.store.open()?;
    let since = args.since.before(Clock.now());
    let cases = ledger.wait_for(async { Ok(ledger.store().compared(Some(since)).await?) })?;
    let ours = cases.iter().filter(|case| {
        args.source
            .as_ref()
            .is_none_or(|source| case.asked.source == *source)
    });
    let comparison = Comparison::of(ours);
    let mut out = anstream::stdout().lock();
    match args.format {
        Format::Json => terminal::write_json_indented(&mut out, &page::json(&comparison, since))?,
        Format::Pretty => page::write(&mut out, &comparison, since)?,
    }
    Ok(ExitStatus::Done)
}
