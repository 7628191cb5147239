//! Lightspark Grid's agent approvals by their OpenAPI description, and the example beside them.
//!
//! - <https://github.com/lightsparkdev/grid-api/tree/main/openapi>: `webhooks/agent-action.yaml`, `webhooks/test-webhook.yaml`,
//!   `components/schemas/agents/AgentAction.yaml`, `AgentActionStatus.yaml`, `AgentActionListResponse.yaml`,
//!   `AgentActionRejectRequest.yaml`, `components/schemas/quotes/Quote.yaml`, `components/schemas/errors/Error409.yaml`,
//!   `paths/agents/agents_approvals.yaml`, `paths/agents/agents_{agentId}_actions_{actionId}_approve.yaml` and `…_reject.yaml`
//! - <https://github.com/lightsparkdev/grid-api/blob/main/mintlify/snippets/webhooks.mdx>: the signature's two forms, retries

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::PublicKey;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::{EncodePublicKey as _, LineEnding};
use serde_json::{Value, json};

use super::example::Example;
use super::{Call, Platform, Reply, case_of, end, open, post, resolved};
use crate::harness::{ADMIN, Countersign, eventually};

const CLIENT_SECRET: &str = "client-secret-of-the-api-token";
const AGENT: &str = "Agent:019542f5-b3e7-1d02-0000-000000000042";

struct Grid {
    platform: Platform,
    actions: Arc<Mutex<BTreeMap<String, Value>>>,
    key: SigningKey,
}

impl Grid {
    async fn start() -> Self {
        let actions: Arc<Mutex<BTreeMap<String, Value>>> = Arc::default();
        let kept = Arc::clone(&actions);
        let platform = Platform::start(move |call| reply(&mut kept.lock().unwrap(), call)).await;
        Self {
            platform,
            actions,
            key: SigningKey::from_slice(&[7; 32]).unwrap(),
        }
    }

    fn example(&self) -> Example {
        let public = PublicKey::from(self.key.verifying_key());
        let public = public.to_public_key_pem(LineEnding::LF).unwrap();
        Example::of("lightspark")
            .with(
                "https://api.lightspark.com/grid/2025-10-13",
                &format!("{}/grid/2025-10-13", self.platform.url()),
            )
            .secret("grid-webhook-key.pem", &public)
            .secret("grid-client-secret", CLIENT_SECRET)
    }

    /// The example in `enforce`, once it has found that nothing is pending.
    async fn enforced(&self) -> Countersign {
        let server = self.example().enforce().await;
        self.platform
            .looked_at("/grid/2025-10-13/agents/approvals")
            .await;
        server
    }

    /// The same in dry-run.
    async fn in_dry_run(&self) -> Countersign {
        let server = self.example().dry_run().await;
        self.platform
            .looked_at("/grid/2025-10-13/agents/approvals")
            .await;
        server
    }

    /// An agent wants to execute a quote; the event that Grid sends of it: the example of agent-action.yaml, with the
    /// `expiresAt` that AgentAction.yaml requires.
    fn asks(&self, number: u32, total_sending_amount: i64) -> Value {
        let action = json!({
            "id": id(number), "agentId": AGENT, "customerId": "Customer:019542f5-b3e7-1d02-0000-000000000010",
            "platformCustomerId": "user-a1b2c3", "status": "PENDING_APPROVAL", "type": "EXECUTE_QUOTE",
            "quote": {
                "id": "Quote:019542f5-b3e7-1d02-0000-000000000006", "status": "PENDING",
                "expiresAt": "2099-10-03T15:00:30Z", "createdAt": "2025-10-03T15:00:00Z",
                "source": {"sourceType": "ACCOUNT", "accountId": "InternalAccount:a12dcbd6-dced-4ec4-b756-3c3a9ea3d123"},
                "destination": {"destinationType": "ACCOUNT", "accountId": "ExternalAccount:e85dcbd6-dced-4ec4-b756-3c3a9ea3d965"},
                "sendingCurrency": {"code": "USD", "name": "United States Dollar", "symbol": "$", "decimals": 2},
                "receivingCurrency": {"code": "INR", "name": "Indian Rupee", "symbol": "₹", "decimals": 2},
                "totalSendingAmount": total_sending_amount, "totalReceivingAmount": 4_625_000, "exchangeRate": 92.5,
                "feesIncluded": 250, "platformFeesIncluded": 0,
                "transactionId": "Transaction:019542f5-b3e7-1d02-0000-000000000099",
            },
            "expiresAt": "2099-10-03T15:00:30Z", "createdAt": "2025-10-03T15:00:00Z", "updatedAt": "2025-10-03T15:00:00Z",
        });
        self.actions
            .lock()
            .unwrap()
            .insert(id(number), action.clone());
        json!({
            "id": format!("Webhook:019542f5-b3e7-1d02-0000-0000000000{number:02}"), "type": "AGENT_ACTION.PENDING_APPROVAL",
            "timestamp": "2025-10-03T15:00:00Z", "data": action,
        })
    }

