//! Who is asked, and who is told the end: those who were asked, and nobody about what their own agent asks.

use std::sync::Arc;

use countersign::domain::notice::Occasion;
use countersign::notify::{Channel as _, Telling};
use serde_json::json;

use super::house::{CAROL, DAVE, House, OLAF};
use crate::harness::{ADMIN, requested};

/// The team's mail goes to these.
async fn house() -> House {
    let house = House::told_by(&["email"]).await;
    house.herald(Arc::new(house.channel(&everybody(), &house.plain())));
    house
}

fn everybody() -> [String; 3] {
    [CAROL, DAVE, OLAF].map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owners_of_an_agent_are_neither_asked_about_it_nor_told_the_end() {
    let house = house().await;
    let mut event = requested(1, json!(5000));
    event["agent_id"] = json!("Their-Bot");
    let case = house.asked_with(&event).await;
    let mail = house.post.mails(CAROL, 1).await.remove(0);
    assert!(mail.text().contains("/mail/"));
    house.server.vote(ADMIN, &case, "reject", "no").await;
    house.post.mails(CAROL, 2).await;
    house.all_is_told().await;
    let to: Vec<String> = house
        .post
        .taken()
        .iter()
        .map(|mail| mail.to().to_owned())
        .collect();
    assert_eq!(to, [CAROL, CAROL], "an owner was mailed");

    // About another agent they are asked as everybody is.
    house.asked(2).await;
    for address in [DAVE, OLAF] {
        house.post.mails(address, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_asks_whom_the_question_did_not_reach_but_no_owner() {
    let house = House::told_by(&[]).await;
    let channel = house.channel(&everybody(), &house.plain());
    let mut event = requested(1, json!(5000));
    event["agent_id"] = json!("their-bot");
    let case = house.asked_with(&event).await;
    for occasion in [Occasion::Closed, Occasion::HandedOver] {
        let message = house.message(&case, occasion).await;
        assert_eq!(channel.tell(&message).await, Telling::NoNews);
    }
    assert!(house.post.taken().is_empty(), "nobody was asked yet");
    let reminder = house.message(&case, Occasion::Reminded).await;
    assert_eq!(
        channel.tell(&reminder).await,
        Telling::Told { handle: None }
    );
    assert_eq!(house.post.taken().len(), 1);
    house.post.mails(CAROL, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_mailed_the_end_of_a_question_that_was_over_before_it_was_mailed() {
    let house = House::told_by(&["email"]).await;
    let case = house.asked(1).await;
    house.server.vote(ADMIN, &case, "reject", "no").await;
    house.herald(Arc::new(house.channel(&everybody(), &house.plain())));
    house.all_is_told().await;
    assert!(house.post.taken().is_empty());
    assert_eq!(house.attempts(&case).await, Vec::<String>::new());
}
