//! A TraceMem that does as it is told: it records every answer it is sent and behaves, per token, as the test scripts.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

/// How the platform treats one answer.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// `200` and the first resolution it was given.
    Take,
    /// This status with this JSON body and these headers, without taking the answer.
    Say(u16, Value, Vec<(&'static str, String)>),
    /// Takes the answer and closes the connection without a word: the outcome is unknown to the sender.
    TakeAndReset,
    /// Takes the answer and says this, to the byte, before it closes the connection.
    TakeAndWrite(Vec<u8>),
    /// Takes the answer and never says so.
    TakeAndHang,
    /// Takes the answer when it is let.
    TakeWhen(Arc<Notify>),
    /// Says this status when it is let, without taking the answer.
    SayWhen(Arc<Notify>, u16),
    /// Never answers.
    Hang,
}

/// One answer as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    pub method_and_path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub at: Instant,
}

impl Received {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

#[derive(Clone)]
pub struct TraceMem {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    seen: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    received: Vec<Received>,
    scripts: HashMap<String, VecDeque<Behaviour>>,
    standing: Option<Behaviour>,
    resolutions: HashMap<String, String>,
    contradictions: usize,
    connections: usize,
    under_way: usize,
    most_under_way: usize,
}

impl TraceMem {
    pub async fn start() -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    /// An address where nobody listens, until [`TraceMem::start_at`].
    pub async fn nowhere() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    }

    pub async fn start_at(address: SocketAddr) -> Self {
        Self::listen(TcpListener::bind(address).await.unwrap())
    }

    fn listen(listener: TcpListener) -> Self {
        let platform = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::default(),
            seen: watch::Sender::new(0),
        };
        let serving = platform.clone();
        crate::harness::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let platform = serving.clone();
                platform.state.lock().unwrap().connections += 1;
                crate::harness::spawn(async move { platform.serve(stream).await });
            }
        });
        platform
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next answers for `token` are treated so, one after the other; later ones are taken.
    pub fn script(&self, token: &str, behaviours: impl IntoIterator<Item = Behaviour>) {
        self.state
            .lock()
            .unwrap()
            .scripts
            .insert(token.to_owned(), behaviours.into_iter().collect());
    }

    /// Every answer without a script is treated so from now on.
    pub fn always(&self, behaviour: Behaviour) {
        self.state.lock().unwrap().standing = Some(behaviour);
    }

    pub fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }

    /// How many answers it had before it at once, at most.
    pub fn most_under_way(&self) -> usize {
        self.state.lock().unwrap().most_under_way
    }

    /// What it took for `token`.
    pub fn resolution(&self, token: &str) -> Option<String> {
        self.state.lock().unwrap().resolutions.get(token).cloned()
    }

    /// How often an answer came that said something else than the one taken before.
    pub fn contradictions(&self) -> usize {
        self.state.lock().unwrap().contradictions
    }

    /// How often anybody connected.
    pub fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    /// Waits until `count` answers have come in.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let mut seen = self.seen.subscribe();
        let waiting = seen.wait_for(|seen| *seen >= count);
        tokio::time::timeout(Duration::from_secs(30), waiting)
            .await
            .unwrap_or_else(|_| panic!("waited for {count} answers, got {}", self.received().len()))
            .unwrap();
        self.received()
    }

    async fn serve(&self, mut stream: TcpStream) {
        let mut buffer = Vec::new();
        while let Some(request) = read_request(&mut stream, &mut buffer).await {
            let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
            let token = body["token"].as_str().unwrap_or_default().to_owned();
            let behaviour = {
                let mut state = self.state.lock().unwrap();
                state.received.push(request);
                state.under_way += 1;
                state.most_under_way = state.most_under_way.max(state.under_way);
                let scripted = state.scripts.get_mut(&token).and_then(VecDeque::pop_front);
                scripted
                    .or_else(|| state.standing.clone())
                    .unwrap_or(Behaviour::Take)
            };
            self.seen.send_modify(|seen| *seen += 1);
            if let Behaviour::TakeWhen(let_go) | Behaviour::SayWhen(let_go, _) = &behaviour {
                let_go.notified().await;
            }
            // Before the answer is out: whoever got it may send the next at once.
            if !matches!(behaviour, Behaviour::Hang | Behaviour::TakeAndHang) {
                self.state.lock().unwrap().under_way -= 1;
            }
            match behaviour {
                Behaviour::Take | Behaviour::TakeWhen(_) => {
                    let (status, stands) = self.take(&token, &body);
                    let answer =
                        json!({ "approval_id": "appr", "decision_id": "TMEM_1", "status": stands });
                    respond(&mut stream, status, &answer, &[]).await;
                }
                Behaviour::TakeAndWrite(bytes) => {
                    self.take(&token, &body);
                    let _ = stream.write_all(&bytes).await;
                    return;
                }
                Behaviour::TakeAndHang => {
                    self.take(&token, &body);
                    std::future::pending::<()>().await;
                }
                Behaviour::Say(status, answer, headers) => {
                    respond(&mut stream, status, &answer, &headers).await;
                }
                Behaviour::SayWhen(_, status) => {
                    respond(&mut stream, status, &json!({}), &[]).await;
                }
                Behaviour::TakeAndReset => {
                    self.take(&token, &body);
                    return;
                }
                Behaviour::Hang => std::future::pending::<()>().await,
            }
        }
    }

    fn take(&self, token: &str, body: &Value) -> (u16, String) {
        let mut state = self.state.lock().unwrap();
        let word = body["resolution"].as_str().unwrap_or_default().to_owned();
        match state.resolutions.get(token).cloned() {
            None => {
                state.resolutions.insert(token.to_owned(), word.clone());
                (200, word)
            }
            Some(first) => {
                if first != word {
                    state.contradictions += 1;
                }
                (409, first)
            }
        }
    }
}

async fn respond(
    stream: &mut TcpStream,
    status: u16,
    body: &Value,
    headers: &[(&'static str, String)],
) {
    let body = body.to_string();
    let mut head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head += name;
        head += ": ";
        head += value;
        head += "\r\n";
    }
    let _ = stream
        .write_all(format!("{head}\r\n{body}").as_bytes())
        .await;
}

async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Received> {
    let head_end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(buffer[..head_end].to_vec()).ok()?;
    let mut lines = head.split("\r\n");
    let first = lines.next()?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| {
            line.split_once(':')
                .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        })
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
    while buffer.len() < head_end + 4 + length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    let body = buffer[head_end + 4..head_end + 4 + length].to_vec();
    buffer.drain(..head_end + 4 + length);
    let method_and_path = first
        .rsplit_once(' ')
        .map_or(first.clone(), |(start, _)| start.to_owned());
    Some(Received {
        method_and_path,
        headers,
        body,
        at: Instant::now(),
    })
}
