//! Reads one entry of `sources`: what all kinds have here, what only one kind has in a file of its own.
//!
//! What a source calls, looks up and fills in becomes the types that it works with while it is read, so that a template,
//! a pointer or a status that is none is a mistake with a place, and nobody parses it again.

mod agentwarden;
mod answers;
mod auth;
mod calls;
mod events;
mod fields;
mod http;
mod lookups;
mod scope;
mod tracemem;
mod webhook;

use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;

use super::code;
use super::reader::{Map, Reader, listed};
use super::sections::{body_size, duration, mode};
use super::source::{SourceConfig, SourceKind, VerifyConfig, default_path};
use super::verify::{Assumed, verify};
use super::yaml::{Kind, Node};
use super::{Mode, units};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::domain::id::SourceName;
use crate::source::WebUrl;

const ANSWER_WITHIN: Duration = Duration::from_mins(15);

/// Where the parts of a source were written, for the checks between them.
pub(super) struct Places {
    pub(super) name: Range<usize>,
    pub(super) path: Option<Range<usize>>,
    pub(super) mode: Option<Range<usize>>,
    pub(super) credential_expires: Option<Range<usize>>,
    /// There is a credential, readable or not.
    pub(super) credential_written: bool,
    /// One for each token.
    pub(super) tokens: Vec<Range<usize>>,
    /// Something under `verify` or `tokens` could not be read: it says nothing about who is verified.
    pub(super) incomplete: bool,
}

#[derive(Clone, Copy)]
enum Kinds {
    TraceMem,
    AgentWarden,
    Http,
    Webhook,
}

const KINDS: [(&str, Kinds); 4] = [
    ("tracemem", Kinds::TraceMem),
    ("agentwarden", Kinds::AgentWarden),
    ("http", Kinds::Http),
    ("webhook", Kinds::Webhook),
];

/// Reads one source. `mode` and `body_limit` are what it has if it does not say.
pub(super) fn read(
    reader: &mut Reader<'_>,
    node: &Node,
    default_mode: Mode,
    default_body_limit: u64,
) -> Option<(SourceConfig, Places)> {
    let words: Vec<_> = KINDS.iter().map(|(word, _)| *word).collect();
    let mut map = reader.map(node, "write `- name: …` and `kind: …`")?;
    let name_node = reader.required(&mut map, "name", "name it as its path shall: `refunds`");
    let source_name = name_node.and_then(|node| source_name(reader, node));
    let kind_node = reader.required(&mut map, "kind", &format!("write {}", listed(&words)))?;
    // Without a kind it is not known which keys are.
    let kind = kind(reader, kind_node, &words)?;
    let mut places = Places {
        name: name_node.unwrap_or(node).span.clone(),
        path: None,
        mode: map.take("mode").map(|node| node.span.clone()),
        credential_expires: None,
        credential_written: false,
        tokens: Vec::new(),
        incomplete: false,
    };
    let mode = mode(reader, &mut map).unwrap_or(default_mode);
    let body_limit = map
        .take("body_limit")
        .and_then(|node| body_size(reader, node));
    let rate_limit = map
        .take("rate_limit")
        .and_then(|node| reader.number(node, 1..=1_000_000));
    let forward_to = map.take("forward_to").and_then(|node| {
        let help = "write an absolute `https://` or `http://` URL with no user, password or `#`";
        url(reader, node, "a URL", help)
    });
    let path = match kind {
        Kinds::Http => None,
        Kinds::TraceMem | Kinds::AgentWarden | Kinds::Webhook => {
            let node = map.take("path");
            places.path = node.map(|node| node.span.clone());
            node.and_then(|node| route(reader, node))
        }
    };
    let kind = match kind {
        Kinds::TraceMem => tracemem::read(reader, &mut map, &mut places)
            .map(Box::new)
            .map(SourceKind::TraceMem),
        Kinds::Http => Some(SourceKind::Http(http::read(reader, &mut map, &mut places))),
        Kinds::Webhook | Kinds::AgentWarden => {
            let about = webhook::About {
                name: source_name.as_ref(),
                mode,
                forward_to: forward_to.as_ref(),
            };
            let read = match kind {
                Kinds::AgentWarden => agentwarden::read(reader, &mut map, &mut places, &about),
                Kinds::TraceMem | Kinds::Http | Kinds::Webhook => {
                    webhook::read(reader, &mut map, &mut places, &about)
                }
            };
            read.map(|config| SourceKind::Webhook(Box::new(config)))
        }
    };
    reader.close(&map);
    let name = source_name?;
    let source = SourceConfig {
        path: path.unwrap_or_else(|| default_path(&name)),
        name,
        mode,
        forward_to,
        body_limit: body_limit.unwrap_or(default_body_limit),
        rate_limit: rate_limit.and_then(std::num::NonZeroU32::new),
        kind: kind?,
    };
    Some((source, places))
}

