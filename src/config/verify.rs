//! Reads the ways in which a sender proves who they are.

use std::time::Duration;

use http::HeaderName;
use jiff::SignedDuration;

use super::code;
use super::reader::{Map, Reader, listed};
use super::secrets::{optional_secret, public_keys, required_secret, secrets};
use super::sections::duration;
use super::source::{HmacAlgorithm, HmacConfig, HmacEncoding, VerifyConfig};
use super::yaml::{Kind, Node};
use crate::credential::Credential;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::json::Pointer;
use crate::signature::{EcdsaCheck, EcdsaScheme, Encoding, SignedText};

const KINDS: [&str; 7] = [
    "hmac",
    "ecdsa",
    "standard_webhooks",
    "static_header",
    "secret_path",
    "secret_path_file",
    "user_agent",
];
const ALGORITHMS: [(&str, HmacAlgorithm); 2] = [
    ("sha256", HmacAlgorithm::Sha256),
    ("sha512", HmacAlgorithm::Sha512),
];
const ENCODINGS: [(&str, HmacEncoding); 2] =
    [("hex", HmacEncoding::Hex), ("base64", HmacEncoding::Base64)];
const ECDSA_ENCODINGS: [(&str, Encoding); 2] =
    [("base64", Encoding::Base64), ("hex", Encoding::Hex)];
const TOLERANCE: Duration = Duration::from_mins(5);
const LONGEST_TOLERANCE: Duration = Duration::from_hours(1);

/// How the key of a signature is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// As `secrets`, of which any one is enough: for what we check.
    Several,
    /// As `secret` or `secret_file`: for what we sign.
    One,
}

/// The header and prefix a platform is assumed to sign with, where its config names none.
pub(super) struct Assumed {
    pub(super) header: &'static str,
    pub(super) prefix: &'static str,
}

/// One entry of `verify`.
pub(super) fn verify(
    reader: &mut Reader<'_>,
    node: &Node,
    assumed: Option<&Assumed>,
) -> Option<VerifyConfig> {
    let example = "write one of `hmac: {…}`, `ecdsa: {…}`, `standard_webhooks: {…}`, `static_header: {…}`, `secret_path: …`, `user_agent: …`";
    let mut map = reader.map(node, example)?;
    let Some(entry) = map.only_entry() else {
        reader.bad(
            &node.span,
            "one way to verify is needed in each entry",
            example,
        );
        return None;
    };
    let read = match entry.key.as_str() {
        "hmac" => map
            .take("hmac")
            .and_then(|node| hmac(reader, node, assumed, Keys::Several))
            .map(VerifyConfig::Hmac),
        "ecdsa" => map
            .take("ecdsa")
            .and_then(|node| ecdsa(reader, node))
            .map(VerifyConfig::Ecdsa),
        "standard_webhooks" => map
            .take("standard_webhooks")
            .and_then(|node| standard_webhooks(reader, node)),
        "static_header" => map
            .take("static_header")
            .and_then(|node| static_header(reader, node)),
        "secret_path" | "secret_path_file" => {
            optional_secret(reader, &mut map, "secret_path", "secret_path_file")
                .map(VerifyConfig::SecretPath)
        }
        "user_agent" => map
            .take("user_agent")
            .and_then(|node| reader.text(node))
            .map(VerifyConfig::UserAgent),
        other => {
            let near = did_you_mean(other, KINDS);
            let help = near.map_or_else(
                || format!("write {}", listed(&KINDS)),
                |near| format!("did you mean `{near}`?"),
            );
            reader.hide(&entry.value.span);
            let mistake = Diagnostic::error(
                code::UNKNOWN_KEY,
                format!("`{other}` is not a way to verify"),
            );
            reader.note(&entry.key_span, mistake.help(help));
            return None;
        }
    };
    if matches!(entry.value.kind, Kind::Null) {
        reader.bad(
            &entry.key_span,
            format!("`{}` has no value", entry.key),
            example,
        );
    }
    #[cfg(test)]
    reader.known.extend(KINDS);
    read
}

