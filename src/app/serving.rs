//! How a server runs, and how it ends: no longer ready, intake closed, requests in flight finished, answers under way
//! finished, the store closed.

use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{App, AppError, telling, workers};
use crate::store::Store as _;
use crate::web::serve::serve;

impl App {
    /// Serves until `stop`, then ends in order.
    pub async fn run(self, stop: CancellationToken) -> Result<(), AppError> {
        // Each phase of the end has its own token, cancelled when the phase before is over.
        let (intake_stop, work_stop, operators_stop) = (
            CancellationToken::new(),
            CancellationToken::new(),
            CancellationToken::new(),
        );
        let watch = Arc::new(workers::Connections(Arc::clone(&self.metrics)));
        let mut tasks: JoinSet<&'static str> = JoinSet::new();

        let (listener, intake) = self.intake;
        let telling::Answering {
            links,
            tools,
            slack: _,
        } = self.answering;
        let serving = serve(
            listener,
            intake.router().merge(tools.router()),
            self.connections,
            Arc::clone(&watch) as _,
            intake_stop.clone(),
        );
        let intake_done = CancellationToken::new();
        let done = intake_done.clone();
        tasks.spawn(async move {
            serving.await;
            intake.finished().await;
            tools.finished().await;
            done.cancel();
            "intake listener"
        });
        let (listener, operators) = self.operators;
        let serving = serve(
            listener,
            operators.router().merge(links.router()),
            self.connections,
            watch,
            operators_stop.clone(),
        );
        tasks.spawn(async move {
            serving.await;
            links.finished().await;
            "operators' listener"
        });
        let mut couriers = JoinSet::new();
        for courier in self.couriers {
            couriers.spawn(workers::answer(courier, work_stop.clone()));
        }
        for herald in self.heralds {
            couriers.spawn(workers::tell(herald, work_stop.clone()));
        }
        tasks.spawn(workers::pass_time(
            Arc::clone(&self.flow),
            self.clock,
            work_stop.clone(),
        ));
        for desk in self.flow.desks() {
            if let Some(every) = desk.source.reconciles_every() {
                tasks.spawn(workers::reconcile(
                    Arc::clone(&self.flow),
                    desk.clone(),
                    every,
                    work_stop.clone(),
                ));
            }
        }
        tasks.spawn(workers::follow_policies(
            Arc::clone(&self.flow),
            self.clock,
            work_stop.clone(),
        ));
        tasks.spawn(workers::report_policies(
            Arc::clone(&self.flow),
            self.metrics,
            self.clock,
            work_stop.clone(),
        ));
        tasks.spawn(workers::warn_of_expiry(
            self.expiries,
            self.clock,
            work_stop.clone(),
        ));

        let ended = tokio::select! {
            () = stop.cancelled() => Ok(()),
            () = self.store.closed() => Err(AppError::WorkerEnded("store's writer")),
            Some(ended) = tasks.join_next() => Err(ended.map_or_else(AppError::WorkerPanicked, AppError::WorkerEnded)),
            Some(ended) = couriers.join_next() => {
                Err(ended.map_or_else(AppError::WorkerPanicked, AppError::WorkerEnded))
            }
        };

        tracing::info!("stopping: no longer ready, finishing what is in flight");
        self.readiness.drain();
        self.hurry.cancel();
        intake_stop.cancel();
        if ended.is_ok() {
            intake_done.cancelled().await;
        }
        work_stop.cancel();
        let finished = async { while couriers.join_next().await.is_some() {} };
        if tokio::time::timeout(self.connections.grace, finished)
            .await
            .is_err()
        {
            tracing::warn!(
                "some answers are still under way; they are sent again at the next start"
            );
        }
        operators_stop.cancel();
        if ended.is_ok() {
            while tasks.join_next().await.is_some() {}
        }
        self.store.close().await;
        ended
    }
}
