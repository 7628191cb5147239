//! `countersign cases`: the cases of the store, or one of them with everything there is to know before answering it.

use std::io::Write;

use anyhow::{Context as _, bail};
use jiff::Timestamp;

use super::ExitStatus;
use super::case_name::CaseName;
use super::case_page;
use super::ledger::StoreArgs;
use super::table::{Cell, Table};
use super::terminal::{self, Format, one_line, span, style_of};
use crate::clock::Clock;
use crate::domain::case::{Case, State};
use crate::domain::id::SourceName;
use crate::domain::rationale;
use crate::domain::record::Record;
use crate::domain::verdict::Outcome;
use crate::store::{CaseFile, CaseQuery, Store};

/// How many cases one page of the store holds at most.
const LARGEST_PAGE: usize = 500;

/// List cases, the newest first, or show one
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Show this case; its first letters are enough where they are the only ones
    case: Option<CaseName>,
    /// Only cases in this state
    #[arg(long, value_parser = ["received", "open", "answering", "resolved"])]
    state: Option<String>,
    /// Only cases of this source
    #[arg(long, value_parser = SourceName::parse)]
    source: Option<SourceName>,
    /// Only cases with this outcome standing
    #[arg(long, value_parser = parse_outcome)]
    outcome: Option<Outcome>,
    /// Only cases whose request id, action or agent contains this text
    #[arg(long)]
    q: Option<String>,
    /// How many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,
    /// Go on where the page before ended: its `next`
    #[arg(long)]
    cursor: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    store: StoreArgs,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitStatus {
    terminal::end(list_or_show(args))
}

fn list_or_show(args: &Args) -> anyhow::Result<ExitStatus> {
    let ledger = args.store.open()?;
    let now = Clock.now();
    let mut out = anstream::stdout().lock();
    match &args.case {
        Some(name) => {
            let file = ledger.wait_for(find(ledger.store(), name))?;
            match args.format {
                Format::Pretty => case_page::write(&mut out, &file, now)?,
                Format::Json => terminal::write_json_indented(&mut out, &case_page::json(&file))?,
            }
        }
        None => list(
            &ledger.wait_for(page(ledger.store(), args))?,
            args,
            now,
            &mut out,
        )?,
    }
    Ok(ExitStatus::Done)
}

/// The case that `name` means: the open one that starts so, else the newest of the others.
pub(super) async fn find(store: &dyn Store, name: &CaseName) -> anyhow::Result<CaseFile> {
    if let Some(id) = name.whole() {
        let file = store.case(id).await?;
        return file.with_context(|| format!("there is no case `{id}`"));
    }
    for state in [Some("open".to_owned()), None] {
        let query = CaseQuery {
            state,
            limit: LARGEST_PAGE,
            ..CaseQuery::default()
        };
        let cases = store.cases(query).await?.cases;
        if let Some(id) = name.among(cases.iter().map(|case| case.asked.id))?
            && let Some(file) = store.case(id).await?
        {
            return Ok(file);
        }
    }
    bail!("no case starts with `{name}`; `countersign cases` lists them")
}

async fn page(store: &dyn Store, args: &Args) -> anyhow::Result<crate::store::CasePage> {
    let query = CaseQuery {
        state: args.state.clone(),
        source: args.source.clone(),
        outcome: args.outcome,
        text: args.q.clone(),
        limit: usize::from(args.limit),
        cursor: args.cursor.clone(),
        ..CaseQuery::default()
    };
    Ok(store.cases(query).await?)
}

fn list(
    page: &crate::store::CasePage,
    args: &Args,
    now: Timestamp,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    match args.format {
        Format::Json => {
            let cases: Vec<Record<'_>> = page.cases.iter().map(Record::of).collect();
            let page = serde_json::json!({ "cases": cases, "next": page.next });
            terminal::write_json_indented(out, &page)
        }
        Format::Pretty => {
            write_list(&page.cases, now, out)?;
            if page.cases.is_empty() {
                terminal::say("no such case");
            }
            if let Some(next) = &page.next {
                terminal::say(&format!("there are more: --cursor {next}"));
            }
            Ok(())
        }
    }
}

fn write_list(cases: &[Case], now: Timestamp, out: &mut dyn Write) -> anyhow::Result<()> {
    if cases.is_empty() {
        return Ok(());
    }
    let mut table = Table::headed(&[
        "CASE", "AGE", "STATE", "POLICY", "ACTION", "AGENT", "SOURCE", "WHY",
    ]);
    for case in cases {
        let state = state_word(case, now);
        table.row(vec![
            Cell::plain(CaseName::short(case.asked.id)),
            Cell::faint(span(case.decided_at, now)),
            Cell::new(state.0, style_of(state.1)),
            Cell::new(case.outcome.as_str(), style_of(case.outcome.as_str())),
            Cell::plain(stranger(case.asked.action.as_deref(), 40)),
            Cell::plain(stranger(case.asked.agent.as_deref(), 24)),
            Cell::plain(case.asked.source.as_str()),
            Cell::faint(one_line(&rationale::standing(case), 90)),
        ]);
    }
    Ok(table.write(out, "")?)
}

/// Where a case is in a few words, and the word that gives them their colour.
pub(super) fn state_word(case: &Case, now: Timestamp) -> (String, &'static str) {
    match &case.state {
        State::Open(question) => {
            let left = span(now, question.deadline);
            let team = question
                .to
                .as_deref()
                .map(|team| format!(" for {}", one_line(team, 24)))
                .unwrap_or_default();
            (format!("open{team}, {left} left"), "open")
        }
        State::Received(_) => ("being read back".to_owned(), "open"),
        State::Answering(said) => (
            format!("{}, being told", said.outcome),
            said.outcome.as_str(),
        ),
        State::Resolved(said) => {
            let would = match case.mode {
                crate::domain::case::Mode::DryRun => " (dry run)",
                crate::domain::case::Mode::Enforce => "",
            };
            (format!("{}{would}", said.outcome), said.outcome.as_str())
        }
    }
}

fn stranger(text: Option<&str>, limit: usize) -> String {
    text.map_or_else(|| "-".to_owned(), |text| one_line(text, limit))
}

fn parse_outcome(word: &str) -> Result<Outcome, String> {
    Outcome::parse(word).ok_or_else(|| "write `approve`, `reject` or `escalate`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples;
    use crate::domain::case::Mode;

    #[test]
    fn a_list_shows_what_waits_how_long_and_why() {
        let cases = [
            samples::case("appr_1", Outcome::Escalate, Mode::Enforce),
            samples::case("appr_2", Outcome::Approve, Mode::DryRun),
            samples::case("appr_3", Outcome::Reject, Mode::Enforce),
        ];
        let list = samples::printed(|out| write_list(&cases, samples::now(), out));
        insta::assert_snapshot!(list, @r"
        CASE           AGE  STATE                        POLICY    ACTION         AGENT        SOURCE   WHY
        case_c4df8e85  2m   open for payments, 28m left  escalate  stripe.refund  billing-bot  refunds  Left to a person: no rule of policy 3f3f3f3f3f3f matched.
        case_8790c526  2m   approved (dry run)           approve   stripe.refund  billing-bot  refunds  Approved by policy 3f3f3f3f3f3f: Small refund: a refund of $50 is under $100.
        case_d4348464  2m   rejected, being told         reject    stripe.refund  billing-bot  refunds  Rejected by policy 3f3f3f3f3f3f: Fraud list: the customer is on the fraud list.
        ");
    }
}
