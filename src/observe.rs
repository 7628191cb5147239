//! What the story tells of itself while it happens: counters, one line for each decision, and what somebody must act on.
//!
//! It is called after the commit and on the path of requests: it must neither fail nor wait.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::clock::Clock;
use crate::config;
use crate::domain::case::{Case, Mode, Moved, State};
use crate::domain::id::{RequestId, SourceName};
use crate::domain::notice::ChannelName;
use crate::domain::rationale;
use crate::flow::{Observer, Refusal, Took};
use crate::metrics::{Attempt, Metrics};
use crate::signature::Unverified;
use crate::source::{NotListed, Occasion};
use crate::telemetry::{DecisionEvent, DecisionLines};

/// No team has a longer name; of one that is not there no more is logged.
const LONGEST_TEAM: usize = 63;

/// Counts what happens, writes a line for each decision, and raises alerts.
pub struct Telling {
    metrics: Arc<Metrics>,
    lines: DecisionLines,
    alerts: Arc<Alerts>,
    instance: String,
    clock: Clock,
}

/// What a platform says that only a person can set right: our credential is not taken.
#[derive(Debug, Default)]
pub struct Alerts(Mutex<BTreeMap<SourceName, (Timestamp, String)>>);

/// One standing alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Whose platform.
    pub source: SourceName,
    /// Since when.
    pub since: Timestamp,
    /// What it says.
    pub error: String,
}

impl Telling {
    /// Writes in the name of `instance`, which tells this process from its replicas.
    pub fn new(
        metrics: Arc<Metrics>,
        lines: DecisionLines,
        alerts: Arc<Alerts>,
        instance: String,
        clock: Clock,
    ) -> Self {
        Self {
            metrics,
            lines,
            alerts,
            instance,
            clock,
        }
    }
}

impl Observer for Telling {
    fn told(
        &self,
        channel: &ChannelName,
        kind: &'static str,
        result: &'static str,
        error: Option<&str>,
    ) {
        self.metrics.notice(channel, kind, result);
        let name = channel.as_str();
        match result {
            "failed" => tracing::error!(
                channel.name = name,
                error,
                "the team cannot be told by {kind}; somebody must act"
            ),
            "retry" => tracing::warn!(
                channel.name = name,
                error,
                "the team could not be told by {kind}"
            ),
            _ => {}
        }
    }

    fn decided(&self, case: &Case, input: &str, took: Took) {
        let source = &case.asked.source;
        self.metrics.evaluation(took.evaluation);
        self.metrics.decision(
            source,
            case.outcome,
            case.cause,
            shown(case.mode),
            took.whole,
        );
        let nothing = RawValue::NULL;
        let input = serde_json::from_str::<&RawValue>(input).unwrap_or(nothing);
        let case_id = case.asked.id.to_string();
        let rules: Vec<&str> = case
            .verdict
            .rules
            .iter()
            .map(|rule| rule.id.as_str())
            .collect();
        if let State::Open(question) = &case.state
            && let Some(team) = question.to.as_deref()
            && self.metrics.team_is_unknown(team)
        {
            tracing::warn!(
                case.id = case_id,
                source.name = source.as_str(),
                team.name = rationale::bounded(&rationale::visible(team), LONGEST_TEAM),
                rule.ids = ?rules,
                "policy asks a team that the config does not have: only admins can answer"
            );
        }
        let (trace_id, span_id) = trace(case.asked.traceparent.as_deref());
        self.lines.write(&DecisionEvent {
            instance: &self.instance,
            version: env!("CARGO_PKG_VERSION"),
            case_id: &case_id,
            trace_id,
            span_id,
            revision: case.verdict.revision.as_str(),
            input,
            outcome: case.outcome.as_str(),
            cause: case.cause.as_str(),
            rationale: &rationale::standing(case),
            rules: &rules,
            requested_by: None,
            timestamp: case.decided_at,
            evaluation_nanoseconds: u64::try_from(took.evaluation.as_nanos()).unwrap_or(u64::MAX),
            erased: &[],
            masked: &[],
            mode: case.mode.as_str(),
            source: source.as_str(),
            request_id: case.asked.request.as_str(),
            action: case.asked.action.as_deref(),
            agent: case.asked.agent.as_deref(),
        });
    }

    fn acknowledged(&self, source: &SourceName, status: &'static str) {
        self.metrics.request(source, status);
    }

    fn ignored(&self, source: &SourceName, occasion: &Occasion) {
        self.metrics.event(source, &occasion.event);
        let request = occasion.request.as_ref().map(RequestId::as_str);
        tracing::info!(
            source.name = source.as_str(),
            event.name = occasion.event,
            request.id = request,
            "the platform tells of `{}`",
            rationale::visible(&occasion.event)
        );
    }

    fn reconciled(&self, source: &SourceName, result: Result<usize, &NotListed>) {
        let name = source.as_str();
        self.metrics
            .reconciled(source, result.as_ref().ok().copied());
        match result {
            Ok(0) => {}
            Ok(found) => tracing::warn!(
                source.name = name,
                reconcile.found = found,
                "{found} pending requests were found that no webhook told of"
            ),
            Err(NotListed::Later(error)) => tracing::warn!(
                source.name = name,
                error,
                "the pending requests of the platform could not be listed"
            ),
            Err(NotListed::Alert(error)) => {
                self.metrics.answer_alert(source);
                self.alerts.raise(source, error, self.clock.now());
                tracing::error!(
                    source.name = name,
                    error,
                    "the pending requests of the platform could not be listed; somebody must act"
                );
            }
        }
    }

