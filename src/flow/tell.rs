//! Teams are told: each channel has a worker of its own, so that none of them holds up another, or a decision.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::card::Card;
use crate::domain::case::{Case, CaseTerms};
use crate::domain::effect::{Effect, Reached};
use crate::domain::id::ContentDigest;
use crate::domain::notice::Occasion;
use crate::flow::Observer;
use crate::flow::attempt::{LONGEST_PAUSE, next_attempt, stale, until};
use crate::json;
use crate::notify::{Channel, Message, Telling};
use crate::store::{Attempt, Claim, Spent, Store, StoreError};

/// How long a worker rests after the store said no.
const REST: SignedDuration = SignedDuration::from_secs(1);

/// Tells one channel what it is to be told.
pub struct Herald {
    /// The channel.
    pub channel: Arc<dyn Channel>,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The clock.
    pub clock: Clock,
    /// Who wants to know what became of an attempt.
    pub observer: Arc<dyn Observer>,
    /// Where the inbox is, as people reach it; no `/` at its end.
    pub inbox: Arc<str>,
    /// How many attempts are under way at once.
    pub concurrency: usize,
    /// How long an attempt belongs to this worker.
    pub lease: SignedDuration,
    /// What the cases of sources that are not configured hold to: telling moves no case.
    pub terms: Arc<CaseTerms>,
}

impl Herald {
    /// Tells until `stop`, then finishes what is under way.
    pub async fn run(&self, stop: &CancellationToken) {
        let mut planned = self.store.planned();
        let mut under_way = FuturesUnordered::new();
        loop {
            let stopping = stop.is_cancelled();
            if stopping && under_way.is_empty() {
                return;
            }
            let free = self.concurrency.saturating_sub(under_way.len());
            let mut next = None;
            if free > 0 && !stopping {
                // Marked as seen before the look, so that nothing falls between.
                planned.mark_unchanged();
                let (claims, due) = self.claim(free).await;
                under_way.extend(claims.into_iter().map(|claim| self.perform(claim)));
                next = due;
            }
            let room = !stopping && under_way.len() < self.concurrency;
            tokio::select! {
                Some(()) = under_way.next() => while let Some(Some(())) = under_way.next().now_or_never() {},
                () = stop.cancelled(), if !stopping => {}
                () = until(self.clock, next), if room => {}
                Ok(()) = planned.changed(), if room => {}
            }
        }
    }

    /// At most `free` notices that are due, and when the next one is.
    async fn claim(&self, free: usize) -> (Vec<Claim>, Option<Timestamp>) {
        let (name, now) = (self.channel.name(), self.clock.now());
        let later = |time| now.saturating_add(time).unwrap_or(Timestamp::MAX);
        let claimed = self
            .store
            .claim_notices(name, free, now, later(self.lease))
            .await;
        let next = match &claimed {
            Ok(_) => self.store.next_notice_due(name).await,
            Err(_) => Ok(None),
        };
        match (claimed, next) {
            (Ok(claims), Ok(next)) => (claims, next),
            (Ok(claims), Err(error)) => {
                self.cannot_work(&error);
                (claims, Some(later(REST)))
            }
            (Err(error), _) => {
                self.cannot_work(&error);
                (Vec::new(), Some(later(REST)))
            }
        }
    }

    async fn perform(&self, claim: Claim) {
        let attempt = match stale(&claim, self.clock.now()) {
            Some(attempt) => attempt,
            None => self.tell(&claim).await,
        };
        let now = self.clock.now();
        let terms = Arc::clone(&self.terms);
        if let Err(error) = self.store.settle(claim.id, attempt, terms, now).await {
            // It is given out again when its lease is over.
            self.cannot_work(&error);
        }
    }

    async fn tell(&self, claim: &Claim) -> Attempt {
        let (Effect::Notify(notice), Some(case)) = (&claim.effect, &claim.case) else {
            return Attempt::Dead {
                error: "the notice belongs to no case".to_owned(),
                event: None,
            };
        };
        if is_outdated(notice.occasion, case, self.channel.name().team()) {
            return Attempt::Done(None);
        }
        let told = match self.attempt(claim, notice.occasion, case).await {
            Ok(told) => told,
            Err(error) => Telling::Retry {
                after: None,
                error: error.to_string(),
                reached: Reached::No,
            },
        };
        let heard = |word, error: Option<&str>| {
            let (name, kind) = (self.channel.name(), self.channel.kind());
            self.observer.told(name, kind, word, error);
        };
        match told {
            Telling::NoNews => Attempt::Done(None),
            Telling::Told { handle } => {
                heard("done", None);
                Attempt::Told { handle }
            }
            Telling::Retry {
                after,
                error,
                reached,
            } => {
                heard("retry", Some(&error));
                Attempt::Again {
                    at: next_attempt(
                        claim,
                        LONGEST_PAUSE,
                        after,
                        self.clock.now(),
                        fastrand::f64(),
                    ),
                    error,
                    reached,
                }
            }
            Telling::Failed { error, reached: _ } => {
                heard("failed", Some(&error));
                Attempt::Dead { error, event: None }
            }
        }
    }

