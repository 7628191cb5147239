//! The agent's executor had this webhook before us: what it waits for goes on to it, as it came.

use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::events::logged;
use super::{Office, pending, resolved};
use crate::harness::{client, eventually};
use crate::tracemem::{self, TraceMem};

fn taken(status: u16) -> tracemem::Behaviour {
    tracemem::Behaviour::Say(status, json!({"status": "received"}), Vec::new())
}

/// An executor, and an office that passes its events on to it.
async fn forwarding(mode: &str, lines: &[&str]) -> (TraceMem, Office) {
    let executor = TraceMem::start().await;
    executor.always(taken(200));
    let line = format!("forward_to: {}/webhook/agentwarden", executor.url());
    let lines: Vec<&str> = lines.iter().copied().chain([line.as_str()]).collect();
    let office = Office::open_in(mode, &lines).await;
    (executor, office)
}

/// What was passed on: the event, and the request it is about.
fn passed_on(executor: &TraceMem) -> Vec<(String, Value)> {
    let received = executor.received();
    let named = |one: &tracemem::Received| {
        let event = one.json();
        let data = &event["data"];
        let id = data.get("approval_id").unwrap_or(&data["id"]).clone();
        (event["event"].as_str().unwrap().to_owned(), id)
    };
    received.iter().map(named).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_goes_on_byte_for_byte_with_the_headers_it_came_with() {
    let (executor, office) = forwarding("enforce", &[]).await;
    // Python's spaces, an escape, digits and an order that no serializer of ours would write.
    let body = br#"{"event": "log.blocked", "timestamp": "2026-02-25T23:51:33.984319", "data": {"id": "log_1", "amount": 50.00, "name": "J\u00fcrgen \/ Z\u00fcrich", "a":1,  "emoji": "\ud83d\ude00"}}"#;
    let sent = client()
        .post(office.hook())
        .header("user-agent", "AgentWarden-Webhook/1.0")
        .header("content-type", "application/json; charset=utf-8")
        .header("accept", "*/*")
        .header("accept-encoding", "gzip, deflate")
        .header("x-custom", "kept:  as it is")
        .header("x-twice", "one")
        .header("x-twice", "two")
        .header("connection", "keep-alive, x-hop")
        .header("x-hop", "for one connection only")
        .body(body.to_vec());
    assert_eq!(sent.send().await.unwrap().status(), 200);
    let received = executor.wait_for(1).await;
    assert_eq!(received[0].method_and_path, "POST /webhook/agentwarden");
    assert_eq!(received[0].body, body);
    let mut came = HeaderMap::new();
    for (name, value) in &received[0].headers {
        let name: axum::http::HeaderName = name.parse().unwrap();
        came.append(name, value.parse().unwrap());
    }
    for name in ["host", "content-length", "connection"] {
        came.remove(name);
    }
    let expected = [
        ("accept", "*/*"),
        ("accept-encoding", "gzip, deflate"),
        ("content-type", "application/json; charset=utf-8"),
        ("user-agent", "AgentWarden-Webhook/1.0"),
        ("x-custom", "kept:  as it is"),
        ("x-twice", "one"),
        ("x-twice", "two"),
    ];
    let mut came: Vec<_> = came
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    came.sort_unstable();
    assert_eq!(came, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_executor_hears_of_our_approval_from_the_platform_and_not_of_the_request() {
    let (executor, office) = forwarding("enforce", &[]).await;
    let case = office.asks(1, 50).await;
    office.settled(&case).await;
    executor.wait_for(1).await;
    office.idle().await;
    let approved = ("approval.approved".to_owned(), json!(super::id(1)));
    assert_eq!(passed_on(&executor), [approved]);
    let told = executor.received()[0].json();
    assert_eq!(
        told["data"]["context"],
        json!({"amount": 50, "customer_id": "cus_123"})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_decision_there_reaches_the_executor_too() {
    let (executor, office) = forwarding("enforce", &[]).await;
    let record = office.asked(1, 500);
    let case = office.accepted(&pending(&record)).await;
    office.verdict(&case, "open").await;
    let event = resolved(&record, "rejected", "user_dana");
    assert_eq!(office.told(&event).await, "closed");
    let received = executor.wait_for(1).await;
    assert_eq!(received[0].json(), event);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_dry_run_the_executor_hears_of_everything() {
    let (executor, office) = forwarding("dry_run", &[]).await;
    let record = office.asked(1, 50);
    let asked = pending(&record);
    office.accepted(&asked).await;
    executor.wait_for(1).await;
    office
        .told(&resolved(&record, "approved", "user_dana"))
        .await;
    let received = executor.wait_for(2).await;
    assert_eq!(received[0].json(), asked);
    assert_eq!(received[1].json()["event"], "approval.approved");
}

#[tokio::test(flavor = "multi_thread")]
async fn forward_all_adds_the_requests() {
    let (executor, office) = forwarding("enforce", &["forward: all"]).await;
    let case = office.asks(1, 50).await;
    office.settled(&case).await;
    executor.wait_for(2).await;
    office.idle().await;
    let words: Vec<String> = passed_on(&executor)
        .into_iter()
        .map(|(word, _)| word)
        .collect();
    assert_eq!(words, ["log.pending_approval", "approval.approved"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn blocked_and_failed_actions_are_counted_and_passed_on() {
    let (executor, office) = forwarding("enforce", &[]).await;
    for (number, word) in [(1, "log.blocked"), (2, "log.failed"), (3, "log.blocked")] {
        let event = logged(word, &super::record(number, &json!(50)));
        assert_eq!(office.told(&event).await, "ignored");
    }
    executor.wait_for(3).await;
    // A sender who makes up words does not grow the number of series without end.
    for number in 0..50 {
        let event = logged(
            &format!("log.made_up_{number}"),
            &super::record(4, &json!(50)),
        );
        assert_eq!(office.told(&event).await, "ignored");
    }
    let lines = office.server.metric("countersign_events_total").await;
    let count = |event: &str| {
        let named = format!(r#"event="{event}""#);
        let line = lines.lines().find(|line| line.contains(&named))?;
        assert!(line.contains(r#"source="warden""#), "{line}");
        line.rsplit_once(' ')?.1.parse::<u64>().ok()
    };
    assert_eq!(count("log.blocked"), Some(2), "{lines}");
    assert_eq!(count("log.failed"), Some(1), "{lines}");
    assert!(count("other").is_some_and(|others| others > 1), "{lines}");
    assert!(lines.lines().count() < 40, "{lines}");
    assert!(office.cases().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_platform_delivers_twice_is_passed_on_once() {
    let (executor, office) = forwarding("enforce", &[]).await;
    let record = office.asked(1, 500);
    let case = office.accepted(&pending(&record)).await;
    office.verdict(&case, "open").await;
    let blocked = logged("log.blocked", &super::record(2, &json!(50)));
    let approved = resolved(&record, "approved", "user_dana");
    for event in [&blocked, &approved, &blocked, &approved, &approved] {
        office.told(event).await;
    }
    // One request's events do not hide each other's.
    let failed = logged("log.failed", &super::record(2, &json!(50)));
    office.told(&failed).await;
    executor.wait_for(3).await;
    office.idle().await;
    let mut words: Vec<String> = passed_on(&executor)
        .into_iter()
        .map(|(word, _)| word)
        .collect();
    words.sort();
    assert_eq!(words, ["approval.approved", "log.blocked", "log.failed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_one_request_arrive_in_their_order() {
    let (executor, office) = forwarding("enforce", &["forward: all"]).await;
    executor.always(taken(503));
    let record = office.asked(1, 500);
    let case = office.accepted(&pending(&record)).await;
    office.verdict(&case, "open").await;
    executor.wait_for(1).await;
    office
        .told(&resolved(&record, "approved", "user_dana"))
        .await;
    executor.wait_for(2).await;
    executor.always(taken(200));
    office.idle().await;
    let words: Vec<String> = passed_on(&executor)
        .into_iter()
        .map(|(word, _)| word)
        .collect();
    let first = words
        .iter()
        .position(|word| word == "approval.approved")
        .unwrap();
    assert!(
        words[..first]
            .iter()
            .all(|word| word == "log.pending_approval")
    );
    assert_eq!(words.len() - first, 1, "{words:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_executor_that_is_down_does_not_hold_up_answers_and_gets_everything_later() {
    let address = TraceMem::nowhere().await;
    let line = format!("forward_to: http://{address}/webhook");
    let office = Office::open_with(&[&line]).await;
    let mut cases = Vec::new();
    for number in 1..6 {
        cases.push(office.asks(number, 50).await);
    }
    for case in &cases {
        office.settled(case).await;
    }
    let executor = TraceMem::start_at(address).await;
    executor.always(taken(200));
    executor.wait_for(5).await;
    office.idle().await;
    let mut ids: Vec<Value> = passed_on(&executor).into_iter().map(|(_, id)| id).collect();
    ids.sort_by_key(Value::to_string);
    let expected: Vec<Value> = (1..6).map(|number| json!(super::id(number))).collect();
    assert_eq!(ids, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_not_passed_on() {
    let (executor, office) = forwarding("enforce", &[]).await;
    let event = logged("log.blocked", &super::record(1, &json!(50)));
    let wrong = office.server.intake("/v1/sources/warden/wrong");
    assert_eq!(
        super::platform::deliver(&wrong, event.to_string()).await.0,
        401
    );
    assert_eq!(office.forge(&json!({"event": 7})).await.0, 400);
    assert_eq!(office.forge(&json!([event])).await.0, 400);
    assert_eq!(
        office
            .told(&logged("log.failed", &super::record(2, &json!(50))))
            .await,
        "ignored"
    );
    executor.wait_for(1).await;
    eventually("all is passed on", async || {
        office.server.outbox().await.is_empty().then_some(())
    })
    .await;
    assert_eq!(passed_on(&executor)[0].0, "log.failed");
    assert_eq!(executor.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_somebody_made_up_does_not_keep_the_real_one_from_the_executor() {
    let (executor, office) = forwarding("enforce", &[]).await;
    let real = logged("log.blocked", &super::record(1, &json!(50)));
    let mut forged = real.clone();
    forged["data"]["action"] = json!("nothing.much");
    // A sender that was not heard stamps its next try anew.
    let mut stamped = real.clone();
    stamped["timestamp"] = json!("2026-02-26T00:00:00.000000");
    for event in [&forged, &real, &real, &stamped] {
        let (status, told) = office.forge(event).await;
        assert_eq!((status, &told["status"]), (200, &json!("ignored")));
    }
    office.idle().await;
    let bodies: Vec<Value> = executor
        .received()
        .iter()
        .map(tracemem::Received::json)
        .collect();
    assert_eq!(bodies, [forged, real]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_found_before_it_was_delivered_still_reaches_the_executor_in_dry_run() {
    let (executor, office) = forwarding("dry_run", &["reconcile: 1s"]).await;
    let record = office.asked(1, 50);
    office.only_case().await;
    for _ in 0..2 {
        let (_, told) = office.platform.deliver(&pending(&record)).await;
        assert_eq!(told["status"], "duplicate");
    }
    office.platform.wait_for(super::Endpoint::Logs, 3).await;
    assert_eq!(passed_on(&executor).len(), 1);
    assert_eq!(office.platform.answers(), [""; 0]);
}
