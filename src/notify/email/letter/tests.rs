use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::domain::card::Said;
use crate::domain::id::{CaseId, ContentDigest, RequestId, SourceName};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn card() -> Card {
    let source = SourceName::parse("tm").unwrap();
    let request = RequestId::parse("appr_1").unwrap();
    Card {
        case_id: CaseId::derive(&source, "", &request),
        digest: ContentDigest::of(&[b"shown"]),
        source: "tm".to_owned(),
        request: "appr_1".to_owned(),
        action: Some("stripe.refund".to_owned()),
        agent: Some("billing-bot".to_owned()),
        title: Some("Refund <b>now</b>".to_owned()),
        message: None,
        fields: vec![crate::domain::card::Field {
            path: "context.amount".to_owned(),
            value: "5000".to_owned(),
        }],
        more_fields: 2,
        rationale: "Left to a person: it is large.".to_owned(),
        nearest: vec!["Small refund, but for amount < 100".to_owned()],
        change: Some("amount under 100".to_owned()),
        question: Some(Question {
            to: Some("payments".to_owned()),
            votes: 2,
            approvals: 1,
            deadline: at("2026-03-04T05:06:07Z"),
            before: vec!["desk".to_owned()],
        }),
        votes: Vec::new(),
        ending: None,
        reason_required: true,
        dry_run: false,
    }
}

fn letter(occasion: Occasion, card: &Card) -> Letter {
    let link = match occasion {
        Occasion::Asked | Occasion::Reminded => Some("https://c.example/mail/TOKEN".to_owned()),
        Occasion::Voted | Occasion::HandedOver | Occasion::Closed | Occasion::Reopened => None,
    };
    Letter::of(
        occasion,
        "payments",
        card,
        link,
        "https://c.example/cases/x",
    )
    .unwrap()
}

fn ending(outcome: &'static str, by: &str) -> Ending {
    Ending {
        outcome,
        by: by.to_owned(),
        reason: Some("see http://evil.example".to_owned()),
        at: at("2026-03-04T04:00:00Z"),
        platform: None,
    }
}

