//! Every configuration under `examples/platforms`, end to end: the example's own file is loaded, a simulated platform signs
//! what it sends as its public pages say, and takes no answer but the one that they describe.
//!
//! A simulator invents nothing: each header, field and status stands on the page that is named beside it. Where pages say
//! nothing, neither does the simulator.

mod agentgate;
mod example;
mod lightspark;
mod shellhub;
mod sidclaw;
mod terraform;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::harness::{Countersign, answer, eventually, spawn};

/// One call as the platform got it.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: String,
    /// Without the query, colons decoded.
    pub path: String,
    pub query: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Call {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn header(&self, name: &str) -> &str {
        let mut values = self.headers.iter().filter(|(header, _)| header == name);
        let value = values.next().map_or("", |(_, value)| value);
        assert!(values.next().is_none(), "`{name}` came twice");
        value
    }

    /// The value of a query parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut parameters = self
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        parameters
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    /// The path in its parts.
    pub fn parts(&self) -> Vec<&str> {
        self.path.split('/').skip(1).collect()
    }
}

/// A status, and a JSON body unless it is null.
#[derive(Debug, Clone)]
pub struct Reply(pub u16, pub Value);

/// Something that listens, keeps what it hears, and answers as it was told.
#[derive(Clone)]
pub struct Platform {
    address: SocketAddr,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Platform {
    pub async fn start(replies: impl Fn(&Call) -> Reply + Clone + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&calls);
        let serve = move |request: Request| {
            let (kept, replies) = (Arc::clone(&kept), replies.clone());
            async move {
                let call = read(request).await;
                let reply = replies(&call);
                kept.lock().unwrap().push(call);
                respond(reply)
            }
        };
        spawn(async move {
            axum::serve(listener, Router::new().fallback(serve))
                .await
                .unwrap();
        });
        Self { address, calls }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until somebody has looked at this path: after its first look, countersign looks again in minutes.
    pub async fn looked_at(&self, path: &str) {
        eventually(&format!("somebody looks at `{path}`"), async || {
            let calls = self.calls.lock().unwrap();
            calls.iter().any(|call| call.path == path).then_some(())
        })
        .await;
    }

    /// Every call that was more than a look.
    pub fn told(&self) -> Vec<Call> {
        let calls = self.calls.lock().unwrap();
        calls
            .iter()
            .filter(|call| call.method != "GET")
            .cloned()
            .collect()
    }

    /// The one call that was more than a look, once it is there.
    pub async fn only_answer(&self) -> Call {
        eventually("the platform has one answer", async || {
            match self.told().as_slice() {
                [call] => Some(call.clone()),
                _ => None,
            }
        })
        .await
    }
}

async fn read(request: Request) -> Call {
    let (head, body) = request.into_parts();
    let headers = head.headers.iter();
    Call {
        method: head.method.to_string(),
        path: head.uri.path().replace("%3A", ":"),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: headers
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect(),
        body: to_bytes(body, 1024 * 1024).await.unwrap().to_vec(),
    }
}

fn respond(Reply(status, body): Reply) -> Response {
    let body = if body.is_null() {
        Body::empty()
    } else {
        Body::from(body.to_string())
    };
    let mut response = body.into_response();
    *response.status_mut() = axum::http::StatusCode::from_u16(status).unwrap();
    response
        .headers_mut()
        .insert("content-type", "application/json".parse().unwrap());
    response
}

/// Posts these bytes as a platform does.
pub async fn post(
    to: &Countersign,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, Value) {
    let mut request = to.client.post(to.intake(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    answer(request.body(body.to_owned()).send().await.unwrap()).await
}

/// The case of a delivery that was accepted.
pub fn case_of((status, told): &(u16, Value)) -> String {
    assert_eq!(
        (*status, told["status"].as_str()),
        (200, Some("accepted")),
        "{told}"
    );
    told["case_id"].as_str().unwrap().to_owned()
}

/// Waits for the last word on a case.
pub async fn resolved(server: &Countersign, case: &str) -> Value {
    let file = server
        .case_when(case, |verdict| {
            verdict["state"] == "resolved" && verdict["resolution"]["answer"] != "pending"
        })
        .await;
    file["verdict"].clone()
}

/// Waits until people are asked.
pub async fn open(server: &Countersign, case: &str) -> Value {
    let file = server
        .case_when(case, |verdict| verdict["state"] == "open")
        .await;
    file["verdict"].clone()
}

/// How a case ended: the outcome, by whom, and what became of the answer.
pub fn end(verdict: &Value) -> [&str; 3] {
    let resolution = &verdict["resolution"];
    ["outcome", "by", "answer"].map(|key| resolution[key].as_str().unwrap_or("-"))
}

/// The hex digest of an HMAC with SHA-256.
pub fn hmac_sha256(secret: &str, body: &str) -> String {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}
