//! What the demo runs on: a folder of its own, secrets of its own, and a config as anybody would write it.

use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::platform::agentwarden::{EMAIL, USER_AGENT};
use crate::clock::Clock;
use crate::config::Config;
use crate::diagnostic::Paint;
use crate::secret::Secret;

/// What the demo keeps to itself.
pub(super) struct Secrets {
    /// What each platform signs with; AgentWarden has a path instead.
    pub(super) tracemem: Secret,
    pub(super) path: Secret,
    pub(super) sidclaw: Secret,
    /// What all three take from us; at AgentWarden it is what a login is answered with.
    pub(super) credential: Secret,
    pub(super) password: Secret,
    /// What the two people of the demo log in with: an admin, and somebody of a team.
    pub(super) you: Secret,
    pub(super) sam: Secret,
    /// What their sessions are sealed with.
    session: Secret,
}

/// Where the others listen.
pub(super) struct Addresses {
    pub(super) tracemem: SocketAddr,
    pub(super) agentwarden: SocketAddr,
    pub(super) sidclaw: SocketAddr,
    pub(super) executor: SocketAddr,
}

impl Secrets {
    /// New ones every time.
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            tracemem: random()?,
            path: random()?,
            sidclaw: random()?,
            credential: random()?,
            password: random()?,
            you: random()?,
            sam: random()?,
            session: Secret::new(format!("{}{}", random()?.expose(), random()?.expose())),
        })
    }
}

/// The demo's folder: removed at the end, unless the cases are kept.
pub(super) struct Folder {
    pub(super) store: PathBuf,
    temporary: Option<PathBuf>,
}

impl Folder {
    pub(super) fn new(store: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(store) = store {
            // The platforms forget, and their ids are the same in every run.
            if store.exists() {
                bail!(
                    "`{}` is there already, and would know the demo's requests; name a store that is not",
                    store.display()
                );
            }
            return Ok(Self {
                store: store.to_owned(),
                temporary: None,
            });
        }
        let folder = std::env::temp_dir().join(format!("countersign-demo-{}", std::process::id()));
        // Ours alone, and made now: what somebody else put there before is not used.
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
        Ok(Self {
            store: folder.join("countersign.db"),
            temporary: Some(folder),
        })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(folder) = &self.temporary {
            // It is a temporary folder; the system clears what we cannot.
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// The config that the demo runs on, written as anybody would write it.
pub(super) fn config(
    policies: &Path,
    folder: &Folder,
    at: &Addresses,
    secrets: &Secrets,
) -> anyhow::Result<Config> {
    let quoted = |path: &Path| -> anyhow::Result<String> {
        let absolute = std::path::absolute(path)?;
        Ok(serde_json::to_string(
            absolute.to_str().context("the path is not UTF-8")?,
        )?)
    };
    let store = quoted(&folder.store)?;
    let store = store.trim_matches('"');
    let text = format!(
        r#"
mode: enforce
listen: 127.0.0.1:0
operators:
  listen: 127.0.0.1:0
  tokens:
    - {{name: you, role: admin, token: {you}}}
    - {{name: sam, role: approver, token: {sam}}}
  session: {{key: {session}}}
teams:
  - {{name: payments, members: [you, sam], within: 30m, then: treasury}}
  - {{name: treasury, members: [you, sam], within: 2h}}
  - {{name: support-leads, members: [sam]}}
  - {{name: data-protection, members: [you]}}
  - {{name: platform, members: [you]}}
policies: {{path: {policies}}}
store: "sqlite://{store}"
sources:
  - name: tracemem
    kind: tracemem
    api_url: http://{tracemem}
    credential: {credential}
    verify: [{{hmac: {{secrets: [{signs_tracemem}]}}}}]
    fields: {{action: /intent, context: /context, agent: /agent_id}}
  - name: agentwarden
    kind: agentwarden
    api_url: http://{agentwarden}
    login: {{email: {EMAIL}, password: {password}}}
    verify: [{{secret_path: {path}}}, {{user_agent: {USER_AGENT}}}]
    reconcile: 10s
    forward_to: http://{executor}/webhook/agentwarden
  - name: sidclaw
    kind: webhook
    api_url: http://{sidclaw}
    verify: [{{hmac: {{header: X-Webhook-Signature, prefix: "sha256=", secrets: [{signs_sidclaw}]}}}}]
    auth: {{bearer: {credential}}}
    event: {{at: /event, request: [approval.requested], resolved: [approval.approved, approval.denied, approval.expired], id: {{header: X-Webhook-ID}}}}
    fields: {{id: /data/approval_request/id, action: /data/approval_request/operation, agent: /data/approval_request/agent_name}}
    resolved: {{id: /data/approval_request/id, by: /data/approval_request/approver_name, reason: /data/approval_request/decision_note}}
    confirm:
      request: {{url: "{{api_url}}/api/v1/approvals/{{id}}"}}
      id: /id
      fields: {{action: /requested_operation, agent: /agent/name, context: /context_snapshot, requested_at: /requested_at, expires_at: /expires_at}}
      status: {{at: /status, pending: [pending]}}
    answer:
      approve: {{url: "{{api_url}}/api/v1/approvals/{{id}}/approve", body: {{approver_name: countersign, decision_note: "{{rationale}}"}}}}
      reject: {{url: "{{api_url}}/api/v1/approvals/{{id}}/deny", body: {{approver_name: countersign, decision_note: "{{rationale}}"}}}}
      status: {{done: [200], already: [409], alert: [401, 403]}}
      outcome: /status
"#,
        you = secrets.you.expose(),
        sam = secrets.sam.expose(),
        session = secrets.session.expose(),
        policies = quoted(policies)?,
        credential = secrets.credential.expose(),
        signs_tracemem = secrets.tracemem.expose(),
        signs_sidclaw = secrets.sidclaw.expose(),
        path = secrets.path.expose(),
        password = secrets.password.expose(),
        tracemem = at.tracemem,
        agentwarden = at.agentwarden,
        sidclaw = at.sidclaw,
        executor = at.executor,
    );
    match Config::parse(&text, "the demo's config", &|_| None, Clock.now()) {
        Ok((config, _)) => Ok(config),
        Err(mistakes) => {
            let frames: Vec<String> = mistakes
                .iter()
                .map(|mistake| mistake.render(Paint::Plain))
                .collect();
            bail!("{}", frames.join("\n\n"))
        }
    }
}

fn random() -> anyhow::Result<Secret> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow::anyhow!("the system gives no random bytes: {error}"))?;
    Ok(Secret::new(hex::encode(bytes)))
}
