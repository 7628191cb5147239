//! The story, told once: [`Flow::receive`] is the path of every request.
//!
//! ```text
//! bytes → verify → read → decide → commit → acknowledge ┄┄► answer (the outbox, afterwards)
//! ```
//!
//! Each step takes what the step before returned, so none can be left out. Nothing leaves before it is committed.

mod decide;
mod confirm;
mod answer;
mod attempt;
mod reconcile;
mod forward;
mod tell;
mod escalate;
mod explain;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::clock::Clock;
use crate::domain::case::{Case, CaseTerms, Event, Moved, Refused, State, Told};
use crate::domain::id::{CaseId, SourceName};
use crate::domain::notice::ChannelName;
use crate::domain::request::Proven;
use crate::policy::watch::LivePolicies;
use crate::signature::{Delivery, Unverified};
use crate::source::{Elsewhere, Malformed, NotListed, Occasion, Reading, Source};
use crate::store::{Receipt, Stepped, Store, StoreError};

pub use answer::{Courier, CourierSettings};
pub use escalate::{VoteError, Waiting};
pub use explain::{Explainer, Unexplained, account_from, difference};
pub use reconcile::Unreconciled;
pub use tell::Herald;

/// The sources, the policies and the store, and the way between them.
pub struct Flow {
    desks: BTreeMap<SourceName, Desk>,
    policies: Arc<LivePolicies>,
    store: Arc<dyn Store>,
    clock: Clock,
    observer: Arc<dyn Observer>,
    /// Terms for cases whose source has left the config.
    orphaned: Arc<CaseTerms>,
}

/// A source with what holds for its cases.
#[derive(Clone)]
pub struct Desk {
    /// The source.
    pub source: Arc<dyn Source>,
    /// What holds for its cases.
    pub terms: Arc<CaseTerms>,
    /// Where its events are passed on to, if anywhere.
    pub forwards: Forwards,
}

/// Whether a source passes its events on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forwards {
    /// Everything.
    Everything,
    /// Everything but the requests that we answer.
    Events,
    /// Nothing.
    Nothing,
}

/// What the sender is told once the delivery is on disk.
#[derive(Debug, Clone, PartialEq)]
pub enum Acknowledged {
    /// It is a new case.
    Accepted(Case),
    /// It was received before.
    Duplicate(Case),
    /// It closed a case, or told how a closed one ended.
    Closed(Case),
    /// It is nothing for us.
    Ignored,
}

/// Why a delivery is refused. Nothing of it is stored as a case.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No source has this name.
    #[error("there is no source `{0}`")]
    UnknownSource(String),
    /// Who sent it is not proven.
    #[error("the sender is not verified")]
    Unverified(#[source] Unverified),
    /// It is not what the source sends.
    #[error("the body cannot be read: {0}")]
    Malformed(Malformed),
    /// The same id came before with other content.
    #[error("request `{}` was received before with other content", .0.asked.request)]
    Conflict(Box<Case>),
    /// It could not be written; nothing is stored, or nobody can say.
    #[error("the delivery could not be stored")]
    Unstored(#[source] StoreError),
}

/// How long a decision took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Took {
    /// The evaluation alone.
    pub evaluation: Duration,
    /// From the whole body to the commit.
    pub whole: Duration,
}

/// What others want to know of the story while it happens. Called after the commit, never in its way.
pub trait Observer: Send + Sync {
    /// A case was decided and committed.
    fn decided(&self, case: &Case, input: &str, took: Took);
    /// A delivery was acknowledged.
    fn acknowledged(&self, source: &SourceName, status: &'static str);
    /// A delivery was acknowledged that is neither a request nor the end of one.
    fn ignored(&self, source: &SourceName, occasion: &Occasion);
    /// The platform's list of pending requests was gone through: how many were not known, or why it could not be.
    fn reconciled(&self, source: &SourceName, result: Result<usize, &NotListed>);
    /// A delivery was refused.
    fn refused(&self, source: &str, refusal: &Refusal);
    /// A case moved: a vote, an answer, a deadline, the platform.
    fn moved(&self, moved: &Moved);
    /// An attempt at an effect ended.
    fn attempted(
        &self,
        source: &SourceName,
        kind: &'static str,
        result: &'static str,
        error: Option<&str>,
    );
    /// An attempt at telling a team ended.
    fn told(
        &self,
        channel: &ChannelName,
        kind: &'static str,
        result: &'static str,
        error: Option<&str>,
    );
}

impl Flow {
    /// A flow over these sources, policies and store.
    pub fn new(
        desks: Vec<Desk>,
        policies: Arc<LivePolicies>,
        store: Arc<dyn Store>,
        clock: Clock,
        observer: Arc<dyn Observer>,
        orphaned: Arc<CaseTerms>,
    ) -> Self {
        let desks = desks
            .into_iter()
            .map(|desk| (desk.source.name().clone(), desk))
            .collect();
        Self {
            desks,
            policies,
            store,
            clock,
            observer,
            orphaned,
        }
    }

    /// Takes one delivery all the way to an acknowledgement.
    pub async fn receive(
        &self,
        source: &str,
        delivery: Delivery,
        traceparent: Option<String>,
    ) -> Result<Acknowledged, Refusal> {
        let received = self.deliver(source, delivery, traceparent).await;
        match &received {
            Ok(acknowledged) => self.note(source, acknowledged),
            Err(refusal) => self.observer.refused(source, refusal),
        }
        received
    }