    /// Tells the team, unless it is no news to who never heard of the question. That they may have heard is on disk before
    /// anything leaves, and is taken back only where surely nothing arrived: whatever becomes of the answer, or of this
    /// process, nobody is left with a question that seems to be open.
    async fn attempt(
        &self,
        claim: &Claim,
        occasion: Occasion,
        case: &Case,
    ) -> Result<Telling, StoreError> {
        let heard = self.heard_key(case);
        if !occasion.asks() && claim.handle.is_none() && !self.store.spent(heard).await? {
            return Ok(Telling::NoNews);
        }
        let message = self.message(claim, occasion, case).await?;
        if !occasion.asks() {
            return Ok(self.channel.tell(&message).await);
        }
        let now = self.clock.now();
        let until = message.remembered_until(now);
        let spent = self.store.spend(heard, until, now).await?;
        let told = self.channel.tell(&message).await;
        if spent == Spent::Now && reached(&told) == Reached::No {
            // If this fails, the team hears the end of what it was not asked: better than the other way round.
            if let Err(error) = self.store.forget(heard).await {
                self.cannot_work(&error);
            }
        }
        Ok(told)
    }

    /// What stands for the channel's team having heard of the case's question here, perhaps.
    fn heard_key(&self, case: &Case) -> ContentDigest {
        let (channel, case) = (self.channel.name(), case.asked.id.to_string());
        ContentDigest::of(&[b"heard", channel.as_str().as_bytes(), case.as_bytes()])
    }

    async fn message(
        &self,
        claim: &Claim,
        occasion: Occasion,
        case: &Case,
    ) -> Result<Message, StoreError> {
        let question = self.store.question_of(case.asked.id).await?;
        let input = question.and_then(|(_, input)| input);
        let input = input.and_then(|input| json::parse(input.as_bytes()).ok());
        Ok(Message {
            occasion,
            card: Card::of(case, input.as_ref()),
            agent: case.asked.agent.clone(),
            link: format!("{}/cases/{}", self.inbox, case.asked.id),
            id: format!("{}_{}", case.asked.id, claim.id),
            handle: claim.handle.clone(),
        })
    }

    fn cannot_work(&self, error: &StoreError) {
        tracing::error!(
            channel.name = self.channel.name().as_str(),
            error = error as &dyn std::error::Error,
            "the outbox cannot be worked on: {error}"
        );
    }
}

/// Whether somebody may have heard.
fn reached(told: &Telling) -> Reached {
    match told {
        Telling::NoNews => Reached::No,
        Telling::Told { .. } => Reached::Perhaps,
        Telling::Retry { reached, .. } | Telling::Failed { reached, .. } => *reached,
    }
}

/// Whether it is too late to ask or to remind `team`, to say how it ended what is open again, or to say that it is open
/// again: what it is told next says how it stands.
fn is_outdated(occasion: Occasion, case: &Case, team: &str) -> bool {
    let open = case.question();
    let asked = open.and_then(|open| open.to.as_deref());
    match occasion {
        Occasion::Asked | Occasion::Reminded | Occasion::Voted => asked != Some(team),
        Occasion::HandedOver => false,
        Occasion::Closed => open.is_some(),
        Occasion::Reopened => open.is_none() || asked == Some(team),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::case::{Event, Told};
    use crate::domain::verdict::{Outcome, Terms};
    use crate::store::contract::{at, decided, terms};

    #[test]
    fn what_comes_too_late_is_not_sent() {
        let mut question = decided("a", Outcome::Escalate);
        question.verdict.terms = Some(Terms {
            to: Some("payments".to_owned()),
            ..Terms::default()
        });
        let open = Case::decided(question.asked, question.verdict, &terms(), at(0)).case;
        let ended = Event::PlatformResolved {
            outcome: None,
            by: None,
            reason: None,
            told: Told::ByThePlatform,
        };
        let ended = open.clone().step(ended, &terms(), at(1)).unwrap().case;
        let outdated = |case: &Case, team| {
            let all = [
                Occasion::Asked,
                Occasion::Reminded,
                Occasion::Voted,
                Occasion::HandedOver,
                Occasion::Closed,
                Occasion::Reopened,
            ];
            let outdated = all
                .into_iter()
                .filter(|occasion| is_outdated(*occasion, case, team));
            outdated.map(Occasion::as_str).collect::<Vec<_>>()
        };
        // How it ended is no news while it is open again.
        assert_eq!(outdated(&open, "payments"), ["closed", "reopened"]);
        let question = ["asked", "reminded", "voted"];
        assert_eq!(
            outdated(&open, "managers"),
            [&question[..], &["closed"]].concat()
        );
        assert_eq!(
            outdated(&ended, "payments"),
            [&question[..], &["reopened"]].concat()
        );
    }
}
