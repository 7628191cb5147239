//! A request that had expired before it came is recorded and never answered.

use serde_json::{Value, json};

use crate::harness::{AGENT, Countersign, config, requested};
use crate::tracemem::TraceMem;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_came_too_late_is_accepted_recorded_as_expired_and_not_answered() {
    let platform = TraceMem::start().await;
    let server = Countersign::start(&config("enforce", &platform)).await;
    for (number, amount) in [(1, 50), (2, 20_000), (3, 5_000)] {
        let mut event = requested(number, json!(amount));
        event["expires_at"] = json!("2026-01-01T00:00:00Z");
        let id = server.accepted(&event).await;
        let verdict = &server.case(&id).await["verdict"];
        assert_eq!(verdict["state"], "resolved");
        assert_eq!(verdict["resolution"]["outcome"], "expired");
        assert_eq!(verdict["resolution"]["by"], "deadline");
        assert_eq!(verdict["resolution"]["answer"], "none");
        let (status, problem) = server
            .vote(crate::harness::ADMIN, &id, "approve", "ok")
            .await;
        assert_eq!((status, problem["code"].as_str()), (409, Some("closed")));
    }
    assert!(server.outbox().await.is_empty());
    server.stop().await;
    assert_eq!(platform.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_never_told_that_its_expired_request_is_approved() {
    let platform = TraceMem::start().await;
    let server = Countersign::start(&config("enforce", &platform)).await;
    let body =
        json!({"action": "pay", "context": {"amount": 50}, "expires_at": "2026-01-01T00:00:00Z"});
    let (status, verdict) = server.ask(AGENT, "late", &body).await;
    assert_eq!(status, 200, "{verdict}");
    assert_eq!(verdict["resolution"]["outcome"], "expired");
    assert_eq!(verdict["outcome"], Value::Null);
    assert_eq!(verdict["rules"], json!([]));
    assert!(!verdict.to_string().contains("Approved"), "{verdict}");
}
