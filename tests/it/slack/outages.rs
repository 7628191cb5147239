//! Slack says no, or nothing: no decision waits for it, and nobody is left without a card for good.

use serde_json::{Value, json};

use super::workspace::Behaviour;
use super::{BOB, House};
use crate::harness::{ADMIN, APPROVER, eventually};

fn refused(word: &str) -> Behaviour {
    Behaviour::Say(200, Vec::new(), json!({ "ok": false, "error": word }))
}

#[tokio::test(flavor = "multi_thread")]
async fn slack_is_asked_again_when_it_has_too_much_to_do_and_not_before_it_says() {
    let house = House::start().await;
    let after = vec![("retry-after", "1".to_owned())];
    let busy = Behaviour::Say(429, after, json!({ "ok": false, "error": "ratelimited" }));
    house.slack.script(
        "chat.postMessage",
        [
            busy,
            refused("internal_error"),
            Behaviour::Say(503, Vec::new(), Value::Null),
        ],
    );
    let begun = std::time::Instant::now();
    let id = house.asked(1, json!(500), false).await;
    house.card("C0PAY", &id).await;
    assert!(begun.elapsed().as_secs() >= 1);
    assert_eq!(house.slack.calls("chat.postMessage"), 4);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_slack_will_never_take_is_a_dead_letter_that_says_why() {
    let house = House::start().await;
    let scope = json!({ "ok": false, "error": "missing_scope", "needed": "chat:write", "provided": "xoxb-<secret>" });
    house
        .slack
        .script("chat.postMessage", [Behaviour::Say(200, Vec::new(), scope)]);
    let id = house.asked(1, json!(500), false).await;
    let dead = eventually("it is a dead letter", async || {
        let outbox = house.server.outbox().await.into_iter();
        outbox.into_iter().find(|effect| effect["state"] == "dead")
    })
    .await;
    assert_eq!(
        dead["error"],
        "Slack refuses `chat.postMessage`: missing_scope; give the app the scope `chat:write` and install it again"
    );
    assert_eq!(
        (&dead["kind"], &dead["channel"]),
        (&json!("notify"), &json!("payments/slack"))
    );
    // Somebody mends it, and asks for it again.
    let path = format!("/v1/outbox/{}/retry", dead["id"]);
    let (status, told) = house.server.call("POST", &path, ADMIN, None).await;
    assert_eq!(status, 200, "{told}");
    house.card("C0PAY", &id).await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_decision_waits_for_a_slack_that_is_down() {
    let house = House::start().await;
    house.slack.is_down(true);
    let id = house.asked(1, json!(500), true).await;
    house.slack.called("chat.postMessage", 1).await;
    let (status, _) = house.server.vote(APPROVER, &id, "approve", "fine").await;
    assert_eq!(status, 200);
    let answer = house.platform.wait_for(1).await[0].json();
    assert_eq!(answer["resolution"], "approved");
    house.slack.is_down(false);
    // The team may have a card whose answer was lost: it hears how it ended, and is not asked about what is over.
    let over = house
        .slack
        .message("the end is posted", |message| {
            message.shows("✅ Approved by bob")
        })
        .await;
    assert!(!over.has_buttons());
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_that_never_had_a_card_hears_no_end() {
    let house = House::start().await;
    let after = vec![("retry-after", "2".to_owned())];
    let busy = Behaviour::Say(429, after, json!({ "ok": false, "error": "ratelimited" }));
    house.slack.script("chat.postMessage", [busy]);
    let id = house.asked(1, json!(500), true).await;
    house.slack.called("chat.postMessage", 1).await;
    let (status, _) = house.server.vote(APPROVER, &id, "approve", "fine").await;
    assert_eq!(status, 200);
    house.settled().await;
    assert!(house.slack.messages().is_empty());
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_slack_does_not_take_is_replaced_by_one_that_says_where_to_look() {
    let house = House::start().await;
    house
        .slack
        .script("chat.postMessage", [refused("invalid_blocks")]);
    let id = house.asked(1, json!(500), false).await;
    let bare = house
        .slack
        .message("the team is told", |message| message.shows(&id))
        .await;
    assert!(!bare.has_buttons());
    assert!(
        bare.shows("https://countersign.example.com/cases/"),
        "{}",
        bare.body
    );
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_clicks_while_slack_cannot_say_who_they_are_does_not_vote() {
    let house = House::start().await;
    let (id, card) = house.carded(500).await;
    for (number, method) in ["auth.test", "users.info"].into_iter().enumerate() {
        house.slack.script(method, [refused("internal_error")]);
        assert_eq!(house.click(BOB, &card, "countersign_approve").await, 200);
        let told = house.slack.told(BOB, number + 1).await;
        assert!(
            told.contains("Slack could not be asked who you are"),
            "{told}"
        );
        assert_eq!(house.verdict(&id).await["votes"], json!([]));
    }
    assert_eq!(house.click(BOB, &card, "countersign_approve").await, 200);
    let told = house.slack.told(BOB, 3).await;
    assert!(told.contains("✅ Approved by bob"), "{told}");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_gets_no_form_is_told_so_and_votes_in_the_inbox() {
    let house = House::start().await;
    house
        .slack
        .script("views.open", [refused("expired_trigger_id")]);
    let id = house.asked(1, json!(500), true).await;
    let card = house.card("C0PAY", &id).await;
    assert_eq!(house.click(BOB, &card, "countersign_reject").await, 200);
    let told = house.slack.told(BOB, 1).await;
    assert!(
        told.contains("could not be opened") && told.contains(&id),
        "{told}"
    );
    // The link works where a phone shows it, too.
    let notification = house.slack.whispers().remove(0).notification;
    assert_eq!(notification, told);
    house.end().await;
}
