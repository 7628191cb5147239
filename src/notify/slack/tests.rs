use jiff::Timestamp;
use serde_json::Value;

use super::{Buttons, Face};
use crate::domain::card::{Card, Ending, Field, Question, Said};
use crate::domain::effect::Ballot;
use crate::domain::id::{CaseId, ContentDigest};
use crate::identity::Seal;

const LINK: &str = "https://countersign.example.com/cases/case_1";

/// The card as the team is shown it in its channel.
fn face(card: &Card, team: &str) -> Face {
    let seal = &Seal::new(&[7; 32]);
    let channel = "C0PAY";
    Face::of(card, team, LINK, Some(Buttons { seal, channel }))
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn card() -> Card {
    Card {
        case_id: CaseId::from_bytes([7; 16]),
        digest: ContentDigest::from_bytes([9; 32]),
        source: "tm".to_owned(),
        request: "appr_1".to_owned(),
        action: Some("stripe.refund".to_owned()),
        agent: Some("billing-bot".to_owned()),
        title: Some("*Refund* <!here>".to_owned()),
        message: None,
        fields: vec![Field {
            path: "context.customer.name".to_owned(),
            value: "Müller & Co".to_owned(),
        }],
        more_fields: 0,
        rationale: "Escalated: it is large.".to_owned(),
        nearest: Vec::new(),
        change: None,
        question: Some(Question {
            to: Some("payments".to_owned()),
            votes: 2,
            approvals: 1,
            deadline: at("2026-03-01T12:30:00Z"),
            before: Vec::new(),
        }),
        votes: vec![Said {
            by: "alice".to_owned(),
            vote: Ballot::Approve,
            reason: Some("seen it".to_owned()),
            at: at("2026-03-01T12:00:00Z"),
        }],
        ending: None,
        reason_required: false,
        dry_run: false,
    }
}

fn ended(outcome: &'static str, by: &str) -> Card {
    Card {
        question: None,
        ending: Some(Ending {
            outcome,
            by: by.to_owned(),
            reason: Some("known customer".to_owned()),
            at: at("2026-03-01T12:10:00Z"),
            platform: Some("approved".to_owned()),
        }),
        ..card()
    }
}

fn buttons(face: &Face) -> Vec<&Value> {
    let elements = face
        .blocks
        .iter()
        .filter_map(|block| block["elements"].as_array());
    let actions = elements
        .flatten()
        .filter(|element| element["type"] == "button");
    actions.map(|button| &button["action_id"]).collect()
}

#[test]
fn an_open_card_looks_like_this() {
    let mut face = face(&card(), "payments");
    insta::assert_snapshot!(face.text, @"Approve? stripe.refund by billing-bot");
    for button in face.blocks.last_mut().unwrap()["elements"]
        .as_array_mut()
        .unwrap()
    {
        if let Some(value) = button.get_mut("value") {
            let (case, sealed) = value.as_str().unwrap().split_once('.').unwrap();
            assert!(sealed.len() < 1000 && !sealed.contains("0909"), "{sealed}");
            *value = format!("{case}.SEALED").into();
        }
    }
    let blocks: Vec<String> = face.blocks.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(blocks.join("\n"), @r#"
    {"type":"header","text":{"type":"plain_text","text":"Request: stripe.refund by billing-bot","emoji":false}}
    {"type":"context","elements":[{"type":"plain_text","text":"Asked: payments · 1 of 2 approvals","emoji":false},{"type":"mrkdwn","text":"Open until <!date^1772368200^{date_short_pretty}, {time}|2026-03-01T12:30:00Z>","verbatim":true}]}
    {"type":"section","text":{"type":"plain_text","text":"Title by billing-bot: “*Refund* &lt;!here&gt;”","emoji":false}}
    {"type":"section","fields":[{"type":"plain_text","text":"context.customer.name:\nMüller &amp; Co","emoji":false}]}
    {"type":"context","elements":[{"type":"plain_text","text":"Asked by source tm as appr_1","emoji":false}]}
    {"type":"section","text":{"type":"plain_text","text":"Why: Escalated: it is large.","emoji":false}}
    {"type":"context","elements":[{"type":"plain_text","text":"👍 approved by alice: seen it","emoji":false}]}
    {"type":"actions","elements":[{"type":"button","action_id":"countersign_approve","text":{"type":"plain_text","text":"Approve","emoji":false},"style":"primary","value":"case_07070707070707070707070707070707.SEALED"},{"type":"button","action_id":"countersign_reject","text":{"type":"plain_text","text":"Reject","emoji":false},"style":"danger","value":"case_07070707070707070707070707070707.SEALED"},{"type":"button","action_id":"countersign_open","text":{"type":"plain_text","text":"See more in the inbox","emoji":false},"url":"https://countersign.example.com/cases/case_1"}]}
    "#);
}

#[test]
fn a_card_has_buttons_for_a_vote_only_while_its_own_team_is_asked() {
    let vote = [
        "countersign_approve",
        "countersign_reject",
        "countersign_open",
    ];
    assert_eq!(buttons(&face(&card(), "payments")), vote);
    let copy = Face::of(&card(), "payments", LINK, None);
    assert_eq!(buttons(&copy), ["countersign_open"]);
    assert_eq!(buttons(&face(&card(), "managers")), ["countersign_open"]);
    for outcome in ["approved", "rejected", "expired", "superseded"] {
        let face = face(&ended(outcome, "alice"), "payments");
        assert_eq!(buttons(&face), ["countersign_open"]);
    }
    let everybody = Card {
        question: card().question.map(|question| Question {
            to: None,
            ..question
        }),
        ..card()
    };
    assert_eq!(buttons(&face(&everybody, "payments")), ["countersign_open"]);
    let name = "t".repeat(2000);
    let long = Card {
        question: card().question.map(|question| Question {
            to: Some(name.clone()),
            ..question
        }),
        ..card()
    };
    assert_eq!(buttons(&face(&long, &name)), ["countersign_open"]);
}

#[test]
fn a_card_of_a_team_that_is_not_asked_says_whether_its_time_was_up_or_its_decision_does_not_hold() {
    let said = |to: Option<&str>, before: &[&str]| {
        let question = card().question.map(|question| Question {
            to: to.map(str::to_owned),
            before: before.iter().map(ToString::to_string).collect(),
            ..question
        });
        let face = face(&Card { question, ..card() }, "managers");
        let standing = face.blocks[1]["text"]["text"].as_str().unwrap().to_owned();
        [face.text, standing].join("\n")
    };
    let handed_over = said(Some("payments"), &["managers"]);
    insta::assert_snapshot!(handed_over, @r"
    Handed over – stripe.refund by billing-bot
    ↪ Nobody here answered in time; now `payments` is asked.
    ");
    let open_again = said(Some("payments"), &["board"]);
    insta::assert_snapshot!(open_again, @r"
    Open again – stripe.refund by billing-bot
    ↪ It is open again: what was decided does not hold, and `payments` is asked.
    ");
    let to_everybody = said(None, &[]);
    insta::assert_snapshot!(to_everybody, @r"
    Open again – stripe.refund by billing-bot
    ↪ It is open again: what was decided does not hold, and everybody who may vote is asked.
    ");
}

#[test]
fn a_card_says_who_decided() {
    let said = |outcome, by| {
        let face = face(&ended(outcome, by), "payments");
        face.blocks[1]["text"]["text"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        said("approved", "alice"),
        "✅ Approved by alice · known customer"
    );
    assert_eq!(
        said("rejected", "deadline"),
        "❌ Rejected by the deadline · known customer"
    );
    assert_eq!(
        said("approved", "policy"),
        "✅ Approved by policy · known customer"
    );
    assert_eq!(
        said("expired", "deadline"),
        "⌛ Expired: nobody decided in time · known customer"
    );
    assert_eq!(
        said("superseded", "platform"),
        "↪ Decided elsewhere, by the platform · approved · known customer"
    );
}