    fn refused(&self, source: &str, refusal: &Refusal) {
        let Ok(source) = SourceName::parse(source) else {
            return;
        };
        match refusal {
            // A name that nobody configured must not become a series.
            Refusal::UnknownSource(_) => {}
            Refusal::Unverified(unverified) => {
                let ours = matches!(unverified, Unverified::SecretUnusable { .. });
                let status = if ours { "unavailable" } else { "unverified" };
                self.metrics.refused(&source, unverified.reason());
                self.metrics.request(&source, status);
            }
            Refusal::Malformed(_) => {
                self.metrics.refused(&source, "malformed");
                self.metrics.request(&source, "malformed");
            }
            Refusal::Conflict(_) => {
                self.metrics.refused(&source, "conflict");
                self.metrics.request(&source, "conflict");
            }
            Refusal::Unstored(_) => {
                self.metrics.refused(&source, "unavailable");
                self.metrics.request(&source, "unavailable");
            }
        }
    }

    fn moved(&self, moved: &Moved) {
        let case = &moved.case;
        let resolution = case.resolution();
        if let Some(question) = &moved.ended {
            let end = resolution.map_or("handed_over", |said| said.outcome.as_str());
            let since = question.since.unwrap_or(case.decided_at);
            let after = self.clock.now().duration_since(since);
            self.metrics
                .escalation_closed(question.to.as_deref(), end, after);
        }
        tracing::info!(
            case.id = %case.asked.id,
            case.state = case.state.as_str(),
            source.name = case.asked.source.as_str(),
            resolution.outcome = resolution.map(|resolution| resolution.outcome.as_str()),
            resolution.by = resolution.map(|resolution| resolution.by.to_string()),
            "case {} is {}",
            case.asked.id,
            case.state.as_str()
        );
    }

    fn attempted(
        &self,
        source: &SourceName,
        kind: &'static str,
        result: &'static str,
        error: Option<&str>,
    ) {
        if kind == "confirm" {
            match result {
                "alert" => {
                    self.metrics.answer_alert(source);
                    self.alerts
                        .raise(source, error.unwrap_or_default(), self.clock.now());
                }
                "done" | "missing" | "not_pending" => self.alerts.lower(source),
                _ => {}
            }
        }
        if kind == "answer" {
            let attempt = match result {
                "done" | "already" | "expired" => Attempt::Settled,
                "retry" => Attempt::Retried,
                _ => Attempt::Dead,
            };
            self.metrics.answer_attempt(source, attempt);
            match result {
                "alert" => {
                    self.metrics.answer_alert(source);
                    self.alerts
                        .raise(source, error.unwrap_or_default(), self.clock.now());
                }
                "done" | "already" | "expired" => self.alerts.lower(source),
                _ => {}
            }
        }
        let (name, what) = (source.as_str(), "an attempt at an effect ended");
        if let ("alert" | "failed", Some(error), true) = (result, error, kind != "confirm") {
            tracing::error!(
                source.name = name,
                effect.kind = kind,
                attempt.result = result,
                error,
                "{what}: {result}; somebody must act, then `countersign outbox retry`"
            );
        } else if let Some(error) = error {
            tracing::warn!(
                source.name = name,
                effect.kind = kind,
                attempt.result = result,
                error,
                "{what}: {result}"
            );
        } else {
            tracing::debug!(
                source.name = name,
                effect.kind = kind,
                attempt.result = result,
                "{what}: {result}"
            );
        }
    }
}

impl Alerts {
    /// Every source whose platform does not take our credential.
    pub fn standing(&self) -> Vec<Alert> {
        let alerts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let alert = |(source, (since, error)): (&SourceName, &(Timestamp, String))| Alert {
            source: source.clone(),
            since: *since,
            error: error.clone(),
        };
        alerts.iter().map(alert).collect()
    }

    /// The platform did not take our credential.
    fn raise(&self, source: &SourceName, error: &str, now: Timestamp) {
        let mut alerts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let alert = alerts.entry(source.clone()).or_insert((now, String::new()));
        error.clone_into(&mut alert.1);
    }

    /// It took it again.
    fn lower(&self, source: &SourceName) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(source);
    }
}

fn shown(mode: Mode) -> config::Mode {
    match mode {
        Mode::DryRun => config::Mode::DryRun,
        Mode::Enforce => config::Mode::Enforce,
    }
}

/// The trace and the span of a `traceparent` that was well formed when it was taken.
fn trace(traceparent: Option<&str>) -> (Option<&str>, Option<&str>) {
    let mut parts = traceparent.unwrap_or_default().split('-').skip(1);
    (parts.next(), parts.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_stands_from_its_first_time_until_the_platform_takes_the_credential_again() {
        let (alerts, source) = (Alerts::default(), SourceName::parse("refunds").unwrap());
        let first: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
        let second: Timestamp = "2026-11-02T00:00:00Z".parse().unwrap();
        alerts.raise(&source, "401", first);
        alerts.raise(&source, "403", second);
        let expected = Alert {
            source: source.clone(),
            since: first,
            error: "403".to_owned(),
        };
        assert_eq!(alerts.standing(), [expected]);
        alerts.lower(&source);
        assert_eq!(alerts.standing(), []);
    }

    #[test]
    fn trace_and_span_are_taken_from_the_traceparent() {
        assert_eq!(trace(Some("00-aa-bb-01")), (Some("aa"), Some("bb")));
        assert_eq!(trace(None), (None, None));
    }
}
