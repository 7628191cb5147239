//! Requests that wait for the platform's own record.

use super::*;
use crate::domain::freeze::Freeze;

fn doubtful() -> Verdict {
    Verdict::unconfirmed("not read back yet".to_owned(), Revision::of([7; 32]))
}

fn received() -> Step {
    Case::received(asked(), doubtful(), at(120), &terms(), at(0))
}

fn confirmed(verdict: Verdict) -> Event {
    Event::Confirmed(Box::new(Confirmed {
        asked: Asked {
            action: Some("stripe.payout".to_owned()),
            ..asked()
        },
        verdict,
        input: "{\"action\":\"stripe.payout\"}".into(),
        token: None,
    }))
}

#[test]
fn what_is_received_asks_for_the_record_and_for_nothing_else() {
    let step = received();
    assert_eq!(
        step.case.state,
        State::Received(Awaited {
            confirm_by: at(120)
        })
    );
    assert_eq!(step.case.outcome, Outcome::Escalate);
    assert_eq!(step.case.wakes_at(), Some(at(125)));
    assert_eq!(step.entry.kind, EntryKind::Received);
    let [planned] = &step.effects[..] else {
        panic!("{:?}", step.effects)
    };
    assert_eq!(planned.effect, Effect::Confirm);
    assert_eq!(planned.not_after, at(120));
}

#[test]
fn the_record_is_read_back_in_dry_run_too() {
    let dry = CaseTerms {
        mode: Mode::DryRun,
        ..terms()
    };
    let step = Case::received(asked(), doubtful(), at(120), &dry, at(0));
    assert!(
        step.effects
            .iter()
            .all(|planned| planned.release == Release::Send)
    );
    let step = step
        .case
        .step(confirmed(verdict(Outcome::Approve)), &dry, at(2))
        .unwrap();
    assert!(
        step.effects
            .iter()
            .all(|planned| planned.release == Release::Would)
    );
}

#[test]
fn the_record_decides_and_what_it_says_replaces_what_the_delivery_said() {
    let step = after(received().case, confirmed(verdict(Outcome::Approve)));
    assert_eq!(
        brief(&step.case),
        "answering approved by policy, answer pending"
    );
    assert_eq!(ballots(&step), [Ballot::Approve]);
    assert_eq!(step.case.asked.action.as_deref(), Some("stripe.payout"));
    assert_eq!(step.case.decided_at, at(2));
    assert_eq!(step.entry.kind, EntryKind::Decided);
    assert_eq!(
        step.decision,
        Decision::MadeOnRecord {
            input: "{\"action\":\"stripe.payout\"}".into(),
            token: None,
        }
    );
}

#[test]
fn a_request_that_the_platform_does_not_bear_out_is_left_to_a_person() {
    let doubt = "the platform does not list it as pending".to_owned();
    let step = after(received().case, Event::Unconfirmed { doubt });
    assert_eq!(step.case.state.as_str(), "open");
    assert_eq!(
        (step.case.outcome, step.case.cause),
        (Outcome::Escalate, Cause::Source)
    );
    assert_eq!(
        crate::domain::rationale::standing(&step.case),
        "Left to a person: the platform does not list it as pending."
    );
    assert_eq!(step.effects, []);
}

#[test]
fn nobody_votes_before_the_record_is_there() {
    let case = received().case;
    let event = vote(&case, "alice", Ballot::Approve);
    assert_eq!(case.step(event, &terms(), at(1)), Err(Refused::NotDecided));
}

#[test]
fn the_clock_leaves_it_to_a_person_when_the_record_does_not_come() {
    let case = received().case;
    assert_eq!(
        case.clone().step(Event::TimePassed, &terms(), at(124)),
        Err(Refused::Nothing)
    );
    let step = case.step(Event::TimePassed, &terms(), at(125)).unwrap();
    assert_eq!(step.case.state.as_str(), "open");
    assert_eq!(step.case.cause, Cause::Source);
    let late = step
        .case
        .step(confirmed(verdict(Outcome::Approve)), &terms(), at(126));
    assert_eq!(
        late,
        Err(Refused::Nothing),
        "a late record does not answer for people"
    );
}

#[test]
fn a_freeze_turns_what_the_record_would_approve_into_a_question() {
    let freeze = Freeze {
        by: "alice".to_owned(),
        reason: "look".to_owned(),
        since: at(1),
    };
    let frozen = confirmed(verdict(Outcome::Approve)).under(Some(&freeze));
    let step = after(received().case, frozen);
    assert_eq!(
        (step.case.state.as_str(), step.case.cause),
        ("open", Cause::Frozen)
    );
    let rejected = confirmed(verdict(Outcome::Reject)).under(Some(&freeze));
    let step = after(received().case, rejected);
    assert_eq!(ballots(&step), [Ballot::Reject]);
}

