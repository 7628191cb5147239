//! Reads what an AgentWarden source says that differs from what is known, and assumed, of AgentWarden.

use reqwest::Url;

use super::scope::{ApiUrl, Usual};
use super::webhook::{About, Platform, described};
use super::{Places, auth};
use crate::config::code;
use crate::config::reader::{Map, Reader};
use crate::config::source::WebhookConfig;
use crate::diagnostic::Diagnostic;
use crate::source::agentwarden::{API_URL, Defaults};
use crate::source::auth::Auth;

pub(super) fn read(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    places: &mut Places,
    about: &About<'_>,
) -> Option<WebhookConfig> {
    let api_url = match map.take("api_url") {
        Some(node) => super::api_url(reader, node, super::ANSWERS_IN_THE_CLEAR)
            .map_or(ApiUrl::Unreadable, ApiUrl::At),
        None => Url::parse(API_URL).map_or(ApiUrl::Absent, ApiUrl::At),
    };
    let written = map.take("auth").or(map.take("login"));
    let auth = authentication(reader, map, &api_url);
    let defaults = match Defaults::new() {
        Ok(defaults) => defaults,
        Err(error) => {
            let help = "write the source with `kind: webhook`, and say all of it";
            reader.bad(&map.span.clone(), error.to_string(), help);
            return None;
        }
    };
    let platform = Platform {
        kind: "agentwarden",
        api_url: &api_url,
        // Without a login, that is what is said.
        auth: match written {
            Some(_) => Usual::of(written, auth.as_ref()),
            None => Usual::Unreadable,
        },
        defaults: Some(&defaults),
    };
    described(reader, map, places, about, &platform)
}

/// Its requests are read back before they are decided, whatever the mode: without a login nothing is ever decided.
fn authentication(reader: &mut Reader<'_>, map: &mut Map<'_>, api_url: &ApiUrl) -> Option<Auth> {
    match (map.take("auth"), map.take("login")) {
        (Some(node), None) => auth::auth(reader, node, api_url),
        (None, Some(node)) => auth::login_by_email(reader, node, api_url).map(Auth::Login),
        (Some(_), Some(node)) => {
            let mistake = Diagnostic::error(code::BOTH_TWINS, "both `auth` and `login` are given");
            reader.note(&node.span, mistake.help("keep one of the two"));
            None
        }
        (None, None) => {
            let help = "every request is read back from AgentWarden before it is decided, in dry-run too: add `login: {email: EMAIL, password_file: PATH}` of a user of its own, or `auth`";
            reader.missing(map, "login", help);
            None
        }
    }
}