    /// The platform's own people decide elsewhere.
    fn decided_there(&self, number: u32, status: &str) {
        self.actions.lock().unwrap().get_mut(&id(number)).unwrap()["status"] = json!(status);
    }

    fn status(&self, number: u32) -> Value {
        self.actions.lock().unwrap()[&id(number)]["status"].clone()
    }

    fn signature(&self, body: &str) -> String {
        let signature: Signature = self.key.sign(body.as_bytes());
        STANDARD.encode(signature.to_der().as_bytes())
    }

    /// webhooks.mdx: `{"v": "1", "s": "base64_signature"}`.
    async fn deliver(&self, server: &Countersign, event: &Value) -> (u16, Value) {
        let body = event.to_string();
        let header = json!({"v": "1", "s": self.signature(&body)}).to_string();
        signed(server, &body, &header).await
    }
}

fn id(number: u32) -> String {
    format!("AgentAction:019542f5-b3e7-1d02-0000-0000000001{number:02}")
}

async fn signed(server: &Countersign, body: &str, signature: &str) -> (u16, Value) {
    let headers = [
        ("Content-Type", "application/json"),
        ("X-Grid-Signature", signature),
    ];
    post(server, "/v1/sources/grid", &headers, body).await
}

/// The paths under `agents`; the bodies of errors have `status`, `code` and `message`, as Error409.yaml.
fn reply(actions: &mut BTreeMap<String, Value>, call: &Call) -> Reply {
    let error = |status: u16, code: &str| {
        Reply(
            status,
            json!({"status": status, "code": code, "message": "as the description says"}),
        )
    };
    // openapi.yaml, BasicAuth: `<api token id>:<api client secret>`.
    let basic = STANDARD.encode(format!("API-TOKEN-ID:{CLIENT_SECRET}"));
    if call.header("authorization") != format!("Basic {basic}") {
        return error(401, "UNAUTHORIZED");
    }
    match (call.method.as_str(), call.parts().as_slice()) {
        ("GET", ["grid", "2025-10-13", "agents", "approvals"]) => list(actions, call),
        (
            "POST",
            [
                "grid",
                "2025-10-13",
                "agents",
                AGENT,
                "actions",
                id,
                verb @ ("approve" | "reject"),
            ],
        ) => {
            let Some(action) = actions.get_mut(*id) else {
                return error(404, "NOT_FOUND");
            };
            // Approving has no body; rejecting may have `{reason: string}`, `application/json`.
            let valid = match *verb {
                "approve" => call.body.is_empty(),
                _ => {
                    call.body.is_empty()
                        || call.header("content-type") == "application/json"
                            && call.json()["reason"].is_string()
                }
            };
            if !valid {
                return error(400, "INVALID_INPUT");
            }
            if action["status"] != "PENDING_APPROVAL" {
                return error(409, "TRANSACTION_NOT_PENDING_PLATFORM_APPROVAL");
            }
            action["status"] = json!(if *verb == "approve" {
                "APPROVED"
            } else {
                "REJECTED"
            });
            if let Some(reason) = call.json()["reason"].as_str() {
                action["rejectionReason"] = json!(reason);
            }
            Reply(200, action.clone())
        }
        _ => error(404, "NOT_FOUND"),
    }
}

/// "`limit` default 20, max 100; `cursor` returned from previous request"; `{data, hasMore, nextCursor?}`. Pages here are of
/// two, as a page may hold fewer than were asked for.
fn list(actions: &BTreeMap<String, Value>, call: &Call) -> Reply {
    assert!(
        call.parameter("limit")
            .is_none_or(|limit| limit.parse::<u32>().unwrap() <= 100)
    );
    let pending: Vec<_> = actions
        .values()
        .filter(|action| action["status"] == "PENDING_APPROVAL")
        .cloned()
        .collect();
    let from = call.parameter("cursor").map_or(0, |cursor| {
        cursor.trim_start_matches("after-").parse().unwrap()
    });
    let page: Vec<_> = pending.iter().skip(from).take(2).cloned().collect();
    let mut body = json!({"data": page, "hasMore": from + 2 < pending.len()});
    if from + 2 < pending.len() {
        body["nextCursor"] = json!(format!("after-{}", from + 2));
    }
    Reply(200, body)
}

#[tokio::test]
async fn a_small_payment_is_approved() {
    let grid = Grid::start().await;
    let server = grid.enforced().await;
    let case = case_of(&grid.deliver(&server, &grid.asks(1, 4900)).await);

    let verdict = resolved(&server, &case).await;
    assert_eq!(
        end(&verdict),
        ["approved", "policy", "settled"],
        "{verdict}"
    );
    let answer = grid.platform.only_answer().await;
    assert_eq!(
        answer.path,
        format!("/grid/2025-10-13/agents/{AGENT}/actions/{}/approve", id(1))
    );
    assert_eq!(grid.status(1), "APPROVED");
}

