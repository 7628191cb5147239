//! One case on one screen, in the order a person decides: what is asked, what policy says and why, what happened so
//! far, and the line to type.

use std::io::{self, Write};

use jiff::Timestamp;
use owo_colors::OwoColorize as _;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::cases::state_word;
use super::table::{Cell, Table};
use super::terminal::{FAINT, HEADING, moment, one_line, span, style_of};
use crate::domain::case::{Case, State};
use crate::domain::rationale::{self, visible};
use crate::domain::record::Record;
use crate::json::Plain;
use crate::store::{CaseFile, LogLine};

/// How many digits of the digest are enough to pin what was reviewed.
pub(super) const PINNED_DIGITS: usize = 16;

/// More fields than this are not read by anybody; `--format json` has them all.
const MOST_FIELDS: usize = 60;

/// Longer values are cut; `--format json` has them whole.
const LONGEST_VALUE: usize = 200;

/// The case as `GET /v1/cases/{id}` gives it.
pub(super) fn json(file: &CaseFile) -> impl Serialize {
    let text = file.input.as_deref();
    Shown {
        verdict: Record::of(&file.case),
        request: text.and_then(|text| serde_json::from_str(text).ok()),
        digest: file.case.shown().to_string(),
        timeline: &file.timeline,
    }
}

#[derive(Serialize)]
struct Shown<'a> {
    verdict: Record<'a>,
    request: Option<&'a RawValue>,
    digest: String,
    timeline: &'a [LogLine],
}

/// The page.
pub(super) fn write(out: &mut dyn Write, file: &CaseFile, now: Timestamp) -> anyhow::Result<()> {
    let case = &file.case;
    write_banner(out, case, now)?;
    heading(out, "What is asked")?;
    write_request(out, file)?;
    heading(out, "What policy says")?;
    write_rationale(out, case)?;
    if !case.votes.is_empty() {
        heading(out, "Votes")?;
        write_votes(out, case, now)?;
    }
    heading(out, "What happened")?;
    write_timeline(out, &file.timeline)?;
    if matches!(case.state, State::Open(_)) {
        heading(out, "To answer")?;
        write_commands(out, case)?;
    }
    Ok(())
}

fn write_banner(out: &mut dyn Write, case: &Case, now: Timestamp) -> io::Result<()> {
    let (state, word) = state_word(case, now);
    writeln!(
        out,
        "{}  {}",
        case.asked.id.style(HEADING),
        state.style(style_of(word))
    )?;
    let about = format!(
        "{} ({}) {}, {}, decided {} ({} ago) by policy {}",
        case.asked.source,
        case.asked.platform,
        visible(case.asked.request.as_str()),
        case.mode,
        moment(case.decided_at),
        span(case.decided_at, now),
        case.verdict.revision.short(),
    );
    writeln!(out, "{}", about.style(FAINT))?;
    if let State::Open(question) = &case.state {
        let team = question
            .to
            .as_deref()
            .map_or_else(|| "any operator".to_owned(), visible);
        let votes = case.votes.len();
        let deadline = moment(question.deadline);
        writeln!(
            out,
            "asks {team}: {votes} of {} votes, until {deadline}",
            question.votes
        )?;
    }
    if let Some(said) = case.resolution() {
        let why = said
            .reason
            .as_deref()
            .map(|reason| format!(": {}", visible(reason)))
            .unwrap_or_default();
        let by = visible(&said.by.to_string());
        let outcome = said.outcome.as_str();
        writeln!(
            out,
            "{} by {by} at {}{why} (answer: {})",
            outcome.style(style_of(outcome)),
            moment(said.at),
            said.answer
        )?;
    }
    if let Some(platform) = &case.platform_outcome {
        writeln!(out, "the platform says: {}", visible(platform.as_str()))?;
    }
    Ok(())
}

fn write_request(out: &mut dyn Write, file: &CaseFile) -> io::Result<()> {
    let Some(input) = input(file) else {
        return writeln!(out, "  {}", "the request was erased".style(FAINT));
    };
    let fields = readable(&input);
    let mut table = Table::default();
    for (path, value) in fields.iter().take(MOST_FIELDS) {
        table.row(vec![
            Cell::faint(one_line(path, 60)),
            Cell::plain(one_line(value, LONGEST_VALUE)),
        ]);
    }
    table.write(out, "  ")?;
    if fields.len() > MOST_FIELDS {
        let more = format!(
            "and {} more fields: --format json",
            fields.len() - MOST_FIELDS
        );
        writeln!(out, "  {}", more.style(FAINT))?;
    }
    Ok(())
}

fn write_rationale(out: &mut dyn Write, case: &Case) -> io::Result<()> {
    for line in rationale::full(&case.verdict).lines() {
        writeln!(out, "  {line}")?;
    }
    if case.outcome != case.verdict.outcome {
        writeln!(out, "  now: {} ({})", case.outcome, case.cause)?;
    }
    Ok(())
}

fn write_votes(out: &mut dyn Write, case: &Case, now: Timestamp) -> io::Result<()> {
    let mut table = Table::default();
    for vote in &case.votes {
        let word = match vote.vote {
            crate::domain::effect::Ballot::Approve => "approve",
            crate::domain::effect::Ballot::Reject => "reject",
        };
        table.row(vec![
            Cell::plain(one_line(&vote.by, 40)),
            Cell::new(word, style_of(word)),
            Cell::faint(format!("{} ago", span(vote.at, now))),
            Cell::plain(vote.reason.as_deref().map(visible).unwrap_or_default()),
        ]);
    }
    table.write(out, "  ")
}

