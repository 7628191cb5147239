//! A platform that takes its time, or asks for it: who waits, for how long, and what becomes of an answer meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::sync::Notify;

use crate::harness::{
    CREDENTIAL, Countersign, config, eventually, requested, signature, token, with, with_tm,
};
use crate::platform_faults::{answered, resolved, say};
use crate::tracemem::{Behaviour, TraceMem};

fn in_milliseconds(milliseconds: i64) -> Timestamp {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test says when its request expires"
    )]
    let now = Timestamp::now();
    now + SignedDuration::from_millis(milliseconds)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_platform_is_waited_for() {
    let let_go = Arc::new(Notify::new());
    let platform = TraceMem::start().await;
    platform.script(&token(1), [Behaviour::TakeWhen(Arc::clone(&let_go))]);
    let server = Countersign::start(&config("enforce", &platform)).await;
    let id = server.accepted(&requested(1, json!(50))).await;
    platform.wait_for(1).await;
    let file = server.case(&id).await;
    assert_eq!(file["verdict"]["state"], "answering");
    assert_eq!(file["verdict"]["resolution"]["answer"], "pending");
    let_go.notify_one();
    resolved(&server, &id).await;
    assert_eq!(platform.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_asks_for_a_pause_in_seconds_gets_it() {
    let later = vec![("retry-after", "2".to_owned())];
    let (platform, server, id) =
        answered([Behaviour::Say(429, json!({"error": "slow down"}), later)]).await;
    let received = platform.wait_for(2).await;
    let pause = received[1].at.duration_since(received[0].at);
    assert!(pause >= Duration::from_secs(2), "{pause:?}");
    assert_eq!(
        resolved(&server, &id).await["resolution"]["answer"],
        "settled"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_asks_for_a_pause_until_a_date_gets_it() {
    // By the platform's own clock, which is wrong.
    let later = vec![
        ("date", "Sun, 06 Nov 1994 08:49:37 GMT".to_owned()),
        ("retry-after", "Sun, 06 Nov 1994 08:49:39 GMT".to_owned()),
    ];
    let (platform, server, id) = answered([Behaviour::Say(503, json!({}), later)]).await;
    let received = platform.wait_for(2).await;
    let pause = received[1].at.duration_since(received[0].at);
    assert!(pause >= Duration::from_secs(2), "{pause:?}");
    resolved(&server, &id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_fails_is_asked_again_within_a_second() {
    for status in [408, 429, 500, 502, 503, 504] {
        let (platform, server, id) = answered([say(status)]).await;
        let received = platform.wait_for(2).await;
        assert_eq!(received[0].body, received[1].body, "{status}");
        let pause = received[1].at.duration_since(received[0].at);
        // A second, and what a busy machine adds to it.
        assert!(pause < Duration::from_secs(3), "{status}: {pause:?}");
        let verdict = resolved(&server, &id).await;
        assert_eq!(verdict["resolution"]["answer"], "settled", "{status}");
        let counted = server.metric("countersign_answer_attempts_total").await;
        assert!(
            counted.contains(r#"{source="tm",result="retried"} 1"#)
                && counted.contains(r#"{source="tm",result="settled"} 1"#),
            "{counted}"
        );
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_expires_while_its_answer_is_tried_is_not_answered_any_more() {
    let platform = TraceMem::start().await;
    platform.always(say(503));
    let server = Countersign::start(&config("enforce", &platform)).await;
    let mut event = requested(1, json!(50));
    event["expires_at"] = json!(in_milliseconds(1_500).to_string());
    let deadline = Instant::now() + Duration::from_millis(1_600);
    let id = server.accepted(&event).await;
    let verdict = resolved(&server, &id).await;
    assert_eq!(verdict["resolution"]["outcome"], "expired");
    assert_eq!(verdict["resolution"]["by"], "deadline");
    assert_eq!(verdict["resolution"]["answer"], "none");
    platform.always(Behaviour::Take);
    assert!(server.outbox().await.is_empty());
    server.stop().await;
    assert!(
        platform
            .received()
            .iter()
            .all(|answer| answer.at < deadline)
    );
    assert_eq!(platform.resolution(&token(1)), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_cannot_be_sent_in_time_becomes_a_question_and_is_never_sent() {
    let platform = TraceMem::start().await;
    platform.always(say(503));
    let config = with_tm(&config("enforce", &platform), "answer_within: 1s");
    let server = Countersign::start(&config).await;
    let id = server.accepted(&requested(1, json!(50))).await;
    let rejected = server.accepted(&requested(2, json!(20_000))).await;
    let file = server
        .case_when(&id, |verdict| verdict["state"] == "open")
        .await;
    assert_eq!(file["verdict"]["cause"], "source");
    platform.always(Behaviour::Take);
    // A reject may still be told: it takes nothing from anybody.
    assert_eq!(
        resolved(&server, &rejected).await["resolution"]["outcome"],
        "rejected"
    );
    assert_eq!(server.case(&id).await["verdict"]["state"], "open");
    server.stop().await;
    assert_eq!(platform.resolution(&token(1)), None);
    assert_eq!(platform.resolution(&token(2)).as_deref(), Some("rejected"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_hangs_holds_up_neither_others_nor_acknowledgements() {
    let (hanging, other) = (TraceMem::start().await, TraceMem::start().await);
    hanging.script(&token(1), [Behaviour::Hang]);
    let second = format!(
        r"  - name: second
    kind: tracemem
    api_url: {}
    credential: {CREDENTIAL}-2
    verify: [{{hmac: {{secrets: [another-secret-of-the-integration]}}}}]
    fields: {{action: /intent, context: /context, agent: /agent_id}}
",
        other.url()
    );
    // Longer than the test waits: an answer that comes was not let go by the time-out.
    let config = with(
        &(config("enforce", &hanging) + &second),
        "outbox: {timeout: 60s}\nshutdown: {grace: 0s}",
    );
    let server = Countersign::start(&config).await;
    server.accepted(&requested(1, json!(50))).await;
    hanging.wait_for(1).await;

    // Another answer to the platform that hangs, begun after it hung.
    let id = server.accepted(&requested(2, json!(50))).await;
    assert_eq!(
        resolved(&server, &id).await["resolution"]["answer"],
        "settled"
    );

    // And with every place taken, another platform.
    hanging.always(Behaviour::Hang);
    for number in 3..30 {
        server.accepted(&requested(number, json!(50))).await;
    }
    hanging.wait_for(17).await;
    let body = requested(100, json!(50)).to_string();
    let sent = server
        .client
        .post(server.intake("/v1/sources/second"))
        .header(
            "X-TraceMem-Signature",
            signature("another-secret-of-the-integration", body.as_bytes()),
        )
        .body(body);
    assert_eq!(sent.send().await.unwrap().status(), 200);
    other.wait_for(1).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_under_way_at_the_stop_is_sent_again_and_is_known_to_be_ours() {
    let platform = TraceMem::start().await;
    platform.script(&token(1), [Behaviour::TakeAndHang, say(409)]);
    let config = with(&config("enforce", &platform), "shutdown: {grace: 0s}");
    let server = Countersign::start(&config).await;
    let id = server.accepted(&requested(1, json!(50))).await;
    platform.wait_for(1).await;
    let server = server.restart().await;
    let received = platform.wait_for(2).await;
    assert_eq!(received[0].body, received[1].body);
    let verdict = resolved(&server, &id).await;
    assert_eq!(verdict["resolution"]["outcome"], "approved");
    assert_eq!(verdict["resolution"]["answer"], "settled");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_answers_are_under_way_than_configured() {
    let platform = TraceMem::start().await;
    let let_go = Arc::new(Notify::new());
    platform.always(Behaviour::TakeWhen(Arc::clone(&let_go)));
    let config = with(&config("enforce", &platform), "outbox: {concurrency: 2}");
    let server = Countersign::start(&config).await;
    for number in 1..=6 {
        server.accepted(&requested(number, json!(50))).await;
    }
    for count in 2..=6 {
        platform.wait_for(count).await;
        let_go.notify_one();
    }
    let_go.notify_one();
    eventually("all is told", async || {
        server.outbox().await.is_empty().then_some(())
    })
    .await;
    assert_eq!(platform.most_under_way(), 2);
}
