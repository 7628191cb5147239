//! Secrets as a config writes them, and the ways a sender proves who they are.

use std::time::Duration;

use super::code;
use super::reader::{Map, Noted, Reader, listed};
use super::sections::duration;
use super::source::{HmacAlgorithm, HmacConfig, HmacEncoding, SignedPart, VerifyConfig};
use super::units;
use super::yaml::{Kind, Node};
use crate::credential::{Credential, CredentialError};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::secret::Secret;

const KINDS: [&str; 6] =
    ["hmac", "standard_webhooks", "static_header", "secret_path", "secret_path_file", "user_agent"];
const ALGORITHMS: [(&str, HmacAlgorithm); 2] =
    [("sha256", HmacAlgorithm::Sha256), ("sha512", HmacAlgorithm::Sha512)];
const ENCODINGS: [(&str, HmacEncoding); 2] = [("hex", HmacEncoding::Hex), ("base64", HmacEncoding::Base64)];
const TOLERANCE: Duration = Duration::from_secs(300);
const LONGEST_TOLERANCE: Duration = Duration::from_hours(1);
const HOW_SECRETS_ARE_WRITTEN: &str = "write the secret, `{env: NAME}` or `{file: PATH}`";

/// The header and prefix a platform is assumed to sign with, where its config names none.
pub(super) struct Assumed {
    pub(super) header: &'static str,
    pub(super) prefix: &'static str,
}

/// The secret under `key`, or in the file under `file_key`.
pub(super) fn optional_secret(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    key: &'static str,
    file_key: &'static str,
) -> Option<Credential> {
    let (plain, file) = (map.take(key), map.take(file_key));
    if let (Some(plain), Some(file)) = (plain, file) {
        reader.hide(&plain.span);
        let mistake = Diagnostic::error(code::BOTH_TWINS, format!("both `{key}` and `{file_key}` are given"));
        reader.note(&file.span, mistake.help("keep one of the two"));
        return None;
    }
    match plain {
        Some(node) => secret(reader, node),
        None => in_file(reader, file?),
    }
}

/// The same where there must be one.
pub(super) fn required_secret(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    key: &'static str,
    file_key: &'static str,
) -> Option<Credential> {
    if map.take(key).is_none() && map.take(file_key).is_none() {
        reader.missing(map, key, &format!("write `{file_key}: PATH`, `{key}: {{env: NAME}}` or the {key} itself"));
        return None;
    }
    optional_secret(reader, map, key, file_key)
}

/// A plain string, `{env: NAME}` or `{file: PATH}`.
pub(super) fn secret(reader: &mut Reader<'_>, node: &Node) -> Option<Credential> {
    let credential = match &node.kind {
        Kind::Scalar { text, .. } => {
            if !text.starts_with("${") || !text.ends_with('}') {
                reader.hide(&node.span);
            }
            let value = reader.text(node)?;
            written(reader, node, Credential::written(Secret::new(value)))?
        }
        Kind::Mapping(entries) => {
            for entry in entries.iter().filter(|entry| !matches!(entry.key.as_str(), "env" | "file")) {
                reader.hide(&entry.value.span);
            }
            let mut map = reader.map(node, HOW_SECRETS_ARE_WRITTEN)?;
            let (variable, file) = (map.take("env"), map.take("file"));
            let found = match (variable, file) {
                (Some(variable), None) => from_environment(reader, variable),
                (None, Some(file)) => return close(reader, map, file),
                (Some(_), Some(_)) | (None, None) => {
                    let message = "a secret is either `{env: NAME}` or `{file: PATH}`";
                    reader.bad(&node.span, message, HOW_SECRETS_ARE_WRITTEN);
                    None
                }
            };
            reader.close(map);
            found?
        }
        Kind::Null | Kind::Sequence(_) => {
            reader.hide(&node.span);
            reader.bad(&node.span, format!("a secret is needed here, not {}", node.noun()), HOW_SECRETS_ARE_WRITTEN);
            return None;
        }
    };
    reader.credentials.push(Noted { credential: credential.clone(), span: node.span.clone() });
    Some(credential)
}

fn close(reader: &mut Reader<'_>, map: Map<'_>, file: &Node) -> Option<Credential> {
    reader.close(map);
    in_file(reader, file)
}

