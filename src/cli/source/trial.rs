//! `countersign source test`: sends a sample to a running server and shows what became of it.

mod delivery;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use delivery::{Delivery, Taken};

use super::sender::Sender;
use super::{SourceArgs, page, sample};
use crate::app::sources::Shape;
use crate::cli::ExitStatus;
use crate::cli::operators::{ApiArgs, Operators};
use crate::cli::terminal::{self, Format};
use crate::clock::Clock;
use crate::domain::effect::Ballot;
use crate::domain::id::RequestId;
use crate::domain::rationale::bounded;
use crate::domain::request::Request;
use crate::source::{AnswerTask, Preview, Reading};

/// How often it is looked whether the platform's record was read back.
const LOOKS_EVERY: Duration = Duration::from_millis(200);

/// Send a sample to the running server's source, and show what was read, decided and would be answered
///
/// The sample is signed as the source's platform signs. It is decided and recorded like any request, and never answered,
/// even where the source enforces: its id begins with `countersign-test-`. Exits 0 when it was taken and could be read
/// back, and 1 when it could not, with what to look at.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  countersign source test refunds
  countersign source test refunds --request delivery.json --format json
  countersign source test refunds --deliver-to https://approvals.example.com")]
pub(super) struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// The body to send instead of a sample of ours: a delivery of the platform. It is given the id of a sample
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// How long the platform may take to show its own record, where the source reads it back
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = crate::cli::test::positive)]
    timeout: Duration,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    api: ApiArgs,
}

/// What a trial showed.
pub(super) struct Shown {
    pub(super) case_id: String,
    /// The address that took it.
    pub(super) url: String,
    /// The status that it was taken with.
    pub(super) status: u16,
    /// The word that it was taken with.
    pub(super) word: String,
    /// The policy input.
    pub(super) input: Value,
    /// The verdict, as the API has it.
    pub(super) verdict: Value,
    /// What would be answered, for each word that may yet be said.
    pub(super) answers: Vec<WouldAnswer>,
    pub(super) sender: Sender,
    /// What stood in the way of reading the record back, while the case waits for it.
    pub(super) waits: Option<String>,
}

/// One answer that is not sent.
pub(super) struct WouldAnswer {
    pub(super) ballot: Ballot,
    /// Nothing where nobody is called.
    pub(super) call: Option<Result<Preview, String>>,
}

/// Runs the command.
pub(super) fn run(args: &Args) -> ExitStatus {
    terminal::end(crate::cli::wait_for(try_out(args)))
}

async fn try_out(args: &Args) -> anyhow::Result<ExitStatus> {
    let sender = Sender::of(&args.source, args.api.store.named_config().as_deref())?;
    let operators = args.api.connect()?;
    let now = Clock.now();
    let id = sample::id();
    let body = match &args.request {
        None => sample::request(&sender.counterpart.shape, &id, now)?,
        Some(file) => own(&sender, file, &id, now)
            .with_context(|| format!("`{}` cannot be sent", file.display()))?,
    };
    let delivery = Delivery::of(&sender, &body, now)?;
    // Nothing is sent that could not be read back.
    operators.get("/v1/cases?limit=1").await?.done()?;
    if let (Some(file), Shape::Webhook(settings)) = (&args.request, &sender.counterpart.shape) {
        let least = sample::least(settings, &sample::id(), now)?;
        agree(&sender, &operators, &Delivery::of(&sender, &least, now)?)
            .await
            .with_context(|| format!("`{}` was not sent", file.display()))?;
    }
    let shown = deliver(sender, &operators, delivery, args.timeout).await?;
    let mut out = anstream::stdout().lock();
    match args.format {
        Format::Json => terminal::write_json_indented(&mut out, &to_json(&shown))?,
        Format::Pretty => page::write(&mut out, &shown)?,
    }
    match &shown.waits {
        None => Ok(ExitStatus::Done),
        Some(error) => bail!(
            "the platform's record of it was not read back within {:?}: {error}\n\
             it is tried on; look again with: countersign cases {}",
            args.timeout,
            shown.case_id
        ),
    }
}

/// The delivery in `file` under the id of a sample.
fn own(sender: &Sender, file: &Path, id: &str, now: Timestamp) -> anyhow::Result<Value> {
    let bytes = std::fs::read(file)?;
    let old = match sender.understand(&sender.sign(&bytes, None, now)?, &bytes, now) {
        Ok(Reading::Request(request)) => Some(request.id),
        Ok(Reading::Resolved(end)) => bail!(
            "it tells how request `{}` ended; only what asks is sent for a test",
            end.request.as_str()
        ),
        Ok(Reading::Nothing(occasion)) => bail!(
            "this config reads event `{}` as nothing that asks; only what asks is sent for a test",
            occasion.event
        ),
        // Perhaps an id is all that it lacks; if not, that is said of what is to be sent.
        Err(_) => None,
    };
    let old = old.as_ref().map(RequestId::as_str);
    sample::renamed(&bytes, &sender.counterpart.shape, old, id)
}

/// Makes sure that the server finds the id of a request where this config has it, by sending it nothing but one. Else
/// it could find another one in a delivery of the platform's, and answer that.
async fn agree(sender: &Sender, operators: &Operators, least: &Delivery) -> anyhow::Result<()> {
    let taken = least.send(sender, operators).await?;
    if taken.case_id != least.request.case_id().to_string() {
        bail!(
            "the server finds the id of a request elsewhere than this config has it; it reads its config when it starts"
        );
    }
    Ok(())
}

