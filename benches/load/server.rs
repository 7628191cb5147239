//! The server as a child process: the real one, the same with less durability, and the same with no store at all.

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use countersign::app::{App, Options};
use countersign::clock::Clock;
use countersign::config::{Config, SourceKind};
use countersign::domain::id::SourceName;
use countersign::flow::{Flow, Observer};
use countersign::metrics::Metrics;
use countersign::observe::{Alerts, Telling};
use countersign::signature::Delivery;
use countersign::source::{Reading, Source};
use countersign::store::Synchronous;
use countersign::telemetry::DecisionLines;
use countersign::web::body::{self, BodyLimits};
use countersign::web::intake::{Agent, Door, Intake};
use countersign::web::serve::{ConnectionLimits, ConnectionWatch, Ending, serve as listen};
use countersign::web::token::Tokens;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::forgetful::Forgetful;
use crate::requests::{AGENT, CREDENTIAL, OPERATOR, SECRET};
use crate::sets::{self, Shape};

/// The argument that makes this program a server.
pub(crate) const SERVE: &str = "serve";

/// Which server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// As it is shipped.
    Durable,
    /// Without the sync before an acknowledgement.
    Unsynced,
    /// The same handlers, with nothing stored.
    Forgetful,
    /// Webhooks are verified and read, and that is all.
    VerifyOnly,
}

impl Variant {
    const ALL: [(&str, Self); 4] = [
        ("durable", Self::Durable),
        ("unsynced", Self::Unsynced),
        ("forgetful", Self::Forgetful),
        ("verify-only", Self::VerifyOnly),
    ];
}

/// A running child. Dropping it kills it.
pub(crate) struct Server {
    child: Child,
    pub(crate) intake: SocketAddr,
    pub(crate) folder: TempDir,
}

impl Server {
    /// Starts this variant on a folder of its own, with ten rules.
    pub(crate) fn start(variant: Variant) -> Self {
        Self::start_on(variant, folder(Shape::OnePackage, 10))
    }

    /// Starts this variant on `folder`.
    pub(crate) fn start_on(variant: Variant, folder: TempDir) -> Self {
        let (name, _) = Variant::ALL
            .iter()
            .find(|(_, known)| *known == variant)
            .unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(SERVE).arg(name).arg(folder.path());
        // It ends when its standard input does, so also when this program is stopped.
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let told = folder.path().join("address");
        let patience = Instant::now() + Duration::from_mins(2);
        let intake = loop {
            if let Some(address) = std::fs::read_to_string(&told)
                .ok()
                .and_then(|text| text.parse().ok())
            {
                break address;
            }
            assert!(Instant::now() < patience, "the server did not start");
            std::thread::sleep(Duration::from_millis(5));
        };
        Self {
            child,
            intake,
            folder,
        }
    }

