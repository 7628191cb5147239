//! A real server on loopback, and clients that send what they like.

use std::net::SocketAddr;
use std::sync::Mutex;

use axum::Router;
use axum::extract::Request;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;

use super::super::*;
use crate::web::body::{self, BodyLimits};
use crate::web::problem::{self, Problem};

/// Long enough never to pass in a test.
pub(super) const NEVER: Duration = Duration::from_hours(1);
pub(super) const SOON: Duration = Duration::from_millis(150);

pub(super) const PATIENT: ConnectionLimits = ConnectionLimits {
    connections: 64,
    header_timeout: NEVER,
    idle_timeout: NEVER,
    grace: NEVER,
};

#[derive(Default)]
struct Endings(Mutex<Vec<Ending>>);

impl ConnectionWatch for Endings {
    fn opened(&self) {}
    fn closed(&self, ending: Ending) {
        self.0.lock().unwrap().push(ending);
    }
}

pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) stop: CancellationToken,
    endings: Arc<Endings>,
    pub(super) release: Arc<Notify>,
    pub(super) entered: Arc<Notify>,
    task: JoinSet<()>,
}

impl Server {
    pub(super) async fn start(limits: ConnectionLimits, body: BodyLimits) -> Self {
        let (release, entered) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (released, enters) = (Arc::clone(&release), Arc::clone(&entered));
        let router = Router::new()
            .route(
                "/echo",
                post(move |request: Request| async move {
                    let (_, bytes) = body::read(request, body).await.map_err(Problem::from)?;
                    Ok::<_, Problem>(bytes)
                }),
            )
            .route("/panic", get(|| async { panic_on_purpose() }))
            .route(
                "/hang",
                get(move || async move {
                    enters.notify_one();
                    released.notified().await;
                    "released"
                }),
            )
            .fallback(problem::nothing_here)
            .method_not_allowed_fallback(problem::method_not_allowed)
            .layer(axum::middleware::from_fn(problem::settle));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, endings) = (CancellationToken::new(), Arc::new(Endings::default()));
        let mut task = JoinSet::new();
        let watch: Arc<dyn ConnectionWatch> = endings.clone();
        task.spawn(serve(listener, router, limits, watch, stop.clone()));
        Self {
            address,
            stop,
            endings,
            release,
            entered,
            task,
        }
    }

    pub(super) async fn with(limits: ConnectionLimits) -> Self {
        Self::start(
            limits,
            BodyLimits {
                bytes: 1024,
                timeout: NEVER,
            },
        )
        .await
    }

    pub(super) async fn client(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    pub(super) async fn stopped(mut self) -> Vec<Ending> {
        self.stop.cancel();
        self.task.join_next().await.unwrap().unwrap();
        std::mem::take(&mut self.endings.0.lock().unwrap())
    }
}

pub(super) struct Client(pub(super) TcpStream);

impl Client {
    pub(super) async fn says(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// One response, read to the end of its body.
    pub(super) async fn hears(&mut self) -> String {
        let mut heard = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&heard).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= length.unwrap_or("0").parse().unwrap() {
                    return text;
                }
            }
            let read = self.0.read_buf(&mut heard).await.unwrap();
            assert_ne!(read, 0, "closed after {text:?}");
        }
    }

    /// Everything until the server closes the connection.
    pub(super) async fn hears_the_end(&mut self) -> String {
        let mut heard = Vec::new();
        let _ = self.0.read_to_end(&mut heard).await;
        String::from_utf8_lossy(&heard).into_owned()
    }

    pub(super) async fn posts(&mut self, body: &str) -> String {
        self.says(&format!(
            "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await;
        self.hears().await
    }
}

fn panic_on_purpose() {
    panic!("on purpose");
}
