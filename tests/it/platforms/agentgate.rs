//! An AgentGate by its source, and the example beside it. Where its pages and its source differ, it does as the source.
//!
//! - source: <https://github.com/agentkitai/agentgate/tree/main/packages/server/src>: `lib/notification/adapters/webhook.ts`,
//!   `lib/notification/dispatcher.ts`, `lib/webhook.ts`, `routes/requests.ts`
//! - docs: <https://github.com/agentkitai/agentgate/tree/main/docs>: `events.md`, `api.md`, `configuration.md`,
//!   `integrations/webhooks.md`

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::example::Example;
use super::{Call, Platform, Reply, case_of, end, hmac_sha256, open, post, resolved};
use crate::harness::{ADMIN, Countersign, eventually};

const PATH_SECRET: &str = "nobody-guesses-this-path-0123456789";
// api.md, "Authentication": `agk_…`.
const API_KEY: &str = "agk_key-that-reads-and-decides";
// routes/webhooks.ts: at least 32 characters.
const WEBHOOK_SECRET: &str = "your-signing-secret-0123456789abcdef";

struct AgentGate {
    platform: Platform,
    requests: Arc<Mutex<BTreeMap<String, Value>>>,
}

impl AgentGate {
    async fn start() -> Self {
        let requests: Arc<Mutex<BTreeMap<String, Value>>> = Arc::default();
        let kept = Arc::clone(&requests);
        let platform = Platform::start(move |call| reply(&mut kept.lock().unwrap(), call)).await;
        Self { platform, requests }
    }

    fn example(&self) -> Example {
        Example::of("agentgate")
            .with("https://agentgate.example.com", &self.platform.url())
            .secret("agentgate-path", PATH_SECRET)
            .secret("agentgate-api-key", API_KEY)
    }

    /// The example in `enforce`, once it has found that nothing is pending.
    async fn enforced(&self) -> Countersign {
        let server = self.example().enforce().await;
        self.platform.looked_at("/api/requests").await;
        server
    }

    /// The same in dry-run.
    async fn in_dry_run(&self) -> Countersign {
        let server = self.example().dry_run().await;
        self.platform.looked_at("/api/requests").await;
        server
    }

    /// An agent asks for a refund; the event that AgentGate sends of it.
    fn asks(&self, number: u32, amount_cents: i64) -> Value {
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
            json!({
                "requestId": request["id"], "action": request["action"], "params": params, "context": request["context"],
                "urgency": request["urgency"], "expiresAt": request["expiresAt"],
            }),
        );
        self.requests.lock().unwrap().insert(id(number), request);
        event
    }

    /// A person decides on AgentGate's dashboard; the event that it sends of that: events.md, "request.decided", and
    /// routes/requests.ts.
    fn decided_there(&self, number: u32, status: &str) -> Value {
        let mut requests = self.requests.lock().unwrap();
        let request = requests.get_mut(&id(number)).unwrap();
        decide(request, status, "dashboard:admin", "Looks good");
        event(
            "request.decided",
            json!({
                "requestId": id(number), "action": request["action"], "status": status, "decidedBy": "dashboard:admin",
                "decidedByType": "human", "reason": "Looks good", "decisionTimeMs": 300_000,
            }),
        )
    }

    fn request(&self, number: u32) -> Value {
        self.requests.lock().unwrap()[&id(number)].clone()
    }
}

/// routes/requests.ts: `nanoid()`.
fn id(number: u32) -> String {
    format!("V1StGXR8_Z5jdHi6B-m{number:02}")
}

/// adapters/webhook.ts, `buildWebhookPayload`; events.md, "Base Event Interface", for the time in milliseconds.
fn event(name: &str, data: Value) -> Value {
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
async fn deliver(server: &Countersign, event: &Value) -> (u16, Value) {
    send(
        server,
        &format!("/v1/sources/agentgate/{PATH_SECRET}"),
        event,
        &[],
    )
    .await
}

async fn send(
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
        json!({
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

/// lib/webhook.ts, `signPayload`: the hex digest over the body, without a prefix.
#[tokio::test]
async fn an_agentgate_that_signs_is_verified_by_the_line_in_the_comment() {
    let agentgate = AgentGate::start().await;
    let by_path = "- secret_path: {file: secrets/agentgate-path}";
    let signed =
        "# - hmac: {header: X-AgentGate-Signature, algorithm: sha256, encoding: hex, prefix: \"\"";
    let server = agentgate
        .example()
        .secret("agentgate-webhook", WEBHOOK_SECRET)
        .with(signed, signed.trim_start_matches("# "))
        .with(by_path, "")
        .enforce()
        .await;
    agentgate.platform.looked_at("/api/requests").await;
    let event = agentgate.asks(1, 4900);
    let signature = hmac_sha256(WEBHOOK_SECRET, &event.to_string());
    let path = "/v1/sources/agentgate";

    assert_eq!(send(&server, path, &event, &[]).await.0, 401);
    let prefixed = format!("sha256={signature}");
    assert_eq!(
        send(
            &server,
            path,
            &event,
            &[("X-AgentGate-Signature", &prefixed)]
        )
        .await
        .0,
        401
    );
    let case = case_of(
        &send(
            &server,
            path,
            &event,
            &[("X-AgentGate-Signature", &signature)],
        )
        .await,
    );
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