    /// CPU time that the server has used.
    pub(crate) fn cpu(&self) -> Duration {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let used = |thread: std::fs::DirEntry| {
            let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        };
        Duration::from_nanos(threads.flatten().filter_map(used).sum())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder with a config and policies.
pub(crate) fn folder(shape: Shape, rules: usize) -> TempDir {
    let folder = tempfile::Builder::new()
        .prefix("countersign-load-")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .unwrap();
    for (path, text) in sets::texts(shape, rules) {
        let path = folder.path().join("policies").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    std::fs::write(
        folder.path().join("countersign.yaml"),
        config("127.0.0.1:0", "127.0.0.1:0"),
    )
    .unwrap();
    folder
}

/// The config of every server here: TraceMem in dry-run, agents in enforce.
pub(crate) fn config(intake: &str, operators: &str) -> String {
    format!(
        r"mode: dry_run
listen: {intake}
operators:
  listen: {operators}
  tokens:
    - {{name: load, role: admin, token: {OPERATOR}}}
policies: {{path: policies}}
store: sqlite://cases.db
log: {{format: json, level: info}}
limits: {{connections: 1024}}
sources:
  - name: tm
    kind: tracemem
    api_url: http://127.0.0.1:9
    credential: {CREDENTIAL}
    verify: [{{hmac: {{secrets: [{SECRET}]}}}}]
    fields: {{action: /intent, context: /context, agent: /agent_id}}
  - name: agents
    kind: http
    mode: enforce
    tokens:
      - {{agent: agent-7, token: {AGENT}}}
"
    )
}

/// Is the server of this name in `folder` until standard input ends.
pub(crate) fn serve(variant: &str, folder: &Path) {
    let (_, variant) = *Variant::ALL
        .iter()
        .find(|(name, _)| *name == variant)
        .unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let stop = CancellationToken::new();
    let ended = stop.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        ended.cancel();
    });
    runtime.block_on(run(variant, folder, stop));
}

async fn run(variant: Variant, folder: &Path, stop: CancellationToken) {
    let name = folder.join("countersign.yaml");
    let text = std::fs::read_to_string(&name).unwrap();
    let parsed = Config::parse(&text, name.to_str().unwrap(), &|_| None, Clock.now());
    let (config, _) = parsed.unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let options = Options {
        synchronous: match variant {
            Variant::Unsynced => Synchronous::Normal,
            Variant::Durable | Variant::Forgetful | Variant::VerifyOnly => Synchronous::Full,
        },
        ..Options::default()
    };
    let app = App::open(config.clone(), options).await.unwrap();
    match variant {
        Variant::Durable | Variant::Unsynced => {
            tell(folder, app.addresses().intake);
            app.run(stop).await.unwrap();
        }
        Variant::Forgetful => without_store(folder, &app, &config, stop).await,
        Variant::VerifyOnly => verify_only(folder, &app, stop).await,
    }
}

fn tell(folder: &Path, address: SocketAddr) {
    // In one move, so that no half of it is read.
    std::fs::write(folder.join("address.new"), address.to_string()).unwrap();
    std::fs::rename(folder.join("address.new"), folder.join("address")).unwrap();
}

const BODY: BodyLimits = BodyLimits {
    bytes: 1024 * 1024,
    timeout: Duration::from_secs(10),
};

const CONNECTIONS: ConnectionLimits = ConnectionLimits {
    connections: 1024,
    header_timeout: Duration::from_secs(10),
    idle_timeout: Duration::from_mins(1),
    grace: Duration::from_secs(1),
};

struct Unwatched;

impl ConnectionWatch for Unwatched {
    fn opened(&self) {}
    fn closed(&self, _: Ending) {}
}

/// The same routes over a store that keeps nothing.
async fn without_store(folder: &Path, app: &App, config: &Config, stop: CancellationToken) {
    let metrics = Arc::new(Metrics::new("load"));
    let observer: Arc<dyn Observer> = Arc::new(Telling::new(
        Arc::clone(&metrics),
        DecisionLines::to_stdout(config.log.format),
        Arc::new(Alerts::default()),
        "load".to_owned(),
        Clock,
    ));
    let desks: Vec<_> = app.flow().desks().cloned().collect();
    let orphaned = Arc::clone(&desks.first().unwrap().terms);
    let policies = Arc::clone(app.flow().policies());
    let flow = Flow::new(
        desks,
        policies,
        Arc::new(Forgetful::new()),
        Clock,
        observer,
        orphaned,
    );
    let (mut doors, mut agents) = (Vec::new(), Vec::new());
    for source in &config.sources {
        let path = match &source.kind {
            SourceKind::TraceMem(_) | SourceKind::Webhook(_) => Some(source.path.clone()),
            SourceKind::Http(http) => {
                agents.extend(http.tokens.iter().map(|token| {
                    let agent = Agent {
                        source: source.name.clone(),
                        name: token.agent.clone(),
                    };
                    (token.token.clone(), agent)
                }));
                None
            }
        };
        doors.push(Door {
            source: source.name.clone(),
            path,
            body: BODY,
            rate: None,
        });
    }
    let intake = Intake::new(
        Arc::new(flow),
        doors,
        Tokens::new(agents),
        metrics,
        stop.clone(),
    );
    on_a_port(folder, Arc::new(intake).router(), stop).await;
}

async fn verify_only(folder: &Path, app: &App, stop: CancellationToken) {
    let name = SourceName::parse("tm").unwrap();
    let desk = app.flow().desks().find(|desk| *desk.source.name() == name);
    let source = Arc::clone(&desk.unwrap().source);
    let router = axum::Router::new()
        .route("/v1/sources/{name}", axum::routing::post(verify_and_read))
        .with_state(source);
    on_a_port(folder, router, stop).await;
}

async fn verify_and_read(State(source): State<Arc<dyn Source>>, request: Request) -> Response {
    let (parts, body) = body::read(request, BODY).await.unwrap();
    let delivery = Delivery {
        headers: parts.headers,
        body,
        path_secret: None,
    };
    let now = Clock.now();
    let verified = source.verify(delivery, now).unwrap();
    let Reading::Request(request) = source.read(&verified, now).unwrap() else {
        panic!("it is a request");
    };
    let told = serde_json::json!({"status": "accepted", "case_id": request.case_id()});
    axum::Json(told).into_response()
}

async fn on_a_port(folder: &Path, router: axum::Router, stop: CancellationToken) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    tell(folder, listener.local_addr().unwrap());
    listen(listener, router, CONNECTIONS, Arc::new(Unwatched), stop).await;
}