fn in_file(reader: &mut Reader<'_>, node: &Node) -> Option<Credential> {
    let credential = Credential::in_file(reader.path(node)?);
    reader.credentials.push(Noted { credential: credential.clone(), span: node.span.clone() });
    Some(credential)
}

fn from_environment(reader: &mut Reader<'_>, node: &Node) -> Option<Credential> {
    let name = reader.text(node)?;
    let found = Credential::from_environment(&name, reader.environment);
    written(reader, node, found)
}

fn written(
    reader: &mut Reader<'_>,
    node: &Node,
    found: Result<Credential, CredentialError>,
) -> Option<Credential> {
    match found {
        Ok(credential) => Some(credential),
        Err(error) => {
            let mistake = Diagnostic::error(code::ENVIRONMENT, error.to_string());
            reader.note(&node.span, mistake.help("an empty or unset secret would let anybody in"));
            None
        }
    }
}

/// One entry of `verify`.
pub(super) fn verify(reader: &mut Reader<'_>, node: &Node, assumed: Option<&Assumed>) -> Option<VerifyConfig> {
    let example = "write one of `hmac: {…}`, `standard_webhooks: {…}`, `static_header: {…}`, `secret_path: …`, `user_agent: …`";
    let mut map = reader.map(node, example)?;
    let Some(entry) = map.only_entry() else {
        reader.bad(&node.span, "one way to verify is needed in each entry", example);
        return None;
    };
    let read = match entry.key.as_str() {
        "hmac" => map.take("hmac").and_then(|node| hmac(reader, node, assumed)).map(VerifyConfig::Hmac),
        "standard_webhooks" => map.take("standard_webhooks").and_then(|node| standard_webhooks(reader, node)),
        "static_header" => map.take("static_header").and_then(|node| static_header(reader, node)),
        "secret_path" | "secret_path_file" => optional_secret(reader, &mut map, "secret_path", "secret_path_file")
            .map(VerifyConfig::SecretPath),
        "user_agent" => map.take("user_agent").and_then(|node| reader.text(node)).map(VerifyConfig::UserAgent),
        other => {
            let near = did_you_mean(other, KINDS);
            let help = near.map_or_else(|| format!("write {}", listed(&KINDS)), |near| format!("did you mean `{near}`?"));
            reader.hide(&entry.value.span);
            let mistake = Diagnostic::error(code::UNKNOWN_KEY, format!("`{other}` is not a way to verify"));
            reader.note(&entry.key_span, mistake.help(help));
            return None;
        }
    };
    if matches!(entry.value.kind, Kind::Null) {
        reader.bad(&entry.key_span, format!("`{}` has no value", entry.key), example);
    }
    #[cfg(test)]
    reader.known.extend(KINDS);
    read
}

fn hmac(reader: &mut Reader<'_>, node: &Node, assumed: Option<&Assumed>) -> Option<HmacConfig> {
    let mut map = reader.map(node, "write `hmac: {header: …, secrets: […]}`")?;
    let header_node = map.take("header");
    let header = header_node.and_then(|node| header(reader, node));
    let prefix = map.take("prefix").and_then(|node| reader.text(node));
    let (header, prefix) = match (header_node, assumed) {
        (None, Some(assumed)) => (
            Some(assumed.header.to_owned()),
            prefix.unwrap_or_else(|| assumed.prefix.to_owned()),
        ),
        (None, None) => {
            reader.missing(&map, "header", "name the header that holds the signature");
            (None, String::new())
        }
        (Some(_), _) => (header, prefix.unwrap_or_default()),
    };
    let algorithm = map.take("algorithm").and_then(|node| reader.word(node, &ALGORITHMS));
    let encoding = map.take("encoding").and_then(|node| reader.word(node, &ENCODINGS));
    let signed_node = map.take("signed");
    let signed = match signed_node {
        Some(node) => signed(reader, node),
        None => Some(vec![SignedPart::Body]),
    };
    let timestamp_node = map.take("timestamp_header");
    let id_node = map.take("id_header");
    if let Some(parts) = &signed {
        let at = signed_node.unwrap_or(node);
        pair(reader, at, parts, &SignedPart::Timestamp, timestamp_node);
        pair(reader, at, parts, &SignedPart::Id, id_node);
    }
    let timestamp_header = timestamp_node.and_then(|node| self::header(reader, node));
    let id_header = id_node.and_then(|node| self::header(reader, node));
    let tolerance = tolerance(reader, &mut map);
    let secrets = secrets(reader, &mut map);
    reader.close(map);
    Some(HmacConfig {
        header: header?,
        algorithm: algorithm.unwrap_or(HmacAlgorithm::Sha256),
        encoding: encoding.unwrap_or(HmacEncoding::Hex),
        prefix,
        signed: signed?,
        timestamp_header,
        id_header,
        tolerance,
        secrets: secrets?,
    })
}

