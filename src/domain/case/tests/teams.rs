use std::collections::BTreeMap;

use super::*;
use crate::domain::notice::{ChannelName, Notice};
use crate::domain::team::{OnDeadline, Team};

fn team(name: &str) -> Team {
    Team {
        name: name.to_owned(),
        channels: vec![ChannelName::new(name, "slack")],
        ..Team::default()
    }
}

fn with(teams: Vec<Team>) -> CaseTerms {
    let owners = BTreeMap::from([(
        "billing-bot".to_owned(),
        BTreeSet::from(["Carol@example.com".to_owned()]),
    )]);
    let defaults = EscalationDefaults {
        to: Some("payments".to_owned()),
        votes: 1,
        within: SignedDuration::from_hours(1),
    };
    CaseTerms {
        people: Arc::new(People::new(teams, owners, defaults)),
        ..terms()
    }
}

fn of(teams: &[&str], role: Role) -> Person {
    Person {
        name: "alice".to_owned(),
        email: Some("alice@example.com".to_owned()),
        role,
        teams: teams.iter().map(ToString::to_string).collect(),
        also: std::collections::BTreeSet::new(),
    }
}

fn says(case: &Case, by: Person, vote: Ballot) -> Event {
    Event::Voted {
        by,
        via: Via::Web,
        vote,
        reason: None,
        shown: case.shown(),
    }
}

/// What was told, where: `payments/slack asked`.
fn told(step: &Step) -> Vec<String> {
    let notice = |planned: &Planned| match &planned.effect {
        Effect::Notify(Notice { channel, occasion }) => {
            let mark = match planned.release {
                Release::Send => "",
                Release::Would => " (would)",
            };
            Some(format!("{channel} {occasion}{mark}"))
        }
        Effect::Answer(_) | Effect::Forward(_) | Effect::Confirm => None,
    };
    step.effects.iter().filter_map(notice).collect()
}

fn asks(terms: &CaseTerms) -> Step {
    Case::decided(asked(), verdict(Outcome::Escalate), terms, at(0))
}

fn two_teams() -> CaseTerms {
    let payments = Team {
        then: Some("managers".to_owned()),
        within: Some(SignedDuration::from_mins(10)),
        ..team("payments")
    };
    let managers = Team {
        within: Some(SignedDuration::from_mins(20)),
        on_deadline: OnDeadline::Reject,
        // A circle ends where it began.
        then: Some("payments".to_owned()),
        ..team("managers")
    };
    with(vec![payments, managers])
}

#[test]
fn a_team_is_asked_reminded_and_relieved_by_the_next_and_nobody_answering_is_no_approval() {
    let terms = two_teams();
    let step = asks(&terms);
    assert_eq!(told(&step), ["payments/slack asked"]);
    assert_eq!(step.case.wakes_at(), Some(at(300)));

    let digest = step.case.shown();
    let step = step.case.step(Event::TimePassed, &terms, at(300)).unwrap();
    assert_eq!(told(&step), ["payments/slack reminded"]);
    assert_eq!(step.entry.kind, EntryKind::Reminded);
    assert_eq!(
        step.case.shown(),
        digest,
        "a reminder leaves the page as it is"
    );
    assert_eq!(step.case.wakes_at(), Some(at(600)));

    let step = step.case.step(Event::TimePassed, &terms, at(600)).unwrap();
    assert_eq!(
        told(&step),
        ["payments/slack handed_over", "managers/slack asked"]
    );
    assert_eq!(step.case.question().unwrap().deadline, at(600 + 1200));
    assert_ne!(step.case.shown(), digest);

    let step = step.case.step(Event::TimePassed, &terms, at(1200)).unwrap();
    assert_eq!(told(&step), ["managers/slack reminded"]);
    let step = step.case.step(Event::TimePassed, &terms, at(1800)).unwrap();
    assert_eq!(
        brief(&step.case),
        "answering rejected by deadline, answer pending"
    );
    assert_eq!(ballots(&step), [Ballot::Reject]);
    assert_eq!(
        told(&step),
        ["payments/slack closed", "managers/slack closed"]
    );
    let Some(Effect::Answer(answer)) = step.effects.first().map(|planned| &planned.effect) else {
        panic!("{:?}", step.effects)
    };
    assert_eq!(
        answer.rationale,
        "Rejected: nobody of `managers` answered in time"
    );
}

#[test]
fn a_request_that_expires_first_is_not_handed_over_and_not_answered() {
    let terms = two_teams();
    let short = Asked {
        expires_at: Some(at(100)),
        ..asked()
    };
    let case = Case::decided(short, verdict(Outcome::Escalate), &terms, at(0)).case;
    assert_eq!(case.question().unwrap().remind_at, Some(at(50)));
    let step = case.step(Event::TimePassed, &terms, at(100)).unwrap();
    assert_eq!(
        brief(&step.case),
        "resolved expired by deadline, answer none"
    );
    assert!(ballots(&step).is_empty());
}

