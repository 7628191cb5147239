//! A SidClaw by its pages and its source.
//!
//! - docs: <https://github.com/sidclawhq/platform/tree/main/apps/docs/content/docs>: `enterprise/webhooks.mdx`,
//!   `api-reference/webhooks.mdx`, `api-reference/approvals.mdx`
//! - source: <https://github.com/sidclawhq/platform/tree/main/apps/api/src>: `services/webhook-service.ts`,
//!   `services/approval-service.ts`, `routes/approvals.ts`, `routes/evaluate.ts`, `jobs/expire-approvals.ts`, `errors.ts`

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::harness::Countersign;
use crate::platforms::example::Example;
use crate::platforms::{Call, Platform, Reply, hmac_sha256, post};

// enterprise/webhooks.mdx: "64-char-hex-secret", returned once when the endpoint is made.
pub const SECRET: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90";
const API_KEY: &str = "sk_live_key-with-the-scope-admin";

pub struct SidClaw {
    pub platform: Platform,
    records: Arc<Mutex<BTreeMap<String, Value>>>,
}

impl SidClaw {
    pub async fn start() -> Self {
        let records: Arc<Mutex<BTreeMap<String, Value>>> = Arc::default();
        let kept = Arc::clone(&records);
        let platform = Platform::start(move |call| reply(&mut kept.lock().unwrap(), call)).await;
        Self { platform, records }
    }

    pub fn example(&self) -> Example {
        Example::of("sidclaw")
            .with("https://api.sidclaw.com", &self.platform.url())
            .with("{env: SIDCLAW_WEBHOOK_SECRET}", SECRET)
            .secret("sidclaw-api-key", API_KEY)
    }

    /// The example in `enforce`, once it has found that nothing is pending.
    pub async fn enforced(&self) -> Countersign {
        let server = self.example().enforce().await;
        self.platform.looked_at("/api/v1/approvals").await;
        server
    }

    /// The same in dry-run.
    pub async fn in_dry_run(&self) -> Countersign {
        let server = self.example().dry_run().await;
        self.platform.looked_at("/api/v1/approvals").await;
        server
    }

    /// An agent asks for a refund; the event that SidClaw sends of it.
    pub fn asks(&self, number: u32, amount_cents: i64) -> Value {
        let id = id(number);
        // The fields of approvals.mdx, "GET /api/v1/approvals", and of approval-service.ts, `list` and `getApprovalWithContext`,
        // for the agent.
        let record = json!({
            "id": id, "trace_id": format!("550e8400-e29b-41d4-a716-4466554400{number:02}"), "agent_id": "ag_support-bot",
            "requested_operation": "issue_refund", "target_integration": "billing", "resource_scope": "refunds",
            "data_classification": "internal", "risk_classification": "medium", "authority_model": "delegated",
            "delegated_from": "Alice Johnson", "policy_effect": "approval_required",
            "flag_reason": "Refunds require approval", "status": "pending",
            "context_snapshot": {"currency": "USD", "amount_cents": amount_cents},
            "expires_at": "2099-03-22T10:00:00.000Z", "requested_at": "2026-03-21T10:00:00.000Z",
            "decided_at": null, "approver_name": null, "decision_note": null,
            "agent": {"id": "ag_support-bot", "name": "Customer Support Bot", "owner_name": "Alice Johnson"},
        });
        let event = requested(&record);
        self.records.lock().unwrap().insert(id, record);
        event
    }

    /// A person decides in SidClaw's dashboard.
    pub fn decided_there(&self, number: u32, status: &str) {
        let mut records = self.records.lock().unwrap();
        let record = records.get_mut(&id(number)).unwrap();
        decide(record, status, "Bob Smith", Some("known partner"));
    }

    pub fn record(&self, number: u32) -> Value {
        self.records.lock().unwrap()[&id(number)].clone()
    }
}

pub fn id(number: u32) -> String {
    format!("770e8400-e29b-41d4-a716-4466554400{number:02}")
}

/// evaluate.ts, "Webhook dispatch": `approval_request` and these six fields; around it, webhook-service.ts, `dispatch`.
fn requested(record: &Value) -> Value {
    json!({
        "id": "evt_5f1d", "event": "approval.requested", "timestamp": "2026-03-21T14:30:00.000Z",
        "tenant_id": "tenant_abc123",
        "data": {"approval_request": {
            "id": record["id"], "trace_id": record["trace_id"], "agent_name": record["agent"]["name"],
            "operation": record["requested_operation"], "target_integration": record["target_integration"],
            "flag_reason": record["flag_reason"],
        }},
    })
}

