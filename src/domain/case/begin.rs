//! How a case begins: decided at once, or received and decided when the platform's own record was read back.

use jiff::Timestamp;
use serde_json::json;

use crate::domain::case::{
    AnswerState, Asked, Awaited, Case, CaseTerms, Confirmed, Decision, EarlierAnswers, Entry, Mode,
    Resolution, Resolved, Resolver, State, Step, Stood, TOLD_OTHERWISE,
};
use crate::domain::effect::{Ballot, Effect, Planned, Release};
use crate::domain::log_entry::EntryKind;
use crate::domain::verdict::{Outcome, Verdict};

impl Case {
    /// Begins the life of a request that policy decided as `verdict` at `now`.
    pub fn decided(asked: Asked, verdict: Verdict, terms: &CaseTerms, now: Timestamp) -> Step {
        let asked_by_sample = asked.request.is_sample();
        let mut case = Self {
            outcome: verdict.outcome,
            cause: verdict.cause,
            asked,
            mode: if asked_by_sample {
                Mode::DryRun
            } else {
                terms.mode
            },
            channel: terms.channel,
            verdict,
            decided_at: now,
            state: State::Resolved(Resolution {
                outcome: Resolved::Expired,
                by: Resolver::Deadline,
                at: now,
                reason: None,
                answer: AnswerState::None,
            }),
            platform_outcome: None,
            votes: Vec::new(),
            approve_by: None,
            teams: Vec::new(),
        };
        let mut effects = Vec::new();
        if !case.asked.expired(now) {
            case.act_on_verdict(terms, now, &mut effects);
        }
        let entry = Entry {
            kind: EntryKind::Decided,
            detail: case.particulars(),
        };
        let mut step = Step {
            case,
            effects,
            earlier_answers: EarlierAnswers::Keep,
            decision: Decision::Stands,
            entry,
            ended: None,
        };
        step.tell(&Stood::default(), terms, now);
        step
    }

    /// Begins the life of a request that is decided only when the platform's own record was read back, which may take
    /// until `confirm_by`. `verdict` is what stands meanwhile.
    pub fn received(
        asked: Asked,
        verdict: Verdict,
        confirm_by: Timestamp,
        terms: &CaseTerms,
        now: Timestamp,
    ) -> Step {
        let mut step = Self::decided(asked, verdict, terms, now);
        if !step.case.asked.expired(now) {
            step.case.state = State::Received(Awaited { confirm_by });
            step.case.teams.clear();
            step.effects = vec![Planned {
                effect: Effect::Confirm,
                // What is needed to decide is done in every mode.
                release: Release::Send,
                not_after: confirm_by,
            }];
            step.entry = Entry {
                kind: EntryKind::Received,
                detail: json!({ "confirm_by": confirm_by, "verdict": step.case.verdict, "input": step.case.asked.input }),
            };
        }
        step
    }

    /// The request is what the record says, and decided.
    pub(super) fn confirmed(
        mut self,
        confirmed: Confirmed,
        terms: &CaseTerms,
        now: Timestamp,
    ) -> Step {
        let Confirmed {
            asked,
            verdict,
            input,
            token,
        } = confirmed;
        self.asked = asked;
        self.decide(verdict, Decision::MadeOnRecord { input, token }, terms, now)
    }

    /// Somebody said that it was over before anything was decided, and the platform still lists it.
    pub(super) fn taken_up_again(
        mut self,
        record: Confirmed,
        terms: &CaseTerms,
        now: Timestamp,
    ) -> Step {
        self.platform_outcome = None;
        let doubt = TOLD_OTHERWISE.to_owned();
        let record = Confirmed {
            verdict: Verdict::unconfirmed(doubt, record.verdict.revision),
            ..record
        };
        self.confirmed(record, terms, now)
    }

    /// People are asked about what the delivery claimed.
    pub(super) fn unconfirmed(self, doubt: String, terms: &CaseTerms, now: Timestamp) -> Step {
        let verdict = Verdict::unconfirmed(doubt, self.verdict.revision.clone());
        self.decide(verdict, Decision::Made, terms, now)
    }

    fn decide(
        mut self,
        verdict: Verdict,
        decision: Decision,
        terms: &CaseTerms,
        now: Timestamp,
    ) -> Step {
        (self.outcome, self.cause) = (verdict.outcome, verdict.cause);
        self.verdict = verdict;
        self.decided_at = now;
        let mut effects = Vec::new();
        if self.asked.expired(now) {
            self.end(Resolved::Expired, Resolver::Deadline, None, now);
        } else {
            self.act_on_verdict(terms, now, &mut effects);
        }
        let detail = self.particulars();
        Step {
            effects,
            decision,
            ..self.stepped(EntryKind::Decided, detail, EarlierAnswers::Keep)
        }
    }

    fn act_on_verdict(&mut self, terms: &CaseTerms, now: Timestamp, effects: &mut Vec<Planned>) {
        let ballot = match self.outcome {
            Outcome::Approve => Ballot::Approve,
            Outcome::Reject => Ballot::Reject,
            Outcome::Escalate => return self.open(terms, now),
        };
        self.resolve(ballot, Resolver::Policy, None, terms, now, effects);
    }

    fn particulars(&self) -> serde_json::Value {
        json!({
            "outcome": self.outcome, "cause": self.cause, "mode": self.mode,
            "resolution": self.resolution(), "revision": self.verdict.revision,
        })
    }
}
