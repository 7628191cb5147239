//! A trial on one screen: that it was delivered, what was read, what was decided, and what would be answered.

use std::io::{self, Write};

use owo_colors::OwoColorize as _;
use serde_json::Value;

use super::trial::{Shown, WouldAnswer};
use crate::app::sources::Shape;
use crate::cli::case_page::readable;
use crate::cli::table::{Cell, Table};
use crate::cli::terminal::{FAINT, GOOD, HEADING, one_line, style_of};
use crate::domain::effect::Ballot;
use crate::domain::rationale::visible;

/// Longer values are cut; `--format json` has them whole.
const LONGEST_VALUE: usize = 200;

/// The page.
pub(super) fn write(out: &mut dyn Write, shown: &Shown) -> anyhow::Result<()> {
    write_delivery(out, shown)?;
    heading(out, "What was read")?;
    write_input(out, shown)?;
    if shown.sender.counterpart.source.confirms_within().is_some() {
        heading(out, "What the platform's own record says")?;
        write_record(out, shown)?;
    }
    if shown.waits.is_some() {
        return Ok(());
    }
    heading(out, "What was decided")?;
    write_decision(out, &shown.verdict)?;
    heading(out, "What would be answered")?;
    write_answers(out, shown)?;
    Ok(())
}

fn write_delivery(out: &mut dyn Write, shown: &Shown) -> io::Result<()> {
    writeln!(
        out,
        "{} {}, as {}",
        shown.word.style(GOOD),
        shown.status,
        shown.case_id.style(HEADING)
    )?;
    writeln!(
        out,
        "{}",
        format!("POST {}", visible(&shown.url)).style(FAINT)
    )
}

fn write_input(out: &mut dyn Write, shown: &Shown) -> io::Result<()> {
    let mut table = Table::default();
    for (path, value) in readable(&shown.input) {
        table.row(vec![
            Cell::faint(one_line(&path, 60)),
            Cell::plain(one_line(&value, LONGEST_VALUE)),
        ]);
    }
    table.write(out, "  ")
}

fn write_record(out: &mut dyn Write, shown: &Shown) -> io::Result<()> {
    if let Some(error) = &shown.waits {
        return writeln!(out, "  not read back yet: {}", visible(error));
    }
    let read = shown.input.pointer("/verified/record") == Some(&Value::Bool(true));
    if read {
        return writeln!(out, "  it was read back, and decided on");
    }
    let said = text(&shown.verdict, "rationale");
    let doubt = said.strip_prefix("Left to a person: ").unwrap_or(said);
    writeln!(out, "  {}", visible(doubt))?;
    let note = "no platform knows a sample: that it is not listed is as it should be, anything else is worth a look";
    writeln!(out, "  {}", note.style(FAINT))
}

fn write_decision(out: &mut dyn Write, verdict: &Value) -> io::Result<()> {
    let outcome = text(verdict, "outcome");
    let cause = text(verdict, "cause");
    writeln!(out, "  {} ({cause})", outcome.style(style_of(outcome)))?;
    writeln!(out, "  {}", visible(text(verdict, "rationale")))?;
    for rule in items(verdict, "rules") {
        writeln!(
            out,
            "  {} {}",
            text(rule, "set"),
            visible(text(rule, "title"))
        )?;
        let place = format!(
            "{}:{}  {}",
            text(rule, "file"),
            line(rule),
            text(rule, "id")
        );
        writeln!(out, "    {}", visible(&place).style(FAINT))?;
    }
    for evidence in items(verdict, "evidence") {
        let fact = format!(
            "{} is {}  {}:{}",
            text(evidence, "path"),
            text(evidence, "saw"),
            text(evidence, "file"),
            line(evidence)
        );
        writeln!(out, "  {}", visible(&fact))?;
    }
    for failure in items(verdict, "failures") {
        let failed = format!(
            "{} failed: {}  {}:{}",
            text(failure, "package"),
            text(failure, "message"),
            text(failure, "file"),
            line(failure)
        );
        writeln!(out, "  {}", visible(&failed))?;
    }
    let more = format!("countersign explain {}", text(verdict, "case_id"));
    writeln!(out, "  {}", format!("all of it: {more}").style(FAINT))
}

fn write_answers(out: &mut dyn Write, shown: &Shown) -> io::Result<()> {
    let sender = &shown.sender;
    let why = if sender.enforces() {
        "a sample is never answered; a request like it would be"
    } else {
        "a sample is never answered; a request like it would be, if the source were in `enforce`"
    };
    if shown.answers.iter().any(|answer| answer.call.is_some()) {
        writeln!(out, "  {}", why.style(FAINT))?;
    }
    for answer in &shown.answers {
        write_answer(out, shown, answer)?;
    }
    if sender.passes_on() {
        let line = "it went on to `forward_to`, as every request of this source does";
        writeln!(out, "  {}", line.style(FAINT))?;
    }
    Ok(())
}

fn write_answer(out: &mut dyn Write, shown: &Shown, answer: &WouldAnswer) -> io::Result<()> {
    let word = match answer.ballot {
        Ballot::Approve => "approve",
        Ballot::Reject => "reject",
    };
    let preview = match &answer.call {
        None if answer.ballot == Ballot::Reject && shown.answers.len() > 1 => return Ok(()),
        None => {
            return match shown.sender.counterpart.shape {
                Shape::Http => writeln!(
                    out,
                    "  nothing is sent: the agent fetches its verdict at GET /v1/requests/{}",
                    shown.case_id
                ),
                Shape::TraceMem(_) | Shape::Webhook(_) => {
                    writeln!(out, "  nothing: the source has no `answer`")
                }
            };
        }
        Some(Err(error)) => {
            return writeln!(
                out,
                "  {} cannot be told: {}",
                word.style(style_of(word)),
                visible(error)
            );
        }
        Some(Ok(preview)) => preview,
    };
    if shown.answers.len() > 1 {
        writeln!(out, "  if people {}", word.style(style_of(word)))?;
    }
    writeln!(
        out,
        "  {} {}",
        preview.method.style(HEADING),
        visible(&preview.url)
    )?;
    for (name, value) in &preview.headers {
        writeln!(out, "    {}: {}", name.style(FAINT), visible(value))?;
    }
    if let Some(body) = &preview.body {
        writeln!(out, "    {}", visible(body))?;
    }
    Ok(())
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or("-")
}

fn line(value: &Value) -> String {
    let line = value.get("line").and_then(Value::as_u64);
    line.map_or_else(|| "-".to_owned(), |line| line.to_string())
}

fn items<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn heading(out: &mut dyn Write, text: &str) -> io::Result<()> {
    writeln!(out, "\n{}", text.style(HEADING))
}
