//! A value as the guard sees it: what plain Rego has, whether that can be relied on, and where it stands.

use std::rc::Rc;
use std::sync::Arc;

use regorus::Value;

use super::kinds::{self, kind};
use crate::domain::rationale::is_hidden;
use crate::policy::engine::show;

/// Most facts that are named for one thing that is not known.
const MOST_LACKS: usize = 8;

/// A value of plain Rego and what the guard knows of it.
#[derive(Clone)]
pub(super) struct Seen {
    /// What plain Rego has; undefined where it has nothing.
    pub(super) value: Value,
    /// Why it is not known. A value without doubt is the same whatever the facts that are not there would have been.
    pub(super) doubt: Option<Doubt>,
    pub(super) place: Place,
    /// Of a collection of which not all members are known: those that it has in any case. It is said of this very
    /// collection, never of what is made of it, and so is no part of the doubt, which goes on to that.
    pub(super) sure: Option<Value>,
}

/// Where a value stands.
#[derive(Clone)]
pub(super) enum Place {
    /// Policy made it, of nothing that has parts which might be missing.
    Nowhere,
    /// It is what the input or the data hold at this place.
    At(Arc<Node>),
    /// Policy made it of values at this place: beyond so many levels, its parts are theirs.
    Of(Arc<Node>, u8),
    /// Nothing, where the data have everything but the last key. As a condition of its own that is an answer; it is none
    /// for anything that rests on it.
    NoKey(Arc<Node>),
}

/// A place in a document.
#[derive(Debug, PartialEq)]
pub(super) enum Node {
    Input,
    Data,
    Key(Arc<Node>, Value),
    /// Any element.
    Element(Arc<Node>),
}

/// A fact that is not there, or not of the right kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lack {
    pub(super) path: String,
    pub(super) saw: String,
    /// Line of the condition of the body that is looked at; 0 until it is known.
    pub(super) line: u32,
}

/// Why something is not known.
pub(super) type Doubt = Rc<Vec<Lack>>;

pub(super) fn doubt(path: String, saw: impl Into<String>) -> Doubt {
    Rc::new(vec![Lack {
        path,
        saw: saw.into(),
        line: 0,
    }])
}

/// Both reasons.
pub(super) fn and(a: Option<Doubt>, b: Option<Doubt>) -> Option<Doubt> {
    let (a, b) = match (a, b) {
        (Some(a), Some(b)) => (a, b),
        (one, other) => return one.or(other),
    };
    if Rc::ptr_eq(&a, &b) {
        return Some(a);
    }
    let mut lacks = a.to_vec();
    for lack in b.iter() {
        if lacks.len() < MOST_LACKS && !lacks.contains(lack) {
            lacks.push(lack.clone());
        }
    }
    Some(Rc::new(lacks))
}

impl Seen {
    pub(super) fn known(value: Value) -> Self {
        Self {
            sure: None,
            value,
            doubt: None,
            place: Place::Nowhere,
        }
    }

    pub(super) fn undefined() -> Self {
        Self::known(Value::Undefined)
    }

    pub(super) fn unknown(value: Value, doubt: Doubt) -> Self {
        Self {
            sure: None,
            value,
            doubt: Some(doubt),
            place: Place::Nowhere,
        }
    }

    pub(super) fn at(value: Value, node: Arc<Node>) -> Self {
        Self {
            sure: None,
            value,
            doubt: None,
            place: Place::At(node),
        }
    }

    pub(super) fn is_defined(&self) -> bool {
        self.value != Value::Undefined
    }

    /// Whether plain Rego takes it for true.
    pub(super) fn holds(&self) -> bool {
        !matches!(self.value, Value::Undefined | Value::Bool(false))
    }

    /// Why it is not known when something rests on it: as an operand, an argument, a key or an assigned value.
    pub(super) fn doubt_as_operand(&self) -> Option<Doubt> {
        if self.doubt.is_some() {
            return self.doubt.clone();
        }
        match (&self.place, &self.value) {
            (Place::NoKey(node), _) => Some(doubt(node.written(), "absent")),
            (Place::At(node) | Place::Of(node, 0), Value::Null) => {
                Some(doubt(node.written(), "null"))
            }
            _ => None,
        }
    }

    /// The same when it is a condition of its own.
    pub(super) fn doubt_as_condition(&self) -> Option<Doubt> {
        match self.place {
            Place::NoKey(_) => self.doubt.clone(),
            Place::Nowhere | Place::At(_) | Place::Of(..) => self.doubt_as_operand(),
        }
    }

    /// Its path, where it has one.
    pub(super) fn path(&self) -> Option<String> {
        match &self.place {
            Place::At(node) | Place::Of(node, 0) | Place::NoKey(node) => Some(node.written()),
            Place::Of(..) | Place::Nowhere => None,
        }
    }

    /// Whether it was made of the input, or is a part of it.
    pub(super) fn is_of_input(&self) -> bool {
        match &self.place {
            Place::At(node) | Place::Of(node, _) | Place::NoKey(node) => node.is_input(),
            Place::Nowhere => false,
        }
    }