#[test]
fn a_question_says_what_is_asked_by_when_and_how_to_answer() {
    insta::assert_snapshot!(letter(Occasion::Asked, &card()).text(), @r"
    The team payments is asked to decide.
    Asked before, without an answer in time: desk.
    It takes 2 people to approve (1 did), and one to reject, until 2026-03-04 05:06 UTC.

    stripe.refund by billing-bot

    Action: stripe.refund
    Agent: billing-bot
    Source: tm
    Request: appr_1
    Title: Refund <b>now</b>
    Why you are asked: Left to a person: it is large.
    context.amount: 5000
    Facts: 2 more are in the inbox

    Approve or reject:
    https://c.example/mail/TOKEN

    The case in the inbox:
    https://c.example/cases/x

    Whoever has this link votes as you: do not pass it on. It opens a page that asks again, and works once.
    ");
}

#[test]
fn what_nearly_approved_it_is_for_the_inbox_alone() {
    for occasion in [Occasion::Asked, Occasion::Reminded] {
        let letter = letter(occasion, &card());
        for part in [letter.text(), letter.html().unwrap()] {
            assert!(
                !part.contains("under 100") && !part.contains("< 100"),
                "{part}"
            );
        }
    }
}

#[test]
fn the_html_part_escapes_and_fetches_nothing() {
    let html = letter(Occasion::Asked, &card()).html().unwrap();
    assert!(html.contains("Refund &#60;b&#62;now&#60;/b&#62;"), "{html}");
    for fetched in ["src=", "<link", "<img", "url(", "@import", "<script"] {
        assert!(!html.contains(fetched), "{fetched}: {html}");
    }
}

#[test]
fn who_had_the_last_word_is_told_in_a_sentence() {
    let said = |outcome, by| ended(Some(&ending(outcome, by)));
    let time = "2026-03-04 04:00 UTC";
    let why = "see http[:]//evil.example";
    assert_eq!(
        said("approved", "bob"),
        format!("It was approved by bob at {time}: {why}")
    );
    assert_eq!(
        said("rejected", "policy"),
        format!("It was rejected by policy at {time}: {why}")
    );
    assert_eq!(
        said("rejected", "deadline"),
        format!("It was rejected at {time}, since nobody decided in time: {why}")
    );
    assert_eq!(
        said("expired", "deadline"),
        format!("Nobody decided in time: it expired at {time}.")
    );
    let platform = Ending {
        platform: Some("approved".to_owned()),
        reason: None,
        ..ending("superseded", "platform")
    };
    assert_eq!(
        ended(Some(&platform)),
        format!("It was approved at the platform itself, at {time}.")
    );
}

#[test]
fn a_team_whose_time_is_up_is_told_who_is_asked_now() {
    let mut card = card();
    card.question.as_mut().unwrap().to = Some("managers".to_owned());
    let text = letter(Occasion::HandedOver, &card).text();
    assert!(
        text.starts_with("The time of the team payments is up.\nThe team managers is asked now.\n"),
        "{text}"
    );
    assert!(!text.contains("5000") && !text.contains("/mail/"), "{text}");
}

#[test]
fn a_team_that_was_told_the_end_is_told_that_it_does_not_hold_and_who_is_asked_now() {
    let mut card = card();
    card.question.as_mut().unwrap().to = Some("managers".to_owned());
    let letter = letter(Occasion::Reopened, &card);
    assert_eq!(
        letter.subject,
        "Re: Approval asked: stripe.refund by billing-bot"
    );
    let text = letter.text();
    assert!(
        text.starts_with(
            "It is open again: what was decided does not hold.\nThe team managers is asked now.\n"
        ),
        "{text}"
    );
    assert!(!text.contains("5000") && !text.contains("/mail/"), "{text}");
}

#[test]
fn the_end_says_who_voted_what() {
    let mut card = card();
    card.question = None;
    card.ending = Some(ending("rejected", "bob"));
    card.votes = vec![Said {
        by: "bob".to_owned(),
        vote: Ballot::Reject,
        reason: Some("too much".to_owned()),
        at: at("2026-03-04T04:00:00Z"),
    }];
    let letter = letter(Occasion::Closed, &card);
    assert_eq!(
        letter.subject,
        "Re: Approval asked: stripe.refund by billing-bot"
    );
    assert!(
        letter.text().contains("bob said: reject: too much"),
        "{}",
        letter.text()
    );
}

#[test]
fn a_question_that_is_over_is_not_asked() {
    let mut card = card();
    card.question = None;
    for occasion in [Occasion::Asked, Occasion::Reminded, Occasion::Voted] {
        assert_eq!(
            Letter::of(occasion, "payments", &card, None, "https://c.example"),
            None
        );
    }
}

#[test]
fn a_subject_is_one_short_line_whatever_an_agent_is_called() {
    let mut card = card();
    card.agent = Some(format!("bot\r\nBcc: eve@example.com{}", "x".repeat(500)));
    let subject = letter(Occasion::Asked, &card).subject;
    assert!(
        !subject.contains(['\r', '\n']) && subject.chars().count() < 160,
        "{subject}"
    );
}

#[test]
fn no_address_in_a_text_is_left_whole() {
    for (text, shown) in [
        ("https://evil.example", "https[:]//evil.example"),
        ("HTTP://WWW.evil.example", "HTTP[:]//WWW[.]evil.example"),
        ("www.www.a", "www[.]www[.]a"),
        ("ü www.ü", "ü www[.]ü"),
        ("stripe.refund 1.50", "stripe.refund 1.50"),
        ("www", "www"),
    ] {
        assert_eq!(inert(text), shown);
    }
    assert_eq!(json!(row("a\nb", "c\u{202e}d").value), json!("c\\u{202e}d"));
}
