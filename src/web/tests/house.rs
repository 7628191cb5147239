//! A whole house for tests of the listeners: a real store in a file, real policies in a directory, a real flow.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use http::{HeaderName, Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::clock::Clock;
use crate::credential::Credential;
use crate::domain::case::{CaseTerms, Channel, Mode};
use crate::domain::escalation::EscalationDefaults;
use crate::domain::id::{Revision, SourceName};
use crate::domain::log_entry::ChainKey;
use crate::domain::person::Role;
use crate::domain::team::People;
use crate::flow::{Desk, Flow, Forwards};
use crate::identity::{Directory, Grants, Known, Listed, Origin, Proven, Seal, Throttle, Users};
use crate::json::Pointer;
use crate::metrics::Metrics;
use crate::observe::{Alerts, Telling};
use crate::policy::Budget;
use crate::policy::watch::{KeepError, KeepSets, LivePolicies};
use crate::secret::Secret;
use crate::signature::{Check, NamedToken, Verifier};
use crate::source::http::HttpSource;
use crate::source::tracemem::{Tracemem, TracememSettings};
use crate::source::{Client, FieldMap, FieldRule, Timeouts, WebUrl};
use crate::store::{SqliteSettings, SqliteStore, Store, StoredSet};
use crate::telemetry::DecisionLines;
use crate::web::body::BodyLimits;
use crate::web::intake::{Agent, Door, Intake};
use crate::web::operators::{CredentialExpiry, Entrance, Operators, Readiness, Site};
use crate::web::token::Tokens;

pub(in crate::web) const POLICY: &str = r#"package approvals.refunds

# METADATA
# title: Small refund
approve contains "it is under $100" if {
	input.action == "refund"
	input.context.amount > 0
	input.context.amount < 100
}

# METADATA
# title: Fraud
reject contains "the customer is on the fraud list" if {
	input.action == "refund"
	input.context.customer == "mallory"
}

# METADATA
# title: Payout
escalate contains {"reason": "payouts need two", "to": "payments", "votes": 2} if input.action == "payout"
"#;

/// Three sources: `tm` is delivered to, with the secret `s3cret` in its path, and `agents` and `dry` ask.
pub(in crate::web) struct House {
    pub(in crate::web) intake: Router,
    pub(in crate::web) operators: Router,
    pub(in crate::web) flow: Arc<Flow>,
    pub(in crate::web) store: Arc<SqliteStore>,
    pub(in crate::web) readiness: Arc<Readiness>,
    pub(in crate::web) stop: CancellationToken,
    pub(in crate::web) lines: Lines,
    pub(in crate::web) folder: tempfile::TempDir,
}

/// What was written of decisions.
#[derive(Clone, Default)]
pub(in crate::web) struct Lines(Arc<Mutex<Vec<u8>>>);

/// An answer, taken apart.
#[derive(Debug)]
pub(in crate::web) struct Heard {
    pub(in crate::web) status: StatusCode,
    pub(in crate::web) headers: http::HeaderMap,
    pub(in crate::web) text: String,
}

struct Keeper(Arc<SqliteStore>);

#[async_trait]
impl KeepSets for Keeper {
    async fn keep(
        &self,
        revision: &Revision,
        stored: &str,
        now: Timestamp,
    ) -> Result<(), KeepError> {
        let set = StoredSet {
            revision: revision.clone(),
            engine: "test".to_owned(),
            files: stored.into(),
        };
        Ok(self.0.keep_set(set, now).await?)
    }
}

pub(in crate::web) fn name(name: &str) -> SourceName {
    SourceName::parse(name).unwrap()
}

fn secret(text: &str) -> Credential {
    Credential::written(Secret::new(text)).unwrap()
}

fn terms(mode: Mode, channel: Channel) -> Arc<CaseTerms> {
    Arc::new(CaseTerms {
        mode,
        channel,
        answer_within: SignedDuration::from_mins(15),
        give_up_after: SignedDuration::from_hours(24),
        people: Arc::new(People::without_teams(EscalationDefaults {
            to: None,
            votes: 1,
            within: SignedDuration::from_hours(24),
        })),
        rationale_limit: 1000,
    })
}

