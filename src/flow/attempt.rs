//! What becomes of one attempt at an effect: it is done, tried again, or given up.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;
use crate::domain::case::{Event, Whose};
use crate::domain::effect::{Ballot, Effect, Reached};
use crate::source::{AnswerResult, Confirmation, Reach};
use crate::store::{Attempt, Claim};

/// The longest pause between two attempts.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// What becomes of a claim that must not be tried any more.
pub(super) fn stale(claim: &Claim, now: Timestamp) -> Option<Attempt> {
    let late = claim.not_after <= now;
    match &claim.effect {
        Effect::Answer(answer) => {
            let expired = claim
                .case
                .as_ref()
                .and_then(|case| case.asked.expires_at)
                .is_some_and(|at| at <= now);
            if expired {
                return Some(Attempt::Done(Some(Event::AnswerExpired)));
            }
            let error = "it could not be sent in time".to_owned();
            late.then(|| match answer.ballot {
                Ballot::Approve => Attempt::Done(Some(Event::AnswerTooLate { error })),
                Ballot::Reject => Attempt::Dead {
                    error: error.clone(),
                    event: Some(Event::AnswerGivenUp { error }),
                },
            })
        }
        Effect::Forward(_) | Effect::Notify(_) => late.then(|| Attempt::Dead {
            error: "it could not be sent in time".to_owned(),
            event: None,
        }),
        Effect::Confirm => late.then(|| {
            Attempt::Done(Some(Event::Unconfirmed {
                doubt: match &claim.error {
                    Some(error) => format!(
                        "the platform's record of it could not be read back in time ({error})"
                    ),
                    None => "the platform's record of it could not be read back in time".to_owned(),
                },
            }))
        }),
    }
}

/// What follows from the result of an attempt. `chance` is from 0 to 1 and spreads the retries.
pub(super) fn judge(claim: &Claim, result: AnswerResult, now: Timestamp, chance: f64) -> Attempt {
    let answers = matches!(claim.effect, Effect::Answer(_));
    let event = |event: Event| answers.then_some(event);
    match result {
        AnswerResult::Done { platform } => Attempt::Done(event(Event::AnswerTaken { platform })),
        AnswerResult::Already { platform } => {
            let ours = match claim.reached {
                Reached::Perhaps => Whose::PerhapsOurs,
                Reached::No => Whose::NotOurs,
            };
            Attempt::Done(event(Event::AnswerNotNeeded { platform, ours }))
        }
        AnswerResult::Expired => Attempt::Done(event(Event::AnswerExpired)),
        AnswerResult::Retry {
            after,
            error,
            reach,
        } => {
            let at = next_attempt(claim, LONGEST_PAUSE, after, now, chance);
            let reached = match reach {
                Reach::Unknown => Reached::Perhaps,
                Reach::NotReached | Reach::Refused => claim.reached,
            };
            Attempt::Again { at, error, reached }
        }
        AnswerResult::Alert { error } | AnswerResult::Failed { error } => Attempt::Dead {
            event: event(Event::AnswerGivenUp {
                error: error.clone(),
            }),
            error,
        },
    }
}

/// When `claim` is tried again: after a pause of at most `longest`, but not before `after`, and not later than it is of use.
/// `chance` is from 0 to 1.
pub(super) fn next_attempt(
    claim: &Claim,
    longest: Duration,
    after: Option<Duration>,
    now: Timestamp,
    chance: f64,
) -> Timestamp {
    let pause = pause(claim.attempts, chance).min(longest);
    let pause = pause.max(after.unwrap_or_default());
    let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
    let at = now.saturating_add(pause).unwrap_or(Timestamp::MAX);
    at.min(claim.not_after)
}

/// Waits until `next`, or for ever where there is none.
pub(super) async fn until(clock: Clock, next: Option<Timestamp>) {
    match next {
        None => std::future::pending().await,
        Some(at) => {
            let left = at.duration_since(clock.now());
            tokio::time::sleep(Duration::try_from(left).unwrap_or_default()).await;
        }
    }
}

/// The pause before the next attempt: it doubles from one second, less up to half of it by chance.
fn pause(attempts: u32, chance: f64) -> Duration {
    let whole = Duration::from_secs(1)
        .saturating_mul(1 << attempts.min(16))
        .min(LONGEST_PAUSE);
    whole.mul_f64(1.0 - chance.clamp(0.0, 1.0) / 2.0)
}

pub(super) fn confirmation_in_words(confirmation: &Confirmation) -> (&'static str, Option<&str>) {
    match confirmation {
        Confirmation::Record(_) => ("done", None),
        Confirmation::NotPending { .. } => ("not_pending", None),
        Confirmation::Missing => ("missing", None),
        Confirmation::Retry { error, .. } => ("retry", Some(error)),
        Confirmation::Alert { error } => ("alert", Some(error)),
        Confirmation::Failed { error } => ("failed", Some(error)),
    }
}

pub(super) fn result_in_words(result: &AnswerResult) -> (&'static str, Option<&str>) {
    match result {
        AnswerResult::Done { .. } => ("done", None),
        AnswerResult::Already { .. } => ("already", None),
        AnswerResult::Expired => ("expired", None),
        AnswerResult::Retry { error, .. } => ("retry", Some(error)),
        AnswerResult::Alert { error } => ("alert", Some(error)),
        AnswerResult::Failed { error } => ("failed", Some(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_retry_comes_within_a_second_and_the_pauses_double_up_to_five_minutes() {
        assert_eq!(pause(0, 0.0), Duration::from_secs(1));
        assert_eq!(pause(0, 1.0), Duration::from_millis(500));
        assert_eq!(pause(3, 0.0), Duration::from_secs(8));
        assert_eq!(pause(40, 0.0), LONGEST_PAUSE);
    }

    #[test]
    fn nothing_is_tried_again_before_it_is_wanted_or_after_it_is_of_use() {
        let at = |second: i64| Timestamp::from_second(1_780_000_000 + second).unwrap();
        let claim = Claim {
            id: crate::domain::effect::EffectId(1),
            case: None,
            token: None,
            effect: Effect::Confirm,
            attempts: 3,
            reached: Reached::No,
            error: None,
            handle: None,
            created_at: at(0),
            not_after: at(60),
        };
        let next = |longest, after| {
            let after: Option<u64> = after;
            next_attempt(&claim, longest, after.map(Duration::from_secs), at(0), 0.0)
        };
        assert_eq!(next(LONGEST_PAUSE, None), at(8));
        assert_eq!(next(Duration::from_secs(5), None), at(5));
        assert_eq!(next(Duration::from_secs(5), Some(7)), at(7));
        assert_eq!(next(LONGEST_PAUSE, Some(3)), at(8));
        assert_eq!(next(LONGEST_PAUSE, Some(u64::MAX)), at(60));
    }
}
