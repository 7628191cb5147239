//! `kill -9` while people vote: a vote that was acknowledged counts, nothing ends twice, and every team hears of every end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::load::{client, deliver, get, request};
use crate::server::{Server, write_config};
use crate::tracemem::TraceMem;

const ROUNDS: u64 = 20;
pub const VOTERS: u64 = 16;
pub const POLICY: &str = r#"package approvals.faults

escalate contains {"reason": "ask", "to": "payments", "votes": input.context.quorum, "within": "30m"} if input.action == "pay"
"#;

/// The team's own tool: it keeps what it hears, or says nothing at all while it is deaf.
#[derive(Clone, Default)]
struct Tool {
    heard: Arc<Mutex<Vec<Value>>>,
    tried: Arc<AtomicU64>,
    deaf: Arc<AtomicBool>,
}

impl Tool {
    async fn open(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/hook", post(hear))
            .with_state(self.clone());
        crate::harness::spawn(async move { axum::serve(listener, router).await.unwrap() });
        url
    }

    /// The cases whose end it heard of.
    fn closed(&self) -> BTreeSet<String> {
        let heard = self.heard.lock().unwrap();
        let closed = heard
            .iter()
            .filter(|event| event["type"] == "escalation.closed");
        closed
            .map(|event| event["data"]["case_id"].as_str().unwrap().to_owned())
            .collect()
    }

    fn asked(&self) -> BTreeSet<String> {
        let heard = self.heard.lock().unwrap();
        heard
            .iter()
            .map(|event| event["data"]["case_id"].as_str().unwrap().to_owned())
            .collect()
    }
}

async fn hear(State(tool): State<Tool>, body: Bytes) -> StatusCode {
    tool.tried.fetch_add(1, Ordering::SeqCst);
    if tool.deaf.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    tool.heard
        .lock()
        .unwrap()
        .push(serde_json::from_slice(&body).unwrap());
    StatusCode::NO_CONTENT
}

/// A vote that was answered with `200`.
struct Acknowledged {
    case: String,
    by: String,
    reason: String,
}

/// Where a server listens, for those who outlive it.
struct Addresses {
    intake: String,
    operators: String,
}

fn key(voter: u64) -> String {
    format!("approver-token-of-voter-{voter}-0123456789")
}

/// The config of the other fault tests with a team of [`VOTERS`] that is told at `hook`.
fn config(folder: &Path, platform: &TraceMem, hook: &str) -> PathBuf {
    let path = write_config(folder, &folder.join("countersign.db"), &platform.url());
    std::fs::write(folder.join("policies/approvals/faults/faults.rego"), POLICY).unwrap();
    let tokens: String = (0..VOTERS)
        .map(|voter| {
            format!(
                "    - {{name: v{voter}, role: approver, teams: [payments], token: {}}}\n",
                key(voter)
            )
        })
        .collect::<Vec<_>>()
        .concat();
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("  tokens:\n", &format!("  tokens:\n{tokens}"));
    let teams = format!(
        "teams:\n  - name: payments\n    webhook: {{url: {hook}, secrets: [whsec_b2xkLXNlY3JldC1vZi10aGUtcGF5bWVudHMtdG9vbC0x]}}\n"
    );
    std::fs::write(&path, text + &teams).unwrap();
    path
}

pub fn asked(number: u64, quorum: u64) -> Value {
    request(number, &json!({"quorum": quorum}))
}

/// Votes on `case` as `voter`; what came back, if anything did.
async fn vote(
    server: &str,
    client: &reqwest::Client,
    case: &Value,
    voter: u64,
    ballot: &str,
    reason: &str,
) -> Option<(u16, Value)> {
    let id = case["case_id"].as_str().unwrap();
    let body = json!({"vote": ballot, "reason": reason, "digest": case["digest"]});
    let request = client
        .post(format!("{server}/v1/cases/{id}/votes"))
        .bearer_auth(key(voter));
    let response = request
        .header("content-type", "application/json")
        .body(body.to_string())
        .send()
        .await
        .ok()?;
    let status = response.status().as_u16();
    let answer = response.bytes().await.ok()?;
    Some((status, serde_json::from_slice(&answer).ok()?))
}

/// Looks until there is something, for at most a minute.
async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        loop {
            ticks.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    };
    let found = tokio::time::timeout(Duration::from_mins(1), looking).await;
    found.unwrap_or_else(|_| panic!("it never came to be that {what}"))
}

