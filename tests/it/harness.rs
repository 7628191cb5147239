//! A whole countersign for one test: its own folder, its own SQLite file, its own policies, the real server on
//! loopback ports, and a client for each side.

use std::path::Path;
use std::sync::Arc;

use countersign::app::{Addresses, App, Options, Seen};
use countersign::clock::Clock;
use countersign::config::{Config, LogFormat};
use countersign::diagnostic::Paint;
use countersign::flow::Flow;
use countersign::telemetry::DecisionLines;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::process::Ran;
use crate::tracemem::TraceMem;

pub const SECRET: &str = "outgoing-secret-of-the-integration";
pub const CREDENTIAL: &str = "credential-that-answers-approvals";
pub const ADMIN: &str = "admin-token-of-alice-0123456789";
pub const APPROVER: &str = "approver-token-of-bob-0123456789";
pub const VIEWER: &str = "viewer-token-of-grafana-0123456789";
pub const AGENT: &str = "agent-token-of-billing-bot-0123456789";
pub const OTHER_AGENT: &str = "agent-token-of-release-bot-0123456789";

/// Approves small payments, rejects huge ones, asks two people of `payments` about the ones between.
pub const POLICY: &str = r#"package approvals.pay

# METADATA
# title: Small payment
approve contains reason if {
	input.action == "pay"
	input.context.amount > 0
	input.context.amount < 100
	reason := sprintf("%v is under 100", [input.context.amount])
}

# METADATA
# title: Huge payment
reject contains "it is huge" if {
	input.action == "pay"
	input.context.amount >= 10000
}

# METADATA
# title: Large payment
escalate contains {"reason": "it is large", "to": "payments", "votes": 2, "within": "30m"} if {
	input.action == "pay"
	input.context.amount >= 1000
	input.context.amount < 10000
}
"#;

/// A running server. Stop it with [`Countersign::stop`]; dropping it leaves it to the test's runtime.
pub struct Countersign {
    pub folder: tempfile::TempDir,
    pub addresses: Addresses,
    pub flow: Arc<Flow>,
    pub client: reqwest::Client,
    config: String,
    stop: CancellationToken,
    running: JoinHandle<Result<(), countersign::app::AppError>>,
}

/// Runs `task` beside the test; it ends with the test's runtime.
#[expect(
    clippy::disallowed_methods,
    reason = "a test's peers live as long as the test's runtime"
)]
pub fn spawn<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(task)
}

/// The config of most tests: TraceMem as `tm` in `mode`, agents at our own API as `agents`.
pub fn config(mode: &str, platform: &TraceMem) -> String {
    config_at(mode, &platform.url())
}

/// The same, of a platform that may be down.
pub fn config_at(mode: &str, api_url: &str) -> String {
    let served = served(mode);
    format!(
        r"{served}sources:
  - name: tm
    kind: tracemem
    api_url: {api_url}
    credential: {CREDENTIAL}
    verify: [{{hmac: {{secrets: [{SECRET}]}}}}]
    fields: {{action: /intent, context: /context, agent: /agent_id}}
  - name: agents
    kind: http
    tokens:
      - {{agent: billing-bot, token: {AGENT}}}
      - {{agent: release-bot, token: {OTHER_AGENT}}}
",
    )
}

/// The top of every config: in `mode`, at any port, with the people of the tests and a store of its own.
pub fn served(mode: &str) -> String {
    format!(
        r"mode: {mode}
listen: 127.0.0.1:0
operators:
  listen: 127.0.0.1:0
  tokens:
    - {{name: alice, role: admin, token: {ADMIN}}}
    - {{name: bob, role: approver, token: {APPROVER}}}
    - {{name: grafana, role: viewer, token: {VIEWER}}}
policies: {{path: policies}}
store: sqlite://countersign.db
",
    )
}

/// `config` with `lines` at its top.
pub fn with(config: &str, lines: &str) -> String {
    format!("{lines}\n{config}")
}

/// `config` with this line in its source `tm`.
pub fn with_tm(config: &str, line: &str) -> String {
    config.replacen(
        "    kind: tracemem\n",
        &format!("    kind: tracemem\n    {line}\n"),
        1,
    )
}

/// Looks until there is something, for at most half a minute.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(20));
    let looking = async {
        loop {
            ticks.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), looking)
        .await
        .unwrap_or_else(|_| panic!("it never came to be that {what}"))
}

