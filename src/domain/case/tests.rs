mod received;
mod teams;
mod votes;

use super::*;
use std::collections::BTreeSet;

use crate::domain::effect::{Ballot, Effect, Planned, Release};
use crate::domain::escalation::{EscalationDefaults, Via};
use crate::domain::id::Revision;
use crate::domain::log_entry::EntryKind;
use crate::domain::person::{Person, Role};
use crate::domain::verdict::Terms;

pub(in crate::domain) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + second).unwrap()
}

pub(in crate::domain) fn terms() -> CaseTerms {
    CaseTerms {
        mode: Mode::Enforce,
        channel: Channel::Answer,
        answer_within: SignedDuration::from_mins(15),
        give_up_after: SignedDuration::from_hours(24),
        people: Arc::new(People::without_teams(EscalationDefaults {
            to: Some("ops".to_owned()),
            votes: 1,
            within: SignedDuration::from_hours(1),
        })),
        rationale_limit: 500,
    }
}

pub(in crate::domain) fn asked() -> Asked {
    let source = SourceName::parse("refunds").unwrap();
    let request = RequestId::parse("appr_1").unwrap();
    Asked {
        id: CaseId::derive(&source, "", &request),
        source,
        platform: "tracemem".to_owned(),
        request,
        action: Some("stripe.refund".to_owned()),
        agent: Some("billing-bot".to_owned()),
        expires_at: None,
        rationale_required: false,
        content: ContentDigest::of(&[b"content"]),
        input: ContentDigest::of(&[b"{}"]),
        traceparent: None,
    }
}

pub(in crate::domain) fn verdict(outcome: Outcome) -> Verdict {
    Verdict {
        doubt: None,
        outcome,
        cause: Cause::Rule,
        rules: Vec::new(),
        evidence: Vec::new(),
        failures: Vec::new(),
        terms: None,
        freeze: None,
        revision: Revision::of([7; 32]),
        nearest: Vec::new(),
        counterfactual: None,
    }
}

fn two_votes() -> Verdict {
    Verdict {
        doubt: None,
        terms: Some(Terms {
            to: None,
            votes: Some(2),
            within_seconds: Some(600),
        }),
        ..verdict(Outcome::Escalate)
    }
}

fn begun(verdict: Verdict) -> Case {
    Case::decided(asked(), verdict, &terms(), at(0)).case
}

fn vote(case: &Case, by: &str, ballot: Ballot) -> Event {
    Event::Voted {
        by: approver(by),
        via: Via::Api,
        vote: ballot,
        reason: Some("looked at it".to_owned()),
        shown: case.shown(),
    }
}

/// Somebody who may vote, in no team.
pub(in crate::domain) fn approver(name: &str) -> Person {
    Person {
        name: name.to_owned(),
        email: None,
        role: Role::Approver,
        teams: BTreeSet::new(),
        also: BTreeSet::new(),
    }
}

fn after(case: Case, event: Event) -> Step {
    case.step(event, &terms(), at(2)).unwrap()
}

fn ballots(step: &Step) -> Vec<Ballot> {
    let answer = |planned: &Planned| match &planned.effect {
        Effect::Answer(answer) => Some(answer.ballot),
        Effect::Forward(_) | Effect::Confirm | Effect::Notify(_) => None,
    };
    step.effects.iter().filter_map(answer).collect()
}

/// A case in brief: state, resolution, answer.
fn brief(case: &Case) -> String {
    let resolution = case.resolution().map_or_else(String::new, |resolution| {
        format!(
            " {} by {}, answer {}",
            resolution.outcome, resolution.by, resolution.answer
        )
    });
    format!("{}{resolution}", case.state.as_str())
}

#[test]
fn an_approval_is_answered_by_policy() {
    let step = Case::decided(asked(), verdict(Outcome::Approve), &terms(), at(0));
    assert_eq!(ballots(&step), [Ballot::Approve]);
    assert_eq!(step.effects[0].not_after, at(15 * 60));
    assert_eq!(step.effects[0].release, Release::Send);
    assert_eq!(
        brief(&step.case),
        "answering approved by policy, answer pending"
    );
}

#[test]
fn a_rejection_is_tried_longer_than_an_approval() {
    let step = Case::decided(asked(), verdict(Outcome::Reject), &terms(), at(0));
    assert_eq!(ballots(&step), [Ballot::Reject]);
    assert_eq!(step.effects[0].not_after, at(24 * 3600));
}

