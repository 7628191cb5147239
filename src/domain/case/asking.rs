//! How people are asked: who first, who next, when they are reminded, and what they are told.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::domain::case::{Case, CaseTerms, EarlierAnswers, Mode, Resolver, State, Step};
use crate::domain::effect::{Ballot, Effect, Planned, Release};
use crate::domain::escalation::Escalation;
use crate::domain::log_entry::EntryKind;
use crate::domain::notice::{Notice, Occasion};
use crate::domain::team::OnDeadline;
use crate::domain::verdict::Terms;

/// How long people see a question that only an operator's sample asks.
const SAMPLE_OPEN: SignedDuration = SignedDuration::from_mins(10);

impl Case {
    /// The question that is open, if one is.
    pub fn question(&self) -> Option<&Escalation> {
        match &self.state {
            State::Open(escalation) => Some(escalation),
            State::Received(_) | State::Answering(_) | State::Resolved(_) => None,
        }
    }

    pub(super) fn open(&mut self, terms: &CaseTerms, now: Timestamp) {
        let asked_for = self.verdict.terms.as_ref();
        let to = asked_for
            .and_then(|asked_for| asked_for.to.clone())
            .or_else(|| terms.people.defaults().to.clone());
        self.ask(to.as_deref(), Vec::new(), terms, now);
    }

    fn ask(&mut self, to: Option<&str>, before: Vec<String>, terms: &CaseTerms, now: Timestamp) {
        let none = Terms::default();
        let asked_for = self.verdict.terms.as_ref().unwrap_or(&none);
        // Nobody waits for the answer to a sample.
        let end = self.asked.request.is_sample();
        let end = end.then(|| now.saturating_add(SAMPLE_OPEN).unwrap_or(Timestamp::MAX));
        let end = self.asked.expires_at.into_iter().chain(end).min();
        self.state = State::Open(Escalation::open(
            to,
            before,
            asked_for,
            &terms.people,
            end,
            now,
        ));
    }

    /// The next team is asked, or nobody answered.
    pub(super) fn time_is_up(
        mut self,
        escalation: &Escalation,
        terms: &CaseTerms,
        now: Timestamp,
    ) -> Step {
        let team = escalation.to.as_deref();
        if self.asked.expired(now) || self.asked.request.is_sample() {
            return self.expire(now);
        }
        if let Some(next) = terms.people.next(team, &escalation.before) {
            let mut before = escalation.before.clone();
            before.extend(escalation.to.clone());
            self.ask(Some(&next.name), before, terms, now);
            if let State::Open(question) = &mut self.state {
                question.because.clone_from(&escalation.because);
            }
            let detail = json!({ "from": team, "to": next.name });
            return self.stepped(EntryKind::HandedOver, detail, EarlierAnswers::Keep);
        }
        let on_deadline = team.and_then(|team| terms.people.team(team));
        match on_deadline.map_or(OnDeadline::Expire, |team| team.on_deadline) {
            OnDeadline::Expire => self.expire(now),
            OnDeadline::Reject => {
                let mut effects = Vec::new();
                let why = format!("nobody of `{}` answered in time", team.unwrap_or_default());
                let (by, why) = (Resolver::Deadline, Some(why));
                self.resolve(Ballot::Reject, by, why, terms, now, &mut effects);
                let detail = json!({ "resolution": self.resolution() });
                Step {
                    effects,
                    ..self.stepped(EntryKind::Resolved, detail, EarlierAnswers::Withdraw)
                }
            }
        }
    }

    /// Half of the team's time is up.
    pub(super) fn remind(mut self, escalation: Escalation) -> Step {
        let detail = json!({ "to": escalation.to, "deadline": escalation.deadline });
        self.state = State::Open(Escalation {
            remind_at: None,
            ..escalation
        });
        self.stepped(EntryKind::Reminded, detail, EarlierAnswers::Keep)
    }
}

impl Step {
    /// Plans what teams are told after a question that was `before`.
    pub(super) fn tell(&mut self, before: Option<&Escalation>, terms: &CaseTerms, now: Timestamp) {
        let after = self.case.question();
        let mut told: Vec<(Option<&str>, Occasion)> = Vec::new();
        match (before, after) {
            (None, None) => return,
            (None, Some(asked)) => told.push((asked.to.as_deref(), Occasion::Asked)),
            (Some(over), None) => {
                let earlier = over.before.iter().map(String::as_str);
                told.extend(earlier.map(|team| (Some(team), Occasion::Closed)));
                told.push((over.to.as_deref(), Occasion::Closed));
            }
            (Some(over), Some(asked)) if over.to != asked.to => {
                told.push((over.to.as_deref(), Occasion::HandedOver));
                told.push((asked.to.as_deref(), Occasion::Asked));
            }
            (Some(over), Some(asked)) => {
                let reminded = over.remind_at.is_some() && asked.remind_at.is_none();
                let occasion = if reminded {
                    Occasion::Reminded
                } else {
                    Occasion::Voted
                };
                told.push((asked.to.as_deref(), occasion));
            }
        }
        let patience = now.saturating_add(terms.give_up_after);
        let not_after = after.map_or(patience.unwrap_or(Timestamp::MAX), |asked| asked.deadline);
        let leaves = self.case.mode == Mode::Enforce && terms.mode == Mode::Enforce;
        let release = if leaves {
            Release::Send
        } else {
            Release::Would
        };
        let planned: Vec<Planned> = told
            .into_iter()
            .flat_map(|(team, occasion)| {
                let channels = terms.people.channels(team).iter();
                channels.map(move |channel| (channel.clone(), occasion))
            })
            .map(|(channel, occasion)| Planned {
                effect: Effect::Notify(Notice { channel, occasion }),
                release,
                not_after,
            })
            .collect();
        self.effects.extend(planned);
    }
}
