//! A signed request in, an answer out.

use serde_json::json;

use crate::harness::{CREDENTIAL, Countersign, config, requested, token};
use crate::tracemem::TraceMem;

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_reaches_the_platform_with_its_token_and_rationale() {
    let platform = TraceMem::start().await;
    let server = Countersign::start(&config("enforce", &platform)).await;
    let (status, told) = server.deliver(&requested(1, json!(50))).await;
    assert_eq!((status, told["status"].as_str()), (200, Some("accepted")));

    let answers = platform.wait_for(1).await;
    assert_eq!(
        answers[0].method_and_path,
        "POST /v1/webhooks/approvals/respond"
    );
    assert_eq!(
        answers[0].header("authorization"),
        Some(format!("Bearer {CREDENTIAL}").as_str())
    );
    let answer = answers[0].json();
    assert_eq!(answer["token"], token(1));
    assert_eq!(answer["resolution"], "approved");
    let rationale = answer["rationale"].as_str().unwrap();
    assert!(
        rationale.contains("Small payment: 50 is under 100"),
        "{rationale}"
    );

    let id = told["case_id"].as_str().unwrap();
    let file = server
        .case_when(id, |verdict| verdict["resolution"]["answer"] == "settled")
        .await;
    assert_eq!(file["verdict"]["state"], "resolved");
    assert_eq!(file["verdict"]["platform_outcome"], "approved");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reject_reaches_the_platform_and_an_escalation_does_not() {
    let platform = TraceMem::start().await;
    let server = Countersign::start(&config("enforce", &platform)).await;
    server.deliver(&requested(1, json!(5_000))).await;
    server.deliver(&requested(2, json!(20_000))).await;
    let answers = platform.wait_for(1).await;
    assert_eq!(answers[0].json()["token"], token(2));
    assert_eq!(answers[0].json()["resolution"], "rejected");
    server.stop().await;
    assert_eq!(platform.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn dry_run_sends_nothing_at_all() {
    let platform = TraceMem::start().await;
    let server = Countersign::start(&config("dry_run", &platform)).await;
    for (number, amount) in [(1, 50), (2, 20_000), (3, 5_000)] {
        let (status, told) = server.deliver(&requested(number, json!(amount))).await;
        assert_eq!((status, told["status"].as_str()), (200, Some("accepted")));
    }
    let (_, page) = server.get("/v1/cases").await;
    let outcomes: Vec<_> = page["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| case["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["escalate", "reject", "approve"]);
    // Stopping finishes whatever was on its way.
    server.stop().await;
    assert_eq!(platform.connections(), 0, "the platform was connected to");
}
