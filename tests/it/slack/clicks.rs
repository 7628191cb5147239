//! A click is a vote of whoever clicked, or none, and they are told which.

use serde_json::json;

use super::{ALICE, BOB, CAROL, GRAFANA, House, clicked};
use crate::harness::{ADMIN, AGENT, APPROVER};

#[tokio::test(flavor = "multi_thread")]
async fn a_click_approves_in_the_name_of_whoever_clicked_and_the_buttons_are_gone() {
    let house = House::start().await;
    let (id, card) = house.carded(500).await;
    assert_eq!(house.click(BOB, &card, "countersign_approve").await, 200);
    let told = house.slack.told(BOB, 1).await;
    assert_eq!(
        told,
        "Your vote counts, and that decides it: ✅ Approved by bob."
    );
    let over = house.without_buttons(&card.ts).await;
    assert!(over.shows("✅ Approved by bob"), "{}", over.body);
    let answer = house.platform.wait_for(1).await[0].json();
    assert_eq!(answer["resolution"], "approved");
    let vote = house.verdict(&id).await["votes"][0].clone();
    assert_eq!(
        (&vote["by"], &vote["via"]),
        (&json!("bob"), &json!("slack"))
    );
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_is_answered_when_its_vote_is_stored_and_not_when_everybody_was_told() {
    let house = House::start().await;
    let (id, card) = house.carded(5_000).await;
    for method in ["chat.postEphemeral", "chat.update", "views.open"] {
        house.slack.hold(method);
    }
    assert_eq!(house.click(BOB, &card, "countersign_approve").await, 200);
    assert_eq!(house.verdict(&id).await["votes"][0]["by"], "bob");
    // Slack lets nobody open a form late, and needs our answer for nothing.
    assert_eq!(house.click(CAROL, &card, "countersign_reject").await, 200);
    house.slack.release();
    house.opened(CAROL).await;
    let told = house.slack.told(BOB, 1).await;
    assert_eq!(told, "Your vote counts: 1 of 2 approvals.");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_reason_is_required_a_click_asks_for_it() {
    let house = House::start().await;
    let id = house.asked(1, json!(500), true).await;
    let card = house.card("C0PAY", &id).await;
    assert_eq!(house.click(CAROL, &card, "countersign_approve").await, 200);
    assert_eq!(house.opened(CAROL).await["blocks"][1]["optional"], false);
    assert_eq!(house.verdict(&id).await["state"], "open");

    let told = house.submit_told(CAROL, "  ").await;
    let said = told["errors"]["reason"].as_str().unwrap();
    assert!(said.contains("a reason is required"), "{told}");
    assert_eq!(house.submit(CAROL, "seen the invoice").await, 200);
    let answer = house.platform.wait_for(1).await[0].json();
    assert_eq!(
        answer["rationale"],
        "Approved by carol@example.com: seen the invoice"
    );
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reject_asks_for_the_reason_and_one_is_enough() {
    let house = House::start().await;
    let (id, card) = house.carded(5_000).await;
    assert_eq!(house.click(BOB, &card, "countersign_reject").await, 200);
    assert_eq!(house.opened(BOB).await["title"]["text"], "Reject");
    // The form is open on somebody else's screen, too.
    assert_eq!(house.click(CAROL, &card, "countersign_reject").await, 200);
    house.opened(CAROL).await;
    assert_eq!(house.submit(BOB, "they are <closed>").await, 200);
    let resolution = house.resolved(&id).await;
    assert_eq!(
        (
            &resolution["outcome"],
            &resolution["by"],
            &resolution["reason"]
        ),
        (
            &json!("rejected"),
            &json!("person:bob"),
            &json!("they are <closed>")
        )
    );
    let over = house.without_buttons(&card.ts).await;
    assert!(
        over.shows("❌ Rejected by bob · they are &lt;closed&gt;"),
        "{}",
        over.body
    );
    let told = house.submit_told(CAROL, "me too").await;
    let said = told["errors"]["reason"].as_str().unwrap();
    assert!(
        said.contains("it was decided before: ❌ Rejected by bob"),
        "{told}"
    );
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_are_a_quorum_and_one_who_clicks_twice_is_not() {
    let house = House::start().await;
    let (id, first) = house.carded(5_000).await;
    assert_eq!(house.click(BOB, &first, "countersign_approve").await, 200);
    assert_eq!(
        house.slack.told(BOB, 1).await,
        "Your vote counts: 1 of 2 approvals."
    );
    assert_eq!(house.click(BOB, &first, "countersign_approve").await, 200);
    assert_eq!(
        house.slack.told(BOB, 2).await,
        "Your vote counts: 1 of 2 approvals."
    );
    assert_eq!(house.verdict(&id).await["state"], "open");
    assert_eq!(house.click(ALICE, &first, "countersign_approve").await, 200);
    let told = house.slack.told(ALICE, 1).await;
    assert!(told.contains("✅ Approved by bob, alice"), "{told}");
    house.without_buttons(&first.ts).await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_clicks_on_what_was_decided_is_told_by_whom() {
    let house = House::start().await;
    let (id, card) = house.carded(500).await;
    house
        .server
        .vote(ADMIN, &id, "approve", "I called them")
        .await;
    house.without_buttons(&card.ts).await;
    for (number, action) in ["countersign_approve", "countersign_reject"]
        .into_iter()
        .enumerate()
    {
        assert_eq!(house.click(BOB, &card, action).await, 200);
        let told = house.slack.told(BOB, number + 1).await;
        assert_eq!(
            told,
            "Your vote does not count; it was decided before: ✅ Approved by alice · I called them."
        );
    }
    assert!(house.slack.views().is_empty());
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_a_known_full_member_of_the_workspace_does_not_vote() {
    let house = House::start().await;
    let email = json!({ "email": "bob@example.com" });
    house
        .slack
        .user("U0BOT1", json!({ "is_bot": true, "profile": email }));
    house
        .slack
        .user("U0GONE", json!({ "deleted": true, "profile": email }));
    house.slack.user(
        "U0GUEST",
        json!({ "is_restricted": true, "profile": email }),
    );
    house.slack.user(
        "U0OTHER",
        json!({ "team_id": "T0THEIRS", "profile": email }),
    );
    house.slack.user("U0BARE", json!({ "profile": {} }));
    house.slack.user(
        "U0DOUBT",
        json!({ "is_email_confirmed": false, "profile": email }),
    );
    let (id, card) = house.carded(500).await;
    for (user, why) in [
        ("U0BOT1", "bots cannot vote"),
        ("U0GONE", "deactivated"),
        ("U0GUEST", "guests"),
        ("U0OTHER", "only members of the workspace"),
        ("U0UNKNOWN", "only members of the workspace"),
        ("U0BARE", "no confirmed e-mail address"),
        ("U0DOUBT", "no confirmed e-mail address"),
        (
            "U0NOBODY",
            "nobody is known here by nobody@elsewhere.example",
        ),
        (GRAFANA, "`grafana` is not asked"),
    ] {
        assert_eq!(house.click(user, &card, "countersign_approve").await, 200);
        let told = house.slack.told(user, 1).await;
        assert!(
            told.starts_with("Your vote does not count") && told.contains(why),
            "{user}: {told}"
        );
    }
    // Slack Connect: the channel is shared, the person is somebody else's.
    for (number, pointer) in ["/user/team_id", "/team/id"].into_iter().enumerate() {
        let mut theirs = clicked(BOB, &card, "countersign_approve");
        *theirs.pointer_mut(pointer).unwrap() = json!("T0THEIRS");
        assert_eq!(house.send(&theirs).await, 200);
        let told = house.slack.told(BOB, number + 1).await;
        assert!(told.contains("only members of the workspace"), "{told}");
    }
    house.is_untouched(&id).await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_votes_by_a_click_on_what_their_own_agent_asks() {
    let house = House::start().await;
    let ask = json!({ "action": "pay", "context": { "amount": 500 } });
    let (status, told) = house.server.ask(AGENT, "one", &ask).await;
    assert_eq!(status, 202, "{told}");
    let mut event = crate::harness::requested(7, json!(500));
    event["agent_id"] = json!("carols-bot");
    event["require_rationale"] = json!(false);
    let id = house.server.accepted(&event).await;
    let card = house.card("C0PAY", &id).await;
    assert_eq!(house.click(CAROL, &card, "countersign_approve").await, 200);
    let told = house.slack.told(CAROL, 1).await;
    assert!(told.contains("their own agent asked for"), "{told}");
    assert_eq!(house.verdict(&id).await["state"], "open");
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_on_a_copy_of_the_card_counts_for_nothing_and_takes_its_buttons_away() {
    let house = House::start().await;
    // Slack posts it and its answer is lost, so it is posted again.
    house
        .slack
        .script("chat.postMessage", [super::workspace::Behaviour::DoAndLose]);
    let id = house.asked(1, json!(500), false).await;
    let orphan = house.card("C0PAY", &id).await;
    let known = house
        .slack
        .message("it is posted again", |message| message.ts != orphan.ts)
        .await;
    house.settled().await;
    assert_eq!(house.click(BOB, &orphan, "countersign_approve").await, 200);
    let told = house.slack.told(BOB, 1).await;
    assert!(
        told.contains("not the card that is kept up to date") && told.contains(&id),
        "{told}"
    );
    house.is_untouched(&id).await;
    house.without_buttons(&orphan.ts).await;
    // Its buttons are still in somebody's hands, and so are those of the card that counts.
    house.server.vote(APPROVER, &id, "approve", "fine").await;
    house.without_buttons(&known.ts).await;
    assert_eq!(
        house.click(CAROL, &orphan, "countersign_approve").await,
        200
    );
    let told = house.slack.told(CAROL, 1).await;
    assert!(told.contains("✅ Approved by bob"), "{told}");
    house.without_buttons(&orphan.ts).await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_is_answered_within_our_patience_though_slack_takes_its_time_to_answer_us() {
    let house = House::start_impatient().await;
    let (id, card) = house.carded(500).await;
    for method in ["auth.test", "views.open"] {
        house.slack.hold(method);
    }
    for (user, action) in [(BOB, "countersign_approve"), (CAROL, "countersign_reject")] {
        assert_eq!(house.click(user, &card, action).await, 200);
    }
    for method in ["auth.test", "views.open"] {
        house.slack.called(method, 1).await;
    }
    house.is_untouched(&id).await;
    house.slack.release();
    assert_eq!(house.resolved(&id).await["by"], "person:bob");
    house.opened(CAROL).await;
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_an_address_belongs_to_is_asked_at_every_click() {
    let house = House::start().await;
    let (id, card) = house.carded(5_000).await;
    assert_eq!(house.click(BOB, &card, "countersign_approve").await, 200);
    let told = house.slack.told(BOB, 1).await;
    assert_eq!(told, "Your vote counts: 1 of 2 approvals.");
    // Somebody else has the account now, and somebody else the address.
    house.slack.member(BOB, "bob@elsewhere.example");
    house.slack.member("U0EVE", "bob@example.com");
    for user in [BOB, "U0EVE"] {
        let number = usize::from(user == BOB) + 1;
        assert_eq!(house.click(user, &card, "countersign_approve").await, 200);
        let told = house.slack.told(user, number).await;
        let why = match user {
            BOB => "nobody is known here by bob@elsewhere.example",
            _ => "Your vote counts: 1 of 2 approvals.",
        };
        assert!(told.contains(why), "{told}");
    }
    assert_eq!(house.slack.calls("users.info"), 3);
    assert_eq!(
        house.verdict(&id).await["votes"].as_array().map(Vec::len),
        Some(1)
    );
    house.end().await;
}
