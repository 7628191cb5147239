//! A store with cases in it, and the program beside it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use countersign::clock::Clock;
use countersign::domain::case::{Asked, Case, CaseTerms, Channel, Event, Mode, Told};
use countersign::domain::escalation::EscalationDefaults;
use countersign::domain::id::{CaseId, ContentDigest, RequestId, Revision, SourceName};
use countersign::domain::log_entry::ChainKey;
use countersign::domain::platform::PlatformOutcome;
use countersign::domain::team::People;
use countersign::domain::verdict::{Cause, FiredRule, Outcome, RuleSet, Verdict};
use countersign::store::{Decided, Receipt, SqliteSettings, SqliteStore, Stepped, Store as _};
use jiff::SignedDuration;
use serde_json::{Value, json};

/// A folder with a database and its key.
pub(crate) struct Desk {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) store: SqliteStore,
}

impl Desk {
    pub(crate) fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = [7; 32];
        std::fs::write(folder.path().join("countersign.db.key"), hex::encode(key)).unwrap();
        let settings =
            SqliteSettings::new(folder.path().join("countersign.db"), ChainKey::new(&key));
        let store = SqliteStore::open(settings).unwrap();
        Self { folder, store }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("countersign.db")
    }

    /// A request called `request`, on which policy says `outcome`.
    pub(crate) async fn decide(&self, request: &str, outcome: Outcome, mode: Mode) -> Case {
        let input = json!({
            "version": 1, "source": "refunds", "id": request, "action": "stripe.refund",
            "agent": {"id": "billing-bot"}, "context": {"amount": 50},
        });
        self.commit(request, &input, verdict(outcome), mode).await
    }

    /// A request called `request` with this input, decided so.
    pub(crate) async fn commit(
        &self,
        request: &str,
        input: &Value,
        verdict: Verdict,
        mode: Mode,
    ) -> Case {
        let source = SourceName::parse("refunds").unwrap();
        let name = RequestId::parse(request).unwrap();
        let input = input.to_string();
        let asked = Asked {
            id: CaseId::derive(&source, "", &name),
            source,
            platform: "tracemem".to_owned(),
            request: name,
            action: Some("stripe.refund".to_owned()),
            agent: Some("billing-bot".to_owned()),
            expires_at: None,
            rationale_required: false,
            content: ContentDigest::of(&[request.as_bytes()]),
            input: ContentDigest::of(&[input.as_bytes()]),
            traceparent: None,
        };
        let decided = Decided {
            asked,
            verdict,
            input: input.into(),
            token: None,
            terms: Arc::new(terms(mode)),
            forward: None,
            confirm_by: None,
        };
        match self.store.commit(decided, Clock.now()).await.unwrap() {
            Receipt::New(case) | Receipt::Duplicate(case) | Receipt::Conflict(case) => case,
        }
    }

    /// The platform's people decide the case.
    pub(crate) async fn decide_there(&self, case: &Case, outcome: PlatformOutcome) {
        let event = Event::PlatformResolved {
            outcome: Some(outcome),
            by: Some("dana".to_owned()),
            reason: None,
            told: Told::ByThePlatform,
        };
        let terms = Arc::new(terms(case.mode));
        let stepped = self
            .store
            .step(case.asked.id, event, terms, Clock.now())
            .await
            .unwrap();
        assert!(!matches!(stepped, Stepped::Unknown));
    }

    /// The program, with this store named in the environment.
    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        let mut command = program();
        command.args(arguments).current_dir(self.folder.path()).env(
            "COUNTERSIGN_STORE",
            format!("sqlite://{}", self.database().display()),
        );
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&self.program(arguments).output().unwrap())
    }
}

/// The program with nothing in its environment that it would heed.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.env_clear().env("USER", "alice").env("TZ", "UTC");
    command
}

/// Everything in `from`, as a clone has it.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// How a process ended and what it said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            status: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout.clone()).unwrap(),
            err: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.status, 0, "{self:?}");
        serde_json::from_str(&self.out).unwrap()
    }
}

fn verdict(outcome: Outcome) -> Verdict {
    let rule = |set| FiredRule {
        id: format!("approvals.refunds.{set}#rule"),
        set,
        title: "Rule".to_owned(),
        reason: "because".to_owned(),
        file: "approvals/refunds.rego".to_owned(),
        line: 12,
        conditions: Vec::new(),
    };
    let (cause, rules) = match outcome {
        Outcome::Approve => (Cause::Rule, vec![rule(RuleSet::Approve)]),
        Outcome::Reject => (Cause::Rule, vec![rule(RuleSet::Reject)]),
        Outcome::Escalate => (Cause::NoRule, Vec::new()),
    };
    Verdict {
        doubt: None,
        outcome,
        cause,
        rules,
        evidence: Vec::new(),
        failures: Vec::new(),
        terms: None,
        freeze: None,
        revision: Revision::of([0x3f; 32]),
        nearest: Vec::new(),
        counterfactual: None,
    }
}

fn terms(mode: Mode) -> CaseTerms {
    CaseTerms {
        mode,
        channel: Channel::Answer,
        answer_within: SignedDuration::from_mins(15),
        give_up_after: SignedDuration::from_hours(24),
        people: Arc::new(People::without_teams(EscalationDefaults {
            to: None,
            votes: 1,
            within: SignedDuration::from_hours(1),
        })),
        rationale_limit: 1_000,
    }
}
