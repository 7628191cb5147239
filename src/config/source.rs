//! One entry of `sources`: who asks, how they prove it, what of their request means what, and how they are answered.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;

use super::code;
use super::reader::{Map, Reader, listed};
use super::sections::{body_size, duration, mode, name};
use super::verify::{Assumed, optional_secret, required_secret, verify};
use super::yaml::{Kind, Node};
use super::{Mode, RateLimit, units};
use crate::credential::Credential;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::domain::id::SourceName;

/// Where TraceMem's API is, unless the config says otherwise.
const TRACEMEM_API: &str = "https://api.tracemem.com";
/// TraceMem does not document how it signs; this is what its webhooks are assumed to do.
const TRACEMEM_SIGNATURE: Assumed = Assumed { header: "X-TraceMem-Signature", prefix: "sha256=" };
const ANSWER_WITHIN: Duration = Duration::from_mins(15);

/// A platform or a group of agents that asks.
#[derive(Debug, Clone)]
pub struct SourceConfig {
    /// Its name.
    pub name: SourceName,
    /// Whether its requests are answered.
    pub mode: Mode,
    /// Where its events are delivered; starts with `/`, has no `/` at its end.
    pub path: String,
    /// Where events go on to, byte for byte.
    pub forward_to: Option<Url>,
    /// JSON pointers to what may differ between two deliveries of one request.
    pub volatile: Vec<String>,
    /// The most bytes of a body.
    pub body_limit: u64,
    /// The most requests a second.
    pub rate_limit: RateLimit,
    /// What only this kind of source has.
    pub kind: SourceKind,
}

/// The kinds of source there are.
#[derive(Debug, Clone)]
pub enum SourceKind {
    /// TraceMem's webhooks.
    TraceMem(TraceMemConfig),
    /// Our own API.
    Http(HttpConfig),
}

/// What a TraceMem source has.
#[derive(Debug, Clone)]
pub struct TraceMemConfig {
    /// Where answers go; its path is the prefix of every call.
    pub api_url: Url,
    /// What answers are sent with. There always is one in `enforce`.
    pub credential: Option<Credential>,
    /// When the credential stops working.
    pub credential_expires: Option<Timestamp>,
    /// All of these must hold. There is more than a user agent in `enforce`.
    pub verify: Vec<VerifyConfig>,
    /// Where in the payload a policy's facts are.
    pub fields: BTreeMap<FieldName, FieldConfig>,
    /// An approval that could not be sent for this long is not sent any more.
    pub answer_within: Duration,
}

/// What a source at our own API has.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// The agents that may ask. An agent may have several tokens; a token has one agent, in one source.
    pub tokens: Vec<AgentToken>,
}

/// One agent's token.
#[derive(Debug, Clone)]
pub struct AgentToken {
    /// The agent, as policies see it.
    pub agent: String,
    /// What it proves it with.
    pub token: Credential,
}

/// One way in which a sender proves who they are.
#[derive(Debug, Clone)]
pub enum VerifyConfig {
    /// A signature over the body.
    Hmac(HmacConfig),
    /// Standard Webhooks 1.0.
    StandardWebhooks {
        /// `whsec_` secrets, of which any one is enough.
        secrets: Vec<Credential>,
        /// How far its time may be from ours.
        tolerance: Duration,
    },
    /// A secret in a header.
    StaticHeader {
        /// The header.
        name: String,
        /// Of which any one is enough.
        secrets: Vec<Credential>,
    },
    /// A secret as the last part of the path.
    SecretPath(Credential),
    /// The exact user agent. Proves nothing alone.
    UserAgent(String),
}

/// How a body is signed.
#[derive(Debug, Clone)]
pub struct HmacConfig {
    /// The header with the signature.
    pub header: String,
    /// The hash.
    pub algorithm: HmacAlgorithm,
    /// How the signature is written.
    pub encoding: HmacEncoding,
    /// What stands before the signature.
    pub prefix: String,
    /// What is signed; the body is in it.
    pub signed: Vec<SignedPart>,
    /// The header with the time; there is one if and only if the time is signed.
    pub timestamp_header: Option<String>,
    /// The header with the delivery's id; there is one if and only if the id is signed.
    pub id_header: Option<String>,
    /// How far the sender's time may be from ours.
    pub tolerance: Duration,
    /// Of which any one is enough; at least one.
    pub secrets: Vec<Credential>,
}

/// The hash of an HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HmacAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// How a signature is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HmacEncoding {
    /// Hexadecimal digits.
    Hex,
    /// Base64 with padding.
    Base64,
}

