//! A sample on its way to the server, and what the server says of it.

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde_json::Value;

use crate::cli::operators::{Operators, PATIENCE, body_of, client_for};
use crate::cli::source::refusal::{self, Refused};
use crate::cli::source::sender::{Outgoing, Sender};
use crate::domain::request::Request;
use crate::json::Plain;
use crate::source::Reading;

/// A sample that is ready to be sent.
pub(super) struct Delivery {
    pub(super) outgoing: Outgoing,
    body: Vec<u8>,
    /// What it is by this config.
    pub(super) request: Request,
}

/// A sample that the server took for a request.
pub(super) struct Taken {
    pub(super) case_id: String,
    pub(super) status: u16,
    pub(super) word: String,
}

impl Delivery {
    pub(super) fn of(sender: &Sender, body: &Value, now: Timestamp) -> anyhow::Result<Self> {
        let body = body.to_string().into_bytes();
        let outgoing = sender.sign(&body, None, now)?;
        let request = *asked(sender, &outgoing, &body, now)?;
        Ok(Self {
            outgoing,
            body,
            request,
        })
    }

    pub(super) async fn send(
        &self,
        sender: &Sender,
        operators: &Operators,
    ) -> anyhow::Result<Taken> {
        let before = refusals(operators, sender).await;
        let (status, said) = post(sender, &self.outgoing, self.body.clone()).await?;
        let word = |name: &str| said.as_ref()?.get(name)?.as_str();
        let accepted = matches!(status, 200 | 202);
        match (word("case_id"), word("status")) {
            (Some(case_id), word) if accepted => Ok(Taken {
                case_id: case_id.to_owned(),
                status,
                word: word.unwrap_or("accepted").to_owned(),
            }),
            (None, Some(word)) if accepted => bail!(
                "the server took it for `{word}`, not for a request: it runs on another config than this command was given"
            ),
            (_, _) => {
                let after = refusals(operators, sender).await;
                let refused = Refused {
                    sender,
                    url: &self.outgoing.shown_url,
                    status,
                    problem: said.as_ref(),
                    counted: refusal::grown(&before, &after),
                };
                bail!("{}", refused.explain())
            }
        }
    }
}

/// The request as a server on this config reads it, which must be a sample.
fn asked(
    sender: &Sender,
    outgoing: &Outgoing,
    body: &[u8],
    now: Timestamp,
) -> anyhow::Result<Box<Request>> {
    let name = sender.name();
    let reading = sender.understand(outgoing, body, now).with_context(|| {
        format!("nothing was sent: by this config, `{name}` itself would refuse it")
    })?;
    match reading {
        Reading::Request(request) if request.id.is_sample() => Ok(request),
        Reading::Request(request) => bail!(
            "nothing was sent: by this config it is request `{}`, which is no sample; look at the `id` of its `fields`",
            request.id.as_str()
        ),
        Reading::Resolved(_) | Reading::Nothing(_) => {
            bail!("nothing was sent: by this config it does not ask for anything")
        }
    }
}

/// Posts `body` once: the status, and the JSON that came with it.
async fn post(
    sender: &Sender,
    outgoing: &Outgoing,
    body: Vec<u8>,
) -> anyhow::Result<(u16, Option<Value>)> {
    let shown = &outgoing.shown_url;
    let unreachable = |error: reqwest::Error| {
        if error.is_timeout() && !error.is_connect() {
            return anyhow::anyhow!("{shown} did not answer within {PATIENCE:?}");
        }
        anyhow::Error::new(error.without_url()).context(format!(
            "no countersign answers at {shown}; start it with `countersign run`, or say where it takes deliveries with \
             --deliver-to"
        ))
    };
    let mut post = client_for(sender.base())?.post(&outgoing.url);
    for (name, value) in &outgoing.headers {
        post = post.header(name, value);
    }
    let mut response = post.body(body).send().await.map_err(unreachable)?;
    let status = response.status().as_u16();
    let bytes = body_of(&mut response).await.map_err(unreachable)?;
    let said: Option<Plain> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    Ok((status, said.map(|Plain(said)| said)))
}

/// How often the server refused deliveries to this source, by reason. What it does not say is not known.
async fn refusals(operators: &Operators, sender: &Sender) -> Vec<(String, u64)> {
    match operators.get_text("/metrics").await {
        Ok(metrics) => refusal::counted(&metrics, sender.name()),
        Err(_) => Vec::new(),
    }
}
