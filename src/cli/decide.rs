//! `countersign decide`: one verdict on one policy input, with no server and no store. What it prints is what a running
//! countersign would decide on the same input with the same policies.

use std::io::{Read, Write};
use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::ExitStatus;
use super::policy_directory::{self, PolicyArgs};
use super::request::Request;
use super::terminal::{self, Format};
use crate::clock::Clock;
use crate::domain::rationale;
use crate::domain::verdict::{FiredRule, Verdict};
use crate::policy;

/// Decide one request by the policies and print the verdict
///
/// Exits with 0 whatever the verdict is, 2 when the policies cannot serve, and 1 when something cannot be read.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The policy input as JSON, or a sample that holds one; `-` reads it from stdin
    #[arg(value_name = "REQUEST.json")]
    request: PathBuf,
    /// Evaluate without the evidence guard: what plain Rego would say
    #[arg(long)]
    plain: bool,
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
    let request = Request::read(&args.request, stdin, now)?;
    let directory = &args.policies.directory()?;
    let set = match policy_directory::load(directory)? {
        Ok(set) => set,
        Err(mistakes) => {
            let counted = policy_directory::write_mistakes(out, directory, mistakes, args.format)?;
            terminal::complain(&format!("the policies cannot serve: {counted}"));
            return Ok(ExitStatus::No);
        }
    };
    let verdict = if args.plain {
        policy::decide_plain(&set, &request.input, request.now)
    } else {
        policy::decide_and_account(&set, &request.input, request.now)
    };
    match args.format {
        Format::Json => terminal::write_json_indented(out, &to_json(&verdict, &request))?,
        Format::Pretty => writeln!(out, "{}", rationale::full(&verdict))?,
    }
    Ok(ExitStatus::Done)
}

/// The verdict as the API has it. There is no case, so what only a case has is null.
pub(super) fn to_json(verdict: &Verdict, request: &Request) -> Value {
    let rule = |rule: &FiredRule| {
        json!({
            "id": rule.id, "set": rule.set, "title": rule.title, "reason": rule.reason,
            "file": rule.file, "line": rule.line,
        })
    };
    let input = &request.fields;
    let mut shown = json!({
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
        "decided_at": request.now,
        "decided_by": "policy",
    });
    if let Some(fields) = shown
        .as_object_mut()
        .filter(|_| !verdict.nearest.is_empty())
    {
        fields.insert("nearest".to_owned(), json!(verdict.nearest));
        fields.insert("counterfactual".to_owned(), json!(verdict.counterfactual));
    }
    shown
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