    /// The part at `key`.
    pub(super) fn part(&self, key: &Seen) -> Seen {
        let mut why = and(self.doubt_as_operand(), key.doubt_as_operand());
        if self.has_in_any_case(key) {
            why = None;
        }
        let value = match (&self.value, &key.value) {
            (Value::Undefined, _) | (_, Value::Undefined) => Value::Undefined,
            (container, key) => container[key].clone(),
        };
        if why.is_some() {
            let place = self.below(&key.value);
            return Seen {
                sure: None,
                value,
                doubt: why,
                place,
            };
        }
        if !self.is_defined() || !key.is_defined() {
            return Seen::undefined();
        }
        let place = self.below(&key.value);
        if value != Value::Undefined {
            return Seen {
                sure: None,
                value,
                doubt: None,
                place,
            };
        }
        if let Some(saw) = kinds::looked_up(&self.value, &key.value) {
            let path = match &place {
                Place::At(node) | Place::Of(node, _) | Place::NoKey(node) => node.written(),
                Place::Nowhere => key.path().unwrap_or_else(|| show(&key.value)),
            };
            why = Some(doubt(key.path().unwrap_or(path), saw));
        } else if matches!(self.value, Value::Set(_)) {
            // Only policy makes sets: that one has no such member is an answer.
            return Seen::undefined();
        } else if let Place::At(node) | Place::Of(node, 0) = &self.place {
            let below = Node::child(node, &key.value);
            if !has_parts(&self.value) {
                let saw = format!("{}, which has no parts", kind(&self.value));
                why = Some(doubt(node.written(), saw));
            } else if node.is_input() {
                why = Some(doubt(below.written(), "absent"));
            } else {
                return Seen {
                    sure: None,
                    value,
                    doubt: None,
                    place: Place::NoKey(below),
                };
            }
        }
        Seen {
            sure: None,
            value,
            doubt: why,
            place: Place::Nowhere,
        }
    }

    /// Whether it is a set of which not all members are known, but this one is.
    fn has_in_any_case(&self, key: &Seen) -> bool {
        key.doubt_as_operand().is_none()
            && matches!(&self.sure, Some(Value::Set(sure)) if sure.contains(&key.value))
    }

    /// Its path, or that of its parts where policy put them together.
    pub(super) fn written(&self) -> Option<String> {
        match &self.place {
            Place::At(node) | Place::Of(node, _) | Place::NoKey(node) => Some(node.written()),
            Place::Nowhere => None,
        }
    }

    /// Where its part at `key` stands.
    pub(super) fn below(&self, key: &Value) -> Place {
        match &self.place {
            _ if *key == Value::Undefined => Place::Nowhere,
            Place::At(node) => Place::At(Node::child(node, key)),
            Place::Of(node, 0) => Place::Of(Node::child(node, key), 0),
            Place::Of(node, levels) => Place::Of(Arc::clone(node), levels - 1),
            Place::NoKey(_) | Place::Nowhere => Place::Nowhere,
        }
    }

    /// Where a value stands that policy makes of these, one level around them.
    pub(super) fn around<'a>(parts: impl IntoIterator<Item = &'a Seen>) -> Place {
        let mut least: Option<(&Arc<Node>, u8)> = None;
        for part in parts {
            let (node, levels) = match &part.place {
                Place::At(node) => (node, 0),
                Place::Of(node, levels) => (node, *levels),
                Place::NoKey(_) | Place::Nowhere => continue,
            };
            least = match least {
                Some(known) if known.1 <= levels => Some(known),
                _ => Some((node, levels)),
            };
        }
        least.map_or(Place::Nowhere, |(node, levels)| {
            Place::Of(node.element(), levels.saturating_add(1))
        })
    }
}

fn is_plain_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.len() <= 64
        && !name.contains(is_hidden)
}

pub(super) fn has_parts(value: &Value) -> bool {
    match value {
        Value::Array(_) | Value::Set(_) | Value::Object(_) => true,
        Value::Undefined | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            false
        }
    }
}

impl Node {
    pub(super) fn child(parent: &Arc<Node>, key: &Value) -> Arc<Node> {
        Arc::new(Self::Key(Arc::clone(parent), key.clone()))
    }

    /// The place of all that stand beside each other there.
    fn element(self: &Arc<Self>) -> Arc<Node> {
        match self.as_ref() {
            Self::Key(parent, Value::Number(_)) => Arc::new(Self::Element(Arc::clone(parent))),
            Self::Key(..) | Self::Input | Self::Data | Self::Element(_) => Arc::clone(self),
        }
    }

    pub(super) fn is_input(&self) -> bool {
        match self {
            Self::Input => true,
            Self::Data => false,
            Self::Key(parent, _) | Self::Element(parent) => parent.is_input(),
        }
    }

    /// As one writes it.
    pub(super) fn written(&self) -> String {
        match self {
            Self::Input => "input".to_owned(),
            Self::Data => "data".to_owned(),
            Self::Element(parent) => format!("{}[…]", parent.written()),
            Self::Key(parent, Value::String(name)) if is_plain_name(name) => {
                format!("{}.{name}", parent.written())
            }
            Self::Key(parent, key) => format!("{}[{}]", parent.written(), show(key)),
        }
    }

    /// As a JSON pointer from the input's root; `None` where it is no single place of the input.
    pub(super) fn pointer(&self) -> Option<String> {
        match self {
            Self::Input => Some(String::new()),
            Self::Data | Self::Element(_) => None,
            Self::Key(parent, key) => {
                let mut pointer = parent.pointer()?;
                pointer.push('/');
                match key {
                    Value::String(name) => {
                        pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                    }
                    Value::Number(number) => pointer.push_str(&number.format_decimal()),
                    Value::Undefined
                    | Value::Null
                    | Value::Bool(_)
                    | Value::Array(_)
                    | Value::Set(_)
                    | Value::Object(_) => return None,
                }
                Some(pointer)
            }
        }
    }
}
