//! `countersign outbox`: what is still to be told to platforms, and the retry of what was given up.

use std::io::Write;

use jiff::Timestamp;
use serde_json::json;

use super::ExitStatus;
use super::case_name::CaseName;
use super::operators::ApiArgs;
use super::table::{Cell, Table};
use super::terminal::{self, Format, one_line, span, style_of};
use crate::clock::Clock;
use crate::store::OutboxItem;

/// How many effects are listed at most.
const MOST: usize = 500;

/// List what is still to be sent, dead letters first, or retry a dead letter
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do
    #[arg(value_enum, default_value_t)]
    what: What,
    /// With `retry`: the number of the dead letter
    #[arg(required_if_eq("what", "retry"))]
    id: Option<i64>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum What {
    /// List it, from the store
    #[default]
    List,
    /// Make a dead letter due again, in the running countersign
    Retry,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitStatus {
    terminal::end(match (args.what, args.id) {
        (What::Retry, Some(id)) => super::wait_for(retry(id, args)),
        (What::List | What::Retry, _) => list(args),
    })
}

fn list(args: &Args) -> anyhow::Result<ExitStatus> {
    let ledger = args.api.store.open()?;
    let items = ledger.wait_for(async { Ok(ledger.store().outbox(MOST).await?) })?;
    let mut out = anstream::stdout().lock();
    match args.format {
        Format::Json => terminal::write_json_indented(&mut out, &json!({ "effects": items }))?,
        Format::Pretty => write_list(&items, Clock.now(), &mut out)?,
    }
    Ok(ExitStatus::Done)
}

async fn retry(id: i64, args: &Args) -> anyhow::Result<ExitStatus> {
    let reply = args
        .api
        .connect()?
        .post(&format!("/v1/outbox/{id}/retry"), &json!({}))
        .await?;
    match reply.status {
        404 => {
            anyhow::bail!("there is no effect {id} in the outbox; `countersign outbox` lists them")
        }
        409 => {
            terminal::complain(&reply.problem());
            return Ok(ExitStatus::No);
        }
        _ => {}
    }
    let answer = reply.done()?;
    let mut out = anstream::stdout().lock();
    match args.format {
        Format::Json => terminal::write_json_indented(&mut out, &answer)?,
        Format::Pretty => writeln!(out, "{id} is due now")?,
    }
    Ok(ExitStatus::Done)
}

fn write_list(items: &[OutboxItem], now: Timestamp, out: &mut dyn Write) -> anyhow::Result<()> {
    if items.is_empty() {
        terminal::say("the outbox is empty: everything that was decided has been told");
        return Ok(());
    }
    let mut table = Table::headed(&[
        "ID",
        "STATE",
        "KIND",
        "SOURCE",
        "CHANNEL",
        "CASE",
        "AGE",
        "TRIES",
        "NEXT",
        "LAST ERROR",
    ]);
    for item in items {
        table.row(vec![
            Cell::plain(item.id.to_string()),
            Cell::new(one_line(&item.state, 12), style_of(&item.state)),
            Cell::plain(one_line(&item.kind, 12)),
            Cell::plain(item.source.as_str()),
            Cell::plain(
                item.channel
                    .as_deref()
                    .map_or_else(|| "-".to_owned(), |channel| one_line(channel, 40)),
            ),
            Cell::plain(item.case_id.map_or_else(|| "-".to_owned(), CaseName::short)),
            Cell::faint(span(item.created_at, now)),
            Cell::plain(item.attempts.to_string()),
            Cell::plain(next(item, now)),
            Cell::faint(
                item.error
                    .as_deref()
                    .map(|error| one_line(error, 90))
                    .unwrap_or_default(),
            ),
        ]);
    }
    table.write(out, "")?;
    if items.iter().any(|item| item.state == "dead") {
        terminal::say("dead letters wait for you: countersign outbox retry ID");
    }
    Ok(())
}

fn next(item: &OutboxItem, now: Timestamp) -> String {
    match item.state.as_str() {
        "due" if item.due_at <= now => "now".to_owned(),
        "due" => format!("in {}", span(now, item.due_at)),
        _ => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples;
    use crate::domain::effect::EffectId;
    use crate::domain::id::SourceName;

    #[test]
    fn the_list_says_which_channel_a_team_is_told_on() {
        let item = |id, kind: &str, channel: Option<&str>, error: Option<&str>| OutboxItem {
            id: EffectId(id),
            case_id: None,
            source: SourceName::parse("refunds").unwrap(),
            kind: kind.to_owned(),
            channel: channel.map(str::to_owned),
            state: "due".to_owned(),
            attempts: 1,
            due_at: samples::now(),
            created_at: samples::now(),
            error: error.map(str::to_owned),
        };
        let items = [
            item(1, "answer", None, None),
            item(2, "notify", Some("payments/slack"), Some("429")),
        ];
        let list = samples::printed(|out| write_list(&items, samples::now(), out));
        insta::assert_snapshot!(list, @r"
        ID  STATE  KIND    SOURCE   CHANNEL         CASE  AGE  TRIES  NEXT  LAST ERROR
        1   due    answer  refunds  -               -     0s   1      now
        2   due    notify  refunds  payments/slack  -     0s   1      now   429
        ");
    }
}