async fn deliver(
    sender: Sender,
    operators: &Operators,
    delivery: Delivery,
    patience: Duration,
) -> anyhow::Result<Shown> {
    let taken = delivery.send(&sender, operators).await?;
    let Taken {
        case_id,
        status,
        word,
    } = taken;
    let Delivery {
        outgoing, request, ..
    } = delivery;
    let (file, waits) = read_back(operators, &case_id, patience).await?;
    let input = file.get("request").cloned().unwrap_or_default();
    let verdict = file.get("verdict").cloned().unwrap_or_default();
    let known_as = verdict.get("request_id").and_then(Value::as_str);
    if known_as != Some(request.id.as_str()) {
        bail!(
            "the server took it for request `{}`, not for the sample `{}`: it runs on another config; look at once with: \
             countersign cases {case_id}",
            known_as.unwrap_or("?"),
            request.id.as_str()
        );
    }
    let answers = answers(&sender, &request, &input, &verdict);
    Ok(Shown {
        case_id,
        url: outgoing.shown_url,
        status,
        word,
        input,
        verdict,
        answers,
        sender,
        waits,
    })
}

/// The case as the server has it, as soon as it is decided; while it is not, with what stands in the way.
async fn read_back(
    operators: &Operators,
    case_id: &str,
    patience: Duration,
) -> anyhow::Result<(Value, Option<String>)> {
    let started = Instant::now();
    loop {
        let reply = operators.get(&format!("/v1/cases/{case_id}")).await?;
        if reply.status == 404 {
            bail!(
                "the server that took it and the one with the operators' API are not the same: this one has no case \
                 `{case_id}`; say where its API is with --url"
            );
        }
        let file = reply.done()?;
        let received = file.pointer("/verdict/state").and_then(Value::as_str) == Some("received");
        if !received {
            return Ok((file, None));
        }
        if started.elapsed() >= patience {
            let error = last_error(operators, case_id).await;
            return Ok((file, Some(error)));
        }
        tokio::time::sleep(LOOKS_EVERY.min(patience)).await;
    }
}

/// What the last attempt to read the record back ended with.
async fn last_error(operators: &Operators, case_id: &str) -> String {
    let unknown = || "the platform has not answered".to_owned();
    let Ok(reply) = operators.get("/v1/outbox?limit=1000").await else {
        return unknown();
    };
    let effects = reply.body.get("effects").and_then(Value::as_array);
    let ours = |effect: &&Value| {
        let is = |name: &str, word: &str| effect.get(name).and_then(Value::as_str) == Some(word);
        is("case_id", case_id) && is("kind", "confirm")
    };
    effects
        .and_then(|effects| effects.iter().find(ours))
        .and_then(|effect| effect.get("error")?.as_str())
        .map_or_else(unknown, str::to_owned)
}

/// What would be sent: by policy's word, else by either word of people.
fn answers(sender: &Sender, request: &Request, input: &Value, verdict: &Value) -> Vec<WouldAnswer> {
    let word = |name: &str| verdict.get(name).and_then(Value::as_str);
    let source = &sender.counterpart.source;
    let policy = word("rationale").unwrap_or_default();
    let would = |ballot: Ballot, rationale: &str| {
        let task = AnswerTask {
            request: request.id.clone(),
            action: word("action").map(str::to_owned),
            agent: word("agent").map(str::to_owned),
            payload: source
                .looks_at_payload()
                .then(|| input.get("payload").cloned().unwrap_or_default()),
            token: request.token.clone(),
            ballot,
            rationale: bounded(rationale, sender.counterpart.rationale_limit),
            traceparent: None,
            case_id: word("case_id").unwrap_or_default().to_owned(),
        };
        WouldAnswer {
            ballot,
            call: source.preview(&task),
        }
    };
    match word("outcome") {
        _ if word("state") == Some("received") => Vec::new(),
        Some("approve") => vec![would(Ballot::Approve, policy)],
        Some("reject") => vec![would(Ballot::Reject, policy)],
        Some(_) | None => vec![
            would(Ballot::Approve, "Approved by NAME: REASON"),
            would(Ballot::Reject, "Rejected by NAME: REASON"),
        ],
    }
}

fn to_json(shown: &Shown) -> Value {
    let call = |preview: &Preview| {
        let headers = preview.headers.iter();
        json!({
            "method": preview.method,
            "url": preview.url,
            "headers": headers
                .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
                .collect::<Map<_, _>>(),
            "body": preview.body,
        })
    };
    let answers = shown.answers.iter().map(|answer| {
        let (request, error) = match &answer.call {
            None => (None, None),
            Some(Ok(preview)) => (Some(call(preview)), None),
            Some(Err(error)) => (None, Some(error)),
        };
        json!({ "vote": answer.ballot, "request": request, "error": error })
    });
    json!({
        "delivery": {
            "url": shown.url, "code": shown.status, "status": shown.word, "case_id": shown.case_id,
        },
        "request": shown.input,
        "verdict": shown.verdict,
        "answers": answers.collect::<Vec<_>>(),
        "waits": shown.waits,
    })
}
