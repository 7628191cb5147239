//! How a case ends, and how an approval that cannot leave becomes a question instead.

use jiff::Timestamp;
use serde_json::json;

use crate::domain::case::{
    AnswerState, Case, CaseTerms, EarlierAnswers, Refused, Resolution, Resolved, Resolver, State,
    Step,
};
use crate::domain::log_entry::EntryKind;
use crate::domain::platform::PlatformOutcome;
use crate::domain::verdict::{Cause, Outcome};

impl Case {
    /// The answer waits for a person to retry it.
    pub(super) fn give_up(mut self, resolution: Resolution, error: &str) -> Result<Step, Refused> {
        if resolution.answer == AnswerState::Dead {
            return Err(Refused::Nothing);
        }
        self.state = State::Answering(Resolution {
            answer: AnswerState::Dead,
            ..resolution
        });
        Ok(self.stepped(
            EntryKind::DeadLettered,
            json!({ "error": error }),
            EarlierAnswers::Keep,
        ))
    }

    /// An approval that cannot leave in time is no approval any more.
    pub(super) fn ask_again(mut self, error: &str, terms: &CaseTerms, now: Timestamp) -> Step {
        self.approve_by = None;
        if self.asked.expired(now) {
            return self.expire(now);
        }
        self.outcome = Outcome::Escalate;
        self.cause = Cause::Source;
        self.votes.clear();
        self.open(terms, now);
        self.stepped(
            EntryKind::Escalated,
            json!({ "error": error }),
            EarlierAnswers::Withdraw,
        )
    }

    /// What was said to be the last word is none: people are asked again, and told `because` of what.
    pub(super) fn open_again(mut self, because: &str, terms: &CaseTerms, now: Timestamp) -> Step {
        self.approve_by = None;
        if self.asked.expired(now) {
            return self.expire(now);
        }
        self.platform_outcome = None;
        self.outcome = Outcome::Escalate;
        self.cause = Cause::Source;
        self.votes.clear();
        self.open(terms, now);
        if let State::Open(question) = &mut self.state {
            question.because = Some(because.to_owned());
        }
        let detail = json!({ "error": because });
        self.stepped(EntryKind::Escalated, detail, EarlierAnswers::Withdraw)
    }

    pub(super) fn expire(mut self, now: Timestamp) -> Step {
        let detail = self.end(Resolved::Expired, Resolver::Deadline, None, now);
        self.stepped(EntryKind::Expired, detail, EarlierAnswers::Withdraw)
    }

    pub(super) fn supersede(
        mut self,
        outcome: Option<PlatformOutcome>,
        by: Option<&str>,
        reason: Option<String>,
        now: Timestamp,
    ) -> Step {
        let detail = json!({ "platform_outcome": outcome, "by": by, "reason": reason });
        self.end(Resolved::Superseded, Resolver::Platform, reason, now);
        self.platform_outcome = outcome.or(self.platform_outcome);
        self.stepped(EntryKind::Superseded, detail, EarlierAnswers::Withdraw)
    }

    /// The case stays as it is; what the platform says is kept beside it.
    pub(super) fn report(
        mut self,
        outcome: PlatformOutcome,
        by: Option<&str>,
        reason: Option<&str>,
    ) -> Step {
        let detail = json!({ "platform_outcome": outcome, "by": by, "reason": reason });
        self.platform_outcome = Some(outcome);
        self.stepped(EntryKind::PlatformReported, detail, EarlierAnswers::Keep)
    }

    pub(super) fn settle(
        mut self,
        resolution: Resolution,
        platform: Option<PlatformOutcome>,
        now: Timestamp,
    ) -> Step {
        let detail = json!({ "platform_outcome": platform, "at": now });
        self.state = State::Resolved(Resolution {
            answer: AnswerState::Settled,
            ..resolution
        });
        self.platform_outcome = platform.or(self.platform_outcome);
        self.stepped(EntryKind::Answered, detail, EarlierAnswers::Withdraw)
    }

    pub(super) fn end(
        &mut self,
        outcome: Resolved,
        by: Resolver,
        reason: Option<String>,
        now: Timestamp,
    ) -> serde_json::Value {
        let resolution = Resolution {
            outcome,
            by,
            at: now,
            reason,
            answer: AnswerState::None,
        };
        let detail = json!({ "resolution": resolution });
        self.state = State::Resolved(resolution);
        detail
    }
}
