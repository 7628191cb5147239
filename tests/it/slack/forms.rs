//! A form closes when its vote counts, and only then.

use serde_json::{Value, json};

use super::workspace::Behaviour;
use super::{BOB, CAROL, GRAFANA, House, submitted};
use crate::harness::ADMIN;

/// What stands on the form that stays, because it does not count.
fn error(told: &Value) -> &str {
    assert_eq!(told["response_action"], "errors", "{told}");
    told["errors"]["reason"].as_str().unwrap()
}

/// What stands in the place of the form.
fn instead(told: &Value) -> &str {
    assert_eq!(told["response_action"], "update", "{told}");
    let text = &told["view"]["blocks"][0]["text"];
    assert_eq!(text["type"], "plain_text");
    text["text"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_vote_of_a_form_is_stored_when_the_form_closes() {
    let house = House::start().await;
    let (id, card) = house.carded(5_000).await;
    assert_eq!(house.click(BOB, &card, "countersign_reject").await, 200);
    for method in ["chat.postEphemeral", "chat.update"] {
        house.slack.hold(method);
    }
    assert_eq!(house.submit(BOB, "they are closed").await, 200);
    let verdict = house.verdict(&id).await;
    assert_eq!(verdict["resolution"]["by"], "person:bob", "{verdict}");
    assert_eq!(verdict["votes"][0]["reason"], "they are closed");
    house.slack.release();
    let told = house.slack.told(BOB, 1).await;
    assert!(told.starts_with("Your vote counts"), "{told}");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_does_not_count_stays_with_why_and_counts_when_it_is_sent_off_again() {
    let house = House::start().await;
    let (id, card) = house.carded(5_000).await;
    for user in [BOB, CAROL, GRAFANA, "U0NOBODY"] {
        assert_eq!(house.click(user, &card, "countersign_reject").await, 200);
        house.opened(user).await;
    }
    for method in ["auth.test", "users.info"] {
        let busy = json!({ "ok": false, "error": "internal_error" });
        let busy = Behaviour::Say(200, Vec::new(), busy);
        house.slack.script(method, [busy]);
        let told = house.submit_told(BOB, "no").await;
        let why = "Slack could not be asked who you are. Try again in a moment.";
        assert!(error(&told).contains(why), "{told}");
    }
    for (user, why) in [
        (GRAFANA, "`grafana` is not asked"),
        (
            "U0NOBODY",
            "nobody is known here by nobody＠elsewhere.example",
        ),
    ] {
        let told = house.submit_told(user, "no").await;
        assert!(error(&told).contains(why), "{told}");
    }
    house.is_untouched(&id).await;
    assert_eq!(house.submit(BOB, "no").await, 200);
    house.slack.told(BOB, 1).await;
    let told = house.submit_told(CAROL, "me too").await;
    assert_eq!(
        error(&told),
        "Your vote does not count; it was decided before: ❌ Rejected by bob · no."
    );
    // Whoever reads it on the form is not told once more.
    house.without_buttons(&card.ts).await;
    house.settled().await;
    assert_eq!(house.slack.whispers().len(), 1);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_wrote_is_no_markup_on_a_form_that_stays() {
    let house = House::start().await;
    let (id, card) = house.carded(5_000).await;
    assert_eq!(house.click(BOB, &card, "countersign_reject").await, 200);
    house.opened(BOB).await;
    let (status, told) = house.server.vote(ADMIN, &id, "reject", "<no> *way*").await;
    assert_eq!(status, 200, "{told}");
    let told = house.submit_told(BOB, "no").await;
    let said = error(&told);
    // Nowhere does Slack say that what stands here is plain text.
    assert!(said.ends_with("by alice · ＜no＞ ＊way＊."), "{said}");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_slack_hangs_a_form_says_that_its_vote_is_being_counted_and_so_it_is() {
    let house = House::start_impatient().await;
    let (id, card) = house.carded(5_000).await;
    house.slack.hold("auth.test");
    for user in [BOB, GRAFANA] {
        assert_eq!(house.click(user, &card, "countersign_reject").await, 200);
    }
    let told = house.submit_told(GRAFANA, "me neither").await;
    assert!(
        instead(&told).starts_with("Your vote is still being"),
        "{told}"
    );
    let sent = submitted(BOB, &house.opened(BOB).await, "they are closed");
    let mut told = house.told(&sent).await;
    let blocks = told["view"]["blocks"].take();
    insta::assert_snapshot!(told, @r#"{"response_action":"update","view":{"type":"modal","title":{"type":"plain_text","text":"Your vote","emoji":false},"close":{"type":"plain_text","text":"Close","emoji":false},"blocks":null}}"#);
    let said = blocks[0]["text"]["text"].as_str().unwrap();
    assert!(
        said.contains("still being counted") && said.ends_with(&id),
        "{said}"
    );
    let link = blocks[1]["elements"][0]["url"].as_str().unwrap();
    assert!(link.ends_with(&format!("/cases/{id}")), "{link}");
    house.is_untouched(&id).await;

    house.slack.called("auth.test", 2).await;
    house.slack.release();
    let resolution = house.resolved(&id).await;
    assert_eq!(
        (&resolution["by"], &resolution["reason"]),
        (&json!("person:bob"), &json!("they are closed"))
    );
    let told = house.slack.told(BOB, 1).await;
    assert!(told.starts_with("Your vote counts"), "{told}");
    // Whoever was not told on the form is told beside the card.
    let told = house.slack.told(GRAFANA, 1).await;
    assert!(told.starts_with("Your vote does not count"), "{told}");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_comes_twice_counts_once_and_is_never_said_to_count() {
    let house = House::start().await;
    let (id, card) = house.carded(5_000).await;
    assert_eq!(house.click(BOB, &card, "countersign_reject").await, 200);
    let sent = submitted(BOB, &house.opened(BOB).await, "no");
    house.slack.hold("auth.test");
    let repeated = async {
        house.slack.called("auth.test", 1).await;
        let told = house.told(&sent).await;
        let said = instead(&told);
        assert!(
            said.starts_with("This was sent before") && said.ends_with(&id),
            "{said}"
        );
        house.is_untouched(&id).await;
        house.slack.release();
    };
    let (first, ()) = tokio::join!(house.send(&sent), repeated);
    assert_eq!(first, 200);
    assert_eq!(house.verdict(&id).await["resolution"]["by"], "person:bob");
    let told = house.told(&sent).await;
    assert!(instead(&told).starts_with("This was sent before"), "{told}");
    assert_eq!(house.slack.calls("users.info"), 1);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_vote_of_whoever_hangs_up_counts() {
    let house = House::start().await;
    let (id, card) = house.carded(5_000).await;
    assert_eq!(house.click(BOB, &card, "countersign_reject").await, 200);
    let sent = submitted(BOB, &house.opened(BOB).await, "no");
    house.slack.hold("auth.test");
    tokio::select! {
        status = house.send(&sent) => panic!("{status}, though nobody can say whether it counts"),
        () = house.slack.called("auth.test", 1) => {}
    }
    house.is_untouched(&id).await;
    house.slack.release();
    assert_eq!(house.resolved(&id).await["by"], "person:bob");
    house.end().await;
}
