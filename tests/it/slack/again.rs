//! A case that is a question again after its end, and one whose source answers no platform any more.

use serde_json::json;

use super::workspace::{Slack, TOKEN};
use super::{BOB, House, SIGNING};
use crate::harness::{ADMIN, Countersign, config, with_tm};
use crate::tracemem::{Behaviour, TraceMem};

/// `payments` has so long; then `managers` have an hour.
fn configured(within: &str, mode: &str, slack: &Slack, platform: &TraceMem) -> String {
    let config = with_tm(&config(mode, platform), "answer_within: 1s");
    format!(
        "{config}teams:
  - {{name: payments, members: [bob@example.com], within: {within}, then: managers, slack: {{channel: C0PAY}}}}
  - {{name: managers, members: [dora@example.com], within: 1h, slack: {{channel: C0MAN}}}}
escalation: {{to: payments}}
slack: {{api_url: {}, token: {TOKEN}, signing_secrets: [{SIGNING}]}}
",
        slack.api_url()
    )
}

async fn started(within: &str) -> House {
    let (slack, platform) = (Slack::start().await, TraceMem::start().await);
    slack.member(BOB, "bob@example.com");
    let server = Countersign::start(&configured(within, "enforce", &slack, &platform)).await;
    House {
        slack,
        platform,
        server,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_that_is_asked_again_hears_of_it_and_its_card_is_a_question_again() {
    let house = started("1h").await;
    house
        .platform
        .always(Behaviour::Say(503, json!({}), Vec::new()));
    let id = house.asked(1, json!(500), false).await;
    let card = house.card("C0PAY", &id).await;
    let (status, _) = house.server.vote(ADMIN, &id, "approve", "fine").await;
    assert_eq!(status, 200);
    let heard = house
        .slack
        .message("the team hears of it", |message| message.thread.is_some())
        .await;
    assert_eq!(heard.thread.as_deref(), Some(card.ts.as_str()));
    assert_eq!(heard.body["reply_broadcast"], true);
    assert!(heard.shows("asked to decide"), "{}", heard.body);
    let again = house.card("C0PAY", &id).await;
    assert_eq!(again.ts, card.ts);
    assert!(again.shows("0 of 1 approvals"), "{}", again.body);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_whose_approval_could_not_leave_is_told_that_another_team_is_asked_again() {
    let house = started("6s").await;
    house
        .platform
        .always(Behaviour::Say(503, json!({}), Vec::new()));
    let id = house.asked(1, json!(500), false).await;
    let managers = house.card("C0MAN", &id).await;
    let (status, _) = house.server.vote(ADMIN, &id, "approve", "fine").await;
    assert_eq!(status, 200);
    let told = house
        .slack
        .message("managers are told", |message| {
            message.ts == managers.ts && message.shows("It is open again")
        })
        .await;
    assert!(told.shows("`payments` is asked"), "{}", told.body);
    assert!(!told.has_buttons());
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_loses_its_buttons_though_its_source_went_to_dry_run_meanwhile() {
    let house = started("1h").await;
    let id = house.asked(1, json!(500), false).await;
    let card = house.card("C0PAY", &id).await;
    house.settled().await;
    let House {
        slack,
        platform,
        server,
    } = house;
    let dry_run = configured("1h", "dry_run", &slack, &platform);
    let server = server.restart_with(&dry_run).await;
    let house = House {
        slack,
        platform,
        server,
    };
    let (status, _) = house.server.vote(ADMIN, &id, "approve", "fine").await;
    assert_eq!(status, 200);
    let over = house.without_buttons(&card.ts).await;
    assert!(over.shows("✅ Approved by alice"), "{}", over.body);
    assert!(house.platform.received().is_empty());
    house.end().await;
}
