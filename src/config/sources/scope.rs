//! What placeholders stand for in the calls of one source, and what is said of those that stand for nothing.

use std::ops::Range;

use reqwest::Url;

use crate::config::Mode;
use crate::config::reader::{Reader, listed};
use crate::config::yaml::Node;
use crate::diagnostic::did_you_mean;
use crate::source::FieldRule;
use crate::source::auth::Auth;
use crate::source::webhook::{Fields, InvalidTemplate, Placeholder};

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It reads one request back.
    Record,
    /// It lists the pending requests.
    List,
    /// It answers one request.
    Answer,
}

/// What a call of one source can name, and what it has if it does not say.
#[derive(Clone, Copy)]
pub(super) struct Scope<'s> {
    pub(super) purpose: Purpose,
    pub(super) mode: Mode,
    pub(super) api_url: &'s ApiUrl,
    /// Where a request's parts are: in the delivery, and in the record. None where that could not be read.
    pub(super) fields: Option<[&'s Fields; 2]>,
    pub(super) callbacks: Callbacks,
    /// Of a call to the platform's own API.
    pub(super) auth: Usual<'s>,
    /// Of a call to an address that came with a request: what is written for answers, never what is written for the
    /// whole source, since the address is the sender's choice.
    pub(super) callback_auth: Usual<'s>,
}

/// Where a part can be that a placeholder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    /// In the delivery alone, as a capability is.
    Delivery,
    /// In the delivery or in the record.
    Either,
}

/// Whether a source names hosts that a callback may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Callbacks {
    /// It does.
    Somewhere,
    /// It does not: none can be called.
    Nowhere,
}

/// What authenticates a call that does not say.
#[derive(Debug, Clone, Copy)]
pub(super) enum Usual<'s> {
    Auth(&'s Auth),
    Nothing,
    /// It is written, and could not be read.
    Unreadable,
}

impl<'s> Usual<'s> {
    /// What was read of what is written; nothing where nothing is.
    pub(super) fn of(written: Option<&Node>, auth: Option<&'s Auth>) -> Self {
        match (auth, written) {
            (Some(auth), _) => Self::Auth(auth),
            (None, Some(_)) => Self::Unreadable,
            (None, None) => Self::Nothing,
        }
    }

    pub(super) fn cloned(self) -> Option<Auth> {
        match self {
            Self::Auth(auth) => Some(auth.clone()),
            Self::Nothing | Self::Unreadable => None,
        }
    }
}

/// What `{api_url}` stands for.
#[derive(Debug)]
pub(super) enum ApiUrl {
    At(Url),
    Absent,
    /// It is written, and is none.
    Unreadable,
}

impl Scope<'_> {
    fn names(&self) -> &'static [&'static str] {
        match self.purpose {
            Purpose::List => &["api_url"],
            Purpose::Record => &["api_url", "id", "agent", "action", "token"],
            Purpose::Answer => &[
                "api_url",
                "callback",
                "id",
                "agent",
                "action",
                "token",
                "rationale",
                "resolution",
                "case_id",
            ],
        }
    }

    fn known(&self) -> String {
        let names: Vec<_> = self
            .names()
            .iter()
            .map(|name| format!("{{{name}}}"))
            .collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        match self.purpose {
            Purpose::List | Purpose::Record => format!("known here: {}", listed(&names)),
            Purpose::Answer => format!(
                "known here: {}, and a JSON pointer into the payload such as `{{/data/run}}`",
                listed(&names)
            ),
        }
    }
}

pub(super) fn no_template(
    reader: &mut Reader<'_>,
    node: &Node,
    error: &InvalidTemplate,
    scope: &Scope<'_>,
    example: &str,
) {
    let InvalidTemplate::UnknownPlaceholder(name) = error else {
        reader.bad(&node.span, error.to_string(), example);
        return;
    };
    let help = match did_you_mean(name, scope.names().iter().copied()) {
        Some(near) => format!("did you mean `{{{near}}}`? a plain `{{` is written `{{{{`"),
        None => scope.known(),
    };
    let written = format!("{{{name}}}");
    let place = reader.within(node, &written);
    reader.bad(&place, format!("`{written}` is not a placeholder"), &help);
}

/// Notes every placeholder that stands for nothing here.
pub(super) fn placeholders<'p>(
    reader: &mut Reader<'_>,
    node: &Node,
    found: impl Iterator<Item = &'p Placeholder>,
    scope: &Scope<'_>,
) {
    let mut seen = Vec::new();
    for placeholder in found {
        if !seen.contains(&placeholder) {
            let place = reader.within(node, &placeholder.to_string());
            stands_for_something(reader, &place, placeholder, scope);
            seen.push(placeholder);
        }
    }
}

pub(super) fn stands_for_something(
    reader: &mut Reader<'_>,
    place: &Range<usize>,
    placeholder: &Placeholder,
    scope: &Scope<'_>,
) {
    let known = match scope.purpose {
        Purpose::Record => !placeholder.only_in_answers(),
        Purpose::List => !placeholder.needs_request(),
        Purpose::Answer => true,
    };
    if !known {
        let message = match scope.purpose {
            Purpose::List => format!("`{placeholder}` is of one request, and this lists them all"),
            Purpose::Record | Purpose::Answer => {
                format!("`{placeholder}` is known only when a request is answered")
            }
        };
        reader.bad(place, message, &scope.known());
        return;
    }
    let missing = |part: &'static str, within: Within, find: fn(&Fields) -> &Option<FieldRule>| {
        let nowhere = scope.fields.is_some_and(|[delivered, record]| {
            find(delivered).is_none() && (within == Within::Delivery || find(record).is_none())
        });
        nowhere.then(|| {
            (
                format!("`{placeholder}` stands for nothing: `fields` has no `{part}`"),
                format!("say where a request has it: `fields: {{{part}: /{part}}}`"),
            )
        })
    };
    let mistake = match placeholder {
        Placeholder::ApiUrl => matches!(scope.api_url, ApiUrl::Absent).then(|| {
            (
                "`{api_url}` stands for nothing: the source has no `api_url`".to_owned(),
                "add `api_url: https://…` to the source, or write the whole URL".to_owned(),
            )
        }),
        Placeholder::Agent => missing("agent", Within::Either, |fields| &fields.agent),
        Placeholder::Action => missing("action", Within::Either, |fields| &fields.action),
        Placeholder::Token => missing("token", Within::Delivery, |fields| &fields.token),
        Placeholder::Callback => missing("callback", Within::Delivery, |fields| &fields.callback)
            .or_else(|| {
                (scope.callbacks == Callbacks::Nowhere).then(|| {
                    (
                        "`{callback}` can lead nowhere: there are no `callback_hosts`".to_owned(),
                        "name the hosts that it may lead to: `callback_hosts: [app.example.com]`"
                            .to_owned(),
                    )
                })
            }),
        Placeholder::Id
        | Placeholder::Rationale
        | Placeholder::Resolution
        | Placeholder::CaseId
        | Placeholder::Payload(_) => None,
    };
    if let Some((message, help)) = mistake {
        reader.bad(place, message, &help);
    }
}