fn tracemem() -> Desk {
    let field = |at: &str| Some(FieldRule::At(Pointer::parse(at).unwrap()));
    let settings = TracememSettings {
        name: name("tm"),
        api_url: WebUrl::parse("http://127.0.0.1:9").unwrap(),
        credential: Some(secret("credential")),
        verify: Verifier::new(vec![
            Check::SecretPath {
                secrets: vec![secret("s3cret")],
            },
            Check::StaticHeader {
                name: HeaderName::from_static("x-key"),
                secrets: vec![secret("k3y")],
            },
        ]),
        fields: FieldMap {
            action: field("/intent"),
            context: field("/context"),
            agent: field("/agent"),
        },
        volatile: Vec::new(),
        forward_to: None,
    };
    let source = Tracemem::new(
        settings,
        Client::new(Timeouts::within(Duration::from_secs(10))).unwrap(),
    )
    .unwrap();
    Desk {
        source: Arc::new(source),
        terms: terms(Mode::Enforce, Channel::Answer),
        forwards: Forwards::Nothing,
    }
}

fn agents(source: &str, mode: Mode, tokens: &[(&str, &str)]) -> Desk {
    let token = |(agent, token): &(&str, &str)| NamedToken {
        name: (*agent).to_owned(),
        token: secret(token),
    };
    let source = HttpSource::new(name(source), tokens.iter().map(token).collect(), None);
    Desk {
        source: Arc::new(source),
        terms: terms(mode, Channel::Wait),
        forwards: Forwards::Nothing,
    }
}

/// People whose token is their name.
const PEOPLE: [(&str, Role); 4] = [
    ("vera", Role::Viewer),
    ("alice", Role::Approver),
    ("bob", Role::Approver),
    ("root", Role::Admin),
];

/// The ways in for [`PEOPLE`], and for the users of the file in `folder`.
pub(in crate::web) fn entrance(folder: &Path) -> Entrance {
    let users = Arc::new(Users::at(folder.join("users.yaml")));
    let listed = |&(name, role): &(&str, Role)| Listed {
        name: name.to_owned(),
        email: None,
        role,
        teams: Vec::new(),
    };
    let holder = |&(name, _): &(&str, Role)| {
        let proven = Proven {
            origin: Origin::Token,
            name: name.to_owned(),
            email: None,
            groups: Vec::new(),
        };
        (secret(name), proven)
    };
    let people = terms(Mode::Enforce, Channel::Wait).people.clone();
    let tokens = PEOPLE.iter().map(listed).collect();
    let grants = Grants {
        admin: vec!["admins".to_owned()],
        approver: vec!["approvers".to_owned()],
        viewer: vec!["staff".to_owned()],
    };
    Entrance {
        directory: Arc::new(Directory::new(
            people,
            grants,
            tokens,
            Some(Arc::clone(&users) as Arc<dyn Known>),
        )),
        users,
        throttle: Throttle::default(),
        oidc: None,
        tokens: Tokens::new(PEOPLE.iter().map(holder).collect()),
        proxy: None,
        seal: Seal::new(&[3; 32]),
        lifetime: SignedDuration::from_hours(8),
        site: Site::at(None).unwrap(),
    }
}

impl House {
    pub(in crate::web) async fn open() -> Self {
        Self::with_rate(None).await
    }

    pub(in crate::web) async fn with_rate(rate: Option<NonZeroU32>) -> Self {
        Self::with(rate, |_| {}).await
    }

    /// With other ways in.
    pub(in crate::web) async fn with_entrance(change: impl FnOnce(&mut Entrance)) -> Self {
        Self::with(None, change).await
    }