#[test]
fn the_shorter_of_the_policys_time_and_the_teams_holds() {
    let terms = two_teams();
    for (policys, deadline) in [(60, 60), (86_400, 600)] {
        let asked_for = Verdict {
            terms: Some(Terms {
                within_seconds: Some(policys),
                ..Terms::default()
            }),
            ..verdict(Outcome::Escalate)
        };
        let case = Case::decided(asked(), asked_for, &terms, at(0)).case;
        assert_eq!(case.question().unwrap().deadline, at(deadline));
    }
}

#[test]
fn who_is_not_asked_cannot_vote_and_an_owner_never_does() {
    let terms = two_teams();
    let case = asks(&terms).case;
    let refused = |by: Person| {
        let event = says(&case, by, Ballot::Reject);
        case.clone()
            .step(event, &terms, at(1))
            .unwrap_err()
            .to_string()
    };
    let not_asked = "`alice` is not asked; the team `payments` may vote";
    assert_eq!(refused(of(&["managers"], Role::Approver)), not_asked);
    assert_eq!(refused(of(&[], Role::Approver)), not_asked);
    assert_eq!(refused(of(&["payments"], Role::Viewer)), not_asked);
    let owner = Person {
        email: Some("carol@EXAMPLE.com".to_owned()),
        ..of(&["payments"], Role::Admin)
    };
    assert!(refused(owner).starts_with("nobody decides what they"));
    for by in [of(&["payments"], Role::Approver), of(&[], Role::Admin)] {
        let event = says(&case, by, Ballot::Approve);
        assert!(case.clone().step(event, &terms, at(1)).is_ok());
    }
}

#[test]
fn a_question_to_a_team_that_is_not_there_is_one_for_admins() {
    let mut terms = two_teams();
    let asked_for = Verdict {
        terms: Some(Terms {
            to: Some("paymnets".to_owned()),
            ..Terms::default()
        }),
        ..verdict(Outcome::Escalate)
    };
    let case = Case::decided(asked(), asked_for, &terms, at(0)).case;
    let vote = |role| says(&case, of(&["payments", "paymnets"], role), Ballot::Approve);
    assert!(
        case.clone()
            .step(vote(Role::Approver), &terms, at(1))
            .is_err()
    );
    assert!(case.clone().step(vote(Role::Admin), &terms, at(1)).is_ok());
    // Who configures no team at all means nothing by the name.
    terms.people = Arc::new(People::without_teams(terms.people.defaults().clone()));
    assert!(
        case.clone()
            .step(vote(Role::Approver), &terms, at(1))
            .is_ok()
    );
}

#[test]
fn one_person_with_two_ways_in_is_one_voter() {
    let two = Team {
        votes: Some(2),
        ..team("payments")
    };
    let terms = with(vec![two]);
    let case = asks(&terms).case;
    let first = says(&case, of(&["payments"], Role::Approver), Ballot::Approve);
    let step = case.step(first, &terms, at(1)).unwrap();
    assert_eq!(told(&step), ["payments/slack voted"]);
    let by_mail = Person {
        name: "ALICE@example.com".to_owned(),
        email: None,
        ..of(&["payments"], Role::Approver)
    };
    let again = says(&step.case, by_mail, Ballot::Approve);
    let step = step.case.step(again, &terms, at(2)).unwrap();
    assert_eq!(step.case.votes.len(), 1);
    let bob = Person {
        name: "bob".to_owned(),
        email: None,
        ..of(&["payments"], Role::Approver)
    };
    let event = says(&step.case, bob, Ballot::Approve);
    let step = step.case.step(event, &terms, at(3)).unwrap();
    assert_eq!(
        brief(&step.case),
        "answering approved by person:bob, answer pending"
    );
    assert_eq!(told(&step), ["payments/slack closed"]);
}

#[test]
fn what_was_approved_for_one_team_does_not_count_for_the_next() {
    let mut terms = two_teams();
    let payments = Team {
        votes: Some(2),
        ..terms.people.team("payments").unwrap().clone()
    };
    let managers = terms.people.team("managers").unwrap().clone();
    terms = with(vec![
        payments,
        Team {
            votes: Some(2),
            ..managers
        },
    ]);
    let case = asks(&terms).case;
    let first = says(&case, of(&["payments"], Role::Approver), Ballot::Approve);
    let case = case.step(first, &terms, at(1)).unwrap().case;
    let case = case.step(Event::TimePassed, &terms, at(600)).unwrap().case;
    let manager = Person {
        name: "mia".to_owned(),
        email: None,
        ..of(&["managers"], Role::Approver)
    };
    let second = says(&case, manager, Ballot::Approve);
    let case = case.step(second, &terms, at(601)).unwrap().case;
    assert_eq!(brief(&case), "open", "one of two managers");
    assert_eq!(case.votes.len(), 2, "and the first vote is still on record");
    let other_manager = Person {
        name: "noor".to_owned(),
        email: None,
        ..of(&["managers"], Role::Approver)
    };
    let third = says(&case, other_manager, Ballot::Approve);
    let step = case.step(third, &terms, at(602)).unwrap();
    let Some(Effect::Answer(answer)) = step.effects.first().map(|planned| &planned.effect) else {
        panic!("{:?}", step.effects)
    };
    assert_eq!(
        answer.rationale, "Approved by mia, noor",
        "who decided, and not who was asked before"
    );
}