fn source_name(reader: &mut Reader<'_>, node: &Node) -> Option<SourceName> {
    let help = "use 1 to 63 lower-case letters, digits, `-` or `_`";
    reader.parsed(node, "the name of a source", help, |text| {
        SourceName::parse(text).ok()
    })
}

fn kind(reader: &mut Reader<'_>, node: &Node, words: &[&str]) -> Option<Kinds> {
    let text = reader.text(node)?;
    let found = KINDS.iter().find(|(word, _)| *word == text);
    if let Some((_, kind)) = found {
        return Some(*kind);
    }
    let message = format!("`{}` is not a kind of source", reader.quote(node));
    let help = match did_you_mean(&text, words.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write {}", listed(words)),
    };
    reader.bad(&node.span, message, &help);
    None
}

/// Everything under `verify`.
fn verify_list(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    places: &mut Places,
    assumed: Option<&Assumed>,
) -> Vec<VerifyConfig> {
    let items = map.take("verify").and_then(|node| {
        places.incomplete |= !matches!(node.kind, Kind::Sequence(_));
        reader.list(node, "write `verify:` and below it `- hmac: {…}`")
    });
    let items = items.unwrap_or_default();
    let ways: Vec<_> = items
        .iter()
        .filter_map(|node| verify(reader, node, assumed))
        .collect();
    places.incomplete |= ways.len() < items.len();
    ways
}

fn credential_expires(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    places: &mut Places,
) -> Option<Timestamp> {
    let node = map.take("credential_expires")?;
    places.credential_expires = Some(node.span.clone());
    let help = "write a date such as `2027-11-01`, or an RFC 3339 time";
    reader.parsed(node, "a date", help, units::moment)
}

fn answer_within(reader: &mut Reader<'_>, map: &mut Map<'_>) -> Duration {
    let (least, most) = (Duration::from_secs(1), Duration::from_hours(24));
    duration(reader, map, "answer_within", least, most).unwrap_or(ANSWER_WITHIN)
}

/// What an address is warned of that answers are sent to without TLS.
const ANSWERS_IN_THE_CLEAR: &str = "answers and their credential cross the network in the clear";

/// An API's address, below which calls are made. Without TLS, `clear` is said of it.
pub(super) fn api_url(reader: &mut Reader<'_>, node: &Node, clear: &str) -> Option<Url> {
    let help = "write an absolute `https://` URL with no user, password, `?` or `#`";
    hide_user_info(reader, node);
    let url = reader.parsed(node, "the URL of an API", help, |text| {
        units::url(text).filter(|url| url.query().is_none())
    })?;
    if units::in_the_clear(&url) {
        in_the_clear(reader, node, clear);
    }
    Some(url)
}

/// An address that secrets are sent to. Without TLS, `clear` is said of it.
pub(super) fn secret_url(
    reader: &mut Reader<'_>,
    node: &Node,
    what: &str,
    help: &str,
    clear: &str,
) -> Option<WebUrl> {
    hide_user_info(reader, node);
    let url = reader.parsed(node, what, help, units::url)?;
    if units::in_the_clear(&url) {
        in_the_clear(reader, node, clear);
    }
    WebUrl::parse(url.as_str()).ok()
}

fn url(reader: &mut Reader<'_>, node: &Node, what: &str, help: &str) -> Option<WebUrl> {
    hide_user_info(reader, node);
    let url = reader.parsed(node, what, help, units::url)?;
    WebUrl::parse(url.as_str()).ok()
}

fn in_the_clear(reader: &mut Reader<'_>, node: &Node, message: &str) {
    let help = "use an `https://` URL, unless something else encrypts the way";
    reader.note(
        &node.span,
        Diagnostic::warning(code::CLEAR_TEXT, message).help(help),
    );
}

/// A URL that is refused for the password in it is not shown.
pub(super) fn hide_user_info(reader: &mut Reader<'_>, node: &Node) {
    if reader.quote(node).contains('@') {
        reader.hide(&node.span);
    }
}

fn route(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let help = "write a path such as `/hooks/tracemem`; `/v1/requests` is taken";
    reader.parsed(node, "a path that can be delivered to", help, |text| {
        units::route(text)
            .filter(|path| path != "/v1/requests" && !path.starts_with("/v1/requests/"))
    })
}
