//! The composition root: a config becomes ports, a flow, listeners and workers.
//!
//! [`App`] owns every task. A worker that dies takes the program down with a message; `serving` says how
//! it runs and in which order it ends.

pub mod key;
mod doors;
mod serving;
mod telling;
pub(crate) mod sources;
mod workers;

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{self, Config, LogFormat, SourceConfig, SourceKind, Store as StoreConfig};
use crate::diagnostic::Diagnostic;
use crate::domain::id::{Revision, SourceName};
use crate::domain::notice::ChannelName;
use crate::flow::{Courier, CourierSettings, Desk, Flow, Herald, Observer};
use crate::identity::oidc::InvalidIssuer;
use crate::metrics::Metrics;
use crate::notify::EmailUnusable;
use crate::observe::{Alerts, Telling};
use crate::policy::Budget;
use crate::policy::admission::{Admission, Probe};
use crate::policy::watch::{KeepError, KeepSets, LivePolicies, OpenError};
use crate::source::webhook::Unusable;
use crate::source::{Client, InvalidUrl, Timeouts, TlsUnavailable};
use crate::store::{SqliteSettings, SqliteStore, Store, StoreError, StoredSet, Synchronous};
use crate::telemetry::DecisionLines;
use crate::web::intake::Intake;
use crate::web::operators::{CredentialExpiry, InvalidSite, Operators, Readiness};
use crate::web::serve::ConnectionLimits;

/// What is chosen by whoever starts the program, and not by its config.
pub struct Options {
    /// How durable a commit is. Only the fault tests turn it down.
    pub synchronous: Synchronous,
    /// Who sees what happens. The service's own logs and counts are made by [`Seen::AsService`].
    pub seen: Seen,
}

/// Who sees what happens.
pub enum Seen {
    /// The program's log, its metrics, and these decision lines.
    AsService(DecisionLines),
    /// Somebody else; metrics stay empty.
    By(Arc<dyn Observer>),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            synchronous: Synchronous::Full,
            seen: Seen::AsService(DecisionLines::to_stdout(LogFormat::Json)),
        }
    }
}

/// A server that is ready to run.
pub struct App {
    intake: (TcpListener, Arc<Intake>),
    operators: (TcpListener, Arc<Operators>),
    addresses: Addresses,
    flow: Arc<Flow>,
    couriers: Vec<Courier>,
    heralds: Vec<Herald>,
    answering: telling::Answering,
    store: Arc<SqliteStore>,
    metrics: Arc<Metrics>,
    readiness: Arc<Readiness>,
    connections: ConnectionLimits,
    expiries: Vec<CredentialExpiry>,
    clock: Clock,
    /// Cancelled when waiting agents are to be answered at once.
    hurry: CancellationToken,
}

