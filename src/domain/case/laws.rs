//! Laws over any sequence of events, checked beside a model of the outbox.

use proptest::prelude::*;

use super::tests::{approver, asked, at, terms, verdict};
use super::*;
use crate::domain::effect::{Ballot, Effect, Release};
use crate::domain::escalation::{EscalationDefaults, Via};
use crate::domain::log_entry::EntryKind;
use crate::domain::verdict::Terms;

/// An answer in the model's outbox.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Waiting {
    Due(Ballot),
    Dead(Ballot),
}

/// What may happen; a vote is on what stands, or on something else.
#[derive(Debug, Clone)]
enum Happening {
    Vote(u8, Ballot, Shown),
    Other(Event),
}

#[derive(Debug, Clone, Copy)]
enum Shown {
    Now,
    Else,
}

fn ballot() -> impl Strategy<Value = Ballot> {
    prop_oneof![Just(Ballot::Approve), Just(Ballot::Reject)]
}

fn platform() -> impl Strategy<Value = Option<PlatformOutcome>> {
    prop_oneof![
        Just(None),
        Just(Some(PlatformOutcome::Approved)),
        Just(Some(PlatformOutcome::Rejected)),
        Just(Some(PlatformOutcome::Expired)),
        Just(Some(PlatformOutcome::Other("paused".to_owned()))),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    let shown = prop_oneof![9 => Just(Shown::Now), 1 => Just(Shown::Else)];
    let ours = prop_oneof![Just(Whose::PerhapsOurs), Just(Whose::NotOurs)];
    let error = || "down".to_owned();
    prop_oneof![
        4 => (0..3_u8, ballot(), shown).prop_map(|(by, vote, shown)| Happening::Vote(by, vote, shown)),
        2 => Just(Happening::Other(Event::TimePassed)),
        1 => platform().prop_map(|outcome| Happening::Other(ended(outcome, Told::ByThePlatform))),
        1 => platform().prop_map(|outcome| Happening::Other(ended(outcome, Told::ByAnybody))),
        1 => platform().prop_map(|platform| Happening::Other(Event::AnswerTaken { platform })),
        1 => (platform(), ours).prop_map(|(platform, ours)| Happening::Other(Event::AnswerNotNeeded { platform, ours })),
        1 => Just(Happening::Other(Event::AnswerExpired)),
        2 => Just(Happening::Other(Event::AnswerGivenUp { error: error() })),
        3 => Just(Happening::Other(Event::AnswerTooLate { error: error() })),
        2 => Just(Happening::Other(Event::AnswerRetried { by: "alice".to_owned() })),
        3 => outcome().prop_map(|outcome| Happening::Other(confirmed(outcome))),
        1 => Just(Happening::Other(Event::Unconfirmed { doubt: "it is not listed".to_owned() })),
        1 => Just(Happening::Other(Event::AnswerUnfounded { doubt: "another amount".to_owned() })),
        1 => Just(Happening::Other(Event::StillPending { record: None })),
        1 => outcome().prop_map(|outcome| Happening::Other(still_pending(outcome))),
    ]
}

fn ended(outcome: Option<PlatformOutcome>, told: Told) -> Event {
    Event::PlatformResolved {
        outcome,
        by: None,
        reason: None,
        told,
    }
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Approve),
        Just(Outcome::Reject),
        Just(Outcome::Escalate)
    ]
}

/// The record says the same as the delivery, and policy says `outcome`.
fn confirmed(outcome: Outcome) -> Event {
    Event::Confirmed(Box::new(recorded(outcome)))
}

fn recorded(outcome: Outcome) -> Confirmed {
    Confirmed {
        asked: asked(),
        verdict: verdict(outcome),
        input: "{}".into(),
        token: None,
    }
}

/// The platform lists it, and policy would say `outcome`.
fn still_pending(outcome: Outcome) -> Event {
    let record = Some(Box::new(recorded(outcome)));
    Event::StillPending { record }
}

/// Whether a decision was made on a record that was waited for, or that people are asked by after all.
fn decides(before: &Case, step: &Step) -> bool {
    let waited = match &before.state {
        State::Received(_) => true,
        State::Resolved(said) => {
            said.outcome == Resolved::Superseded && step.case.outcome == Outcome::Escalate
        }
        State::Open(_) | State::Answering(_) => false,
    };
    waited && step.decision != Decision::Stands
}

fn event(happening: &Happening, case: &Case) -> Event {
    match happening {
        Happening::Vote(by, vote, shown) => Event::Voted {
            by: approver(&format!("person {by}")),
            via: Via::Web,
            vote: *vote,
            reason: None,
            shown: match shown {
                Shown::Now => case.shown(),
                Shown::Else => ContentDigest::of(&[b"something else"]),
            },
        },
        Happening::Other(event) => event.clone(),
    }
}

/// What the store does to the outbox after a step.
fn keep(outbox: &mut Vec<Waiting>, step: &Step) {
    if step.entry.kind == EntryKind::DeadLettered {
        for waiting in outbox.iter_mut() {
            if let Waiting::Due(ballot) = *waiting {
                *waiting = Waiting::Dead(ballot);
            }
        }
    }
    match step.earlier_answers {
        EarlierAnswers::Keep => {}
        EarlierAnswers::Withdraw => outbox.clear(),
        EarlierAnswers::Revive => {
            for waiting in outbox.iter_mut() {
                if let Waiting::Dead(ballot) = *waiting {
                    *waiting = Waiting::Due(ballot);
                }
            }
        }
    }
    for planned in &step.effects {
        if let Effect::Answer(answer) = &planned.effect
            && planned.release == Release::Send
        {
            outbox.push(Waiting::Due(answer.ballot));
        }
    }
}

