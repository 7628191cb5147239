//! Reads one entry of `sources`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use reqwest::Url;

use super::code;
use super::reader::{Map, Reader, listed};
use super::secrets::{optional_secret, required_secret};
use super::sections::{body_size, duration, mode, name};
use super::source::{
    AgentToken, FieldConfig, FieldName, HttpConfig, SourceConfig, SourceKind, TraceMemConfig,
    default_path,
};
use super::verify::{Assumed, verify};
use super::yaml::{Kind, Node};
use super::{Mode, units};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::domain::id::SourceName;

/// Where TraceMem's API is, unless the config says otherwise.
const TRACEMEM_API: &str = "https://api.tracemem.com";
/// TraceMem does not document how it signs; this is what its webhooks are assumed to do.
const TRACEMEM_SIGNATURE: Assumed = Assumed {
    header: "X-TraceMem-Signature",
    prefix: "sha256=",
};
const ANSWER_WITHIN: Duration = Duration::from_mins(15);

/// Where the parts of a source were written, for the checks between them.
pub(super) struct Places {
    pub(super) name: Range<usize>,
    pub(super) path: Option<Range<usize>>,
    pub(super) mode: Option<Range<usize>>,
    pub(super) api_url: Option<Range<usize>>,
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
    Http,
    NotYet,
}

const KINDS: [(&str, Kinds); 4] = [
    ("tracemem", Kinds::TraceMem),
    ("http", Kinds::Http),
    ("agentwarden", Kinds::NotYet),
    ("webhook", Kinds::NotYet),
];
const SUPPORTED: [&str; 2] = ["tracemem", "http"];

