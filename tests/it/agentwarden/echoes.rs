//! What happens at the platform comes back as an event: our own answers, and what its people decided themselves.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{Behaviour, Endpoint, Office, id, resolved, say};
use crate::harness::ADMIN;

/// A person's decision at the platform's dashboard, and the event about it.
fn decided_there(office: &Office, number: u32, outcome: &str) -> Value {
    let mut event = Value::Null;
    office.platform.change(&id(number), |record| {
        event = resolved(record, outcome, "user_xyz789abc456def123");
        record["status"] = json!(if outcome == "approved" {
            "success"
        } else {
            "denied"
        });
    });
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_answer_that_comes_back_is_nothing_new() {
    let office = Office::open().await;
    let record = office.asked(1, 50);
    let case = office.accepted(&super::pending(&record)).await;
    let before = office.settled(&case).await;
    let echo = resolved(&record, "approved", super::api::OUR_USER);
    assert_eq!(office.told(&echo).await, "duplicate");
    let after = office.verdict(&case, "resolved").await;
    assert_eq!(after["resolution"], before["resolution"]);
    assert_eq!(after["resolution"]["by"], "policy");
    assert_eq!(after["platform_outcome"], "approved");
    assert_eq!(office.platform.calls(Endpoint::Approve).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_answer_that_comes_back_settles_a_case_whose_answer_nobody_confirmed() {
    let office = Office::open().await;
    // Every answer is lost on its way back; the webhook is not.
    office
        .platform
        .always(Endpoint::Approve, Behaviour::DoAndHang);
    let case = office.asks(1, 50).await;
    let verdict = office.settled(&case).await;
    assert_eq!(verdict["resolution"]["outcome"], "approved");
    assert_eq!(verdict["resolution"]["by"], "policy");
    assert_eq!(verdict["platform_outcome"], "approved");
    office.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_decision_there_closes_our_question() {
    for outcome in ["approved", "rejected"] {
        let office = Office::open().await;
        let case = office.asks(1, 500).await;
        office.verdict(&case, "open").await;
        let event = decided_there(&office, 1, outcome);
        assert_eq!(office.told(&event).await, "closed");
        let verdict = office.verdict(&case, "resolved").await;
        assert_eq!(verdict["resolution"]["outcome"], "superseded");
        assert_eq!(verdict["resolution"]["by"], "platform");
        assert_eq!(verdict["platform_outcome"], outcome);
        let late = json!({"vote": "approve", "reason": "late", "digest": office.server.case(&case).await["digest"]});
        let path = format!("/v1/cases/{case}/votes");
        let (status, _) = office.server.call("POST", &path, ADMIN, Some(&late)).await;
        assert_eq!(status, 409);
        assert_eq!(office.platform.answers(), [""; 0]);
        office.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_is_quicker_than_the_read_back_has_decided() {
    let office = Office::open().await;
    let let_go = Arc::new(Notify::new());
    office
        .platform
        .script(Endpoint::Logs, [Behaviour::When(Arc::clone(&let_go))]);
    let case = office.asks(1, 50).await;
    office.platform.wait_for(Endpoint::Logs, 1).await;
    let event = decided_there(&office, 1, "rejected");
    assert_eq!(office.told(&event).await, "closed");
    let_go.notify_one();
    let verdict = office.verdict(&case, "resolved").await;
    assert_eq!(verdict["resolution"]["outcome"], "superseded");
    assert_eq!(verdict["platform_outcome"], "rejected");
    office.idle().await;
    assert_eq!(office.platform.answers(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_is_quicker_than_our_answer_has_decided() {
    let office = Office::open().await;
    let let_go = Arc::new(Notify::new());
    office
        .platform
        .script(Endpoint::Approve, [Behaviour::When(Arc::clone(&let_go))]);
    let case = office.asks(1, 50).await;
    office.platform.wait_for(Endpoint::Approve, 1).await;
    let event = decided_there(&office, 1, "rejected");
    let_go.notify_one();
    // Assumed: a second answer is a 409.
    let verdict = office.verdict(&case, "resolved").await;
    assert_eq!(verdict["resolution"]["outcome"], "superseded");
    let told = office.told(&event).await;
    assert!(told == "closed" || told == "duplicate", "{told}");
    let verdict = office.verdict(&case, "resolved").await;
    assert_eq!(verdict["platform_outcome"], "rejected");
    assert_eq!(office.platform.status_of(&id(1)), "denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_word_comes_before_an_answer_that_is_waiting() {
    let office = Office::open().await;
    office.platform.always(Endpoint::Approve, say(503));
    let case = office.asks(1, 50).await;
    office.platform.wait_for(Endpoint::Approve, 1).await;
    let event = decided_there(&office, 1, "rejected");
    assert_eq!(office.told(&event).await, "closed");
    let verdict = office.verdict(&case, "resolved").await;
    assert_eq!(verdict["resolution"]["outcome"], "superseded");
    office.platform.recover();
    office.idle().await;
    assert_eq!(office.platform.status_of(&id(1)), "denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_of_something_that_was_never_asked_is_nothing() {
    let office = Office::open().await;
    let record = super::record(7, &json!(50));
    assert_eq!(
        office.told(&resolved(&record, "approved", "user_1")).await,
        "ignored"
    );
    assert!(office.cases().await.is_empty());
}
