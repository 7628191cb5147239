//! What is counted, for Prometheus.
//!
//! What must hold: a label is a name from the config, a word of ours, or a revision, never an id, a person or text of a
//! sender, so that nobody outside can grow the number of series; of a platform's words for its events there are few. Every app has a registry of its own.

mod events;
mod labels;
mod people;

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use labels::{
    Decided, HowEnded, ReloadResult, RevisionLabel, Source, SourceAndReason, SourceAndResult,
    SourceAndStatus, of,
};

use crate::config::Mode;
use crate::domain::freeze::Freeze;
use crate::domain::id::{Revision, SourceName};
use crate::domain::verdict::{Cause, Outcome};

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The counters, gauges and histograms of one app.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<SourceAndStatus, Counter>,
    decisions: Family<Decided, Counter>,
    decision_duration: Histogram,
    evaluation_duration: Histogram,
    reloads: Family<ReloadResult, Counter>,
    last_reload: Gauge<f64, AtomicU64>,
    policy: Family<RevisionLabel, Gauge>,
    refused: Family<SourceAndReason, Counter>,
    answers: Family<SourceAndResult, Counter>,
    alerts: Family<Source, Counter>,
    outbox_pending: Gauge,
    outbox_dead: Gauge,
    cases_open: Gauge,
    frozen: Gauge,
    credential_expiry: Family<Source, Gauge>,
    commit_group_size: Histogram,
    connections_open: Gauge,
    connections_refused: Counter,
    connections_closed: Family<HowEnded, Counter>,
    events: events::Events,
    people: people::People,
}

/// How a reload ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// Another set serves.
    Live,
    /// The set on disk is the one that serves.
    Unchanged,
    /// The set on disk is not let in.
    Refused,
}

/// How one attempt to answer a platform ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// The platform took it, or had its answer before.
    Settled,
    /// It is tried again.
    Retried,
    /// It is not tried any more.
    Dead,
}

impl Metrics {
    /// Metrics at zero, in a registry of their own.
    pub fn new(version: &str) -> Self {
        let seconds = || Histogram::new(exponential_buckets(0.000_025, 2.0, 19));
        let mut registry = Registry::with_prefix("countersign");
        let people = people::People::new(&mut registry);
        let mut metrics = Self {
            registry,
            people,
            requests: Family::default(),
            decisions: Family::default(),
            decision_duration: seconds(),
            evaluation_duration: seconds(),
            reloads: Family::default(),
            last_reload: Gauge::default(),
            policy: Family::default(),
            refused: Family::default(),
            answers: Family::default(),
            alerts: Family::default(),
            outbox_pending: Gauge::default(),
            outbox_dead: Gauge::default(),
            cases_open: Gauge::default(),
            frozen: Gauge::default(),
            credential_expiry: Family::default(),
            commit_group_size: Histogram::new(exponential_buckets(1.0, 2.0, 10)),
            connections_open: Gauge::default(),
            connections_refused: Counter::default(),
            connections_closed: Family::default(),
            events: events::Events::default(),
        };
        metrics.register(version);
        metrics
    }

    /// Gives every metric its name. A counter's `_total` is put on by the encoder.
    fn register(&mut self, version: &str) {
        let registry = &mut self.registry;
        registry.register(
            "requests",
            "Deliveries and requests that were answered, by the status of the answer",
            self.requests.clone(),
        );
        registry.register("decisions", "Decisions", self.decisions.clone());
        registry.register(
            "decision_duration_seconds",
            "Time from the first byte of a request to its commit",
            self.decision_duration.clone(),
        );
        registry.register(
            "policy_eval_duration_seconds",
            "Time of one evaluation",
            self.evaluation_duration.clone(),
        );
        registry.register(
            "policy_reload",
            "Looks at the policies on disk, by how they ended",
            self.reloads.clone(),
        );
        registry.register(
            "policy_last_reload_success_timestamp_seconds",
            "When the set on disk was last found good",
            self.last_reload.clone(),
        );
        registry.register(
            "policy_info",
            "The revision that serves",
            self.policy.clone(),
        );
        registry.register(
            "webhook_refused",
            "Deliveries that were refused",
            self.refused.clone(),
        );
        registry.register(
            "answer_attempts",
            "Attempts to answer a platform",
            self.answers.clone(),
        );
        registry.register(
            "answer_alerts",
            "Answers that a platform refused for its credential: somebody must act",
            self.alerts.clone(),
        );
        registry.register(
            "outbox_pending",
            "Effects that wait to be done",
            self.outbox_pending.clone(),
        );
        registry.register(
            "outbox_dead",
            "Effects that were given up",
            self.outbox_dead.clone(),
        );
        registry.register(
            "cases_open",
            "Cases that wait for people",
            self.cases_open.clone(),
        );
        registry.register(
            "frozen",
            "1 while approvals are frozen",
            self.frozen.clone(),
        );
        registry.register(
            "credential_expiry_timestamp_seconds",
            "When the credential of a source expires",
            self.credential_expiry.clone(),
        );
        registry.register(
            "commit_group_size",
            "Cases that shared one commit",
            self.commit_group_size.clone(),
        );
        registry.register(
            "connections_open",
            "Connections",
            self.connections_open.clone(),
        );
        registry.register(
            "connections_refused",
            "Connections that were closed since there were too many",
            self.connections_refused.clone(),
        );
        registry.register(
            "connections_closed",
            "Connections that have ended, by how; `header_timeout` is a client that did not finish its request",
            self.connections_closed.clone(),
        );
        self.events.register(registry);
        let build = Info::new(vec![("version".to_owned(), version.to_owned())]);
        registry.register("build", "The version that runs", build);
    }

