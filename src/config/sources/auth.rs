//! Reads how our calls to a platform are authenticated.

use jiff::SignedDuration;
use serde_json::Value;

use super::fields::pointer;
use super::scope::ApiUrl;
use crate::config::code;
use crate::config::reader::{Map, Reader, listed};
use crate::config::secrets::{optional_secret, required_secret};
use crate::config::sections::duration;
use crate::config::source::signed;
use crate::config::verify::{Keys, header, hmac};
use crate::config::yaml::{Kind, Node};
use crate::credential::Credential;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::json::Pointer;
use crate::source::WebUrl;
use crate::source::auth::{Auth, Login};

const KINDS: [&str; 6] = ["bearer", "bearer_file", "header", "basic", "hmac", "login"];
const EXAMPLE: &str = "write one of `bearer_file: PATH`, `bearer: \"{token}\"`, `header: {…}`, `basic: {…}`, `hmac: {…}`, `login: {…}`";
/// The request's own token, where a secret of ours could stand.
const OWN_TOKEN: &str = "{token}";
/// What stands in the body of a login for the password.
const PASSWORD: &str = "{password}";
const LIFETIME: std::time::Duration = std::time::Duration::from_hours(7 * 24);
const LOGIN_PATH: &str = "{api_url}/auth/login";
const LOGIN_TOKEN: &str = "/access_token";

/// One way to authenticate.
pub(super) fn auth(reader: &mut Reader<'_>, node: &Node, api_url: &ApiUrl) -> Option<Auth> {
    let mut map = reader.map(node, EXAMPLE)?;
    let Some(entry) = map.only_entry() else {
        hide_all(reader, node);
        reader.bad(&node.span, "one way to authenticate is needed", EXAMPLE);
        return None;
    };
    #[cfg(test)]
    reader.known.extend(KINDS);
    if matches!(entry.value.kind, Kind::Null) {
        let message = format!("`{}` has no value", entry.key);
        reader.bad(&entry.key_span, message, EXAMPLE);
        return None;
    }
    let value = &entry.value;
    match entry.key.as_str() {
        "bearer" | "bearer_file" => bearer(reader, &mut map),
        "header" => header_auth(reader, value),
        "basic" => basic(reader, value),
        "hmac" => hmac(reader, value, None, Keys::One).and_then(|config| {
            let scheme = config.scheme();
            if let Err(error) = &scheme {
                reader.bad(
                    &value.span,
                    error.to_string(),
                    "such as `{timestamp}.{body}`",
                );
            }
            scheme.ok().map(Auth::Hmac)
        }),
        "login" => login(reader, value, api_url).map(Auth::Login),
        other => {
            let help = did_you_mean(other, KINDS).map_or_else(
                || format!("write {}", listed(&KINDS)),
                |near| format!("did you mean `{near}`?"),
            );
            reader.hide(&value.span);
            let mistake = Diagnostic::error(
                code::UNKNOWN_KEY,
                format!("`{other}` is not a way to authenticate"),
            );
            reader.note(&entry.key_span, mistake.help(help));
            None
        }
    }
}

fn hide_all(reader: &mut Reader<'_>, node: &Node) {
    if let Kind::Mapping(entries) = &node.kind {
        for entry in entries {
            reader.hide(&entry.value.span);
        }
    }
}

fn bearer(reader: &mut Reader<'_>, map: &mut Map<'_>) -> Option<Auth> {
    let node = map.take("bearer");
    match node.map(|node| &node.kind) {
        Some(Kind::Scalar { text, .. }) if text == OWN_TOKEN => return Some(Auth::OwnToken),
        Some(Kind::Mapping(entries)) => {
            if let ([entry], Some(node)) = (entries.as_slice(), node)
                && entry.key == "token"
                && matches!(entry.value.kind, Kind::Null)
            {
                let message = "`{token}` without quotes is a mapping";
                reader.bad(&node.span, message, "write `bearer: \"{token}\"`");
                return None;
            }
        }
        Some(Kind::Null | Kind::Scalar { .. } | Kind::Sequence(_)) | None => {}
    }
    optional_secret(reader, map, "bearer", "bearer_file").map(Auth::Bearer)
}

fn header_auth(reader: &mut Reader<'_>, node: &Node) -> Option<Auth> {
    let example = "write `header: {name: X-API-Key, value_file: PATH}`";
    let mut map = reader.map(node, example)?;
    let name = reader
        .required(&mut map, "name", "name the header: `name: X-API-Key`")
        .and_then(|node| header(reader, node));
    let value = required_secret(reader, &mut map, "value", "value_file");
    reader.close(&map);
    Some(Auth::Header {
        name: name?,
        value: value?,
    })
}

