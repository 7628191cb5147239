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

pub(super) fn webhook(rest: &str) -> String {
    format!("{OPERATOR}sources:\n  - name: pay\n    kind: webhook\n{rest}")
}

pub(super) fn warden(rest: &str) -> String {
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

/// Every key that a described platform can have.
pub(super) const WHOLE: &str = r#"
    path: /hooks/pay
    api_url: https://api.example.com/base
    verify: [{hmac: {header: X-Sig, secrets: [{env: LONG}]}}]
    event: {header: X-Event, request: [ask, ask.again], resolved: [done], id: {header: X-Id}}
    fields:
      id: {at: /body, json: /id}
      action: {value: pay}
      agent: {at: /agent, default: nobody}
      context: /context
      title: /title
      message: /message
      requested_at: /at
      expires_at: /until
      rationale_required: /why
      token: /token
      callback: /callback
    resolved: {id: /ref, outcome: /status, by: /by, reason: /reason}
    volatile: [/sent_at]
    forward_to: https://executor.internal/hook
    forward: all
    acknowledge: {enforce: {decision: defer}, dry_run: {decision: pending, at: 5}}
    auth: {basic: {user: us, password: {env: LONG}}}
    confirm:
      request: {url: "{api_url}/r/{id}?a={agent}&b={action}", headers: {X-Token: "{token}"}, auth: {header: {name: X-Key, value: {env: LONG}}}}
      id: /id
      fields: {action: /action}
      status: {at: /status, pending: [open]}
      within: 90s
    reconcile: 10m
    pending:
      request: {method: POST, url: "{api_url}/search", body: {q: open, max: 5}}
      items: /data
      pages: {cursor: /next, parameter: after}
    answer:
      approve: {url: "{callback}", body: {status: "{resolution}", id: "{id}", run: "{/data/run}", note: "by {case_id}", list: ["{agent}", 1, null]}, auth: {bearer: "{token}"}}
      reject: {method: PATCH, url: "https://a.example/{id}", headers: {X-Reason: "{rationale}"}}
      auth: {hmac: {header: X-Sig, algorithm: sha512, encoding: base64, prefix: "v1=", signed: "{id}.{timestamp}.{body}", timestamp_header: X-At, id_header: X-Id, secret: {env: OTHER}}}
      status: {done: [200], already: [409], expired: [410], retry: [], alert: [401]}
      outcome: /result
      rationale_limit: 250
    callback_hosts: [app.example.com, 10.1.0.0/16, "::1"]
    answer_within: 5m
    credential_expires: 2027-11-01
"#;

#[test]
fn every_key_of_a_described_platform_is_what_it_works_with() {
    let (config, warnings) = good(&webhook(WHOLE));
    assert!(warnings.is_empty(), "{}", shown(&warnings));
    let source = &config.sources[0];
    assert_eq!(source.path, "/hooks/pay");
    let webhook = described(&config, 0);
    assert_eq!(
        (webhook.rationale_limit, webhook.forward),
        (250, Forward::All)
    );
    assert_eq!(webhook.answer_within, Duration::from_mins(5));
    assert!(webhook.credential_expires.is_some());
    let settings = &webhook.settings;
    let events = settings.events.as_ref().unwrap();
    assert!(matches!(&events.at, Place::Header(name) if name == "x-event"));
    assert!(matches!(&events.id, Some(Place::Header(name)) if name == "x-id"));
    assert_eq!((events.request.len(), events.resolved.len()), (2, 1));
    let fields = &settings.fields;
    assert!(matches!(fields.id, FieldRule::Inside { .. }));
    assert!(matches!(fields.action, Some(FieldRule::Value(_))));
    assert!(matches!(fields.agent, Some(FieldRule::Or { .. })));
    let all = [
        &fields.context,
        &fields.title,
        &fields.message,
        &fields.requested_at,
        &fields.expires_at,
        &fields.rationale_required,
        &fields.token,
        &fields.callback,
        &settings.resolved.id,
        &settings.resolved.outcome,
        &settings.resolved.by,
        &settings.resolved.reason,
    ];
    assert!(
        all.iter()
            .all(|rule| matches!(rule, Some(FieldRule::At(_))))
    );
    assert_eq!(settings.volatile.len(), 1);
    assert_eq!(
        settings.acknowledge.dry_run.as_ref().unwrap()["at"],
        serde_json::json!(5)
    );
    let confirm = settings.confirm.as_ref().unwrap();
    assert_eq!(confirm.within.as_secs(), 90);
    assert_eq!(confirm.lookup.call.method, http::Method::GET);
    assert!(confirm.lookup.items.is_none());
    assert!(matches!(confirm.lookup.pages, Pages::One));
    assert!(matches!(
        confirm.lookup.call.auth,
        Some(Auth::Header { .. })
    ));
    let reconcile = settings.reconcile.as_ref().unwrap();
    assert_eq!(reconcile.every.as_mins(), 10);
    let lookup = &reconcile.lookup;
    assert_eq!(lookup.call.method, http::Method::POST);
    assert!(matches!(lookup.call.auth, Some(Auth::Basic { .. })));
    assert!(matches!(&lookup.pages, Pages::Cursor { parameter, .. } if parameter == "after"));
    assert!(lookup.status.is_some() && lookup.fields.action.is_some());
    let answer = settings.answer.as_ref().unwrap();
    assert_eq!(answer.approve.method, http::Method::POST);
    assert_eq!(answer.reject.method, http::Method::PATCH);
    assert!(matches!(answer.approve.auth, Some(Auth::OwnToken)));
    assert!(matches!(&answer.reject.auth, Some(Auth::Hmac(scheme)) if scheme.secrets.len() == 1));
    assert_eq!(answer.statuses.retry, Some(Vec::new()));
    assert_eq!(answer.outcome.as_ref().unwrap().as_str(), "/result");
}

#[test]
fn a_described_platform_needs_no_more_than_where_the_id_is() {
    let settings = settings(&webhook("    fields: {id: /id}\n"));
    assert_eq!(settings.platform, "webhook");
    assert!(settings.events.is_none() && settings.confirm.is_none());
    assert!(settings.answer.is_none() && settings.reconcile.is_none());
    assert_eq!(settings.verify.strength(), Strength::Nothing);
}

#[test]
fn agentwarden_is_known_but_for_who_logs_in() {
    let settings = settings(&warden(
        "    mode: enforce\n    login: {email: bot@example.com, password: {env: LONG}}\n    verify: [{secret_path: {env: OTHER}}]\n",
    ));
    assert_eq!(settings.platform, "agentwarden");
    assert!(settings.events.is_some() && settings.reconcile.is_none());
    let answer = settings.answer.as_ref().unwrap();
    let confirm = settings.confirm.as_ref().unwrap();
    for call in [&answer.approve, &answer.reject, &confirm.lookup.call] {
        let Some(Auth::Login(login)) = &call.auth else {
            panic!("it logs in")
        };
        assert_eq!(login.url.host(), "api.agentwarden.io");
        assert_eq!(
            login.body,
            serde_json::json!({"email": "bot@example.com", "password": "{password}"})
        );
        assert_eq!(login.lifetime.as_hours(), 7 * 24);
    }
}

#[test]
fn what_is_written_of_agentwarden_goes_before_what_is_known() {
    let settings = settings(&warden(
        r#"    api_url: http://127.0.0.1:9/base
    login: {email: a, password: {env: LONG}, url: "{api_url}/in", token: /jwt, lifetime: 1h}
    event: {request: [log.pending_approval, approval.requested]}
    fields: {title: /data/title}
    resolved: {by: /data/approver}
    confirm: {request: {url: "{api_url}/api/approvals/{id}"}, fields: {title: /title}}
    reconcile: 5m
    answer: {approve: {url: "{api_url}/yes/{id}"}, status: {already: [400]}}
"#,
    ));
    let events = settings.events.as_ref().unwrap();
    assert_eq!((events.request.len(), events.resolved.len()), (2, 2));
    assert!(settings.fields.title.is_some() && settings.fields.agent.is_some());
    assert!(settings.resolved.by.is_some() && settings.resolved.id.is_some());
    let confirm = &settings.confirm.as_ref().unwrap().lookup;
    // One record, and not a list, is what another address brings.
    assert!(confirm.items.is_none() && matches!(confirm.pages, Pages::One));
    assert!(confirm.fields.title.is_some() && confirm.fields.agent.is_some());
    assert!(confirm.status.is_some());
    let pending = &settings.reconcile.as_ref().unwrap().lookup;
    assert!(pending.items.is_some() && pending.fields.title.is_some());
    assert!(matches!(pending.pages, Pages::Offset { .. }));
    assert!(
        matches!(&pending.call.auth, Some(Auth::Login(login)) if login.token.as_str() == "/jwt")
    );
    let answer = settings.answer.as_ref().unwrap();
    assert!(answer.approve.body.is_none() && answer.reject.body.is_some());
    assert_eq!(answer.statuses.already, Some(vec![400]));
}

#[test]
fn every_way_to_authenticate_is_read_from_a_value_and_from_a_file() {
    for (way, kind) in [
        ("bearer: {env: LONG}", "Bearer"),
        ("bearer: a-plain-secret-0123456789", "Bearer"),
        ("bearer_file: /nope", "Bearer"),
        ("bearer: \"{token}\"", "OwnToken"),
        ("header: {name: X, value: {file: /nope}}", "Header"),
        ("header: {name: X, value_file: /nope}", "Header"),
        ("basic: {user: u, password: {env: LONG}}", "Basic"),
        ("basic: {user: u, password_file: /nope}", "Basic"),
        ("hmac: {header: X, secret: {env: LONG}}", "Hmac"),
        ("hmac: {header: X, secret_file: /nope}", "Hmac"),
        (
            "login: {url: https://a.example/in, body: {u: x, p: \"{password}\"}, password: {env: LONG}}",
            "Login",
        ),
        (
            "login: {url: https://a.example/in, body: [\"{password}\"], password_file: /nope, token: /t, lifetime: 1h}",
            "Login",
        ),
    ] {
        let settings = settings(&webhook(&format!(
            "    fields: {{id: /id, token: /t}}\n    auth: {{{way}}}\n    answer: {{approve: {{url: https://a.example}}, reject: {{url: https://a.example}}}}\n"
        )));
        let auth = settings.answer.unwrap().approve.auth;
        let shown = format!("{auth:?}");
        assert!(shown.starts_with(&format!("Some({kind}")), "{way}: {shown}");
        assert!(!shown.contains("0123456789"), "{shown}");
    }
}

#[test]
fn what_authenticates_a_source_is_not_sent_to_an_address_that_came_with_a_request() {
    let settings = settings(&webhook(
        "    auth: {bearer: key-of-the-platform-0123456789}\n    verify: [{static_header: {name: X, secrets: [a-long-secret-0123456789]}}]\n    \
         fields: {id: /id, callback: /url}\n    callback_hosts: [app.example.com]\n    \
         answer: {approve: {url: \"{callback}\"}, reject: {url: \"https://api.example.com/{id}\"}}\n",
    ));
    let answer = settings.answer.unwrap();
    assert!(answer.approve.auth.is_none());
    assert!(matches!(answer.reject.auth, Some(Auth::Bearer(_))));
}

#[test]
fn what_is_written_for_answers_is_sent_to_callbacks_too() {
    let settings = settings(&webhook(
        "    fields: {id: /id, callback: /url, token: /token}\n    callback_hosts: [app.example.com]\n    \
         answer: {auth: {bearer: \"{token}\"}, approve: {url: \"{callback}\"}, reject: {url: \"{callback}\"}}\n",
    ));
    let answer = settings.answer.unwrap();
    assert!(matches!(answer.approve.auth, Some(Auth::OwnToken)));
}