/// A part of what is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedPart {
    /// This text.
    Text(String),
    /// The body, byte for byte.
    Body,
    /// The value of the timestamp header.
    Timestamp,
    /// The value of the id header.
    Id,
}

/// A fact that a platform has no field of its own for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FieldName {
    /// The request's id.
    Id,
    /// What the agent wants to do.
    Action,
    /// Who wants to do it.
    Agent,
    /// The facts of the ask.
    Context,
}

/// Where a fact is.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldConfig {
    /// At this JSON pointer of the payload.
    Pointer(String),
    /// This, whatever the payload says.
    Value(serde_json::Value),
    /// Inside a string of the payload that is itself JSON.
    Inside {
        /// JSON pointer to the string.
        at: String,
        /// JSON pointer inside it.
        json: String,
    },
}

impl SourceConfig {
    /// A source at our own API with the defaults: dry-run, and no tokens yet.
    pub fn http(name: SourceName) -> Self {
        Self {
            path: default_path(&name),
            name,
            mode: Mode::DryRun,
            forward_to: None,
            volatile: Vec::new(),
            body_limit: 1024 * 1024,
            rate_limit: None,
            kind: SourceKind::Http(HttpConfig { tokens: Vec::new() }),
        }
    }

    /// Whether whoever asks here has to prove who they are.
    pub fn verified(&self) -> bool {
        match &self.kind {
            SourceKind::TraceMem(tracemem) => {
                tracemem.verify.iter().any(|way| !matches!(way, VerifyConfig::UserAgent(_)))
            }
            SourceKind::Http(http) => !http.tokens.is_empty(),
        }
    }
}

fn default_path(name: &SourceName) -> String {
    format!("/v1/sources/{name}")
}

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
    let name_node = map.take("name");
    let source_name = match name_node {
        Some(node) => source_name(reader, node),
        None => {
            reader.missing(&map, "name", "name it as its path shall: `refunds`");
            None
        }
    };
    let Some(kind_node) = map.take("kind") else {
        reader.missing(&map, "kind", &format!("write {}", listed(&SUPPORTED)));
        return None;
    };
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
    let body_limit = map.take("body_limit").and_then(|node| body_size(reader, node));
    let rate_limit = map.take("rate_limit").and_then(|node| reader.number(node, 1..=1_000_000));
    let forward_to = url(reader, &mut map, "forward_to");
    let volatile = volatile(reader, &mut map);
    let (kind, path) = match kind {
        Kinds::TraceMem => {
            let path_node = map.take("path");
            places.path = path_node.map(|node| node.span.clone());
            let path = path_node.and_then(|node| route(reader, node));
            (tracemem(reader, &mut map, &mut places).map(SourceKind::TraceMem), path)
        }
        Kinds::Http => (Some(SourceKind::Http(http(reader, &mut map, &mut places))), None),
        Kinds::NotYet => return None,
    };
    reader.close(map);
    let name = source_name?;
    let source = SourceConfig {
        path: path.unwrap_or_else(|| default_path(&name)),
        name,
        mode,
        forward_to,
        volatile,
        body_limit: body_limit.unwrap_or(default_body_limit),
        rate_limit: rate_limit.and_then(std::num::NonZeroU32::new),
        kind: kind?,
    };
    Some((source, places))
}

fn source_name(reader: &mut Reader<'_>, node: &Node) -> Option<SourceName> {
    let help = "use 1 to 63 lower-case letters, digits, `-` or `_`";
    reader.parsed(node, "the name of a source", help, |text| SourceName::parse(text).ok())
}

