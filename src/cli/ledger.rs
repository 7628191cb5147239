//! The store as the commands that only read see it. It is read beside a running countersign, and without one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::bail;
use tokio::runtime::Runtime;

use super::terminal;
use crate::app::key::{Missing, chain_key};
use crate::clock::Clock;
use crate::config::{Config, LogKey, Store as StoreConfig};
use crate::credential::Credential;
use crate::domain::log_entry::ChainKey;
use crate::secret::Secret;
use crate::store::{SqliteStore, Store};

/// Read where no config is named.
pub(super) const USUAL_CONFIG: &str = "countersign.yaml";

/// Which store
#[derive(Debug, Clone, clap::Args)]
pub struct StoreArgs {
    /// The config that names the store [default: ./countersign.yaml, where there is one]
    #[arg(short, long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The store itself, such as `sqlite://countersign.db` [default: the config's]
    #[arg(long, value_name = "URL", value_parser = parse_store)]
    store: Option<StoreConfig>,
}

/// A store that is open for reading.
pub(super) struct Ledger {
    store: Box<dyn Store>,
    runtime: Runtime,
}

impl Ledger {
    fn open(path: &Path, key: Option<ChainKey>) -> anyhow::Result<Self> {
        Ok(Self {
            store: Box::new(SqliteStore::open_for_reading(path, key)?),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
        })
    }

    /// The store.
    pub(super) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Waits for an answer of the store.
    pub(super) fn wait_for<T>(
        &self,
        answer: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        self.runtime.block_on(answer)
    }
}

impl StoreArgs {
    /// The config that was named.
    pub(super) fn named_config(&self) -> Option<PathBuf> {
        self.config.clone()
    }

    /// Opens the store for reading. Not everybody who may look can read the chain's key, so it is used where it can be
    /// had.
    pub(super) fn open(&self) -> anyhow::Result<Ledger> {
        let config = self.config()?;
        let key = chain_key(&config.log.key, Missing::Refuse).ok();
        Ledger::open(database(&config)?, key)
    }

    /// Opens the store to check the chain of its log, which cannot be done without the key.
    pub(super) fn open_with_key(&self) -> anyhow::Result<Ledger> {
        let config = self.config()?;
        let path = database(&config)?;
        let key = chain_key(&config.log.key, Missing::Refuse)?;
        Ledger::open(path, Some(key))
    }

    /// Where the operators' API of this config is.
    pub(super) fn operators_url(&self) -> anyhow::Result<String> {
        let listen = self.config()?.operators.listen;
        if listen.port() == 0 {
            bail!(
                "the config lets the system pick the operators' port; say which it is with --url"
            );
        }
        Ok(format!("http://{}", reachable(listen)))
    }

    /// The token of the person who types: the one that the config has under their name, else the one that `run` wrote
    /// beside the store. Never somebody else's, since a vote carries the name.
    pub(super) fn operator_token(&self) -> anyhow::Result<Secret> {
        let config = self.config()?;
        let me = environment("USER").unwrap_or_default();
        let mut tokens = config.operators.tokens.iter();
        if let Some(mine) = tokens.find(|token| token.name == me) {
            return Ok(mine.token.read()?);
        }
        let StoreConfig::Sqlite(mut beside) = config.store;
        beside.as_mut_os_string().push(".token");
        if config.operators.tokens.is_empty() && beside.is_file() {
            return Ok(Credential::in_file(beside).read()?);
        }
        let named = if me.is_empty() {
            "your name ($USER) is not set".to_owned()
        } else {
            format!("the config has none under your name `{me}`")
        };
        bail!(
            "there is no token of yours: {named}, and there is no `{}`; \
             give it with --token-file or COUNTERSIGN_TOKEN_FILE",
            beside.display()
        )
    }

    /// The config with the store that is meant.
    fn config(&self) -> anyhow::Result<Config> {
        let usual = PathBuf::from(USUAL_CONFIG);
        let named = match &self.config {
            Some(path) => Some(path),
            None if self.store.is_none() && usual.is_file() => Some(&usual),
            None => None,
        };
        let mut config = match named {
            Some(path) => load(path)?,
            None => Config::default_for_run(),
        };
        if let Some(store) = &self.store {
            let StoreConfig::Sqlite(path) = store;
            if let LogKey::Beside(_) = config.log.key {
                config.log.key = LogKey::beside(path);
            }
            config.store = store.clone();
        }
        Ok(config)
    }
}

/// Where whoever listens there is reached from here: an address that means every interface is reached over loopback.
pub(super) fn reachable(mut listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() {
        listen.set_ip(match listen.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    listen
}

/// The database of this config. One that is not there is not made.
fn database(config: &Config) -> anyhow::Result<&Path> {
    let StoreConfig::Sqlite(path) = &config.store;
    if !path.exists() {
        bail!(
            "there is no database `{}`; name it with --store or --config",
            path.display()
        );
    }
    Ok(path)
}

fn load(path: &Path) -> anyhow::Result<Config> {
    match Config::load(path, &|name| environment(name), Clock.now()) {
        Ok((config, _)) => Ok(config),
        Err(mistakes) => {
            terminal::show(&mistakes);
            bail!("the config cannot be used; `--store` names the store without it")
        }
    }
}

/// The store that a URL names.
pub(super) fn parse_store(text: &str) -> Result<StoreConfig, String> {
    match text.strip_prefix("sqlite://") {
        Some(path) if !path.is_empty() => Ok(StoreConfig::Sqlite(path.into())),
        Some(_) | None => {
            Err("write `sqlite://` and the path of the file: `sqlite://countersign.db`".to_owned())
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the environment is read in config and cli"
)]
pub(super) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
