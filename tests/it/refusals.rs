//! What must not get in: forged, late, broken, too much, too slow. Each is refused with its status and code, counted, and
//! leaves no case behind.

mod bodies;
mod capability;
mod child;
mod once;
mod operators;
mod replays;
mod secrets;
mod senders;
mod signatures;
mod slow;
mod starting;
mod wire;

use serde_json::Value;

use crate::harness::{Countersign, SECRET, config};
use crate::tracemem::TraceMem;

/// Where the source of most tests is delivered to.
const TM: &str = "/v1/sources/tm";

/// A server in `enforce` whose source `tm` verifies so, with these further keys.
async fn server_with(verify: &str, more: &str) -> Countersign {
    let platform = TraceMem::start().await;
    Countersign::start(&config_with(&platform, verify, more)).await
}

fn config_with(platform: &TraceMem, verify: &str, more: &str) -> String {
    let usual = format!("verify: [{{hmac: {{secrets: [{SECRET}]}}}}]\n");
    let config = config("enforce", platform);
    assert!(config.contains(&usual));
    config.replace(&usual, &format!("verify: [{verify}]\n    {more}\n"))
}

/// A server whose source `tm` verifies as most tests want it.
async fn server() -> Countersign {
    server_with(&format!("{{hmac: {{secrets: [{SECRET}]}}}}"), "").await
}

/// A response, whole.
#[derive(Debug)]
struct Told {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

impl Told {
    fn word(&self) -> &str {
        let key = if self.status == 200 { "status" } else { "code" };
        self.body[key].as_str().unwrap_or_default()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// Posts `body` with these headers, and nothing else that could be taken for ours.
async fn post(
    server: &Countersign,
    path: &str,
    body: impl Into<Vec<u8>>,
    headers: &[(&str, &[u8])],
) -> Told {
    let mut request = server.client.post(server.intake(path)).body(body.into());
    for (name, value) in headers {
        let value = reqwest::header::HeaderValue::from_bytes(value).unwrap();
        request = request.header(*name, value);
    }
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.bytes().await.unwrap();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Told {
        status,
        headers,
        body,
    }
}

/// How often `tm` refused something for `reason`.
async fn counted(server: &Countersign, reason: &str) -> u64 {
    let line = format!(r#"countersign_webhook_refused_total{{source="tm",reason="{reason}"}} "#);
    let found = server.metric(&line).await;
    found
        .strip_prefix(&line)
        .map_or(0, |count| count.parse().unwrap())
}

/// Posts to `tm`'s path and expects a refusal: this status, this code as problem+json, one more counted for this reason.
async fn refused(
    server: &Countersign,
    path: &str,
    body: impl Into<Vec<u8>>,
    headers: &[(&str, &[u8])],
    expected: (u16, &str, &str),
) -> Told {
    let (status, code, reason) = expected;
    let before = counted(server, reason).await;
    let told = post(server, path, body, headers).await;
    let shown = headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)))
        .collect::<Vec<_>>();
    assert_eq!(
        (told.status, told.word()),
        (status, code),
        "{shown:?}: {told:?}"
    );
    assert_eq!(
        told.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(told.body["status"], status);
    assert_eq!(
        counted(server, reason).await,
        before + 1,
        "{reason}, {shown:?}"
    );
    told
}

/// Neither a case nor a decision is on disk.
async fn nothing_is_stored(server: &Countersign) {
    let (_, cases) = server.get("/v1/cases").await;
    assert_eq!(cases["cases"], serde_json::json!([]));
    assert_eq!(entries(server, "decided").await, 0);
}

/// How many entries of this kind the decision log has.
async fn entries(server: &Countersign, kind: &str) -> usize {
    let (status, log) = server.get("/v1/log?after=0&limit=1000").await;
    assert_eq!(status, 200, "{log}");
    let entries = log["entries"].as_array().unwrap();
    entries.iter().filter(|entry| entry["kind"] == kind).count()
}