fn kind(reader: &mut Reader<'_>, node: &Node) -> Option<Kinds> {
    let text = reader.text(node)?;
    let found = KINDS.iter().find(|(word, _)| *word == text).map(|(_, kind)| *kind);
    match found {
        Some(kind @ (Kinds::TraceMem | Kinds::Http)) => Some(kind),
        Some(Kinds::NotYet) => {
            let message = format!("sources of kind `{}` are not supported yet", reader.quote(node));
            let help = format!("this version has {}", listed(&SUPPORTED).replace(" or ", " and "));
            reader.note(&node.span, Diagnostic::error(code::UNSUPPORTED, message).help(help));
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

fn tracemem(reader: &mut Reader<'_>, map: &mut Map<'_>, places: &mut Places) -> Option<TraceMemConfig> {
    let api_node = map.take("api_url");
    places.api_url = api_node.map(|node| node.span.clone());
    let api_url = match api_node {
        Some(node) => api_url(reader, node),
        None => units::url(TRACEMEM_API),
    };
    let credential = optional_secret(reader, map, "credential", "credential_file");
    places.credential_written = map.take("credential").or(map.take("credential_file")).is_some();
    let expires_node = map.take("credential_expires");
    places.credential_expires = expires_node.map(|node| node.span.clone());
    let credential_expires = expires_node.and_then(|node| {
        reader.parsed(node, "a date", "write a date such as `2027-11-01`, or an RFC 3339 time", units::moment)
    });
    let items = map.take("verify").and_then(|node| {
        places.incomplete |= !matches!(node.kind, Kind::Sequence(_));
        reader.list(node, "write `verify:` and below it `- hmac: {…}`")
    });
    let items = items.unwrap_or_default();
    let ways: Vec<_> = items.iter().filter_map(|node| verify(reader, node, Some(&TRACEMEM_SIGNATURE))).collect();
    places.incomplete |= ways.len() < items.len();
    let answer_within = duration(reader, map, "answer_within", Duration::from_secs(1), Duration::from_hours(24));
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
        let Some(mut map) = reader.map(node, example) else { continue };
        let agent = match map.take("agent") {
            Some(node) => name(reader, node),
            None => {
                reader.missing(&map, "agent", "say whose token it is, as policies shall see it");
                None
            }
        };
        let token = required_secret(reader, &mut map, "token", "token_file");
        if let (Some(agent), Some(token)) = (agent, token) {
            tokens.push(AgentToken { agent, token });
            places.tokens.push(node.span.clone());
        }
        reader.close(map);
    }
    places.incomplete |= tokens.len() < items.unwrap_or_default().len();
    HttpConfig { tokens }
}

fn fields(reader: &mut Reader<'_>, map: &mut Map<'_>) -> BTreeMap<FieldName, FieldConfig> {
    let mut fields = BTreeMap::new();
    let example = "write `fields: {action: /intent, context: /context, agent: /agent_id}`";
    let Some(mut map) = map.take("fields").and_then(|node| reader.map(node, example)) else { return fields };
    for (key, field) in [
        ("id", FieldName::Id),
        ("action", FieldName::Action),
        ("agent", FieldName::Agent),
        ("context", FieldName::Context),
    ] {
        if let Some(place) = map.take(key).and_then(|node| field_config(reader, node)) {
            fields.insert(field, place);
        }
    }
    reader.close(map);
    fields
}

fn field_config(reader: &mut Reader<'_>, node: &Node) -> Option<FieldConfig> {
    let help = "write a JSON pointer such as `/intent`, `{value: refund}` or `{at: /message, json: /amount}`";
    let Kind::Mapping(_) = &node.kind else { return pointer(reader, node).map(FieldConfig::Pointer) };
    let mut map = reader.map(node, help)?;
    let (value, at, json) = (map.take("value"), map.take("at"), map.take("json"));
    let field = match (value, at, json) {
        (Some(value), None, None) => reader.json(value).map(FieldConfig::Value),
        (None, Some(at), Some(json)) => {
            let (at, json) = (pointer(reader, at), pointer(reader, json));
            at.zip(json).map(|(at, json)| FieldConfig::Inside { at, json })
        }
        (Some(_), _, _) | (None, _, _) => {
            reader.bad(&node.span, "this does not say where the field is", help);
            None
        }
    };
    reader.close(map);
    field
}

fn pointer(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    reader.parsed(node, "a JSON pointer", "write the way to the field, such as `/data/intent`", units::pointer)
}

fn volatile(reader: &mut Reader<'_>, map: &mut Map<'_>) -> Vec<String> {
    let items = map.take("volatile").and_then(|node| reader.list(node, "write `volatile: [/sent_at]`"));
    items.unwrap_or_default().iter().filter_map(|node| pointer(reader, node)).collect()
}

fn url(reader: &mut Reader<'_>, map: &mut Map<'_>, key: &'static str) -> Option<Url> {
    let node = map.take(key)?;
    hide_user_info(reader, node);
    reader.parsed(node, "a URL", "write an absolute `https://` or `http://` URL with no user, password or `#`", units::url)
}

fn api_url(reader: &mut Reader<'_>, node: &Node) -> Option<Url> {
    hide_user_info(reader, node);
    let help = "write an absolute `https://` URL with no user, password, `?` or `#`";
    reader.parsed(node, "the URL of an API", help, |text| units::url(text).filter(|url| url.query().is_none()))
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
        units::route(text).filter(|path| path != "/v1/requests" && !path.starts_with("/v1/requests/"))
    })
}
