//! Reads what a source has whose platform is described by configuration: all of it, or what differs from what is known
//! of the platform.

use super::scope::{ApiUrl, Callbacks, Purpose, Scope, Usual};
use super::{Places, answers, auth, events, fields, lookups};
use crate::config::reader::{Map, Reader};
use crate::config::source::{Forward, VerifyConfig, WebhookConfig};
use crate::config::yaml::Kind;
use crate::config::{Mode, code};
use crate::diagnostic::Diagnostic;
use crate::domain::id::SourceName;
use crate::signature::{Strength, Verifier};
use crate::source::WebUrl;
use crate::source::agentwarden::Defaults;
use crate::source::callback::CallbackHosts;
use crate::source::webhook::{Events, ResolvedFields, Settings};

const FORWARDS: [(&str, Forward); 2] = [("events", Forward::Events), ("all", Forward::All)];

/// What is known of a source before its kind is looked at.
pub(super) struct About<'a> {
    /// None where it could not be read.
    pub(super) name: Option<&'a SourceName>,
    pub(super) mode: Mode,
    pub(super) forward_to: Option<&'a WebUrl>,
}

/// What is known of a platform before its source is read.
pub(super) struct Platform<'a> {
    pub(super) kind: &'static str,
    pub(super) api_url: &'a ApiUrl,
    pub(super) auth: Usual<'a>,
    pub(super) defaults: Option<&'a Defaults>,
}

/// A platform of which nothing is known.
pub(super) fn read(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    places: &mut Places,
    about: &About<'_>,
) -> Option<WebhookConfig> {
    let api_url = match map.take("api_url") {
        Some(node) => super::api_url(reader, node, super::ANSWERS_IN_THE_CLEAR)
            .map_or(ApiUrl::Unreadable, ApiUrl::At),
        None => ApiUrl::Absent,
    };
    let auth_node = map.take("auth");
    let auth = auth_node.and_then(|node| auth::auth(reader, node, &api_url));
    let platform = Platform {
        kind: "webhook",
        api_url: &api_url,
        auth: Usual::of(auth_node, auth.as_ref()),
        defaults: None,
    };
    let read = described(reader, map, places, about, &platform)?;
    unsigned(reader, places, about, &read);
    Some(read)
}

/// A platform of which `platform` says what need not be written.
pub(super) fn described(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    places: &mut Places,
    about: &About<'_>,
    platform: &Platform<'_>,
) -> Option<WebhookConfig> {
    let defaults = platform.defaults;
    let errors = reader.errors();
    let ways = super::verify_list(reader, map, places, None);
    let verify = verifier(reader, map, &ways);
    let events = events::events(reader, map, defaults.map(|defaults| &defaults.events));
    let request = fields::of_request(reader, map, defaults.map(|defaults| &defaults.fields));
    let resolved = resolved(reader, map, events.as_ref(), defaults);
    let hosts_node = map.take("callback_hosts");
    let callback_hosts = callback_hosts(reader, map);
    let mut scope = Scope {
        purpose: Purpose::Record,
        mode: about.mode,
        api_url: platform.api_url,
        fields: request.as_ref().map(|request| [request, request]),
        callbacks: match hosts_node.map(|node| &node.kind) {
            Some(Kind::Sequence(entries)) if entries.is_empty() => Callbacks::Nowhere,
            Some(_) => Callbacks::Somewhere,
            None => Callbacks::Nowhere,
        },
        auth: platform.auth,
        callback_auth: Usual::Nothing,
    };
    let confirm = lookups::confirm(reader, map, &scope, defaults.map(|known| &known.confirm));
    scope.purpose = Purpose::List;
    let reconcile = lookups::reconcile(
        reader,
        map,
        &scope,
        confirm.as_ref().map(|confirm| &confirm.lookup),
        defaults.map(|defaults| &defaults.pending),
    );
    scope.purpose = Purpose::Answer;
    scope.fields = match (&request, &confirm) {
        (Some(request), Some(confirm)) => Some([request, &confirm.lookup.fields]),
        (Some(request), None) if map.take("confirm").is_none() => Some([request, request]),
        (Some(_) | None, _) => None,
    };
    let (answer, rationale_limit) =
        answers::answer(reader, map, &scope, defaults.map(|known| &known.answer));
    if map.take("answer").is_none() && answer.is_none() {
        unanswered(reader, places, about);
    }
    let volatile = match (map.take("volatile"), defaults) {
        (None, Some(defaults)) => defaults.volatile.clone(),
        (Some(_) | None, _) => fields::volatile(reader, map),
    };
    let acknowledge = answers::acknowledge(reader, map);
    let forward = forward(reader, map, about);
    let credential_expires = super::credential_expires(reader, map, places);
    let answer_within = super::answer_within(reader, map);
    let settings = Settings {
        name: about.name?.clone(),
        platform: platform.kind,
        api_url: match platform.api_url {
            ApiUrl::At(url) => WebUrl::parse(url.as_str()).ok(),
            ApiUrl::Absent | ApiUrl::Unreadable => None,
        },
        verify: verify?,
        events,
        fields: request?,
        resolved,
        volatile,
        confirm,
        reconcile,
        answer,
        callback_hosts,
        acknowledge,
        forward_to: about.forward_to.cloned(),
    };
    // All that is known of has a place; where nothing was found, the source has the last word.
    if reader.errors() == errors
        && let Err(error) = settings.check()
    {
        let help = "look at the calls of this source";
        reader.bad(&places.name, error.to_string(), help);
    }
    Some(WebhookConfig {
        settings,
        verify: ways,
        credential_expires,
        answer_within,
        rationale_limit,
        forward,
    })
}

