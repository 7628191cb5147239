//! A team's own tool is told: signed with every secret there is, with one id for one message, and nowhere but where the
//! config says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::IntoResponse as _;
use axum::routing::post;
use countersign::clock::Clock;
use countersign::domain::notice::{ChannelName, Occasion};
use countersign::notify::{Channel, Telling, WebhookChannel, WebhookSettings};
use countersign::source::{Client, Timeouts, WebUrl};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::net::TcpListener;

use super::house::{House, TOOL, secret};
use crate::harness::{ADMIN, eventually, spawn};

/// What the tool answers.
type Answer = (u16, Vec<(&'static str, &'static str)>, String);

/// A tool that keeps what it is told, and answers as it is told to.
#[derive(Clone, Default)]
struct Console {
    heard: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
}

impl Console {
    async fn open(&self) -> String {
        self.open_at("127.0.0.1:0").await
    }

    async fn open_at(&self, address: &str) -> String {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/hook", post(hear))
            .with_state(self.clone());
        spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}/hook")
    }

    fn answer(&self, status: u16, headers: &[(&'static str, &'static str)], body: &str) {
        let answer = (status, headers.to_vec(), body.to_owned());
        self.answers.lock().unwrap().push_back(answer);
    }

    fn heard(&self) -> Vec<(HeaderMap, Bytes)> {
        self.heard.lock().unwrap().clone()
    }
}

async fn hear(
    State(console): State<Console>,
    headers: HeaderMap,
    body: Bytes,
) -> axum::response::Response {
    console.heard.lock().unwrap().push((headers, body));
    let answer = console.answers.lock().unwrap().pop_front();
    let (status, headers, body) = answer.unwrap_or_default();
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::NO_CONTENT);
    let mut response = (status, body).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

fn channel(url: &str) -> WebhookChannel {
    let settings = WebhookSettings {
        url: WebUrl::parse(url).unwrap(),
        secrets: TOOL.iter().map(|text| secret(text)).collect(),
        decisions: None,
    };
    let client = Client::new(Timeouts::within(Duration::from_secs(5))).unwrap();
    WebhookChannel::new(
        ChannelName::new("payments", "webhook"),
        settings,
        client,
        Clock,
    )
}

