//! The example beside an AgentGate.

mod platform;

use countersign::clock::Clock;
use serde_json::json;

use super::{case_of, end, hmac_sha256, open, post, resolved};
use crate::harness::{ADMIN, Countersign, eventually};
use platform::{AgentGate, PATH_SECRET, WEBHOOK_SECRET, deliver, event, id, send};

#[tokio::test]
async fn a_small_refund_is_approved_on_what_the_record_says() {
    let agentgate = AgentGate::start().await;
    let server = agentgate.enforced().await;
    let case = case_of(&deliver(&server, &agentgate.asks(1, 4900)).await);

    let verdict = resolved(&server, &case).await;
    assert_eq!(
        end(&verdict),
        ["approved", "policy", "settled"],
        "{verdict}"
    );
    let answer = agentgate.platform.only_answer().await;
    assert_eq!(answer.path, format!("/api/requests/{}/decide", id(1)));
    assert_eq!(
        (&answer.json()["decision"], &answer.json()["decidedBy"]),
        (&json!("approved"), &json!("countersign"))
    );
    assert!(
        answer.json()["reason"]
            .as_str()
            .unwrap()
            .contains("4900 cents")
    );
    assert_eq!(agentgate.request(1)["status"], "approved");
}

#[tokio::test]
async fn a_huge_refund_is_denied() {
    let agentgate = AgentGate::start().await;
    let server = agentgate.enforced().await;
    let case = case_of(&deliver(&server, &agentgate.asks(1, 1_000_000)).await);

    assert_eq!(
        end(&resolved(&server, &case).await),
        ["rejected", "policy", "settled"]
    );
    assert_eq!(
        agentgate.platform.only_answer().await.json()["decision"],
        "denied"
    );
}

#[tokio::test]
async fn a_person_decides_what_no_rule_covers() {
    let agentgate = AgentGate::start().await;
    let server = agentgate.enforced().await;
    let case = case_of(&deliver(&server, &agentgate.asks(1, 50_000)).await);

    open(&server, &case).await;
    assert_eq!(
        server.vote(ADMIN, &case, "reject", "asked twice").await.0,
        200
    );
    assert_eq!(
        end(&resolved(&server, &case).await),
        ["rejected", "person:alice", "settled"]
    );
    let answer = agentgate.platform.only_answer().await.json();
    assert_eq!(answer["decision"], "denied");
    assert!(
        answer["reason"].as_str().unwrap().contains("asked twice"),
        "{answer}"
    );
}

#[tokio::test]
async fn without_the_secret_in_the_path_nothing_is_taken() {
    let agentgate = AgentGate::start().await;
    let server = agentgate.enforced().await;
    let event = agentgate.asks(1, 4900);
    for path in [
        "/v1/sources/agentgate".to_owned(),
        format!("/v1/sources/agentgate/{PATH_SECRET}0"),
    ] {
        assert_eq!(send(&server, &path, &event, &[]).await.0, 401, "{path}");
    }
    assert!(agentgate.platform.told().is_empty());
}

#[tokio::test]
async fn a_harmless_story_about_a_real_request_is_not_believed() {
    let agentgate = AgentGate::start().await;
    let server = agentgate.enforced().await;
    let mut forged = agentgate.asks(1, 900_000);
    forged["data"]["params"]["amount_cents"] = json!(100);
    let case = case_of(&deliver(&server, &forged).await);

    assert_eq!(open(&server, &case).await["cause"], "source");
    assert!(agentgate.platform.told().is_empty());
}

#[tokio::test]
async fn a_second_delivery_is_the_same_request() {
    let agentgate = AgentGate::start().await;
    let server = agentgate.enforced().await;
    let event = agentgate.asks(1, 4900);
    let case = case_of(&deliver(&server, &event).await);
    resolved(&server, &case).await;
    let (status, told) = deliver(&server, &event).await;
    assert_eq!((status, &told["case_id"]), (200, &json!(case)), "{told}");
    assert_eq!(agentgate.platform.told().len(), 1);
}

#[tokio::test]
async fn what_a_person_decided_there_first_stands() {
    let agentgate = AgentGate::start().await;
    let server = agentgate.enforced().await;
    let case = case_of(&deliver(&server, &agentgate.asks(1, 50_000)).await);
    open(&server, &case).await;
    let _event_that_was_lost = agentgate.decided_there(1, "denied");

    assert_eq!(server.vote(ADMIN, &case, "approve", "fine").await.0, 200);
    let verdict = resolved(&server, &case).await;
    assert_eq!(verdict["resolution"]["outcome"], "superseded", "{verdict}");
    assert_eq!(agentgate.request(1)["status"], "denied");
}

