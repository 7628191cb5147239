//! `countersign explain`: why a request comes out as it does, rule by rule and condition by condition, and what would
//! have to be different.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::ExitStatus;
use super::case_name::CaseName;
use super::cases;
use super::decide::to_json;
use super::explain_page::{self, Rules};
use super::ledger::StoreArgs;
use super::policy_directory::{self, PolicyArgs};
use super::request::Request;
use super::terminal::{self, Format};
use crate::clock::Clock;
use crate::domain::account::AccountRecord;
use crate::domain::record::Record;
use crate::flow::{Unexplained, account_from, difference};
use crate::policy;

/// Explain how a request is decided: every rule that could apply, what kept it from applying, and what would change it
///
/// A file is explained by the policies; a case by the policies that decided it, which are kept in the store. Exits with 0
/// whatever the verdict is, 2 when the policies cannot serve, and 1 when something cannot be read.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The policy input as JSON, or a sample that holds one; `-` reads it from stdin; or a case
    #[arg(value_name = "REQUEST.json|CASE")]
    what: PathBuf,
    /// Show the rules that came nowhere near, too
    #[arg(long)]
    all: bool,
    /// The policy directory for a file [default: the config's, else ./policies]
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    store: StoreArgs,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitStatus {
    let mut out = anstream::stdout().lock();
    terminal::end(match case_of(&args.what) {
        Some(name) => explain_case(args, &name, &mut out),
        None => explain_file(args, &mut std::io::stdin().lock(), &mut out, Clock.now()),
    })
}

/// The case that is meant, if one is: a file goes before a case of its name.
fn case_of(what: &Path) -> Option<CaseName> {
    if what.as_os_str() == "-" || what.exists() {
        return None;
    }
    what.to_str()?.parse().ok()
}

fn explain_file(
    args: &Args,
    stdin: &mut dyn Read,
    out: &mut dyn Write,
    now: Timestamp,
) -> anyhow::Result<ExitStatus> {
    let request = Request::read(&args.what, stdin, now)?;
    let policies = PolicyArgs::new(args.policies.clone(), args.store.named_config());
    let directory = &policies.directory()?;
    let set = match policy_directory::load(directory)? {
        Ok(set) => set,
        Err(mistakes) => {
            let counted = policy_directory::write_mistakes(out, directory, mistakes, args.format)?;
            terminal::complain(&format!("the policies cannot serve: {counted}"));
            return Ok(ExitStatus::No);
        }
    };
    let account = policy::account(&set, &request.input, request.now);
    match args.format {
        Format::Json => {
            let verdict = to_json(&account.verdict, &request);
            terminal::write_json_indented(out, &AccountRecord::of(verdict, &account, None))?;
        }
        Format::Pretty => explain_page::write(out, &account, args.rules())?,
    }
    Ok(ExitStatus::Done)
}

fn explain_case(args: &Args, name: &CaseName, out: &mut dyn Write) -> anyhow::Result<ExitStatus> {
    let ledger = args.store.open()?;
    let file = ledger.wait_for(cases::find(ledger.store(), name))?;
    let kept = &file.case.verdict;
    let account = ledger.wait_for(async { Ok(account_from(ledger.store(), &file).await) })?;
    let verdict = Record::of(&file.case);
    match (account, args.format) {
        (Ok(account), format) => {
            let note = difference(kept, &account);
            match format {
                Format::Json => {
                    let record = AccountRecord::of(verdict, &account, note.as_deref());
                    terminal::write_json_indented(out, &record)?;
                }
                Format::Pretty => explain_page::write(out, &account, args.rules())?,
            }
            if let Some(note) = note {
                terminal::say(&note);
            }
        }
        (Err(Unexplained::Store(error)), _) => return Err(error.into()),
        (Err(unexplained), format) => {
            let note = format!("{unexplained}; this is what was written down when it was decided");
            match format {
                Format::Json => {
                    let record = AccountRecord::of_kept(verdict, kept, &note);
                    terminal::write_json_indented(out, &record)?;
                }
                Format::Pretty => writeln!(out, "{}", crate::domain::rationale::full(kept))?,
            }
            terminal::say(&note);
        }
    }
    Ok(ExitStatus::Done)
}

impl Args {
    fn rules(&self) -> Rules {
        if self.all { Rules::All } else { Rules::Nearest }
    }
}