/// An `approval.requested` event about paying `amount`.
#[expect(
    clippy::needless_pass_by_value,
    reason = "tests write `json!(50)` in place"
)]
pub fn requested(number: u32, amount: Value) -> Value {
    json!({
        "event": "approval.requested", "approval_id": format!("appr_{number}"), "decision_id": format!("TMEM_{number}"),
        "token": token(number), "title": "A payment", "message": "please", "intent": "pay", "agent_id": "billing-bot",
        "context": {"amount": amount}, "require_rationale": true,
    })
}

/// The token of request `number`.
pub fn token(number: u32) -> String {
    format!("capability-token-{number}")
}

/// The assumed TraceMem signature of `body` under `secret`.
pub fn signature(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

impl Countersign {
    /// A server with [`POLICY`] and this config, in a folder of its own.
    pub async fn start(config: &str) -> Self {
        Self::start_with(config, &[("approvals/pay/pay.rego", POLICY)]).await
    }

    /// A server with these policy files.
    pub async fn start_with(config: &str, policies: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in policies {
            write(&folder.path().join("policies").join(path), text);
        }
        Self::open(folder, config.to_owned(), |_| ()).await
    }

    /// The same, with a config that is changed after it was read.
    pub async fn start_as(
        config: &str,
        policies: &[(&str, &str)],
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in policies {
            write(&folder.path().join("policies").join(path), text);
        }
        Self::open(folder, config.to_owned(), change).await
    }

    /// A server with [`POLICY`] and this config, changed before it starts.
    pub async fn start_changed(config: &str, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(
            &folder.path().join("policies/approvals/pay/pay.rego"),
            POLICY,
        );
        Self::open(folder, config.to_owned(), change).await
    }

    /// Ends as at SIGTERM, and starts again on the same folder.
    pub async fn restart(self) -> Self {
        let config = self.config.clone();
        self.restart_with(&config).await
    }

    /// The same, with another config.
    pub async fn restart_with(self, config: &str) -> Self {
        let folder = self.stop().await;
        Self::start_in(folder, config).await
    }

    /// A server on the folder of one that was stopped.
    pub async fn start_in(folder: tempfile::TempDir, config: &str) -> Self {
        Self::open(folder, config.to_owned(), |_| ()).await
    }

    /// Ends as at SIGTERM.
    pub async fn stop(self) -> tempfile::TempDir {
        self.stop.cancel();
        self.running.await.unwrap().unwrap();
        self.folder
    }

    async fn open(
        folder: tempfile::TempDir,
        config: String,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let name = folder.path().join("countersign.yaml");
        write(&name, &config);
        let parsed = Config::parse(&config, name.to_str().unwrap(), &|_| None, Clock.now());
        let (mut parsed, _) = parsed.unwrap_or_else(|mistakes| {
            panic!(
                "{}",
                mistakes
                    .iter()
                    .map(|mistake| mistake.render(Paint::Plain))
                    .collect::<String>()
            )
        });
        change(&mut parsed);
        // The lines are tested on their own; here they would only be noise.
        let lines = DecisionLines::to(LogFormat::Json, Box::new(std::io::sink()));
        let options = Options {
            seen: Seen::AsService(lines),
            ..Options::default()
        };
        let app = App::open(parsed, options).await.unwrap();
        let (addresses, flow) = (app.addresses(), Arc::clone(app.flow()));
        let stop = CancellationToken::new();
        let running = spawn(app.run(stop.clone()));
        Self {
            folder,
            addresses,
            flow,
            client: client(),
            config,
            stop,
            running,
        }
    }

    pub fn intake(&self, path: &str) -> String {
        format!("http://{}{path}", self.addresses.intake)
    }

    pub fn operators(&self, path: &str) -> String {
        format!("http://{}{path}", self.addresses.operators)
    }

    /// Delivers `event` to `tm`, properly signed.
    pub async fn deliver(&self, event: &Value) -> (u16, Value) {
        let body = event.to_string();
        self.deliver_raw(
            body.clone().into_bytes(),
            &[("X-TraceMem-Signature", &signature(SECRET, body.as_bytes()))],
        )
        .await
    }

    /// Delivers these bytes with these headers to `tm`.
    pub async fn deliver_raw(&self, body: Vec<u8>, headers: &[(&str, &str)]) -> (u16, Value) {
        let mut request = self
            .client
            .post(self.intake("/v1/sources/tm"))
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.body(body).send().await.unwrap()).await
    }

    /// Asks at our own API as the holder of `token`.
    pub async fn ask(&self, token: &str, key: &str, body: &Value) -> (u16, Value) {
        let request = self
            .client
            .post(self.intake("/v1/requests"))
            .bearer_auth(token)
            .header("Idempotency-Key", key);
        answer(request.body(body.to_string()).send().await.unwrap()).await
    }

    /// `GET` at the operators' API, as a viewer.
    pub async fn get(&self, path: &str) -> (u16, Value) {
        answer(
            self.client
                .get(self.operators(path))
                .bearer_auth(VIEWER)
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    /// The case of `tm`'s request `number`, as `/v1/cases/{id}` shows it.
    pub async fn case(&self, id: &str) -> Value {
        let (status, file) = self.get(&format!("/v1/cases/{id}")).await;
        assert_eq!(status, 200, "{file}");
        file
    }

    /// Any call to the operators' API.
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let method = method.parse().unwrap();
        let mut request = self
            .client
            .request(method, self.operators(path))
            .bearer_auth(token);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        answer(request.send().await.unwrap()).await
    }

    /// Delivers `event` and returns its case.
    pub async fn accepted(&self, event: &Value) -> String {
        let (status, told) = self.deliver(event).await;
        assert_eq!(
            (status, told["status"].as_str()),
            (200, Some("accepted")),
            "{told}"
        );
        told["case_id"].as_str().unwrap().to_owned()
    }

    /// Votes on the case as it stands.
    pub async fn vote(&self, token: &str, id: &str, vote: &str, reason: &str) -> (u16, Value) {
        let digest = &self.case(id).await["digest"];
        let body = json!({"vote": vote, "reason": reason, "digest": digest});
        self.call("POST", &format!("/v1/cases/{id}/votes"), token, Some(&body))
            .await
    }

    /// Everything in the outbox.
    pub async fn outbox(&self) -> Vec<Value> {
        let (status, page) = self.get("/v1/outbox").await;
        assert_eq!(status, 200, "{page}");
        page["effects"].as_array().unwrap().clone()
    }

    /// The one thing in the outbox, once it is in `state`.
    pub async fn only_effect(&self, state: &str) -> Value {
        eventually(&format!("one effect is {state}"), async || {
            match self.outbox().await.as_slice() {
                [effect] if effect["state"] == state => Some(effect.clone()),
                _ => None,
            }
        })
        .await
    }

    /// What `/readyz?verbose` says.
    pub async fn readiness(&self) -> String {
        let asked = self.client.get(self.operators("/readyz?verbose"));
        asked.send().await.unwrap().text().await.unwrap()
    }

    /// The command line beside this server, as the holder of `token`.
    pub async fn command(&self, token: &str, arguments: &[&str]) -> Ran {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_countersign"));
        command
            .args(arguments)
            .env_clear()
            .env("COUNTERSIGN_URL", self.operators(""))
            .env("COUNTERSIGN_TOKEN", token)
            .current_dir(self.folder.path());
        Ran::of(command).await
    }

    /// Waits until the case satisfies `wanted`, looking again at each change of any case.
    pub async fn case_when(&self, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut changes = self.flow.store().changes();
        let looking = async {
            loop {
                let file = self.case(id).await;
                if wanted(&file["verdict"]) {
                    return file;
                }
                let _ = changes.recv().await;
            }
        };
        let found = tokio::time::timeout(std::time::Duration::from_secs(30), looking).await;
        let Ok(file) = found else {
            let file = self.case(id).await;
            panic!("the case never came to be as wanted: {file}");
        };
        file
    }

    /// Every metric line that starts with `name`.
    pub async fn metric(&self, name: &str) -> String {
        let text = self
            .client
            .get(self.operators("/metrics"))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        text.lines()
            .filter(|line| line.starts_with(name))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// Status and JSON body; a body that is no JSON is `null`.
pub async fn answer(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

pub fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .timeout(std::time::Duration::from_secs(30))
        .build()
        .unwrap()
}

pub fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}
