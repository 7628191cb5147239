//! `countersign run`: the service.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::ledger::environment;
use super::policy_directory::counted;
use super::{ExitStatus, terminal};
use crate::app::{App, Options, Seen};
use crate::clock::Clock;
use crate::config::{
    AgentToken, Config, LogFormat, OperatorToken, SourceConfig, SourceKind, Store, VerifyConfig,
};
use crate::credential::Credential;
use crate::diagnostic::{Diagnostic, Paint};
use crate::domain::person::Role;
use crate::flow::Flow;
use crate::policy::watch::Reloaded;
use crate::telemetry::{self, DecisionLines};

/// Looked for where no config is named.
const USUAL_CONFIG: &str = "countersign.yaml";

/// Serve platforms and agents: verify, decide, record, answer
///
/// Without a config it runs in dry-run on the defaults: loopback, a SQLite file here, and agents at our own API. It
/// then writes a token for you and one for your agents beside the database.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The config [default: ./countersign.yaml, where there is one]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The policy directory [default: the config's]
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
}

/// Serves until it is told to stop.
pub fn run(args: &Args) -> ExitStatus {
    let configured = match config(args) {
        Ok(configured) => configured,
        Err(NoConfig::Mistakes(mistakes)) => {
            terminal::show(&mistakes);
            terminal::complain(&format!(
                "the config has {}; nothing was started",
                counted(&mistakes)
            ));
            return ExitStatus::CouldNot;
        }
        Err(NoConfig::Defaults(error)) => return terminal::end(Err(error)),
    };
    terminal::end(serve(&configured))
}

/// What to run on.
struct Configured {
    config: Config,
    warnings: Vec<Diagnostic>,
    /// Where the tokens are that nobody asked for.
    tokens: Option<String>,
}

enum NoConfig {
    Mistakes(Vec<Diagnostic>),
    Defaults(anyhow::Error),
}

fn serve(configured: &Configured) -> anyhow::Result<ExitStatus> {
    let Configured {
        config,
        warnings,
        tokens,
    } = configured;
    let rust_log = environment("RUST_LOG");
    let (out, _written_at_the_end) = telemetry::stdout();
    telemetry::init(
        &config.log,
        rust_log.as_deref(),
        telemetry::paint(&std::io::stdout(), &environment),
        out.clone(),
    )?;
    for warning in warnings {
        tracing::warn!(code = warning.code, "{}", warning.render(Paint::Plain));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let lines = DecisionLines::to(config.log.format, Box::new(out));
        let options = Options {
            seen: Seen::AsService(lines),
            ..Options::default()
        };
        let app = App::open(config.clone(), options).await?;
        introduce(config, &app);
        if let Some(tokens) = tokens {
            tracing::info!("no config was given, so this is a dry-run: {tokens}");
            tracing::info!(
                "the inbox is at http://{}: log in with your token; `countersign user add NAME --role approver` adds others, with a password",
                app.addresses().operators,
            );
        }
        let stop = CancellationToken::new();
        let signals = listen_to_signals(stop.clone(), Arc::clone(app.flow()))?;
        let running = app.run(stop);
        tokio::select! {
            served = running => served.map(|()| ExitStatus::Done).map_err(Into::into),
            () = signals => {
                tracing::warn!("told to stop a second time; stopping at once");
                Ok(ExitStatus::CouldNot)
            }
        }
    })
}

/// Says what runs, where, and what each source may do; one line each.
fn introduce(config: &Config, app: &App) {
    let addresses = app.addresses();
    let status = app.flow().policies().status();
    let set = app.flow().policies().current();
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        policy.revision = %status.live,
        "countersign {}: {} rules, revision {}, from {}",
        env!("CARGO_PKG_VERSION"),
        set.rules().len(),
        status.live.short(),
        config.policies.path.display(),
    );
    for warning in &status.warnings {
        tracing::warn!(code = warning.code, "{}", warning.render(Paint::Plain));
    }
    for source in &config.sources {
        tracing::info!(
            source.name = %source.name,
            source.mode = source.mode.as_str(),
            "source `{}` is in {}: {}",
            source.name,
            source.mode.as_str(),
            proof(source),
        );
    }
    tracing::info!(
        intake = %addresses.intake,
        operators = %addresses.operators,
        "listening: platforms and agents at http://{}, people at http://{}",
        addresses.intake,
        addresses.operators,
    );
}

