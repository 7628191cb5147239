//! Secrets as a config writes them. Whatever may be one is kept out of the frames.

use super::code;
use super::environment::is_name;
use super::reader::{Holds, Map, Noted, Reader};
use super::yaml::{Kind, Node};
use crate::credential::{Credential, CredentialError};
use crate::diagnostic::Diagnostic;
use crate::secret::Secret;

const HOW_SECRETS_ARE_WRITTEN: &str = "write the secret, `{env: NAME}` or `{file: PATH}`";

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
        let mistake = Diagnostic::error(
            code::BOTH_TWINS,
            format!("both `{key}` and `{file_key}` are given"),
        );
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
        reader.missing(
            map,
            key,
            &format!("write `{file_key}: PATH`, `{key}: {{env: NAME}}` or the {key} itself"),
        );
        return None;
    }
    optional_secret(reader, map, key, file_key)
}

/// A plain string, `{env: NAME}` or `{file: PATH}`.
pub(super) fn secret(reader: &mut Reader<'_>, node: &Node) -> Option<Credential> {
    credential(reader, node, Holds::Secret)
}

fn credential(reader: &mut Reader<'_>, node: &Node, holds: Holds) -> Option<Credential> {
    let credential = match &node.kind {
        Kind::Scalar { text, .. } => {
            let name = text
                .strip_prefix("${")
                .and_then(|rest| rest.strip_suffix('}'));
            if !name.is_some_and(is_name) {
                reader.hide(&node.span);
            }
            let value = reader.text(node)?;
            written(reader, node, Credential::written(Secret::new(value)))?
        }
        Kind::Mapping(entries) => {
            for entry in entries
                .iter()
                .filter(|entry| !matches!(entry.key.as_str(), "env" | "file"))
            {
                reader.hide(&entry.value.span);
            }
            let mut map = reader.map(node, HOW_SECRETS_ARE_WRITTEN)?;
            let (variable, file) = (map.take("env"), map.take("file"));
            let found = match (variable, file) {
                (Some(variable), None) => from_environment(reader, variable),
                (None, Some(file)) => reader.path(file).map(Credential::in_file),
                (Some(_), Some(_)) | (None, None) => {
                    let message = "a secret is either `{env: NAME}` or `{file: PATH}`";
                    reader.bad(&node.span, message, HOW_SECRETS_ARE_WRITTEN);
                    None
                }
            };
            reader.close(&map);
            found?
        }
        Kind::Null | Kind::Sequence(_) => {
            reader.hide(&node.span);
            reader.bad(
                &node.span,
                format!("a secret is needed here, not {}", node.noun()),
                HOW_SECRETS_ARE_WRITTEN,
            );
            return None;
        }
    };
    reader.credentials.push(Noted {
        holds,
        credential: credential.clone(),
        span: node.span.clone(),
    });
    Some(credential)
}

fn in_file(reader: &mut Reader<'_>, node: &Node) -> Option<Credential> {
    let credential = Credential::in_file(reader.path(node)?);
    reader.credentials.push(Noted {
        holds: Holds::Secret,
        credential: credential.clone(),
        span: node.span.clone(),
    });
    Some(credential)
}

fn from_environment(reader: &mut Reader<'_>, node: &Node) -> Option<Credential> {
    let name = reader.text(node)?;
    if !is_name(&name) {
        // Rather a secret in the wrong place.
        reader.hide(&node.span);
        let message = "this is not the name of an environment variable";
        reader.bad(&node.span, message, HOW_SECRETS_ARE_WRITTEN);
        return None;
    }
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
            reader.note(
                &node.span,
                mistake.help("an empty or unset secret would let anybody in"),
            );
            None
        }
    }
}

/// All secrets, of which any one is enough; at least one.
pub(super) fn secrets(reader: &mut Reader<'_>, map: &mut Map<'_>) -> Option<Vec<Credential>> {
    secrets_under(reader, map, "secrets")
}

/// The same under another key.
pub(super) fn secrets_under(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    key: &'static str,
) -> Option<Vec<Credential>> {
    list(reader, map, key, Holds::Secret)
}

/// All public keys, of which any one is enough; at least one.
pub(super) fn public_keys(reader: &mut Reader<'_>, map: &mut Map<'_>) -> Option<Vec<Credential>> {
    list(reader, map, "public_keys", Holds::PublicKey)
}

fn list(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    key: &'static str,
    holds: Holds,
) -> Option<Vec<Credential>> {
    let help = format!("write `{key}: [{{file: PATH}}]`");
    let Some(node) = map.take(key) else {
        let help = format!("{help}; two or more while one is being rotated");
        reader.missing(map, key, &help);
        return None;
    };
    let Kind::Sequence(items) = &node.kind else {
        reader.hide(&node.span);
        let message = format!("a list is needed here, not {}", node.noun());
        reader.bad(&node.span, message, &help);
        return None;
    };
    if items.is_empty() {
        let message = match holds {
            Holds::Secret => "there is no secret here",
            Holds::PublicKey => "there is no public key here",
        };
        reader.bad(&node.span, message, &help);
        return None;
    }
    let read: Vec<_> = items
        .iter()
        .map(|item| credential(reader, item, holds))
        .collect();
    read.into_iter().collect()
}
