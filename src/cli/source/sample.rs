//! What a source is sent to try it out: a request of ours that nobody can take for a real one. Whatever in it looks like
//! an id begins as the ids of samples do, so that a server that looks elsewhere still finds a sample.

use anyhow::{Context as _, bail};
use http::{HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::app::sources::Shape;
use crate::domain::id::RequestId;
use crate::json::{self, Pointer};
use crate::source::FieldRule;
use crate::source::webhook::{Place, Settings};

/// How long a sample says that it can be answered: it is soon gone from what waits for people.
const EXPIRES_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// An id that no sample had before.
pub(super) fn id() -> String {
    format!("{}{}", RequestId::SAMPLE, uuid::Uuid::now_v7().simple())
}

/// The headers that a delivery has beside its proofs: what happened, where that is not in its body, and the delivery's
/// own id. `event` is what happened; if nothing is said, somebody asks.
pub(super) fn headers(
    shape: &Shape,
    event: Option<&str>,
    delivery: &str,
) -> anyhow::Result<Vec<(HeaderName, HeaderValue)>> {
    let events = match shape {
        Shape::Webhook(settings) => settings.events.as_ref(),
        Shape::TraceMem(_) | Shape::Http => None,
    };
    let (mut headers, mut said) = (Vec::new(), false);
    if let Some(events) = events {
        if let (Place::Header(name), Some(word)) = (
            &events.at,
            event.or(events.request.first().map(String::as_str)),
        ) {
            let value = HeaderValue::from_str(word)
                .with_context(|| format!("`{word}` does not fit into the header `{name}`"))?;
            headers.push((name.clone(), value));
            said = true;
        }
        if let Some(Place::Header(name)) = &events.id {
            headers.push((name.clone(), HeaderValue::from_str(delivery)?));
        }
    }
    if event.is_some() && !said {
        bail!(
            "this source's deliveries do not name their event in a header; it belongs into the body"
        );
    }
    Ok(headers)
}

/// A request with this id, in which every configured part is there. It asks for nothing that exists.
pub(super) fn request(shape: &Shape, id: &str, now: Timestamp) -> anyhow::Result<Value> {
    let facts = Facts::new(now);
    match shape {
        Shape::TraceMem(fields) => {
            let mut body = json!({
                "event": "approval.requested",
                "approval_id": id,
                "decision_id": format!("{id}-decision"),
                "title": facts.title,
                "message": facts.message,
                "expires_at": facts.expires_at,
                "require_rationale": false,
                "token": facts.token,
            });
            let parts = [
                (&fields.context, facts.context),
                (&fields.action, facts.action),
                (&fields.agent, facts.agent),
            ];
            let parts = parts
                .into_iter()
                .filter_map(|(rule, part)| Some((rule.clone()?, part)));
            fill(&mut body, parts.collect())?;
            Ok(body)
        }
        Shape::Webhook(settings) => described(settings, id, facts, now),
        Shape::Http => Ok(json!({
            "id": id,
            "action": facts.action,
            "context": facts.context,
            "title": facts.title,
            "message": facts.message,
            "expires_at": facts.expires_at,
        })),
    }
}

/// The least that a source with these settings takes for a request: one that has an id, and is soon over.
pub(super) fn least(settings: &Settings, id: &str, now: Timestamp) -> anyhow::Result<Value> {
    let mut body = Value::Object(Map::new());
    let mut parts = naming(settings, id);
    if let Some(rule) = &settings.fields.expires_at {
        parts.push((rule.clone(), written(expiry(now)).into()));
    }
    fill(&mut body, parts)?;
    Ok(body)
}

/// A request as the platform sends it that these settings describe.
fn described(settings: &Settings, id: &str, facts: Facts, now: Timestamp) -> anyhow::Result<Value> {
    let fields = &settings.fields;
    let callback = settings.callback_hosts.first().map_or_else(
        || "https://nobody.invalid/".to_owned(),
        |host| format!("https://{host}/countersign-test"),
    );
    let more = [
        (fields.context.as_ref(), facts.context),
        (fields.action.as_ref(), facts.action),
        (fields.agent.as_ref(), facts.agent),
        (fields.title.as_ref(), facts.title.into()),
        (fields.message.as_ref(), facts.message.into()),
        (fields.requested_at.as_ref(), written(now).into()),
        (fields.expires_at.as_ref(), facts.expires_at.into()),
        (fields.rationale_required.as_ref(), false.into()),
        (fields.token.as_ref(), facts.token.into()),
        (fields.callback.as_ref(), callback.into()),
    ];
    let more = more
        .into_iter()
        .filter_map(|(rule, part)| Some((rule?.clone(), part)));
    let mut body = Value::Object(Map::new());
    fill(
        &mut body,
        naming(settings, id).into_iter().chain(more).collect(),
    )?;
    Ok(body)
}

/// What happened, the delivery's own id and the request's, as far as they are in the body.
fn naming(settings: &Settings, id: &str) -> Vec<(FieldRule, Value)> {
    let mut parts = vec![(settings.fields.id.clone(), Value::from(id))];
    if let Some(events) = &settings.events {
        if let (Some(at), Some(word)) = (in_body(&events.at), events.request.first()) {
            parts.push((at, word.as_str().into()));
        }
        if let Some(at) = events.id.as_ref().and_then(in_body) {
            parts.push((at, format!("{id}-delivery").into()));
        }
    }
    parts
}

fn in_body(place: &Place) -> Option<FieldRule> {
    match place {
        Place::Body(at) => Some(FieldRule::At(at.clone())),
        Place::Header(_) => None,
    }
}

/// The request in `bytes` under another id. `old` is what it was called before, which is written nowhere any more.
pub(super) fn renamed(
    bytes: &[u8],
    shape: &Shape,
    old: Option<&str>,
    id: &str,
) -> anyhow::Result<Value> {
    let mut body = json::parse(bytes)?;
    if !body.is_object() {
        bail!("it is not a JSON object");
    }
    if let Some(old) = old {
        rename(&mut body, old, id);
    }
    let place = match shape {
        Shape::TraceMem(_) => FieldRule::At(Pointer::parse("/approval_id")?),
        Shape::Webhook(settings) => settings.fields.id.clone(),
        Shape::Http => FieldRule::At(Pointer::parse("/id")?),
    };
    put(&mut body, &place, id.into())
        .context("it has something else where the id of a request is")?;
    Ok(body)
}

/// What a sample says.
struct Facts {
    action: Value,
    agent: Value,
    context: Value,
    title: &'static str,
    message: &'static str,
    expires_at: String,
    token: String,
}

impl Facts {
    fn new(now: Timestamp) -> Self {
        Self {
            action: "countersign.test".into(),
            agent: "countersign-test".into(),
            context: json!({"sample": true, "amount": 1}),
            title: "A sample",
            message: "An operator tries out this source. Nobody waits for an answer.",
            expires_at: written(expiry(now)),
            token: format!("{}-token", id()),
        }
    }
}

fn expiry(now: Timestamp) -> Timestamp {
    now.saturating_add(EXPIRES_AFTER).unwrap_or(Timestamp::MAX)
}

/// A time as every platform writes it.
fn written(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Puts every part where its rule looks for it, those nearest to the root first, so that none is lost in another.
fn fill(body: &mut Value, mut parts: Vec<(FieldRule, Value)>) -> anyhow::Result<()> {
    parts.sort_by_key(|(rule, _)| depth(rule));
    for (rule, part) in parts {
        put(body, &rule, part).context(
            "no sample can be made of these `fields`; give a delivery of your own with --request",
        )?;
    }
    Ok(())
}

fn depth(rule: &FieldRule) -> (usize, usize) {
    let steps = |pointer: &Pointer| pointer.steps().len();
    match rule {
        FieldRule::At(at) | FieldRule::Or { at, .. } => (steps(at), 0),
        FieldRule::Inside { at, json } => (steps(at), 1 + steps(json)),
        FieldRule::Value(_) => (0, 0),
        FieldRule::FirstOf(rules) => rules.first().map_or((0, 0), depth),
    }
}

fn put(body: &mut Value, rule: &FieldRule, part: Value) -> anyhow::Result<()> {
    let there = match rule {
        // It is always something else.
        FieldRule::Value(_) => true,
        FieldRule::FirstOf(rules) => {
            return rules.first().map_or(Ok(()), |rule| put(body, rule, part));
        }
        FieldRule::At(at) | FieldRule::Or { at, .. } => put_at(body, at, part),
        FieldRule::Inside { at, json } => {
            let text = at.find(body).and_then(Value::as_str).unwrap_or_default();
            let mut document = json::parse(text.as_bytes()).unwrap_or_default();
            if !document.is_object() {
                document = Value::Object(Map::new());
            }
            put_at(&mut document, json, part) && at.put(body, document.to_string().into())
        }
    };
    if !there {
        bail!("there is another value on the way to a field");
    }
    Ok(())
}

/// What is an object already keeps what it has.
fn put_at(body: &mut Value, at: &Pointer, part: Value) -> bool {
    match (at.find(body), part) {
        (Some(Value::Object(there)), Value::Object(more)) => {
            let mut both = there.clone();
            for (name, value) in more {
                both.entry(name).or_insert(value);
            }
            at.put(body, Value::Object(both))
        }
        (_, part) => at.put(body, part),
    }
}

fn rename(value: &mut Value, old: &str, new: &str) {
    match value {
        Value::String(text) if text == old => new.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, old, new)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|member| rename(member, old, new)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FieldMap;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn at(raw: &str) -> FieldRule {
        FieldRule::At(Pointer::parse(raw).unwrap())
    }

    fn tracemem(context: &str, action: FieldRule, agent: &str) -> Shape {
        Shape::TraceMem(Box::new(FieldMap {
            context: Some(at(context)),
            action: Some(action),
            agent: Some(at(agent)),
        }))
    }

    #[test]
    fn every_configured_part_is_where_the_source_looks_for_it() {
        let inside = FieldRule::Inside {
            at: Pointer::parse("/message").unwrap(),
            json: Pointer::parse("/ask/action").unwrap(),
        };
        for (shape, parts) in [
            (
                tracemem("/context", at("/intent"), "/agent_id"),
                ["/context/amount", "/intent", "/agent_id"],
            ),
            (
                tracemem("/data", at("/data/action"), "/data/by/0/id"),
                ["/data/amount", "/data/action", "/data/by/0/id"],
            ),
            (
                tracemem("", at("/intent"), "/agent_id"),
                ["/amount", "/intent", "/agent_id"],
            ),
            (
                tracemem("/context", inside, "/agent_id"),
                ["/context/sample", "/message", "/agent_id"],
            ),
        ] {
            let body = request(&shape, "countersign-test-1", NOW).unwrap();
            for part in parts {
                assert!(body.pointer(part).is_some(), "{part} in {body}");
            }
            assert_eq!(body["approval_id"], "countersign-test-1");
        }
    }

    #[test]
    fn parts_that_stand_in_each_others_way_are_said_to() {
        let shape = tracemem("/context", at("/title"), "/title/agent");
        let error = request(&shape, "countersign-test-1", NOW).unwrap_err();
        assert!(format!("{error:#}").contains("--request"), "{error:#}");
    }

    #[test]
    fn what_a_request_was_called_before_is_nowhere_in_it() {
        let body = br#"{"approval_id": "appr_1", "data": {"id": "appr_1", "n": [1, "appr_1"]}, "other": "appr_2"}"#;
        let shape = tracemem("/context", at("/intent"), "/agent_id");
        let body = renamed(body, &shape, Some("appr_1"), "countersign-test-1").unwrap();
        let id = "countersign-test-1";
        assert_eq!(
            body,
            json!({"approval_id": id, "data": {"id": id, "n": [1, id]}, "other": "appr_2"})
        );
    }

    #[test]
    fn two_samples_are_two_requests() {
        assert!(RequestId::parse(&id()).unwrap().is_sample());
        assert_ne!(id(), id());
    }
}