#[test]
fn an_escalation_asks_people_and_sends_nothing() {
    let step = Case::decided(asked(), verdict(Outcome::Escalate), &terms(), at(0));
    assert!(step.effects.is_empty());
    assert_eq!(brief(&step.case), "open");
    assert_eq!(step.case.wakes_at(), Some(at(3600)));
}

#[test]
fn a_request_that_has_expired_is_never_answered() {
    let late = Asked {
        expires_at: Some(at(0)),
        ..asked()
    };
    for outcome in [Outcome::Approve, Outcome::Reject, Outcome::Escalate] {
        let step = Case::decided(late.clone(), verdict(outcome), &terms(), at(0));
        assert!(step.effects.is_empty());
        assert_eq!(
            brief(&step.case),
            "resolved expired by deadline, answer none"
        );
    }
}

#[test]
fn dry_run_records_the_answer_that_it_does_not_send() {
    let dry = CaseTerms {
        mode: Mode::DryRun,
        ..terms()
    };
    let step = Case::decided(asked(), verdict(Outcome::Approve), &dry, at(0));
    assert_eq!(step.effects[0].release, Release::Would);
    assert_eq!(
        brief(&step.case),
        "resolved approved by policy, answer none"
    );
}

#[test]
fn an_agent_that_waits_is_told_without_an_effect() {
    let wait = CaseTerms {
        channel: Channel::Wait,
        ..terms()
    };
    let step = Case::decided(asked(), verdict(Outcome::Approve), &wait, at(0));
    assert!(step.effects.is_empty());
    assert_eq!(
        brief(&step.case),
        "resolved approved by policy, answer none"
    );
}

#[test]
fn what_an_answer_comes_to() {
    let approved = Some(PlatformOutcome::Approved);
    let rejected = Some(PlatformOutcome::Rejected);
    let table = [
        (
            Event::AnswerTaken { platform: None },
            "resolved approved by policy, answer settled",
        ),
        (
            Event::AnswerTaken {
                platform: approved.clone(),
            },
            "resolved approved by policy, answer settled",
        ),
        (
            Event::AnswerTaken {
                platform: rejected.clone(),
            },
            "resolved superseded by platform, answer none",
        ),
        (
            Event::AnswerNotNeeded {
                platform: approved.clone(),
                ours: Whose::NotOurs,
            },
            "resolved approved by policy, answer settled",
        ),
        (
            Event::AnswerNotNeeded {
                platform: None,
                ours: Whose::PerhapsOurs,
            },
            "resolved approved by policy, answer settled",
        ),
        (
            Event::AnswerNotNeeded {
                platform: None,
                ours: Whose::NotOurs,
            },
            "resolved superseded by platform, answer none",
        ),
        (
            Event::AnswerNotNeeded {
                platform: rejected.clone(),
                ours: Whose::PerhapsOurs,
            },
            "resolved superseded by platform, answer none",
        ),
        (
            Event::PlatformResolved {
                outcome: approved,
                by: None,
                reason: None,
                told: Told::ByThePlatform,
            },
            "resolved approved by policy, answer settled",
        ),
        (
            Event::PlatformResolved {
                outcome: rejected,
                by: None,
                reason: None,
                told: Told::ByThePlatform,
            },
            "resolved superseded by platform, answer none",
        ),
        (
            Event::AnswerExpired,
            "resolved expired by deadline, answer none",
        ),
        (
            Event::AnswerGivenUp {
                error: "down".into(),
            },
            "answering approved by policy, answer dead",
        ),
        (
            Event::AnswerTooLate {
                error: "down".into(),
            },
            "open",
        ),
    ];
    for (event, expected) in table {
        let step = after(begun(verdict(Outcome::Approve)), event.clone());
        assert_eq!(brief(&step.case), expected, "after {event:?}");
        assert!(step.effects.is_empty());
    }
}

#[test]
fn one_human_voting_twice_does_not_make_a_quorum_of_two() {
    let case = begun(two_votes());
    let first = vote(&case, "alice", Ballot::Approve);
    let case = after(case, first).case;
    let again = vote(&case, "alice", Ballot::Approve);
    let step = after(case, again);
    assert_eq!(brief(&step.case), "open");
    assert_eq!(step.case.votes.len(), 1);
    let other = vote(&step.case, "bob", Ballot::Approve);
    let step = after(step.case, other);
    assert_eq!(ballots(&step), [Ballot::Approve]);
    assert_eq!(
        brief(&step.case),
        "answering approved by person:bob, answer pending"
    );
}

