//! One card of a case in a channel, whatever happens to it.

use jiff::SignedDuration;
use serde_json::json;

use super::{ALICE, BOB, House, unsealed};
use crate::harness::{ADMIN, APPROVER};

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_a_card_with_buttons_that_lead_nowhere_and_a_link_that_does() {
    let house = House::start().await;
    let id = house.asked(1, json!(500), true).await;
    let card = house.card("C0PAY", &id).await;
    assert_eq!(card.body["text"], "Approve? pay by billing-bot");
    let (approve, reject) = (
        card.button("countersign_approve").unwrap(),
        card.button("countersign_reject").unwrap(),
    );
    for (button, vote) in [(&approve, "approve"), (&reject, "reject")] {
        assert!(button["url"].is_null(), "{button}");
        let digest = house.server.case(&id).await["digest"].clone();
        let choice = json!({ "case": id, "shown": digest, "vote": vote, "team": "payments" });
        let expected = json!({ "choice": choice, "channel": "C0PAY" });
        assert_eq!(unsealed(&button["value"]), expected);
        assert!(!button["value"].to_string().contains("payments"));
    }
    let open = card.button("countersign_open").unwrap();
    assert_eq!(
        open["url"],
        format!("https://countersign.example.com/cases/{id}")
    );
    for shown in [
        "context.amount:",
        "500",
        "0 of 1 approvals",
        "A payment",
        "please",
    ] {
        assert!(card.shows(shown), "{shown}: {}", card.body);
    }
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_is_decided_elsewhere_loses_its_buttons_and_says_by_whom_and_why() {
    let house = House::start().await;
    let id = house.asked(1, json!(500), true).await;
    let card = house.card("C0PAY", &id).await;
    let (status, _) = house
        .server
        .vote(APPROVER, &id, "approve", "known customer")
        .await;
    assert_eq!(status, 200);
    let over = house.without_buttons(&card.ts).await;
    assert!(
        over.shows("✅ Approved by bob · known customer"),
        "{}",
        over.body
    );
    assert_eq!(
        over.body["text"],
        "✅ Approved by bob · known customer – pay by billing-bot"
    );
    assert_eq!(house.slack.messages().len(), 1);

    let other = house.asked(2, json!(500), true).await;
    let card = house.card("C0PAY", &other).await;
    let (status, _) = house
        .server
        .vote(ADMIN, &other, "reject", "they are closed")
        .await;
    assert_eq!(status, 200);
    let over = house.without_buttons(&card.ts).await;
    assert!(
        over.shows("❌ Rejected by alice · they are closed"),
        "{}",
        over.body
    );
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vote_that_does_not_decide_is_shown_on_the_card_which_keeps_its_buttons() {
    let house = House::start().await;
    let id = house.asked(1, json!(5_000), true).await;
    house.card("C0PAY", &id).await;
    house.server.vote(APPROVER, &id, "approve", "fine").await;
    let card = house
        .slack
        .message("the vote is shown", |message| {
            message.shows("1 of 2 approvals")
        })
        .await;
    assert!(card.has_buttons());
    assert!(card.shows("👍 approved by bob: fine"), "{}", card.body);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_is_reminded_in_the_thread_and_loses_its_buttons_when_the_next_one_is_asked() {
    let house = House::start_within(SignedDuration::from_secs(4)).await;
    let id = house.asked(1, json!(500), false).await;
    let card = house.card("C0PAY", &id).await;
    let reminder = house
        .slack
        .message("the team is reminded", |message| message.thread.is_some())
        .await;
    assert_eq!(reminder.thread.as_deref(), Some(card.ts.as_str()));
    assert_eq!(reminder.body["reply_broadcast"], true);
    assert!(!reminder.has_buttons());

    let next = house.card("C0MAN", &id).await;
    assert!(next.shows("not answered by payments"), "{}", next.body);
    let over = house.without_buttons(&card.ts).await;
    assert!(over.shows("now `managers` is asked"), "{}", over.body);

    // The buttons of the first card are still in somebody's hands.
    assert_eq!(house.click(BOB, &card, "countersign_approve").await, 200);
    let told = house.slack.told(BOB, 1).await;
    assert!(told.contains("has changed since"), "{told}");
    assert_eq!(house.click(BOB, &next, "countersign_approve").await, 200);
    let told = house.slack.told(BOB, 2).await;
    assert!(
        told.contains("`bob` is not asked; the team `managers` may vote"),
        "{told}"
    );
    assert_eq!(house.verdict(&id).await["state"], "open");

    // Whoever decides, both teams see it.
    house.server.vote(ADMIN, &id, "approve", "me").await;
    for ts in [&card.ts, &next.ts] {
        house
            .slack
            .message("the end is shown", |message| {
                message.ts == *ts && message.shows("✅ Approved by alice")
            })
            .await;
    }
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_somebody_deleted_is_posted_anew() {
    let house = House::start().await;
    let id = house.asked(1, json!(5_000), true).await;
    let card = house.card("C0PAY", &id).await;
    house.slack.delete(&card.ts);
    house.server.vote(APPROVER, &id, "approve", "fine").await;
    let anew = house.card("C0PAY", &id).await;
    assert_ne!(anew.ts, card.ts);
    house.server.vote(ADMIN, &id, "reject", "no").await;
    house.without_buttons(&anew.ts).await;
    assert_eq!(house.slack.messages().len(), 1);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_is_decided_while_its_card_is_being_posted_or_changed_leaves_no_buttons() {
    let house = House::start().await;
    house.slack.hold("chat.postMessage");
    let id = house.asked(1, json!(5_000), true).await;
    house.slack.called("chat.postMessage", 1).await;
    house.server.vote(APPROVER, &id, "reject", "no").await;
    house.slack.release();
    house.settled().await;

    let other = house.asked(2, json!(5_000), true).await;
    let card = house.card("C0PAY", &other).await;
    house.slack.hold("chat.update");
    let before = house.slack.calls("chat.update");
    house.server.vote(APPROVER, &other, "approve", "fine").await;
    house.slack.called("chat.update", before + 1).await;
    house.server.vote(ADMIN, &other, "approve", "fine").await;
    house.slack.release();
    house.settled().await;
    let left = house.slack.messages();
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|message| !message.has_buttons()));
    assert!(left.iter().any(|message| message.ts == card.ts));
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_that_decides_while_the_card_is_being_changed_leaves_no_buttons() {
    let house = House::start().await;
    let (id, card) = house.carded(5_000).await;
    house.slack.hold("chat.update");
    for (user, changes) in [(BOB, 1), (ALICE, 2)] {
        assert_eq!(house.click(user, &card, "countersign_approve").await, 200);
        house.slack.called("chat.update", changes).await;
    }
    house.resolved(&id).await;
    house.slack.release();
    house.without_buttons(&card.ts).await;
    house.settled().await;
    // Who changed it last has looked before whether anything moved.
    let House { slack, server, .. } = house;
    server.stop().await;
    assert!(!slack.messages().iter().any(super::Posted::has_buttons));
}