/// Where a server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// For platforms and agents.
    pub intake: SocketAddr,
    /// For people.
    pub operators: SocketAddr,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The key of the decision log, or of sessions.
    #[error(transparent)]
    Key(#[from] key::KeyError),
    /// The address of the inbox.
    #[error(transparent)]
    Site(#[from] InvalidSite),
    /// The directory that people log in by.
    #[error(transparent)]
    Issuer(#[from] InvalidIssuer),
    /// The store.
    #[error(transparent)]
    Store(StoreError),
    /// The policies.
    #[error(transparent)]
    Policies(#[from] OpenError),
    /// Somebody else listens there, or it is not ours to listen at.
    #[error("cannot listen at `{0}`; is another countersign running?")]
    Bind(SocketAddr, #[source] std::io::Error),
    /// The certificates of this machine cannot be used.
    #[error("outgoing connections cannot be set up")]
    Client(#[source] TlsUnavailable),
    /// A URL that no request can go to.
    #[error("a configured URL cannot be used")]
    Url(#[source] InvalidUrl),
    /// A source that could never work.
    #[error("source `{source_name}` cannot be used")]
    Webhook {
        /// Its name.
        source_name: SourceName,
        /// Why.
        #[source]
        reason: Unusable,
    },
    /// A channel of a kind that is not set up.
    #[error("the channel `{0}` cannot be used: what it is told by is not in the config")]
    Channel(ChannelName),
    /// No mail could ever leave.
    #[error("the channel `{name}` cannot be used")]
    Email {
        /// Its name.
        name: ChannelName,
        /// Why.
        #[source]
        reason: EmailUnusable,
    },
    /// A signature scheme that makes no sense.
    #[error("a configured signature cannot be verified")]
    Scheme(#[source] crate::signature::InvalidScheme),
}

/// Why a server stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// A worker ended although nobody asked it to.
    #[error("the {0} ended by itself; stopping, so that whoever watches over us starts us again")]
    WorkerEnded(&'static str),
    /// A worker panicked.
    #[error("a worker panicked; stopping, so that whoever watches over us starts us again")]
    WorkerPanicked(#[source] tokio::task::JoinError),
}

impl App {
    /// Opens the store, loads the policies and takes the listeners. Nothing is served before [`App::run`].
    pub async fn open(config: Config, options: Options) -> Result<Self, StartError> {
        let clock = Clock;
        let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION")));
        let alerts = Arc::new(Alerts::default());
        let store = Arc::new(open_store(&config, options.synchronous, &metrics)?);
        let keeper = Arc::new(Keeper {
            store: Arc::clone(&store) as Arc<dyn Store>,
        });
        let admission = Admission {
            budget: Budget {
                time: config.policies.budget.time,
                instructions: config.policies.budget.instructions,
            },
            probe: match config.policies.probe {
                config::Probe::Off => Probe::Off,
                config::Probe::Warn => Probe::Warn,
                config::Probe::Refuse => Probe::Refuse,
            },
        };
        let policies = Arc::new(
            LivePolicies::open(&config.policies.path, admission, keeper, clock.now()).await?,
        );

        let timeouts = Timeouts::within(config.outbox.timeout);
        let client = Client::new(timeouts).map_err(StartError::Client)?;
        let desks = sources::assemble(&config, &client)?;
        let observer: Arc<dyn Observer> = match options.seen {
            Seen::By(observer) => observer,
            Seen::AsService(lines) => {
                let instance = format!("countersign-{}", std::process::id());
                Arc::new(Telling::new(
                    Arc::clone(&metrics),
                    lines,
                    Arc::clone(&alerts),
                    instance,
                    clock,
                ))
            }
        };
        let courier = |desk: &Desk| {
            let store = Arc::clone(&store) as Arc<dyn Store>;
            Courier::new(
                desk.clone(),
                store,
                Arc::clone(&policies),
                clock,
                Arc::clone(&observer),
                CourierSettings {
                    concurrency: usize::try_from(config.outbox.concurrency).unwrap_or(usize::MAX),
                    lease: lease(config.outbox.timeout),
                },
            )
        };
        let mut left_behind = store.owed().await.map_err(StartError::Store)?;
        left_behind.retain(|name| desks.iter().all(|desk| desk.source.name() != name));
        for name in &left_behind {
            tracing::warn!(
                source.name = %name,
                "source `{name}` is not in the config any more; what was on its way is given up, see `countersign outbox`"
            );
        }
        let left_behind: Vec<_> = left_behind
            .into_iter()
            .map(|name| sources::left_behind(&config, name))
            .collect();
        let couriers = desks.iter().chain(&left_behind).map(courier).collect();
        let flow = Arc::new(Flow::new(
            desks,
            policies,
            Arc::clone(&store) as Arc<dyn Store>,
            clock,
            Arc::clone(&observer),
            Arc::new(sources::orphaned(&config)),
        ));

        let hurry = CancellationToken::new();
        let (doors, agents, expiries) = doors::doors(&config);
        let answered = |source: &&SourceConfig| match source.kind {
            SourceKind::TraceMem(_) | SourceKind::Webhook(_) => true,
            SourceKind::Http(_) => false,
        };
        for source in config.sources.iter().filter(answered) {
            let mut theirs = expiries.iter().filter(|of| of.source == source.name);
            metrics.introduce(&source.name, theirs.next().map(|expiry| expiry.at));
        }
        let (intake_listener, operators_listener) = (
            bind(config.listen).await?,
            bind(config.operators.listen).await?,
        );
        let address = |listener: &TcpListener, asked| listener.local_addr().unwrap_or(asked);
        let addresses = Addresses {
            intake: address(&intake_listener, config.listen),
            operators: address(&operators_listener, config.operators.listen),
        };
        let inbox: Arc<str> = match &config.operators.url {
            Some(url) => url.as_str().into(),
            None => format!("http://{}", addresses.operators).into(),
        };
        let teams = config.people.teams().map(|team| team.name.clone());
        metrics.teams(teams.collect());
        let folk = doors::folk(&config)?;
        let means = telling::Means {
            config: &config,
            client: &client,
            flow: &flow,
            store: &(Arc::clone(&store) as Arc<dyn Store>),
            observer: &observer,
            folk: &folk,
            clock,
            inbox,
        };
        let heralds = means.heralds().await?;
        let answering = means.answering()?;
        let intake = Intake::new(
            Arc::clone(&flow),
            doors,
            agents,
            Arc::clone(&metrics),
            hurry.clone(),
        );
        let intake = Arc::new(intake.with_slack(answering.slack.clone()));
        let readiness = Arc::new(Readiness::default());
        let operators = Arc::new(Operators::new(
            Arc::clone(&flow),
            doors::entrance(&config, folk, &client)?,
            Arc::clone(&metrics),
            alerts,
            expiries.clone(),
            Arc::clone(&readiness),
        ));
        let connections = ConnectionLimits {
            connections: config.limits.connections.try_into().unwrap_or(usize::MAX),
            header_timeout: config.limits.header_timeout,
            idle_timeout: std::time::Duration::from_mins(1),
            grace: config.shutdown.grace,
        };
        Ok(Self {
            intake: (intake_listener, intake),
            operators: (operators_listener, operators),
            addresses,
            flow,
            couriers,
            heralds,
            answering,
            store,
            metrics,
            readiness,
            connections,
            expiries,
            clock,
            hurry,
        })
    }

    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// The flow that it serves.
    pub fn flow(&self) -> &Arc<Flow> {
        &self.flow
    }

    /// What somebody should look at in the policies.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        self.flow.policies().status().warnings
    }
}

/// Keeps every set that serves in the store of the decisions made under it.
struct Keeper {
    store: Arc<dyn Store>,
}

#[async_trait]
impl KeepSets for Keeper {
    async fn keep(
        &self,
        revision: &Revision,
        stored: &str,
        now: jiff::Timestamp,
    ) -> Result<(), KeepError> {
        let set = StoredSet {
            revision: revision.clone(),
            engine: crate::policy::ENGINE.clone(),
            files: stored.into(),
        };
        self.store.keep_set(set, now).await.map_err(Into::into)
    }
}

/// How long an effect belongs to the courier that tries it: longer than any attempt takes, the commit of what became of
/// it included. An attempt is four calls at most: a login and the call, and both again where the token is refused.
fn lease(timeout: std::time::Duration) -> jiff::SignedDuration {
    let most = timeout.saturating_mul(4) + std::time::Duration::from_secs(40);
    jiff::SignedDuration::try_from(most).unwrap_or(jiff::SignedDuration::MAX)
}

fn open_store(
    config: &Config,
    synchronous: Synchronous,
    metrics: &Arc<Metrics>,
) -> Result<SqliteStore, StartError> {
    let StoreConfig::Sqlite(path) = &config.store;
    let counted = Arc::clone(metrics);
    let settings = SqliteSettings {
        synchronous,
        on_group: Some(Arc::new(move |size| {
            counted.commit(u32::try_from(size).unwrap_or(u32::MAX));
        })),
        ..SqliteSettings::new(path, key::chain_key(&config.log.key, key::Missing::Make)?)
    };
    SqliteStore::open(settings).map_err(StartError::Store)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| StartError::Bind(address, error))
}
