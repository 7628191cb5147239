//! Who learns the secret path of a source can send anything: it gets nothing answered that the platform's record does not
//! bear out, and keeps nothing from being answered or passed on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::harness::{ADMIN, Countersign, eventually, served};
use crate::platforms::{Call, Platform, Reply, case_of, end, open, post, resolved};

const PATH: &str = "/v1/sources/desk/path-that-somebody-learnt";

/// A platform with one pending payment, that shows its records one by one and as a list.
async fn platform(answer: impl Fn(&Call) -> Reply + Clone + Send + Sync + 'static) -> Platform {
    Platform::start(move |call| {
        let record = |id: &str, amount: u32| {
            json!({
                "id": id, "status": "pending", "action": "pay", "agent": "billing-bot",
                "context": {"amount": amount}, "callback": "http://127.0.0.1:1/own",
            })
        };
        match (call.method.as_str(), call.parts().as_slice()) {
            ("GET", ["records", "ap_1"]) => Reply(200, record("ap_1", 50)),
            ("GET", ["pending"]) => Reply(200, json!([record("ap_2", 500)])),
            ("GET", _) => Reply(404, Value::Null),
            _ => answer(call),
        }
    })
    .await
}

/// A source that nothing but its path protects.
fn config(platform: &Platform, answer_at: &str, lines: &str) -> String {
    let (served, url) = (served("enforce"), platform.url());
    format!(
        r#"{served}outbox: {{concurrency: 2}}
sources:
  - name: desk
    kind: webhook
    api_url: {url}
    auth: {{bearer: credential-of-the-desk-0123456789}}
    verify: [{{secret_path: path-that-somebody-learnt}}]
    event: {{at: /event, request: [asked], resolved: [approved, denied]}}
    fields: {{id: /id, action: /action, agent: /agent, context: /context, callback: /callback}}
    callback_hosts: [127.0.0.1]
    answer:
      approve: {{url: "{answer_at}", body: {{note: "{{rationale}}"}}}}
      reject: {{url: "{{api_url}}/reject/{{id}}", body: {{note: "{{rationale}}"}}}}
{lines}
"#
    )
}

const READ_BACK: &str = r#"    confirm:
      request: {url: "{api_url}/records/{id}"}
      id: /id
      fields: {action: /action, agent: /agent, context: /context}
      status: {at: /status, pending: [pending]}
"#;