/// A signature over a body: one to check, or one to make. Without `assumed` its header must be named.
pub(super) fn hmac(
    reader: &mut Reader<'_>,
    node: &Node,
    assumed: Option<&Assumed>,
    keys: Keys,
) -> Option<HmacConfig> {
    let example = match keys {
        Keys::Several => "write `hmac: {header: …, secrets: […]}`",
        Keys::One => "write `hmac: {header: …, secret_file: …}`",
    };
    let mut map = reader.map(node, example)?;
    let header_node = map.take("header");
    let header = header_node.and_then(|node| header(reader, node));
    let prefix = map.take("prefix").and_then(|node| reader.text(node));
    let (header, prefix) = match (header_node, assumed) {
        (Some(_), _) => (header, prefix.unwrap_or_default()),
        (None, Some(assumed)) => (
            HeaderName::from_bytes(assumed.header.as_bytes()).ok(),
            prefix.unwrap_or_else(|| assumed.prefix.to_owned()),
        ),
        (None, None) => {
            let help = "name the header that holds the signature: `header: X-Signature`";
            reader.missing(&map, "header", help);
            (None, String::new())
        }
    };
    let algorithm = map
        .take("algorithm")
        .and_then(|node| reader.word(node, &ALGORITHMS));
    let encoding = map
        .take("encoding")
        .and_then(|node| reader.word(node, &ENCODINGS));
    let coverage = coverage(reader, &mut map, node);
    let (tolerance, secrets) = match keys {
        Keys::Several => (tolerance(reader, &mut map), secrets(reader, &mut map)),
        Keys::One => (
            TOLERANCE,
            required_secret(reader, &mut map, "secret", "secret_file").map(|secret| vec![secret]),
        ),
    };
    reader.close(&map);
    let coverage = coverage?;
    Some(HmacConfig {
        header: header?,
        algorithm: algorithm.unwrap_or(HmacAlgorithm::Sha256),
        encoding: encoding.unwrap_or(HmacEncoding::Hex),
        prefix,
        signed: coverage.signed,
        timestamp_header: coverage.timestamp_header,
        id_header: coverage.id_header,
        tolerance,
        secrets: secrets?,
    })
}

fn ecdsa(reader: &mut Reader<'_>, node: &Node) -> Option<EcdsaCheck<Credential>> {
    let mut map = reader.map(
        node,
        "write `ecdsa: {header: …, public_keys: [{file: PATH}]}`",
    )?;
    let header = reader
        .required(
            &mut map,
            "header",
            "name the header that holds the signature",
        )
        .and_then(|node| header(reader, node));
    let encoding = map
        .take("encoding")
        .and_then(|node| reader.word(node, &ECDSA_ENCODINGS));
    let json_node = map.take("json");
    let json = json_node.and_then(|node| inside(reader, node));
    let coverage = coverage(reader, &mut map, node);
    let tolerance = tolerance(reader, &mut map);
    let public_keys = public_keys(reader, &mut map);
    reader.close(&map);
    if json_node.is_some() && json.is_none() {
        return None;
    }
    let coverage = coverage?;
    let scheme = EcdsaScheme {
        header: header?,
        encoding: encoding.unwrap_or(Encoding::Base64),
        json,
        signed: SignedText::parse(&coverage.signed).ok()?,
        timestamp_header: coverage.timestamp_header,
        id_header: coverage.id_header,
        tolerance: SignedDuration::try_from(tolerance).ok()?,
        public_keys: public_keys?,
    };
    // What this could refuse was noted above, with its place.
    scheme.check().ok()
}