/// How a source's senders prove who they are.
fn proof(source: &SourceConfig) -> String {
    match &source.kind {
        SourceKind::TraceMem(_) | SourceKind::Webhook(_) if source.verify().is_empty() => {
            "its senders are not verified, so it can never be in enforce".to_owned()
        }
        SourceKind::TraceMem(_) | SourceKind::Webhook(_) => {
            let ways: Vec<&str> = source.verify().iter().map(way).collect();
            format!("senders prove themselves by {}", ways.join(" and "))
        }
        SourceKind::Http(http) if http.tokens.is_empty() => {
            "no agent has a token, so nobody can ask".to_owned()
        }
        SourceKind::Http(http) => {
            let agents: Vec<String> = http
                .tokens
                .iter()
                .map(|token| format!("`{}`", token.agent))
                .collect();
            format!("for {}, known by token", agents.join(", "))
        }
    }
}

fn way(verify: &VerifyConfig) -> &'static str {
    match verify {
        VerifyConfig::Hmac(_) => "an HMAC over the body",
        VerifyConfig::Ecdsa(_) => "an ECDSA signature over the body",
        VerifyConfig::StandardWebhooks { .. } => "a Standard Webhooks signature",
        VerifyConfig::StaticHeader { .. } => "a secret header",
        VerifyConfig::SecretPath(_) => "a secret path",
        VerifyConfig::UserAgent(_) => "their user agent (which proves nothing)",
    }
}

/// Stops in order at the first SIGTERM or SIGINT, ends at the second, reloads the policies at SIGHUP.
fn listen_to_signals(
    stop: CancellationToken,
    flow: Arc<Flow>,
) -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be listened to")?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = hang_up.recv() => {
                    match flow.policies().reload(Clock.now()).await {
                        // A swap is logged where it happens, and a refusal when it is news.
                        Reloaded::Swapped(_) => {}
                        Reloaded::Unchanged => {
                            tracing::info!("told to reload: the policies on disk are those that serve");
                        }
                        Reloaded::Refused(_) => {
                            tracing::warn!("told to reload: the policies on disk are refused; see `/readyz?verbose`");
                        }
                    }
                    continue;
                }
            }
            if stop.is_cancelled() {
                return;
            }
            stop.cancel();
        }
    })
}

fn config(args: &Args) -> Result<Configured, NoConfig> {
    let usual = PathBuf::from(USUAL_CONFIG);
    let named = match &args.config {
        Some(path) => Some(path),
        None if usual.is_file() => Some(&usual),
        None => None,
    };
    let mut configured = match named {
        Some(path) => {
            let loaded = Config::load(path, &environment, Clock.now());
            let (config, warnings) = loaded.map_err(NoConfig::Mistakes)?;
            Configured {
                config,
                warnings,
                tokens: None,
            }
        }
        None => defaults().map_err(NoConfig::Defaults)?,
    };
    if let Some(policies) = &args.policies {
        configured.config.policies.path.clone_from(policies);
    }
    Ok(configured)
}

/// The defaults, with a token for the person who starts it and one for their agents.
fn defaults() -> anyhow::Result<Configured> {
    let mut config = Config::default_for_run();
    if std::io::IsTerminal::is_terminal(&std::io::stdout()) {
        config.log.format = LogFormat::Text;
    }
    let Store::Sqlite(store) = config.store.clone();
    let name = environment("USER")
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "operator".to_owned());
    let token = token_file(&store, ".token")?;
    config.operators.tokens.push(OperatorToken {
        name,
        email: None,
        role: Role::Admin,
        teams: Vec::new(),
        token,
    });
    let token = token_file(&store, ".agent-token")?;
    for source in &mut config.sources {
        if let SourceKind::Http(http) = &mut source.kind {
            http.tokens.push(AgentToken {
                agent: "agent".to_owned(),
                token: token.clone(),
            });
        }
    }
    let shown = store.display();
    Ok(Configured {
        config,
        warnings: Vec::new(),
        tokens: Some(format!(
            "your token is in `{shown}.token`, the one for your agents in `{shown}.agent-token`"
        )),
    })
}

/// The token in the file beside the store; made, for its owner's eyes alone, where there is none.
fn token_file(store: &Path, ending: &str) -> anyhow::Result<Credential> {
    let mut path = store.to_owned();
    path.as_mut_os_string().push(ending);
    if !path.exists() {
        let mut bytes = [0; 24];
        getrandom::fill(&mut bytes)
            .map_err(|error| anyhow::anyhow!("the system gives no random bytes: {error}"))?;
        let cannot = || format!("cannot write the token file `{}`", path.display());
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .with_context(cannot)?;
        writeln!(file, "{}", hex::encode(bytes)).with_context(cannot)?;
    }
    Ok(Credential::in_file(path))
}
