//! Between the webhook and the record: nothing can be decided yet, and what happens meanwhile counts.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::office::POLICY;
use super::{AgentWarden, Behaviour, Endpoint, Office, config, id, pending, with_line};
use crate::harness::{ADMIN, Countersign, SECRET, answer, client, signature, write};

/// An office whose platform shows its records when it is let, and the case of request 1, which waits for that.
async fn waiting(lines: &[&str]) -> (Office, Arc<Notify>, String) {
    let office = Office::open_with(lines).await;
    let let_go = Arc::new(Notify::new());
    office
        .platform
        .script(Endpoint::Logs, [Behaviour::When(Arc::clone(&let_go))]);
    let case = office.asks(1, 50).await;
    office.platform.wait_for(Endpoint::Logs, 1).await;
    (office, let_go, case)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_is_not_confirmed_says_so_and_takes_no_vote() {
    let (office, let_go, case) = waiting(&[]).await;
    let file = office.server.case(&case).await;
    let verdict = &file["verdict"];
    assert_eq!(verdict["state"], "received");
    assert_ne!(verdict["outcome"], "approve");
    assert_eq!(verdict["resolution"], json!(null));
    let (_, page) = office.server.get("/v1/cases?state=received").await;
    assert_eq!(page["cases"][0]["case_id"], case);
    for vote in ["approve", "reject"] {
        let body = json!({"vote": vote, "reason": "hurry", "digest": file["digest"]});
        let path = format!("/v1/cases/{case}/votes");
        let (status, problem) = office.server.call("POST", &path, ADMIN, Some(&body)).await;
        assert!((400..500).contains(&status), "{status} {problem}");
    }
    assert_eq!(office.platform.answers(), [""; 0]);
    let_go.notify_one();
    let verdict = office.settled(&case).await;
    assert_eq!(verdict["resolution"]["by"], "policy");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_freeze_in_between_asks_people() {
    let (office, let_go, case) = waiting(&[]).await;
    let body = json!({"reason": "something is off"});
    let (status, _) = office
        .server
        .call("PUT", "/v1/freeze", ADMIN, Some(&body))
        .await;
    assert_eq!(status, 200);
    let_go.notify_one();
    let verdict = office.verdict(&case, "open").await;
    assert_eq!(
        (&verdict["outcome"], &verdict["cause"]),
        (&json!("escalate"), &json!("frozen"))
    );
    assert_eq!(office.platform.answers(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policies_of_the_moment_of_the_record_decide() {
    let (office, let_go, case) = waiting(&[]).await;
    let rejects = "package approvals.refunds\nreject contains \"no refunds today\" if input.action == \"stripe.refund\"\n";
    write(
        &office
            .server
            .folder
            .path()
            .join("policies/approvals/pay/pay.rego"),
        rejects,
    );
    let (status, told) = office
        .server
        .call("POST", "/v1/policies/reload", ADMIN, None)
        .await;
    assert_eq!(status, 200, "{told}");
    let_go.notify_one();
    let verdict = office.settled(&case).await;
    assert_eq!(verdict["resolution"]["outcome"], "rejected");
    assert_eq!(office.platform.answers(), [format!("reject {}", id(1))]);
}

/// AgentWarden documents no expiry; a deployment that has one, and a proxy that signs, says so.
const EXPIRES: [&str; 3] = [
    "fields: {id: /data/id, action: /data/action, agent: /data/agent_id, context: /data/context, expires_at: /data/expires_at}",
    "confirm: {within: 1m, fields: {action: /action, agent: /agent_id, context: /context, expires_at: /expires_at}}",
    "# verified by a proxy",
];

/// A request whose record is not shown, and which claims to end in two seconds.
fn ending(office: &Office) -> Value {
    office.platform.always(Endpoint::Logs, Behaviour::Hang);
    let record = office.asked(1, 50);
    let soon = countersign::clock::Clock.now() + jiff::SignedDuration::from_secs(2);
    office.platform.change(&id(1), |record| {
        record["expires_at"] = json!(soon.to_string());
    });
    let mut event = pending(&record);
    event["data"]["expires_at"] = json!(soon.to_string());
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_expires_before_it_is_confirmed_is_not_answered() {
    let platform = AgentWarden::start().await;
    let proof =
        format!("- hmac: {{header: X-Proxy-Signature, secrets: [{SECRET}]}}\n      - user_agent");
    let text = config("enforce", &platform.url()).replace("- user_agent", &proof);
    let text = EXPIRES
        .iter()
        .fold(text, |text, line| with_line(&text, line));
    let server = Countersign::start_with(&text, &[("approvals/pay/pay.rego", POLICY)]).await;
    let office = Office { platform, server };
    let body = ending(&office).to_string();
    let sent = client()
        .post(office.hook())
        .header("user-agent", "AgentWarden-Webhook/1.0")
        .header(
            "x-proxy-signature",
            signature(SECRET, body.as_bytes()).trim_start_matches("sha256="),
        )
        .body(body);
    let (status, told) = answer(sent.send().await.unwrap()).await;
    assert_eq!(
        (status, &told["status"]),
        (200, &json!("accepted")),
        "{told}"
    );
    let case = told["case_id"].as_str().unwrap();
    let file = office.server.case(case).await;
    assert_eq!(file["verdict"]["state"], "received");
    assert_eq!(file["request"]["verified"]["signature"], true);
    let verdict = office.verdict(case, "resolved").await;
    assert_eq!(verdict["resolution"]["outcome"], "expired", "{verdict}");
    assert_eq!(office.platform.answers(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_nobody_signed_cannot_say_that_a_request_is_over() {
    let office = Office::open_with(&EXPIRES).await;
    let mut event = ending(&office);
    event["data"]["expires_at"] = json!("2026-01-01T00:00:00Z");
    office.platform.change(&id(1), |record| {
        record.as_object_mut().unwrap().remove("expires_at");
    });
    let case = office.accepted(&event).await;
    assert_eq!(
        office.server.case(&case).await["verdict"]["state"],
        "received"
    );
    office.platform.recover();
    let verdict = office.settled(&case).await;
    assert_eq!(verdict["resolution"]["outcome"], "approved");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_webhook_while_the_first_waits_is_the_same_case() {
    let (office, let_go, case) = waiting(&[]).await;
    let event = pending(&office.platform.state().records[0].clone());
    let (status, told) = office.platform.deliver(&event).await;
    assert_eq!((status, &told["status"]), (200, &json!("duplicate")));
    assert_eq!(told["case_id"], case);
    let_go.notify_one();
    office.settled(&case).await;
    office.idle().await;
    assert_eq!(office.platform.answers(), [format!("approve {}", id(1))]);
    assert_eq!(office.platform.calls(Endpoint::Logs).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_wait_do_not_wait_for_each_other() {
    let (office, let_go, case) = waiting(&[]).await;
    let second = office.asks(2, 60).await;
    office.settled(&second).await;
    assert_eq!(
        office.server.case(&case).await["verdict"]["state"],
        "received"
    );
    let_go.notify_one();
    office.settled(&case).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_that_is_delivered_many_times_at_once_is_one_case_and_one_answer() {
    let office = Office::open().await;
    let event = pending(&office.asked(1, 50));
    let sends = (0..32).map(|_| office.platform.deliver(&event));
    let told = futures_util::future::join_all(sends).await;
    let words: Vec<&str> = told
        .iter()
        .map(|(_, told)| told["status"].as_str().unwrap())
        .collect();
    assert_eq!(words.iter().filter(|word| **word == "accepted").count(), 1);
    assert!(
        words
            .iter()
            .all(|word| ["accepted", "duplicate"].contains(word))
    );
    let case = told[0].1["case_id"].as_str().unwrap();
    office.settled(case).await;
    office.idle().await;
    assert_eq!(office.platform.answers(), [format!("approve {}", id(1))]);
    assert_eq!(office.cases().await.len(), 1);
}