fn done(_call: &Call) -> Reply {
    Reply(200, json!({}))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_callback_is_not_told_what_was_decided_on_another_requests_record() {
    let platform = platform(done).await;
    let server = Countersign::start(&config(&platform, "{callback}", READ_BACK)).await;
    // The request of this record is harmless; the callback is that of one that is not.
    let forged = json!({
        "event": "asked", "id": "ap_1", "callback": format!("{}/callback-of-a-huge-payment", platform.url()),
    });
    let case = case_of(&post(&server, PATH, &[], &forged.to_string()).await);
    let ended = server
        .case_when(&case, |verdict| verdict["resolution"]["answer"] == "dead")
        .await;
    assert_eq!(ended["verdict"]["outcome"], "approve", "{ended}");
    assert!(platform.told().is_empty(), "{:?}", platform.told());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_records_own_callback_takes_the_answer_whatever_the_delivery_says() {
    let other = platform(done).await;
    let own = format!("{}/own", other.url());
    let platform = Platform::start(move |call| match call.parts().as_slice() {
        ["records", "ap_1"] => Reply(
            200,
            json!({
                "id": "ap_1", "status": "pending", "action": "pay", "context": {"amount": 50}, "callback": own,
            }),
        ),
        _ => Reply(200, json!({})),
    })
    .await;
    let lines = READ_BACK.replace(
        "context: /context}",
        "context: /context, callback: /callback}",
    );
    let server = Countersign::start(&config(&platform, "{callback}", &lines)).await;
    let forged =
        json!({"event": "asked", "id": "ap_1", "callback": format!("{}/theirs", platform.url())});
    let case = case_of(&post(&server, PATH, &[], &forged.to_string()).await);
    let verdict = resolved(&server, &case).await;
    assert_eq!(end(&verdict), ["approved", "policy", "settled"]);
    assert_eq!(other.only_answer().await.path, "/own");
    assert!(platform.told().is_empty(), "{:?}", platform.told());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_echo_does_not_take_an_answer_back_that_has_not_left() {
    let attempts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&attempts);
    let platform = platform(move |_| match counted.fetch_add(1, Ordering::SeqCst) {
        0 => Reply(429, Value::Null),
        _ => Reply(200, json!({})),
    })
    .await;
    let server = Countersign::start(&config(&platform, "{api_url}/approve/{id}", READ_BACK)).await;
    let asked = json!({"event": "asked", "id": "ap_1"}).to_string();
    let case = case_of(&post(&server, PATH, &[], &asked).await);
    eventually("the first attempt failed", async || {
        (attempts.load(Ordering::SeqCst) == 1).then_some(())
    })
    .await;
    let forged = json!({"event": "approved", "id": "ap_1"}).to_string();
    assert_eq!(post(&server, PATH, &[], &forged).await.0, 200);
    eventually("the answer arrives all the same", async || {
        (attempts.load(Ordering::SeqCst) == 2).then_some(())
    })
    .await;
    let verdict = resolved(&server, &case).await;
    assert_eq!(end(&verdict), ["approved", "policy", "settled"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_event_does_not_keep_the_real_one_from_being_passed_on() {
    let (platform, executor) = (platform(done).await, platform(done).await);
    let lines = format!("{READ_BACK}    forward_to: {}/hook\n", executor.url());
    let server = Countersign::start(&config(&platform, "{api_url}/approve/{id}", &lines)).await;
    let forged = json!({"event": "approved", "id": "ap_9", "context": {"nothing": "to do"}});
    let real = json!({"event": "approved", "id": "ap_9", "context": {"amount": 50}});
    for event in [&forged, &real, &real] {
        assert_eq!(
            post(&server, PATH, &[], &event.to_string()).await.0,
            200,
            "{event}"
        );
    }
    let passed = eventually("both are passed on", async || {
        let told = executor.told();
        (told.len() >= 2).then_some(told)
    })
    .await;
    let bodies: Vec<Value> = passed.iter().map(Call::json).collect();
    assert_eq!(bodies, [forged, real]);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_hang_do_not_hold_up_what_people_decided() {
    let platform = platform(done).await;
    // Somebody who accepts connections and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let lines = READ_BACK.replace(
        "{api_url}/records",
        &format!("http://{}/records", silent.local_addr().unwrap()),
    );
    let pending = r#"    reconcile: 5m
    pending:
      request: {url: "{api_url}/pending"}
      items: ""
"#;
    let server = Countersign::start(&config(
        &platform,
        "{api_url}/approve/{id}",
        &format!("{lines}{pending}"),
    ))
    .await;
    let case = eventually("the list was gone through", async || {
        let (_, page) = server.get("/v1/cases").await;
        page["cases"][0]["case_id"].as_str().map(str::to_owned)
    })
    .await;
    open(&server, &case).await;
    for number in 10..20 {
        let forged = json!({"event": "asked", "id": format!("ap_{number}")}).to_string();
        case_of(&post(&server, PATH, &[], &forged).await);
    }
    eventually("the look-ups are under way", async || {
        let under_way = server.outbox().await;
        (under_way.len() == 10).then_some(())
    })
    .await;
    let began = std::time::Instant::now();
    server.vote(ADMIN, &case, "approve", "it is fine").await;
    assert_eq!(platform.only_answer().await.path, "/approve/ap_2");
    assert!(began.elapsed() < std::time::Duration::from_secs(5));
}