    async fn deliver(
        &self,
        source: &str,
        delivery: Delivery,
        traceparent: Option<String>,
    ) -> Result<Acknowledged, Refusal> {
        let (now, started) = (self.clock.now(), Instant::now());
        let desk = self.desk(source)?;
        let verified = desk
            .source
            .verify(delivery, now)
            .map_err(Refusal::Unverified)?;
        match desk
            .source
            .read(&verified, now)
            .map_err(Refusal::Malformed)?
        {
            Reading::Request(request) => {
                let forward = Self::forward_of_request(desk, &verified, &request.id, now);
                if let Some(known) = self.known_by_its_record(desk, &request).await? {
                    if known.was_found() {
                        self.pass_on_late(desk, &request.id, forward, now).await?;
                    }
                    return Ok(Acknowledged::Duplicate(known.case));
                }
                let set = self.policies.current();
                let (decided, evaluation) = match desk.source.confirms_within() {
                    None => decide::decide(&set, desk, *request, traceparent, forward, now),
                    Some(within) => {
                        let received = decide::receive(
                            &set,
                            desk,
                            *request,
                            traceparent,
                            forward,
                            within,
                            now,
                        );
                        (received, Duration::ZERO)
                    }
                };
                let input = Arc::clone(&decided.input);
                match self
                    .store
                    .commit(decided, now)
                    .await
                    .map_err(Refusal::Unstored)?
                {
                    Receipt::New(case) => {
                        let took = Took {
                            evaluation,
                            whole: started.elapsed(),
                        };
                        if !matches!(case.state, State::Received(_)) {
                            self.observer.decided(&case, &input, took);
                        }
                        Ok(Acknowledged::Accepted(case))
                    }
                    Receipt::Duplicate(case) => Ok(Acknowledged::Duplicate(case)),
                    Receipt::Conflict(case) => Err(Refusal::Conflict(Box::new(case))),
                }
            }
            Reading::Resolved(elsewhere) => {
                let occasion = Occasion {
                    event: elsewhere.event.clone(),
                    request: Some(elsewhere.request.clone()),
                    delivery: elsewhere.delivery.clone(),
                    content: elsewhere.content,
                };
                self.pass_on(desk, &verified, &occasion, now).await?;
                self.resolved_elsewhere(desk, elsewhere, verified.proven(), now)
                    .await
            }
            Reading::Nothing(occasion) => {
                self.pass_on(desk, &verified, &occasion, now).await?;
                self.observer.ignored(desk.source.name(), &occasion);
                Ok(Acknowledged::Ignored)
            }
        }
    }

    /// The sources, by name.
    pub fn desks(&self) -> impl Iterator<Item = &Desk> {
        self.desks.values()
    }

    /// The store behind the flow, for those who only look.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The policies that decide.
    pub fn policies(&self) -> &Arc<LivePolicies> {
        &self.policies
    }

    /// The clock that the flow goes by.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// What the platform reads in the acknowledgement of this case's request, beside our own words.
    pub fn acknowledgement(&self, case: &Case) -> Option<&Map<String, Value>> {
        let desk = self.desks.get(&case.asked.source)?;
        desk.source.acknowledgement(case.mode)
    }

    fn desk(&self, source: &str) -> Result<&Desk, Refusal> {
        let name = SourceName::parse(source).ok();
        let unknown = || Refusal::UnknownSource(source.chars().take(80).collect());
        name.and_then(|name| self.desks.get(&name))
            .ok_or_else(unknown)
    }

    fn terms_of(&self, source: &SourceName) -> &Arc<CaseTerms> {
        self.desks
            .get(source)
            .map_or(&self.orphaned, |desk| &desk.terms)
    }

    async fn resolved_elsewhere(
        &self,
        desk: &Desk,
        elsewhere: Elsewhere,
        proven: Proven,
        now: Timestamp,
    ) -> Result<Acknowledged, Refusal> {
        let id = CaseId::derive(desk.source.name(), "", &elsewhere.request);
        let Elsewhere {
            outcome,
            by,
            reason,
            ..
        } = elsewhere;
        let event = Event::PlatformResolved {
            outcome,
            by,
            reason,
            told: if proven.signature {
                Told::ByThePlatform
            } else {
                Told::ByAnybody
            },
        };
        let stepped = self
            .store
            .step(id, event, Arc::clone(&desk.terms), now)
            .await
            .map_err(Refusal::Unstored)?;
        match stepped {
            Stepped::Moved(moved) => {
                self.observer.moved(&moved);
                Ok(Acknowledged::Closed(moved.case))
            }
            Stepped::Stayed(case, Refused::Nothing) => Ok(Acknowledged::Duplicate(case)),
            Stepped::Stayed(
                case,
                Refused::Closed(_)
                | Refused::Stale
                | Refused::OwnRequest
                | Refused::NotAsked { .. }
                | Refused::NotDecided
                | Refused::NoReason,
            ) => Ok(Acknowledged::Closed(case)),
            Stepped::Unknown => Ok(Acknowledged::Ignored),
        }
    }

    fn note(&self, source: &str, acknowledged: &Acknowledged) {
        if let Ok(name) = SourceName::parse(source) {
            self.observer.acknowledged(&name, acknowledged.status());
        }
    }
}

impl Acknowledged {
    /// The word the sender is told.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Duplicate(_) => "duplicate",
            Self::Closed(_) => "closed",
            Self::Ignored => "ignored",
        }
    }

    /// The case, where there is one.
    pub fn case(&self) -> Option<&Case> {
        match self {
            Self::Accepted(case) | Self::Duplicate(case) | Self::Closed(case) => Some(case),
            Self::Ignored => None,
        }
    }
}
