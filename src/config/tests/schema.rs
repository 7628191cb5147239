//! The JSON Schema and the reader agree on what a described platform may say.

use super::webhooks::{WHOLE, warden, webhook};
use super::*;

/// Whether an editor that goes by the schema finds nothing to say.
fn fits(text: &str) -> bool {
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
    let config: serde_json::Value = serde_yaml::from_str(text).unwrap();
    jsonschema::validator_for(&schema)
        .unwrap()
        .is_valid(&config)
}

const LOGIN: &str = "    login: {email: a, password: {env: LONG}}\n";

#[test]
fn the_schema_takes_what_the_reader_takes() {
    let source = |rest: &str| webhook(&format!("    fields: {{id: /id}}\n    {rest}\n"));
    for text in [
        DEFAULT_FILE.to_owned(),
        uncommented(),
        webhook(WHOLE),
        webhook("    fields: {id: /id}\n"),
        source("auth: {bearer: \"{token}\"}").replace("/id}", "/id, token: /t}"),
        source("auth: {bearer_file: x}"),
        source("auth: {header: {name: X, value_file: x}}"),
        source("auth: {hmac: {header: X, secret_file: x}}"),
        source("event: {at: /e, request: [a], id: /id}"),
        source("callback_hosts: []"),
        warden(LOGIN),
        warden("    auth: {bearer_file: x}\n"),
        warden(&format!(
            "{LOGIN}    confirm: {{within: 1m}}\n    reconcile: 5m\n    event: {{header: X}}\n"
        )),
        warden(&format!(
            "{LOGIN}    reconcile: 5m\n    pending: {{pages: {{limit: 5}}}}\n    answer: {{rationale_limit: 5}}\n"
        )),
    ] {
        let variables = |name: &str| Some(format!("{name}-0123456789abcdef"));
        let read = Config::parse(&text, "countersign.yaml", &variables, now());
        assert!(read.is_ok(), "{text}\n{}", shown(&read.unwrap_err()));
        assert!(fits(&text), "{text}");
    }
}

#[test]
fn the_schema_refuses_what_the_reader_refuses_for_its_shape() {
    let source = |rest: &str| webhook(&format!("    fields: {{id: /id}}\n    {rest}\n"));
    let call = "{url: https://a.example}";
    for text in [
        webhook(""),
        webhook("    fields: {action: /a}\n"),
        webhook("    fields: {id: {value: 1}}\n"),
        webhook("    fields: {id: /id, identifier: /id}\n"),
        webhook("    fields: {id: id}\n"),
        source("evnt: {}"),
        source("event: {at: /e}"),
        source("event: {at: /e, request: []}"),
        source("event: {at: /e, header: X, request: [a]}"),
        source("forward: all"),
        source("forward_to: https://a.example\n    forward: none"),
        source("acknowledge: {enforce: {status: x}}"),
        source("auth: {}"),
        source("auth: {bearer: a, bearer_file: b}"),
        source("auth: {header: {name: X}}"),
        source("auth: {header: {name: X, value: {env: LONG}, value_file: b}}"),
        source("auth: {basic: {password_file: x}}"),
        source("auth: {hmac: {secret_file: x}}"),
        source("auth: {login: {url: https://a.example, password_file: x}}"),
        source("login: {email: a, password_file: x}"),
        source("reconcile: 5m"),
        source("confirm: {request: {url: https://a.example}, id: /id}"),
        source("confirm: {request: {url: https://a.example}, id: /id, fields: {}}"),
        source("confirm: {request: {}, id: /id, fields: {action: /a}}"),
        source(&format!("answer: {{approve: {call}}}")),
        source(&format!(
            "answer: {{approve: {call}, reject: {{url: https://a.example, method: TRACE}}}}"
        )),
        source(&format!(
            "answer: {{approve: {call}, reject: {call}, status: {{done: [99]}}}}"
        )),
        source(&format!(
            "answer: {{approve: {call}, reject: {call}, rationale_limit: 0}}"
        )),
        warden(""),
        warden("    login: {email: a}\n"),
        warden(&format!("{LOGIN}    auth: {{bearer_file: x}}\n")),
        warden(&format!(
            "{LOGIN}    confirm: {{pages: {{limit: 5, cursor: /n}}}}\n"
        )),
        warden(&format!("{LOGIN}    pending: {{pages: {{limit: 5}}}}\n")),
    ] {
        assert!(parse(&text).is_err(), "{text}");
        assert!(!fits(&text), "{text}");
    }
}
