//! The platforms of the demo, over real HTTP: each asks as its documentation says, takes our answers, and remembers them.

pub(super) mod tracemem;
pub(super) mod agentwarden;
pub(super) mod sidclaw;
pub(super) mod executor;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use axum::http::{HeaderMap, header};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::setting::{Addresses, Secrets};
use crate::domain::effect::Ballot;
use crate::secret::Secret;
use executor::Executor;

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

/// One approval that waits at a platform.
#[derive(Debug, Clone)]
pub(super) struct Approval {
    /// What an answer names it by: the token at TraceMem, elsewhere the id.
    pub(super) key: String,
    pub(super) id: String,
    /// The platform's own record of it.
    pub(super) record: Value,
}

/// Everything that one platform was ever asked.
#[derive(Default)]
pub(super) struct Approvals(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// The oldest first.
    all: Vec<(Approval, Option<Ballot>)>,
    places: BTreeMap<String, usize>,
    contradictions: u32,
    without_rationale: u32,
}

/// What became of an answer.
pub(super) enum Taken {
    /// It is the first.
    First(Approval),
    /// The approval was answered before, like this.
    Again(Approval, Ballot),
    /// There is no such approval.
    Unknown,
}

/// How the platform sees it all in the end.
pub(super) struct View {
    /// Every approval by its id, with its answer.
    pub(super) approvals: BTreeMap<String, Option<Ballot>>,
    /// Answers that came after the first and said something else.
    pub(super) contradictions: u32,
    pub(super) without_rationale: u32,
}

impl View {
    /// The ids of what was approved, in order.
    pub(super) fn approved(&self) -> impl Iterator<Item = &String> {
        let approved = self
            .approvals
            .iter()
            .filter(|(_, answer)| **answer == Some(Ballot::Approve));
        approved.map(|(id, _)| id)
    }
}

impl Approvals {
    pub(super) fn open(&self, approval: Approval) {
        let mut kept = self.lock();
        let place = kept.all.len();
        kept.places.insert(approval.key.clone(), place);
        kept.all.push((approval, None));
    }

    pub(super) fn view(&self) -> View {
        let kept = self.lock();
        let answered = |(approval, answer): &(Approval, _)| (approval.id.clone(), *answer);
        View {
            approvals: kept.all.iter().map(answered).collect(),
            contradictions: kept.contradictions,
            without_rationale: kept.without_rationale,
        }
    }

    /// The first answer stands.
    fn answer(&self, key: &str, ballot: Ballot, rationale: &str) -> Taken {
        let mut kept = self.lock();
        let Kept { all, places, .. } = &mut *kept;
        let Some((approval, answer)) = places.get(key).and_then(|place| all.get_mut(*place)) else {
            return Taken::Unknown;
        };
        let approval = approval.clone();
        match *answer {
            None => {
                *answer = Some(ballot);
                kept.without_rationale += u32::from(rationale.is_empty());
                Taken::First(approval)
            }
            Some(first) => {
                kept.contradictions += u32::from(first != ballot);
                Taken::Again(approval, first)
            }
        }
    }

    fn find(&self, key: &str) -> Option<(Approval, Option<Ballot>)> {
        let kept = self.lock();
        kept.all.get(*kept.places.get(key)?).cloned()
    }

    /// The records that nobody answered, the newest first, which `matches`.
    fn pending(&self, matches: impl Fn(&Value) -> bool) -> Vec<Value> {
        let kept = self.lock();
        let waiting = kept.all.iter().rev().filter(|(_, answer)| answer.is_none());
        let records = waiting.map(|(approval, _)| &approval.record);
        records.filter(|record| matches(record)).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

/// The word that ends of approvals are told in.
fn word(ballot: Ballot) -> &'static str {
    match ballot {
        Ballot::Approve => "approved",
        Ballot::Reject => "rejected",
    }
}
