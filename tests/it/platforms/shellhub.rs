//! A ShellHub whose provisioning key asks a webhook, by its page and its source, and the example beside it.
//!
//! - <https://docs.shellhub.io/api/provisioning-key-webhook>: headers, payload, inline answers
//! - source, <https://github.com/shellhub-io/shellhub>: `evaluateEnrollment`, `callEnrollmentWebhook` and
//!   `ResolveEnrollmentCallback` of the API's services, `EnrollmentCallback` of its routes and of `pkg/api/requests`

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::example::Example;
use super::{Call, Platform, Reply, case_of, end, hmac_sha256, open, post, resolved};
use crate::harness::{ADMIN, Countersign};

const SECRET: &str = "webhook-secret-of-the-provisioning-key";

/// Keys of `examples/platforms/policies/devices`.
const KNOWN_KEY: &str = "b1946ac92492d2347c6235b4d2611184";
const OTHER_KEY: &str = "00000000000000000000000000000000";

struct ShellHub {
    platform: Platform,
    /// By the token of a callback: what it was redeemed with.
    callbacks: Callbacks,
}

type Callbacks = Arc<Mutex<BTreeMap<String, Option<String>>>>;

impl ShellHub {
    async fn start() -> Self {
        let callbacks: Callbacks = Arc::default();
        let kept = Arc::clone(&callbacks);
        let platform = Platform::start(move |call| reply(&kept, call)).await;
        Self {
            platform,
            callbacks,
        }
    }

    fn example() -> Example {
        Example::of("shellhub")
            .with(
                "callback_hosts: [cloud.shellhub.io]",
                "callback_hosts: [127.0.0.1]",
            )
            .secret("shellhub-webhook", SECRET)
    }

    /// A device enrols: the payload of the page. The callback's token is a JWT for this device and this asking.
    fn enrols(&self, asking: u32, key: &str, identity: &str) -> Value {
        let token = token(asking);
        self.callbacks.lock().unwrap().insert(token.clone(), None);
        json!({
            "tenant_id": "00000000-0000-4000-0000-000000000000", "provisioning_key_id": key,
            "provisioning_key_name": "factory-line-2", "device_uid": "3c9e2f1a7b4d8e6f0a1c5d9b2e7f4a83",
            "identity": identity, "hostname": "gateway-01",
            "info": {"id": "debian", "pretty_name": "Debian GNU/Linux 12", "arch": "arm64"},
            "source_ip": "203.0.113.9", "timestamp": format!("2026-08-26T03:4{asking}:00Z"),
            "callback_url": format!("{}/api/devices/enroll/callback/{token}", self.platform.url()),
        })
    }

    fn decision(&self, asking: u32) -> Option<String> {
        self.callbacks.lock().unwrap()[&token(asking)].clone()
    }
}

fn token(asking: u32) -> String {
    format!(
        "eyJhbGciOiJSUzI1NiJ9.eyJjbGFpbXMiOiJlbnJvbGxfZGVjaXNpb24ifQ.signature-of-callback-{asking}"
    )
}

/// `POST /api/devices/enroll/callback/:token`. "The token in the path is the credential (no API key/JWT)."
fn reply(callbacks: &Callbacks, call: &Call) -> Reply {
    let parts = call.parts();
    let ("POST", ["api", "devices", "enroll", "callback", token]) =
        (call.method.as_str(), parts.as_slice())
    else {
        return Reply(404, Value::Null);
    };
    assert_eq!(call.header("authorization"), "");
    // `c.Bind(req)` reads JSON by its content type; `validate:"required,oneof=accept reject"`; `reason` is a string.
    if call.header("content-type") != "application/json" {
        return Reply(400, Value::Null);
    }
    let body = call.json();
    let decision = body["decision"]
        .as_str()
        .filter(|word| ["accept", "reject"].contains(word));
    let (Some(decision), true) = (
        decision,
        body["reason"].is_string() || body["reason"].is_null(),
    ) else {
        return Reply(400, Value::Null);
    };
    let mut callbacks = callbacks.lock().unwrap();
    match callbacks.get_mut(*token) {
        Some(spent @ None) => {
            *spent = Some(decision.to_owned());
            Reply(200, Value::Null)
        }
        // "enrollment callback token already redeemed", or one that is none any more.
        Some(Some(_)) | None => Reply(401, Value::Null),
    }
}

async fn deliver(server: &Countersign, enrolment: &Value) -> (u16, Value) {
    let body = enrolment.to_string();
    signed(server, &body, &hmac_sha256(SECRET, &body)).await
}

/// "ShellHub sends a POST with a JSON body and two headers."
async fn signed(server: &Countersign, body: &str, signature: &str) -> (u16, Value) {
    let headers = [
        ("Content-Type", "application/json"),
        ("X-ShellHub-Signature", signature),
    ];
    post(server, "/v1/sources/shellhub", &headers, body).await
}

