//! How people are asked: who first, who next, when they are reminded, and what they are told.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::domain::case::{Case, CaseTerms, EarlierAnswers, Mode, Resolved, Resolver, State, Step};
use crate::domain::effect::{Ballot, Effect, Planned, Release};
use crate::domain::escalation::Escalation;
use crate::domain::log_entry::EntryKind;
use crate::domain::notice::{Notice, Occasion};
use crate::domain::platform::PlatformOutcome;
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

    /// Whether `team` is asked, or was.
    pub fn was_asked(&self, team: &str) -> bool {
        let asking = self.question().into_iter();
        let asking = asking.flat_map(|question| question.before.iter().chain(&question.to));
        self.teams.iter().chain(asking).any(|asked| asked == team)
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

    /// Keeps which teams were asked, when they are not any more: how it ends is told to them, and nobody else's to know.
    fn keep_asked(&mut self, before: Option<&Escalation>) {
        let asked: Vec<String> = before
            .into_iter()
            .chain(self.question())
            .flat_map(|question| question.before.iter().chain(&question.to))
            .cloned()
            .collect();
        for team in asked {
            if !self.teams.contains(&team) {
                self.teams.push(team);
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

/// What teams know of a case before it moves.
#[derive(Debug, Default)]
pub(super) struct Stood {
    pub(super) question: Option<Escalation>,
    ending: Option<Resolved>,
    platform: Option<PlatformOutcome>,
}

impl Stood {
    pub(super) fn of(case: &Case) -> Self {
        Self {
            question: case.question().cloned(),
            ending: case.resolution().map(|said| said.outcome),
            platform: case.platform_outcome.clone(),
        }
    }

    /// Whether the end that was told is not the end any more, or the platform's word on it is another than before.
    fn is_overruled(&self, case: &Case) -> bool {
        let ending = case.resolution().map(|said| said.outcome);
        let word = case.platform_outcome.as_ref();
        let contradicts = |word: Option<&PlatformOutcome>| {
            ending
                .zip(word)
                .is_some_and(|(ending, word)| ending.contradicts(word))
        };
        let known = self.platform.as_ref();
        ending != self.ending || (word != known && (contradicts(word) || contradicts(known)))
    }
}

impl Step {
    /// Plans what teams are told after `before`, and keeps which teams were asked.
    pub(super) fn tell(&mut self, before: &Stood, terms: &CaseTerms, now: Timestamp) {
        self.case.keep_asked(before.question.as_ref());
        let after = self.case.question();
        let mut told: Vec<(Option<&str>, Occasion)> = Vec::new();
        let everybody = self.case.teams.iter();
        let closed = everybody.map(|team| (Some(team.as_str()), Occasion::Closed));
        match (&before.question, after) {
            (None, None) if before.is_overruled(&self.case) => told.extend(closed),
            (None, None) => return,
            (None, Some(asked)) => {
                told.push((asked.to.as_deref(), Occasion::Asked));
                if before.ending.is_some() {
                    let others = self.case.teams.iter().map(|team| Some(team.as_str()));
                    let others = others.filter(|team| *team != asked.to.as_deref());
                    told.extend(others.map(|team| (team, Occasion::Reopened)));
                }
            }
            (Some(_), None) => told.extend(closed),
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
        // Who was asked for real is told the end for real: that the platform is told nothing any more is no reason to leave
        // people with a question that is over.
        let release = match self.case.mode {
            Mode::Enforce => Release::Send,
            Mode::DryRun => Release::Would,
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
