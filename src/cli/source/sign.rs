//! `countersign source sign`: one delivery, signed now, as a line for a shell.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::sender::{Outgoing, Sender};
use super::{SourceArgs, curl};
use crate::cli::ExitStatus;
use crate::cli::terminal::{self, Format};
use crate::clock::Clock;
use crate::source::Reading;

/// Print a curl line that delivers a file, signed as the source's platform would sign it now
///
/// The line is to be pasted into a shell soon: a signed time is good for minutes. The file is delivered as it is, byte
/// for byte, so what it asks is decided, and answered where the source enforces; `source test` sends what never is.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  countersign source sign refunds delivery.json
  countersign source sign refunds delivery.json --deliver-to https://approvals.example.com | sh
  countersign source sign refunds delivery.json --format json")]
pub(super) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// The body; `-` reads it from stdin, and the line then does so too
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What happened, where the source finds that in a header [default: somebody asks]
    #[arg(long, value_name = "WORD")]
    event: Option<String>,
    /// The config [default: ./countersign.yaml, where there is one]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> ExitStatus {
    let mut out = anstream::stdout().lock();
    terminal::end(sign(
        args,
        &mut std::io::stdin().lock(),
        &mut out,
        Clock.now(),
    ))
}

fn sign(
    args: &Args,
    stdin: &mut dyn Read,
    out: &mut dyn Write,
    now: Timestamp,
) -> anyhow::Result<ExitStatus> {
    let sender = Sender::of(&args.source, args.config.as_deref())?;
    let name = named(&args.file)?;
    let body = read(&args.file, stdin)?;
    let outgoing = sender.sign(&body, args.event.as_deref(), now)?;
    warn(&sender, &outgoing, &body, now);
    match args.format {
        Format::Pretty => {
            let line = curl::line(&outgoing.url, &outgoing.headers, name);
            writeln!(out, "{line}")?;
        }
        Format::Json => terminal::write_json_indented(out, &to_json(&outgoing, name))?,
    }
    Ok(ExitStatus::Done)
}

fn to_json(outgoing: &Outgoing, body_file: &str) -> Value {
    let headers = outgoing.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.to_string(), Value::from(value))
    });
    json!({
        "method": "POST",
        "url": outgoing.url,
        "headers": headers.collect::<Map<_, _>>(),
        "body_file": body_file,
    })
}

/// Says what is not to be overlooked about what is printed.
fn warn(sender: &Sender, outgoing: &Outgoing, body: &[u8], now: Timestamp) {
    let name = sender.name();
    if let Some(secrets) = outgoing.secrets() {
        terminal::say(&format!(
            "warning: this holds a secret in the clear ({secrets}): whoever reads it can send as the platform of `{name}`"
        ));
    }
    if !outgoing.proves_something() {
        terminal::say(&format!(
            "warning: `{name}` verifies nobody, so nothing is signed: add `verify` to its config"
        ));
    }
    match sender.understand(outgoing, body, now) {
        Ok(Reading::Request(request)) if request.id.is_sample() => {}
        Ok(Reading::Request(request)) if sender.enforces() => terminal::say(&format!(
            "warning: `{name}` enforces: request `{}` is decided and answered for real when this is sent",
            request.id.as_str()
        )),
        Ok(Reading::Request(request)) => terminal::say(&format!(
            "note: this is recorded as request `{}`, and a later delivery of the platform's as a repetition of it",
            request.id.as_str()
        )),
        Ok(Reading::Nothing(occasion)) => terminal::say(&format!(
            "note: this config reads event `{}` as nothing that asks or ends",
            occasion.event
        )),
        Ok(Reading::Resolved(end)) => terminal::say(&format!(
            "warning: this tells that request `{}` ended: its case is closed when this is sent",
            end.request.as_str()
        )),
        Err(error) => terminal::say(&format!("warning: this will be refused: {error:#}")),
    }
}

/// The file's name as a word for curl.
fn named(file: &Path) -> anyhow::Result<&str> {
    match file.to_str() {
        Some(name) if !name.chars().any(char::is_control) => Ok(name),
        Some(_) | None => bail!(
            "`{}` has a name that cannot be pasted into a shell; rename it",
            file.display()
        ),
    }
}

fn read(file: &Path, stdin: &mut dyn Read) -> anyhow::Result<Vec<u8>> {
    let bytes = if file.as_os_str() == "-" {
        let mut bytes = Vec::new();
        stdin.read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    bytes.with_context(|| format!("`{}` cannot be read", file.display()))
}
