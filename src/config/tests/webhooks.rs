//! Sources whose platform is described by configuration, and AgentWarden.

use super::*;
use crate::signature::Strength;
use crate::source::auth::Auth;
use crate::source::webhook::{Pages, Place, Settings};

/// What is promised, to the letter.
const PROMISED: &str = r#"
mode: dry_run                       # dry_run (default) | enforce; a source may override
listen: 127.0.0.1:8787              # platforms and agents; port 0 picks one and it is logged
operators:
  listen: 127.0.0.1:8788            # people, API for people, metrics, health
  tokens:
    - {name: alice, role: admin, token_file: /run/secrets/alice}       # or `token:`, or `token: ${ALICE_TOKEN}`
policies:
  path: ./policies
  budget: {time: 50ms, instructions: 200000}
store: sqlite://countersign.db      # or postgres://user@host/db
sources:
  - name: refunds                   # delivered at POST /v1/sources/refunds (or `path:`)
    kind: tracemem
    mode: enforce
    api_url: https://api.tracemem.com
    credential_file: /run/secrets/tracemem
    verify:                         # all listed must hold; none listed = unverified: never enforce
      - hmac: {header: X-TraceMem-Signature, algorithm: sha256, encoding: hex, prefix: "sha256=", signed: "{body}", secrets: [{file: /run/secrets/tm-out}]}
    fields: {action: /intent, context: /context, agent: /agent_id}   # pointer | {value: …} | {at: /message, json: /amount}
    forward_to: https://approvals.internal/hook
    credential_expires: 2027-11-01          # warned of 30 days before, in log, metric and /readyz?verbose
  - name: warden
    kind: agentwarden
    api_url: https://api.agentwarden.io
    login: {email: bot@example.com, password_file: /run/secrets/aw}
    verify:
      - secret_path: {file: /run/secrets/aw-path}        # POST /v1/sources/warden/<secret>
      - user_agent: AgentWarden-Webhook/1.0
    confirm: {request: {method: GET, url: "{api_url}/api/logs?status=pending&agent_id={agent}"}, items: "", id: /id, within: 2m}
    answer:
      approve: {method: POST, url: "{api_url}/api/approvals/{id}/approve", body: {reason: "{rationale}"}}
      reject: {method: POST, url: "{api_url}/api/approvals/{id}/reject", body: {reason: "{rationale}"}}
    forward_to: https://executor.internal/webhook/agentwarden
  - name: agents
    kind: http
    tokens: [{agent: billing-bot, token_file: /run/secrets/billing-bot}]
  - name: sidclaw
    kind: webhook
    event: {at: /event, request: [approval.requested], resolved: [approval.approved, approval.denied]}
    fields: {id: /data/id, action: /data/operation, agent: /data/agent_id, context: /data/context, expires_at: /data/expires_at}
    verify: [{hmac: {header: X-Webhook-Signature, algorithm: sha256, encoding: hex, prefix: "sha256=", signed: "{body}", secrets: [{env: SIDCLAW_SECRET}]}}]
    answer:
      approve: {method: POST, url: "https://api.sidclaw.com/api/v1/approvals/{id}/approve", body: {approver_name: countersign, decision_note: "{rationale}"}, auth: {bearer_file: /run/secrets/sidclaw}}
      reject: {method: POST, url: "https://api.sidclaw.com/api/v1/approvals/{id}/deny", body: {approver_name: countersign, decision_note: "{rationale}"}, auth: {bearer_file: /run/secrets/sidclaw}}
      status: {done: [200, 201, 204], already: [409], alert: [401, 403]}
"#;

fn webhook(rest: &str) -> String {
    format!("{OPERATOR}sources:\n  - name: pay\n    kind: webhook\n{rest}")
}

fn warden(rest: &str) -> String {
    format!("{OPERATOR}sources:\n  - name: warden\n    kind: agentwarden\n{rest}")
}

fn described(config: &Config, at: usize) -> &WebhookConfig {
    match &config.sources[at].kind {
        SourceKind::Webhook(webhook) => webhook,
        SourceKind::TraceMem(_) | SourceKind::Http(_) => panic!("it is described by the config"),
    }
}

fn settings(text: &str) -> Settings {
    described(&good(text).0, 0).settings.clone()
}

#[test]
fn what_is_promised_is_read_to_the_letter() {
    let variables = |name: &str| Some(format!("{name}-0123456789abcdef"));
    let (config, warnings) = Config::parse(PROMISED, "countersign.yaml", &variables, now())
        .unwrap_or_else(|mistakes| panic!("{}", shown(&mistakes)));
    assert!(
        warnings
            .iter()
            .all(|warning| warning.code == code::SECRET_UNREADABLE),
        "{}",
        shown(&warnings)
    );
    let kinds: Vec<_> = config
        .sources
        .iter()
        .map(|source| source.name.as_str())
        .collect();
    assert_eq!(kinds, ["refunds", "warden", "agents", "sidclaw"]);
    let warden = &described(&config, 1).settings;
    assert_eq!(warden.platform, "agentwarden");
    let lookup = &warden.confirm.as_ref().unwrap().lookup;
    assert!(matches!(lookup.call.auth, Some(Auth::Login(_))));
    assert!(matches!(lookup.pages, Pages::Offset { limit: 100, .. }));
    let answer = warden.answer.as_ref().unwrap();
    assert!(matches!(answer.approve.auth, Some(Auth::Login(_))));
    let sidclaw = &described(&config, 3).settings;
    assert_eq!(sidclaw.platform, "webhook");
    assert_eq!(sidclaw.verify.strength(), Strength::Body);
    assert!(
        matches!(&sidclaw.events.as_ref().unwrap().at, Place::Body(at) if at.as_str() == "/event")
    );
    let answer = sidclaw.answer.as_ref().unwrap();
    assert!(matches!(answer.reject.auth, Some(Auth::Bearer(_))));
    assert_eq!(answer.statuses.already, Some(vec![409]));
}
