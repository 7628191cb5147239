//! An agentwarden.io over real HTTP that does as it is told, records what it is sent and sends webhooks.
//!
//! Every path, header and field stands on a public page, named beside it: `webhooks` is docs.agentwarden.io's page on
//! webhooks, `AW/x` is docs.agentwarden.io/x. What stands on no page is marked `assumed`; the product has it as
//! configuration.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

use super::api;
use crate::harness::{client, spawn};

/// AW/api-reference/endpoint/authentication: `POST /auth/login {email, password}`.
pub const EMAIL: &str = "approver@example.com";
pub const PASSWORD: &str = "correct-horse-battery-staple";

/// The calls it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    Login,
    Logs,
    Approve,
    Reject,
    Unknown,
}

/// How it treats one call.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// This status, JSON body and headers, and nothing else happens.
    Say(u16, Value, Vec<(&'static str, String)>),
    /// These bytes as a 200.
    Write(Vec<u8>),
    /// As always, when it is let.
    When(Arc<Notify>),
    /// As always, and nobody is told so.
    DoAndHang,
    /// Nothing, for ever.
    Hang,
}

/// One call as it arrived.
#[derive(Debug, Clone)]
pub struct Call {
    pub endpoint: Endpoint,
    pub method: String,
    pub path_and_query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub at: Instant,
}

impl Call {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

#[derive(Clone)]
pub struct AgentWarden {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    seen: watch::Sender<usize>,
}

/// What the platform knows.
pub struct State {
    /// Every log entry, newest first.
    pub records: Vec<Value>,
    pub password: String,
    /// Bearer tokens that are taken, with the second they expire.
    pub tokens: HashMap<String, i64>,
    /// How long the next token lives.
    pub token_lives: i64,
    /// Whether a token is good for anything.
    pub tokens_count: bool,
    pub issued: usize,
    /// `X-RateLimit-Limit`, and the calls of the window so far.
    pub rate_limit: (u64, u64),
    /// `X-RateLimit-Reset`: when the window ends.
    pub resets_at: i64,
    /// Where webhooks go, once it is configured.
    pub webhook: Option<String>,
    calls: Vec<Call>,
    scripts: HashMap<Endpoint, VecDeque<Behaviour>>,
    standing: HashMap<Endpoint, Behaviour>,
    logins_under_way: usize,
    most_logins_under_way: usize,
    /// Ids that were answered more than once.
    pub answered_again: HashSet<String>,
}

impl AgentWarden {
    pub async fn start() -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub async fn start_at(address: SocketAddr) -> Self {
        Self::listen(TcpListener::bind(address).await.unwrap())
    }

    fn listen(listener: TcpListener) -> Self {
        let platform = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::new(Mutex::new(State {
                records: Vec::new(),
                password: PASSWORD.to_owned(),
                tokens: HashMap::new(),
                // AW/api-reference/endpoint/authentication: a token lives for 7 days.
                token_lives: 7 * 24 * 3600,
                tokens_count: true,
                issued: 0,
                // AW/api-reference/introduction: 300 a minute for the management API of the plan Pro.
                rate_limit: (300, 0),
                resets_at: super::seconds() + 60,
                webhook: None,
                calls: Vec::new(),
                scripts: HashMap::new(),
                standing: HashMap::new(),
                logins_under_way: 0,
                most_logins_under_way: 0,
                answered_again: HashSet::new(),
            })),
            seen: watch::Sender::new(0),
        };
        let serving = platform.clone();
        let take = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let platform = serving.clone();
            async move { platform.take(&method, &uri, headers, body).await }
        };
        let router = Router::new().fallback(take);
        spawn(async move { axum::serve(listener, router).await });
        platform
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The next calls to `endpoint` are treated so, one after the other.
    pub fn script(&self, endpoint: Endpoint, behaviours: impl IntoIterator<Item = Behaviour>) {
        let behaviours = behaviours.into_iter().collect();
        self.state().scripts.insert(endpoint, behaviours);
    }

    /// Every call to `endpoint` without a script is treated so from now on.
    pub fn always(&self, endpoint: Endpoint, behaviour: Behaviour) {
        self.state().standing.insert(endpoint, behaviour);
    }

    /// Every call without a script is treated as it should be again.
    pub fn recover(&self) {
        self.state().standing.clear();
    }

    pub fn calls(&self, endpoint: Endpoint) -> Vec<Call> {
        let state = self.state();
        let calls = state.calls.iter().filter(|call| call.endpoint == endpoint);
        calls.cloned().collect()
    }

    pub fn all_calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// The answers that came in, as `approve ID` or `reject ID`, in order.
    pub fn answers(&self) -> Vec<String> {
        let state = self.state();
        let answers = state.calls.iter().filter_map(|call| {
            let (id, word) = api::answered(&call.path_and_query)?;
            Some(format!("{word} {id}"))
        });
        answers.collect()
    }

    /// How many logins were under way at once, at most.
    pub fn most_logins_under_way(&self) -> usize {
        self.state().most_logins_under_way
    }

    /// No token that was given out is good any more.
    pub fn forget_tokens(&self) {
        self.state().tokens.clear();
    }

    /// The status that a record has.
    pub fn status_of(&self, id: &str) -> Value {
        let state = self.state();
        let record = state.records.iter().find(|record| record["id"] == id);
        record.unwrap()["status"].clone()
    }

    pub fn change(&self, id: &str, change: impl FnOnce(&mut Value)) {
        let mut state = self.state();
        let mut records = state.records.iter_mut();
        change(records.find(|record| record["id"] == id).unwrap());
    }

    pub fn forget(&self, id: &str) {
        self.state().records.retain(|record| record["id"] != id);
    }

    /// Waits until `count` calls to `endpoint` have come in.
    pub async fn wait_for(&self, endpoint: Endpoint, count: usize) -> Vec<Call> {
        let mut seen = self.seen.subscribe();
        let waiting = seen.wait_for(|_| self.calls(endpoint).len() >= count);
        let waited = tokio::time::timeout(Duration::from_secs(30), waiting).await;
        let Ok(waited) = waited.map(|waited| waited.is_ok()) else {
            panic!(
                "waited for {count} calls to {endpoint:?}, got {:?}",
                self.all_calls()
            );
        };
        assert!(waited);
        self.calls(endpoint)
    }

    async fn take(&self, method: &Method, uri: &Uri, headers: HeaderMap, body: Bytes) -> Response {
        let endpoint = api::endpoint(method, uri.path());
        let behaviour = {
            let mut state = self.state();
            state.calls.push(Call {
                endpoint,
                method: method.to_string(),
                path_and_query: uri.to_string(),
                headers: headers.clone(),
                body: body.clone(),
                at: Instant::now(),
            });
            if endpoint == Endpoint::Login {
                state.logins_under_way += 1;
                state.most_logins_under_way =
                    state.most_logins_under_way.max(state.logins_under_way);
            }
            let scripted = state
                .scripts
                .get_mut(&endpoint)
                .and_then(VecDeque::pop_front);
            scripted.or_else(|| state.standing.get(&endpoint).cloned())
        };
        self.seen.send_modify(|seen| *seen += 1);
        if let Some(Behaviour::When(let_go)) = &behaviour {
            let_go.notified().await;
        }
        if let Some(Behaviour::Hang) = &behaviour {
            std::future::pending::<()>().await;
        }
        if endpoint == Endpoint::Login {
            self.state().logins_under_way -= 1;
        }
        match behaviour {
            None | Some(Behaviour::When(_) | Behaviour::Hang) => {
                self.treat(endpoint, uri, &headers, &body)
            }
            Some(Behaviour::DoAndHang) => {
                self.treat(endpoint, uri, &headers, &body);
                std::future::pending().await
            }
            Some(Behaviour::Say(status, body, headers)) => respond(status, &body, &headers),
            Some(Behaviour::Write(bytes)) => Response::new(Body::from(bytes)),
        }
    }

    fn treat(&self, endpoint: Endpoint, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Response {
        let mut state = self.state();
        let treated = match endpoint {
            Endpoint::Login => state.log_in(body),
            Endpoint::Logs | Endpoint::Approve | Endpoint::Reject => match state.admit(headers) {
                Err(refused) => *refused,
                Ok(()) if endpoint == Endpoint::Logs => state.list(uri),
                Ok(()) => state.resolve(uri),
            },
            Endpoint::Unknown => api::Treated::say(404, json!({"detail": "Not Found"})),
        };
        if let (Some(event), Some(url)) = (treated.event, state.webhook.clone()) {
            spawn(async move { deliver_with_retries(&url, event).await });
        }
        // AW/api-reference/introduction: these three on every call; the last in Unix seconds.
        let (limit, used) = state.rate_limit;
        let rate = [
            ("x-ratelimit-limit", limit.to_string()),
            (
                "x-ratelimit-remaining",
                limit.saturating_sub(used).to_string(),
            ),
            ("x-ratelimit-reset", state.resets_at.to_string()),
        ];
        respond(treated.status, &treated.body, &rate)
    }

    /// Sends one webhook, once, and returns what it was told.
    pub async fn deliver(&self, event: &Value) -> (u16, Value) {
        let url = self.state().webhook.clone().unwrap();
        deliver(&url, serde_json::to_string_pretty(event).unwrap()).await
    }
}

/// `webhooks`: POST, JSON, and the one header `User-Agent: AgentWarden-Webhook/1.0`. No signature, no time, no id.
pub async fn deliver(url: &str, body: String) -> (u16, Value) {
    let request = client()
        .post(url)
        .header("user-agent", "AgentWarden-Webhook/1.0")
        .header("content-type", "application/json");
    crate::harness::answer(request.body(body).send().await.unwrap()).await
}

/// `webhooks`: a failed delivery is tried again up to three times, with growing pauses. Assumed: how long they are.
async fn deliver_with_retries(url: &str, event: Value) {
    let body = serde_json::to_string_pretty(&event).unwrap();
    for attempt in 0..4_u32 {
        if deliver(url, body.clone()).await.0 == 200 {
            return;
        }
        let pause = Duration::from_millis(100 * 2_u64.pow(attempt));
        tokio::time::sleep(pause).await;
    }
}

pub fn respond(status: u16, body: &Value, headers: &[(&'static str, String)]) -> Response {
    let mut response = Response::builder()
        .status(status)
        .header("content-type", "application/json");
    for (name, value) in headers {
        response = response.header(*name, value);
    }
    response.body(Body::from(body.to_string())).unwrap()
}