fn basic(reader: &mut Reader<'_>, node: &Node) -> Option<Auth> {
    let example = "write `basic: {user: USER, password_file: PATH}`";
    let mut map = reader.map(node, example)?;
    let user = reader
        .required(&mut map, "user", "name the user, or the id of the key")
        .and_then(|node| {
            let help = "a user has no `:` in it, since what follows is the password";
            reader.parsed(node, "a user", help, |text| {
                (!text.contains(':') && !text.chars().any(char::is_control))
                    .then(|| text.to_owned())
            })
        });
    let password = required_secret(reader, &mut map, "password", "password_file");
    reader.close(&map);
    Some(Auth::Basic {
        user: user?,
        password: password?,
    })
}

/// `login` of `auth`: everything is written.
fn login(reader: &mut Reader<'_>, node: &Node, api_url: &ApiUrl) -> Option<Login> {
    let example = "write `login: {url: \"{api_url}/auth/login\", body: {email: bot@example.com, password: \"{password}\"}, password_file: PATH, token: /access_token}`";
    let mut map = reader.map(node, example)?;
    let url = reader
        .required(&mut map, "url", example)
        .and_then(|node| login_url(reader, node, api_url));
    let body_node = reader.required(&mut map, "body", example);
    let body = body_node.and_then(|node| reader.json(node));
    if let (Some(node), Some(body)) = (body_node, &body)
        && !holds_password(body)
    {
        let help = "put `\"{password}\"` where the password goes; it is read from `password` or `password_file`";
        reader.bad(&node.span, "nothing here is `\"{password}\"`", help);
    }
    let token = match map.take("token") {
        Some(node) => pointer(reader, node),
        None => Pointer::parse(LOGIN_TOKEN).ok(),
    };
    let rest = rest_of_login(reader, &mut map);
    reader.close(&map);
    let (password, lifetime) = rest;
    Some(Login {
        url: url?,
        body: body?,
        password: password?,
        token: token?,
        lifetime,
    })
}

/// `login` of `agentwarden`: an email and a password; where they go is known.
pub(super) fn login_by_email(
    reader: &mut Reader<'_>,
    node: &Node,
    api_url: &ApiUrl,
) -> Option<Login> {
    let example = "write `login: {email: bot@example.com, password_file: PATH}`";
    let mut map = reader.map(node, example)?;
    let email = reader
        .required(
            &mut map,
            "email",
            "say who logs in: `email: bot@example.com`",
        )
        .and_then(|node| reader.text(node));
    let url = match map.take("url") {
        Some(node) => login_url(reader, node, api_url),
        None => below(api_url, LOGIN_PATH),
    };
    let token = match map.take("token") {
        Some(node) => pointer(reader, node),
        None => Pointer::parse(LOGIN_TOKEN).ok(),
    };
    let (password, lifetime) = rest_of_login(reader, &mut map);
    reader.close(&map);
    Some(Login {
        url: url?,
        body: serde_json::json!({"email": email?, "password": PASSWORD}),
        password: password?,
        token: token?,
        lifetime,
    })
}

fn rest_of_login(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
) -> (Option<Credential>, SignedDuration) {
    let password = required_secret(reader, map, "password", "password_file");
    let (least, most) = (
        std::time::Duration::from_mins(1),
        std::time::Duration::from_hours(365 * 24),
    );
    let lifetime = duration(reader, map, "lifetime", least, most).unwrap_or(LIFETIME);
    (password, signed(lifetime))
}

fn login_url(reader: &mut Reader<'_>, node: &Node, api_url: &ApiUrl) -> Option<WebUrl> {
    let help = "write `{api_url}/auth/login` or an absolute `https://` URL";
    super::hide_user_info(reader, node);
    let text = reader.text(node)?;
    match (text.strip_prefix("{api_url}"), api_url) {
        (Some(_), ApiUrl::At(_)) => {
            let url = below(api_url, &text);
            if url.is_none() {
                let message = format!("`{}` is not the URL of a login", reader.quote(node));
                reader.bad(&node.span, message, help);
            }
            url
        }
        (Some(_), ApiUrl::Absent) => {
            let message = "`{api_url}` stands for nothing: the source has no `api_url`";
            let help = "add `api_url: https://…` to the source, or write the whole URL";
            reader.bad(&reader.within(node, "{api_url}"), message, help);
            None
        }
        (Some(_), ApiUrl::Unreadable) => None,
        (None, _) => super::secret_url(
            reader,
            node,
            "the URL of a login",
            help,
            super::ANSWERS_IN_THE_CLEAR,
        ),
    }
}

/// `template` with the API's address in it.
fn below(api_url: &ApiUrl, template: &str) -> Option<WebUrl> {
    let ApiUrl::At(api_url) = api_url else {
        return None;
    };
    let rest = template.strip_prefix("{api_url}")?;
    if !rest.is_empty() && !rest.starts_with(['/', '?']) {
        return None;
    }
    let text = format!("{}{rest}", api_url.as_str().trim_end_matches('/'));
    let url = crate::config::units::url(&text).filter(|_| !rest.contains(['{', '}']))?;
    WebUrl::parse(url.as_str()).ok()
}

fn holds_password(body: &Value) -> bool {
    match body {
        Value::String(text) => text == PASSWORD,
        Value::Array(items) => items.iter().any(holds_password),
        Value::Object(members) => members.values().any(holds_password),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
