//! What changes something: through the operators' API of a real server, in the name of a person.

use std::net::SocketAddr;
use std::path::Path;

use countersign::app::{App, Options, Seen};
use countersign::clock::Clock;
use countersign::config::{Config, LogFormat};
use countersign::telemetry::DecisionLines;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::desk::{Ran, program};

const POLICY: &str = r#"package approvals.refunds

# METADATA
# title: Small refund
approve contains "it is small" if {
	input.action == "stripe.refund"
	input.context.amount > 0
	input.context.amount < 100
}

# METADATA
# title: Two people
escalate contains {"reason": "it is a payout", "to": "payments", "votes": 2, "within": "30m"} if {
	input.action == "stripe.payout"
}
"#;

/// A server with agents at its own API and three people.
struct Server {
    folder: tempfile::TempDir,
    intake: SocketAddr,
    operators: SocketAddr,
    agents: reqwest::Client,
    stop: tokio_util::sync::DropGuard,
}

impl Server {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("policies")).unwrap();
        std::fs::write(folder.path().join("policies/refunds.rego"), POLICY).unwrap();
        let config = written(folder.path(), 0);
        // The lines are tested on their own; here they would only be noise.
        let lines = DecisionLines::to(LogFormat::Json, Box::new(std::io::sink()));
        let options = Options {
            seen: Seen::AsService(lines),
            ..Options::default()
        };
        let app = App::open(config, options).await.unwrap();
        let addresses = app.addresses();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        #[expect(clippy::disallowed_methods, reason = "a server of the test's own")]
        tokio::spawn(async move { app.run(stopped).await });
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            folder,
            intake: addresses.intake,
            operators: addresses.operators,
            agents: reqwest::Client::builder().no_proxy().build().unwrap(),
            stop: stop.drop_guard(),
        }
    }

    /// Asks, and returns the verdict.
    async fn ask(&self, action: &str, amount: u32) -> Value {
        let body = json!({"id": format!("{action}-{amount}"), "action": action, "context": {"amount": amount}});
        let asked = self
            .agents
            .post(format!("http://{}/v1/requests", self.intake))
            .bearer_auth("token-of-the-agent-0123456789")
            .header("content-type", "application/json")
            .body(body.to_string());
        serde_json::from_str(&asked.send().await.unwrap().text().await.unwrap()).unwrap()
    }

    /// What the agent is told about a case.
    async fn told(&self, case: &str) -> Value {
        let asked = self
            .agents
            .get(format!("http://{}/v1/requests/{case}", self.intake))
            .bearer_auth("token-of-the-agent-0123456789");
        serde_json::from_str(&asked.send().await.unwrap().text().await.unwrap()).unwrap()
    }

    fn run(&self, person: &str, arguments: &[&str]) -> Ran {
        let output = program()
            .args(arguments)
            .current_dir(self.folder.path())
            .env("COUNTERSIGN_URL", format!("http://{}", self.operators))
            .env("COUNTERSIGN_TOKEN", token(person))
            .output()
            .unwrap();
        Ran::of(&output)
    }
}

fn token(person: &str) -> String {
    format!("token-of-{person}-0123456789")
}

