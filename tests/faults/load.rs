//! Signed deliveries from many connections at once, and what was acknowledged.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::server::{OPERATOR, SECRET};

/// Sends without end, as long as somebody answers.
#[derive(Clone, Default)]
pub struct Load {
    next: Arc<AtomicU64>,
    acknowledged: Arc<Mutex<HashMap<String, String>>>,
}

/// The body of request `number`: even ones are approved, odd ones rejected.
pub fn body(number: u64) -> Value {
    let amount = if number.is_multiple_of(2) { 50 } else { 500 };
    request(number, &json!({"amount": amount}))
}

/// The body of request `number` about a payment with this context.
pub fn request(number: u64, context: &Value) -> Value {
    json!({
        "event": "approval.requested", "approval_id": format!("appr_{number}"), "decision_id": format!("TMEM_{number}"),
        "token": format!("token-{number}"), "title": "A payment", "intent": "pay", "agent_id": "billing-bot",
        "context": context, "require_rationale": true,
    })
}

/// The assumed signature: hexadecimal HMAC-SHA256 of the body.
pub fn signature(body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// Sends one delivery; `None` when nobody answered.
pub async fn deliver(client: &reqwest::Client, intake: &str, body: &Value) -> Option<(u16, Value)> {
    let body = body.to_string();
    let signature = signature(body.as_bytes());
    let request = client
        .post(format!("{intake}/v1/sources/tm"))
        .header("X-TraceMem-Signature", signature);
    let response = request
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await
        .ok()?;
    let status = response.status().as_u16();
    let answer = response.bytes().await.ok()?;
    Some((status, serde_json::from_slice(&answer).ok()?))
}

/// What an operator gets at `url`; `None` when nobody answered.
pub async fn get(client: &reqwest::Client, url: &str) -> Option<Value> {
    let response = client.get(url).bearer_auth(OPERATOR).send().await.ok()?;
    assert_eq!(response.status(), 200);
    serde_json::from_slice(&response.bytes().await.ok()?).ok()
}

/// A client as the tests use it; the process installs its TLS provider once although nothing here is encrypted.
pub fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap()
}

impl Load {
    /// Everything that was acknowledged with `200`: the approval's id and the case's.
    pub fn acknowledged(&self) -> HashMap<String, String> {
        self.acknowledged.lock().unwrap().clone()
    }

    /// Sends from `connections` tasks at once until nobody answers.
    pub async fn run(&self, intake: &str, connections: usize) {
        let senders = (0..connections).map(|_| self.send_until_gone(intake));
        futures_util::future::join_all(senders).await;
    }

    async fn send_until_gone(&self, intake: &str) {
        let client = client();
        loop {
            let number = self.next.fetch_add(1, Ordering::SeqCst);
            let Some((status, answer)) = deliver(&client, intake, &body(number)).await else {
                return;
            };
            assert!(
                status == 200 || status == 503,
                "unexpected status {status}: {answer}"
            );
            if status == 200 {
                let case = answer["case_id"].as_str().unwrap().to_owned();
                self.acknowledged
                    .lock()
                    .unwrap()
                    .insert(format!("appr_{number}"), case);
            }
        }
    }
}
