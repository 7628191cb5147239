//! The example beside a SidClaw.

mod platform;

use serde_json::json;

use super::{case_of, end, hmac_sha256, open, resolved};
use crate::harness::ADMIN;
use platform::{SECRET, SidClaw, deliver, id, signed, told_of};

#[tokio::test]
async fn a_small_refund_is_approved_on_what_the_record_says() {
    let sidclaw = SidClaw::start().await;
    let server = sidclaw.enforced().await;
    let case = case_of(&deliver(&server, &sidclaw.asks(1, 4900)).await);

    let verdict = resolved(&server, &case).await;
    assert_eq!(
        end(&verdict),
        ["approved", "policy", "settled"],
        "{verdict}"
    );
    let answer = sidclaw.platform.only_answer().await;
    assert_eq!(answer.path, format!("/api/v1/approvals/{}/approve", id(1)));
    assert_eq!(answer.json()["approver_name"], "countersign");
    let note = answer.json()["decision_note"].as_str().unwrap().to_owned();
    assert!(
        note.contains("refund of 4900 cents is under the limit of 10000"),
        "{note}"
    );
    assert_eq!(sidclaw.record(1)["status"], "approved");

    // Our own word comes back: it changes nothing.
    let (status, _) = deliver(&server, &told_of(&sidclaw.record(1))).await;
    assert_eq!(status, 200);
    assert_eq!(
        end(&resolved(&server, &case).await),
        ["approved", "policy", "settled"]
    );
}

#[tokio::test]
async fn a_huge_refund_is_denied() {
    let sidclaw = SidClaw::start().await;
    let server = sidclaw.enforced().await;
    let case = case_of(&deliver(&server, &sidclaw.asks(1, 1_000_000)).await);

    assert_eq!(
        end(&resolved(&server, &case).await),
        ["rejected", "policy", "settled"]
    );
    assert_eq!(
        sidclaw.platform.only_answer().await.path,
        format!("/api/v1/approvals/{}/deny", id(1))
    );
    assert_eq!(sidclaw.record(1)["status"], "denied");
}

#[tokio::test]
async fn a_person_decides_what_no_rule_covers() {
    let sidclaw = SidClaw::start().await;
    let server = sidclaw.enforced().await;
    let case = case_of(&deliver(&server, &sidclaw.asks(1, 50_000)).await);

    let asked = open(&server, &case).await;
    assert_eq!(asked["cause"], "no_rule");
    assert!(sidclaw.platform.told().is_empty());
    let (status, told) = server
        .vote(ADMIN, &case, "approve", "talked to the customer")
        .await;
    assert_eq!(status, 200, "{told}");
    assert_eq!(
        end(&resolved(&server, &case).await),
        ["approved", "person:alice", "settled"]
    );
    let note = sidclaw.platform.only_answer().await.json()["decision_note"].to_string();
    assert!(
        note.contains("alice") && note.contains("talked to the customer"),
        "{note}"
    );
}

#[tokio::test]
async fn what_the_webhook_says_is_not_what_is_decided_on() {
    let sidclaw = SidClaw::start().await;
    let server = sidclaw.enforced().await;
    let mut forged = sidclaw.asks(1, 4900);
    forged["data"]["approval_request"]["operation"] = json!("close_account");
    let case = case_of(&deliver(&server, &forged).await);

    let asked = open(&server, &case).await;
    assert_eq!(asked["cause"], "source");
    assert!(sidclaw.platform.told().is_empty());
}

#[tokio::test]
async fn a_delivery_that_is_signed_otherwise_is_refused() {
    let sidclaw = SidClaw::start().await;
    let server = sidclaw.enforced().await;
    let body = sidclaw.asks(1, 4900).to_string();
    for signature in [
        format!("sha256={}", hmac_sha256("another-secret", &body)),
        hmac_sha256(SECRET, &body),
        format!(
            "sha256={}",
            hmac_sha256(SECRET, &body.replace("issue_refund", "issue_refunds"))
        ),
        String::new(),
    ] {
        let (status, told) = signed(&server, &body, &signature).await;
        assert_eq!(
            (status, told["code"].as_str()),
            (401, Some("unverified")),
            "{signature}"
        );
    }
    assert!(sidclaw.platform.told().is_empty());
}