/// What has to be in the outbox for a case in this state.
fn needed(case: &Case) -> Vec<Waiting> {
    let State::Answering(resolution) = &case.state else {
        return Vec::new();
    };
    let ballot = match resolution.outcome {
        Resolved::Approved => Ballot::Approve,
        Resolved::Rejected => Ballot::Reject,
        Resolved::Expired | Resolved::Superseded => unreachable!("only a ballot is answered"),
    };
    match resolution.answer {
        AnswerState::Pending => vec![Waiting::Due(ballot)],
        AnswerState::Dead => vec![Waiting::Dead(ballot)],
        AnswerState::Settled | AnswerState::None => {
            unreachable!("an answer under way is not settled")
        }
    }
}

fn said_no(case: &Case) -> bool {
    case.resolution()
        .is_some_and(|resolution| resolution.outcome == Resolved::Rejected)
}

proptest! {
    #[test]
    fn no_sequence_of_events_breaks_a_case(
        outcome in outcome(),
        awaits in proptest::option::of(1..600_i64),
        mode in prop_oneof![3 => Just(Mode::Enforce), 1 => Just(Mode::DryRun)],
        channel in prop_oneof![3 => Just(Channel::Answer), 1 => Just(Channel::Wait)],
        quorum in 1..=3_u32,
        expiry in proptest::option::of(1..6000_i64),
        life in proptest::collection::vec((happening(), 0..1200_i64), 0..24),
    ) {
        let terms = CaseTerms {
            mode,
            channel,
            people: Arc::new(People::without_teams(EscalationDefaults { votes: quorum, ..terms().people.defaults().clone() })),
            ..terms()
        };
        let asked = Asked { expires_at: expiry.map(at), ..asked() };
        let first = match awaits {
            None => Case::decided(asked, verdict(outcome), &terms, at(0)),
            Some(until) => {
                let doubt = "not read back yet".to_owned();
                let verdict = Verdict::unconfirmed(doubt, verdict(outcome).revision);
                Case::received(asked, verdict, at(until), &terms, at(0))
            }
        };
        let mut outbox = Vec::new();
        keep(&mut outbox, &first);
        prop_assert_eq!(&outbox, &needed(&first.case));
        let mut case = first.case;
        let mut second = 0;
        for (happening, passed) in life {
            second += passed;
            let now = at(second);
            let before = case.clone();
            match case.clone().step(event(&happening, &case), &terms, now) {
                Err(_) => continue,
                Ok(step) => {
                    keep(&mut outbox, &step);
                    let decides = decides(&before, &step);
                    prop_assert!(mode == Mode::Enforce || step.effects.iter().all(|planned| planned.release == Release::Would));
                    prop_assert!(channel == Channel::Answer || step.effects.is_empty());
                    let approves = step.effects.iter().any(|planned|
                        matches!(&planned.effect, Effect::Answer(answer) if answer.ballot == Ballot::Approve));
                    let by_policy = decides && step.case.verdict.outcome == Outcome::Approve;
                    prop_assert!(!approves || by_policy || step.case.votes.len() >= quorum as usize, "no approval without its quorum");
                    prop_assert!(!matches!(before.state, State::Received(_)) || decides || step.effects.is_empty(), "nothing is answered before the record");
                    if !decides {
                        prop_assert_eq!(&step.case.verdict, &before.verdict);
                        prop_assert_eq!(&step.case.asked, &before.asked);
                    }
                    prop_assert!(!approves || step.case.asked.expires_at.is_none_or(|at| at > now), "none after the expiry");
                    case = step.case;
                }
            }
            prop_assert_eq!(&outbox, &needed(&case), "one answer under way at most, and that of the last word");
            if let State::Resolved(said) = &before.state && !(said.outcome == Resolved::Superseded && matches!(case.state, State::Open(_))) {
                let with_word = Case { platform_outcome: case.platform_outcome.clone(), ..before.clone() };
                prop_assert_eq!(&case, &with_word, "what is resolved stays, but for the platform's word");
            }
            if said_no(&before) && !matches!(happening, Happening::Other(Event::AnswerUnfounded { .. })) {
                prop_assert!(!matches!(case.state, State::Open(_)), "a no is not asked about again");
            }
            let asked = |question: &Escalation| question.to.iter().all(|team| case.teams.contains(team));
            prop_assert!(case.question().is_none_or(asked), "who is asked is kept");
            prop_assert!(case.teams.starts_with(&before.teams), "who was asked stays so");
            let mut people: Vec<_> = case.votes.iter().map(|vote| &vote.by).collect();
            people.sort();
            people.dedup();
            prop_assert_eq!(people.len(), case.votes.len(), "one vote for each person");
        }
    }

    #[test]
    fn the_clock_ends_every_question(within in 1..100_000_u64, expiry in proptest::option::of(1..100_000_i64)) {
        let question = Verdict {
            terms: Some(Terms { within_seconds: Some(within), ..Terms::default() }),
            ..verdict(Outcome::Escalate)
        };
        let asked = Asked { expires_at: expiry.map(at), ..asked() };
        let case = Case::decided(asked, question, &terms(), at(0)).case;
        let deadline = case.wakes_at().unwrap();
        prop_assert!(expiry.is_none_or(|expiry| deadline <= at(expiry)));
        let step = case.step(Event::TimePassed, &terms(), deadline).unwrap();
        prop_assert_eq!(step.case.resolution().map(|resolution| resolution.outcome), Some(Resolved::Expired));
        prop_assert!(step.case.wakes_at().is_none());
    }
}
