//! One YAML file becomes one [`Config`], or all that is wrong with it.
//!
//! What must hold: nothing is guessed and nothing is skipped (an unknown key, a second value, an unset variable are
//! mistakes); every mistake is found at once and shown where it is; a [`Config`] that exists is whole: there is no
//! `Option` in it that means "unset". What it must not allow is refused here, with the reason: an unverified sender
//! where it could approve something or where the network can reach us.
//!
//! The way of a file: text → `yaml` (a tree with places) → `reader` (types, mistakes) → `check` (what must hold between
//! the parts). The default file, [`DEFAULT_FILE`], is the documentation of every key.

pub mod code;
pub mod source;

mod blank;
mod channel;
mod check;
mod defaults;
mod environment;
mod notify;
mod operators;
mod people;
mod policies;
mod reader;
mod secrets;
mod sections;
mod sources;
mod taken;
mod units;
mod verify;
mod yaml;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

pub use channel::{ChannelConfig, ChannelKind, NotifyConfig};
pub use source::{
    AgentToken, Forward, HmacAlgorithm, HmacConfig, HmacEncoding, HttpConfig, SourceConfig,
    SourceKind, TraceMemConfig, VerifyConfig, WebhookConfig,
};

use crate::credential::Credential;
use crate::diagnostic::Diagnostic;
use crate::domain::person::Role;
use crate::domain::team::People;
use crate::identity::{Grants, OidcSettings, ProxySettings};
use reader::{Environment, Reader};

/// The commented default file: every key with its default, every example commented out.
pub const DEFAULT_FILE: &str = include_str!("default.yaml");

/// What a config may hold, as JSON Schema: for editors. What must hold between its parts is said by [`Config::parse`].
pub const SCHEMA: &str = include_str!("schema.json");

/// A larger file is not a config.
const LARGEST_FILE: u64 = 1024 * 1024;

/// Everything that can be configured.
#[derive(Debug, Clone)]
pub struct Config {
    /// The mode of every source that does not say its own.
    pub mode: Mode,
    /// Where platforms and agents reach us. Port 0 picks one.
    pub listen: SocketAddr,
    /// Who operates it, and where.
    pub operators: Operators,
    /// The policy set and what one evaluation may cost.
    pub policies: Policies,
    /// Where cases are kept.
    pub store: Store,
    /// Who asks. Names, paths and tokens are each unique.
    pub sources: Vec<SourceConfig>,
    /// Who is asked, and what a question to people has when its rule does not say.
    pub people: Arc<People>,
    /// How the teams are told.
    pub notify: NotifyConfig,
    /// The program's log, and the key of the decision log.
    pub log: Log,
    /// What one connection may cost.
    pub limits: Limits,
    /// How platforms are answered.
    pub outbox: Outbox,
    /// How it stops.
    pub shutdown: Shutdown,
}

/// Whether answers leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// All is decided and recorded, nothing is answered.
    DryRun,
    /// Answers are sent.
    Enforce,
}

/// The people's side.
#[derive(Debug, Clone)]
pub struct Operators {
    /// Where the operators' API, metrics and health are.
    pub listen: SocketAddr,
    /// Where people reach it: the beginning of every link to the inbox, with no `/` at its end. Without it, where it listens.
    pub url: Option<String>,
    /// Who may use it. Names and tokens are unique.
    pub tokens: Vec<OperatorToken>,
    /// The file of local users.
    pub users: PathBuf,
    /// How long somebody stays logged in.
    pub session: SessionConfig,
    /// What groups of a directory may do.
    pub grants: Grants,
    /// A reverse proxy that vouches for people.
    pub proxy: Option<ProxySettings>,
    /// A directory that vouches for people.
    pub oidc: Option<OidcSettings>,
}

/// How long somebody stays logged in.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// After this they log in again.
    pub lifetime: Duration,
    /// What cookies and links are sealed with.
    pub key: LogKey,
}

/// One operator.
#[derive(Debug, Clone)]
pub struct OperatorToken {
    /// The person, as records name them.
    pub name: String,
    /// Their e-mail address.
    pub email: Option<String>,
    /// What they may do.
    pub role: Role,
    /// Teams beside those that list them as a member.
    pub teams: Vec<String>,
    /// What they prove it with.
    pub token: Credential,
}

/// The policy set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policies {
    /// Its folder.
    pub path: PathBuf,
    /// What one evaluation may cost.
    pub budget: Budget,
    /// What becomes of a set that `probe` finds a way around.
    pub probe: Probe,
}

/// What becomes of a set that `probe` finds a way around.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Probe {
    /// It is not looked for.
    Off,
    /// It serves, with a warning.
    Warn,
    /// It does not serve.
    Refuse,
}

/// The most that one evaluation may cost; over it, a person is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Wall-clock time, at least 1 ms.
    pub time: Duration,
    /// Instructions of the engine's machine, at least 1,000.
    pub instructions: u64,
}

/// Where cases are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// One SQLite file, created if it is not there.
    Sqlite(PathBuf),
}