/// Asks and votes until nobody answers: each voter on each question, until it is told that the question is over.
async fn vote_until_gone(
    server: &Addresses,
    next: &AtomicU64,
    chance: u64,
    acknowledged: &Mutex<Vec<Acknowledged>>,
) {
    let (client, mut chance) = (client(), fastrand::Rng::with_seed(chance));
    loop {
        let number = next.fetch_add(1, Ordering::SeqCst);
        let Some((status, told)) =
            deliver(&client, &server.intake, &asked(number, chance.u64(2..=5))).await
        else {
            return;
        };
        assert!(status == 200 || status == 503, "{told}");
        let Some(id) = told["case_id"].as_str() else {
            continue;
        };
        let Some(mut file) = get(&client, &format!("{}/v1/cases/{id}", server.operators)).await
        else {
            return;
        };
        file["case_id"] = json!(id);
        let chance = &mut chance;
        let votes = (0..VOTERS).map(|voter| {
            let ballot = if chance.u64(..12) == 0 {
                "reject"
            } else {
                "approve"
            };
            let reason = format!("{voter} says so of {number}");
            let (client, file) = (&client, &file);
            async move {
                let (status, told) =
                    vote(&server.operators, client, file, voter, ballot, &reason).await?;
                match status {
                    200 => acknowledged.lock().unwrap().push(Acknowledged {
                        case: file["case_id"].as_str().unwrap().to_owned(),
                        by: format!("v{voter}"),
                        reason,
                    }),
                    409 => assert_eq!(told["code"], "closed", "{told}"),
                    // It is going down, or nobody can say whether it was written.
                    503 => {}
                    other => panic!("{other}: {told}"),
                }
                Some(())
            }
        });
        let told = futures_util::future::join_all(votes.collect::<Vec<_>>()).await;
        if told.contains(&None) {
            return;
        }
    }
}

