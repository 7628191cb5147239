//! What a placeholder can stand for, and what it stands for in one call.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use crate::json::Pointer;
use crate::secret::Secret;
use crate::source::WebUrl;

/// What stands where a value will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placeholder {
    /// Where the source's API is. Only the beginning of an address.
    ApiUrl,
    /// The address that came with the request. Only the beginning of an address.
    Callback,
    /// What the platform calls the request.
    Id,
    /// Who asked.
    Agent,
    /// What they asked for.
    Action,
    /// The capability that came with the request.
    Token,
    /// Why it was decided so. Nowhere but in an answer.
    Rationale,
    /// `approved` or `rejected`. Nowhere but in an answer.
    Resolution,
    /// What we call the request. Nowhere but in an answer.
    CaseId,
    /// A part of the payload that was decided on. Nowhere but in an answer.
    Payload(Pointer),
}

impl Placeholder {
    /// Whether it can stand nowhere but in an answer.
    pub fn only_in_answers(&self) -> bool {
        match self {
            Self::Rationale
            | Self::Resolution
            | Self::CaseId
            | Self::Callback
            | Self::Payload(_) => true,
            Self::ApiUrl | Self::Id | Self::Agent | Self::Action | Self::Token => false,
        }
    }

    /// Whether it stands for something that is known only of one request, and not of a list of them.
    pub fn needs_request(&self) -> bool {
        *self != Self::ApiUrl
    }

    /// Its name, if it stands for an address.
    pub(super) fn address(&self) -> Option<&'static str> {
        match self {
            Self::ApiUrl => Some("api_url"),
            Self::Callback => Some("callback"),
            Self::Id
            | Self::Agent
            | Self::Action
            | Self::Token
            | Self::Rationale
            | Self::Resolution
            | Self::CaseId
            | Self::Payload(_) => None,
        }
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApiUrl => "{api_url}",
            Self::Callback => "{callback}",
            Self::Id => "{id}",
            Self::Agent => "{agent}",
            Self::Action => "{action}",
            Self::Token => "{token}",
            Self::Rationale => "{rationale}",
            Self::Resolution => "{resolution}",
            Self::CaseId => "{case_id}",
            Self::Payload(pointer) => return write!(f, "{{{pointer}}}"),
        })
    }
}

/// What the placeholders of one call stand for.
#[derive(Debug, Clone, Copy)]
pub(in crate::source::webhook) struct Values<'a> {
    pub(in crate::source::webhook) api_url: Option<&'a WebUrl>,
    pub(in crate::source::webhook) callback: Option<&'a Secret>,
    pub(in crate::source::webhook) id: Option<&'a str>,
    pub(in crate::source::webhook) agent: Option<&'a str>,
    pub(in crate::source::webhook) action: Option<&'a str>,
    pub(in crate::source::webhook) token: Option<&'a Secret>,
    pub(in crate::source::webhook) rationale: Option<&'a str>,
    pub(in crate::source::webhook) resolution: Option<&'a str>,
    pub(in crate::source::webhook) case_id: Option<&'a str>,
    pub(in crate::source::webhook) payload: Option<&'a Value>,
    pub(in crate::source::webhook) secrets: Secrets,
}

/// Whether secrets stand in what is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source::webhook) enum Secrets {
    /// They do: it is sent.
    Sent,
    /// `***` does: it is shown.
    Hidden,
}

/// What is shown for a secret.
pub(super) const HIDDEN: &str = "***";

/// Why a template could not be filled. Nothing of a value is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::source::webhook) enum Unfilled {
    #[error("the request has nothing for `{0}`")]
    Missing(Placeholder),
    #[error("what the request has for `{0}` is neither text nor a number")]
    NotText(Placeholder),
    #[error("what the request has for `{0}` would lead to another path")]
    DotStep(Placeholder),
    #[error("the source has no `api_url`")]
    NoApiUrl,
    #[error("the request's callback is no address that this call can use: it cannot be extended")]
    NoCallback,
    #[error("the URL would be longer than {0} bytes")]
    TooLong(usize),
    #[error("what comes of the URL is none")]
    NoUrl,
}

impl Values<'_> {
    /// Nothing is known: what lists are asked for with.
    pub(in crate::source::webhook) fn none(api_url: Option<&WebUrl>) -> Values<'_> {
        Values {
            api_url,
            callback: None,
            id: None,
            agent: None,
            action: None,
            token: None,
            rationale: None,
            resolution: None,
            case_id: None,
            payload: None,
            secrets: Secrets::Sent,
        }
    }

    /// What a placeholder stands for, as JSON; none where there is nothing.
    pub(super) fn value(&self, placeholder: &Placeholder) -> Option<Value> {
        if let Placeholder::Payload(pointer) = placeholder {
            return self
                .payload
                .and_then(|payload| pointer.find(payload))
                .cloned();
        }
        self.known(placeholder)
            .filter(|text| !text.is_empty())
            .map(|text| Value::String(text.to_owned()))
    }

    /// What a placeholder stands for, inside other text. There a rationale may be empty.
    pub(super) fn text(&self, placeholder: &Placeholder) -> Result<Cow<'_, str>, Unfilled> {
        let missing = || Unfilled::Missing(placeholder.clone());
        if let Placeholder::Payload(pointer) = placeholder {
            let found = self
                .payload
                .and_then(|payload| pointer.find(payload))
                .ok_or_else(missing)?;
            return match found {
                Value::String(text) if text.is_empty() => Err(missing()),
                Value::String(text) => Ok(text.clone().into()),
                Value::Number(number) => Ok(number.to_string().into()),
                Value::Bool(truth) => Ok(truth.to_string().into()),
                Value::Null => Err(missing()),
                Value::Array(_) | Value::Object(_) => Err(Unfilled::NotText(placeholder.clone())),
            };
        }
        match self.known(placeholder) {
            Some("") if *placeholder == Placeholder::Rationale => Ok("".into()),
            Some("") | None => Err(missing()),
            Some(text) => Ok(text.into()),
        }
    }

    fn known(&self, placeholder: &Placeholder) -> Option<&str> {
        match placeholder {
            Placeholder::Id => self.id,
            Placeholder::Agent => self.agent,
            Placeholder::Action => self.action,
            Placeholder::Token => self.secret(self.token),
            Placeholder::Rationale => self.rationale,
            Placeholder::Resolution => self.resolution,
            Placeholder::CaseId => self.case_id,
            // Addresses begin a URL and stand nowhere else; the payload is no one text.
            Placeholder::ApiUrl | Placeholder::Callback | Placeholder::Payload(_) => None,
        }
    }

    fn secret<'s>(&self, secret: Option<&'s Secret>) -> Option<&'s str> {
        let secret = secret?;
        Some(match self.secrets {
            Secrets::Sent => secret.expose(),
            Secrets::Hidden => HIDDEN,
        })
    }
}
