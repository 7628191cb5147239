//! A server with a source of every kind.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
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
# title: Blocked
reject contains "nobody deletes it" if input.action == "db.drop"
"#;

pub(super) const ALICE: &str = "token-of-alice-0123456789";
pub(super) const SIGNING: &str = "outgoing-secret-0123456789";
/// What a shell could take for something else.
pub(super) const AWKWARD: &str = r#"it's $HOME "`id`" \ !x #1; & | < > * ? ~ {a,b}"#;
/// A pair of keys for these tests alone.
pub(super) const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEzF2q6KKc/01i2ObQJwC2Lupxu/Ms\n\
73GcZ4j2S5WEUF8QARMRpFsSQK8PYKF+n5G5FfMmtBJKUUObjq+nqqiMnw==\n\
-----END PUBLIC KEY-----\n";
pub(super) const PRIVATE_KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQggc3V7WN8DGkntN2r\n\
djykuxQGeagw+QzYxK5569vF4m6hRANCAATMXaroopz/TWLY5tAnALYu6nG78yzv\n\
cZxniPZLlYRQXxABExGkWxJArw9goX6fkbkV8ya0EkpRQ5uOr6eqqIyf\n\
-----END PRIVATE KEY-----\n";
const CREDENTIAL: &str = "credential-0123456789";

/// A server in `enforce`, and a platform that nobody should answer and that lists nothing.
pub(super) struct Server {
    pub(super) folder: tempfile::TempDir,
    intake: SocketAddr,
    pub(super) operators: SocketAddr,
    answered: Arc<AtomicUsize>,
    _stop: tokio_util::sync::DropGuard,
}

impl Server {
    pub(super) async fn start() -> Self {
        let answered = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&answered);
        let platform = Router::new()
            .route(
                "/auth/login",
                post(|| async { r#"{"access_token": "jwt"}"# }),
            )
            .route("/api/logs", get(|| async { "[]" }))
            .fallback(move || async move {
                count.fetch_add(1, Ordering::SeqCst);
                StatusCode::OK
            });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api_url = format!("http://{}", listener.local_addr().unwrap());
        #[expect(clippy::disallowed_methods, reason = "a server of the test's own")]
        tokio::spawn(async move { axum::serve(listener, platform).await });

        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("policies")).unwrap();
        std::fs::write(folder.path().join("policies/refunds.rego"), POLICY).unwrap();
        let config = config(&api_url);
        let path = folder.path().join("countersign.yaml");
        std::fs::write(&path, config.to_string()).unwrap();
        let config = Config::load(&path, &|_| None, Clock.now()).unwrap().0;
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
        Self {
            folder,
            intake: addresses.intake,
            operators: addresses.operators,
            answered,
            _stop: stop.drop_guard(),
        }
    }

    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = program();
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("COUNTERSIGN_DELIVER_TO", format!("http://{}", self.intake));
        command
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.program(arguments);
        command
            .env("COUNTERSIGN_URL", format!("http://{}", self.operators))
            .env("COUNTERSIGN_TOKEN", ALICE);
        Ran::of(&command.output().unwrap())
    }

    pub(super) fn sign(&self, arguments: &[&str]) -> Ran {
        Ran::of(&self.program(arguments).output().unwrap())
    }

    /// A file beside the config.
    pub(super) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The config, changed by `change`, in another file.
    pub(super) fn other_config(&self, change: impl FnOnce(&mut Value)) {
        let text = std::fs::read_to_string(self.folder.path().join("countersign.yaml")).unwrap();
        let mut config = serde_json::from_str(&text).unwrap();
        change(&mut config);
        self.write("other.yaml", &config.to_string());
    }

    pub(super) fn answered(&self) -> usize {
        self.answered.load(Ordering::SeqCst)
    }

    /// Every case of the server.
    pub(super) fn cases(&self) -> Vec<Value> {
        let listed = self.run(&["cases", "--format", "json"]).json();
        listed["cases"].as_array().unwrap().clone()
    }
}

