//! Reads where the parts of a request are, in a payload or in a record.

use crate::config::reader::{Map, Reader};
use crate::config::yaml::{Kind, Node};
use crate::json::Pointer;
use crate::source::FieldRule;
use crate::source::webhook::{Fields, ResolvedFields};

const HOW_A_FIELD_IS_WRITTEN: &str = "write a JSON pointer such as `/intent`, `{value: refund}`, `{at: /message, json: /amount}` or `{at: /kind, default: refund}`";
const EXAMPLE: &str = "write `fields: {id: /data/id, action: /data/action, agent: /data/agent_id, context: /data/context}`";

/// Where the parts of a request are in what is delivered. What is not written is as in `preset`.
pub(super) fn of_request(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    preset: Option<&Fields>,
) -> Option<Fields> {
    let Some(node) = map.take("fields") else {
        if preset.is_none() {
            reader.missing(map, "fields", EXAMPLE);
        }
        return preset.cloned();
    };
    let mut map = reader.map(node, EXAMPLE)?;
    let id = match (map.take("id"), preset) {
        (Some(node), _) => id(reader, node),
        (None, Some(preset)) => Some(preset.id.clone()),
        (None, None) => {
            let help = "say what the platform calls a request: `id: /data/id`";
            reader.missing(&map, "id", help);
            None
        }
    };
    let fields = parts(reader, &mut map, preset);
    reader.close(&map);
    Some(Fields { id: id?, ..fields })
}

/// Where the parts of a record are, and its id. What is not written is as in `preset`.
pub(super) fn of_record(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    preset: Option<&Fields>,
) -> Option<Fields> {
    let id = match (map.take("id"), preset) {
        (Some(node), _) => id(reader, node),
        (None, Some(preset)) => Some(preset.id.clone()),
        (None, None) => {
            let help =
                "say where a record has its id, as the platform calls it in a request: `id: /id`";
            reader.missing(map, "id", help);
            None
        }
    };
    let example = "write `fields: {action: /action, agent: /agent_id, context: /context}`; `id` stands beside it";
    let Some(node) = map.take("fields") else {
        if preset.is_none() {
            reader.missing(map, "fields", example);
        }
        return Some(Fields {
            id: id?,
            ..preset?.clone()
        });
    };
    let mut map = reader.map(node, example)?;
    let fields = parts(reader, &mut map, preset);
    reader.close(&map);
    if matches!(&node.kind, Kind::Mapping(entries) if entries.is_empty()) {
        reader.bad(&node.span, "a record without fields says nothing", example);
    }
    Some(Fields { id: id?, ..fields })
}

/// Where the parts of an event are that tells an end.
pub(super) fn of_end(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    preset: &ResolvedFields,
) -> ResolvedFields {
    let mut fields = preset.clone();
    let example = "write `resolved: {id: /data/approval_id, outcome: /data/status}`";
    let Some(mut map) = map
        .take("resolved")
        .and_then(|node| reader.map(node, example))
    else {
        return fields;
    };
    for (key, field) in [
        ("id", &mut fields.id),
        ("outcome", &mut fields.outcome),
        ("by", &mut fields.by),
        ("reason", &mut fields.reason),
    ] {
        put(reader, &mut map, key, field);
    }
    reader.close(&map);
    fields
}

/// All but the id, which is left as it is.
fn parts(reader: &mut Reader<'_>, map: &mut Map<'_>, preset: Option<&Fields>) -> Fields {
    let mut fields = preset
        .cloned()
        .unwrap_or_else(|| Fields::of(FieldRule::Value(serde_json::Value::Null)));
    for (key, field) in [
        ("action", &mut fields.action),
        ("agent", &mut fields.agent),
        ("context", &mut fields.context),
        ("title", &mut fields.title),
        ("message", &mut fields.message),
        ("requested_at", &mut fields.requested_at),
        ("expires_at", &mut fields.expires_at),
        ("rationale_required", &mut fields.rationale_required),
        ("token", &mut fields.token),
        ("callback", &mut fields.callback),
    ] {
        put(reader, map, key, field);
    }
    fields
}

fn put(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    key: &'static str,
    field: &mut Option<FieldRule>,
) {
    if let Some(node) = map.take(key) {
        *field = rule(reader, node);
    }
}

/// What tells one request from another can be no constant.
fn id(reader: &mut Reader<'_>, node: &Node) -> Option<FieldRule> {
    let rule = rule(reader, node)?;
    match rule {
        FieldRule::At(_) | FieldRule::Inside { .. } | FieldRule::FirstOf(_) => Some(rule),
        FieldRule::Value(_) | FieldRule::Or { .. } => {
            let help =
                "write the JSON pointer to what the platform calls the request, such as `/data/id`";
            reader.bad(&node.span, "two requests would have the same id", help);
            None
        }
    }
}

/// One part.
pub(super) fn rule(reader: &mut Reader<'_>, node: &Node) -> Option<FieldRule> {
    let Kind::Mapping(_) = &node.kind else {
        return pointer(reader, node).map(FieldRule::At);
    };
    let mut map = reader.map(node, HOW_A_FIELD_IS_WRITTEN)?;
    let (value, at) = (map.take("value"), map.take("at"));
    let (json, default) = (map.take("json"), map.take("default"));
    let field = match (value, at, json, default) {
        (Some(value), None, None, None) => reader.json(value).map(FieldRule::Value),
        (None, Some(at), Some(json), None) => {
            let (at, json) = (pointer(reader, at), pointer(reader, json));
            at.zip(json)
                .map(|(at, json)| FieldRule::Inside { at, json })
        }
        (None, Some(at), None, Some(default)) => {
            let (at, default) = (pointer(reader, at), reader.json(default));
            at.zip(default)
                .map(|(at, default)| FieldRule::Or { at, default })
        }
        (Some(_) | None, _, _, _) => {
            let message = "this does not say where the field is";
            reader.bad(&node.span, message, HOW_A_FIELD_IS_WRITTEN);
            None
        }
    };
    reader.close(&map);
    field
}

/// A way into a JSON document.
pub(super) fn pointer(reader: &mut Reader<'_>, node: &Node) -> Option<Pointer> {
    let help = "write the way to the field, such as `/data/intent`";
    reader.parsed(node, "a JSON pointer", help, |text| {
        Pointer::parse(text).ok()
    })
}

/// What may differ between two deliveries of one request.
pub(super) fn volatile(reader: &mut Reader<'_>, map: &mut Map<'_>) -> Vec<Pointer> {
    let items = map
        .take("volatile")
        .and_then(|node| reader.list(node, "write `volatile: [/sent_at]`"));
    items
        .unwrap_or_default()
        .iter()
        .filter_map(|node| pointer(reader, node))
        .collect()
}
