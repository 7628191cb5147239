//! The stop button: from the next commit on policy approves nothing, whatever is on its way.

use serde_json::{Value, json};

use crate::harness::{ADMIN, APPROVER, Countersign, config, requested, token};
use crate::tracemem::{Behaviour, TraceMem};

async fn freeze(server: &Countersign) {
    let body = json!({"reason": "something is off"});
    let (status, told) = server.call("PUT", "/v1/freeze", ADMIN, Some(&body)).await;
    assert_eq!((status, &told["freeze"]["by"]), (200, &json!("alice")));
}

async fn unfreeze(server: &Countersign) {
    let (status, told) = server.call("DELETE", "/v1/freeze", ADMIN, None).await;
    assert_eq!(
        (status, &told["lifted"]["reason"]),
        (200, &json!("something is off"))
    );
}

/// A server whose platform did not take the approval of request 1 yet, and now would.
async fn with_an_approval_in_the_outbox() -> (TraceMem, Countersign, String) {
    let platform = TraceMem::start().await;
    // Let go only after the freeze, and then refused: it is due again while frozen.
    let let_go = std::sync::Arc::new(tokio::sync::Notify::new());
    platform.script(
        &token(1),
        [Behaviour::SayWhen(std::sync::Arc::clone(&let_go), 503)],
    );
    let server = Countersign::start(&config("enforce", &platform)).await;
    let id = server.accepted(&requested(1, json!(50))).await;
    platform.wait_for(1).await;
    freeze(&server).await;
    let_go.notify_one();
    let failed = |file: &Value| {
        let timeline = file["timeline"].as_array().unwrap();
        timeline.iter().any(|line| line["kind"] == "attempt_failed")
    };
    crate::harness::eventually("the attempt failed", async || {
        failed(&server.case(&id).await).then_some(())
    })
    .await;
    (platform, server, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_server_asks_people_instead_of_approving_and_still_rejects() {
    let platform = TraceMem::start().await;
    let server = Countersign::start(&config("enforce", &platform)).await;
    freeze(&server).await;
    let id = server.accepted(&requested(1, json!(50))).await;
    let verdict = &server.case(&id).await["verdict"];
    assert_eq!(
        (&verdict["outcome"], &verdict["cause"], &verdict["state"]),
        (&json!("escalate"), &json!("frozen"), &json!("open"))
    );
    let rationale = verdict["rationale"].as_str().unwrap();
    assert!(
        rationale.contains("frozen by alice (something is off)"),
        "{rationale}"
    );
    assert_eq!(
        server.metric("countersign_frozen").await,
        "countersign_frozen 1"
    );
    assert!(
        server
            .readiness()
            .await
            .contains("[-]approvals frozen by alice")
    );

    server.accepted(&requested(2, json!(20_000))).await;
    assert_eq!(
        platform.wait_for(1).await[0].json()["resolution"],
        "rejected"
    );
    // A person may still approve: the freeze is on policy.
    server
        .vote(APPROVER, &id, "approve", "this one is fine")
        .await;
    let answer = platform.wait_for(2).await[1].json();
    assert_eq!(
        (&answer["token"], &answer["resolution"]),
        (&json!(token(1)), &json!("approved"))
    );
    unfreeze(&server).await;
    server.accepted(&requested(3, json!(50))).await;
    assert_eq!(
        platform.wait_for(3).await[2].json()["resolution"],
        "approved"
    );
    assert_eq!(
        server.metric("countersign_frozen").await,
        "countersign_frozen 0"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_in_the_outbox_is_held_over_a_restart_until_the_release() {
    let (platform, server, id) = with_an_approval_in_the_outbox().await;
    assert_eq!(server.only_effect("held").await["kind"], "answer");
    let server = server.restart().await;
    assert!(
        server
            .readiness()
            .await
            .contains("[-]approvals frozen by alice")
    );
    assert_eq!(server.only_effect("held").await["kind"], "answer");
    // A reject passes it by.
    server.accepted(&requested(2, json!(20_000))).await;
    assert_eq!(
        platform.wait_for(2).await[1].json()["resolution"],
        "rejected"
    );
    assert_eq!(server.only_effect("held").await["kind"], "answer");

    unfreeze(&server).await;
    assert_eq!(platform.wait_for(3).await[2].json()["token"], token(1));
    let file = server
        .case_when(&id, |verdict| verdict["state"] == "resolved")
        .await;
    assert_eq!(file["verdict"]["resolution"]["outcome"], "approved");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_admin_freezes_and_says_why() {
    let platform = TraceMem::start().await;
    let server = Countersign::start(&config("enforce", &platform)).await;
    let reason = json!({"reason": "because"});
    assert_eq!(
        server
            .call("PUT", "/v1/freeze", APPROVER, Some(&reason))
            .await
            .0,
        403
    );
    let (status, problem) = server
        .call("PUT", "/v1/freeze", ADMIN, Some(&json!({"reason": " "})))
        .await;
    assert_eq!(
        (status, problem["code"].as_str()),
        (422, Some("reason_required"))
    );
    assert_eq!(
        server.get("/v1/freeze").await,
        (200, json!({"freeze": null}))
    );
    freeze(&server).await;
    assert_eq!(
        server.call("DELETE", "/v1/freeze", APPROVER, None).await.0,
        403
    );
    // The first to press it stays the one who did.
    let (_, second) = server.call("PUT", "/v1/freeze", ADMIN, Some(&reason)).await;
    assert_eq!(second["freeze"]["reason"], "something is off");
}
