//! The listener for platforms and agents.
//!
//! What must hold: a delivery that was begun goes on to its end though its sender hung up, so that what is committed is
//! also told; a sender hears within [`Intake::PATIENCE`]; a secret in the path is compared, never logged.

mod agents;
mod deliveries;
mod verdict;

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::routing::{MethodRouter, get, post};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::body::{self, BodyLimits};
use super::problem::{self, Asker, Code, Problem};
use super::rate::{Bucket, Taken};
use super::slack::{self, Interactions};
use super::token::Tokens;
use super::{Route, finished, router_of};
use crate::domain::id::SourceName;
use crate::flow::{Acknowledged, Flow, Refusal};
use crate::metrics::Metrics;
use crate::signature::Delivery;

/// What the listener for platforms and agents needs.
pub struct Intake {
    flow: Arc<Flow>,
    /// The sources that are delivered to, by path.
    paths: HashMap<String, SourceName>,
    gates: BTreeMap<SourceName, Gate>,
    agents: Tokens<Agent>,
    /// What a bad token is counted for: the one source that has tokens, if it is the only one.
    asked: Option<SourceName>,
    slack: Option<Arc<Interactions>>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
    under_way: TaskTracker,
}

/// How one source is reached, and how much it may send.
#[derive(Debug, Clone)]
pub struct Door {
    /// The source.
    pub source: SourceName,
    /// Where its events are delivered; none where agents ask at `/v1/requests`.
    pub path: Option<String>,
    /// What one body may cost.
    pub body: BodyLimits,
    /// How many requests a second; no limit where there is none.
    pub rate: Option<NonZeroU32>,
}

/// Who asks at our own API, as their token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// The source that the token belongs to.
    pub source: SourceName,
    /// The agent.
    pub name: String,
}

struct Gate {
    body: BodyLimits,
    bucket: Option<Bucket>,
}

impl Intake {
    /// How long a delivery may take from its last byte to its acknowledgement. Platforms wait five seconds.
    pub const PATIENCE: Duration = Duration::from_secs(4);

    /// The listener of these doors. Agents that wait are answered at once after `stop`.
    pub fn new(
        flow: Arc<Flow>,
        doors: Vec<Door>,
        agents: Tokens<Agent>,
        metrics: Arc<Metrics>,
        stop: CancellationToken,
    ) -> Self {
        let mut paths = HashMap::new();
        let mut gates = BTreeMap::new();
        let asked = |door: &&Door| door.path.is_none();
        let mut asked = doors.iter().filter(asked).map(|door| door.source.clone());
        let asked = asked.next().filter(|_| asked.next().is_none());
        for door in doors {
            if let Some(path) = door.path {
                paths.insert(path, door.source.clone());
            }
            let bucket = door.rate.map(|rate| Bucket::new(rate, Instant::now()));
            gates.insert(
                door.source,
                Gate {
                    body: door.body,
                    bucket,
                },
            );
        }
        Self {
            flow,
            paths,
            gates,
            agents,
            asked,
            slack: None,
            metrics,
            stop,
            under_way: TaskTracker::new(),
        }
    }

    /// The same, where Slack tells of clicks.
    #[must_use]
    pub fn with_slack(mut self, slack: Option<Arc<Interactions>>) -> Self {
        self.slack = slack;
        self
    }

    /// Who takes the clicks in Slack, if anybody does.
    pub(super) fn slack(&self) -> Option<&Arc<Interactions>> {
        self.slack.as_ref()
    }

    /// The routes.
    pub fn router(self: &Arc<Self>) -> Router {
        // A source may have a path of its own, which is looked up where no route fits.
        let router = router_of(routes()).fallback(deliveries::at_own_path);
        finished(router.with_state(Arc::clone(self)))
    }

    /// Returns when no delivery is under way any more. Call it when the listener is closed.
    pub async fn finished(&self) {
        self.under_way.close();
        self.under_way.wait().await;
        if let Some(slack) = &self.slack {
            slack.finished().await;
        }
    }

    /// The agent behind the bearer token in `headers`.
    fn agent(&self, headers: &HeaderMap) -> Result<&Agent, Problem> {
        self.agents.holder(headers).inspect_err(|problem| {
            if let Some(source) = &self.asked {
                self.count(source, problem);
            }
        })
    }

    fn count(&self, source: &SourceName, problem: &Problem) {
        self.metrics.refused(source, problem.code().as_str());
        self.metrics.request(source, problem.code().as_str());
    }

    /// The body of a request to `source`, within what it may send.
    async fn admit(
        &self,
        source: &SourceName,
        request: Request,
    ) -> Result<(Parts, Bytes, Option<Taken<'_>>), Problem> {
        let refused = |problem: Problem| {
            self.count(source, &problem);
            problem.at(source.as_str())
        };
        let Some(gate) = self.gates.get(source) else {
            return Err(Problem::new(Code::UnknownSource, "there is no such source"));
        };
        let (parts, body) = body::read(request, gate.body)
            .await
            .map_err(|error| refused(error.into()))?;
        // After the body, so that bodies that are too large or never end, which anybody can send, use up nothing.
        let taken = match &gate.bucket {
            None => None,
            Some(bucket) => Some(bucket.take(Instant::now()).ok_or_else(|| {
                refused(Problem::new(
                    Code::RateLimited,
                    "this source sends too many requests",
                ))
            })?),
        };
        Ok((parts, body, taken))
    }

    /// Sends a delivery down the whole path and waits for its acknowledgement.
    async fn receive(
        &self,
        source: &SourceName,
        delivery: Delivery,
        traceparent: Option<String>,
        taken: Option<Taken<'_>>,
        asker: Asker,
    ) -> Result<Acknowledged, Problem> {
        let (flow, name) = (Arc::clone(&self.flow), source.clone());
        let received = self
            .under_way
            .spawn(async move { flow.receive(name.as_str(), delivery, traceparent).await });
        let told = match tokio::time::timeout(Self::PATIENCE, received).await {
            Ok(Ok(told)) => told,
            Ok(Err(panic)) => {
                let problem = Problem::new(
                    Code::Internal,
                    "the request could not be finished; send it again",
                );
                return Err(problem.at(source.as_str()).because(panic));
            }
            Err(late) => {
                let problem = Problem::new(
                    Code::Unavailable,
                    "it could not be stored in time; send it again",
                );
                return Err(problem.at(source.as_str()).because(late));
            }
        };
        if let (Err(Refusal::Unverified(_)), Some(taken)) = (&told, taken) {
            taken.give_back();
        }
        told.map_err(|refusal| problem::of_refusal(refusal, asker).at(source.as_str()))
    }
}

/// Every route there is, for the router and for the test that holds the documentation to it.
pub(super) fn routes() -> Vec<Route<Arc<Intake>>> {
    let route = |method: Method, path: &'static str, handler: MethodRouter<Arc<Intake>>| Route {
        method,
        path,
        handler,
    };
    vec![
        route(
            Method::POST,
            "/v1/sources/{name}",
            post(deliveries::deliver),
        ),
        route(
            Method::POST,
            "/v1/sources/{name}/{secret}",
            post(deliveries::deliver),
        ),
        route(
            Method::POST,
            "/v1/slack/interactions",
            post(slack::interact),
        ),
        route(Method::POST, "/v1/requests", post(agents::ask)),
        route(Method::GET, "/v1/requests/{case_id}", get(agents::look)),
    ]
}

#[cfg(test)]
mod tests;