/// The config of a server whose operators' API is at `port`.
fn written(folder: &Path, port: u16) -> Config {
    let people: Vec<Value> = [
        ("alice", "admin"),
        ("bob", "approver"),
        ("victor", "viewer"),
    ]
    .iter()
    .map(|(name, role)| json!({"name": name, "role": role, "token": token(name)}))
    .collect();
    let config = json!({
        "mode": "enforce",
        "listen": "127.0.0.1:0",
        "operators": {"listen": format!("127.0.0.1:{port}"), "tokens": people},
        "policies": {"path": "policies"},
        "store": "sqlite://countersign.db",
        "sources": [{
            "name": "agents", "kind": "http",
            "tokens": [{"agent": "billing-bot", "token": "token-of-the-agent-0123456789"}],
        }],
    });
    let path = folder.join("countersign.yaml");
    std::fs::write(&path, config.to_string()).unwrap();
    Config::load(&path, &|_| None, Clock.now()).unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_approve_and_the_third_is_told_who_did() {
    let server = Server::start().await;
    let asked = server.ask("stripe.payout", 500).await;
    let case = asked["case_id"].as_str().unwrap();
    let short: String = case.chars().take(13).collect();

    let first = server.run("alice", &["approve", &short, "--reason", "I know them"]);
    assert_eq!(
        (first.status, first.out.as_str()),
        (0, "your vote counts; 1 of 2, the case stays open\n"),
        "{first:?}"
    );
    assert!(
        first.err.contains("stripe.payout by billing-bot") && first.err.contains("amount 500"),
        "{first:?}"
    );
    assert_eq!(server.told(case).await["state"], "open");

    let second = server
        .run(
            "bob",
            &["approve", case, "--reason", "me too", "--format", "json"],
        )
        .json();
    assert_eq!(second["resolution"]["outcome"], "approved");
    assert_eq!(server.told(case).await["resolution"]["outcome"], "approved");

    let late = server.run("alice", &["reject", case, "--reason", "wait"]);
    assert_eq!((late.status, late.out.as_str()), (2, ""));
    assert!(late.err.contains("was approved by person:bob"), "{late:?}");
    let page = server.run("alice", &["cases", case]);
    assert!(
        page.out.contains("I know them") && page.out.contains("me too"),
        "{page:?}"
    );
    drop(server.stop);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vote_on_something_else_than_was_reviewed_does_not_count() {
    let server = Server::start().await;
    let asked = server.ask("stripe.payout", 500).await;
    let case = asked["case_id"].as_str().unwrap();
    let pinned = server.run(
        "alice",
        &[
            "approve",
            case,
            "--reason",
            "ok",
            "--digest",
            "0123456789abcdef",
        ],
    );
    assert_eq!(pinned.status, 2, "{pinned:?}");
    assert!(
        pinned.err.contains("is not what you reviewed any more"),
        "{pinned:?}"
    );
    let shown = server
        .run("alice", &["cases", case, "--format", "json"])
        .json();
    assert_eq!(shown["verdict"]["votes"], json!([]));

    let digest = shown["digest"].as_str().unwrap();
    let good = server.run(
        "alice",
        &["approve", case, "--reason", "ok", "--digest", &digest[..16]],
    );
    assert_eq!(good.status, 0, "{good:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_server_asks_people_until_it_is_released() {
    let server = Server::start().await;
    assert_eq!(server.ask("stripe.refund", 10).await["outcome"], "approve");
    let frozen = server.run("alice", &["freeze", "--reason", "something is off"]);
    assert!(
        frozen.status == 0 && frozen.out.contains("by alice: something is off"),
        "{frozen:?}"
    );
    let again = server.run("alice", &["freeze", "--reason", "me too"]);
    assert!(
        again.out.contains("by alice: something is off"),
        "the first freeze stands: {again:?}"
    );
    let asked = server.ask("stripe.refund", 20).await;
    assert_eq!(
        (&asked["outcome"], &asked["cause"]),
        (&json!("escalate"), &json!("frozen"))
    );

    assert_eq!(
        server.run("bob", &["unfreeze"]).status,
        1,
        "only an admin releases"
    );
    assert_eq!(server.run("alice", &["unfreeze"]).status, 0);
    assert_eq!(server.ask("stripe.refund", 30).await["outcome"], "approve");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_vote_is_told_so() {
    let server = Server::start().await;
    let asked = server.ask("stripe.payout", 500).await;
    let case = asked["case_id"].as_str().unwrap();
    let viewer = server.run("victor", &["approve", case, "--reason", "ok"]);
    assert!(
        viewer.status == 1 && viewer.err.contains("does not let you do this"),
        "{viewer:?}"
    );
    let stranger = server.run("mallory", &["approve", case, "--reason", "ok"]);
    assert!(
        stranger.status == 1 && stranger.err.contains("does not know this token"),
        "{stranger:?}"
    );
    let nothing = server.run("alice", &["approve", "case_0000", "--reason", "ok"]);
    assert!(
        nothing.status == 1 && nothing.err.contains("no open case starts with"),
        "{nothing:?}"
    );
    let none = server.run("alice", &["outbox", "retry", "4711"]);
    assert!(
        none.status == 1 && none.err.contains("there is no effect 4711"),
        "{none:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_config_says_where_the_server_is_and_which_token_is_mine() {
    let server = Server::start().await;
    let asked = server.ask("stripe.payout", 500).await;
    let case = asked["case_id"].as_str().unwrap();
    written(server.folder.path(), server.operators.port());
    let voted = |person: &str| {
        let mut command = program();
        command
            .args(["reject", case, "--reason", "no"])
            .current_dir(server.folder.path())
            .env("USER", person);
        Ran::of(&command.output().unwrap())
    };
    let stranger = voted("mallory");
    assert!(
        stranger.status == 1 && stranger.err.contains("there is no token of yours"),
        "{stranger:?}"
    );
    let bob = voted("bob");
    assert_eq!((bob.status, bob.out.as_str()), (0, "rejected\n"), "{bob:?}");
    assert_eq!(server.told(case).await["resolution"]["by"], "person:bob");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let output = program()
        .args(["freeze", "--reason", "x", "--token", "t", "--url", &url])
        .output()
        .unwrap();
    let ran = Ran::of(&output);
    assert_eq!((ran.status, ran.out.as_str()), (1, ""));
    assert!(
        ran.err
            .contains(&format!("no countersign answers at {url}")),
        "{ran:?}"
    );
}

#[test]
fn two_tokens_are_one_too_many() {
    let output = program()
        .args(["unfreeze", "--token", "t", "--token-file", "/none"])
        .output()
        .unwrap();
    let ran = Ran::of(&output);
    assert!(
        ran.status == 1 && ran.err.contains("leave one out"),
        "{ran:?}"
    );
}