#[tokio::test]
async fn an_event_of_an_end_closes_the_case() {
    let agentgate = AgentGate::start().await;
    let server = agentgate.enforced().await;
    let denied = case_of(&deliver(&server, &agentgate.asks(1, 50_000)).await);
    open(&server, &denied).await;
    assert_eq!(
        deliver(&server, &agentgate.decided_there(1, "denied"))
            .await
            .0,
        200
    );
    let verdict = resolved(&server, &denied).await;
    assert_eq!(
        (&verdict["platform_outcome"], end(&verdict)[1]),
        (&json!("rejected"), "platform"),
        "{verdict}"
    );

    let expired = case_of(&deliver(&server, &agentgate.asks(2, 50_000)).await);
    open(&server, &expired).await;
    // events.md, "request.expired".
    let gone = event(
        "request.expired",
        &json!({
            "requestId": id(2), "action": "issue_refund", "urgency": "normal", "pendingTimeMs": 3_600_000,
        }),
    );
    assert_eq!(deliver(&server, &gone).await.0, 200);
    assert_eq!(
        resolved(&server, &expired).await["platform_outcome"],
        "expired"
    );
}

#[tokio::test]
async fn a_request_whose_only_delivery_was_lost_is_found() {
    let agentgate = AgentGate::start().await;
    let lost = agentgate.asks(1, 4900);
    let server = agentgate.example().enforce().await;

    eventually("it is decided there", async || {
        (agentgate.request(1)["status"] == "approved").then_some(())
    })
    .await;
    // The delivery that comes after all is the same request.
    let (status, told) = deliver(&server, &lost).await;
    assert_eq!(status, 200, "{told}");
    assert_ne!(told["status"], "accepted");
    assert_eq!(agentgate.platform.told().len(), 1);
}

/// The example with the line of its comment that has this prefix in place of the secret path.
async fn with_a_signature(agentgate: &AgentGate, prefix: &str) -> Countersign {
    let line = format!(
        "# - hmac: {{header: X-AgentGate-Signature, algorithm: sha256, encoding: hex, prefix: \"{prefix}\""
    );
    let server = agentgate
        .example()
        .secret("agentgate-webhook", WEBHOOK_SECRET)
        .with(&line, line.trim_start_matches("# "))
        .with("- secret_path: {file: secrets/agentgate-path}", "")
        .enforce()
        .await;
    agentgate.platform.looked_at("/api/requests").await;
    server
}

/// lib/webhook.ts, `signPayload`: the hex digest over the body, without a prefix.
#[tokio::test]
async fn an_agentgate_that_signs_as_its_source_is_verified_by_a_line_of_the_comment() {
    let agentgate = AgentGate::start().await;
    let server = with_a_signature(&agentgate, "").await;
    let event = agentgate.asks(1, 4900);
    let signature = hmac_sha256(WEBHOOK_SECRET, &event.to_string());
    let path = "/v1/sources/agentgate";

    assert_eq!(send(&server, path, &event, &[]).await.0, 401);
    let prefixed = format!("sha256={signature}");
    let header = "X-AgentGate-Signature";
    assert_eq!(
        send(&server, path, &event, &[(header, &prefixed)]).await.0,
        401
    );
    let case = case_of(&send(&server, path, &event, &[(header, &signature)]).await);
    assert_eq!(
        end(&resolved(&server, &case).await),
        ["approved", "policy", "settled"]
    );
}

/// integrations/webhooks.md, "Signature Verification": `sha256=` and the digest over `${timestamp}.${payload}`, where the
/// timestamp is in seconds.
#[tokio::test]
async fn an_agentgate_that_signs_as_its_page_is_verified_by_the_other_line() {
    let agentgate = AgentGate::start().await;
    let server = with_a_signature(&agentgate, "sha256=").await;
    let body = agentgate.asks(1, 4900).to_string();
    let deliver = async |at: i64| {
        let signed = format!("{at}.{body}");
        let signature = format!("sha256={}", hmac_sha256(WEBHOOK_SECRET, &signed));
        let headers = [
            ("Content-Type", "application/json"),
            ("X-AgentGate-Signature", &signature),
            ("X-AgentGate-Timestamp", &at.to_string()),
        ];
        post(&server, "/v1/sources/agentgate", &headers, &body).await
    };

    let now = Clock.now().as_second();
    assert_eq!(deliver(now - 3600).await.0, 401);
    let case = case_of(&deliver(now).await);
    assert_eq!(
        end(&resolved(&server, &case).await),
        ["approved", "policy", "settled"]
    );
}

#[tokio::test]
async fn in_dry_run_nobody_is_answered() {
    let agentgate = AgentGate::start().await;
    let server = agentgate.in_dry_run().await;
    let case = case_of(&deliver(&server, &agentgate.asks(1, 4900)).await);
    server
        .case_when(&case, |verdict| verdict["outcome"] == "approve")
        .await;
    assert_eq!(agentgate.request(1)["status"], "pending");
}
