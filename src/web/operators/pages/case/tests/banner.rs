use super::*;

async fn case_of(house: &House, id: &str) -> Case {
    let id = CaseId::parse(id).unwrap();
    house.store.case(id).await.unwrap().unwrap().case
}

fn teams() -> People {
    let team = |name: &str, then: Option<&str>, on_deadline| Team {
        name: name.to_owned(),
        then: then.map(str::to_owned),
        on_deadline,
        ..Team::default()
    };
    let teams = vec![
        team("payments", Some("managers"), OnDeadline::Expire),
        team("managers", None, OnDeadline::Reject),
    ];
    let defaults = EscalationDefaults {
        to: None,
        votes: 1,
        within: SignedDuration::from_hours(1),
    };
    People::new(teams, BTreeMap::new(), defaults)
}

#[tokio::test]
async fn the_banner_says_who_is_asked_next_and_what_silence_means() {
    let house = House::open().await;
    let id = asked(&house, json!({"id": "p", "action": "payout"})).await;
    let mut case = case_of(&house, &id).await;
    let people = teams();
    let notes = |case: &Case| Banner::of(case, &people, case.decided_at).notes.join(" ");
    assert!(notes(&case).contains("If nobody answers in time, managers is asked."));
    let State::Open(question) = &mut case.state else {
        panic!("{case:?}")
    };
    question.to = Some("managers".to_owned());
    question.before = vec!["payments".to_owned()];
    let asked = notes(&case);
    assert!(
        asked.contains("Asked before, without an answer: payments."),
        "{asked}"
    );
    assert!(
        asked.contains("If nobody answers in time, it is rejected."),
        "{asked}"
    );
    let State::Open(question) = &mut case.state else {
        panic!("{case:?}")
    };
    question.to = Some("pyaments".to_owned());
    let asked = notes(&case);
    assert!(asked.contains("admins alone can vote"), "{asked}");
    assert!(asked.contains("it expires"), "{asked}");
}

#[tokio::test]
async fn the_banner_says_whose_word_it_was_and_whether_the_platform_knows() {
    let house = House::open().await;
    let id = asked(&house, json!({"id": "p", "action": "payout"})).await;
    let mut case = case_of(&house, &id).await;
    case.channel = Channel::Answer;
    let people = teams();
    let mut said = |outcome, by, answer, platform| {
        let at = case.decided_at;
        case.state = State::Resolved(Resolution {
            outcome,
            by,
            at,
            reason: None,
            answer,
        });
        case.platform_outcome = platform;
        let banner = Banner::of(&case, &people, at);
        format!("{} | {}", banner.title, banner.notes.join(" "))
    };
    let alice = || Resolver::Person("alice\u{202e}".to_owned());
    let all = [
        said(Resolved::Approved, alice(), AnswerState::Settled, None),
        said(
            Resolved::Rejected,
            Resolver::Deadline,
            AnswerState::Pending,
            None,
        ),
        said(
            Resolved::Approved,
            alice(),
            AnswerState::Dead,
            Some(PlatformOutcome::Rejected),
        ),
        said(
            Resolved::Expired,
            Resolver::Deadline,
            AnswerState::None,
            None,
        ),
        said(
            Resolved::Superseded,
            Resolver::Platform,
            AnswerState::None,
            Some(PlatformOutcome::Other("odd".to_owned())),
        ),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    Approved by alice\u{202e} | The platform took the answer.
    Rejected by the deadline | The platform is being told.
    Approved by alice\u{202e} | Telling the platform was given up; an admin can have it tried again. The platform says otherwise: rejected.
    Expired: nobody answered in time | There was nothing to tell the platform.
    Decided on the platform: odd | There was nothing to tell the platform.
    ");
}

#[test]
fn whoever_is_refused_is_told_why_in_words_that_are_for_them() {
    let refused = |to: Option<&str>| Refused::NotAsked {
        by: "bob".to_owned(),
        to: to.map(str::to_owned),
    };
    assert_eq!(
        why(&refused(Some("pay\u{202e}"))),
        "You are not asked: pay\\u{202e} votes on this."
    );
    assert_eq!(why(&refused(None)), "You may look, but not vote.");
    assert!(why(&Refused::OwnRequest).contains("leave it to somebody else"));
}
