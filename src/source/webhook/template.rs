//! Texts with placeholders: what a call to a platform is made of.
//!
//! What must hold: a value stays a value. In an address it cannot become another host, another path or another query;
//! in JSON it cannot become another member. What a text needs and nobody gave fails the call, and is never made up.

mod placeholder;
mod address;
mod body;

use crate::json::Pointer;

pub(super) use address::Address;
pub use address::UrlTemplate;
pub use body::BodyTemplate;
pub use placeholder::Placeholder;
pub(super) use placeholder::{Secrets, Unfilled, Values};

/// A text with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextTemplate {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Value(Placeholder),
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// A placeholder that does not exist.
    #[error(
        "`{{{0}}}` is not known here; known are `{{id}}`, `{{agent}}`, `{{action}}`, `{{token}}`, `{{rationale}}`, \
         `{{resolution}}`, `{{case_id}}`, `{{/json/pointer}}`, and at the beginning of a URL `{{api_url}}` and \
         `{{callback}}`"
    )]
    UnknownPlaceholder(String),
    /// A brace without its other half.
    #[error("a `{0}` stands alone; write `{0}{0}` for the character itself")]
    Brace(char),
    /// A placeholder that is an address, where it would not begin one.
    #[error("`{{{0}}}` can only be the beginning of a URL")]
    NotAtBeginning(&'static str),
    /// An address that holds a secret of ours, where everybody reads it.
    #[error("a URL holds no user and no password")]
    UserInfo,
    /// An address that says nowhere which host.
    #[error("a URL begins with `https://` and a host, with `{{api_url}}`, or with `{{callback}}`")]
    NoBase,
    /// A placeholder where the host is.
    #[error("the host of a URL is written out; a placeholder comes after it and a `/`")]
    InHost,
    /// What follows the beginning would become a part of the host.
    #[error("`{{{0}}}` must be followed by `/`, by `?`, or by nothing")]
    Glued(&'static str),
    /// A character that an address is read differently by.
    #[error("`{}` cannot stand in a URL; write it as `%` and two digits", .0.escape_debug())]
    Character(char),
    /// A step that leads out of where it stands.
    #[error("`.` and `..` cannot be steps of a URL's path")]
    DotStep,
    /// A placeholder where a query has a key.
    #[error("the keys of a URL's query are written out; a placeholder comes after a `=`")]
    InKey,
    /// It is no address for another reason.
    #[error("{0}")]
    Url(#[from] crate::source::InvalidUrl),
}

impl TextTemplate {
    /// Parses a text as the config has it. `{{` and `}}` stand for braces.
    pub fn parse(raw: &str) -> Result<Self, InvalidTemplate> {
        let parts = parse_parts(raw)?;
        for part in &parts {
            if let Part::Value(placeholder) = part
                && let Some(name) = placeholder.address()
            {
                return Err(InvalidTemplate::NotAtBeginning(name));
            }
        }
        Ok(Self { parts })
    }

    /// Every placeholder in it, in order.
    pub fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.parts.iter().filter_map(Part::placeholder)
    }

    /// The text with `values` in it.
    pub(super) fn fill(&self, values: &Values<'_>) -> Result<String, Unfilled> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Value(placeholder) => text.push_str(&values.text(placeholder)?),
            }
        }
        Ok(text)
    }

    /// The placeholder that is the whole text.
    fn only(&self) -> Option<&Placeholder> {
        match self.parts.as_slice() {
            [Part::Value(placeholder)] => Some(placeholder),
            _ => None,
        }
    }
}

impl Part {
    fn placeholder(&self) -> Option<&Placeholder> {
        match self {
            Self::Literal(_) => None,
            Self::Value(placeholder) => Some(placeholder),
        }
    }
}

fn parse_parts(raw: &str) -> Result<Vec<Part>, InvalidTemplate> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = raw;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        literal.push_str(before);
        if let Some(after) = from.strip_prefix("{{") {
            literal.push('{');
            rest = after;
        } else if let Some(after) = from.strip_prefix("}}") {
            literal.push('}');
            rest = after;
        } else if let Some(inside) = from.strip_prefix('{') {
            let (name, after) = inside.split_once('}').ok_or(InvalidTemplate::Brace('{'))?;
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(Part::Value(Placeholder::parse(name)?));
            rest = after;
        } else {
            return Err(InvalidTemplate::Brace('}'));
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    Ok(parts)
}

impl Placeholder {
    fn parse(name: &str) -> Result<Self, InvalidTemplate> {
        Ok(match name {
            "api_url" => Self::ApiUrl,
            "callback" => Self::Callback,
            "id" => Self::Id,
            "agent" => Self::Agent,
            "action" => Self::Action,
            "token" => Self::Token,
            "rationale" => Self::Rationale,
            "resolution" => Self::Resolution,
            "case_id" => Self::CaseId,
            pointer if pointer.starts_with('/') => Self::Payload(
                Pointer::parse(pointer)
                    .map_err(|_| InvalidTemplate::UnknownPlaceholder(shown(pointer)))?,
            ),
            other => return Err(InvalidTemplate::UnknownPlaceholder(shown(other))),
        })
    }
}

fn shown(name: &str) -> String {
    name.chars().take(80).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests;
