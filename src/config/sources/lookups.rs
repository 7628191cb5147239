//! Reads where a platform shows its own records: one at a time, and those that are pending.

use std::time::Duration;

use super::calls::call;
use super::events::words;
use super::fields::{of_record, pointer};
use super::scope::Scope;
use crate::config::code;
use crate::config::reader::{Map, Reader};
use crate::config::sections::duration;
use crate::config::source::signed;
use crate::config::yaml::{Kind, Node};
use crate::diagnostic::Diagnostic;
use crate::source::webhook::{Call, Confirm, Lookup, Pages, Reconcile, Status};

const WITHIN: Duration = Duration::from_mins(2);
const LIMIT: u32 = 100;
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);

/// How one record is read back. What is not written is as in `preset`.
pub(super) fn confirm(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    scope: &Scope<'_>,
    preset: Option<&Confirm>,
) -> Option<Confirm> {
    let Some(node) = map.take("confirm") else {
        let mut confirm = preset?.clone();
        confirm.lookup.call = authenticated(&confirm.lookup.call, scope);
        return Some(confirm);
    };
    let example = "write `confirm: {request: {url: \"{api_url}/approvals/{id}\"}, id: /id, fields: {action: /action}}`";
    let mut map = reader.map(node, example)?;
    let known = Known {
        call: preset.map(|preset| &preset.lookup.call),
        lookup: preset.map(|preset| &preset.lookup),
        otherwise: Otherwise::OneRecord,
    };
    let lookup = lookup(reader, &mut map, scope, &known);
    let within = duration(reader, &mut map, "within", SECOND, DAY).map(signed);
    reader.close(&map);
    Some(Confirm {
        lookup: lookup?,
        within: within
            .or(preset.map(|preset| preset.within))
            .unwrap_or_else(|| signed(WITHIN)),
    })
}

/// How pending requests are found. What is not written is as in `confirm`; the call itself as in `preset`.
pub(super) fn reconcile(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    scope: &Scope<'_>,
    confirm: Option<&Lookup>,
    preset: Option<&Lookup>,
) -> Option<Reconcile> {
    let every_node = map.take("reconcile");
    let every = duration(reader, map, "reconcile", Duration::from_secs(1), DAY);
    let lists = known_of_lists(confirm, preset);
    let known = Known {
        call: preset.map(|preset| &preset.call),
        lookup: lists.as_ref(),
        otherwise: Otherwise::AsKnown,
    };
    let pending_node = map.take("pending");
    let lookup = match pending_node {
        Some(node) => pending(reader, node, scope, &known),
        None => known.call.zip(known.lookup).map(|(call, lookup)| Lookup {
            call: authenticated(call, scope),
            ..lookup.clone()
        }),
    };
    match (every_node, pending_node) {
        (Some(node), None) if preset.is_none() => {
            let message = "`reconcile` has nowhere to look: there is no `pending`";
            let help = "say where the platform lists what is pending: `pending: {request: {url: \"{api_url}/approvals?status=pending\"}, items: \"\"}`";
            let mistake = Diagnostic::error(code::MISSING_KEY, message);
            reader.note(&node.span, mistake.help(help));
        }
        (None, Some(node)) => {
            let message = "`pending` is never looked at: there is no `reconcile`";
            let help = "say how often: `reconcile: 5m`";
            let mistake = Diagnostic::error(code::MISSING_KEY, message);
            reader.note(&node.span, mistake.help(help));
        }
        (Some(_) | None, _) => {}
    }
    Some(Reconcile {
        every: signed(every?),
        lookup: lookup?,
    })
}

/// What need not be written of a list: records are read as in `confirm`.
fn known_of_lists(confirm: Option<&Lookup>, preset: Option<&Lookup>) -> Option<Lookup> {
    match (confirm, preset) {
        (Some(confirm), Some(preset)) => {
            let list = if confirm.items.is_some() {
                confirm
            } else {
                preset
            };
            Some(Lookup {
                items: list.items.clone(),
                pages: list.pages.clone(),
                ..confirm.clone()
            })
        }
        (Some(only), None) | (None, Some(only)) => Some(only.clone()),
        (None, None) => None,
    }
}

fn pending(
    reader: &mut Reader<'_>,
    node: &Node,
    scope: &Scope<'_>,
    known: &Known<'_>,
) -> Option<Lookup> {
    let example =
        "write `pending: {request: {url: \"{api_url}/approvals?status=pending\"}, items: \"\"}`";
    let mut map = reader.map(node, example)?;
    let lookup = lookup(reader, &mut map, scope, known);
    if map.take("items").is_none() && known.lookup.is_none_or(|known| known.items.is_none()) {
        let help = "say where the list is in the response: `items: /data`, or `items: \"\"` where the response is the list";
        reader.missing(&map, "items", help);
    }
    reader.close(&map);
    lookup
}

/// What need not be written of a look-up.
struct Known<'k> {
    call: Option<&'k Call>,
    /// All but the call.
    lookup: Option<&'k Lookup>,
    otherwise: Otherwise,
}

/// What a look-up without `items` of its own has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Otherwise {
    /// Whoever says which call it is says what comes back: one record.
    OneRecord,
    /// What is known already.
    AsKnown,
}