/// The body, once either secret has proven it.
fn verified((headers, body): &(HeaderMap, Bytes)) -> Value {
    for secret in TOOL {
        Webhook::new(secret).unwrap().verify(body, headers).unwrap();
    }
    serde_json::from_slice(body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_hears_all_of_a_case_and_either_secret_proves_it() {
    let house = House::told_by(&["webhook"]).await;
    let console = Console::default();
    let url = console.open().await;
    house.herald(Arc::new(channel(&url)));
    let case = house.asked(1).await;
    let heard = async |count: usize| {
        eventually("the tool hears it", async || {
            let heard = console.heard();
            (heard.len() >= count).then(|| heard.iter().map(verified).collect::<Vec<_>>())
        })
        .await
    };
    let asked = heard(1).await.remove(0);
    assert_eq!(asked["type"], "escalation.asked");
    assert_eq!(asked["data"]["case_id"], case.as_str());
    assert_eq!(asked["data"]["team"], "payments");
    assert_eq!(
        asked["data"]["digest"],
        house.server.case(&case).await["digest"]
    );
    assert_eq!(asked["data"]["question"]["votes"], 2);
    assert_eq!(asked["data"]["link"], format!("{}/cases/{case}", house.url));
    assert!(asked["timestamp"].is_string());

    house
        .server
        .vote(crate::harness::APPROVER, &case, "approve", "x")
        .await;
    assert_eq!(heard(2).await[1]["type"], "escalation.voted");
    house.server.vote(ADMIN, &case, "reject", "never").await;
    let closed = heard(3).await.remove(2);
    assert_eq!(closed["type"], "escalation.closed");
    assert_eq!(closed["data"]["ending"]["by"], "alice");
    assert_eq!(closed["data"]["ending"]["outcome"], "rejected");
    let ids: Vec<_> = console
        .heard()
        .iter()
        .map(|(headers, _)| headers["webhook-id"].clone())
        .collect();
    assert!(ids[0] != ids[1] && ids[1] != ids[2], "{ids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_has_one_id_however_often_it_is_sent() {
    let house = House::told_by(&[]).await;
    let case = house.asked(1).await;
    let message = house.message(&case, Occasion::Asked).await;
    let console = Console::default();
    let channel = channel(&console.open().await);
    for (status, headers, after) in [
        (503, vec![], None),
        (
            429,
            vec![("retry-after", "7")],
            Some(Duration::from_secs(7)),
        ),
        (404, vec![], None),
    ] {
        console.answer(status, &headers, "");
        match channel.tell(&message).await {
            Telling::Retry {
                after: told, error, ..
            } => {
                assert_eq!(told, after);
                assert!(error.contains(&status.to_string()), "{error}");
            }
            other @ (Telling::NoNews | Telling::Told { .. } | Telling::Failed { .. }) => {
                panic!("{status}: {other:?}")
            }
        }
    }
    let told = channel.tell(&message).await;
    let handle = Some(message.id.clone());
    assert_eq!(told, Telling::Told { handle });
    let heard = console.heard();
    assert_eq!(heard.len(), 4);
    for attempt in &heard {
        verified(attempt);
        assert_eq!(attempt.0["webhook-id"], message.id.as_str());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_is_gone_or_somewhere_else_is_not_told_and_gets_no_secret_into_our_error() {
    let house = House::told_by(&[]).await;
    let case = house.asked(1).await;
    let message = house.message(&case, Occasion::Asked).await;
    let (console, elsewhere) = (Console::default(), Console::default());
    let channel = channel(&console.open().await);
    let there = elsewhere.open().await.leak();
    console.answer(410, &[], "");
    console.answer(307, &[("location", there)], "");
    console.answer(302, &[("location", there)], "");
    for _ in 0..3 {
        let told = channel.tell(&message).await;
        assert!(matches!(told, Telling::Failed { .. }), "{told:?}");
    }
    assert!(elsewhere.heard().is_empty());
    let quoting = format!("{{\"message\": \"bad secret {}\"}}", TOOL[0]);
    console.answer(500, &[("content-type", "application/json")], &quoting);
    match channel.tell(&message).await {
        Telling::Retry { error, .. } => assert!(!error.contains("whsec_"), "{error}"),
        other @ (Telling::NoNews | Telling::Told { .. } | Telling::Failed { .. }) => {
            panic!("{other:?}")
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_is_not_told_the_end_of_a_question_that_it_was_not_told_of() {
    let house = House::told_by(&["webhook"]).await;
    let case = house.asked(1).await;
    house.server.vote(ADMIN, &case, "reject", "never").await;
    let console = Console::default();
    house.herald(Arc::new(channel(&console.open().await)));
    house.all_is_told().await;
    assert!(console.heard().is_empty());
    assert_eq!(house.attempts(&case).await, Vec::<String>::new());
    house.asked(2).await;
    eventually("the tool hears of the next", async || {
        (!console.heard().is_empty()).then_some(())
    })
    .await;
    assert_eq!(verified(&console.heard()[0])["type"], "escalation.asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_whose_answer_to_the_question_was_lost_is_told_the_end() {
    let house = House::told_by(&["webhook"]).await;
    let console = Console::default();
    // It shows the question, and then fails.
    console.answer(500, &[("retry-after", "2")], "");
    house.herald(Arc::new(channel(&console.open().await)));
    let case = house.asked(1).await;
    eventually("the tool is asked", async || {
        (console.heard().len() == 1).then_some(())
    })
    .await;
    house.server.vote(ADMIN, &case, "reject", "never").await;
    house.all_is_told().await;
    let heard: Vec<Value> = console.heard().iter().map(verified).collect();
    let heard: Vec<&Value> = heard.iter().map(|event| &event["type"]).collect();
    assert_eq!(heard, ["escalation.asked", "escalation.closed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_nothing_could_reach_is_not_told_the_end() {
    let house = House::told_by(&["webhook"]).await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    house.herald(Arc::new(channel(&format!("http://{address}/hook"))));
    let case = house.asked(1).await;
    eventually("the tool is tried", async || {
        (!house.attempts(&case).await.is_empty()).then_some(())
    })
    .await;
    house.server.vote(ADMIN, &case, "reject", "never").await;
    let console = Console::default();
    console.open_at(&address).await;
    house.all_is_told().await;
    assert!(console.heard().is_empty());
    let attempts = house.attempts(&case).await;
    let failed = |attempt: &String| attempt == "attempt_failed asked";
    assert!(attempts.iter().all(failed), "{attempts:?}");
}
