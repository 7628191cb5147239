//! JSON documents with placeholders. The document is built as values and printed once, so no text can end a string.

use serde_json::{Map, Value};

use super::{InvalidTemplate, Placeholder, TextTemplate, Unfilled, Values};

/// A JSON document whose strings have placeholders.
///
/// A string that is exactly one placeholder becomes the value itself, of whatever type; the member of an object that it
/// is goes where there is no value. Keys are as they are written.
#[derive(Debug, Clone, PartialEq)]
pub struct BodyTemplate {
    root: Node,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Fixed(Value),
    Text(TextTemplate),
    Whole(Placeholder),
    Items(Vec<Node>),
    Members(Vec<(String, Node)>),
}

impl BodyTemplate {
    /// Parses a document as the config has it.
    pub fn parse(raw: &Value) -> Result<Self, InvalidTemplate> {
        Node::parse(raw).map(|root| Self { root })
    }

    /// Every placeholder in it, in order.
    pub fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        let mut found = Vec::new();
        self.root.gather(&mut found);
        found.into_iter()
    }

    /// The document with `values` in it.
    pub(in crate::source::webhook) fn fill(&self, values: &Values<'_>) -> Result<Value, Unfilled> {
        self.root.fill(values)
    }
}

impl Node {
    fn parse(raw: &Value) -> Result<Self, InvalidTemplate> {
        Ok(match raw {
            Value::String(text) => {
                let template = TextTemplate::parse(text)?;
                match template.only() {
                    Some(placeholder) => Self::Whole(placeholder.clone()),
                    None => Self::Text(template),
                }
            }
            Value::Array(items) => {
                Self::Items(items.iter().map(Self::parse).collect::<Result<_, _>>()?)
            }
            Value::Object(members) => Self::Members(
                members
                    .iter()
                    .map(|(key, member)| Ok((key.clone(), Self::parse(member)?)))
                    .collect::<Result<_, InvalidTemplate>>()?,
            ),
            Value::Null | Value::Bool(_) | Value::Number(_) => Self::Fixed(raw.clone()),
        })
    }

    fn fill(&self, values: &Values<'_>) -> Result<Value, Unfilled> {
        match self {
            Self::Fixed(value) => Ok(value.clone()),
            Self::Text(template) => template.fill(values).map(Value::String),
            Self::Whole(placeholder) => values
                .value(placeholder)
                .ok_or_else(|| Unfilled::Missing(placeholder.clone())),
            Self::Items(items) => items
                .iter()
                .map(|item| item.fill(values))
                .collect::<Result<_, _>>()
                .map(Value::Array),
            Self::Members(members) => {
                let mut filled = Map::new();
                for (key, member) in members {
                    let value = match member {
                        Self::Whole(placeholder) => values.value(placeholder),
                        Self::Fixed(_) | Self::Text(_) | Self::Items(_) | Self::Members(_) => {
                            Some(member.fill(values)?)
                        }
                    };
                    if let Some(value) = value {
                        filled.insert(key.clone(), value);
                    }
                }
                Ok(Value::Object(filled))
            }
        }
    }

    fn gather<'a>(&'a self, found: &mut Vec<&'a Placeholder>) {
        match self {
            Self::Fixed(_) => {}
            Self::Text(template) => found.extend(template.placeholders()),
            Self::Whole(placeholder) => found.push(placeholder),
            Self::Items(items) => items.iter().for_each(|item| item.gather(found)),
            Self::Members(members) => members.iter().for_each(|(_, member)| member.gather(found)),
        }
    }
}