/// Every case there is, as `/v1/cases/{id}` shows it.
pub async fn files(server: &Server) -> BTreeMap<String, Value> {
    let client = client();
    let mut files = BTreeMap::new();
    for case in server.cases().await {
        let id = case["case_id"].as_str().unwrap();
        let url = format!("{}/v1/cases/{id}", server.operators);
        files.insert(id.to_owned(), get(&client, &url).await.unwrap());
    }
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn after_twenty_kills_every_acknowledged_vote_counts_and_every_end_is_one_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (platform, tool) = (TraceMem::start().await, Tool::default());
    let config = config(folder.path(), &platform, &tool.open().await);
    let (next, acknowledged) = (AtomicU64::new(0), Mutex::default());
    let mut chance = fastrand::Rng::with_seed(11);
    for round in 0..ROUNDS {
        let mut server = Server::start(&config);
        let life = Duration::from_millis(chance.u64(20..400));
        let (intake, operators) = (server.intake.clone(), server.operators.clone());
        let addresses = Addresses { intake, operators };
        let voting =
            (0..4).map(|lane| vote_until_gone(&addresses, &next, round * 4 + lane, &acknowledged));
        let voting = futures_util::future::join_all(voting);
        server.kill_amid(life, voting).await;
    }
    let server = Server::start(&config);
    let acknowledged = acknowledged.into_inner().unwrap();
    let files = files(&server).await;
    assert!(
        acknowledged.len() > 100,
        "only {} votes were acknowledged",
        acknowledged.len()
    );
    for vote in &acknowledged {
        let file = &files[&vote.case];
        let is_it = |line: &Value| {
            line["detail"]["by"] == vote.by.as_str()
                && line["detail"]["reason"] == vote.reason.as_str()
        };
        let logged = file["timeline"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|line| is_it(line))
            .count();
        assert_eq!(
            logged, 1,
            "{} was acknowledged and is gone: {file}",
            vote.reason
        );
        let kept = file["verdict"]["votes"].as_array().unwrap().iter();
        let kept = kept.filter(|kept| {
            kept["by"] == vote.by.as_str() && kept["reason"] == vote.reason.as_str()
        });
        assert_eq!(kept.count(), 1, "{file}");
    }
    let mut ended = BTreeSet::new();
    for (id, file) in &files {
        let timeline = file["timeline"].as_array().unwrap().iter();
        let ends = timeline.filter(|line| {
            ["resolved", "expired", "superseded"].contains(&line["kind"].as_str().unwrap())
        });
        let resolved = file["verdict"]["resolution"].is_object();
        assert_eq!(ends.count(), usize::from(resolved), "{file}");
        if resolved {
            ended.insert(id.clone());
        }
    }
    assert!(ended.len() > 20, "only {} questions ended", ended.len());
    // What was over before the tool heard of it is no news; of all that it heard of, it hears the end.
    eventually(
        "the team hears of every question that is open",
        async || {
            let heard = tool.asked();
            let mut open = files.keys().filter(|id| !ended.contains(*id));
            open.all(|id| heard.contains(id)).then_some(())
        },
    )
    .await;
    eventually(
        "the team hears every end of what it was asked",
        async || {
            let closed = tool.closed();
            let owed: BTreeSet<String> = tool.asked().intersection(&ended).cloned().collect();
            (closed == owed).then_some(())
        },
    )
    .await;
    assert_eq!(platform.contradictions(), 0);
    server.end_with_a_whole_log(&config);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_the_last_vote_and_its_message_does_not_keep_the_team_from_hearing() {
    let folder = tempfile::tempdir().unwrap();
    let (platform, tool) = (TraceMem::start().await, Tool::default());
    let config = config(folder.path(), &platform, &tool.open().await);
    let client = client();
    let mut server = Server::start(&config);
    let (_, told) = deliver(&client, &server.intake, &asked(1, 2))
        .await
        .unwrap();
    let id = told["case_id"].as_str().unwrap().to_owned();
    eventually("the team is asked", async || {
        tool.asked().contains(&id).then_some(())
    })
    .await;

    // The message is on its way when the process dies: nobody knows whether it arrived.
    tool.deaf.store(true, Ordering::SeqCst);
    let tried = tool.tried.load(Ordering::SeqCst);
    let mut case = get(&client, &format!("{}/v1/cases/{id}", server.operators))
        .await
        .unwrap();
    case["case_id"] = json!(id);
    let (status, told) = vote(
        &server.operators,
        &client,
        &case,
        1,
        "reject",
        "they are closed",
    )
    .await
    .unwrap();
    assert_eq!(status, 200, "{told}");
    eventually("the message is on its way", async || {
        (tool.tried.load(Ordering::SeqCst) > tried).then_some(())
    })
    .await;
    server.kill();
    assert_eq!(tool.closed(), BTreeSet::new());
    tool.deaf.store(false, Ordering::SeqCst);

    let mut server = Server::start(&config);
    eventually("the team hears the end", async || {
        tool.closed().contains(&id).then_some(())
    })
    .await;
    let file = get(&client, &format!("{}/v1/cases/{id}", server.operators))
        .await
        .unwrap();
    assert_eq!(file["verdict"]["resolution"]["outcome"], "rejected");
    assert_eq!(file["verdict"]["resolution"]["by"], "person:v1");
    let (status, late) = vote(&server.operators, &client, &case, 2, "approve", "but")
        .await
        .unwrap();
    assert_eq!(
        (status, late["code"].as_str()),
        (409, Some("closed")),
        "{late}"
    );
    assert!(
        late["detail"].as_str().unwrap().contains("by person:v1"),
        "{late}"
    );
    assert_eq!(server.terminate(), Some(0));
    let heard = tool.heard.lock().unwrap();
    let closed = heard
        .iter()
        .filter(|event| event["type"] == "escalation.closed")
        .count();
    assert_eq!(closed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_the_question_and_its_answer_does_not_keep_the_team_from_hearing_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (platform, tool) = (TraceMem::start().await, Tool::default());
    let config = config(folder.path(), &platform, &tool.open().await);
    let client = client();
    // The tool has the question, and the process dies before it learns so.
    tool.deaf.store(true, Ordering::SeqCst);
    let mut server = Server::start(&config);
    let (_, told) = deliver(&client, &server.intake, &asked(1, 2))
        .await
        .unwrap();
    let id = told["case_id"].as_str().unwrap().to_owned();
    eventually("the question is on its way", async || {
        (tool.tried.load(Ordering::SeqCst) > 0).then_some(())
    })
    .await;
    let mut case = get(&client, &format!("{}/v1/cases/{id}", server.operators))
        .await
        .unwrap();
    case["case_id"] = json!(id);
    let no = vote(&server.operators, &client, &case, 1, "reject", "no").await;
    assert_eq!(no.unwrap().0, 200);
    server.kill();
    tool.deaf.store(false, Ordering::SeqCst);

    let mut server = Server::start(&config);
    eventually("the team hears the end", async || {
        tool.closed().contains(&id).then_some(())
    })
    .await;
    assert_eq!(server.terminate(), Some(0));
    let heard = tool.heard.lock().unwrap();
    assert_eq!(
        heard.len(),
        1,
        "it is not asked about what is over: {heard:?}"
    );
}