/// Approved by managers, who were asked after payments; the answer is on its way.
fn approved_by_the_second_team(terms: &CaseTerms) -> Case {
    let case = asks(terms).case;
    let case = case.step(Event::TimePassed, terms, at(600)).unwrap().case;
    let event = says(&case, of(&["managers"], Role::Approver), Ballot::Approve);
    let case = case.step(event, terms, at(601)).unwrap().case;
    assert_eq!(
        brief(&case),
        "answering approved by person:alice, answer pending"
    );
    case
}

fn platform_said(outcome: PlatformOutcome) -> Event {
    Event::PlatformResolved {
        outcome: Some(outcome),
        by: None,
        reason: None,
        told: Told::ByThePlatform,
    }
}

#[test]
fn a_platform_that_overrules_people_after_their_answer_tells_every_team_that_was_asked() {
    let terms = two_teams();
    let everybody = ["payments/slack closed", "managers/slack closed"];
    let answering = approved_by_the_second_team(&terms);
    let step = |case: &Case, event: Event| case.clone().step(event, &terms, at(602)).unwrap();
    for event in [
        platform_said(PlatformOutcome::Rejected),
        Event::AnswerTaken {
            platform: Some(PlatformOutcome::Rejected),
        },
        Event::AnswerExpired,
    ] {
        assert_eq!(told(&step(&answering, event)), everybody);
    }

    // What says the same is no news, and what says otherwise later is.
    let settled = step(&answering, platform_said(PlatformOutcome::Approved));
    assert_eq!(told(&settled), [""; 0]);
    let taken = step(&answering, Event::AnswerTaken { platform: None });
    assert_eq!(told(&taken), [""; 0]);
    let agreed = step(&taken.case, platform_said(PlatformOutcome::Approved));
    assert_eq!(told(&agreed), [""; 0]);
    let denied = step(&taken.case, platform_said(PlatformOutcome::Rejected));
    assert_eq!(told(&denied), everybody);
    let taken_back = step(&denied.case, platform_said(PlatformOutcome::Approved));
    assert_eq!(told(&taken_back), everybody);
}

#[test]
fn who_was_asked_is_kept_to_the_end_and_through_another_question() {
    let terms = two_teams();
    let answering = approved_by_the_second_team(&terms);
    assert_eq!(answering.teams, ["payments", "managers"]);
    let error = "503".to_owned();
    let late = Event::AnswerTooLate { error };
    let step = answering.step(late, &terms, at(2000)).unwrap();
    assert_eq!(
        told(&step),
        ["payments/slack asked", "managers/slack reopened"],
        "whoever was told the end is told that it does not hold"
    );
    let event = says(
        &step.case,
        of(&["payments"], Role::Approver),
        Ballot::Reject,
    );
    let step = step.case.step(event, &terms, at(2001)).unwrap();
    assert_eq!(
        told(&step),
        ["payments/slack closed", "managers/slack closed"],
        "managers were told that it was approved"
    );
}

#[test]
fn nobody_was_asked_while_the_platforms_record_is_waited_for() {
    let terms = two_teams();
    let doubt = "not read back yet".to_owned();
    let verdict = Verdict::unconfirmed(doubt, verdict(Outcome::Approve).revision);
    let case = Case::received(asked(), verdict, at(60), &terms, at(0)).case;
    assert_eq!(case.teams, [""; 0]);
    let overruled = platform_said(PlatformOutcome::Rejected);
    let step = case.step(overruled, &terms, at(1)).unwrap();
    assert_eq!(told(&step), [""; 0]);
}

#[test]
fn who_was_asked_for_real_is_told_the_end_once_the_source_is_in_dry_run_and_the_platform_is_not() {
    let terms = two_teams();
    let dry_run = CaseTerms {
        mode: Mode::DryRun,
        ..terms.clone()
    };
    let case = asks(&terms).case;
    let step = case.step(Event::TimePassed, &dry_run, at(600)).unwrap();
    assert_eq!(
        told(&step),
        ["payments/slack handed_over", "managers/slack asked"]
    );
    let by = of(&["managers"], Role::Approver);
    let event = says(&step.case, by, Ballot::Approve);
    let step = step.case.step(event, &dry_run, at(601)).unwrap();
    assert_eq!(
        told(&step),
        ["payments/slack closed", "managers/slack closed"]
    );
    assert_eq!(step.effects[0].release, Release::Would, "the answer");

    // And who was not asked is told nothing once it is in enforce.
    let case = asks(&dry_run).case;
    let step = case.step(Event::TimePassed, &terms, at(600)).unwrap();
    assert_eq!(
        told(&step),
        [
            "payments/slack handed_over (would)",
            "managers/slack asked (would)"
        ]
    );
}

#[test]
fn in_dry_run_what_teams_would_be_told_is_written_down() {
    let terms = CaseTerms {
        mode: Mode::DryRun,
        ..two_teams()
    };
    assert_eq!(told(&asks(&terms)), ["payments/slack asked (would)"]);
}
