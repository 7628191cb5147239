//! Reads calls to a platform: a method, an address, headers and a body, each with placeholders, of which every one must
//! stand for something where it stands.

use std::ops::Range;

use http::header::AUTHORIZATION;
use http::{HeaderName, Method};
use serde_json::Value;

use super::auth;
use super::scope::{Purpose, Scope, Usual, no_template, placeholders, stands_for_something};
use crate::config::blank::names_a_secret;
use crate::config::reader::{Map, Reader, listed};
use crate::config::yaml::{Kind, Node};
use crate::config::{Mode, code, units};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::source::auth::Auth;
use crate::source::webhook::{BodyTemplate, Call, Placeholder, TextTemplate, UrlTemplate};

const METHODS: [(&str, Method); 5] = [
    ("GET", Method::GET),
    ("POST", Method::POST),
    ("PUT", Method::PUT),
    ("PATCH", Method::PATCH),
    ("DELETE", Method::DELETE),
];

/// Headers that are part of how a message is sent, and not of what it says.
const OUR_OWN_HEADERS: [&str; 6] = [
    "connection",
    "content-length",
    "host",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// One call.
pub(super) fn call(reader: &mut Reader<'_>, node: &Node, scope: &Scope<'_>) -> Option<Call> {
    let example = match scope.purpose {
        Purpose::Record => "write `{url: \"{api_url}/approvals/{id}\"}`",
        Purpose::List => "write `{url: \"{api_url}/approvals?status=pending\"}`",
        Purpose::Answer => {
            "write `{method: POST, url: \"{api_url}/approvals/{id}/approve\", body: {reason: \"{rationale}\"}}`"
        }
    };
    let mut map = reader.map(node, example)?;
    let method = map.take("method").and_then(|node| method(reader, node));
    let url_node = reader.required(&mut map, "url", example);
    let url = url_node.and_then(|node| url(reader, node, scope, example));
    let headers = headers(reader, &mut map, scope);
    let body = map.take("body").and_then(|node| body(reader, node, scope));
    let auth_node = map.take("auth");
    let usual = match &url {
        Some(url) if leads_to_callback(url) => scope.callback_auth,
        Some(_) | None => scope.auth,
    };
    let auth = match auth_node {
        Some(node) => auth::auth(reader, node, scope.api_url),
        None => usual.cloned(),
    };
    reader.close(&map);
    let url = url?;
    let place = url_node.unwrap_or(node);
    if let Some(Auth::OwnToken) = &auth {
        stands_for_something(
            reader,
            &auth_node.unwrap_or(place).span,
            &Placeholder::Token,
            scope,
        );
    }
    let call = Call {
        method: method.unwrap_or(match scope.purpose {
            Purpose::Record | Purpose::List => Method::GET,
            Purpose::Answer => Method::POST,
        }),
        url,
        headers,
        body,
        auth,
    };
    if auth_node.is_none() && !matches!(usual, Usual::Unreadable) {
        authenticated(reader, &call, &place.span, scope);
    }
    Some(call)
}

fn leads_to_callback(url: &UrlTemplate) -> bool {
    url.placeholders()
        .any(|placeholder| *placeholder == Placeholder::Callback)
}

fn method(reader: &mut Reader<'_>, node: &Node) -> Option<Method> {
    let text = reader.text(node)?;
    if let Some((_, method)) = METHODS.iter().find(|(word, _)| *word == text) {
        return Some(method.clone());
    }
    let words: Vec<_> = METHODS.iter().map(|(word, _)| *word).collect();
    let help = match did_you_mean(&text.to_ascii_uppercase(), words.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write {}", listed(&words)),
    };
    let message = format!("`{}` is not a method", reader.quote(node));
    reader.bad(&node.span, message, &help);
    None
}

fn url(
    reader: &mut Reader<'_>,
    node: &Node,
    scope: &Scope<'_>,
    example: &str,
) -> Option<UrlTemplate> {
    super::hide_user_info(reader, node);
    quoted(reader, node)?;
    let text = reader.text(node)?;
    let written = text.split('{').next().unwrap_or_default();
    if names_a_user(written) {
        reader.hide(&node.span);
        let help = "write `auth: {basic: {user: USER, password_file: PATH}}` instead";
        reader.bad(&node.span, "a URL holds no user and no password", help);
        return None;
    }
    let template = match UrlTemplate::parse(&text) {
        Ok(template) => template,
        Err(error) => {
            no_template(reader, node, &error, scope, example);
            return None;
        }
    };
    placeholders(reader, node, template.placeholders(), scope);
    if units::url(written).is_some_and(|url| units::in_the_clear(&url)) {
        super::in_the_clear(reader, node, super::ANSWERS_IN_THE_CLEAR);
    }
    Some(template)
}

fn names_a_user(url: &str) -> bool {
    let after = url.split_once("://").map_or(url, |(_, after)| after);
    let authority = after.split(['/', '?']).next().unwrap_or_default();
    authority.contains('@')
}

fn headers(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    scope: &Scope<'_>,
) -> Vec<(HeaderName, TextTemplate)> {
    let example = "write `headers: {X-Reason: \"{rationale}\"}`";
    let Some(node) = map.take("headers") else {
        return Vec::new();
    };
    let Kind::Mapping(entries) = &node.kind else {
        reader.map(node, example);
        return Vec::new();
    };
    let mut headers: Vec<(HeaderName, TextTemplate)> = Vec::new();
    for entry in entries {
        if names_a_secret(&entry.key) || entry.key.eq_ignore_ascii_case(AUTHORIZATION.as_str()) {
            reader.hide(&entry.value.span);
        }
        let Ok(name) = HeaderName::from_bytes(entry.key.as_bytes()) else {
            let help = "write a name such as `X-Reason`";
            reader.bad(&entry.key_span, "this is not the name of a header", help);
            continue;
        };
        if OUR_OWN_HEADERS.contains(&name.as_str()) {
            let help = "remove it: it follows from the URL and the body";
            reader.bad(
                &entry.key_span,
                format!("the header `{name}` cannot be set"),
                help,
            );
        }
        if headers.iter().any(|(other, _)| *other == name) {
            let mistake =
                Diagnostic::error(code::DUPLICATE, format!("the header `{name}` comes twice"));
            reader.note(&entry.key_span, mistake.help("keep one of the two"));
        }
        if let Some(template) = text(reader, &entry.value, scope) {
            headers.push((name, template));
        }
    }
    headers
}

fn text(reader: &mut Reader<'_>, node: &Node, scope: &Scope<'_>) -> Option<TextTemplate> {
    quoted(reader, node)?;
    let text = reader.text(node)?;
    template(reader, node, &text, scope)
}

fn body(reader: &mut Reader<'_>, node: &Node, scope: &Scope<'_>) -> Option<BodyTemplate> {
    let document = document(reader, node, scope)?;
    BodyTemplate::parse(&document).ok()
}

/// A JSON document in which every string is a good template.
fn document(reader: &mut Reader<'_>, node: &Node, scope: &Scope<'_>) -> Option<Value> {
    match &node.kind {
        Kind::Null => Some(Value::Null),
        Kind::Scalar { .. } => {
            let value = reader.json(node)?;
            if let Value::String(text) = &value {
                template(reader, node, text, scope)?;
            }
            Some(value)
        }
        Kind::Sequence(items) => {
            let items: Vec<_> = items
                .iter()
                .map(|item| document(reader, item, scope))
                .collect();
            items.into_iter().collect()
        }
        Kind::Mapping(entries) => {
            quoted(reader, node)?;
            let mut members = Vec::new();
            for entry in entries {
                if names_a_secret(&entry.key) {
                    reader.hide(&entry.value.span);
                }
                let value = document(reader, &entry.value, scope);
                members.push(value.map(|value| (entry.key.clone(), value)));
            }
            members
                .into_iter()
                .collect::<Option<serde_json::Map<_, _>>>()
                .map(Into::into)
        }
    }
}

fn template(
    reader: &mut Reader<'_>,
    node: &Node,
    text: &str,
    scope: &Scope<'_>,
) -> Option<TextTemplate> {
    match TextTemplate::parse(text) {
        Ok(template) => {
            placeholders(reader, node, template.placeholders(), scope);
            Some(template)
        }
        Err(error) => {
            no_template(
                reader,
                node,
                &error,
                scope,
                "a placeholder is written `{id}`",
            );
            None
        }
    }
}

/// Without quotes, `{id}` is a mapping to YAML.
fn quoted(reader: &mut Reader<'_>, node: &Node) -> Option<()> {
    let Kind::Mapping(entries) = &node.kind else {
        return Some(());
    };
    let [entry] = entries.as_slice() else {
        return Some(());
    };
    let placeholder = format!("{{{}}}", entry.key);
    if !matches!(entry.value.kind, Kind::Null) || TextTemplate::parse(&placeholder).is_err() {
        return Some(());
    }
    let message = format!("`{placeholder}` without quotes is a mapping");
    reader.bad(&node.span, message, &format!("write `\"{placeholder}\"`"));
    None
}

/// A platform that cannot tell us from anybody else lets anybody answer.
fn authenticated(reader: &mut Reader<'_>, call: &Call, place: &Range<usize>, scope: &Scope<'_>) {
    let token = |placeholder: &Placeholder| *placeholder == Placeholder::Token;
    let carries_a_secret = |(name, template): &(HeaderName, TextTemplate)| {
        *name == AUTHORIZATION
            || names_a_secret(name.as_str())
            || template.placeholders().any(token)
    };
    let body = call.body.as_ref();
    if scope.mode == Mode::DryRun
        || call.auth.is_some()
        // Whoever knows the address may answer: it is the capability.
        || leads_to_callback(&call.url)
        || call.url.placeholders().any(token)
        || call.headers.iter().any(carries_a_secret)
        || body.is_some_and(|body| body.placeholders().any(token))
    {
        return;
    }
    let message = "this call holds nothing by which the platform could know us";
    let help =
        "add `auth: {bearer_file: PATH}` or another kind of `auth`, to the call or to the source";
    let warning = Diagnostic::warning(code::NO_AUTH, message);
    reader.note(place, warning.help(help));
}
