//! `countersign freeze` and `countersign unfreeze`: the stop button of a running countersign.

use std::io::Write as _;

use serde_json::{Value, json};

use super::ExitStatus;
use super::operators::ApiArgs;
use super::terminal::{self, Format, one_line};

/// Turn every approval by policy into a question to a person, at once and until `unfreeze`
#[derive(Debug, clap::Args)]
pub struct FreezeArgs {
    /// Why: shown with every case that would have been approved
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: String,
    /// How to print the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    api: ApiArgs,
}

/// Let policy approve again
#[derive(Debug, clap::Args)]
pub struct UnfreezeArgs {
    /// How to print the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    api: ApiArgs,
}

/// Runs `freeze`.
pub fn freeze(args: &FreezeArgs) -> ExitStatus {
    terminal::end(super::wait_for(async {
        let body = json!({ "reason": args.reason });
        let answer = args.api.connect()?.put("/v1/freeze", &body).await?.done()?;
        print(
            &answer,
            args.format,
            "frozen: policy approves nothing until `countersign unfreeze`",
        )
    }))
}

/// Runs `unfreeze`.
pub fn unfreeze(args: &UnfreezeArgs) -> ExitStatus {
    terminal::end(super::wait_for(async {
        let answer = args.api.connect()?.delete("/v1/freeze").await?.done()?;
        print(&answer, args.format, "not frozen: policy approves again")
    }))
}

fn print(answer: &Value, format: Format, done: &str) -> anyhow::Result<ExitStatus> {
    let mut out = anstream::stdout().lock();
    match format {
        Format::Json => terminal::write_json_indented(&mut out, answer)?,
        Format::Pretty => {
            writeln!(out, "{done}")?;
            // The first freeze stands: whoever comes second learns whose it is.
            if let Some(freeze) = freeze_of(answer) {
                writeln!(out, "{freeze}")?;
            }
        }
    }
    Ok(ExitStatus::Done)
}

/// `since 2026-… by alice: reason`, out of an answer that is a freeze or holds one.
fn freeze_of(answer: &Value) -> Option<String> {
    let freeze = answer
        .get("freeze")
        .filter(|freeze| freeze.is_object())
        .unwrap_or(answer);
    let word = |name| freeze.get(name).and_then(Value::as_str);
    let (since, by, reason) = (word("since")?, word("by")?, word("reason")?);
    Some(format!(
        "frozen since {} by {}: {}",
        one_line(since, 40),
        one_line(by, 80),
        one_line(reason, 400)
    ))
}
