//! A Slack that does as it is told: it checks the token and the shape of every call, keeps the messages, and fails as
//! the test scripts.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::limits;
use crate::harness::{eventually, spawn};

pub const TOKEN: &str = "xoxb-token-of-the-bot-0123456789";
pub const WORKSPACE: &str = "T0OURS";

/// How Slack treats one call.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// This status, these headers and this body, and nothing is done.
    Say(u16, Vec<(&'static str, String)>, Value),
    /// It is done, and the answer is lost.
    DoAndLose,
}

/// A message as it stands.
#[derive(Debug, Clone)]
pub struct Posted {
    pub channel: String,
    pub ts: String,
    pub thread: Option<String>,
    pub body: Value,
    pub updates: usize,
}

/// What one person was told.
#[derive(Debug, Clone)]
pub struct Whisper {
    pub user: String,
    pub text: String,
    /// What a phone shows of it.
    pub notification: String,
    /// Where its button leads.
    pub link: Option<String>,
}

#[derive(Default)]
struct Kept {
    messages: Vec<Posted>,
    whispers: Vec<Whisper>,
    views: Vec<(String, Value)>,
    users: BTreeMap<String, Value>,
    scripts: HashMap<String, VecDeque<Behaviour>>,
    calls: Vec<String>,
    faults: Vec<String>,
    down: bool,
    held: BTreeSet<String>,
}

#[derive(Clone)]
pub struct Slack {
    address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
    released: Arc<Notify>,
}

impl Slack {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let slack = Self {
            address: listener.local_addr().unwrap(),
            kept: Arc::default(),
            released: Arc::default(),
        };
        let router = Router::new()
            .route("/api/{method}", axum::routing::post(serve))
            .with_state(slack.clone());
        spawn(async move { axum::serve(listener, router).await.unwrap() });
        slack
    }

    pub fn api_url(&self) -> String {
        format!("http://{}/api", self.address)
    }

    /// A full member of the workspace with this address.
    pub fn member(&self, id: &str, email: &str) {
        self.user(id, json!({ "profile": { "email": email } }));
    }

    /// A member of whom Slack says this beside what it says of everybody.
    pub fn user(&self, id: &str, said: Value) {
        let mut user = json!({
            "id": id, "team_id": WORKSPACE, "deleted": false, "is_bot": false, "is_restricted": false,
            "is_ultra_restricted": false, "updated": 1_502_138_686, "profile": {},
        });
        let Value::Object(said) = said else { panic!() };
        user.as_object_mut().unwrap().extend(said);
        self.kept.lock().unwrap().users.insert(id.to_owned(), user);
    }

    /// The next calls of `method` are treated so.
    pub fn script(&self, method: &str, behaviours: impl IntoIterator<Item = Behaviour>) {
        let mut kept = self.kept.lock().unwrap();
        let script = kept.scripts.entry(method.to_owned()).or_default();
        script.extend(behaviours);
    }

    /// From now on calls of `method` wait, and are done when they are released.
    pub fn hold(&self, method: &str) {
        self.kept.lock().unwrap().held.insert(method.to_owned());
    }

    /// No call waits any more.
    pub fn release(&self) {
        self.kept.lock().unwrap().held.clear();
        self.released.notify_waiters();
    }

    /// Returns when `method` was called this often.
    pub async fn called(&self, method: &str, times: usize) {
        eventually(&format!("{method} is called"), async || {
            (self.calls(method) >= times).then_some(())
        })
        .await;
    }

    /// From now on every call fails, or none does.
    pub fn is_down(&self, down: bool) {
        self.kept.lock().unwrap().down = down;
    }

    /// Somebody deletes the message.
    pub fn delete(&self, ts: &str) {
        let mut kept = self.kept.lock().unwrap();
        kept.messages.retain(|message| message.ts != ts);
    }

    pub fn messages(&self) -> Vec<Posted> {
        self.kept.lock().unwrap().messages.clone()
    }

    pub fn whispers(&self) -> Vec<Whisper> {
        self.kept.lock().unwrap().whispers.clone()
    }

    pub fn views(&self) -> Vec<(String, Value)> {
        self.kept.lock().unwrap().views.clone()
    }

    pub fn calls(&self, method: &str) -> usize {
        let kept = self.kept.lock().unwrap();
        kept.calls.iter().filter(|call| *call == method).count()
    }

    /// The first message that is as `wanted`, once there is one.
    pub async fn message(&self, what: &str, wanted: impl Fn(&Posted) -> bool) -> Posted {
        eventually(what, async || {
            self.messages().into_iter().find(|message| wanted(message))
        })
        .await
    }

    /// What `user` is told, the `number`th time, from 1.
    pub async fn told(&self, user: &str, number: usize) -> String {
        eventually(&format!("{user} is told {number} times"), async || {
            let whispers = self.whispers().into_iter();
            let mut theirs = whispers.filter(|whisper| whisper.user == user);
            theirs.nth(number - 1).map(|whisper| whisper.text)
        })
        .await
    }

    /// What was wrong with the calls: a token, a form, or a block.
    pub fn faults(&self) -> Vec<String> {
        self.kept.lock().unwrap().faults.clone()
    }
}

