//! `countersign log`: the decision log, read from the store: its last lines, what is added to it, whether its chain is
//! intact, and its decisions for other tools.

use std::collections::HashMap;
use std::io::Write as _;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;

use super::ExitStatus;
use super::case_name::CaseName;
use super::cases;
use super::ledger::{Ledger, StoreArgs};
use super::log_event::DecisionEvent;
use super::log_line::{self, Written};
use super::terminal::{self, Format, Since};
use crate::clock::Clock;
use crate::domain::id::{CaseId, SourceName};
use crate::domain::log_entry::EntryKind;
use crate::domain::verdict::Outcome;
use crate::store::{LogLine, Store};

/// How many entries are read at a time.
const PAGE: usize = 500;

/// How many cases are remembered while their entries are shown.
const MOST_CASES: usize = 10_000;

/// How often the store is asked for more.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Show the decision log, the newest entries last
///
/// `verify` exits 2 when the chain has a fault.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do
    #[arg(value_enum, default_value_t)]
    what: What,
    /// Only entries of this source's cases
    #[arg(long, value_parser = SourceName::parse)]
    source: Option<SourceName>,
    /// Only entries of cases that policy decided so
    #[arg(long, value_parser = parse_outcome)]
    outcome: Option<Outcome>,
    /// Only entries of this kind: decided, voted, resolved, answered, dead_lettered, …
    #[arg(long, value_parser = parse_kind)]
    kind: Option<EntryKind>,
    /// Only entries of this case
    #[arg(long)]
    case: Option<CaseName>,
    /// Only entries since then: `30d`, `12h`, a date, or RFC 3339
    #[arg(long)]
    since: Option<Since>,
    /// How many of the last entries to show
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum What {
    /// Show the last entries
    #[default]
    Show,
    /// Show the last entries, then every new one
    Follow,
    /// Check the whole chain against its key
    Verify,
    /// Print every decision with its input, one JSON object a line
    Export,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitStatus {
    terminal::end(read(args))
}

fn read(args: &Args) -> anyhow::Result<ExitStatus> {
    let ledger = match args.what {
        What::Verify => args.store.open_with_key()?,
        What::Show | What::Follow | What::Export => args.store.open()?,
    };
    match args.what {
        What::Show => ledger.wait_for(show(&ledger, args)),
        What::Follow => ledger.wait_for(follow(&ledger, args)),
        What::Verify => ledger.wait_for(verify(&ledger, args)),
        What::Export => ledger.wait_for(export(&ledger, args)),
    }
}

/// Entries with their cases, filtered.
struct Reader<'a> {
    store: &'a dyn Store,
    source: Option<&'a SourceName>,
    outcome: Option<Outcome>,
    kind: Option<EntryKind>,
    case: Option<CaseId>,
    since: Option<jiff::Timestamp>,
    /// What a case's entries are shown with does not change, so each is read once.
    cases: HashMap<CaseId, Written>,
}

impl<'a> Reader<'a> {
    async fn new(ledger: &'a Ledger, args: &'a Args) -> anyhow::Result<Self> {
        let store = ledger.store();
        let case = match &args.case {
            Some(name) => Some(cases::find(store, name).await?.case.asked.id),
            None => None,
        };
        Ok(Self {
            store,
            source: args.source.as_ref(),
            outcome: args.outcome,
            kind: args.kind,
            case,
            since: args.since.map(|since| since.before(Clock.now())),
            cases: HashMap::new(),
        })
    }

    /// Whether anything but the number of entries is asked for.
    fn filters(&self) -> bool {
        self.source.is_some()
            || self.outcome.is_some()
            || self.kind.is_some()
            || self.case.is_some()
            || self.since.is_some()
    }

    /// What is shown with the entry's case; `None` when the entry is not asked for.
    async fn about(&mut self, line: &LogLine) -> anyhow::Result<Option<Written>> {
        let wanted = self.kind.is_none_or(|kind| kind == line.kind)
            && self.case.is_none_or(|case| Some(case) == line.case_id)
            && self.since.is_none_or(|since| since <= line.at);
        if !wanted {
            return Ok(None);
        }
        let about = match line.case_id {
            None => Written::default(),
            Some(id) => self.case(id).await?,
        };
        let wanted = self
            .source
            .is_none_or(|source| about.source.as_ref() == Some(source))
            && self
                .outcome
                .is_none_or(|outcome| about.outcome == Some(outcome));
        Ok(wanted.then_some(about))
    }

