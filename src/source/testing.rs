//! Platforms on loopback, for tests: real sockets, real HTTP, and the misbehaviour of the real world.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::source::{Client, Timeouts, WebUrl};

/// A platform that keeps what it was sent.
pub(super) struct Platform {
    pub(super) url: WebUrl,
    received: Arc<Mutex<Vec<Received>>>,
    _server: JoinSet<()>,
}

/// One request as it arrived.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Received {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Status, headers and body of a response.
pub(super) type Said = (StatusCode, HeaderMap, String);

#[derive(Clone)]
struct Script {
    says: Arc<dyn Fn(&Received) -> Said + Send + Sync>,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Platform {
    /// One that always answers the same.
    pub(super) async fn answering(
        status: u16,
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> Self {
        let said = said(status, headers, body);
        Self::saying(move |_| said.clone()).await
    }

    /// One that answers what it is asked.
    pub(super) async fn saying(says: impl Fn(&Received) -> Said + Send + Sync + 'static) -> Self {
        let received = Arc::new(Mutex::new(Vec::new()));
        let script = Script {
            says: Arc::new(says),
            received: Arc::clone(&received),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = url_of(&listener);
        let mut server = JoinSet::new();
        server.spawn(async move {
            axum::serve(listener, Router::new().fallback(play).with_state(script))
                .await
                .unwrap();
        });
        Self {
            url,
            received,
            _server: server,
        }
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

/// A response, for a platform to say.
pub(super) fn said(status: u16, headers: &[(&'static str, &str)], body: &str) -> Said {
    let headers = headers
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect();
    (
        StatusCode::from_u16(status).unwrap(),
        headers,
        body.to_owned(),
    )
}

async fn play(State(script): State<Script>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let received = Received {
        method: parts.method,
        path: parts.uri.to_string(),
        headers: parts.headers,
        body: axum::body::to_bytes(body, usize::MAX).await.unwrap(),
    };
    let said = (script.says)(&received);
    script.received.lock().unwrap().push(received);
    said.into_response()
}

/// A server that reads a request, writes `bytes`, and then hangs or closes the connection.
pub(super) struct Broken {
    pub(super) url: WebUrl,
    _server: JoinSet<()>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Hang,
    Close,
}

impl Broken {
    pub(super) async fn writing(bytes: &'static [u8], then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = url_of(&listener);
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut held = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut buffer = [0; 16 * 1024];
                let _ = stream.read(&mut buffer).await.unwrap();
                stream.write_all(bytes).await.unwrap();
                if then == Then::Hang {
                    held.push(stream);
                }
            }
        });
        Self {
            url,
            _server: server,
        }
    }
}

/// An address that nobody listens at: a port that is reserved, and given to no other test.
pub(super) fn nobody() -> WebUrl {
    WebUrl::parse("http://127.0.0.1:1").unwrap()
}

pub(super) fn client() -> Client {
    Client::new(Timeouts {
        connect: Duration::from_secs(2),
        total: Duration::from_secs(5),
    })
    .unwrap()
}

pub(super) fn impatient_client() -> Client {
    Client::new(Timeouts {
        connect: Duration::from_secs(2),
        total: Duration::from_millis(200),
    })
    .unwrap()
}

fn url_of(listener: &TcpListener) -> WebUrl {
    WebUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap()
}
