//! The operators' API of a running countersign, as a client. What changes something goes through it, so that there is
//! one writer and every change carries the name of a person.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::{Client, Method, Response, Url};
use serde_json::Value;

use super::ledger::StoreArgs;
use super::terminal;
use crate::credential::Credential;
use crate::json::Plain;
use crate::secret::Secret;

/// A command that a person waits for says something within this time.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// More than any case; a longer answer is not from countersign.
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;

/// Where the operators' API is, and who asks
#[derive(clap::Args)]
pub struct ApiArgs {
    /// The operators' API [default: from the config, else http://127.0.0.1:8788]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Your token; better in a file, since others on this machine can see a command's arguments
    #[arg(long)]
    token: Option<String>,
    /// The file with your token [default: yours in the config, else the file beside the store]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) store: StoreArgs,
}

impl fmt::Debug for ApiArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiArgs")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// A running countersign and a person it knows.
pub(super) struct Operators {
    client: Client,
    base: Url,
    token: Secret,
}

/// What it answered.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl ApiArgs {
    /// The API these arguments name. Nothing is sent yet.
    pub(super) fn connect(&self) -> anyhow::Result<Operators> {
        let base = match &self.url {
            Some(url) => url.clone(),
            None => self.store.operators_url()?,
        };
        Operators::new(&base, self.token()?)
    }

    fn token(&self) -> anyhow::Result<Secret> {
        match (&self.token, &self.token_file) {
            (Some(_), Some(_)) => bail!(
                "both a token (`--token`, COUNTERSIGN_TOKEN) and a token file (`--token-file`, COUNTERSIGN_TOKEN_FILE) are given; leave one out"
            ),
            (Some(token), None) => Ok(Credential::written(Secret::new(token.trim()))?.read()?),
            (None, Some(file)) => Ok(Credential::in_file(file).read()?),
            (None, None) => self.store.operator_token(),
        }
    }
}

impl Operators {
    pub(super) fn new(base: &str, token: Secret) -> anyhow::Result<Self> {
        let base: Url = base.parse().with_context(|| {
            format!("`{base}` is not a URL; write one such as http://127.0.0.1:8788")
        })?;
        if !matches!(base.scheme(), "http" | "https") {
            bail!("`{base}` is not an http or https URL");
        }
        if base.scheme() == "http" && !is_loopback(&base) {
            terminal::say(&format!(
                "warning: your token goes to {base} without encryption; use https"
            ));
        }
        Ok(Self {
            client: client_for(&base)?,
            base,
            token,
        })
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Reply> {
        self.call(Method::GET, path, None).await
    }

    /// What is at `path` as text, for what is no JSON.
    pub(super) async fn get_text(&self, path: &str) -> anyhow::Result<String> {
        let (status, bytes) = self.send(Method::GET, path, None).await?;
        if status != 200 {
            bail!("countersign at {} answered {status}", self.base);
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Reply> {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Reply> {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub(super) async fn delete(&self, path: &str) -> anyhow::Result<Reply> {
        self.call(Method::DELETE, path, None).await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Reply> {
        let (status, bytes) = self.send(method, path, body).await?;
        if status == 401 {
            bail!(
                "countersign at {} does not know this token; give yours with --token-file",
                self.base
            );
        }
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            self.read(&bytes, status)?
        };
        let reply = Reply { status, body };
        if status == 403 {
            bail!(
                "countersign at {} does not let you do this: {}",
                self.base,
                reply.problem()
            );
        }
        Ok(reply)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(u16, Vec<u8>)> {
        let url = self.base.join(path)?;
        let mut request = self
            .client
            .request(method, url)
            .bearer_auth(self.token.expose())
            .header("accept", "application/json");
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let mut response = request
            .send()
            .await
            .map_err(|error| self.unreachable(error))?;
        let status = response.status().as_u16();
        let body = body_of(&mut response)
            .await
            .map_err(|error| self.unreachable(error))?;
        let Some(bytes) = body else {
            bail!(
                "what answers at {} is not countersign: its answer has no end",
                self.base
            );
        };
        Ok((status, bytes))
    }

    fn read(&self, bytes: &[u8], status: u16) -> anyhow::Result<Value> {
        let Plain(body) = serde_json::from_slice(bytes).with_context(|| {
            format!(
                "what answers at {} is not countersign: {status}, and no JSON",
                self.base
            )
        })?;
        Ok(body)
    }

    fn unreachable(&self, error: reqwest::Error) -> anyhow::Error {
        if error.is_timeout() {
            return anyhow::anyhow!(
                "countersign at {} did not answer within {} seconds; look with `countersign cases` whether it was done",
                self.base,
                PATIENCE.as_secs()
            );
        }
        anyhow::Error::new(error.without_url()).context(format!(
            "no countersign answers at {}; start it with `countersign run`, or say where it is with --url or COUNTERSIGN_URL",
            self.base
        ))
    }
}

impl Reply {
    /// What a problem document says, for people.
    pub(super) fn problem(&self) -> String {
        let word = |name| self.body.get(name).and_then(Value::as_str);
        match word("detail")
            .or_else(|| word("title"))
            .or_else(|| word("code"))
        {
            Some(text) => text.to_owned(),
            None => format!(
                "the server answered {}, which countersign does not; is --url right?",
                self.status
            ),
        }
    }

    /// The body of an answer that did what was asked; everything else is an error.
    pub(super) fn done(self) -> anyhow::Result<Value> {
        match self.status {
            200..300 => Ok(self.body),
            _ => bail!("{}", self.problem()),
        }
    }
}

/// A client for a countersign at `base`.
pub(super) fn client_for(base: &Url) -> reqwest::Result<Client> {
    // Installing it twice is harmless: the one that is there is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .timeout(PATIENCE)
        .connect_timeout(Duration::from_secs(5))
        // A redirect would carry the token elsewhere.
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")));
    if is_loopback(base) {
        return client.no_proxy().build();
    }
    client.build()
}

/// The body of an answer; nothing where it is larger than any of countersign's.
pub(super) async fn body_of(response: &mut Response) -> reqwest::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LARGEST_ANSWER {
            return Ok(None);
        }
    }
    Ok(Some(bytes))
}

/// Whether it is on this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || address
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    })
}

/// A value as a part of a path or a query.
pub(super) fn escaped(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
