//! `kill -9` while people vote by forms in Slack: a form that closed counts.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::Path as Method;
use axum::routing::post;
use axum::{Json, Router};
use countersign::clock::Clock;
use countersign::identity::{Purpose, Seal};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::SignedDuration;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;

use crate::load::{client, deliver, get};
use crate::server::{Server, write_config};
use crate::tracemem::TraceMem;
use crate::votes::{POLICY, VOTERS, asked, files};

const ROUNDS: u64 = 10;
const LANES: u64 = 3;
/// What the forms are sealed with.
const KEY: [u8; 32] = [7; 32];
const SIGNING: &str = "signing-secret-of-the-app-0123456789";

/// A Slack whose members are the voters, and that takes whatever it is given.
async fn slack() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api", listener.local_addr().unwrap());
    let router = Router::new().route("/api/{method}", post(answer));
    crate::harness::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

async fn answer(Method(method): Method<String>, body: String) -> Json<Value> {
    Json(match method.as_str() {
        "auth.test" => json!({ "ok": true, "team_id": "T0OURS" }),
        "users.info" => {
            let id = body.strip_prefix("user=").unwrap();
            let email = format!("{}@example.com", id.to_lowercase());
            json!({ "ok": true, "user": {
                "id": id, "team_id": "T0OURS", "deleted": false, "is_bot": false, "is_restricted": false,
                "is_ultra_restricted": false, "profile": { "email": email },
            } })
        }
        _ => json!({ "ok": true, "channel": "C0PAY", "ts": "1.1" }),
    })
}

fn config(folder: &Path, platform: &TraceMem, slack: &str) -> PathBuf {
    let path = write_config(folder, &folder.join("countersign.db"), &platform.url());
    std::fs::write(folder.join("policies/approvals/faults/faults.rego"), POLICY).unwrap();
    let key = hex::encode(KEY);
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace(
        "  tokens:\n",
        &format!("  session: {{key: \"{key}\"}}\n  tokens:\n"),
    );
    let members: Vec<String> = (0..VOTERS)
        .map(|voter| format!("u{voter}@example.com"))
        .collect();
    let teams = format!(
        "teams:\n  - {{name: payments, members: [{}], slack: {{channel: C0PAY}}}}\nslack: {{api_url: {slack}, token: xoxb-token-of-the-bot-0123456789, signing_secrets: [{SIGNING}]}}\n",
        members.join(", ")
    );
    std::fs::write(&path, text + &teams).unwrap();
    path
}

/// What Slack sends of the form in which `voter` says why.
fn form(file: &Value, voter: u64, ballot: &str, reason: &str) -> String {
    let id = file["case_id"].as_str().unwrap();
    let user = format!("U{voter}");
    let until = Clock.now() + SignedDuration::from_hours(1);
    let carried = json!({
        "choice": { "case": id, "shown": file["digest"], "vote": ballot, "team": "payments" },
        "place": { "channel": "C0PAY", "ts": "1.1" }, "user": user,
    });
    let sealed = Seal::new(&KEY).seal(Purpose::SlackForm, &carried, until);
    let payload = json!({
        "type": "view_submission", "team": { "id": "T0OURS" }, "user": { "id": user, "team_id": "T0OURS" },
        "view": {
            "callback_id": "countersign_vote", "private_metadata": format!("{id}.{}", sealed.unwrap()),
            "state": { "values": { "reason": { "reason": { "value": reason } } } },
        },
    });
    form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", &payload.to_string())
        .finish()
}

/// Slack sends `body`; the status and the answer, if one came.
async fn send(intake: &str, client: &reqwest::Client, body: String) -> Option<(u16, String)> {
    let stamp = Clock.now().as_second();
    let mut mac = Hmac::<Sha256>::new_from_slice(SIGNING.as_bytes()).unwrap();
    mac.update(format!("v0:{stamp}:{body}").as_bytes());
    let signature = format!("v0={}", hex::encode(mac.finalize().into_bytes()));
    let request = client
        .post(format!("{intake}/v1/slack/interactions"))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-slack-request-timestamp", stamp)
        .header("x-slack-signature", signature);
    let response = request.body(body).send().await.ok()?;
    let status = response.status().as_u16();
    Some((status, response.text().await.ok()?))
}

/// Asks and votes until nobody answers. `closed` has the case, and the reason in each form that closed.
async fn vote_until_gone(
    (intake, operators): (&str, &str),
    next: &AtomicU64,
    closed: &Mutex<Vec<(String, String)>>,
) {
    let client = client();
    loop {
        let number = next.fetch_add(1, Ordering::SeqCst);
        let Some((status, told)) = deliver(&client, intake, &asked(number, 5)).await else {
            return;
        };
        assert!(status == 200 || status == 503, "{told}");
        let Some(id) = told["case_id"].as_str() else {
            continue;
        };
        let Some(mut file) = get(&client, &format!("{operators}/v1/cases/{id}")).await else {
            return;
        };
        file["case_id"] = json!(id);
        let votes = (0..VOTERS).map(|voter| {
            let reason = format!("{voter} says so of {number}");
            let body = form(&file, voter, "approve", &reason);
            let client = &client;
            async move {
                let (status, told) = send(intake, client, body).await?;
                match (status, told.as_str()) {
                    (200, "") => closed.lock().unwrap().push((id.to_owned(), reason)),
                    // It was decided before, or takes too long.
                    (200, said) => assert!(
                        said.contains("decided before") || said.contains("still being counted"),
                        "{said}"
                    ),
                    (status, said) => assert_eq!(status, 503, "{said}"),
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

#[tokio::test(flavor = "multi_thread")]
async fn after_ten_kills_every_form_in_slack_that_closed_counts() {
    let folder = tempfile::tempdir().unwrap();
    let platform = TraceMem::start().await;
    let config = config(folder.path(), &platform, &slack().await);
    let (next, closed) = (AtomicU64::new(0), Mutex::default());
    let mut chance = fastrand::Rng::with_seed(13);
    for _ in 0..ROUNDS {
        let mut server = Server::start(&config);
        let life = Duration::from_millis(chance.u64(50..500));
        let (intake, operators) = (server.intake.clone(), server.operators.clone());
        let voting = (0..LANES).map(|_| vote_until_gone((&intake, &operators), &next, &closed));
        let voting = futures_util::future::join_all(voting);
        server.kill_amid(life, voting).await;
    }
    let server = Server::start(&config);
    let (closed, files) = (closed.into_inner().unwrap(), files(&server).await);
    assert!(closed.len() > 20, "only {} forms closed", closed.len());
    for (case, reason) in &closed {
        let lines = files[case]["timeline"].as_array().unwrap().iter();
        let logged = lines.filter(|line| line["detail"]["reason"] == reason.as_str());
        assert_eq!(logged.count(), 1, "{reason} closed, and is gone: {case}");
    }
    assert_eq!(platform.contradictions(), 0);
    server.end_with_a_whole_log(&config);
}
