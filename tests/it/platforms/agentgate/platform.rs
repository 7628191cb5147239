//! An AgentGate by its source. Where its pages and its source differ, it does as the source.
//!
//! - source: <https://github.com/agentkitai/agentgate/tree/main/packages/server/src>: `lib/notification/adapters/webhook.ts`,
//!   `lib/notification/dispatcher.ts`, `lib/webhook.ts`, `routes/requests.ts`
//! - docs: <https://github.com/agentkitai/agentgate/tree/main/docs>: `events.md`, `api.md`, `configuration.md`,
//!   `integrations/webhooks.md`

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::harness::Countersign;
use crate::platforms::example::Example;
use crate::platforms::{Call, Platform, Reply, post};

pub const PATH_SECRET: &str = "nobody-guesses-this-path-0123456789";
// api.md, "Authentication": `agk_…`.
const API_KEY: &str = "agk_key-that-reads-and-decides";
// routes/webhooks.ts: at least 32 characters.
pub const WEBHOOK_SECRET: &str = "your-signing-secret-0123456789abcdef";

pub struct AgentGate {
    pub platform: Platform,
    requests: Arc<Mutex<BTreeMap<String, Value>>>,
}

impl AgentGate {
    pub async fn start() -> Self {
        let requests: Arc<Mutex<BTreeMap<String, Value>>> = Arc::default();
        let kept = Arc::clone(&requests);
        let platform = Platform::start(move |call| reply(&mut kept.lock().unwrap(), call)).await;
        Self { platform, requests }
    }

    pub fn example(&self) -> Example {
        Example::of("agentgate")
            .with("https://agentgate.example.com", &self.platform.url())
            .secret("agentgate-path", PATH_SECRET)
            .secret("agentgate-api-key", API_KEY)
    }

    /// The example in `enforce`, once it has found that nothing is pending.
    pub async fn enforced(&self) -> Countersign {
        let server = self.example().enforce().await;
        self.platform.looked_at("/api/requests").await;
        server
    }

    /// The same in dry-run.
    pub async fn in_dry_run(&self) -> Countersign {
        let server = self.example().dry_run().await;
        self.platform.looked_at("/api/requests").await;
        server
    }

    /// An agent asks for a refund; the event that AgentGate sends of it.
    pub fn asks(&self, number: u32, amount_cents: i64) -> Value {
        let params = json!({"currency": "USD", "amount_cents": amount_cents});
        // routes/requests.ts, `formatRequest`.
        let request = json!({
            "id": id(number), "action": "issue_refund", "params": params, "context": {"orderId": "12345"},
            "status": "pending", "urgency": "normal",
            "createdAt": "2026-01-15T10:30:00.000Z", "updatedAt": "2026-01-15T10:30:00.000Z",
            "decidedAt": null, "decidedBy": null, "decisionReason": null,
            "expiresAt": "2099-01-15T11:30:00.000Z", "slaRemainingMs": 3_600_000,
        });
        // events.md, "request.created": the payload; policyDecision only if a policy matched.
        let event = event(
            "request.created",
            &json!({
                "requestId": request["id"], "action": request["action"], "params": params, "context": request["context"],
                "urgency": request["urgency"], "expiresAt": request["expiresAt"],
            }),
        );
        self.requests.lock().unwrap().insert(id(number), request);
        event
    }

    /// A person decides on AgentGate's dashboard; the event that it sends of that: events.md, "request.decided", and
    /// routes/requests.ts.
    pub fn decided_there(&self, number: u32, status: &str) -> Value {
        let mut requests = self.requests.lock().unwrap();
        let request = requests.get_mut(&id(number)).unwrap();
        decide(request, status, "dashboard:admin", "Looks good");
        event(
            "request.decided",
            &json!({
                "requestId": id(number), "action": request["action"], "status": status, "decidedBy": "dashboard:admin",
                "decidedByType": "human", "reason": "Looks good", "decisionTimeMs": 300_000,
            }),
        )
    }

    pub fn request(&self, number: u32) -> Value {
        self.requests.lock().unwrap()[&id(number)].clone()
    }
}

/// routes/requests.ts: `nanoid()`.
pub fn id(number: u32) -> String {
    format!("V1StGXR8_Z5jdHi6B-m{number:02}")
}

