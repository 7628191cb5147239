//! A platform on loopback that answers each call by what the call is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::source::WebUrl;

/// A platform that keeps what it was sent.
pub(super) struct Platform {
    pub(super) url: WebUrl,
    received: Arc<Mutex<Vec<Received>>>,
    _server: JoinSet<()>,
}

/// One call as it arrived.
#[derive(Debug, Clone)]
pub(super) struct Received {
    /// Method, path and query.
    pub(super) line: String,
    pub(super) query: HashMap<String, String>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Status, headers and body.
pub(super) struct Reply(
    pub(super) u16,
    pub(super) Vec<(&'static str, String)>,
    pub(super) String,
);

type Play = Arc<dyn Fn(&Received, usize) -> Reply + Send + Sync>;

#[derive(Clone)]
struct Stage {
    play: Play,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Platform {
    /// `play` is given the call and how many came before it.
    pub(super) async fn playing(
        play: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let received = Arc::new(Mutex::new(Vec::new()));
        let stage = Stage {
            play: Arc::new(play),
            received: Arc::clone(&received),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = WebUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let mut server = JoinSet::new();
        server.spawn(async move {
            axum::serve(listener, Router::new().fallback(perform).with_state(stage))
                .await
                .unwrap();
        });
        Self {
            url,
            received,
            _server: server,
        }
    }

    pub(super) async fn answering(status: u16, body: impl Into<String>) -> Self {
        let body = body.into();
        Self::playing(move |_, _| Reply(status, vec![], body.clone())).await
    }

    /// One that lists `records` by `limit`, at most `most` of them at once, and `offset`.
    pub(super) async fn listing(records: Vec<Value>, most: usize) -> Self {
        Self::playing(move |call, _| {
            let number = |key: &str| {
                call.query
                    .get(key)
                    .and_then(|text| text.parse::<usize>().ok())
            };
            let from = number("offset").unwrap_or_default();
            let limit = number("limit").unwrap_or(20).min(most);
            let page: Vec<&Value> = records.iter().skip(from).take(limit).collect();
            Reply(200, vec![], serde_json::to_string(&page).unwrap())
        })
        .await
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.received().into_iter().map(|call| call.line).collect()
    }
}

async fn perform(State(stage): State<Stage>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let url = reqwest::Url::parse(&format!("http://x/?{query}")).unwrap();
    let call = Received {
        line: format!("{} {}", parts.method, parts.uri),
        query: url.query_pairs().into_owned().collect(),
        headers: parts.headers,
        body: axum::body::to_bytes(body, usize::MAX).await.unwrap(),
    };
    let before = {
        let mut received = stage.received.lock().unwrap();
        received.push(call.clone());
        received.len() - 1
    };
    let Reply(status, headers, body) = (stage.play)(&call, before);
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}
