//! Reads how a platform is told, and what an acknowledgement says.

use serde_json::{Map as Object, Value};

use super::auth;
use super::calls::call;
use super::fields::pointer;
use super::lookups::authenticated;
use super::scope::{Scope, Usual};
use crate::config::code;
use crate::config::reader::{Map, Reader};
use crate::config::yaml::{Kind, Node};
use crate::diagnostic::Diagnostic;
use crate::source::webhook::{Acknowledge, Answering, Call, Statuses};

const RATIONALE_LIMIT: usize = 1_000;
const LONGEST_RATIONALE: usize = 100_000;
/// What every acknowledgement says.
const OUR_MEMBERS: [&str; 2] = ["status", "case_id"];

/// How a platform is told, and the longest rationale it is sent. What is not written is as in `preset`.
pub(super) fn answer(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    scope: &Scope<'_>,
    preset: Option<&Answering>,
) -> (Option<Answering>, usize) {
    let example = "write `answer: {approve: {url: …}, reject: {url: …}}`";
    let Some(node) = map.take("answer") else {
        let preset = preset.map(|preset| Answering {
            approve: authenticated(&preset.approve, scope),
            reject: authenticated(&preset.reject, scope),
            ..preset.clone()
        });
        return (preset, RATIONALE_LIMIT);
    };
    let Some(mut map) = reader.map(node, example) else {
        return (None, RATIONALE_LIMIT);
    };
    let auth_node = map.take("auth");
    let own = auth_node.and_then(|node| auth::auth(reader, node, scope.api_url));
    let scope = match auth_node {
        Some(_) => Scope {
            auth: Usual::of(auth_node, own.as_ref()),
            callback_auth: Usual::of(auth_node, own.as_ref()),
            ..*scope
        },
        None => *scope,
    };
    let mut one = |map: &mut Map<'_>, key, preset: Option<&Call>| match (map.take(key), preset) {
        (Some(node), _) => call(reader, node, &scope),
        (None, Some(preset)) => Some(authenticated(preset, &scope)),
        (None, None) => {
            let help = format!(
                "say what is called: `{key}: {{url: \"{{api_url}}/approvals/{{id}}/{key}\"}}`"
            );
            reader.missing(map, key, &help);
            None
        }
    };
    let approve = one(&mut map, "approve", preset.map(|preset| &preset.approve));
    let reject = one(&mut map, "reject", preset.map(|preset| &preset.reject));
    let statuses = match map.take("status") {
        Some(node) => statuses(reader, node),
        None => preset
            .map(|preset| preset.statuses.clone())
            .unwrap_or_default(),
    };
    let outcome = match map.take("outcome") {
        Some(node) => pointer(reader, node),
        None => preset.and_then(|preset| preset.outcome.clone()),
    };
    let limit = map
        .take("rationale_limit")
        .and_then(|node| reader.number(node, 1..=LONGEST_RATIONALE));
    reader.close(&map);
    let answering = approve.zip(reject).map(|(approve, reject)| Answering {
        approve,
        reject,
        statuses,
        outcome,
    });
    (answering, limit.unwrap_or(RATIONALE_LIMIT))
}

/// What statuses mean. One means one thing.
fn statuses(reader: &mut Reader<'_>, node: &Node) -> Statuses {
    let example = "write `status: {done: [200, 204], already: [409]}`";
    let mut statuses = Statuses::default();
    let Some(mut map) = reader.map(node, example) else {
        return statuses;
    };
    let mut seen: Vec<(u16, &'static str)> = Vec::new();
    for (key, class) in [
        ("done", &mut statuses.done),
        ("already", &mut statuses.already),
        ("expired", &mut statuses.expired),
        ("retry", &mut statuses.retry),
        ("alert", &mut statuses.alert),
    ] {
        let Some(node) = map.take(key) else { continue };
        let items = reader.list(node, "write `[200, 204]`").unwrap_or_default();
        let mut codes = Vec::new();
        for node in items {
            let Some(code) = reader.number(node, 200..=599) else {
                continue;
            };
            if let Some((_, other)) = seen.iter().find(|(earlier, _)| *earlier == code) {
                let mistake = Diagnostic::error(
                    code::DUPLICATE,
                    format!("{code} is under `{other}` already"),
                );
                reader.note(&node.span, mistake.help("keep one of the two"));
            }
            seen.push((code, key));
            codes.push(code);
        }
        *class = Some(codes);
    }
    reader.close(&map);
    statuses
}

/// What an acknowledgement says beside our own words.
pub(super) fn acknowledge(reader: &mut Reader<'_>, map: &mut Map<'_>) -> Acknowledge {
    let example = "write `acknowledge: {enforce: {decision: defer}, dry_run: {decision: pending}}`";
    let Some(mut map) = map
        .take("acknowledge")
        .and_then(|node| reader.map(node, example))
    else {
        return Acknowledge::default();
    };
    let (enforce, dry_run) = (map.take("enforce"), map.take("dry_run"));
    reader.close(&map);
    Acknowledge {
        enforce: enforce.and_then(|node| members(reader, node, example)),
        dry_run: dry_run.and_then(|node| members(reader, node, example)),
    }
}

fn members(reader: &mut Reader<'_>, node: &Node, example: &str) -> Option<Object<String, Value>> {
    reader.map(node, example)?;
    if let Kind::Mapping(entries) = &node.kind {
        for entry in entries
            .iter()
            .filter(|entry| OUR_MEMBERS.contains(&entry.key.as_str()))
        {
            let message = format!("`{}` is a word of our own", entry.key);
            let help = "every acknowledgement says `status` and `case_id`; leave it out";
            reader.bad(&entry.key_span, message, help);
        }
    }
    match reader.json(node)? {
        Value::Object(members) => Some(members),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            None
        }
    }
}