/// Where the signature is within a header that holds a JSON object.
fn inside(reader: &mut Reader<'_>, node: &Node) -> Option<Pointer> {
    reader.parsed(
        node,
        "a JSON pointer to a member",
        "write `/s` where the header is `{\"v\": \"1\", \"s\": \"…\"}`; leave `json` out where it is the signature alone",
        |text| Pointer::parse(text).ok().filter(|pointer| !pointer.as_str().is_empty()),
    )
}

/// What is signed with a body, and in which headers it comes.
struct Coverage {
    signed: String,
    timestamp_header: Option<HeaderName>,
    id_header: Option<HeaderName>,
}

fn coverage(reader: &mut Reader<'_>, map: &mut Map<'_>, node: &Node) -> Option<Coverage> {
    let signed_node = map.take("signed");
    let signed = match signed_node {
        Some(node) => signed(reader, node),
        None => Some("{body}".to_owned()),
    };
    let timestamp_node = map.take("timestamp_header");
    let id_node = map.take("id_header");
    if let Some(signed) = &signed {
        let at = signed_node.unwrap_or(node);
        for (key, placeholder, named) in [
            ("timestamp_header", "{timestamp}", timestamp_node),
            ("id_header", "{id}", id_node),
        ] {
            // What is not signed proves nothing, and what is signed must be somewhere.
            match (named, signed.contains(placeholder)) {
                (Some(node), false) => reader.bad(
                    &node.span,
                    format!("`{key}` is named, but `signed` has no `{placeholder}`"),
                    &format!("what is not signed can be changed by anybody; put `{placeholder}` into `signed`, or remove `{key}`"),
                ),
                (None, true) => reader.bad(
                    &at.span,
                    format!("`signed` has `{placeholder}`, but there is no `{key}`"),
                    &format!("name the header with `{key}:`"),
                ),
                (Some(_), true) | (None, false) => {}
            }
        }
    }
    let timestamp_header = timestamp_node.and_then(|node| header(reader, node));
    let id_header = id_node.and_then(|node| header(reader, node));
    Some(Coverage {
        signed: signed?,
        timestamp_header,
        id_header,
    })
}

/// The template of what is signed.
fn signed(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let text = reader.text(node)?;
    if let Err(reason) = SignedText::parse(&text) {
        let help = "such as `{body}` or `{timestamp}.{body}`";
        reader.bad(&node.span, reason.to_string(), help);
        return None;
    }
    Some(text)
}

fn standard_webhooks(reader: &mut Reader<'_>, node: &Node) -> Option<VerifyConfig> {
    let mut map = reader.map(node, "write `standard_webhooks: {secrets: [{file: PATH}]}`")?;
    let tolerance = tolerance(reader, &mut map);
    let secrets = secrets(reader, &mut map);
    reader.close(&map);
    Some(VerifyConfig::StandardWebhooks {
        secrets: secrets?,
        tolerance,
    })
}

fn static_header(reader: &mut Reader<'_>, node: &Node) -> Option<VerifyConfig> {
    let mut map = reader.map(
        node,
        "write `static_header: {name: X-Secret, secrets: [{file: PATH}]}`",
    )?;
    let name = reader
        .required(&mut map, "name", "name the header that holds the secret")
        .and_then(|node| header(reader, node));
    let secrets = secrets(reader, &mut map);
    reader.close(&map);
    Some(VerifyConfig::StaticHeader {
        name: name?,
        secrets: secrets?,
    })
}

fn tolerance(reader: &mut Reader<'_>, map: &mut Map<'_>) -> Duration {
    duration(
        reader,
        map,
        "tolerance",
        Duration::from_secs(1),
        LONGEST_TOLERANCE,
    )
    .unwrap_or(TOLERANCE)
}

/// The name of a header.
pub(super) fn header(reader: &mut Reader<'_>, node: &Node) -> Option<HeaderName> {
    let help = "write a name such as `X-Webhook-Signature`";
    reader.parsed(node, "the name of a header", help, |text| {
        HeaderName::from_bytes(text.as_bytes()).ok()
    })
}