    async fn case(&mut self, id: CaseId) -> anyhow::Result<Written> {
        if let Some(about) = self.cases.get(&id) {
            return Ok(about.clone());
        }
        let file = self.store.case(id).await?;
        let about = file.map(|file| Written::of(&file.case)).unwrap_or_default();
        // A long log must not bring every case there is into memory.
        if self.cases.len() >= MOST_CASES {
            self.cases.clear();
        }
        self.cases.insert(id, about.clone());
        Ok(about)
    }
}

/// Prints the last entries that are asked for, and returns the sequence of the last entry there is.
async fn tail(reader: &mut Reader<'_>, args: &Args) -> anyhow::Result<u64> {
    let mut shown: Vec<(LogLine, Written)> = Vec::new();
    let mut last = 0;
    if reader.filters() {
        loop {
            let page = reader.store.log_after(last, PAGE).await?;
            let Some(end) = page.last().map(|line| line.sequence) else {
                break;
            };
            last = end;
            for line in page {
                if let Some(about) = reader.about(&line).await? {
                    shown.push((line, about));
                }
            }
            let too_many = shown.len().saturating_sub(args.limit);
            shown.drain(..too_many);
        }
    } else {
        for line in reader.store.log_tail(args.limit).await? {
            last = line.sequence;
            if let Some(about) = reader.about(&line).await? {
                shown.push((line, about));
            }
        }
    }
    let mut out = anstream::stdout().lock();
    for (line, about) in &shown {
        print(&mut out, line, about, args.format)?;
    }
    out.flush()?;
    Ok(last)
}

async fn show(ledger: &Ledger, args: &Args) -> anyhow::Result<ExitStatus> {
    tail(&mut Reader::new(ledger, args).await?, args).await?;
    Ok(ExitStatus::Done)
}

/// Ends with the process: an interrupt, or a reader that goes away.
async fn follow(ledger: &Ledger, args: &Args) -> anyhow::Result<ExitStatus> {
    let mut reader = Reader::new(ledger, args).await?;
    let mut last = tail(&mut reader, args).await?;
    loop {
        let page = reader.store.log_after(last, PAGE).await?;
        if page.is_empty() {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        for line in page {
            last = line.sequence;
            if let Some(about) = reader.about(&line).await? {
                let mut out = anstream::stdout().lock();
                print(&mut out, &line, &about, args.format)?;
                out.flush()?;
            }
        }
    }
}

fn print(
    out: &mut dyn std::io::Write,
    line: &LogLine,
    about: &Written,
    format: Format,
) -> anyhow::Result<()> {
    match format {
        Format::Pretty => Ok(log_line::write(out, line, about)?),
        Format::Json => terminal::write_json(out, &log_line::json(line, about)?),
    }
}

async fn verify(ledger: &Ledger, args: &Args) -> anyhow::Result<ExitStatus> {
    let report = ledger.store().verify_log().await?;
    let head = ledger.store().log_tail(1).await?.pop();
    let mut out = anstream::stdout().lock();
    match args.format {
        Format::Json => terminal::write_json_indented(
            &mut out,
            &json!({
                "entries": report.entries, "erased": report.erased, "faults": report.faults,
                "intact": report.faults.is_empty(), "head": head,
            }),
        )?,
        Format::Pretty => log_line::write_report(&mut out, &report, head.as_ref())?,
    }
    Ok(if report.faults.is_empty() {
        ExitStatus::Done
    } else {
        ExitStatus::No
    })
}

async fn export(ledger: &Ledger, args: &Args) -> anyhow::Result<ExitStatus> {
    let mut reader = Reader::new(ledger, args).await?;
    reader.kind = Some(EntryKind::Decided);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut last = 0;
    loop {
        let page = reader.store.log_after(last, PAGE).await?;
        let Some(end) = page.last().map(|line| line.sequence) else {
            break;
        };
        last = end;
        for line in page {
            if reader.about(&line).await?.is_none() {
                continue;
            }
            let id = line.case_id.context("a decision in the log has no case")?;
            let file = reader
                .store
                .case(id)
                .await?
                .with_context(|| format!("the log names `{id}`, which is not in the store"))?;
            terminal::write_json(&mut out, &DecisionEvent::of(&line, &file))?;
        }
    }
    out.flush()?;
    Ok(ExitStatus::Done)
}

fn parse_outcome(word: &str) -> Result<Outcome, String> {
    Outcome::parse(word).ok_or_else(|| "write `approve`, `reject` or `escalate`".to_owned())
}

fn parse_kind(word: &str) -> Result<EntryKind, String> {
    EntryKind::parse(word).ok_or_else(|| {
        let words: Vec<_> = EntryKind::ALL
            .iter()
            .map(|kind| format!("`{kind}`"))
            .collect();
        format!("write one of {}", words.join(", "))
    })
}
