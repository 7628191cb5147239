//! The loops: each does what is due, then waits for a change, for the time, or for the end.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::flow::{Courier, Desk, Flow, Herald, Unreconciled};
use crate::metrics::{Metrics, Reload};
use crate::web::operators::CredentialExpiry;
use crate::web::serve::{ConnectionWatch, Ending};

/// How often the clock looks for deadlines.
const TICK: Duration = Duration::from_millis(500);

/// How long before its end a credential is warned of.
const EXPIRY_WARNING: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Counts connections.
pub(super) struct Connections(pub(super) Arc<Metrics>);

impl ConnectionWatch for Connections {
    fn opened(&self) {
        self.0.connection_opened();
    }

    fn closed(&self, ending: Ending) {
        self.0.connection_closed(ending.as_str());
        match ending {
            Ending::Displaced => self.0.connection_refused(),
            Ending::Finished | Ending::Broken | Ending::HeaderTimeout | Ending::IdleTimeout => {}
        }
    }
}

/// Does the effects of one source as they become due.
pub(super) async fn answer(courier: Courier, stop: CancellationToken) -> &'static str {
    courier.run(&stop).await;
    "outbox"
}

/// Tells one channel as it becomes due.
pub(super) async fn tell(herald: Herald, stop: CancellationToken) -> &'static str {
    herald.run(&stop).await;
    "outbox of a channel"
}

/// Moves the cases whose deadline has come.
pub(super) async fn pass_time(
    flow: Arc<Flow>,
    clock: Clock,
    stop: CancellationToken,
) -> &'static str {
    loop {
        tokio::select! {
            () = stop.cancelled() => return "clock",
            () = tokio::time::sleep(TICK) => {}
        }
        if let Err(error) = flow.pass_time(clock.now()).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "deadlines cannot be looked for: {error}"
            );
        }
    }
}

/// Goes through a platform's list of pending requests, at once and then again and again.
pub(super) async fn reconcile(
    flow: Arc<Flow>,
    desk: Desk,
    every: SignedDuration,
    stop: CancellationToken,
) -> &'static str {
    let pause = Duration::try_from(every).unwrap_or(Duration::MAX);
    let working = async {
        loop {
            // What the platform does not show is told of where it is asked.
            if let Err(Unreconciled::Unstored(error)) = flow.reconcile(&desk).await {
                tracing::error!(
                    source.name = desk.source.name().as_str(),
                    error = &error as &dyn std::error::Error,
                    "a pending request of the platform could not be stored: {error}"
                );
            }
            tokio::time::sleep(pause).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = working => {}
    }
    "reconciliation"
}

/// Lets an edited policy directory serve.
pub(super) async fn follow_policies(
    flow: Arc<Flow>,
    clock: Clock,
    stop: CancellationToken,
) -> &'static str {
    Arc::clone(flow.policies())
        .run(move || clock.now(), stop)
        .await;
    "policy watch"
}

/// Counts what became of each reload.
pub(super) async fn report_policies(
    flow: Arc<Flow>,
    metrics: Arc<Metrics>,
    clock: Clock,
    stop: CancellationToken,
) -> &'static str {
    let mut changes = flow.policies().changes();
    let first = changes.borrow_and_update().clone();
    metrics.serves(&first.live);
    metrics.reload(Reload::Live, clock.now());
    let (mut swaps, mut refusals) = (first.swaps, first.refusals);
    loop {
        tokio::select! {
            () = stop.cancelled() => return "policy report",
            told = changes.changed() => if told.is_err() {
                stop.cancelled().await;
                continue;
            },
        }
        let status = changes.borrow_and_update().clone();
        for _ in swaps..status.swaps {
            metrics.reload(Reload::Live, status.last_reload);
        }
        for _ in refusals..status.refusals {
            metrics.reload(Reload::Refused, status.last_reload);
        }
        (swaps, refusals) = (status.swaps, status.refusals);
        metrics.serves(&status.live);
    }
}

/// Warns, now and every day, of credentials that stop working soon.
pub(super) async fn warn_of_expiry(
    expiries: Vec<CredentialExpiry>,
    clock: Clock,
    stop: CancellationToken,
) -> &'static str {
    loop {
        let now = clock.now();
        for expiry in &expiries {
            let left = expiry.at.duration_since(now);
            let source = &expiry.source;
            if left <= SignedDuration::ZERO {
                tracing::error!(source.name = %source, "the credential of source `{source}` expired at {}; make a new one", expiry.at);
            } else if left <= EXPIRY_WARNING {
                tracing::warn!(source.name = %source, "the credential of source `{source}` expires at {}; make a new one", expiry.at);
            }
        }
        tokio::select! {
            () = stop.cancelled() => return "credential warnings",
            () = tokio::time::sleep(Duration::from_hours(24)) => {}
        }
    }
}
