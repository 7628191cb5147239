//! `countersign approve` and `countersign reject`: a person's vote on a case, bound to what they were shown.

use std::io::Write as _;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ExitStatus;
use super::case_name::CaseName;
use super::case_page::{PINNED_DIGITS, readable};
use super::operators::{ApiArgs, Operators, escaped};
use super::terminal::{self, Format, one_line};
use crate::domain::effect::Ballot;
use crate::domain::id::CaseId;
use crate::json::Plain;

/// Say your word on an open case
///
/// Exits 0 when your vote counts, 2 when the case was decided before or has changed since you looked at it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The case; the first digits of its id are enough where no other open case has them
    case: CaseName,
    /// Why: kept in the log, and told to the platform when your vote decides
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: String,
    /// Only if the case is still what you reviewed: at least 16 digits of the digest that `cases CASE` shows
    #[arg(long, value_parser = parse_digest)]
    digest: Option<String>,
    /// How to print the verdict
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    api: ApiArgs,
}

/// Runs the command.
pub fn run(ballot: Ballot, args: &Args) -> ExitStatus {
    terminal::end(super::wait_for(vote(ballot, args)))
}

/// `GET /v1/cases/{id}`, as much of it as a vote needs.
#[derive(Debug, Deserialize)]
struct Shown {
    verdict: Value,
    #[serde(default)]
    request: Plain,
    digest: String,
}

async fn vote(ballot: Ballot, args: &Args) -> anyhow::Result<ExitStatus> {
    let operators = args.api.connect()?;
    let id = find(&operators, &args.case).await?;
    let shown = show(&operators, id).await?;
    if let Some(said) = last_word(&shown.verdict) {
        terminal::complain(&format!("{id} was {said}"));
        return Ok(ExitStatus::No);
    }
    if args
        .digest
        .as_deref()
        .is_some_and(|pinned| !shown.digest.starts_with(pinned))
    {
        terminal::complain(&format!(
            "{id} is not what you reviewed any more; look at it again: countersign cases {id}"
        ));
        return Ok(ExitStatus::No);
    }
    let (doing, word) = match ballot {
        Ballot::Approve => ("approving", "approve"),
        Ballot::Reject => ("rejecting", "reject"),
    };
    terminal::say(&format!("{doing} {}", summary(&shown)));
    let body = json!({ "vote": word, "reason": args.reason, "digest": shown.digest });
    let reply = operators
        .post(&format!("/v1/cases/{id}/votes"), &body)
        .await?;
    if reply.status == 409 {
        match reply.body.get("verdict").and_then(last_word) {
            Some(said) => terminal::complain(&format!("{id} was {said}; your vote does not count")),
            None => terminal::complain(&format!(
                "{}; look at it again: countersign cases {id}",
                reply.problem()
            )),
        }
        return Ok(ExitStatus::No);
    }
    let verdict = reply.done()?.get("verdict").cloned().unwrap_or_default();
    let mut out = anstream::stdout().lock();
    match args.format {
        Format::Json => terminal::write_json_indented(&mut out, &verdict)?,
        Format::Pretty => {
            writeln!(out, "{}", outcome(&verdict))?;
        }
    }
    Ok(ExitStatus::Done)
}

/// The id that is meant. A prefix is looked up among the open cases, the only ones that can be voted on.
async fn find(operators: &Operators, name: &CaseName) -> anyhow::Result<CaseId> {
    if let Some(id) = name.whole() {
        return Ok(id);
    }
    let mut open = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let after = cursor
            .map(|cursor| format!("&cursor={}", escaped(&cursor)))
            .unwrap_or_default();
        let page = operators
            .get(&format!("/v1/cases?state=open&limit=500{after}"))
            .await?
            .done()?;
        let cases = page
            .get("cases")
            .and_then(Value::as_array)
            .context("the list of cases has no cases")?;
        for case in cases {
            open.extend(
                case.get("case_id")
                    .and_then(Value::as_str)
                    .and_then(|id| CaseId::parse(id).ok()),
            );
        }
        cursor = page.get("next").and_then(Value::as_str).map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    name.among(open)?.with_context(|| {
        format!("no open case starts with `{name}`; `countersign cases --state open` lists them")
    })
}

async fn show(operators: &Operators, id: CaseId) -> anyhow::Result<Shown> {
    let reply = operators.get(&format!("/v1/cases/{id}")).await?;
    if reply.status == 404 {
        anyhow::bail!("there is no case `{id}`");
    }
    serde_json::from_value(reply.done()?).context("what the server says of the case cannot be read")
}

/// What is decided, on one line, in the order a person checks it: the facts, who asks, the agent's own words last.
fn summary(shown: &Shown) -> String {
    let facts: Vec<String> = readable(&shown.request.0)
        .into_iter()
        .filter(|(path, _)| {
            !matches!(
                path.split('.').next(),
                Some("action" | "agent" | "verified" | "requested_at")
            )
        })
        .map(|(path, value)| {
            format!(
                "{} {}",
                path.strip_prefix("context.").unwrap_or(&path),
                one_line(&value, 60)
            )
        })
        .collect();
    let word = |name| {
        shown
            .verdict
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or("-")
    };
    let facts = if facts.is_empty() {
        String::new()
    } else {
        format!("; {}", facts.join(", "))
    };
    one_line(
        &format!(
            "{}: {} by {} ({} {}){facts}",
            word("case_id"),
            word("action"),
            word("agent"),
            word("source"),
            word("request_id"),
        ),
        600,
    )
}

/// `approved by person:alice at …: reason`, when the last word was said.
fn last_word(verdict: &Value) -> Option<String> {
    let said = verdict.get("resolution").filter(|said| !said.is_null())?;
    let word = |name| said.get(name).and_then(Value::as_str);
    let reason = word("reason")
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default();
    Some(format!(
        "{} by {} at {}{reason}",
        word("outcome").unwrap_or("resolved"),
        word("by").unwrap_or("somebody"),
        word("at").unwrap_or("an unknown time"),
    ))
}

/// What the vote did.
fn outcome(verdict: &Value) -> String {
    let text = |at: &str| verdict.pointer(at).and_then(Value::as_str);
    if let Some(said) = text("/resolution/outcome") {
        let told = match (text("/resolution/answer"), text("/mode")) {
            (Some("pending"), _) => "; the platform is being told",
            (Some("settled"), _) => "; the platform knows",
            (Some("dead"), _) => "; telling the platform was given up, see `countersign outbox`",
            (_, Some("dry_run")) => "; dry run, the platform is not told",
            (_, _) => "",
        };
        return format!("{said}{told}");
    }
    let cast = verdict
        .pointer("/votes")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    let needed = verdict
        .pointer("/escalation/votes")
        .and_then(Value::as_u64)
        .unwrap_or(1);
    format!("your vote counts; {cast} of {needed}, the case stays open")
}

fn parse_digest(text: &str) -> Result<String, String> {
    let text = text.to_ascii_lowercase();
    let valid = (PINNED_DIGITS..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if valid {
        Ok(text)
    } else {
        Err(format!(
            "a digest has {PINNED_DIGITS} to 64 hexadecimal digits"
        ))
    }
}