#[tokio::test]
async fn a_huge_payment_is_rejected_with_its_reason() {
    let grid = Grid::start().await;
    let server = grid.enforced().await;
    let case = case_of(&grid.deliver(&server, &grid.asks(1, 5_000_000)).await);

    assert_eq!(
        end(&resolved(&server, &case).await),
        ["rejected", "policy", "settled"]
    );
    let reason = grid.platform.only_answer().await.json()["reason"].to_string();
    assert!(
        reason.contains("payment of 5000000 is over what agents may send"),
        "{reason}"
    );
    assert_eq!(grid.status(1), "REJECTED");
}

#[tokio::test]
async fn a_person_decides_what_no_rule_covers() {
    let grid = Grid::start().await;
    let server = grid.enforced().await;
    let case = case_of(&grid.deliver(&server, &grid.asks(1, 50_000)).await);

    open(&server, &case).await;
    assert_eq!(
        server
            .vote(ADMIN, &case, "approve", "an invoice we know")
            .await
            .0,
        200
    );
    assert_eq!(
        end(&resolved(&server, &case).await),
        ["approved", "person:alice", "settled"]
    );
    assert_eq!(grid.status(1), "APPROVED");
}

#[tokio::test]
async fn a_signature_is_taken_in_both_forms_and_in_no_other() {
    let grid = Grid::start().await;
    let server = grid.enforced().await;
    let body = grid.asks(1, 50_000).to_string();
    let good = grid.signature(&body);
    let other = Grid {
        key: SigningKey::from_slice(&[8; 32]).unwrap(),
        ..Grid::start().await
    };
    for header in [
        json!({"v": "1", "s": other.signature(&body)}).to_string(),
        json!({"v": "1", "s": grid.signature(&format!("{body} "))}).to_string(),
        json!({"v": "1"}).to_string(),
        other.signature(&body),
        String::new(),
    ] {
        let (status, told) = signed(&server, &body, &header).await;
        assert_eq!(
            (status, told["code"].as_str()),
            (401, Some("unverified")),
            "{header}"
        );
    }
    // "If JSON parsing fails, treat as direct base64."
    case_of(&signed(&server, &body, &good).await);
}

#[tokio::test]
async fn a_second_delivery_is_answered_once() {
    let grid = Grid::start().await;
    let server = grid.enforced().await;
    let event = grid.asks(1, 4900);
    let case = case_of(&grid.deliver(&server, &event).await);
    resolved(&server, &case).await;
    let (status, told) = grid.deliver(&server, &event).await;
    assert_eq!((status, &told["case_id"]), (200, &json!(case)), "{told}");
    assert_eq!(grid.platform.told().len(), 1);
}

#[tokio::test]
async fn what_was_decided_there_first_stands() {
    let grid = Grid::start().await;
    let server = grid.enforced().await;
    let case = case_of(&grid.deliver(&server, &grid.asks(1, 50_000)).await);
    open(&server, &case).await;
    grid.decided_there(1, "REJECTED");

    assert_eq!(server.vote(ADMIN, &case, "approve", "fine").await.0, 200);
    let verdict = resolved(&server, &case).await;
    assert_eq!(verdict["resolution"]["outcome"], "superseded", "{verdict}");
    assert_eq!(grid.status(1), "REJECTED");
}

#[tokio::test]
async fn actions_whose_webhooks_were_lost_are_found_on_every_page() {
    let grid = Grid::start().await;
    for number in 1..=5 {
        grid.asks(number, 4900);
    }
    let server = grid.example().enforce().await;
    eventually("all are approved", async || {
        (1..=5)
            .all(|number| grid.status(number) == "APPROVED")
            .then_some(())
    })
    .await;
    assert_eq!(grid.platform.told().len(), 5);
    drop(server);
}

#[tokio::test]
async fn the_test_webhook_is_acknowledged_and_left_alone() {
    let grid = Grid::start().await;
    let server = grid.enforced().await;
    // webhooks.mdx, "Testing"; test-webhook.yaml.
    let test = json!({"id": "Webhook:019542f5-b3e7-1d02-0000-000000000007", "type": "TEST",
        "timestamp": "2025-08-15T14:32:00Z", "data": {}});
    let (status, told) = grid.deliver(&server, &test).await;
    assert_eq!(
        (status, told["status"].as_str()),
        (200, Some("ignored")),
        "{told}"
    );
}

#[tokio::test]
async fn in_dry_run_nobody_is_answered() {
    let grid = Grid::start().await;
    let server = grid.in_dry_run().await;
    let case = case_of(&grid.deliver(&server, &grid.asks(1, 4900)).await);
    server
        .case_when(&case, |verdict| verdict["outcome"] == "approve")
        .await;
    assert_eq!(grid.status(1), "PENDING_APPROVAL");
}