#[test]
fn what_the_platform_still_lists_is_opened_again_though_we_were_told_of_its_end() {
    let told = Event::PlatformResolved {
        outcome: Some(PlatformOutcome::Approved),
        by: None,
        reason: None,
        told: Told::ByThePlatform,
    };
    let closed = after(begun(verdict(Outcome::Escalate)), told).case;
    assert_eq!(
        brief(&closed),
        "resolved superseded by platform, answer none"
    );
    let step = after(closed, Event::StillPending { record: None });
    assert_eq!(
        (step.case.state.as_str(), step.case.cause),
        ("open", Cause::Source)
    );
    assert_eq!(step.case.platform_outcome, None);
    assert_eq!(step.effects, []);
    let rationale = crate::domain::rationale::standing(&step.case);
    assert!(
        rationale.contains("still lists it as pending"),
        "{rationale}"
    );
}

#[test]
fn what_was_said_to_be_over_before_it_was_decided_is_asked_by_the_record() {
    let told = Event::PlatformResolved {
        outcome: Some(PlatformOutcome::Approved),
        by: None,
        reason: None,
        told: Told::ByThePlatform,
    };
    let closed = after(received().case, told).case;
    let Event::Confirmed(record) = confirmed(verdict(Outcome::Approve)) else {
        panic!("a record")
    };
    let record = Some(record);
    let step = after(closed, Event::StillPending { record });
    assert_eq!(
        (step.case.state.as_str(), step.case.cause),
        ("open", Cause::Source)
    );
    assert!(matches!(step.decision, Decision::MadeOnRecord { .. }));
    assert_eq!((step.case.platform_outcome, step.effects), (None, vec![]));
}

#[test]
fn what_ended_here_is_not_opened_again() {
    let case = begun(verdict(Outcome::Reject));
    let settled = after(case, Event::AnswerTaken { platform: None }).case;
    assert_eq!(
        settled.step(Event::StillPending { record: None }, &terms(), at(3)),
        Err(Refused::Nothing)
    );
}

#[test]
fn a_sample_is_decided_and_never_answered() {
    let sample = Asked {
        request: RequestId::parse("countersign-test-1").unwrap(),
        ..asked()
    };
    let step = Case::decided(sample, verdict(Outcome::Approve), &terms(), at(0));
    assert_eq!(
        brief(&step.case),
        "resolved approved by policy, answer none"
    );
    assert!(
        step.effects
            .iter()
            .all(|planned| planned.release == Release::Would)
    );
}

#[test]
fn what_people_decided_on_a_claim_that_the_record_does_not_bear_out_is_asked_again() {
    let doubt = || "the record differs in `context`".to_owned();
    let doubtful = after(received().case, Event::Unconfirmed { doubt: doubt() }).case;
    for ballot in [Ballot::Approve, Ballot::Reject] {
        let event = vote(&doubtful, "alice", ballot);
        let said = after(doubtful.clone(), event);
        assert_eq!(ballots(&said), [ballot]);
        let step = after(said.case, Event::AnswerUnfounded { doubt: doubt() });
        assert_eq!(step.case.state.as_str(), "open");
        assert_eq!(step.earlier_answers, EarlierAnswers::Withdraw);
        assert_eq!((step.case.votes, step.effects), (vec![], vec![]));
        let State::Open(question) = step.case.state else {
            panic!("people are asked")
        };
        assert_eq!(question.because, Some(doubt()));
    }
}

#[test]
fn a_question_that_only_a_sample_asks_ends_soon() {
    let sample = Asked {
        request: RequestId::parse("countersign-test-1").unwrap(),
        ..asked()
    };
    let case = Case::decided(sample, verdict(Outcome::Escalate), &terms(), at(0)).case;
    assert_eq!(case.wakes_at(), Some(at(600)));
}

#[test]
fn what_nobody_proved_takes_no_answer_back_that_says_the_same() {
    let heard = |outcome| Event::PlatformResolved {
        outcome: Some(outcome),
        by: None,
        reason: None,
        told: Told::ByAnybody,
    };
    let step = after(
        begun(verdict(Outcome::Approve)),
        heard(PlatformOutcome::Approved),
    );
    assert_eq!(
        brief(&step.case),
        "answering approved by policy, answer pending"
    );
    assert_eq!(step.earlier_answers, EarlierAnswers::Keep);
    assert_eq!(step.entry.kind, EntryKind::PlatformReported);
    let again = heard(PlatformOutcome::Approved);
    assert_eq!(
        step.case.clone().step(again, &terms(), at(3)),
        Err(Refused::Nothing)
    );
    let step = after(step.case, Event::AnswerTaken { platform: None });
    assert_eq!(
        brief(&step.case),
        "resolved approved by policy, answer settled"
    );
    assert_eq!(step.case.platform_outcome, Some(PlatformOutcome::Approved));
    let step = after(
        begun(verdict(Outcome::Approve)),
        heard(PlatformOutcome::Rejected),
    );
    assert_eq!(
        brief(&step.case),
        "resolved superseded by platform, answer none"
    );
}

#[test]
fn an_answer_that_the_record_does_not_bear_out_is_a_question_whoever_gave_it() {
    let said = begun(verdict(Outcome::Approve));
    let doubt = "the record differs in `context`".to_owned();
    let step = after(said, Event::AnswerUnfounded { doubt });
    assert_eq!(step.case.state.as_str(), "open");
    assert_eq!(step.earlier_answers, EarlierAnswers::Withdraw);
}