    async fn with(rate: Option<NonZeroU32>, change: impl FnOnce(&mut Entrance)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut entrance = entrance(folder.path());
        change(&mut entrance);
        let policies = folder.path().join("policies");
        std::fs::create_dir(&policies).unwrap();
        std::fs::write(policies.join("refunds.rego"), POLICY).unwrap();
        let store = SqliteSettings::new(folder.path().join("c.db"), ChainKey::new(&[7; 32]));
        let store = Arc::new(SqliteStore::open(store).unwrap());
        let keeper = Arc::new(Keeper(Arc::clone(&store)));
        let live = LivePolicies::open(&policies, Budget::unhurried(), keeper, Clock.now())
            .await
            .unwrap();
        let billing = [("billing-bot", "b-token"), ("other-bot", "o-token")];
        let desks = vec![
            tracemem(),
            agents("agents", Mode::Enforce, &billing),
            agents("dry", Mode::DryRun, &[("dry-bot", "d-token")]),
        ];
        let metrics = Arc::new(Metrics::new("test"));
        let (alerts, lines) = (Arc::new(Alerts::default()), Lines::default());
        let out = DecisionLines::to(crate::config::LogFormat::Json, Box::new(lines.clone()));
        let telling = Telling::new(
            Arc::clone(&metrics),
            out,
            Arc::clone(&alerts),
            "test".to_owned(),
            Clock,
        );
        let flow = Arc::new(Flow::new(
            desks,
            Arc::new(live),
            Arc::clone(&store) as Arc<dyn Store>,
            Clock,
            Arc::new(telling),
            terms(Mode::DryRun, Channel::Answer),
        ));
        let stop = CancellationToken::new();
        let body = BodyLimits {
            bytes: 256 * 1024,
            timeout: Duration::from_secs(10),
        };
        let door = |source: &str, path: Option<&str>| Door {
            source: name(source),
            path: path.map(str::to_owned),
            body,
            rate,
        };
        let doors = vec![
            door("tm", Some("/v1/sources/tm")),
            door("agents", None),
            door("dry", None),
        ];
        let agent = |source: &str, agent: &str| Agent {
            source: name(source),
            name: agent.to_owned(),
        };
        let agents = Tokens::new(vec![
            (secret("b-token"), agent("agents", "billing-bot")),
            (secret("o-token"), agent("agents", "other-bot")),
            (secret("d-token"), agent("dry", "dry-bot")),
        ]);
        let intake = Intake::new(
            Arc::clone(&flow),
            doors,
            agents,
            Arc::clone(&metrics),
            stop.clone(),
        );
        let readiness = Arc::new(Readiness::default());
        let soon = Clock.now() + SignedDuration::from_hours(24 * 9);
        let operators = Operators::new(
            Arc::clone(&flow),
            entrance,
            metrics,
            alerts,
            vec![CredentialExpiry {
                source: name("tm"),
                at: soon,
            }],
            Arc::clone(&readiness),
        );
        Self {
            intake: Arc::new(intake).router(),
            operators: Arc::new(operators).router(),
            flow,
            store,
            readiness,
            stop,
            lines,
            folder,
        }
    }

    pub(in crate::web) fn policies(&self) -> &Path {
        self.folder.path()
    }

    /// An event of the platform, as `tm` is configured to take it.
    pub(in crate::web) async fn delivers(&self, event: &Value) -> Heard {
        let request = Request::post("/v1/sources/tm/s3cret").header("x-key", "k3y");
        heard(
            &self.intake,
            request.body(Body::from(event.to_string())).unwrap(),
        )
        .await
    }

    /// A request by the holder of `token`.
    pub(in crate::web) async fn asks(&self, token: &str, body: &Value) -> Heard {
        let request =
            Request::post("/v1/requests").header("authorization", format!("Bearer {token}"));
        heard(
            &self.intake,
            request.body(Body::from(body.to_string())).unwrap(),
        )
        .await
    }

    pub(in crate::web) async fn looks(&self, token: &str, path: &str) -> Heard {
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        heard(&self.intake, request.body(Body::empty()).unwrap()).await
    }

    /// What `who`, whose token is their name, does at the operators' listener.
    pub(in crate::web) async fn operates(
        &self,
        who: &str,
        method: &str,
        path: &str,
        body: &str,
    ) -> Heard {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {who}"));
        heard(
            &self.operators,
            request.body(Body::from(body.to_owned())).unwrap(),
        )
        .await
    }

    /// An open case of `billing-bot`, with the digest that a person is shown.
    pub(in crate::web) async fn open_case(&self, id: &str) -> (String, String) {
        let asked = self
            .asks("b-token", &json!({"id": id, "action": "unknown"}))
            .await;
        assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.text);
        let case = asked.json()["case_id"].as_str().unwrap().to_owned();
        let digest = self.digest(&case).await;
        (case, digest)
    }

    pub(in crate::web) async fn digest(&self, case: &str) -> String {
        let shown = self
            .operates("vera", "GET", &format!("/v1/cases/{case}"), "")
            .await;
        shown.json()["digest"].as_str().unwrap().to_owned()
    }
}

pub(in crate::web) async fn heard(router: &Router, request: Request<Body>) -> Heard {
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    Heard {
        status: parts.status,
        headers: parts.headers,
        text: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

impl Heard {
    pub(in crate::web) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    /// Status and code of a problem.
    pub(in crate::web) fn problem(&self) -> (u16, String) {
        assert_eq!(
            self.headers["content-type"], "application/problem+json",
            "{}",
            self.text
        );
        let body = self.json();
        assert_eq!(body["status"], self.status.as_u16());
        (
            self.status.as_u16(),
            body["code"].as_str().unwrap().to_owned(),
        )
    }

    pub(in crate::web) fn is(&self, status: u16, code: &str) {
        assert_eq!(self.problem(), (status, code.to_owned()), "{}", self.text);
    }
}

impl Lines {
    pub(in crate::web) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