/// adapters/webhook.ts, `buildWebhookPayload`; events.md, "Base Event Interface", for the time in milliseconds.
pub fn event(name: &str, data: &Value) -> Value {
    let id = format!("evt_{}_a3f", data["requestId"].as_str().unwrap());
    json!({"event": name, "timestamp": 1_768_473_000_000_i64, "eventId": id, "source": "server", "data": data})
}

/// routes/requests.ts.
fn reply(requests: &mut BTreeMap<String, Value>, call: &Call) -> Reply {
    // api.md, "Authentication" and "Error Responses".
    if call.header("authorization") != format!("Bearer {API_KEY}") {
        return Reply(
            401,
            json!({"error": {"code": "unauthorized", "message": "Missing or invalid API key"}}),
        );
    }
    match (call.method.as_str(), call.parts().as_slice()) {
        ("GET", ["api", "requests"]) => list(requests, call),
        ("GET", ["api", "requests", id]) => match requests.get(*id) {
            Some(request) => Reply(200, request.clone()),
            None => Reply(404, json!({"error": "Request not found"})),
        },
        ("POST", ["api", "requests", id, "decide"]) => {
            // `validateDecisionBody`.
            let body = call.json();
            let decision = body["decision"]
                .as_str()
                .filter(|word| ["approved", "denied"].contains(word));
            let Some(decision) = decision else {
                return Reply(
                    400,
                    json!({"error": "decision must be 'approved' or 'denied'"}),
                );
            };
            let Some(by) = body["decidedBy"]
                .as_str()
                .filter(|name| !name.trim().is_empty())
            else {
                return Reply(
                    400,
                    json!({"error": "decidedBy is required and must be a non-empty string"}),
                );
            };
            let Some(request) = requests.get_mut(*id) else {
                return Reply(404, json!({"error": "Request not found"}));
            };
            if request["status"] != "pending" {
                let message = format!("Request already {}", request["status"].as_str().unwrap());
                return Reply(409, json!({"error": message}));
            }
            decide(
                request,
                decision,
                by,
                body["reason"].as_str().unwrap_or_default(),
            );
            Reply(200, request.clone())
        }
        _ => Reply(404, Value::Null),
    }
}

/// "limit … min(…, 100)", `{requests, pagination}`. The page has a bare list instead.
fn list(requests: &BTreeMap<String, Value>, call: &Call) -> Reply {
    let number = |name: &str, otherwise: usize| {
        call.parameter(name)
            .map_or(otherwise, |text| text.parse().unwrap())
    };
    let (limit, offset) = (number("limit", 50).min(100), number("offset", 0));
    let wanted = call.parameter("status");
    let found: Vec<_> = requests
        .values()
        .filter(|request| wanted.is_none_or(|status| request["status"] == status))
        .cloned()
        .collect();
    let page: Vec<_> = found.iter().skip(offset).take(limit).cloned().collect();
    let more = offset + page.len() < found.len();
    let pagination =
        json!({"total": found.len(), "limit": limit, "offset": offset, "hasMore": more});
    Reply(200, json!({"requests": page, "pagination": pagination}))
}

fn decide(request: &mut Value, status: &str, by: &str, reason: &str) {
    request["status"] = json!(status);
    request["decidedAt"] = json!("2026-01-15T10:35:00.000Z");
    request["decidedBy"] = json!(by);
    request["decisionReason"] = json!(reason);
}

/// adapters/webhook.ts, `send`: these four headers, and a signature only where the adapter was given a secret, which
/// dispatcher.ts does not.
pub async fn deliver(server: &Countersign, event: &Value) -> (u16, Value) {
    send(
        server,
        &format!("/v1/sources/agentgate/{PATH_SECRET}"),
        event,
        &[],
    )
    .await
}

pub async fn send(
    server: &Countersign,
    path: &str,
    event: &Value,
    more: &[(&str, &str)],
) -> (u16, Value) {
    let timestamp = event["timestamp"].to_string();
    let mut headers = vec![
        ("Content-Type", "application/json"),
        ("X-AgentGate-Event", event["event"].as_str().unwrap()),
        ("X-AgentGate-EventId", event["eventId"].as_str().unwrap()),
        ("X-AgentGate-Timestamp", &timestamp),
    ];
    headers.extend(more);
    post(server, path, &headers, &event.to_string()).await
}
