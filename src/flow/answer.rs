//! The outbox: does the effects that are due, at least once each, until they are settled or given up.
//!
//! One [`Courier`] for each source, so that a platform that hangs holds up nobody else's answers; and each kind of effect on
//! a way of its own, so that records that hang, or whoever events are passed on to, hold up no answers either.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::case::{Case, Event, Mode};
use crate::domain::effect::{Answer, Effect, EffectKind};
use crate::flow::attempt::{confirmation_in_words, judge, result_in_words, stale, until};
use crate::flow::confirm::Unfounded;
use crate::flow::{Desk, Forwards, Observer, Took, confirm};
use crate::json;
use crate::policy::watch::LivePolicies;
use crate::source::{AnswerResult, AnswerTask, ConfirmTask, Confirmation, Reach};
use crate::store::{Attempt, Claim, Store, StoreError};

/// How often a courier looks for what nobody plans any more.
const NOW_AND_THEN: SignedDuration = SignedDuration::from_mins(1);

/// How long a courier rests after the store said no.
const REST: SignedDuration = SignedDuration::from_secs(1);

/// Does one source's effects.
pub struct Courier {
    desk: Desk,
    store: Arc<dyn Store>,
    policies: Arc<LivePolicies>,
    clock: Clock,
    observer: Arc<dyn Observer>,
    settings: CourierSettings,
}

/// How a courier works.
#[derive(Debug, Clone, Copy)]
pub struct CourierSettings {
    /// How many effects of each kind are under way at once.
    pub concurrency: usize,
    /// How long a claimed effect is nobody else's; longer than any attempt can take.
    pub lease: SignedDuration,
}

impl Courier {
    /// A courier for `desk`. What it has to read back first is decided by the live one of `policies`.
    pub fn new(
        desk: Desk,
        store: Arc<dyn Store>,
        policies: Arc<LivePolicies>,
        clock: Clock,
        observer: Arc<dyn Observer>,
        settings: CourierSettings,
    ) -> Self {
        Self {
            desk,
            store,
            policies,
            clock,
            observer,
            settings,
        }
    }

    /// Does what is due as it becomes due, until `stop`. Work that is under way then is finished; no more is begun.
    pub async fn run(&self, stop: &CancellationToken) {
        let each = EffectKind::OF_SOURCES.map(|kind| self.work_on(kind, stop));
        futures_util::future::join_all(each).await;
    }

    async fn work_on(&self, kind: EffectKind, stop: &CancellationToken) {
        let mut planned = self.store.planned();
        let mut under_way = FuturesUnordered::new();
        loop {
            let stopping = stop.is_cancelled();
            if stopping && under_way.is_empty() {
                return;
            }
            let free = self.settings.concurrency.saturating_sub(under_way.len());
            let mut next = None;
            let is_planned = self.is_planned(kind);
            if free > 0 && !stopping {
                // Marked as seen before the look, so that nothing falls between.
                planned.mark_unchanged();
                let (claims, due) = self.claim(kind, free).await;
                under_way.extend(claims.into_iter().map(|claim| self.perform(claim)));
                next = due;
                if !is_planned {
                    let now_and_then = self.clock.now().saturating_add(NOW_AND_THEN);
                    next = next.into_iter().chain(now_and_then.ok()).min();
                }
            }
            // One attempt that hangs must not keep the others from beginning.
            let room = !stopping && under_way.len() < self.settings.concurrency;
            tokio::select! {
                Some(()) = under_way.next() => while let Some(Some(())) = under_way.next().now_or_never() {},
                () = stop.cancelled(), if !stopping => {}
                () = until(self.clock, next), if room => {}
                Ok(()) = planned.changed(), if room && is_planned => {}
            }
        }
    }

    /// Whether effects of `kind` are planned for this source as it is configured. Others are left of another config, or
    /// were put back by a person: to look for them at every change of the store would be work for nothing.
    fn is_planned(&self, kind: EffectKind) -> bool {
        match kind {
            EffectKind::Answer => true,
            EffectKind::Forward => self.desk.forwards != Forwards::Nothing,
            EffectKind::Confirm => self.desk.source.confirms_within().is_some(),
            // Told by the channels' own workers.
            EffectKind::Notify => false,
        }
    }

