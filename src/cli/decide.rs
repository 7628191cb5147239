//! `countersign decide`: one verdict on one policy input, with no server and no store. What it prints is what a running
//! countersign would decide on the same input with the same policies.

use std::io::{Read, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::ExitStatus;
use super::policy_directory::{self, PolicyArgs};
use super::terminal::{self, Format};
use crate::clock::Clock;
use crate::domain::rationale;
use crate::domain::verdict::{FiredRule, Verdict};
use crate::json;
use crate::policy::{self, Budget, Input, PolicySet};

/// Decide one request by the policies and print the verdict
///
/// Exits with 0 whatever the verdict is, 2 when the policies cannot serve, and 1 when something cannot be read.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The policy input as JSON, or a sample that holds one; `-` reads it from stdin
    #[arg(value_name = "REQUEST.json")]
    request: PathBuf,
    #[command(flatten)]
    policies: PolicyArgs,
    /// How to print it
    #[arg(long, value_enum, env = "COUNTERSIGN_FORMAT", default_value_t)]
    format: Format,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitStatus {
    let mut out = anstream::stdout().lock();
    terminal::end(decide(
        args,
        &mut std::io::stdin().lock(),
        &mut out,
        Clock.now(),
    ))
}

fn decide(
    args: &Args,
    stdin: &mut dyn Read,
    out: &mut dyn Write,
    now: Timestamp,
) -> anyhow::Result<ExitStatus> {
    let directory = &args.policies.directory()?;
    let name = args.request.display();
    let bytes = if args.request.as_os_str() == "-" {
        let mut bytes = Vec::new();
        stdin.read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(&args.request)
    };
    let bytes = bytes.with_context(|| format!("`{name}` cannot be read"))?;
    let is_wrong =
        || format!("`{name}` is not a policy input (`countersign schema input` says what is)");
    let (fields, now) = read_input(&bytes, now).with_context(is_wrong)?;
    let input = Input::parse(&Value::Object(fields.clone()).to_string()).with_context(is_wrong)?;

    let loaded = policy_directory::read(directory)?
        .and_then(|files| PolicySet::load(files, Budget::default()));
    let set = match loaded {
        Ok(loaded) => loaded.set,
        Err(mistakes) => {
            let counted = policy_directory::write_mistakes(out, directory, mistakes, args.format)?;
            terminal::complain(&format!("the policies cannot serve: {counted}"));
            return Ok(ExitStatus::No);
        }
    };
    let verdict = policy::decide(&set, &input, now);
    match args.format {
        Format::Json => terminal::write_json_indented(out, &to_json(&verdict, &fields, now))?,
        Format::Pretty => writeln!(out, "{}", rationale::full(&verdict))?,
    }
    Ok(ExitStatus::Done)
}

/// The policy input in `bytes` and the time that it is decided at: its own, else `now`, which is then in it.
fn read_input(bytes: &[u8], now: Timestamp) -> anyhow::Result<(Map<String, Value>, Timestamp)> {
    let mut fields = match json::parse(bytes)? {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            anyhow::bail!("it is not an object")
        }
    };
    if let Some(Value::Object(input)) = fields.get("input") {
        // A sample: what is expected of it is for those who run samples.
        fields = input.clone();
    }
    let now = match fields.get("now") {
        None => now,
        Some(Value::String(text)) => text
            .parse()
            .with_context(|| format!("its `now`, `{text}`, is not an RFC 3339 time"))?,
        Some(
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_),
        ) => {
            anyhow::bail!("its `now` is not an RFC 3339 time")
        }
    };
    fields.insert("now".to_owned(), now.to_string().into());
    Ok((fields, now))
}

/// The verdict as the API has it. There is no case, so what only a case has is null.
fn to_json(verdict: &Verdict, input: &Map<String, Value>, now: Timestamp) -> Value {
    let rule = |rule: &FiredRule| {
        json!({
            "id": rule.id, "set": rule.set, "title": rule.title, "reason": rule.reason,
            "file": rule.file, "line": rule.line,
        })
    };
    json!({
        "case_id": null,
        "source": input.get("source"),
        "request_id": input.get("id"),
        "action": input.get("action"),
        "agent": input.get("agent").and_then(|agent| agent.get("id")),
        "outcome": verdict.outcome,
        "cause": verdict.cause,
        "state": null,
        "resolution": null,
        "platform_outcome": null,
        "rationale": rationale::short(verdict),
        "evidence": verdict.evidence,
        "rules": verdict.rules.iter().map(rule).collect::<Vec<_>>(),
        "failures": verdict.failures,
        "terms": verdict.terms,
        "revision": verdict.revision,
        "mode": null,
        "decided_at": now,
        "decided_by": "policy",
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn shipped() -> String {
        concat!(env!("CARGO_MANIFEST_DIR"), "/policies").to_owned()
    }

    fn decided(request: &str, format: &str) -> anyhow::Result<String> {
        let line = Line::parse_from(["decide", "-", "--policies", &shipped(), "--format", format]);
        let mut out = Vec::new();
        decide(&line.args, &mut request.as_bytes(), &mut out, NOW)?;
        Ok(String::from_utf8(out)?)
    }

    #[test]
    fn every_sample_that_ships_comes_out_as_it_says() {
        let mut wrong = Vec::new();
        let mut samples = 0;
        for sample in std::fs::read_dir(format!("{}/samples", shipped())).unwrap() {
            let path = sample.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let expected: Value = serde_json::from_str(&text).unwrap();
            let verdict: Value = serde_json::from_str(&decided(&text, "json").unwrap()).unwrap();
            for key in ["outcome", "cause"] {
                let expected = &expected["expect"][key];
                if !expected.is_null() && *expected != verdict[key] {
                    wrong.push(format!(
                        "{}: {key} is {}, not {expected}",
                        path.display(),
                        verdict[key]
                    ));
                }
            }
            samples += 1;
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(samples > 20);
    }

    #[test]
    fn an_input_without_a_time_is_decided_now() {
        let input = r#"{"version": 1, "source": "s", "platform": "http", "id": "1", "rationale_required": false,
            "verified": {"signature": true, "record": false}, "payload": {}}"#;
        let verdict: Value = serde_json::from_str(&decided(input, "json").unwrap()).unwrap();
        assert_eq!(verdict["decided_at"], "1970-01-01T00:00:00Z");
        assert_eq!(verdict["outcome"], "escalate");
        assert_eq!(verdict["case_id"], Value::Null);
    }

    #[test]
    fn a_wrong_input_is_told_with_what_is_wrong() {
        for (input, words) in [
            ("", "empty"),
            ("[]", "not an object"),
            (r#"{"a": 1, "a": 2}"#, "twice"),
            (r#"{"now": "yesterday"}"#, "yesterday"),
        ] {
            let error = decided(input, "json").unwrap_err();
            assert!(format!("{error:#}").contains(words), "{error:#}");
        }
    }
}
