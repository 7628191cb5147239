//! The platforms of the demo, over real HTTP: each asks as its documentation says, takes our answers, and remembers them.

mod approvals;
pub(super) mod tracemem;
pub(super) mod agentwarden;
pub(super) mod sidclaw;
pub(super) mod executor;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use axum::http::{HeaderMap, header};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::setting::{Addresses, Secrets};
use crate::secret::Secret;
use approvals::{Taken, word};
use executor::Executor;

pub(super) use approvals::{Approval, Approvals, View};

/// The platforms there are, by the names of their sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Name {
    TraceMem,
    AgentWarden,
    SidClaw,
}

impl Name {
    pub(super) const ALL: [Self; 3] = [Self::TraceMem, Self::AgentWarden, Self::SidClaw];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::TraceMem => "tracemem",
            Self::AgentWarden => "agentwarden",
            Self::SidClaw => "sidclaw",
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An event as a platform sends it, or as somebody does who would pass for it.
#[derive(Debug, Clone)]
pub(super) struct Webhook {
    pub(super) from: Name,
    pub(super) body: String,
    pub(super) signing: Signing,
}

impl Webhook {
    /// An event of the platform itself.
    pub(super) fn new(from: Name, event: &Value) -> Self {
        Self {
            from,
            body: event.to_string(),
            signing: Signing::Platform,
        }
    }
}

/// Who signs a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signing {
    /// The platform; or, where nothing is signed, whoever knows the secret path.
    Platform,
    /// Somebody who does not know the secret.
    Forger,
    /// Nobody.
    Nobody,
}

/// All of them, and the executor behind one.
pub(super) struct Platforms {
    tracemem: Arc<Approvals>,
    agentwarden: Arc<Approvals>,
    sidclaw: Arc<Approvals>,
    pub(super) executor: Executor,
}

impl Platforms {
    /// Serves each at an address of its own, until `stop`.
    pub(super) async fn start(
        secrets: &Secrets,
        echoes: &Echoes,
        tasks: &mut JoinSet<anyhow::Result<()>>,
        stop: &CancellationToken,
    ) -> anyhow::Result<(Self, Addresses)> {
        let office = || Office {
            approvals: Arc::default(),
            credential: secrets.credential.clone(),
            echoes: echoes.clone(),
        };
        let (tracemem, agentwarden, sidclaw) = (office(), office(), office());
        let platforms = Self {
            tracemem: Arc::clone(&tracemem.approvals),
            agentwarden: Arc::clone(&agentwarden.approvals),
            sidclaw: Arc::clone(&sidclaw.approvals),
            executor: Executor::default(),
        };
        let warden = agentwarden::router(agentwarden, secrets.password.clone());
        let addresses = Addresses {
            tracemem: serve(tracemem::router(tracemem), tasks, stop).await?,
            agentwarden: serve(warden, tasks, stop).await?,
            sidclaw: serve(sidclaw::router(sidclaw), tasks, stop).await?,
            executor: serve(platforms.executor.router(), tasks, stop).await?,
        };
        Ok((platforms, addresses))
    }

    pub(super) fn of(&self, name: Name) -> &Approvals {
        match name {
            Name::TraceMem => &self.tracemem,
            Name::AgentWarden => &self.agentwarden,
            Name::SidClaw => &self.sidclaw,
        }
    }
}

async fn serve(
    router: axum::Router,
    tasks: &mut JoinSet<anyhow::Result<()>>,
    stop: &CancellationToken,
) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let stopped = stop.clone().cancelled_owned();
    tasks.spawn(async move {
        let serving = axum::serve(listener, router).with_graceful_shutdown(stopped);
        serving.await.context("a simulated platform stopped")
    });
    Ok(address)
}

/// The events that platforms send when an approval was answered.
#[derive(Clone)]
pub(super) struct Echoes {
    queue: UnboundedSender<Webhook>,
    under_way: Arc<AtomicUsize>,
}

impl Echoes {
    pub(super) fn new(queue: UnboundedSender<Webhook>) -> Self {
        Self {
            queue,
            under_way: Arc::default(),
        }
    }

    /// How many were not delivered yet.
    pub(super) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::SeqCst)
    }

    pub(super) fn delivered(&self) {
        self.under_way.fetch_sub(1, Ordering::SeqCst);
    }

    fn send(&self, from: Name, event: &Value) {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        // Nobody delivers anything any more when the demo ends.
        let _ = self.queue.send(Webhook::new(from, event));
    }
}

/// What one platform's endpoints work with.
#[derive(Clone)]
pub(super) struct Office {
    pub(super) approvals: Arc<Approvals>,
    /// What whoever answers proves themself with.
    pub(super) credential: Secret,
    pub(super) echoes: Echoes,
}

impl Office {
    fn admits(&self, headers: &HeaderMap) -> bool {
        let bearer = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        bearer.is_some_and(|presented| self.credential.matches(presented.as_bytes()))
    }
}
