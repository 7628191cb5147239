//! What holds where no file says otherwise.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use super::{
    Budget, Config, Limits, Log, LogFormat, LogKey, Mode, NotifyConfig, Operators, Outbox,
    Policies, Probe, SessionConfig, Shutdown, SourceConfig, Store,
};
use crate::domain::escalation::EscalationDefaults;
use crate::domain::id::SourceName;
use crate::domain::team::People;
use crate::identity::Grants;

impl Config {
    /// What `run` does without a file: dry-run, loopback, a SQLite file here, and agents at our own API.
    ///
    /// It has no tokens: whoever starts it adds them, or nobody can ask or vote.
    pub fn default_for_run() -> Self {
        let store = PathBuf::from("countersign.db");
        Self {
            mode: Mode::DryRun,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8787)),
            operators: Operators {
                listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8788)),
                url: None,
                tokens: Vec::new(),
                users: LogKey::file_beside(&store, ".users.yaml"),
                session: SessionConfig {
                    lifetime: Duration::from_hours(8),
                    key: LogKey::Beside(LogKey::file_beside(&store, ".session")),
                },
                grants: Grants::default(),
                proxy: None,
                oidc: None,
            },
            policies: Policies {
                path: PathBuf::from("policies"),
                budget: Budget {
                    time: Duration::from_millis(50),
                    instructions: 200_000,
                },
                probe: Probe::Off,
            },
            log: Log {
                format: LogFormat::Json,
                level: "info".to_owned(),
                key: LogKey::beside(&store),
            },
            store: Store::Sqlite(store),
            sources: SourceName::parse("agents")
                .map(SourceConfig::http)
                .into_iter()
                .collect(),
            people: Arc::new(People::without_teams(EscalationDefaults {
                within: SignedDuration::from_hours(24),
                votes: 1,
                to: None,
            })),
            notify: NotifyConfig::default(),
            limits: Limits {
                body: 1024 * 1024,
                connections: 1024,
                header_timeout: Duration::from_secs(10),
                body_timeout: Duration::from_secs(10),
            },
            outbox: Outbox {
                timeout: Duration::from_secs(10),
                concurrency: 16,
            },
            shutdown: Shutdown {
                grace: Duration::from_secs(10),
            },
        }
    }
}
