//! Whether it lives, whether it is ready, and what somebody should look at.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, Uri};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{Operators, metrics_text};
use crate::diagnostic::Paint;
use crate::domain::rationale::visible;
use crate::policy::admission::probe_findings;
use crate::store::Store;

/// How long an answer of the store counts, so that whoever asks often costs no more syncs.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// A store that takes longer is not ready.
const STORE_PATIENCE: Duration = Duration::from_secs(2);

/// How long before its end a credential is told of.
const WARNED_BEFORE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Whether the store could be written when it was last tried.
#[derive(Default)]
pub(super) struct StoreCheck(Mutex<Option<(Instant, Result<(), String>)>>);

impl StoreCheck {
    async fn result(&self, store: &dyn Store) -> Result<(), String> {
        let mut last = self.0.lock().await;
        if let Some((at, result)) = &*last
            && at.elapsed() < FRESH_FOR
        {
            return result.clone();
        }
        let result = match tokio::time::timeout(STORE_PATIENCE, store.probe()).await {
            Ok(probed) => probed.map_err(|error| error.to_string()),
            Err(_) => Err("the store does not answer".to_owned()),
        };
        *last = Some((Instant::now(), result.clone()));
        result
    }
}

pub(super) async fn metrics(State(operators): State<Arc<Operators>>) -> Response {
    operators.count_work().await;
    metrics_text(operators.metrics.render())
}

pub(super) async fn livez() -> &'static str {
    "ok\n"
}

pub(super) async fn readyz(State(operators): State<Arc<Operators>>, uri: Uri) -> Response {
    let store = operators
        .store_check
        .result(operators.flow.store().as_ref())
        .await;
    let ready = store.is_ok() && !operators.readiness.is_draining();
    let (status, word) = if ready {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    };
    let verbose = uri.query().is_some_and(|query| {
        query
            .split('&')
            .any(|part| part.split('=').next() == Some("verbose"))
    });
    if !verbose {
        return (status, word).into_response();
    }
    let mut report = Report(String::new());
    operators.report_serving(&mut report);
    match &store {
        Ok(()) => report.good("store ok"),
        Err(error) => report.bad(&format!("store failed: {error}")),
    }
    operators.report_policies(&mut report);
    operators.report_users(&mut report);
    operators.report_work(&mut report).await;
    operators.report_credentials(&mut report, operators.flow.clock().now());
    report.0.push_str(if ready {
        "readyz check passed\n"
    } else {
        "readyz check failed\n"
    });
    (status, report.0).into_response()
}

/// Lines as Kubernetes writes them: `[+]` is well, `[-]` is not.
struct Report(String);

impl Report {
    fn good(&mut self, line: &str) {
        let _ = writeln!(self.0, "[+]{line}");
    }

    fn bad(&mut self, line: &str) {
        let _ = writeln!(self.0, "[-]{line}");
    }
}

impl Operators {
    fn report_serving(&self, report: &mut Report) {
        if self.readiness.is_draining() {
            report.bad("serving stops: what is under way is finished, nothing new is taken");
        } else {
            report.good("serving ok");
        }
    }

    /// A file is named only while it is refused.
    fn report_policies(&self, report: &mut Report) {
        let status = self.flow.policies().status();
        let live = status.live.short();
        match &status.refused {
            None => {
                report.good(&format!(
                    "policies ok: revision {live} serves since {}",
                    status.live_since
                ));
                let found = probe_findings(&status.warnings);
                if found > 0 {
                    report.bad(&format!(
                        "policies can be got around in {found} ways; see `countersign probe`"
                    ));
                }
            }
            Some(refusal) => {
                report.bad(&format!(
                    "policies on disk refused: revision {live} still serves"
                ));
                for line in refusal.render(Paint::Plain).lines() {
                    let _ = writeln!(report.0, "    {line}");
                }
            }
        }
    }

    /// Whoever does not get in by the users file. An address that is written there is nobody's to read here.
    fn report_users(&self, report: &mut Report) {
        match self.entrance.users.refused() {
            Ok(refused) => {
                for refused in refused {
                    report.bad(&format!(
                        "the users file does not let somebody in: {}; see `countersign user list`",
                        refused.place
                    ));
                }
            }
            Err(_) => {
                report.bad("the users file cannot be used: no local user gets in; see the log");
            }
        }
    }

    /// Sets what is counted in the store. Of a store that does not answer the last numbers stand; `/readyz` tells of it.
    async fn count_work(&self) {
        let refused = self.entrance.users.refused();
        self.metrics
            .users(refused.map(|refused| refused.len()).ok());
        let store = self.flow.store();
        if let Ok(counts) = store.counts().await {
            self.metrics.outbox(counts.due, counts.dead);
            self.metrics.cases_open(counts.open);
        }
        if let Ok(waiting) = store.waiting().await {
            self.metrics.escalations(&waiting, self.flow.clock().now());
        }
        if let Ok(freeze) = store.frozen().await {
            self.metrics.frozen(freeze.as_ref());
        }
    }

    async fn report_work(&self, report: &mut Report) {
        let store = self.flow.store();
        match store.frozen().await {
            Ok(None) => report.good("approvals ok: not frozen"),
            Ok(Some(freeze)) => report.bad(&format!(
                "approvals frozen by {} since {}: {}",
                visible(&freeze.by),
                freeze.since,
                visible(&freeze.reason)
            )),
            Err(error) => report.bad(&format!("approvals unknown: {error}")),
        }
        match store.counts().await {
            Ok(counts) if counts.dead == 0 => {
                report.good(&format!(
                    "outbox ok: {} due, none given up; {} cases open",
                    counts.due, counts.open
                ));
            }
            Ok(counts) => report.bad(&format!(
                "outbox: {} given up, {} due; see `countersign outbox list`; {} cases open",
                counts.dead, counts.due, counts.open
            )),
            Err(error) => report.bad(&format!("outbox unknown: {error}")),
        }
        for alert in self.alerts.standing() {
            report.bad(&format!(
                "source {}: {} (since {})",
                alert.source,
                visible(&alert.error),
                alert.since
            ));
        }
    }

    fn report_credentials(&self, report: &mut Report, now: Timestamp) {
        for expiry in &self.expiries {
            let left = expiry.at.duration_since(now);
            if left <= SignedDuration::ZERO {
                report.bad(&format!(
                    "credential of source {} expired at {}",
                    expiry.source, expiry.at
                ));
            } else if left <= WARNED_BEFORE {
                let days = left.as_hours() / 24;
                report.bad(&format!(
                    "credential of source {} expires at {}, in {days} days",
                    expiry.source, expiry.at
                ));
            }
        }
    }
}
