//! The whole way from the config: nothing here is put together but by the server itself.

use serde_json::json;

use super::workspace::{Slack, TOKEN};
use super::{BOB, House, SIGNING};
use crate::harness::{Countersign, config, token};
use crate::tracemem::TraceMem;

/// A server as it is when this is all that its config says of Slack.
async fn configured(slack: Slack) -> House {
    let platform = TraceMem::start().await;
    let config = config("enforce", &platform).replace(
        "{name: bob, role: approver,",
        "{name: bob, role: approver, email: bob@example.com,",
    );
    let config = format!(
        "{config}teams:
  - name: payments
    members: [bob@example.com]
    slack: {{channel: C0PAY}}
slack: {{api_url: {}, token: {TOKEN}, signing_secrets: [{SIGNING}]}}
",
        slack.api_url()
    );
    let server = Countersign::start(&config).await;
    House {
        slack,
        platform,
        server,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_config_says_of_slack_is_all_it_takes_to_be_asked_and_to_answer_there() {
    let slack = Slack::start().await;
    slack.member(BOB, "bob@example.com");
    let house = configured(slack).await;
    let id = house.asked(1, json!(5_000), true).await;
    let card = house.card("C0PAY", &id).await;
    assert_eq!(house.click(BOB, &card, "countersign_reject").await, 200);
    assert_eq!(house.submit(BOB, "they are closed").await, 200);
    let resolution = house.resolved(&id).await;
    assert_eq!(resolution["outcome"], "rejected");
    assert_eq!(resolution["by"], "person:bob");
    let over = house.without_buttons(&card.ts).await;
    assert!(
        over.shows("❌ Rejected by bob · they are closed"),
        "{}",
        over.body
    );
    let answer = house.platform.wait_for(1).await[0].json();
    assert_eq!(
        (&answer["token"], &answer["resolution"]),
        (&json!(token(1)), &json!("rejected"))
    );
    let votes = house.verdict(&id).await["votes"].clone();
    assert_eq!(votes[0]["via"], "slack", "{votes}");
    assert_eq!(house.slack.messages().len(), 1);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_due_while_the_server_was_down_is_told_by_the_one_after_it() {
    let slack = Slack::start().await;
    slack.member(BOB, "bob@example.com");
    slack.is_down(true);
    let house = configured(slack).await;
    let id = house.asked(1, json!(5_000), true).await;
    crate::harness::eventually("Slack is tried", async || {
        (house.slack.calls("chat.postMessage") > 0).then_some(())
    })
    .await;
    house.slack.is_down(false);
    let house = house.restart().await;
    let card = house.card("C0PAY", &id).await;
    // A button outlives the process that made it.
    house.settled().await;
    let house = house.restart().await;
    assert_eq!(house.click(BOB, &card, "countersign_reject").await, 200);
    assert_eq!(house.submit(BOB, "no").await, 200);
    assert_eq!(house.resolved(&id).await["by"], "person:bob");
    house.end().await;
}