    /// At most `free` effects of `kind` that are due, and when the next one is.
    async fn claim(&self, kind: EffectKind, free: usize) -> (Vec<Claim>, Option<Timestamp>) {
        let (name, now) = (self.desk.source.name(), self.clock.now());
        let later = |pause| now.saturating_add(pause).unwrap_or(Timestamp::MAX);
        let claiming = async {
            let lease = later(self.settings.lease);
            let claims = self.store.claim(name, kind, free, now, lease).await?;
            let next = if claims.len() < free {
                self.store.next_due(name, kind).await
            } else {
                Ok(None)
            };
            Ok((claims, next))
        };
        match claiming.await {
            Ok((claims, Ok(next))) => (claims, next),
            Ok((claims, Err(error))) => {
                self.cannot_work(&error);
                (claims, Some(later(REST)))
            }
            Err(error) => {
                self.cannot_work(&error);
                (Vec::new(), Some(later(REST)))
            }
        }
    }

    async fn perform(&self, claim: Claim) {
        let attempt = if let Some(attempt) = stale(&claim, self.clock.now()) {
            attempt
        } else if let Some(attempt) = self.withheld(&claim) {
            attempt
        } else {
            let result = match &claim.effect {
                Effect::Answer(answer) => match self.unfounded(&claim).await {
                    Some(Unfounded::Doubt(doubt)) => {
                        let event = Event::AnswerUnfounded { doubt };
                        let attempt = Attempt::Done(Some(event));
                        return self.settle(&claim, attempt, Duration::ZERO).await;
                    }
                    Some(Unfounded::Result(result)) => result,
                    None => self.answer(&claim, answer).await,
                },
                Effect::Forward(forward) => self.desk.source.forward(forward).await,
                Effect::Confirm => return self.confirm(&claim).await,
                // A channel's own worker tells it.
                Effect::Notify(_) => return,
            };
            let (word, error) = result_in_words(&result);
            self.observer
                .attempted(self.desk.source.name(), claim.effect.kind(), word, error);
            judge(&claim, result, self.clock.now(), fastrand::f64())
        };
        self.settle(&claim, attempt, Duration::ZERO).await;
    }

    /// Asks the platform for its record of a request, and decides on it.
    async fn confirm(&self, claim: &Claim) {
        let Some(case) = confirm::awaited(claim) else {
            return self
                .settle(claim, Attempt::Done(None), Duration::ZERO)
                .await;
        };
        let file = match self.store.case(case.asked.id).await {
            Ok(Some(file)) => file,
            // It is given out again when its lease is over.
            Ok(None) => return,
            Err(error) => return self.cannot_work(&error),
        };
        let confirmation = self.look(&confirm::task(case, claim)).await;
        let (word, error) = confirmation_in_words(&confirmation);
        self.observer
            .attempted(self.desk.source.name(), claim.effect.kind(), word, error);
        let (set, now) = (self.policies.current(), self.clock.now());
        let looked = confirm::judge(&set, claim, &file, confirmation, now, fastrand::f64());
        self.settle(claim, looked.attempt, looked.took).await;
    }

    /// What stands in the way of an answer that people gave on what a delivery had claimed, where the platform's own
    /// record could not be read back at the time: it is read now, and must say the same.
    async fn unfounded(&self, claim: &Claim) -> Option<Unfounded> {
        self.desk.source.confirms_within()?;
        let case = claim.case.as_ref()?;
        let file = match self.store.case(case.asked.id).await {
            Ok(file) => file?,
            Err(error) => return Some(Unfounded::Result(not_now(error.to_string()))),
        };
        if confirm::is_confirmed(&file) {
            return None;
        }
        let confirmation = self.look(&confirm::task(case, claim)).await;
        confirm::founded(&file, confirmation)
    }

    /// One look at a record. A list that comes page by page, each of them late, is given up while the look is still ours.
    async fn look(&self, task: &ConfirmTask) -> Confirmation {
        let patience = Duration::try_from(self.settings.lease).unwrap_or(Duration::MAX) / 2;
        let looking = tokio::time::timeout(patience, self.desk.source.confirm(task));
        looking.await.unwrap_or_else(|_| Confirmation::Retry {
            after: None,
            error: format!("the platform did not show the record within {patience:?}"),
        })
    }