fn lookup(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    scope: &Scope<'_>,
    known: &Known<'_>,
) -> Option<Lookup> {
    let preset = known.lookup;
    let request_node = map.take("request");
    let request = match (request_node, known.call) {
        (Some(node), _) => call(reader, node, scope),
        (None, Some(call)) => Some(authenticated(call, scope)),
        (None, None) => {
            let help = "say what is called: `request: {url: \"{api_url}/approvals\"}`";
            reader.missing(map, "request", help);
            None
        }
    };
    let items_node = map.take("items");
    let items = match (items_node, request_node, known.otherwise) {
        (Some(node), _, _) => pointer(reader, node),
        (None, Some(_), Otherwise::OneRecord) => None,
        (None, _, _) => preset.and_then(|preset| preset.items.clone()),
    };
    let fields = of_record(reader, map, preset.map(|preset| &preset.fields));
    let status = match map.take("status") {
        Some(node) => status(
            reader,
            node,
            preset.and_then(|preset| preset.status.as_ref()),
        ),
        None => preset.and_then(|preset| preset.status.clone()),
    };
    let pages = match (map.take("pages"), &items) {
        (Some(node), items) => {
            if items.is_none() && items_node.is_none() {
                let help =
                    "say where the list is in the response: `items: \"\"`, or remove `pages`";
                reader.bad(&node.span, "there is no list that could have pages", help);
            }
            pages(reader, node)
        }
        (None, Some(_)) => Some(preset.map_or(Pages::One, |preset| preset.pages.clone())),
        (None, None) => Some(Pages::One),
    };
    Some(Lookup {
        call: request?,
        items,
        fields: fields?,
        status,
        pages: pages?,
    })
}

/// A call that is known, with what authenticates every call of the source.
pub(super) fn authenticated(call: &Call, scope: &Scope<'_>) -> Call {
    Call {
        auth: call.auth.clone().or(scope.auth.cloned()),
        ..call.clone()
    }
}

fn status(reader: &mut Reader<'_>, node: &Node, preset: Option<&Status>) -> Option<Status> {
    let example = "write `status: {at: /status, pending: [pending]}`";
    let mut map = reader.map(node, example)?;
    let at = match (map.take("at"), preset) {
        (Some(node), _) => pointer(reader, node),
        (None, Some(preset)) => Some(preset.at.clone()),
        (None, None) => {
            reader.missing(
                &map,
                "at",
                "say where a record has its status: `at: /status`",
            );
            None
        }
    };
    let pending = match (map.take("pending"), preset) {
        (Some(node), _) => {
            let words = words(reader, node, "write `pending: [pending]`");
            if matches!(&node.kind, Kind::Sequence(items) if items.is_empty()) {
                let help = "name the statuses of a request that waits for its answer: `pending: [pending]`";
                reader.bad(&node.span, "no record would be pending", help);
            }
            words
        }
        (None, Some(preset)) => preset.pending.clone(),
        (None, None) => {
            let help =
                "name the statuses of a request that waits for its answer: `pending: [pending]`";
            reader.missing(&map, "pending", help);
            Vec::new()
        }
    };
    reader.close(&map);
    Some(Status { at: at?, pending })
}

fn pages(reader: &mut Reader<'_>, node: &Node) -> Option<Pages> {
    let example = "write `{limit: 100, limit_parameter: limit, offset_parameter: offset}` or `{cursor: /next_cursor, parameter: cursor}`";
    let mut map = reader.map(node, example)?;
    let limit = map.take("limit");
    let (limit_parameter, offset_parameter) =
        (map.take("limit_parameter"), map.take("offset_parameter"));
    let (cursor, parameter) = (map.take("cursor"), map.take("parameter"));
    reader.close(&map);
    let by_offset = limit.or(limit_parameter).or(offset_parameter).is_some();
    let by_cursor = cursor.or(parameter).is_some();
    let mut name = |node: Option<&Node>, otherwise: &str| match node {
        Some(node) => self::parameter(reader, node),
        None => Some(otherwise.to_owned()),
    };
    match (by_offset, by_cursor, cursor) {
        (true, false, _) => {
            let (limit_parameter, offset_parameter) = (
                name(limit_parameter, "limit"),
                name(offset_parameter, "offset"),
            );
            let limit = match limit {
                Some(node) => reader.number(node, 1..=10_000),
                None => Some(LIMIT),
            };
            Some(Pages::Offset {
                limit: limit?,
                limit_parameter: limit_parameter?,
                offset_parameter: offset_parameter?,
            })
        }
        (false, true, Some(cursor)) => {
            let parameter = name(parameter, "cursor");
            let next = pointer(reader, cursor);
            Some(Pages::Cursor {
                next: next?,
                parameter: parameter?,
            })
        }
        (_, _, _) => {
            reader.bad(
                &node.span,
                "this does not say how the next page is asked for",
                example,
            );
            None
        }
    }
}

/// The name of a parameter in a URL's query.
fn parameter(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let help = "write a name such as `limit`";
    reader.parsed(node, "the name of a parameter", help, |text| {
        let fits = !text.is_empty()
            && text
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "-._~[]$".contains(letter));
        fits.then(|| text.to_owned())
    })
}