#[test]
fn one_reject_is_enough_whatever_the_quorum() {
    let case = begun(two_votes());
    let yes = vote(&case, "alice", Ballot::Approve);
    let case = after(case, yes).case;
    let no = vote(&case, "bob", Ballot::Reject);
    let step = after(case, no);
    assert_eq!(ballots(&step), [Ballot::Reject]);
}

#[test]
fn a_person_may_take_a_vote_back_while_the_question_is_open() {
    let case = begun(two_votes());
    let yes = vote(&case, "alice", Ballot::Approve);
    let case = after(case, yes).case;
    let no = vote(&case, "alice", Ballot::Reject);
    assert_eq!(ballots(&after(case, no)), [Ballot::Reject]);
}

#[test]
fn a_late_vote_does_not_reopen_an_expired_case() {
    let case = begun(verdict(Outcome::Escalate));
    let late = vote(&case, "alice", Ballot::Approve);
    let expired = case
        .clone()
        .step(Event::TimePassed, &terms(), at(3600))
        .unwrap()
        .case;
    assert_eq!(brief(&expired), "resolved expired by deadline, answer none");
    assert!(matches!(
        expired.step(late.clone(), &terms(), at(3601)),
        Err(Refused::Closed(resolution)) if resolution.outcome == Resolved::Expired
    ));
    // Nor does one that comes before the clock was looked at.
    let step = case.step(late, &terms(), at(3600)).unwrap();
    assert!(step.effects.is_empty());
    assert_eq!(
        brief(&step.case),
        "resolved expired by deadline, answer none"
    );
}

#[test]
fn a_vote_on_something_else_than_what_stands_is_stale() {
    let case = begun(verdict(Outcome::Escalate));
    let other = begun(two_votes());
    assert_ne!(case.shown(), other.shown());
    let stale = vote(&other, "alice", Ballot::Approve);
    assert_eq!(case.step(stale, &terms(), at(1)), Err(Refused::Stale));
}

#[test]
fn a_question_ends_when_its_request_expires() {
    let short = Asked {
        expires_at: Some(at(60)),
        ..asked()
    };
    let case = Case::decided(short, verdict(Outcome::Escalate), &terms(), at(0)).case;
    assert_eq!(case.wakes_at(), Some(at(60)));
    assert_eq!(
        case.clone().step(Event::TimePassed, &terms(), at(59)),
        Err(Refused::Nothing)
    );
    let step = case.step(Event::TimePassed, &terms(), at(60)).unwrap();
    assert_eq!(
        brief(&step.case),
        "resolved expired by deadline, answer none"
    );
}

#[test]
fn an_approval_that_comes_too_late_becomes_a_question_to_a_person() {
    let step = after(
        begun(verdict(Outcome::Approve)),
        Event::AnswerTooLate {
            error: "the platform is down".to_owned(),
        },
    );
    assert_eq!(step.earlier_answers, EarlierAnswers::Withdraw);
    assert_eq!(
        (step.case.outcome, step.case.cause),
        (Outcome::Escalate, Cause::Source)
    );
    assert_eq!(step.case.verdict.outcome, Outcome::Approve);
    let yes = vote(&step.case, "alice", Ballot::Approve);
    assert_eq!(ballots(&after(step.case, yes)), [Ballot::Approve]);
}

#[test]
fn a_given_up_approval_becomes_a_question_when_its_time_is_over() {
    let case = after(
        begun(verdict(Outcome::Approve)),
        Event::AnswerGivenUp {
            error: "401".to_owned(),
        },
    )
    .case;
    assert_eq!(case.wakes_at(), Some(at(15 * 60)));
    let step = case.step(Event::TimePassed, &terms(), at(15 * 60)).unwrap();
    assert_eq!(brief(&step.case), "open");
}

#[test]
fn an_approval_too_late_for_an_expired_request_is_not_asked_again() {
    let short = Asked {
        expires_at: Some(at(60)),
        ..asked()
    };
    let case = Case::decided(short, verdict(Outcome::Approve), &terms(), at(0)).case;
    let late = Event::AnswerTooLate {
        error: "down".to_owned(),
    };
    let step = case.step(late, &terms(), at(60)).unwrap();
    assert_eq!(
        brief(&step.case),
        "resolved expired by deadline, answer none"
    );
}