    /// A source is there: its series start at zero, so that a first alert shows as a rise.
    pub fn introduce(&self, source: &SourceName, credential_expires: Option<Timestamp>) {
        drop(self.alerts.get_or_create(&of(source)));
        if let Some(expires) = credential_expires {
            self.credential_expiry
                .get_or_create(&of(source))
                .set(expires.as_second());
        }
    }

    /// A delivery or request was answered with a status: `accepted`, `duplicate`, `conflict`, ….
    pub fn request(&self, source: &SourceName, status: &'static str) {
        let labels = SourceAndStatus {
            source: source.to_string(),
            status,
        };
        self.requests.get_or_create(&labels).inc();
    }

    /// A request was decided and committed.
    pub fn decision(
        &self,
        source: &SourceName,
        outcome: Outcome,
        cause: Cause,
        mode: Mode,
        took: Duration,
    ) {
        let labels = Decided {
            source: source.to_string(),
            outcome: outcome.as_str(),
            cause: cause.as_str(),
            mode: mode.as_str(),
        };
        self.decisions.get_or_create(&labels).inc();
        self.decision_duration.observe(took.as_secs_f64());
    }

    /// Policies were evaluated once.
    pub fn evaluation(&self, took: Duration) {
        self.evaluation_duration.observe(took.as_secs_f64());
    }

    /// The policies on disk were looked at.
    pub fn reload(&self, reload: Reload, now: Timestamp) {
        let result = match reload {
            Reload::Live => "live",
            Reload::Unchanged => "unchanged",
            Reload::Refused => "refused",
        };
        self.reloads.get_or_create(&ReloadResult { result }).inc();
        if reload != Reload::Refused {
            self.last_reload.set(now.as_duration().as_secs_f64());
        }
    }

    /// This revision serves, and no other.
    pub fn serves(&self, revision: &Revision) {
        self.policy.clear();
        let labels = RevisionLabel {
            revision: revision.as_str().to_owned(),
        };
        self.policy.get_or_create(&labels).set(1);
    }

    /// A delivery was refused, with the code of the answer: `unverified`, `malformed`, ….
    pub fn refused(&self, source: &SourceName, reason: &'static str) {
        let labels = SourceAndReason {
            source: source.to_string(),
            reason,
        };
        self.refused.get_or_create(&labels).inc();
    }

    /// A delivery was acknowledged that is neither a request nor the end of one. Few words of a source count by
    /// themselves, the rest as `other`.
    pub fn event(&self, source: &SourceName, event: &str) {
        self.events.happened(source, event);
    }

    /// A platform's list of pending requests was gone through, and so many were not known; or it could not be.
    pub fn reconciled(&self, source: &SourceName, found: Option<usize>) {
        self.events.looked(source, found);
    }

    /// A platform was given an answer.
    pub fn answer_attempt(&self, source: &SourceName, attempt: Attempt) {
        let result = match attempt {
            Attempt::Settled => "settled",
            Attempt::Retried => "retried",
            Attempt::Dead => "dead",
        };
        self.answers
            .get_or_create(&SourceAndResult {
                source: source.to_string(),
                result,
            })
            .inc();
    }

    /// A platform refused our credential.
    pub fn answer_alert(&self, source: &SourceName) {
        self.alerts.get_or_create(&of(source)).inc();
    }

    /// How many effects wait, and how many were given up.
    pub fn outbox(&self, pending: u64, dead: u64) {
        self.outbox_pending.set(count(pending));
        self.outbox_dead.set(count(dead));
    }

    /// How many cases wait for people.
    pub fn cases_open(&self, open: u64) {
        self.cases_open.set(count(open));
    }

    /// Whether approvals are frozen.
    pub fn frozen(&self, freeze: Option<&Freeze>) {
        self.frozen.set(i64::from(freeze.is_some()));
    }

    /// So many cases shared a commit.
    pub fn commit(&self, cases: u32) {
        self.commit_group_size.observe(f64::from(cases));
    }

    /// A connection was taken. Every one is closed once.
    pub fn connection_opened(&self) {
        self.connections_open.inc();
    }

    /// A connection that was taken has ended, and how: one of a few words.
    pub fn connection_closed(&self, ending: &'static str) {
        self.connections_open.dec();
        self.connections_closed
            .get_or_create(&HowEnded { ending })
            .inc();
    }

    /// A connection was not taken, since there are too many.
    pub fn connection_refused(&self) {
        self.connections_refused.inc();
    }

    /// All of it as OpenMetrics text.
    pub fn render(&self) -> String {
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            // A string takes all that is written to it; a scrape that is cut short must not look whole.
            Err(std::fmt::Error) => String::new(),
        }
    }
}

fn count(of: u64) -> i64 {
    i64::try_from(of).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
