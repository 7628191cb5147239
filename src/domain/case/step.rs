//! How a case moves. Every transition there is, is here.

use jiff::Timestamp;
use serde_json::json;

use crate::domain::case::{
    AnswerState, Case, CaseTerms, Channel, Decision, EarlierAnswers, Entry, Event, Mode, Refused,
    Resolution, Resolved, Resolver, State, Step, Stood, TOLD_OTHERWISE, Told, Whose,
};
use crate::domain::effect::{Answer, Ballot, Effect, Planned, Release};
use crate::domain::escalation::{Escalation, Tally, Vote, cast};
use crate::domain::id::ContentDigest;
use crate::domain::log_entry::EntryKind;
use crate::domain::person::Person;
use crate::domain::platform::PlatformOutcome;
use crate::domain::rationale;
use crate::domain::team::People;

impl Case {
    /// Moves the case by `event`, or says why it does not move. Teams that are asked, or were, are told of it.
    pub fn step(self, event: Event, terms: &CaseTerms, now: Timestamp) -> Result<Step, Refused> {
        let before = Stood::of(&self);
        let mut step = self.moved(event, terms, now)?;
        step.tell(&before, terms, now);
        let goes_on = |question: &Escalation| {
            let after = step.case.question();
            after.is_some_and(|after| after.to == question.to)
        };
        step.ended = before.question.filter(|question| !goes_on(question));
        Ok(step)
    }