#[test]
fn a_given_up_answer_can_be_retried_once() {
    let case = after(
        begun(verdict(Outcome::Reject)),
        Event::AnswerGivenUp {
            error: "401".to_owned(),
        },
    )
    .case;
    let retry = Event::AnswerRetried {
        by: "alice".to_owned(),
    };
    let step = after(case, retry.clone());
    assert_eq!(step.earlier_answers, EarlierAnswers::Revive);
    assert_eq!(
        step.case.step(retry, &terms(), at(3)),
        Err(Refused::Nothing)
    );
}

#[test]
fn the_platforms_latest_word_on_a_closed_case_is_kept_beside_it() {
    let case = after(
        begun(verdict(Outcome::Approve)),
        Event::AnswerTaken { platform: None },
    )
    .case;
    let word = |outcome, told| Event::PlatformResolved {
        outcome: Some(outcome),
        by: Some("carol".to_owned()),
        reason: None,
        told,
    };
    let approved = word(PlatformOutcome::Approved, Told::ByThePlatform);
    let rejected = word(PlatformOutcome::Rejected, Told::ByThePlatform);
    let step = after(case.clone(), approved.clone());
    assert_eq!(step.entry.kind, EntryKind::PlatformReported);
    assert_eq!(step.case.state, case.state);
    for nothing in [
        approved,
        word(PlatformOutcome::Rejected, Told::ByAnybody),
        word(
            PlatformOutcome::Other("archived".to_owned()),
            Told::ByThePlatform,
        ),
    ] {
        let stayed = step.case.clone().step(nothing, &terms(), at(3));
        assert_eq!(stayed, Err(Refused::Nothing));
    }
    let otherwise = after(step.case, rejected);
    assert_eq!(otherwise.entry.kind, EntryKind::PlatformReported);
    assert_eq!(
        otherwise.case.platform_outcome,
        Some(PlatformOutcome::Rejected)
    );
    assert_eq!(otherwise.case.state, case.state, "what we said stays said");
}

#[test]
fn an_approval_that_arrived_although_it_was_taken_back_is_not_recorded_as_the_rejection_after_it() {
    let case = after(
        begun(verdict(Outcome::Approve)),
        Event::AnswerTooLate {
            error: "timed out".to_owned(),
        },
    )
    .case;
    let no = vote(&case, "alice", Ballot::Reject);
    let case = after(case, no).case;
    let taken = Event::AnswerTaken { platform: None }
        .of_withdrawn(Ballot::Approve)
        .unwrap();
    let step = after(case, taken);
    assert_eq!(
        brief(&step.case),
        "resolved superseded by platform, answer none"
    );
    assert_eq!(step.case.platform_outcome, Some(PlatformOutcome::Approved));
    assert_eq!(step.earlier_answers, EarlierAnswers::Withdraw);
}

#[test]
fn the_failure_of_an_answer_that_was_taken_back_is_nobodys_concern() {
    let failed = Event::AnswerGivenUp {
        error: "401".to_owned(),
    };
    assert_eq!(failed.of_withdrawn(Ballot::Approve), None);
    let whose = Event::AnswerNotNeeded {
        platform: None,
        ours: Whose::PerhapsOurs,
    };
    assert_eq!(
        whose.of_withdrawn(Ballot::Approve),
        Some(Event::AnswerNotNeeded {
            platform: None,
            ours: Whose::NotOurs
        })
    );
}

#[test]
fn a_vote_counts_and_the_platform_is_told_nothing_once_the_source_is_in_dry_run() {
    let case = begun(verdict(Outcome::Escalate));
    let dry_run = CaseTerms {
        mode: Mode::DryRun,
        ..terms()
    };
    let yes = vote(&case, "alice", Ballot::Approve);
    let step = case.step(yes, &dry_run, at(2)).unwrap();
    assert_eq!(
        brief(&step.case),
        "resolved approved by person:alice, answer none"
    );
    assert_eq!(step.effects[0].release, Release::Would);
}

#[test]
fn nobody_approves_what_they_asked_for_themselves() {
    let case = begun(verdict(Outcome::Escalate));
    let own = vote(&case, "billing-bot", Ballot::Approve);
    assert_eq!(
        case.clone().step(own, &terms(), at(2)),
        Err(Refused::OwnRequest)
    );
    let no = vote(&case, "billing-bot", Ballot::Reject);
    assert_eq!(
        brief(&after(case, no).case),
        "answering rejected by person:billing-bot, answer pending"
    );
}