fn verifier(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    ways: &[VerifyConfig],
) -> Option<Verifier<crate::credential::Credential>> {
    match VerifyConfig::verifier(ways) {
        Ok(verifier) => Some(verifier),
        Err(error) => {
            let place = map
                .take("verify")
                .map_or(&map.span, |node| &node.span)
                .clone();
            let help = "such as `signed: \"{timestamp}.{body}\"`";
            reader.bad(&place, error.to_string(), help);
            None
        }
    }
}

fn resolved(
    reader: &mut Reader<'_>,
    map: &mut Map<'_>,
    events: Option<&Events>,
    defaults: Option<&Defaults>,
) -> ResolvedFields {
    if let Some(node) = map.take("resolved")
        && events.map_or(map.take("event").is_none(), |events| {
            events.resolved.is_empty()
        })
    {
        let message = "`resolved` is never looked at: no event tells an end";
        let help = "name the events that do: `event: {at: /event, request: […], resolved: [approval.approved]}`";
        let mistake = Diagnostic::error(code::MISSING_KEY, message);
        reader.note(&node.span, mistake.help(help));
    }
    let nowhere = ResolvedFields {
        id: None,
        outcome: None,
        by: None,
        reason: None,
    };
    let known = defaults.map_or(&nowhere, |defaults| &defaults.resolved);
    fields::of_end(reader, map, known)
}

fn callback_hosts(reader: &mut Reader<'_>, map: &mut Map<'_>) -> CallbackHosts {
    let example = "write `callback_hosts: [app.example.com]`";
    let items = map
        .take("callback_hosts")
        .and_then(|node| reader.list(node, example));
    let mut entries = Vec::new();
    for node in items.unwrap_or_default() {
        let Some(entry) = reader.text(node) else {
            continue;
        };
        match CallbackHosts::parse([&entry]) {
            Ok(_) => entries.push(entry),
            Err(error) => reader.bad(&node.span, error.to_string(), example),
        }
    }
    CallbackHosts::parse(entries).unwrap_or_default()
}

fn forward(reader: &mut Reader<'_>, map: &mut Map<'_>, about: &About<'_>) -> Forward {
    let written = map.take("forward");
    let forward = written.and_then(|node| reader.word(node, &FORWARDS));
    if let Some(node) = written
        && about.forward_to.is_none()
        && map.take("forward_to").is_none()
    {
        let message = "`forward` leads nowhere: there is no `forward_to`";
        let help = "say where events go on to: `forward_to: https://executor.internal/hook`";
        let mistake = Diagnostic::error(code::MISSING_KEY, message);
        reader.note(&node.span, mistake.help(help));
    }
    forward.unwrap_or(Forward::Events)
}

fn unanswered(reader: &mut Reader<'_>, places: &Places, about: &About<'_>) {
    if about.mode == Mode::DryRun {
        return;
    }
    let name = about.name.map_or("", SourceName::as_str);
    let message = format!("source `{name}` is in `enforce` and does not say how to answer");
    let help = "add `answer: {approve: {url: …}, reject: {url: …}}`, or use `mode: dry_run`";
    let mistake = Diagnostic::error(code::NO_CREDENTIAL, message);
    reader.note(
        places.mode.as_ref().unwrap_or(&places.name),
        mistake.help(help),
    );
}

/// A sender who is known, and whose words are not proven.
fn unsigned(reader: &mut Reader<'_>, places: &Places, about: &About<'_>, config: &WebhookConfig) {
    let settings = &config.settings;
    // Where nobody is verified, more is said than this.
    if about.mode == Mode::DryRun
        || settings.confirm.is_some()
        || settings.verify.strength() != Strength::Sender
    {
        return;
    }
    let message = format!(
        "source `{}` takes every word of a request from whoever knows its secret",
        settings.name
    );
    let help = "who learns it can have anything approved: let the platform sign the body (`verify: [{hmac: …}]`), or read its own record back (`confirm`)";
    let warning = Diagnostic::warning(code::UNSIGNED, message);
    reader.note(
        places.mode.as_ref().unwrap_or(&places.name),
        warning.help(help),
    );
}
