//! The platform of one source, played: it signs what it delivers with the source's own secrets.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::Timestamp;
use reqwest::Url;

use super::{SourceArgs, sample};
use crate::app::sources::{Counterpart, Shape};
use crate::cli::ledger::{USUAL_CONFIG, environment};
use crate::cli::operators::{escaped, is_loopback};
use crate::cli::terminal;
use crate::clock::Clock;
use crate::config::{AgentToken, Config, Forward, Mode, SourceConfig, SourceKind, Store};
use crate::credential::Credential;
use crate::secret::Secret;
use crate::signature::{Delivery, PrivateKey, Strength, Unsignable};
use crate::source::{Reading, Source};

/// A source's platform.
pub(super) struct Sender {
    pub(super) counterpart: Counterpart,
    source: SourceConfig,
    base: Url,
    key: Option<PrivateKey>,
}

/// A delivery as it would arrive, but for its body.
pub(super) struct Outgoing {
    /// Where to, with the secret in it where there is one.
    pub(super) url: String,
    /// The same to be shown.
    pub(super) shown_url: String,
    /// All headers that it needs.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    path_secret: Option<Secret>,
    strength: Strength,
}

impl Sender {
    /// The platform of the source that is meant.
    pub(super) fn of(args: &SourceArgs, config: Option<&Path>) -> anyhow::Result<Self> {
        let config = load(config)?;
        let source = take(&config, &args.name)?;
        let counterpart = Counterpart::of(&config, &source)?;
        let base = base(args.deliver_to.as_deref(), &config)?;
        let key = args.key.as_deref().map(private_key).transpose()?;
        Ok(Self {
            counterpart,
            source,
            base,
            key,
        })
    }

    /// The source's name.
    pub(super) fn name(&self) -> &str {
        self.source.name.as_str()
    }

    /// Where the server takes deliveries.
    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// Whether the source's requests are answered.
    pub(super) fn enforces(&self) -> bool {
        self.source.mode == Mode::Enforce
    }

    /// Whether a request of this source goes on to somebody behind us.
    pub(super) fn passes_on(&self) -> bool {
        let everything = match &self.source.kind {
            SourceKind::Webhook(webhook) => webhook.forward == Forward::All,
            SourceKind::TraceMem(_) | SourceKind::Http(_) => false,
        };
        self.source.forward_to.is_some() && (everything || !self.enforces())
    }

    /// Signs `body` as a new delivery at `now`. `event` is what happened, for a source that finds it in a header.
    pub(super) fn sign(
        &self,
        body: &[u8],
        event: Option<&str>,
        now: Timestamp,
    ) -> anyhow::Result<Outgoing> {
        let name = self.name();
        if body.len() as u64 > self.source.body_limit {
            bail!(
                "it has {} bytes and `{name}` takes {}; raise its `body_limit`, or send less",
                body.len(),
                self.source.body_limit
            );
        }
        let id = format!("msg_{}", uuid::Uuid::now_v7().simple());
        let verifier = &self.counterpart.verifier;
        let signed = verifier
            .sign_with(self.key.as_ref(), body, &id, now, Credential::read)
            .map_err(|unsignable| match unsignable {
                Unsignable::PrivateKey => anyhow::anyhow!(
                    "only its platform can sign for `{name}`: `ecdsa` takes the platform's private key\n\
                     to try it out, add the public half of a key of your own to `public_keys`, restart the server, and give \
                     the private half with --key"
                ),
                Unsignable::Secret(_)
                | Unsignable::Scheme(_)
                | Unsignable::Id
                | Unsignable::Header(_) => {
                    anyhow::Error::new(unsignable).context(format!("`{name}` cannot be signed for"))
                }
            })?;
        let mut headers = vec![(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        )];
        // What is signed goes before what merely names the delivery.
        let named = sample::headers(&self.counterpart.shape, event, &id)?;
        let unsigned = |(name, _): &(HeaderName, _)| !signed.headers.contains_key(name);
        headers.extend(named.into_iter().filter(unsigned));
        let signature = signed.headers.iter();
        headers.extend(signature.map(|(name, value)| (name.clone(), value.clone())));
        let path = match self.counterpart.shape {
            Shape::Http => "/v1/requests",
            Shape::TraceMem(_) | Shape::Webhook(_) => &self.source.path,
        };
        let url = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        let (url, shown_url) = match &signed.path_secret {
            None => (url.clone(), url),
            Some(secret) => (
                format!("{url}/{}", escaped(secret.expose())),
                format!("{url}/***"),
            ),
        };
        let outgoing = Outgoing {
            url,
            shown_url,
            headers,
            path_secret: signed.path_secret,
            strength: verifier.strength(),
        };
        if outgoing.secrets().is_some() && self.base.scheme() == "http" && !is_loopback(&self.base)
        {
            terminal::say(&format!(
                "warning: a secret goes to {} without encryption; use https",
                self.base
            ));
        }
        Ok(outgoing)
    }