#[tokio::test]
async fn a_second_delivery_is_the_same_request() {
    let sidclaw = SidClaw::start().await;
    let server = sidclaw.enforced().await;
    let event = sidclaw.asks(1, 4900);
    let case = case_of(&deliver(&server, &event).await);
    resolved(&server, &case).await;
    let (status, told) = deliver(&server, &event).await;
    assert_eq!(status, 200);
    assert_eq!(told["case_id"], case.as_str(), "{told}");
    assert_eq!(sidclaw.platform.told().len(), 1);
}

#[tokio::test]
async fn what_a_person_decided_there_first_stands() {
    let sidclaw = SidClaw::start().await;
    let server = sidclaw.enforced().await;
    let case = case_of(&deliver(&server, &sidclaw.asks(1, 50_000)).await);
    open(&server, &case).await;
    sidclaw.decided_there(1, "denied");

    // Before SidClaw has told of it, a person approves here: SidClaw says 409.
    assert_eq!(server.vote(ADMIN, &case, "approve", "fine").await.0, 200);
    let verdict = resolved(&server, &case).await;
    assert_eq!(verdict["resolution"]["outcome"], "superseded", "{verdict}");
    assert_eq!(sidclaw.record(1)["status"], "denied");
}

#[tokio::test]
async fn an_event_of_an_end_closes_the_case() {
    let sidclaw = SidClaw::start().await;
    let server = sidclaw.enforced().await;
    for (number, status, outcome) in [
        (1, "approved", "approved"),
        (2, "denied", "rejected"),
        (3, "expired", "expired"),
    ] {
        let case = case_of(&deliver(&server, &sidclaw.asks(number, 50_000)).await);
        open(&server, &case).await;
        sidclaw.decided_there(number, status);
        assert_eq!(
            deliver(&server, &told_of(&sidclaw.record(number))).await.0,
            200
        );
        let verdict = resolved(&server, &case).await;
        assert_eq!(verdict["platform_outcome"], outcome, "{verdict}");
        assert_eq!(verdict["resolution"]["by"], "platform");
    }
    assert!(sidclaw.platform.told().is_empty());
}

#[tokio::test]
async fn other_events_are_acknowledged_and_left_alone() {
    let sidclaw = SidClaw::start().await;
    let server = sidclaw.enforced().await;
    // api-reference/webhooks.mdx, "POST /api/v1/webhooks/:id/test".
    let test = json!({"id": "test-uuid", "event": "test", "timestamp": "2026-03-21T10:00:00.000Z",
        "tenant_id": "your-tenant-id", "data": {"message": "Test webhook from Agent Identity"}});
    // enterprise/webhooks.mdx, "Payload Format".
    let trace = json!({"id": "evt_7", "event": "trace.completed", "timestamp": "2026-03-21T14:30:00.000Z",
        "tenant_id": "tenant_abc123", "data": {"trace": {"id": "trace_abc123", "agent_id": "ag_support-bot",
            "agent_name": "Customer Support Bot", "operation": "send_email", "final_outcome": "executed"}}});
    for event in [test, trace] {
        let (status, told) = deliver(&server, &event).await;
        assert_eq!(
            (status, told["status"].as_str()),
            (200, Some("ignored")),
            "{told}"
        );
    }
}

#[tokio::test]
async fn in_dry_run_nobody_is_answered() {
    let sidclaw = SidClaw::start().await;
    let server = sidclaw.in_dry_run().await;
    let case = case_of(&deliver(&server, &sidclaw.asks(1, 4900)).await);
    let file = server
        .case_when(&case, |verdict| verdict["outcome"] == "approve")
        .await;
    assert_eq!(file["verdict"]["mode"], "dry_run");
    assert!(sidclaw.platform.told().is_empty());
    assert_eq!(sidclaw.record(1)["status"], "pending");
}