    fn moved(mut self, event: Event, terms: &CaseTerms, now: Timestamp) -> Result<Step, Refused> {
        match self.state.clone() {
            State::Received(awaited) => match event {
                Event::Voted { .. } => Err(Refused::NotDecided),
                Event::TimePassed if self.asked.expired(now) => Ok(self.expire(now)),
                Event::TimePassed if awaited.end() <= now => Ok(self.unconfirmed(
                    "the platform's record of the request could not be read back in time"
                        .to_owned(),
                    terms,
                    now,
                )),
                Event::PlatformResolved {
                    outcome,
                    by,
                    reason,
                    told: _,
                } => Ok(self.supersede(outcome, by.as_deref(), reason, now)),
                Event::Confirmed(confirmed) => Ok(self.confirmed(*confirmed, terms, now)),
                Event::Unconfirmed { doubt } => Ok(self.unconfirmed(doubt, terms, now)),
                Event::TimePassed
                | Event::AnswerTaken { .. }
                | Event::AnswerNotNeeded { .. }
                | Event::AnswerExpired
                | Event::AnswerGivenUp { .. }
                | Event::AnswerTooLate { .. }
                | Event::AnswerRetried { .. }
                | Event::AnswerUnfounded { .. }
                | Event::StillPending { .. } => Err(Refused::Nothing),
            },
            State::Open(escalation) => match event {
                Event::Voted {
                    by,
                    via,
                    vote,
                    reason,
                    shown,
                } => {
                    let vote = Vote {
                        at: now,
                        vote,
                        reason: reason.filter(|reason| !rationale::is_blank(reason)),
                        via,
                        team: escalation.to.clone(),
                        email: by.email.clone(),
                        by: by.name.clone(),
                    };
                    self.vote(&escalation, &by, vote, shown, terms, now)
                }
                Event::TimePassed if escalation.deadline <= now => {
                    Ok(self.time_is_up(&escalation, terms, now))
                }
                Event::TimePassed if escalation.remind_at.is_some_and(|at| at <= now) => {
                    Ok(self.remind(escalation))
                }
                Event::PlatformResolved {
                    outcome,
                    by,
                    reason,
                    told: _,
                } => Ok(self.supersede(outcome, by.as_deref(), reason, now)),
                // Only an approval becomes a question again, so what arrived after all is that approval.
                Event::AnswerTaken { platform } => Ok(self.supersede(
                    platform.or(Some(PlatformOutcome::Approved)),
                    None,
                    None,
                    now,
                )),
                Event::AnswerNotNeeded { platform, .. } => {
                    Ok(self.supersede(platform, None, None, now))
                }
                Event::AnswerExpired => Ok(self.expire(now)),
                Event::TimePassed
                | Event::AnswerGivenUp { .. }
                | Event::AnswerTooLate { .. }
                | Event::AnswerRetried { .. }
                | Event::Confirmed(_)
                | Event::Unconfirmed { .. }
                | Event::AnswerUnfounded { .. }
                | Event::StillPending { .. } => Err(Refused::Nothing),
            },
            State::Answering(resolution) => match event {
                Event::Voted { .. } => Err(Refused::Closed(Box::new(resolution))),
                Event::TimePassed if self.asked.expired(now) => Ok(self.expire(now)),
                Event::TimePassed if self.wakes_at().is_some_and(|at| at <= now) => {
                    Ok(self.ask_again("the approval could not be sent in time", terms, now))
                }
                Event::PlatformResolved {
                    outcome,
                    by,
                    reason,
                    told,
                } => match (outcome, told) {
                    (Some(same), Told::ByThePlatform) if resolution.outcome.agrees_with(&same) => {
                        Ok(self.settle(resolution, Some(same), now))
                    }
                    // The answer has to leave: it would be lost if they lied.
                    (Some(same), Told::ByAnybody) if resolution.outcome.agrees_with(&same) => {
                        if self.platform_outcome.is_some() {
                            return Err(Refused::Nothing);
                        }
                        Ok(self.report(same, by.as_deref(), reason.as_deref()))
                    }
                    (outcome, _) => Ok(self.supersede(outcome, by.as_deref(), reason, now)),
                },
                Event::AnswerTaken { platform } => {
                    if platform
                        .as_ref()
                        .is_some_and(|outcome| resolution.outcome.contradicts(outcome))
                    {
                        return Ok(self.supersede(platform, None, None, now));
                    }
                    Ok(self.settle(resolution, platform, now))
                }
                Event::AnswerNotNeeded { platform, ours } => match (&platform, ours) {
                    (Some(outcome), _) if resolution.outcome.agrees_with(outcome) => {
                        Ok(self.settle(resolution, platform, now))
                    }
                    (None, Whose::PerhapsOurs) => Ok(self.settle(resolution, None, now)),
                    (Some(_), _) | (None, Whose::NotOurs) => {
                        Ok(self.supersede(platform, None, None, now))
                    }
                },
                Event::AnswerExpired => Ok(self.expire(now)),
                Event::AnswerGivenUp { error } => self.give_up(resolution, &error),
                Event::AnswerTooLate { error } => match resolution.outcome {
                    Resolved::Approved => Ok(self.ask_again(&error, terms, now)),
                    Resolved::Rejected | Resolved::Expired | Resolved::Superseded => {
                        self.give_up(resolution, &error)
                    }
                },
                Event::AnswerRetried { by } => match resolution.answer {
                    AnswerState::Dead => {
                        let pending = Resolution {
                            answer: AnswerState::Pending,
                            ..resolution
                        };
                        self.state = State::Answering(pending);
                        Ok(self.stepped(
                            EntryKind::Retried,
                            json!({ "by": by }),
                            EarlierAnswers::Revive,
                        ))
                    }
                    AnswerState::Settled | AnswerState::Pending | AnswerState::None => {
                        Err(Refused::Nothing)
                    }
                },
                Event::AnswerUnfounded { doubt } => Ok(self.open_again(&doubt, terms, now)),
                Event::TimePassed
                | Event::Confirmed(_)
                | Event::Unconfirmed { .. }
                | Event::StillPending { .. } => Err(Refused::Nothing),
            },
            State::Resolved(resolution) => match event {
                Event::Voted { .. } => Err(Refused::Closed(Box::new(resolution))),
                Event::PlatformResolved {
                    outcome: Some(outcome),
                    by,
                    reason,
                    told,
                } if self.is_news(&outcome, told) => {
                    Ok(self.report(outcome, by.as_deref(), reason.as_deref()))
                }
                // An answer that was taken back may have arrived all the same: the platform's word is kept.
                Event::AnswerTaken {
                    platform: Some(outcome),
                }
                | Event::AnswerNotNeeded {
                    platform: Some(outcome),
                    ..
                } if self.platform_outcome.is_none() => Ok(self.report(outcome, None, None)),
                // Somebody told us of an end that there is not: a person looks.
                Event::StillPending { record }
                    if resolution.outcome == Resolved::Superseded && !self.asked.expired(now) =>
                {
                    Ok(match record {
                        Some(record) => self.taken_up_again(*record, terms, now),
                        None => self.open_again(TOLD_OTHERWISE, terms, now),
                    })
                }
                Event::PlatformResolved { .. }
                | Event::TimePassed
                | Event::StillPending { .. }
                | Event::Confirmed(_)
                | Event::Unconfirmed { .. }
                | Event::AnswerUnfounded { .. }
                | Event::AnswerTaken { .. }
                | Event::AnswerNotNeeded { .. }
                | Event::AnswerExpired
                | Event::AnswerGivenUp { .. }
                | Event::AnswerTooLate { .. }
                | Event::AnswerRetried { .. } => Err(Refused::Nothing),
            },
        }
    }

