//! `forward_to`: events go on to whoever received them before us, as they came and in their order.

use serde_json::{Value, json};

use crate::harness::{
    ADMIN, Countersign, SECRET, config, eventually, requested, signature, with_tm,
};
use crate::tracemem::{Behaviour, TraceMem};

fn say(status: u16) -> Behaviour {
    Behaviour::Say(status, json!({}), Vec::new())
}

/// A server whose source passes its events on to the second platform.
async fn forwarding(mode: &str) -> (TraceMem, TraceMem, Countersign) {
    let (platform, target) = (TraceMem::start().await, TraceMem::start().await);
    target.always(say(200));
    let line = format!("forward_to: {}/hook?from=countersign", target.url());
    let server = Countersign::start(&with_tm(&config(mode, &platform), &line)).await;
    (platform, target, server)
}

/// An event of ours with `token`, which is what the target goes by.
fn event(name: &str, number: u32, token: &str) -> Value {
    json!({"event": name, "approval_id": format!("appr_{number}"), "resolution": "approved", "token": token})
}

fn tokens(target: &TraceMem) -> Vec<String> {
    let received = target.received();
    let token = |one: &crate::tracemem::Received| one.json()["token"].as_str().unwrap().to_owned();
    received.iter().map(token).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_passed_on_as_they_came() {
    let (_platform, target, server) = forwarding("enforce").await;
    // Spaces and order that no serializer of ours would write.
    let bodies = [
        r#"{ "event" : "approval.resolved","approval_id":"appr_1", "resolution":"approved" , "n": 1.50 }"#,
        r#"{"event":"decision.closed",  "decision_id":"TMEM_1","é":"ü"}"#,
    ];
    for (count, body) in bodies.iter().enumerate() {
        let (status, told) = server
            .deliver_raw(
                body.as_bytes().to_vec(),
                &[
                    ("X-TraceMem-Signature", &signature(SECRET, body.as_bytes())),
                    ("X-Custom", "kept: as it is"),
                    ("Connection", "X-Hop"),
                    ("X-Hop", "for one connection only"),
                    (
                        "traceparent",
                        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                    ),
                ],
            )
            .await;
        assert_eq!((status, told["status"].as_str()), (200, Some("ignored")));
        let received = target.wait_for(count + 1).await;
        let passed = &received[count];
        assert_eq!(passed.method_and_path, "POST /hook?from=countersign");
        assert_eq!(passed.body, body.as_bytes());
        assert_eq!(
            passed.header("x-tracemem-signature"),
            Some(signature(SECRET, body.as_bytes()).as_str())
        );
        assert_eq!(passed.header("x-custom"), Some("kept: as it is"));
        assert_eq!(passed.header("content-type"), Some("application/json"));
        assert!(passed.header("traceparent").is_some());
        assert_eq!(passed.header("x-hop"), None);
        assert_eq!(
            passed.header("authorization"),
            None,
            "our credential is for the platform alone"
        );
        let host = target.address.to_string();
        assert_eq!(passed.header("host"), Some(host.as_str()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_we_answer_is_not_passed_on_and_its_echo_is() {
    let (platform, target, server) = forwarding("enforce").await;
    let id = server.accepted(&requested(1, json!(50))).await;
    platform.wait_for(1).await;
    server
        .case_when(&id, |verdict| verdict["state"] == "resolved")
        .await;
    let (_, told) = server.deliver(&event("approval.resolved", 1, "echo")).await;
    assert_eq!(told["status"], "duplicate");
    target.wait_for(1).await;
    server.stop().await;
    assert_eq!(tokens(&target), ["echo"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_dry_run_requests_are_passed_on_too() {
    let (platform, target, server) = forwarding("dry_run").await;
    let asked = requested(1, json!(50));
    server.accepted(&asked).await;
    server.deliver(&event("approval.resolved", 1, "end")).await;
    let received = target.wait_for(2).await;
    assert_eq!(received[0].body, asked.to_string().into_bytes());
    server.stop().await;
    assert_eq!(tokens(&target), ["capability-token-1", "end"]);
    assert_eq!(platform.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_one_request_arrive_in_order_and_hold_up_no_other() {
    let (_platform, target, server) = forwarding("enforce").await;
    target.script("first", [say(503), say(503)]);
    server.deliver(&event("approval.viewed", 1, "first")).await;
    target.wait_for(1).await;
    server
        .deliver(&event("approval.resolved", 1, "second"))
        .await;
    server.deliver(&event("approval.viewed", 2, "other")).await;
    target.wait_for(5).await;
    assert_eq!(
        tokens(&target),
        ["first", "other", "first", "first", "second"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn events_wait_for_a_target_that_is_down() {
    let platform = TraceMem::start().await;
    let address = TraceMem::nowhere().await;
    let line = format!("forward_to: http://{address}/hook");
    let server = Countersign::start(&with_tm(&config("enforce", &platform), &line)).await;
    server.deliver(&event("approval.resolved", 1, "one")).await;
    eventually("it was tried", async || {
        (server.outbox().await[0]["attempts"].as_u64() > Some(0)).then_some(())
    })
    .await;
    // Answers do not wait for it.
    server.accepted(&requested(2, json!(50))).await;
    platform.wait_for(1).await;
    let server = server.restart().await;
    let target = TraceMem::start_at(address).await;
    target.always(say(200));
    target.wait_for(1).await;
    eventually("all is passed on", async || {
        server.outbox().await.is_empty().then_some(())
    })
    .await;
    assert_eq!(tokens(&target), ["one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_the_target_refuses_is_a_dead_letter_that_lets_the_next_pass() {
    let (_platform, target, server) = forwarding("enforce").await;
    target.script("first", [say(404)]);
    server.deliver(&event("approval.viewed", 1, "first")).await;
    let dead = server.only_effect("dead").await;
    assert_eq!(
        (&dead["kind"], &dead["case_id"]),
        (&json!("forward"), &Value::Null)
    );
    server
        .deliver(&event("approval.resolved", 1, "second"))
        .await;
    target.wait_for(2).await;
    let path = format!("/v1/outbox/{}/retry", dead["id"]);
    assert_eq!(server.call("POST", &path, ADMIN, None).await.0, 200);
    target.wait_for(3).await;
    assert_eq!(tokens(&target), ["first", "second", "first"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_not_passed_on() {
    let (_platform, target, server) = forwarding("dry_run").await;
    let forged = event("approval.resolved", 1, "forged").to_string();
    let (status, _) = server
        .deliver_raw(
            forged.clone().into_bytes(),
            &[(
                "X-TraceMem-Signature",
                &signature("not-the-secret-of-anybody", forged.as_bytes()),
            )],
        )
        .await;
    assert_eq!(status, 401);
    server.deliver(&requested(1, json!(50))).await;
    assert_eq!(server.deliver(&requested(1, json!(60))).await.0, 409);
    target.wait_for(1).await;
    server.stop().await;
    assert_eq!(tokens(&target), ["capability-token-1"]);
}