/// routes/approvals.ts, after `approve` and `deny`.
pub fn told_of(record: &Value) -> Value {
    let status = record["status"].as_str().unwrap();
    json!({
        "id": "evt_6a2e", "event": format!("approval.{status}"), "timestamp": "2026-03-21T14:31:00.000Z",
        "tenant_id": "tenant_abc123",
        "data": {"approval_request": {
            "id": record["id"], "trace_id": record["trace_id"], "agent_name": record["agent"]["name"],
            "operation": record["requested_operation"], "approver_name": record["approver_name"],
            "decision_note": record["decision_note"],
        }},
    })
}

/// approvals.mdx, the endpoint summary; errors.ts and error-handler.ts for the bodies of errors.
fn reply(records: &mut BTreeMap<String, Value>, call: &Call) -> Reply {
    let error = |status: u16, code: &str, message: &str| {
        Reply(
            status,
            json!({"error": code, "message": message, "status": status, "request_id": "req-1"}),
        )
    };
    // api-reference/index.mdx, approvals.mdx: `Authorization: Bearer`.
    if call.header("authorization") != format!("Bearer {API_KEY}") {
        return error(401, "unauthorized", "Authentication required");
    }
    match (call.method.as_str(), call.parts().as_slice()) {
        ("GET", ["api", "v1", "approvals"]) => list(records, call),
        ("GET", ["api", "v1", "approvals", id]) => match records.get(*id) {
            Some(record) => Reply(200, record.clone()),
            None => error(404, "not_found", "ApprovalRequest not found"),
        },
        ("POST", ["api", "v1", "approvals", id, verb @ ("approve" | "deny")]) => {
            let Some(record) = records.get_mut(*id) else {
                return error(404, "not_found", "ApprovalRequest not found");
            };
            let body = call.json();
            if call.header("content-type") != "application/json" {
                return error(400, "validation_error", "not JSON");
            }
            // "`approver_name` string, required; `decision_note` string, optional".
            let name = body["approver_name"]
                .as_str()
                .filter(|name| !name.is_empty());
            let note = &body["decision_note"];
            let (Some(name), true) = (name, note.is_string() || note.is_null()) else {
                return error(400, "validation_error", "Missing approver_name");
            };
            if record["status"] != "pending" {
                let message = format!(
                    "Approval request is already {}",
                    record["status"].as_str().unwrap()
                );
                return error(409, "conflict", &message);
            }
            let status = if *verb == "approve" {
                "approved"
            } else {
                "denied"
            };
            decide(record, status, name, note.as_str());
            Reply(200, record.clone())
        }
        _ => error(404, "not_found", "Route not found"),
    }
}

/// "`status`, `limit` (default: 20, max: 100), `offset`"; the answer holds `data` and `pagination`.
fn list(records: &BTreeMap<String, Value>, call: &Call) -> Reply {
    let number = |name: &str, otherwise: usize| {
        call.parameter(name)
            .map_or(otherwise, |text| text.parse().unwrap())
    };
    let (limit, offset) = (number("limit", 20), number("offset", 0));
    assert!(limit <= 100, "max: 100");
    let wanted = call.parameter("status");
    let found: Vec<_> = records
        .values()
        .filter(|record| wanted.is_none_or(|status| record["status"] == status))
        .cloned()
        .collect();
    let page: Vec<_> = found.iter().skip(offset).take(limit).cloned().collect();
    Reply(
        200,
        json!({"data": page, "pagination": {"total": found.len(), "limit": limit, "offset": offset}}),
    )
}

fn decide(record: &mut Value, status: &str, by: &str, note: Option<&str>) {
    record["status"] = json!(status);
    record["decided_at"] = json!("2026-03-21T14:31:00.000Z");
    record["approver_name"] = json!(by);
    record["decision_note"] = json!(note);
}

/// "Delivery Headers" of enterprise/webhooks.mdx.
pub async fn deliver(server: &Countersign, event: &Value) -> (u16, Value) {
    let body = event.to_string();
    signed(
        server,
        &body,
        &format!("sha256={}", hmac_sha256(SECRET, &body)),
    )
    .await
}

pub async fn signed(server: &Countersign, body: &str, signature: &str) -> (u16, Value) {
    let headers = [
        ("Content-Type", "application/json"),
        ("X-Webhook-ID", "0b1f2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"),
        ("X-Webhook-Timestamp", "2026-03-21T14:30:01.000Z"),
        ("X-Webhook-Signature", signature),
    ];
    post(server, "/v1/sources/sidclaw", &headers, body).await
}