fn config(api_url: &str) -> Value {
    let hmac = |more: Value| {
        let mut hmac = json!({"header": "X-Signature", "secrets": [SIGNING]});
        hmac.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({ "hmac": hmac })
    };
    let fields = json!({"action": "/intent", "context": "/context", "agent": "/agent_id"});
    json!({
        "mode": "enforce",
        "listen": "127.0.0.1:0",
        "operators": {"listen": "127.0.0.1:0", "tokens": [{"name": "alice", "role": "admin", "token": ALICE}]},
        "policies": {"path": "policies"},
        "store": "sqlite://countersign.db",
        "sources": [
            {
                "name": "refunds", "kind": "tracemem", "api_url": api_url, "credential": CREDENTIAL,
                "fields": fields,
                "verify": [hmac(json!({
                    "prefix": "sha256=", "signed": "{timestamp}.{body}", "timestamp_header": "X-Timestamp",
                }))],
            },
            {
                "name": "awkward", "kind": "tracemem", "api_url": api_url, "credential": CREDENTIAL,
                "fields": fields, "path": "/hooks/awkward",
                "verify": [
                    {"static_header": {"name": "X-Secret", "secrets": [AWKWARD]}},
                    {"secret_path": AWKWARD},
                    {"standard_webhooks": {"secrets": ["whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"]}},
                    {"user_agent": "Platform's-Hooks/1.0 ($x)"},
                ],
            },
            {
                "name": "grid", "kind": "tracemem", "api_url": api_url, "credential": CREDENTIAL, "fields": fields,
                "verify": [{"ecdsa": {"header": "X-Grid-Signature", "public_keys": [PUBLIC_KEY], "encoding": "base64"}}],
            },
            {
                "name": "orca", "kind": "webhook", "api_url": api_url,
                "verify": [hmac(json!({"algorithm": "sha512", "encoding": "base64"}))],
                "event": {
                    "header": "X-Orca-Event", "request": ["run.needs_approval", "run.asked"], "id": {"header": "X-Orca-Delivery"},
                },
                "fields": {
                    "id": "/run/id", "action": {"at": "/run/kind", "default": "run"}, "agent": "/run/by/name", "context": "/run",
                    "title": "/run/title", "message": {"value": "a run"}, "requested_at": "/sent_at", "expires_at": "/run/until",
                    "rationale_required": "/why", "token": "/access_token", "callback": "/callback_url",
                },
                "callback_hosts": ["callbacks.example.com"],
                "answer": {
                    "approve": {
                        "method": "PATCH", "url": "{callback}",
                        "body": {"status": "passed", "why": "{rationale}", "kind": "{/run/kind}"}, "auth": {"bearer": "{token}"},
                    },
                    "reject": {
                        "url": "{api_url}/runs/{id}/stop", "body": {"why": "{rationale}"},
                        "auth": {"header": {"name": "X-Key", "value": CREDENTIAL}},
                    },
                },
            },
            warden("warden", api_url),
            warden("warden-down", "http://127.0.0.1:9"),
            {
                "name": "agents", "kind": "http",
                "tokens": [{"agent": "billing-bot", "token": "token-of-the-agent-0123456789"}],
            },
        ],
    })
}

fn warden(name: &str, api_url: &str) -> Value {
    json!({
        "name": name, "kind": "agentwarden", "api_url": api_url,
        "login": {"email": "bot@example.com", "password": CREDENTIAL},
        "verify": [{"secret_path": AWKWARD}, {"user_agent": "AgentWarden-Webhook/1.0"}],
    })
}

pub(super) fn delivery(id: &str, action: &str, amount: u32) -> String {
    json!({
        "event": "approval.requested", "approval_id": id, "decision_id": "TMEM_1", "token": "tok_5f0c9a1e77",
        "require_rationale": false, "intent": action, "agent_id": "billing-bot", "context": {"amount": amount},
    })
    .to_string()
}

/// What of a page is another one every time.
pub(super) fn timeless(page: &str) -> String {
    let mut page = page.to_owned();
    for (changing, word) in [
        (r"case_[0-9a-f]{32}", "CASE"),
        (r"countersign-test-[0-9a-f]{32}", "SAMPLE"),
        (r"\b[0-9a-f]{12}\b", "REVISION"),
        (r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "TIME"),
        (r"127\.0\.0\.1:\d+", "HOST"),
        (r"countersign/[0-9.]+", "countersign/VERSION"),
    ] {
        let changing = regex::Regex::new(changing).unwrap();
        page = changing.replace_all(&page, word).into_owned();
    }
    page
}

/// What a shell makes of `line`.
pub(super) fn shell(server: &Server, line: &str) -> Output {
    Command::new("sh")
        .args(["-c", line])
        .current_dir(server.folder.path())
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}