#[tokio::test]
async fn a_device_of_the_line_is_deferred_and_then_accepted() {
    let shellhub = ShellHub::start().await;
    let server = ShellHub::example().enforce().await;
    let told = deliver(&server, &shellhub.enrols(1, KNOWN_KEY, "00:1b:44:11:3a:b7")).await;
    // "Reply 2xx with a JSON body": `defer`, decide later through the callback URL.
    assert_eq!(told.1["decision"], "defer", "{told:?}");

    let verdict = resolved(&server, &case_of(&told)).await;
    assert_eq!(
        end(&verdict),
        ["approved", "policy", "settled"],
        "{verdict}"
    );
    assert_eq!(shellhub.decision(1).as_deref(), Some("accept"));
    let reason = shellhub.platform.only_answer().await.json()["reason"].to_string();
    assert!(
        reason.contains("it has the key of factory-line-2"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_lost_device_is_rejected() {
    let shellhub = ShellHub::start().await;
    let server = ShellHub::example().enforce().await;
    let case =
        case_of(&deliver(&server, &shellhub.enrols(1, KNOWN_KEY, "00:1b:44:11:3a:ff")).await);

    assert_eq!(
        end(&resolved(&server, &case).await),
        ["rejected", "policy", "settled"]
    );
    assert_eq!(shellhub.decision(1).as_deref(), Some("reject"));
}

#[tokio::test]
async fn a_person_decides_about_a_key_that_nobody_knows_however_often_the_device_asks() {
    let shellhub = ShellHub::start().await;
    let server = ShellHub::example().enforce().await;
    let case =
        case_of(&deliver(&server, &shellhub.enrols(1, OTHER_KEY, "00:1b:44:11:3a:b7")).await);
    open(&server, &case).await;

    // `reconcileEnrollment`: a device that waits is asked about again, with another time and another callback.
    let (status, told) =
        deliver(&server, &shellhub.enrols(2, OTHER_KEY, "00:1b:44:11:3a:b7")).await;
    assert_eq!(
        (status, told["case_id"].as_str()),
        (200, Some(case.as_str())),
        "{told}"
    );
    assert_eq!(told["decision"], "defer", "{told}");

    assert_eq!(
        server.vote(ADMIN, &case, "approve", "the new line").await.0,
        200
    );
    assert_eq!(
        end(&resolved(&server, &case).await),
        ["approved", "person:alice", "settled"]
    );
    assert_eq!(
        (shellhub.decision(1).as_deref(), shellhub.decision(2)),
        (Some("accept"), None)
    );
}

#[tokio::test]
async fn the_same_device_with_another_story_is_no_second_delivery() {
    let shellhub = ShellHub::start().await;
    let server = ShellHub::example().enforce().await;
    let case =
        case_of(&deliver(&server, &shellhub.enrols(1, OTHER_KEY, "00:1b:44:11:3a:b7")).await);
    open(&server, &case).await;

    // Whatever is not 2xx leaves the device pending.
    let (status, told) =
        deliver(&server, &shellhub.enrols(2, KNOWN_KEY, "00:1b:44:11:3a:b7")).await;
    assert_eq!(
        (status, told["code"].as_str()),
        (409, Some("conflict")),
        "{told}"
    );
    assert!(shellhub.platform.told().is_empty());
}

#[tokio::test]
async fn in_dry_run_the_device_is_left_to_people() {
    let shellhub = ShellHub::start().await;
    let server = ShellHub::example().dry_run().await;
    let told = deliver(&server, &shellhub.enrols(1, KNOWN_KEY, "00:1b:44:11:3a:b7")).await;
    // `pending`: the manual queue.
    assert_eq!(told.1["decision"], "pending", "{told:?}");
    server
        .case_when(&case_of(&told), |verdict| verdict["outcome"] == "approve")
        .await;
    assert!(shellhub.platform.told().is_empty());
}

#[tokio::test]
async fn a_delivery_that_is_signed_otherwise_is_refused() {
    let shellhub = ShellHub::start().await;
    let server = ShellHub::example().enforce().await;
    let body = shellhub
        .enrols(1, KNOWN_KEY, "00:1b:44:11:3a:b7")
        .to_string();
    for signature in [
        hmac_sha256("another-secret", &body),
        format!("sha256={}", hmac_sha256(SECRET, &body)),
        String::new(),
    ] {
        let (status, told) = signed(&server, &body, &signature).await;
        // No decision either: ShellHub leaves the device pending on whatever is not 2xx.
        assert_eq!(
            (status, &told["decision"]),
            (401, &Value::Null),
            "{signature}"
        );
    }
}

#[tokio::test]
async fn a_callback_that_was_used_before_ends_the_case() {
    let shellhub = ShellHub::start().await;
    let server = ShellHub::example().enforce().await;
    let case =
        case_of(&deliver(&server, &shellhub.enrols(1, OTHER_KEY, "00:1b:44:11:3a:b7")).await);
    open(&server, &case).await;
    shellhub
        .callbacks
        .lock()
        .unwrap()
        .insert(token(1), Some("reject".to_owned()));

    assert_eq!(server.vote(ADMIN, &case, "approve", "fine").await.0, 200);
    let verdict = resolved(&server, &case).await;
    assert_eq!(verdict["resolution"]["outcome"], "superseded", "{verdict}");
    assert_eq!(shellhub.decision(1).as_deref(), Some("reject"));
}

#[tokio::test]
async fn the_callback_is_seen_by_nobody() {
    let shellhub = ShellHub::start().await;
    let server = ShellHub::example().enforce().await;
    let case =
        case_of(&deliver(&server, &shellhub.enrols(1, OTHER_KEY, "00:1b:44:11:3a:b7")).await);
    open(&server, &case).await;

    let seen = server.case(&case).await.to_string();
    assert!(seen.contains("gateway-01"));
    assert!(!seen.contains(&token(1)), "{seen}");
}

/// "callback_url is absent when the server cannot work out its own public address."
#[tokio::test]
async fn without_a_callback_the_answer_is_a_dead_letter() {
    let shellhub = ShellHub::start().await;
    let server = ShellHub::example().enforce().await;
    let mut enrolment = shellhub.enrols(1, KNOWN_KEY, "00:1b:44:11:3a:b7");
    enrolment.as_object_mut().unwrap().remove("callback_url");
    case_of(&deliver(&server, &enrolment).await);
    server.only_effect("dead").await;
}
