//! The records and events of agentwarden.io.

use countersign::clock::Clock;
use serde_json::{Value, json};

/// `webhooks`: an approval is named by a UUID.
pub fn id(number: u32) -> String {
    format!("a1b2c3d4-e5f6-7890-ab12-{number:012x}")
}

/// AW/api-reference/endpoint/get-logs: a record, pending. `webhooks`: what `agent_id` and `context` look like.
pub fn record(number: u32, amount: &Value) -> Value {
    json!({
        "id": id(number),
        "agent_id": "agent_abc123def456ghi789",
        "organization_id": "org_def456",
        "action": "stripe.refund",
        // The API's own word; the SDK and the webhooks have others.
        "status": "pending",
        "context": {"amount": amount, "customer_id": "cus_123"},
        "ip_address": "192.0.2.100",
        "created_at": Clock.now().strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string(),
    })
}

/// `webhooks`: `log.pending_approval` about this record, as it is.
pub fn pending(record: &Value) -> Value {
    json!({
        "event": "log.pending_approval",
        "timestamp": now(),
        "data": {
            "id": record["id"],
            "agent_id": record["agent_id"],
            "action": record["action"],
            "status": "pending_approval",
            "context": record["context"],
            "created_at": record["created_at"],
        },
    })
}

/// `webhooks`: `approval.approved` or `approval.rejected` about this record.
pub fn resolved(record: &Value, outcome: &str, by: &str) -> Value {
    json!({
        "event": format!("approval.{outcome}"),
        "timestamp": now(),
        "data": {
            "approval_id": record["id"],
            "agent_id": record["agent_id"],
            "action": record["action"],
            "status": outcome,
            "context": record["context"],
            "resolved_by": by,
            "resolved_at": format!("{}+00:00", now()),
        },
    })
}

/// `webhooks` names `log.blocked` and `log.failed`. Assumed: they hold the log entry, as `log.pending_approval` does.
pub fn logged(event: &str, record: &Value) -> Value {
    let mut told = pending(record);
    told["event"] = json!(event);
    told["data"]["status"] = json!(event.trim_start_matches("log."));
    told
}

/// `webhooks`: the time of an event has no zone.
fn now() -> String {
    Clock.now().strftime("%Y-%m-%dT%H:%M:%S%.6f").to_string()
}