/// The program's log, and the key of the decision log.
#[derive(Debug, Clone)]
pub struct Log {
    /// How a line looks.
    pub format: LogFormat,
    /// What is logged, as `RUST_LOG` would say it: `info`, `warn,countersign=debug`.
    pub level: String,
    /// The key of the decision log's hash chain.
    pub key: LogKey,
}

/// How a line of the program's log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object.
    Json,
    /// One line for people.
    Text,
}

/// Where the key of the decision log's hash chain is.
#[derive(Debug, Clone)]
pub enum LogKey {
    /// It is given.
    Given(Credential),
    /// In this file beside the database, which is created with a random key if it is not there.
    Beside(PathBuf),
}

/// What one connection may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body, for every source that does not say its own.
    pub body: u64,
    /// Connections at once, on each listener.
    pub connections: u32,
    /// How long the headers of a request may take.
    pub header_timeout: Duration,
    /// How long the body of a request may take.
    pub body_timeout: Duration,
}

/// How platforms are answered, and events passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outbox {
    /// How long the other side may take over one attempt, at least 100 ms.
    pub timeout: Duration,
    /// How many attempts of each kind are under way at once, for each source; at least 1.
    pub concurrency: u32,
}

/// How it stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shutdown {
    /// How long requests in flight are waited for.
    pub grace: Duration,
}

/// Requests a second; none where there is no limit.
pub type RateLimit = Option<NonZeroU32>;

impl Config {
    /// Reads the file at `path`. With a config come its warnings; without one, all its mistakes.
    pub fn load(
        path: &Path,
        environment: Environment<'_>,
        now: Timestamp,
    ) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let (name, text) = text_of(path)?;
        Self::parse(&text, &name, environment, now)
    }

    /// Where the policies are by the file at `path`, whatever else is wrong with it. Without an answer, why there is none.
    pub fn policy_directory(
        path: &Path,
        environment: Environment<'_>,
    ) -> Result<PathBuf, Vec<Diagnostic>> {
        let (name, text) = text_of(path)?;
        let (mut reader, root) = begin(&text, &name, environment);
        let directory = policies::directory(&mut reader, root.as_ref());
        reader.finish()?;
        Ok(directory)
    }

    /// What the file at `path` says of probing the policies, whatever else is wrong with it; what an empty file says where
    /// it cannot be read.
    pub fn policy_probe(path: &Path, environment: Environment<'_>) -> Probe {
        let Ok((name, text)) = text_of(path) else {
            return Probe::Off;
        };
        let (mut reader, root) = begin(&text, &name, environment);
        policies::probe(&mut reader, root.as_ref())
    }

    /// Reads `text`, which mistakes call `name`. Relative paths in it start at the folder of `name`.
    pub fn parse(
        text: &str,
        name: &str,
        environment: Environment<'_>,
        now: Timestamp,
    ) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let (mut reader, root) = begin(text, name, environment);
        let config = sections::config(&mut reader, root.as_ref(), now);
        let warnings = reader.finish()?;
        Ok((config, warnings))
    }
}

impl LogKey {
    /// The key beside the database at `store`: `<db>.key`.
    pub fn beside(store: &Path) -> Self {
        Self::Beside(Self::file_beside(store, ".key"))
    }

    /// The file beside the database at `store`: its name and `ending`.
    pub fn file_beside(store: &Path, ending: &str) -> PathBuf {
        let mut path = store.as_os_str().to_owned();
        path.push(ending);
        path.into()
    }
}

impl Mode {
    /// The word for it in the config, the API and the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DryRun => "dry_run",
            Self::Enforce => "enforce",
        }
    }
}

/// The name of the file at `path`, as mistakes call it, and its text.
fn text_of(path: &Path) -> Result<(String, String), Vec<Diagnostic>> {
    let name = path.display().to_string();
    match read(path) {
        Ok(text) => Ok((name, text)),
        Err(reason) => {
            let message = format!("cannot read the config `{name}`: {reason}");
            let help = "give the config with `--config` or `COUNTERSIGN_CONFIG`; `countersign config default` prints one";
            Err(vec![
                Diagnostic::error(code::UNREADABLE, message).help(help),
            ])
        }
    }
}

/// The tree of `text`, and a reader that has noted what is wrong with the text itself.
fn begin<'a>(
    text: &str,
    name: &'a str,
    environment: Environment<'a>,
) -> (Reader<'a>, Option<yaml::Node>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let base = Path::new(name)
        .parent()
        .map(Path::to_owned)
        .unwrap_or_default();
    let mut reader = Reader::new(name, text, base, environment);
    let (root, mistakes) = yaml::parse(text);
    if !mistakes.is_empty() {
        for suspect in blank::suspects(text) {
            reader.hide(&suspect);
        }
        reader.note_all(mistakes);
    }
    (reader, root)
}

fn read(path: &Path) -> Result<String, String> {
    let metadata = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if metadata.is_dir() {
        return Err("it is a folder".to_owned());
    }
    if metadata.len() > LARGEST_FILE {
        return Err("it is larger than 1 MiB".to_owned());
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests;