    async fn settle(&self, claim: &Claim, attempt: Attempt, evaluation: Duration) {
        let input = match &attempt {
            Attempt::Done(Some(Event::Confirmed(confirmed))) => Some(Arc::clone(&confirmed.input)),
            Attempt::Done(_)
            | Attempt::Told { .. }
            | Attempt::Again { .. }
            | Attempt::Dead { .. } => None,
        };
        let terms = Arc::clone(&self.desk.terms);
        let settled = self
            .store
            .settle(claim.id, attempt, terms, self.clock.now());
        match settled.await {
            Ok(Some(moved)) if claim.effect == Effect::Confirm => {
                self.decided(claim, &moved.case, input, evaluation).await;
            }
            Ok(Some(moved)) => self.observer.moved(&moved),
            Ok(None) => {}
            // It is given out again when its lease is over, as one that may have arrived.
            Err(error) => self.cannot_work(&error),
        }
    }

    /// Tells of a case that was received a while ago and is decided now.
    async fn decided(
        &self,
        claim: &Claim,
        case: &Case,
        input: Option<Arc<str>>,
        evaluation: Duration,
    ) {
        let waited = self.clock.now().duration_since(claim.created_at);
        let took = Took {
            evaluation,
            whole: Duration::try_from(waited).unwrap_or_default(),
        };
        let input = match input {
            Some(input) => Some(input),
            None => match self.store.case(case.asked.id).await {
                Ok(file) => file.and_then(|file| file.input),
                Err(error) => return self.cannot_work(&error),
            },
        };
        self.observer
            .decided(case, input.as_deref().unwrap_or("null"), took);
    }

    /// What becomes of an answer that was on its way when its source stopped answering: a person may send it when the
    /// source enforces again, and an approval that is too late by then is a question.
    fn withheld(&self, claim: &Claim) -> Option<Attempt> {
        match (&claim.effect, self.desk.terms.mode) {
            (Effect::Answer(_), Mode::DryRun) => {
                let error =
                    "nothing is sent: the source is in `dry_run`, or not in the config any more"
                        .to_owned();
                let (name, kind) = (self.desk.source.name(), claim.effect.kind());
                self.observer.attempted(name, kind, "failed", Some(&error));
                Some(Attempt::Dead {
                    error: error.clone(),
                    event: Some(Event::AnswerGivenUp { error }),
                })
            }
            (Effect::Answer(_), Mode::Enforce)
            | (Effect::Forward(_) | Effect::Confirm | Effect::Notify(_), _) => None,
        }
    }

    fn cannot_work(&self, error: &StoreError) {
        tracing::error!(
            source.name = self.desk.source.name().as_str(),
            error = error as &dyn std::error::Error,
            "the outbox cannot be worked on: {error}"
        );
    }

    async fn answer(&self, claim: &Claim, answer: &Answer) -> AnswerResult {
        let Some(case) = &claim.case else {
            return AnswerResult::Failed {
                error: "the answer belongs to no case".to_owned(),
            };
        };
        let payload = if self.desk.source.looks_at_payload() {
            match self.payload(case).await {
                Ok(payload) => Some(payload),
                Err(error) => return not_now(error.to_string()),
            }
        } else {
            None
        };
        let task = AnswerTask {
            request: case.asked.request.clone(),
            action: case.asked.action.clone(),
            agent: case.asked.agent.clone(),
            payload,
            token: claim.token.clone(),
            ballot: answer.ballot,
            rationale: answer.rationale.clone(),
            traceparent: case.asked.traceparent.clone(),
            case_id: case.asked.id.to_string(),
        };
        self.desk.source.answer(&task).await
    }

    /// The payload that was decided on.
    async fn payload(&self, case: &Case) -> Result<Value, StoreError> {
        let file = self.store.case(case.asked.id).await?;
        let input = file.and_then(|file| file.input).unwrap_or_default();
        let mut input = json::parse(input.as_bytes()).unwrap_or_default();
        Ok(input
            .get_mut("payload")
            .map(Value::take)
            .unwrap_or_default())
    }
}

fn not_now(error: String) -> AnswerResult {
    AnswerResult::Retry {
        after: None,
        error,
        reach: Reach::NotReached,
    }
}