/// A header is named if and only if it is signed: what is not signed proves nothing.
fn pair(reader: &mut Reader<'_>, at: &Node, signed: &[SignedPart], part: &SignedPart, header: Option<&Node>) {
    let (key, placeholder) = match part {
        SignedPart::Timestamp => ("timestamp_header", "{timestamp}"),
        SignedPart::Id => ("id_header", "{id}"),
        SignedPart::Text(_) | SignedPart::Body => return,
    };
    match (header, signed.contains(part)) {
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

/// The template of what is signed.
fn signed(reader: &mut Reader<'_>, node: &Node) -> Option<Vec<SignedPart>> {
    let help = "write a text with `{body}`, and `{timestamp}` or `{id}` where they are signed too, such as `{timestamp}.{body}`";
    let parts = reader.parsed(node, "a template of what is signed", help, template)?;
    Some(parts)
}

fn template(text: &str) -> Option<Vec<SignedPart>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        if !before.is_empty() {
            parts.push(SignedPart::Text(before.to_owned()));
        }
        let (name, after) = after.split_once('}')?;
        parts.push(match name {
            "body" => SignedPart::Body,
            "timestamp" => SignedPart::Timestamp,
            "id" => SignedPart::Id,
            _ => return None,
        });
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(SignedPart::Text(rest.to_owned()));
    }
    parts.contains(&SignedPart::Body).then_some(parts)
}

fn standard_webhooks(reader: &mut Reader<'_>, node: &Node) -> Option<VerifyConfig> {
    let mut map = reader.map(node, "write `standard_webhooks: {secrets: [{file: PATH}]}`")?;
    let tolerance = tolerance(reader, &mut map);
    let secrets = secrets(reader, &mut map);
    reader.close(map);
    Some(VerifyConfig::StandardWebhooks { secrets: secrets?, tolerance })
}

fn static_header(reader: &mut Reader<'_>, node: &Node) -> Option<VerifyConfig> {
    let mut map = reader.map(node, "write `static_header: {name: X-Secret, secrets: [{file: PATH}]}`")?;
    let name = match map.take("name") {
        Some(node) => header(reader, node),
        None => {
            reader.missing(&map, "name", "name the header that holds the secret");
            None
        }
    };
    let secrets = secrets(reader, &mut map);
    reader.close(map);
    Some(VerifyConfig::StaticHeader { name: name?, secrets: secrets? })
}

fn tolerance(reader: &mut Reader<'_>, map: &mut Map<'_>) -> Duration {
    duration(reader, map, "tolerance", Duration::from_secs(1), LONGEST_TOLERANCE).unwrap_or(TOLERANCE)
}

fn header(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    reader.parsed(node, "the name of a header", "write a name such as `X-TraceMem-Signature`", units::header)
}

/// All secrets, of which any one is enough; at least one.
fn secrets(reader: &mut Reader<'_>, map: &mut Map<'_>) -> Option<Vec<Credential>> {
    let Some(node) = map.take("secrets") else {
        reader.missing(map, "secrets", "write `secrets: [{file: PATH}]`; two or more while one is being rotated");
        return None;
    };
    let Kind::Sequence(items) = &node.kind else {
        reader.hide(&node.span);
        reader.bad(&node.span, format!("a list is needed here, not {}", node.noun()), "write `secrets: [{file: PATH}]`");
        return None;
    };
    if items.is_empty() {
        reader.bad(&node.span, "there is no secret here", "write `secrets: [{file: PATH}]`");
        return None;
    }
    let read: Vec<_> = items.iter().map(|item| secret(reader, item)).collect();
    read.into_iter().collect()
}
