//! Texts with placeholders: what a call to a platform is made of.

use serde_json::Value;

/// An address with placeholders. Every value that goes into it is escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlTemplate {
    raw: String,
}

/// A text with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextTemplate {
    raw: String,
}

/// A JSON document whose strings have placeholders.
#[derive(Debug, Clone, PartialEq)]
pub struct BodyTemplate {
    raw: Value,
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// A placeholder that does not exist.
    #[error("`{{{0}}}` is not known here")]
    UnknownPlaceholder(String),
}