    /// Whether `outcome` is more than is known of the platform's: its own later word stands against an earlier one, and
    /// nobody else's does, nor does a word that we do not know.
    fn is_news(&self, outcome: &PlatformOutcome, told: Told) -> bool {
        match (&self.platform_outcome, told) {
            (None, Told::ByThePlatform | Told::ByAnybody) => true,
            (Some(known), Told::ByThePlatform) => {
                known != outcome && !matches!(outcome, PlatformOutcome::Other(_))
            }
            (Some(_), Told::ByAnybody) => false,
        }
    }

    /// Whether `voter` may say `ballot` on it, as far as who they are goes; nobody may where nobody is asked.
    pub fn may_vote(&self, voter: &Person, ballot: Ballot, people: &People) -> Result<(), Refused> {
        let Some(escalation) = self.question() else {
            return Err(match self.resolution() {
                Some(resolution) => Refused::Closed(Box::new(resolution.clone())),
                None => Refused::NotDecided,
            });
        };
        let agent = self.asked.agent.as_deref();
        let is_the_agent = agent.is_some_and(|agent| voter.is_called(agent));
        if (is_the_agent && ballot == Ballot::Approve) || people.owns(voter, agent) {
            return Err(Refused::OwnRequest);
        }
        if !people.may_vote(voter, escalation.to.as_deref()) {
            return Err(Refused::NotAsked {
                by: voter.name.clone(),
                to: escalation.to.clone(),
            });
        }
        Ok(())
    }

    fn vote(
        mut self,
        escalation: &Escalation,
        voter: &Person,
        vote: Vote,
        shown: ContentDigest,
        terms: &CaseTerms,
        now: Timestamp,
    ) -> Result<Step, Refused> {
        if escalation.deadline <= now {
            return Ok(self.time_is_up(escalation, terms, now));
        }
        self.may_vote(voter, vote.vote, &terms.people)?;
        if self.asked.rationale_required && vote.reason.is_none() {
            return Err(Refused::NoReason);
        }
        if self.shown() != shown {
            return Err(Refused::Stale);
        }
        let detail =
            json!({ "by": vote.by, "vote": vote.vote, "reason": vote.reason, "via": vote.via });
        let (by, reason) = (vote.by.clone(), vote.reason.clone());
        cast(&mut self.votes, vote);
        match escalation.tally(&self.votes) {
            Tally::Open => Ok(self.stepped(EntryKind::Voted, detail, EarlierAnswers::Keep)),
            Tally::Closed(ballot) => {
                let mut effects = Vec::new();
                self.resolve(
                    ballot,
                    Resolver::Person(by),
                    reason,
                    terms,
                    now,
                    &mut effects,
                );
                Ok(Step {
                    effects,
                    ..self.stepped(EntryKind::Resolved, detail, EarlierAnswers::Withdraw)
                })
            }
        }
    }

    /// Says the last word and plans to tell the platform, where there is one to tell.
    pub(super) fn resolve(
        &mut self,
        ballot: Ballot,
        by: Resolver,
        reason: Option<String>,
        terms: &CaseTerms,
        now: Timestamp,
        effects: &mut Vec<Planned>,
    ) {
        // What was asked in enforce is not answered once the source is in dry-run, nor the other way round.
        let leaves = self.mode == Mode::Enforce
            && terms.mode == Mode::Enforce
            && self.channel == Channel::Answer;
        let resolution = Resolution {
            outcome: match ballot {
                Ballot::Approve => Resolved::Approved,
                Ballot::Reject => Resolved::Rejected,
            },
            by,
            at: now,
            reason,
            answer: if leaves {
                AnswerState::Pending
            } else {
                AnswerState::None
            },
        };
        if self.channel == Channel::Answer {
            let patience = match ballot {
                Ballot::Approve => terms.answer_within,
                Ballot::Reject => terms.give_up_after,
            };
            let answer = Answer {
                ballot,
                rationale: rationale::for_platform(self, &resolution, terms.rationale_limit),
                decided_by_policy: resolution.by == Resolver::Policy,
            };
            let not_after = now.saturating_add(patience).unwrap_or(Timestamp::MAX);
            self.approve_by = (ballot == Ballot::Approve).then_some(not_after);
            let release = if leaves {
                Release::Send
            } else {
                Release::Would
            };
            effects.push(Planned {
                effect: Effect::Answer(answer),
                release,
                not_after,
            });
        }
        self.state = if leaves {
            State::Answering(resolution)
        } else {
            State::Resolved(resolution)
        };
    }

    pub(super) fn stepped(
        self,
        kind: EntryKind,
        detail: serde_json::Value,
        earlier_answers: EarlierAnswers,
    ) -> Step {
        Step {
            entry: Entry { kind, detail },
            case: self,
            effects: Vec::new(),
            earlier_answers,
            decision: Decision::Stands,
            ended: None,
        }
    }
}
