//! Reads how a platform's events are told apart.

use super::fields::pointer;
use crate::config::code;
use crate::config::reader::{Map, Reader};
use crate::config::verify::header;
use crate::config::yaml::{Kind, Node};
use crate::diagnostic::Diagnostic;
use crate::source::webhook::{Events, Place};

const EXAMPLE: &str = "write `event: {at: /event, request: [approval.requested]}`";

/// Which deliveries ask, and which tell an end. What is not written is as in `preset`; with neither, every delivery asks.
pub(super) fn events(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    preset: Option<&Events>,
) -> Option<Events> {
    let Some(node) = map.take("event") else {
        return preset.cloned();
    };
    let mut map = reader.map(node, EXAMPLE)?;
    let at = at(reader, &mut map, preset);
    let request_node = map.take("request");
    let request = match (request_node, preset) {
        (Some(node), _) => words(reader, node, "write `request: [approval.requested]`"),
        (None, Some(preset)) => preset.request.clone(),
        (None, None) => {
            let help = "name the events that ask: `request: [approval.requested]`";
            reader.missing(&map, "request", help);
            Vec::new()
        }
    };
    if let Some(node) = request_node.filter(|node| is_empty(node)) {
        let help = "name the events that ask, or remove `event` if every delivery does";
        reader.bad(&node.span, "no event asks", help);
    }
    let resolved = match map.take("resolved") {
        Some(node) => {
            let resolved = words(reader, node, "write `resolved: [approval.approved]`");
            one_meaning(reader, node, &request);
            resolved
        }
        None => preset
            .map(|preset| preset.resolved.clone())
            .unwrap_or_default(),
    };
    let id = match map.take("id") {
        Some(node) => place(reader, node),
        None => preset.and_then(|preset| preset.id.clone()),
    };
    reader.close(&map);
    Some(Events {
        at: at?,
        request,
        resolved,
        id,
    })
}

fn at(reader: &mut Reader<'_>, map: &mut Map<'_>, preset: Option<&Events>) -> Option<Place> {
    match (map.take("at"), map.take("header")) {
        (Some(node), None) => pointer(reader, node).map(Place::Body),
        (None, Some(node)) => header(reader, node).map(Place::Header),
        (Some(_), Some(node)) => {
            let mistake = Diagnostic::error(code::BOTH_TWINS, "both `at` and `header` are given");
            reader.note(&node.span, mistake.help("keep one of the two"));
            None
        }
        (None, None) => {
            if preset.is_none() {
                let help = "say where the event's word is: `at: /event`, or `header: X-Event`";
                reader.missing(map, "at", help);
            }
            preset.map(|preset| preset.at.clone())
        }
    }
}

/// A word cannot both ask and tell an end.
fn one_meaning(reader: &mut Reader<'_>, resolved: &Node, request: &[String]) {
    let Kind::Sequence(items) = &resolved.kind else {
        return;
    };
    for node in items {
        if let Kind::Scalar { text, .. } = &node.kind
            && request.contains(text)
        {
            let message = format!("`{text}` is under `request` too");
            let help = "an event asks or tells an end: keep it in one of the two";
            reader.note(
                &node.span,
                Diagnostic::error(code::DUPLICATE, message).help(help),
            );
        }
    }
}

fn is_empty(node: &Node) -> bool {
    matches!(&node.kind, Kind::Sequence(items) if items.is_empty())
}

/// A pointer into the body, or a header.
fn place(reader: &mut Reader<'_>, node: &Node) -> Option<Place> {
    let Kind::Mapping(_) = &node.kind else {
        return pointer(reader, node).map(Place::Body);
    };
    let example = "write a JSON pointer such as `/id`, or `{header: X-Webhook-ID}`";
    let mut map = reader.map(node, example)?;
    let header = reader
        .required(&mut map, "header", example)
        .and_then(|node| header(reader, node));
    reader.close(&map);
    header.map(Place::Header)
}

/// A list of words.
pub(super) fn words(reader: &mut Reader<'_>, node: &Node, example: &str) -> Vec<String> {
    let items = reader.list(node, example).unwrap_or_default();
    items
        .iter()
        .filter_map(|node| {
            reader.parsed(node, "a word", example, |text| {
                (!text.is_empty()).then(|| text.to_owned())
            })
        })
        .collect()
}