    /// What a server on this config makes of a delivery.
    pub(super) fn understand(
        &self,
        outgoing: &Outgoing,
        body: &[u8],
        now: Timestamp,
    ) -> anyhow::Result<Reading> {
        let delivery = Delivery {
            headers: outgoing.headers.iter().cloned().collect::<HeaderMap>(),
            body: Bytes::copy_from_slice(body),
            path_secret: outgoing.path_secret.clone(),
        };
        let source: &dyn Source = &*self.counterpart.source;
        let verified = source.verify(delivery, now)?;
        Ok(source.read(&verified, now)?)
    }
}

impl Outgoing {
    /// Which parts of it are secrets themselves, for people; none where it holds signatures alone.
    pub(super) fn secrets(&self) -> Option<String> {
        let headers = self
            .headers
            .iter()
            .filter(|(_, value)| value.is_sensitive());
        let mut secrets: Vec<String> = headers
            .map(|(name, _)| format!("the header `{name}`"))
            .collect();
        if self.path_secret.is_some() {
            secrets.push("the end of the path".to_owned());
        }
        (!secrets.is_empty()).then(|| secrets.join(", "))
    }

    /// Whether a server learns from it who sent it.
    pub(super) fn proves_something(&self) -> bool {
        self.strength > Strength::Nothing
    }
}

/// The config that is meant. Without one, what `run` does without one.
fn load(named: Option<&Path>) -> anyhow::Result<Config> {
    let usual = Path::new(USUAL_CONFIG);
    let Some(path) = named.or_else(|| usual.is_file().then_some(usual)) else {
        return Ok(defaults());
    };
    match Config::load(path, &environment, Clock.now()) {
        Ok((config, _)) => Ok(config),
        Err(mistakes) => {
            terminal::show(&mistakes);
            bail!("the config cannot be used")
        }
    }
}

/// The defaults, with the token for agents that `run` wrote beside the store.
fn defaults() -> Config {
    let mut config = Config::default_for_run();
    let Store::Sqlite(store) = &config.store;
    let mut token: PathBuf = store.clone();
    token.as_mut_os_string().push(".agent-token");
    if token.is_file() {
        for source in &mut config.sources {
            if let SourceKind::Http(http) = &mut source.kind {
                http.tokens.push(AgentToken {
                    agent: "agent".to_owned(),
                    token: Credential::in_file(&token),
                });
            }
        }
    }
    config
}

fn take(config: &Config, name: &str) -> anyhow::Result<SourceConfig> {
    let mut sources = config.sources.iter();
    if let Some(source) = sources.find(|source| source.name.as_str() == name) {
        return Ok(source.clone());
    }
    let names: Vec<String> = config
        .sources
        .iter()
        .map(|source| format!("`{}`", source.name))
        .collect();
    if names.is_empty() {
        bail!("the config has no source");
    }
    bail!(
        "there is no source `{name}`; the config has {}",
        names.join(", ")
    )
}

/// Where the server takes deliveries. An address that means every interface is reached over loopback.
fn base(given: Option<&str>, config: &Config) -> anyhow::Result<Url> {
    let text = match given {
        Some(text) => text.to_owned(),
        None => listening(config)?,
    };
    let base: Url = text.parse().with_context(|| {
        format!("`{text}` is not a URL; write one such as http://127.0.0.1:8787")
    })?;
    let plain = base.query().is_none() && base.fragment().is_none();
    if !matches!(base.scheme(), "http" | "https") || !plain {
        bail!("`{text}` is not an http or https URL without `?` and `#`");
    }
    if !base.username().is_empty() || base.password().is_some() {
        bail!(
            "the URL to deliver to holds a user or a password, which would be printed; leave them out"
        );
    }
    Ok(base)
}

fn listening(config: &Config) -> anyhow::Result<String> {
    if config.listen.port() == 0 {
        bail!("the config lets the system pick the port; say which it is with --deliver-to");
    }
    Ok(format!(
        "http://{}",
        crate::cli::ledger::reachable(config.listen)
    ))
}

fn private_key(file: &Path) -> anyhow::Result<PrivateKey> {
    let cannot = || format!("`{}` cannot be signed with", file.display());
    let pem = Credential::in_file(file).read().with_context(cannot)?;
    PrivateKey::parse(&pem).with_context(cannot)
}