/// Reads one source. `mode` and `body_limit` are what it has if it does not say.
pub(super) fn read(
    reader: &mut Reader<'_>,
    node: &Node,
    default_mode: Mode,
    default_body_limit: u64,
) -> Option<(SourceConfig, Places)> {
    let mut map = reader.map(node, "write `- name: …` and `kind: …`")?;
    let name_node = reader.required(&mut map, "name", "name it as its path shall: `refunds`");
    let source_name = name_node.and_then(|node| source_name(reader, node));
    let kind_node = reader.required(&mut map, "kind", &format!("write {}", listed(&SUPPORTED)))?;
    // Without a kind it is not known which keys are.
    let kind = kind(reader, kind_node)?;
    let mut places = Places {
        name: name_node.unwrap_or(node).span.clone(),
        path: None,
        mode: map.take("mode").map(|node| node.span.clone()),
        api_url: None,
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
    let forward_to = url(reader, &mut map, "forward_to");
    let mut volatile_parts = Vec::new();
    let (kind, path) = match kind {
        Kinds::TraceMem => {
            let path_node = map.take("path");
            places.path = path_node.map(|node| node.span.clone());
            let path = path_node.and_then(|node| route(reader, node));
            volatile_parts = volatile(reader, &mut map);
            (
                tracemem(reader, &mut map, &mut places).map(SourceKind::TraceMem),
                path,
            )
        }
        Kinds::Http => (
            Some(SourceKind::Http(http(reader, &mut map, &mut places))),
            None,
        ),
        Kinds::NotYet => return None,
    };
    reader.close(&map);
    let name = source_name?;
    let source = SourceConfig {
        path: path.unwrap_or_else(|| default_path(&name)),
        name,
        mode,
        forward_to,
        volatile: volatile_parts,
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

fn kind(reader: &mut Reader<'_>, node: &Node) -> Option<Kinds> {
    let text = reader.text(node)?;
    let found = KINDS
        .iter()
        .find(|(word, _)| *word == text)
        .map(|(_, kind)| *kind);
    match found {
        Some(kind @ (Kinds::TraceMem | Kinds::Http)) => Some(kind),
        Some(Kinds::NotYet) => {
            let message = format!(
                "sources of kind `{}` are not supported yet",
                reader.quote(node)
            );
            let help = format!(
                "this version has {}",
                listed(&SUPPORTED).replace(" or ", " and ")
            );
            reader.note(
                &node.span,
                Diagnostic::error(code::UNSUPPORTED, message).help(help),
            );
            None
        }
        None => {
            let message = format!("`{}` is not a kind of source", reader.quote(node));
            let help = match did_you_mean(&text, KINDS.iter().map(|(word, _)| *word)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("write {}", listed(&SUPPORTED)),
            };
            reader.bad(&node.span, message, &help);
            None
        }
    }
}

fn tracemem(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    places: &mut Places,
) -> Option<TraceMemConfig> {
    let api_node = map.take("api_url");
    places.api_url = api_node.map(|node| node.span.clone());
    let api_url = match api_node {
        Some(node) => api_url(reader, node),
        None => units::url(TRACEMEM_API),
    };
    let credential = optional_secret(reader, map, "credential", "credential_file");
    places.credential_written = map
        .take("credential")
        .or(map.take("credential_file"))
        .is_some();
    let expires_node = map.take("credential_expires");
    places.credential_expires = expires_node.map(|node| node.span.clone());
    let credential_expires = expires_node.and_then(|node| {
        reader.parsed(
            node,
            "a date",
            "write a date such as `2027-11-01`, or an RFC 3339 time",
            units::moment,
        )
    });
    let items = map.take("verify").and_then(|node| {
        places.incomplete |= !matches!(node.kind, Kind::Sequence(_));
        reader.list(node, "write `verify:` and below it `- hmac: {…}`")
    });
    let items = items.unwrap_or_default();
    let ways: Vec<_> = items
        .iter()
        .filter_map(|node| verify(reader, node, &TRACEMEM_SIGNATURE))
        .collect();
    places.incomplete |= ways.len() < items.len();
    let answer_within = duration(
        reader,
        map,
        "answer_within",
        Duration::from_secs(1),
        Duration::from_hours(24),
    );
    let fields = fields(reader, map);
    Some(TraceMemConfig {
        api_url: api_url?,
        credential,
        credential_expires,
        verify: ways,
        fields,
        answer_within: answer_within.unwrap_or(ANSWER_WITHIN),
    })
}

fn http(reader: &mut Reader<'_>, map: &mut Map<'_>, places: &mut Places) -> HttpConfig {
    let example = "write `tokens: [{agent: billing-bot, token_file: /run/secrets/billing-bot}]`";
    let items = map.take("tokens").and_then(|node| {
        places.incomplete |= !matches!(node.kind, Kind::Sequence(_));
        reader.list(node, example)
    });
    let mut tokens = Vec::new();
    for node in items.unwrap_or_default() {
        let Some(mut map) = reader.map(node, example) else {
            continue;
        };
        let agent = reader
            .required(
                &mut map,
                "agent",
                "say whose token it is, as policies shall see it",
            )
            .and_then(|node| name(reader, node));
        let token = required_secret(reader, &mut map, "token", "token_file");
        if let (Some(agent), Some(token)) = (agent, token) {
            tokens.push(AgentToken { agent, token });
            places.tokens.push(node.span.clone());
        }
        reader.close(&map);
    }
    places.incomplete |= tokens.len() < items.unwrap_or_default().len();
    HttpConfig { tokens }
}

fn fields(reader: &mut Reader<'_>, map: &mut Map<'_>) -> BTreeMap<FieldName, FieldConfig> {
    let mut fields = BTreeMap::new();
    let example = "write `fields: {action: /intent, context: /context, agent: /agent_id}`";
    let Some(mut map) = map
        .take("fields")
        .and_then(|node| reader.map(node, example))
    else {
        return fields;
    };
    for (key, field) in [
        ("action", FieldName::Action),
        ("agent", FieldName::Agent),
        ("context", FieldName::Context),
    ] {
        if let Some(place) = map.take(key).and_then(|node| field_config(reader, node)) {
            fields.insert(field, place);
        }
    }
    reader.close(&map);
    fields
}

fn field_config(reader: &mut Reader<'_>, node: &Node) -> Option<FieldConfig> {
    let help = "write a JSON pointer such as `/intent`, `{value: refund}` or `{at: /message, json: /amount}`";
    let Kind::Mapping(_) = &node.kind else {
        return pointer(reader, node).map(FieldConfig::Pointer);
    };
    let mut map = reader.map(node, help)?;
    let (value, at, json) = (map.take("value"), map.take("at"), map.take("json"));
    let field = match (value, at, json) {
        (Some(value), None, None) => reader.json(value).map(FieldConfig::Value),
        (None, Some(at), Some(json)) => {
            let (at, json) = (pointer(reader, at), pointer(reader, json));
            at.zip(json)
                .map(|(at, json)| FieldConfig::Inside { at, json })
        }
        (Some(_) | None, _, _) => {
            reader.bad(&node.span, "this does not say where the field is", help);
            None
        }
    };
    reader.close(&map);
    field
}

fn pointer(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    reader.parsed(
        node,
        "a JSON pointer",
        "write the way to the field, such as `/data/intent`",
        units::pointer,
    )
}

fn volatile(reader: &mut Reader<'_>, map: &mut Map<'_>) -> Vec<String> {
    let items = map
        .take("volatile")
        .and_then(|node| reader.list(node, "write `volatile: [/sent_at]`"));
    items
        .unwrap_or_default()
        .iter()
        .filter_map(|node| pointer(reader, node))
        .collect()
}

fn url(reader: &mut Reader<'_>, map: &mut Map<'_>, key: &'static str) -> Option<Url> {
    let node = map.take(key)?;
    hide_user_info(reader, node);
    reader.parsed(
        node,
        "a URL",
        "write an absolute `https://` or `http://` URL with no user, password or `#`",
        units::url,
    )
}

fn api_url(reader: &mut Reader<'_>, node: &Node) -> Option<Url> {
    hide_user_info(reader, node);
    let help = "write an absolute `https://` URL with no user, password, `?` or `#`";
    reader.parsed(node, "the URL of an API", help, |text| {
        units::url(text).filter(|url| url.query().is_none())
    })
}

/// A URL that is refused for the password in it is not shown.
fn hide_user_info(reader: &mut Reader<'_>, node: &Node) {
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