impl Posted {
    /// The buttons by their action.
    pub fn button(&self, action: &str) -> Option<Value> {
        let blocks = self.body["blocks"].as_array().unwrap();
        let elements = blocks
            .iter()
            .filter_map(|block| block["elements"].as_array());
        elements
            .flatten()
            .find(|element| element["action_id"] == action)
            .cloned()
    }

    pub fn has_buttons(&self) -> bool {
        self.button("countersign_approve").is_some() || self.button("countersign_reject").is_some()
    }

    /// All that can be read on it.
    pub fn shows(&self, text: &str) -> bool {
        self.body["blocks"].to_string().contains(text)
    }
}

async fn serve(
    State(slack): State<Slack>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let scripted = {
        let mut kept = slack.kept.lock().unwrap();
        kept.calls.push(method.clone());
        if kept.down {
            return (StatusCode::SERVICE_UNAVAILABLE, "down").into_response();
        }
        kept.scripts.get_mut(&method).and_then(VecDeque::pop_front)
    };
    if let Some(Behaviour::Say(status, headers, body)) = &scripted {
        let mut response = axum::Json(body).into_response();
        *response.status_mut() = StatusCode::from_u16(*status).unwrap();
        for (name, value) in headers {
            response.headers_mut().insert(*name, value.parse().unwrap());
        }
        return response;
    }
    loop {
        let released = slack.released.notified();
        tokio::pin!(released);
        released.as_mut().enable();
        let held = slack.kept.lock().unwrap().held.contains(&method);
        if !held {
            break;
        }
        released.await;
    }
    let answer = slack.answer(&method, &headers, &body);
    match scripted {
        Some(Behaviour::DoAndLose) => (StatusCode::BAD_GATEWAY, "lost").into_response(),
        _ => axum::Json(answer).into_response(),
    }
}

fn error(word: &str) -> Value {
    json!({ "ok": false, "error": word })
}

impl Slack {
    fn answer(&self, method: &str, headers: &HeaderMap, body: &[u8]) -> Value {
        let mut kept = self.kept.lock().unwrap();
        if headers["authorization"] != format!("Bearer {TOKEN}") {
            kept.faults.push(format!("{method}: wrong token"));
            return error("invalid_auth");
        }
        let kind = headers["content-type"].to_str().unwrap();
        if matches!(method, "auth.test" | "users.info") {
            assert_eq!(kind, "application/x-www-form-urlencoded");
            let user = body
                .strip_prefix(b"user=")
                .map(|id| String::from_utf8(id.to_vec()).unwrap());
            return match user {
                None => {
                    json!({ "ok": true, "team_id": WORKSPACE, "user_id": "U0BOT", "bot_id": "B0BOT" })
                }
                Some(id) => match kept.users.get(&id) {
                    Some(user) => json!({ "ok": true, "user": user }),
                    None => error("user_not_found"),
                },
            };
        }
        assert_eq!(kind, "application/json; charset=utf-8");
        let body: Value = serde_json::from_slice(body).unwrap();
        let faults = limits::faults(method, &body);
        if !faults.is_empty() {
            kept.faults.extend(faults);
            return error("invalid_blocks");
        }
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        match method {
            "chat.postMessage" => {
                if !text("channel").starts_with("C0") {
                    return error("channel_not_found");
                }
                let ts = format!("1700000000.{:06}", kept.calls.len());
                kept.messages.push(Posted {
                    channel: text("channel"),
                    ts: ts.clone(),
                    thread: body["thread_ts"].as_str().map(str::to_owned),
                    body: body.clone(),
                    updates: 0,
                });
                json!({ "ok": true, "channel": text("channel"), "ts": ts, "message": { "blocks": body["blocks"] } })
            }
            "chat.update" => {
                let (channel, ts) = (text("channel"), text("ts"));
                let mut messages = kept.messages.iter_mut();
                match messages.find(|message| message.channel == channel && message.ts == ts) {
                    Some(message) => {
                        message.body = body;
                        message.updates += 1;
                        json!({ "ok": true, "channel": channel, "ts": ts })
                    }
                    None => error("message_not_found"),
                }
            }
            "chat.postEphemeral" => {
                let said = body["blocks"][0]["text"]["text"]
                    .as_str()
                    .unwrap()
                    .to_owned();
                kept.whispers.push(Whisper {
                    user: text("user"),
                    text: said,
                    notification: text("text"),
                    link: body["blocks"][1]["elements"][0]["url"]
                        .as_str()
                        .map(str::to_owned),
                });
                json!({ "ok": true, "message_ts": "1700000001.000001" })
            }
            "views.open" => {
                kept.views.push((text("trigger_id"), body["view"].clone()));
                json!({ "ok": true, "view": { "id": "V0VIEW" } })
            }
            _ => error("unknown_method"),
        }
    }
}
