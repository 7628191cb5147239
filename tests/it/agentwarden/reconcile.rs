//! A webhook that was lost is found: what the platform lists as pending is looked through now and then.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use super::{Behaviour, Endpoint, Office, id, pending, resolved, say};
use crate::harness::{APPROVER, eventually};

/// Often, and not so often that a list overtakes a webhook.
const OFTEN: &str = "reconcile: 10s";

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_webhook_was_lost_is_found_and_answered_once() {
    let office = Office::open_with(&[OFTEN]).await;
    let record = office.asked(1, 50);
    let case = office.only_case().await;
    let case = case["case_id"].as_str().unwrap();
    let verdict = office.settled(case).await;
    assert_eq!(verdict["resolution"]["outcome"], "approved");
    let input = &office.server.case(case).await["request"];
    assert_eq!(input["verified"]["record"], true);
    assert_eq!(input["context"], record["context"]);

    // The webhook was only late.
    let (status, told) = office.platform.deliver(&pending(&record)).await;
    assert_eq!((status, &told["status"]), (200, &json!("duplicate")));
    assert_eq!(told["case_id"], case);
    let looked = office.platform.calls(Endpoint::Logs).len();
    office.platform.wait_for(Endpoint::Logs, looked + 1).await;
    assert_eq!(office.cases().await.len(), 1);
    assert_eq!(office.platform.answers(), [format!("approve {}", id(1))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_people_are_asked_about_is_not_found_again_and_again() {
    let office = Office::open_with(&[OFTEN]).await;
    let record = office.asked(1, 500);
    let case = office.accepted(&pending(&record)).await;
    let before = office.verdict(&case, "open").await;
    let looked = office.platform.calls(Endpoint::Logs).len();
    office.platform.wait_for(Endpoint::Logs, looked + 2).await;
    assert_eq!(office.cases().await.len(), 1);
    assert_eq!(office.verdict(&case, "open").await, before);
    let timeline = office.server.case(&case).await["timeline"].clone();
    assert!(timeline.as_array().unwrap().len() <= 3, "{timeline}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_looked_through() {
    let office = Office::open_with(&[OFTEN]).await;
    for number in 0..230 {
        office.asked(number, 500);
    }
    eventually("all are found", async || {
        let (_, page) = office.server.get("/v1/cases?limit=500").await;
        (page["cases"].as_array().unwrap().len() == 230).then_some(())
    })
    .await;
    assert_eq!(office.platform.answers(), [""; 0]);
}

/// Waits until each of `cases` is open again: a list may be a minute behind what we are told.
async fn open_again(office: &Office, cases: &[&str]) {
    let mut ticks = tokio::time::interval(Duration::from_millis(500));
    let looking = async {
        loop {
            ticks.tick().await;
            let open = office.server.get("/v1/cases?state=open").await.1;
            let open = open["cases"].to_string();
            if cases.iter().all(|case| open.contains(case)) {
                return;
            }
        }
    };
    let waited = tokio::time::timeout(Duration::from_mins(2), looking).await;
    assert!(waited.is_ok(), "{:?}", office.cases().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_the_platform_knows_nothing_of_is_taken_back() {
    let office = Office::open_with(&[OFTEN]).await;
    // Somebody who knows our address makes a question disappear,
    let record = office.asked(1, 500);
    let asked = office.accepted(&pending(&record)).await;
    office.verdict(&asked, "open").await;
    let forged = resolved(&record, "rejected", "user_nobody");
    let (status, told) = office.forge(&forged).await;
    assert_eq!((status, &told["status"]), (200, &json!("closed")));

    // and ends another before its record was read back, so that only the claims of the forgery are known.
    office.platform.always(Endpoint::Logs, Behaviour::Hang);
    let record = office.asked(2, 5_000);
    let mut lie = pending(&record);
    lie["data"]["context"]["amount"] = json!(5);
    let (_, told) = office.forge(&lie).await;
    let lied = told["case_id"].as_str().unwrap().to_owned();
    let forged = resolved(&record, "approved", "user_nobody");
    let (_, told) = office.forge(&forged).await;
    assert_eq!(told["status"], "closed");
    office.platform.recover();

    open_again(&office, &[&asked, &lied]).await;
    assert_eq!(office.cases().await.len(), 2);
    let verdict = office.verdict(&asked, "open").await;
    assert_eq!(
        (&verdict["resolution"], &verdict["platform_outcome"]),
        (&json!(null), &json!(null)),
        "{verdict}"
    );
    // What people are shown and vote on is what the platform has, not what somebody claimed.
    let file = office.server.case(&lied).await;
    assert_eq!(file["request"]["context"]["amount"], 5_000, "{file}");
    assert_eq!(file["request"]["verified"]["record"], true, "{file}");

    // And it can be decided, as if nothing had been.
    let (status, _) = office
        .server
        .vote(APPROVER, &asked, "approve", "it is fine")
        .await;
    assert_eq!(status, 200);
    let verdict = office.settled(&asked).await;
    assert_eq!(verdict["resolution"]["outcome"], "approved");
    assert_eq!(office.platform.answers(), [format!("approve {}", id(1))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_cannot_be_read_makes_no_cases_and_is_read_later() {
    let broken = [say(500), Behaviour::Write(b"<html>".to_vec()), say(404)];
    join_all(broken.map(async |broken| {
        let office = Office::open_with(&[OFTEN]).await;
        office.platform.script(Endpoint::Logs, [broken]);
        office.asked(1, 50);
        let case = office.only_case().await;
        office.settled(case["case_id"].as_str().unwrap()).await;
        assert_eq!(office.platform.answers(), [format!("approve {}", id(1))]);
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_record_that_cannot_be_read_does_not_hide_the_others() {
    let office = Office::open_with(&[OFTEN]).await;
    office.asked(1, 50);
    for (number, field, value) in [
        (2, "id", json!(null)),
        (3, "id", json!({"a": 1})),
        (4, "created_at", json!("yesterday")),
        (5, "action", json!(7)),
    ] {
        office.asked(number, 50);
        office
            .platform
            .change(&id(number), |record| record[field] = value);
    }
    eventually("the first is answered", async || {
        let answers = office.platform.answers();
        answers
            .contains(&format!("approve {}", id(1)))
            .then_some(())
    })
    .await;
    let answers = office.platform.answers();
    assert_eq!(answers, [format!("approve {}", id(1))]);
}