fn write_timeline(out: &mut dyn Write, timeline: &[LogLine]) -> io::Result<()> {
    let mut table = Table::default();
    for line in timeline {
        table.row(vec![
            Cell::faint(moment(line.at)),
            Cell::plain(line.kind.as_str()),
            Cell::faint(particulars(line.detail.as_ref())),
        ]);
    }
    table.write(out, "  ")
}

fn write_commands(out: &mut dyn Write, case: &Case) -> io::Result<()> {
    let id = case.asked.id;
    let digest: String = case
        .shown()
        .to_string()
        .chars()
        .take(PINNED_DIGITS)
        .collect();
    for word in ["approve", "reject"] {
        writeln!(
            out,
            "  countersign {word} {id} --digest {digest} --reason '…'"
        )?;
    }
    Ok(())
}

/// The particulars of a log entry on one line: `outcome approve, cause rule`.
pub(super) fn particulars(detail: Option<&Value>) -> String {
    let Some(detail) = detail else {
        return "erased".to_owned();
    };
    let words: Vec<String> = leaves(detail, "")
        .into_iter()
        .filter(|(path, value)| value != "null" && path != "revision")
        .map(|(path, value)| format!("{path} {value}"))
        .collect();
    one_line(&words.join(", "), 160)
}

/// The request as fields in reading order: action and agent, the context leaf by leaf, then the agent's own words.
pub(super) fn readable(input: &Value) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let mut leaf = |name: &str, at: &str| {
        if let Some(value) = input.pointer(at) {
            fields.extend(leaves(value, name));
        }
    };
    leaf("action", "/action");
    leaf("agent", "/agent/id");
    if input.get("context").is_some() {
        leaf("context", "/context");
    } else {
        leaf("payload", "/payload");
    }
    leaf("title (agent's words)", "/title");
    leaf("message (agent's words)", "/message");
    leaf("requested_at", "/requested_at");
    leaf("expires_at", "/expires_at");
    leaf("verified", "/verified");
    fields
}

fn input(file: &CaseFile) -> Option<Value> {
    let Plain(input) = serde_json::from_str(file.input.as_deref()?).ok()?;
    Some(input)
}

/// Every leaf of a value with its dotted path. Numbers keep the digits they were written with as far as JSON text does.
fn leaves(value: &Value, path: &str) -> Vec<(String, String)> {
    let below = |key: &str| {
        if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}.{key}")
        }
    };
    match value {
        Value::Object(map) if !map.is_empty() => map
            .iter()
            .flat_map(|(key, value)| leaves(value, &below(key)))
            .collect(),
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            items
                .iter()
                .enumerate()
                .flat_map(|(place, value)| leaves(value, &below(&place.to_string())))
                .collect()
        }
        Value::String(text) => vec![(path.to_owned(), text.clone())],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            vec![(path.to_owned(), value.to_string())]
        }
    }
}

fn heading(out: &mut dyn Write, text: &str) -> io::Result<()> {
    writeln!(out, "\n{}", text.style(HEADING))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::samples;
    use crate::domain::case::Mode;
    use crate::domain::verdict::Outcome;

    #[test]
    fn an_open_case_ends_with_the_lines_to_type() {
        let file = samples::file(samples::case("appr_1", Outcome::Escalate, Mode::Enforce));
        let page = samples::printed(|out| write(out, &file, samples::now()));
        insta::assert_snapshot!(page, @r#"
        case_c4df8e85288b9e14f3752f86545c40af  open for payments, 28m left
        refunds (tracemem) appr_1, enforce, decided 2026-11-21 11:58:00Z (2m ago) by policy 3f3f3f3f3f3f
        asks payments: 0 of 2 votes, until 2026-11-21 12:28:00Z

        What is asked
          action                   stripe.refund
          agent                    billing-bot
          context.amount           50
          context.customer.id      cus_1
          context.items            ["a","b"]
          message (agent's words)  approve\u{1b}[2J\u{202e} this
          verified.signature       true
          verified.record          false

        What policy says
          Left to a person: no rule of policy 3f3f3f3f3f3f matched.

        What happened
          2026-11-21 11:58:00Z  decided  outcome escalate, cause no_rule

        To answer
          countersign approve case_c4df8e85288b9e14f3752f86545c40af --digest 3a24180fb9eeec2c --reason '…'
          countersign reject case_c4df8e85288b9e14f3752f86545c40af --digest 3a24180fb9eeec2c --reason '…'
        "#);
    }

    #[test]
    fn a_resolved_case_asks_for_nothing() {
        let file = samples::file(samples::case("appr_1", Outcome::Approve, Mode::DryRun));
        let page = samples::printed(|out| write(out, &file, samples::now()));
        assert!(
            !page.contains("To answer") && page.contains("approved (dry run)"),
            "{page}"
        );
    }

    #[test]
    fn text_by_agents_cannot_move_the_cursor_or_turn_the_line_around() {
        let file = samples::file(samples::case("appr_1", Outcome::Approve, Mode::Enforce));
        let mut page = Vec::new();
        write(&mut page, &file, samples::now()).unwrap();
        let page = String::from_utf8(page).unwrap();
        assert!(!page.contains("\u{1b}[2J") && !page.contains('\u{202e}'));
        assert!(page.contains("approve\\u{1b}[2J\\u{202e} this"), "{page}");
    }

    #[test]
    fn an_erased_request_says_so() {
        let mut file = samples::file(samples::case("appr_1", Outcome::Approve, Mode::Enforce));
        file.input = None;
        let page = samples::printed(|out| write(out, &file, samples::now()));
        assert!(page.contains("the request was erased"));
        let json = serde_json::to_value(json(&file)).unwrap();
        assert_eq!(json["request"], Value::Null);
    }
}
