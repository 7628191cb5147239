//! A tool of a team's that is told by webhook, and keeps what it hears.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::net::TcpListener;

use crate::harness::spawn;

/// One thing that it was told: the headers and the body as they came, and what it says.
type Heard = (HeaderMap, Bytes, Value);

/// The tool.
pub struct Hook {
    pub url: String,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Hook {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let heard = Arc::<Mutex<Vec<Heard>>>::default();
        let router = Router::new()
            .route("/hook", post(hear))
            .with_state(Arc::clone(&heard));
        spawn(async move { axum::serve(listener, router).await });
        Self { url, heard }
    }

    /// Every event of `kind` in the order it came.
    pub fn heard(&self, kind: &str) -> Vec<Value> {
        let mut events = self.events();
        events.retain(|event| event["type"] == kind);
        events
    }

    /// Every event in the order it came.
    pub fn events(&self) -> Vec<Value> {
        let heard = self.heard.lock().unwrap();
        heard.iter().map(|(_, _, event)| event.clone()).collect()
    }

    /// Holds every signature against `secret`.
    pub fn verify(&self, secret: &str) {
        let webhook = Webhook::new(secret).unwrap();
        for (headers, body, _) in self.heard.lock().unwrap().iter() {
            webhook.verify(body, headers).unwrap();
        }
    }
}

async fn hear(
    State(heard): State<Arc<Mutex<Vec<Heard>>>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let event = serde_json::from_slice(&body).unwrap();
    heard.lock().unwrap().push((headers, body, event));
    StatusCode::NO_CONTENT
}
