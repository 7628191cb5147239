//! The platform's own record is read back, and what is decided is decided on it.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{Behaviour, Endpoint, Office, id, pending, record};

/// A webhook that says which record and which agent, and nothing else of what is in it.
fn bare(number: u32) -> Value {
    let mut event = pending(&record(number, &json!(50)));
    let data = event["data"].as_object_mut().unwrap();
    data.retain(|field, _| ["id", "agent_id"].contains(&field.as_str()));
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_decided_on_its_record_and_answered_at_the_platform() {
    let office = Office::open().await;
    let case = office.asks(1, 50).await;
    let verdict = office.settled(&case).await;
    assert_eq!(verdict["outcome"], "approve");
    assert_eq!(verdict["resolution"]["outcome"], "approved");
    assert_eq!(office.platform.status_of(&id(1)), "success");
    let file = office.server.case(&case).await;
    let input = &file["request"];
    assert_eq!(input["platform"], "agentwarden");
    assert_eq!(
        input["verified"],
        json!({"signature": false, "record": true})
    );
    assert_eq!(input["action"], "stripe.refund");
    assert_eq!(input["agent"]["id"], "agent_abc123def456ghi789");
    assert_eq!(
        input["context"],
        json!({"amount": 50, "customer_id": "cus_123"})
    );
    assert_eq!(
        input["payload"]["organization_id"], "org_def456",
        "the record is the payload"
    );

    let [looked] = &office.platform.calls(Endpoint::Logs)[..] else {
        panic!("{:?}", office.platform.all_calls());
    };
    assert!(
        looked
            .path_and_query
            .starts_with("/api/logs?status=pending")
    );
    let [answer] = &office.platform.calls(Endpoint::Approve)[..] else {
        panic!("{:?}", office.platform.all_calls());
    };
    assert_eq!(
        (answer.method.as_str(), answer.path_and_query.as_str()),
        ("POST", format!("/api/approvals/{}/approve", id(1)).as_str())
    );
    let reason = answer.json()["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("Small refund: 50 is under 100"), "{reason}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_claimed_is_taken_from_the_record() {
    let office = Office::open().await;
    for (number, amount, outcome) in [(1, 50, "approved"), (2, 20_000, "rejected")] {
        office.asked(number, amount);
        let case = office.accepted(&bare(number)).await;
        let verdict = office.settled(&case).await;
        assert_eq!(verdict["resolution"]["outcome"], outcome);
    }
    office.asked(3, 500);
    let case = office.accepted(&bare(3)).await;
    let verdict = office.verdict(&case, "open").await;
    assert_eq!(verdict["cause"], "no_rule", "{verdict}");
    let answers = office.platform.answers();
    assert_eq!(
        answers,
        [format!("approve {}", id(1)), format!("reject {}", id(2))]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_does_not_say_whose_record_it_is_is_left_to_people() {
    let office = Office::open().await;
    office.asked(1, 50);
    let mut event = bare(1);
    event["data"].as_object_mut().unwrap().remove("agent_id");
    let case = office.accepted(&event).await;
    office.left_to_people(&case).await;
    assert_eq!(office.platform.answers(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_amount_written_otherwise_is_the_same_amount() {
    let office = Office::open().await;
    // AW/api-reference/endpoint/get-logs writes 50.00 where the webhook writes 50.
    let record = office.asked(1, 50.0);
    let mut event = pending(&record);
    event["data"]["context"] = json!({"customer_id": "cus_123", "amount": 50});
    let case = office.accepted(&event).await;
    assert_eq!(
        office.settled(&case).await["resolution"]["outcome"],
        "approved"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_gone_is_left_to_people() {
    let office = Office::open_with(&["confirm: {within: 1s}"]).await;
    let event = pending(&office.asked(1, 50));
    office.platform.forget(&id(1));
    let case = office.accepted(&event).await;
    office.left_to_people(&case).await;
    assert_eq!(office.platform.answers(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_changed_in_between_is_left_to_people() {
    let office = Office::open().await;
    let let_go = Arc::new(Notify::new());
    office
        .platform
        .script(Endpoint::Logs, [Behaviour::When(Arc::clone(&let_go))]);
    let case = office.asks(1, 50).await;
    office.platform.wait_for(Endpoint::Logs, 1).await;
    office
        .platform
        .change(&id(1), |record| record["context"]["amount"] = json!(5_000));
    let_go.notify_one();
    office.left_to_people(&case).await;
    assert_eq!(office.platform.answers(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_on_the_third_page_is_found() {
    let office = Office::open().await;
    let event = pending(&office.asked(1, 50));
    for number in 1_000..1_250 {
        office.asked(number, 70);
    }
    let case = office.accepted(&event).await;
    office.settled(&case).await;
    let looked = office.platform.calls(Endpoint::Logs);
    for (page, offset) in looked.iter().zip(["", "100", "200"]) {
        let url = reqwest::Url::parse(&format!("http://x{}", page.path_and_query)).unwrap();
        let query: std::collections::HashMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!(query["status"], "pending");
        assert_eq!(query["limit"], "100", "{url}");
        assert_eq!(
            query
                .get("offset")
                .map_or("", |from| from.as_str())
                .trim_matches('0'),
            offset.trim_matches('0')
        );
    }
    assert_eq!(looked.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_found_while_others_are_added_before_it() {
    let office = Office::open().await;
    let event = pending(&office.asked(1, 50));
    for number in 1_000..1_150 {
        office.asked(number, 70);
    }
    let second = Arc::new(Notify::new());
    let first = Arc::new(Notify::new());
    first.notify_one();
    let pages = [first, Arc::clone(&second)].map(Behaviour::When);
    office.platform.script(Endpoint::Logs, pages);
    let case = office.accepted(&event).await;
    office.platform.wait_for(Endpoint::Logs, 2).await;
    for number in 2_000..2_060 {
        office.asked(number, 70);
    }
    second.notify_one();
    office.settled(&case).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_never_ends_is_not_read_for_ever() {
    let office = Office::open_with(&["confirm: {within: 2s}"]).await;
    let page: Vec<Value> = (1_000..1_100)
        .map(|number| record(number, &json!(70)))
        .collect();
    let endless = Behaviour::Say(200, Value::from(page), Vec::new());
    office.platform.always(Endpoint::Logs, endless);
    let case = office.asks(1, 50).await;
    office.left_to_people(&case).await;
    assert_eq!(office.platform.answers(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_id_with_two_records_is_left_to_people() {
    for amounts in [[50, 5_000], [5_000, 50]] {
        let office = Office::open_with(&["confirm: {within: 1s}"]).await;
        let event = pending(&record(1, &json!(50)));
        for amount in amounts {
            office.asked(1, amount);
        }
        let case = office.accepted(&event).await;
        office.left_to_people(&case).await;
        assert_eq!(office.platform.answers(), [""; 0]);
        office.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_for_pending_of_docs_sdk_and_webhooks_are_taken() {
    // AW/api-reference/endpoint/get-logs: `pending`. The SDK (PyPI agentwarden 0.1.1 and 0.1.2): `pending_approval`.
    let office = Office::open().await;
    for (number, word) in [(1, "pending"), (2, "pending_approval")] {
        let event = pending(&office.asked(number, 50));
        office
            .platform
            .change(&id(number), |record| record["status"] = json!(word));
        let case = office.accepted(&event).await;
        let verdict = office.settled(&case).await;
        assert_eq!(verdict["resolution"]["outcome"], "approved", "{word}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_not_pending_is_not_answered() {
    // A list that is not filtered, so that every status is seen.
    let line = r#"confirm: {within: 1s, request: {url: "{api_url}/api/logs"}}"#;
    let office = Office::open_with(&[line]).await;
    // AW/api-reference/endpoint/get-logs; the SDK 0.1.2; the SDK 0.1.1; `webhooks`; no word; no string.
    let words = [
        "success", "failed", "denied", "blocked", "allowed", "error", "approved", "rejected", "",
    ];
    let words = words.into_iter().map(Value::from);
    let others = [
        Value::Null,
        json!(true),
        json!(["pending"]),
        json!("Pending "),
    ];
    for (number, word) in (1..).zip(words.chain(others)) {
        let event = pending(&office.asked(number, 50));
        office
            .platform
            .change(&id(number), |record| record["status"] = word.clone());
        let case = office.accepted(&event).await;
        let file = office
            .server
            .case_when(&case, |verdict| verdict["state"] != "received")
            .await;
        let verdict = &file["verdict"];
        assert_ne!(verdict["outcome"], "approve", "{word}: {verdict}");
        assert_ne!(verdict["state"], "answering", "{word}: {verdict}");
    }
    office.idle().await;
    assert_eq!(office.platform.answers(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_cannot_be_read_does_not_hide_the_others() {
    // Whoever has an agent's key can put anything into a record: a key twice, digits that no number has, depth.
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let poisons = [
        r#"{"amount": 1, "amount": 900}"#,
        r#"{"amount": 1e400}"#,
        r#"{"amount": 0.10000000000000000000000001}"#,
        r#"{"name": "\ud800"}"#,
        deep.as_str(),
    ];
    join_all(poisons.map(async |poison| {
        let office = Office::open_with(&["confirm: {within: 3s}"]).await;
        let good = record(1, &json!(50));
        let mut bad = record(2, &json!(50)).to_string();
        let context = r#"{"amount":50,"customer_id":"cus_123"}"#;
        assert!(bad.contains(context));
        bad = bad.replace(context, poison);
        let list = format!("[{bad}, {good}]");
        office
            .platform
            .always(Endpoint::Logs, Behaviour::Write(list.into_bytes()));
        office.platform.state().records.push(good.clone());
        let case = office.accepted(&pending(&good)).await;
        let verdict = office.settled(&case).await;
        assert_eq!(verdict["resolution"]["outcome"], "approved", "{poison:.40}");
        // And is itself not decided on.
        let case = office.accepted(&bare(2)).await;
        office.left_to_people(&case).await;
        assert_eq!(office.platform.answers(), [format!("approve {}", id(1))]);
    }))
    .await;
}
