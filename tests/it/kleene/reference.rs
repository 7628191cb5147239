//! What is true, false or unknown of a condition: the law of the evidence guard, written down a second time over plain
//! JSON and without any code that it is to judge.

use std::cmp::Ordering;

use countersign::domain::verdict::Truth;
use serde_json::Value;

use super::grammar::{
    Binding, Body, Collection, Condition, Key, Lookup, Operator, Path, Root, Term, uses_element,
};

/// What conditions are looked at with.
#[derive(Clone, Copy)]
pub struct World<'a> {
    input: &'a Value,
    data: &'a Value,
    /// What the innermost name stands for.
    element: Option<&'a Value>,
}

/// What a term comes to.
enum Seen {
    Value(Value),
    /// It has no value, and its author said that this is an answer.
    Nothing,
    Unknown,
}

pub fn not(truth: Truth) -> Truth {
    match truth {
        Truth::True => Truth::False,
        Truth::False => Truth::True,
        Truth::Unknown => Truth::Unknown,
    }
}

/// True if all are, false if one is.
pub fn all(truths: impl IntoIterator<Item = Truth>) -> Truth {
    truths
        .into_iter()
        .fold(Truth::True, |sum, one| match (sum, one) {
            (Truth::False, _) | (_, Truth::False) => Truth::False,
            (Truth::Unknown, _) | (_, Truth::Unknown) => Truth::Unknown,
            (Truth::True, Truth::True) => Truth::True,
        })
}

/// True if one is, false if all are.
pub fn any(truths: impl IntoIterator<Item = Truth>) -> Truth {
    not(all(truths.into_iter().map(not)))
}

fn known(holds: bool) -> Truth {
    if holds { Truth::True } else { Truth::False }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn is_alike(left: &Value, right: &Value) -> bool {
    kind(left) == kind(right)
}

/// The members of a list, or the values of an object.
fn members(value: &Value) -> Option<Vec<&Value>> {
    match value {
        Value::Array(items) => Some(items.iter().collect()),
        Value::Object(fields) => Some(fields.values().collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

impl<'a> World<'a> {
    pub fn of(input: &'a Value, data: &'a Value) -> Self {
        Self {
            input,
            data,
            element: None,
        }
    }

    fn with(self, element: &'a Value) -> Self {
        Self {
            element: Some(element),
            ..self
        }
    }

    /// The value at the path, null included.
    fn look(self, path: &Path) -> Option<&'a Value> {
        let root = match path.root {
            Root::Context => self.input.get("context"),
            Root::Element => self.element,
        };
        path.keys.iter().try_fold(root?, |at, key| at.get(key))
    }

    /// A value that is there: not absent and not null.
    fn fact(self, path: &Path) -> Option<&'a Value> {
        self.look(path).filter(|value| !value.is_null())
    }

    fn list(self, path: &Path) -> Option<Vec<&'a Value>> {
        members(self.fact(path)?)
    }

    /// The truth of a body: that of its best run.
    pub fn body(self, body: &Body) -> Truth {
        let run = |world: World<'_>| {
            all(body
                .conditions
                .iter()
                .map(|condition| world.condition(condition)))
        };
        match &body.binding {
            None => run(self),
            Some(Binding::Name(at)) => all([self.named(at), run(self.naming(at))]),
            Some(Binding::Some(list)) => match self.list(list) {
                Some(members) => any(members.into_iter().map(|member| run(self.with(member)))),
                None => self.unbound(body),
            },
        }
    }

    /// Whether there is anything to name.
    fn named(self, at: &Path) -> Truth {
        match self.fact(at) {
            Some(_) => Truth::True,
            None => Truth::Unknown,
        }
    }

    /// A name is another way to write the path.
    fn naming(self, at: &Path) -> Self {
        Self {
            element: self.look(at),
            ..self
        }
    }

    /// What its name stands for is unknown; what does not use it may still be false.
    fn unbound(self, body: &Body) -> Truth {
        let others = body
            .conditions
            .iter()
            .filter(|condition| !uses_element(condition))
            .map(|condition| self.condition(condition));
        all(others.chain([Truth::Unknown]))
    }

    /// The truth of the binding itself, if there is one, and of each condition on its own.
    pub fn each(self, body: &Body) -> Vec<Truth> {
        let alone = |world: World<'_>| -> Vec<Truth> {
            let each = body.conditions.iter();
            each.map(|condition| world.condition(condition)).collect()
        };
        let list = match &body.binding {
            None => return alone(self),
            Some(Binding::Name(at)) => {
                let own = [self.named(at)];
                return own.into_iter().chain(alone(self.naming(at))).collect();
            }
            Some(Binding::Some(list)) => self.list(list),
        };
        let Some(members) = list else {
            let truth = |condition| {
                if uses_element(condition) {
                    Truth::Unknown
                } else {
                    self.condition(condition)
                }
            };
            let own = [Truth::Unknown];
            return own
                .into_iter()
                .chain(body.conditions.iter().map(truth))
                .collect();
        };
        let truth = |condition: &Condition| {
            if !uses_element(condition) {
                return self.condition(condition);
            }
            let each = members.iter();
            any(each.map(|member| self.with(member).condition(condition)))
        };
        let own = [known(!members.is_empty())];
        own.into_iter()
            .chain(body.conditions.iter().map(truth))
            .collect()
    }

    fn condition(self, condition: &Condition) -> Truth {
        match condition {
            Condition::Compare(operator, left, right) => {
                Self::compare(*operator, &self.term(left), &self.term(right))
            }
            // Against null in so many words: the author's own question, if the value is there.
            Condition::Null(operator, path) => match self.look(path) {
                Some(value) => known(value.is_null() == (*operator == Operator::Equal)),
                None => Truth::Unknown,
            },
            Condition::In(one, collection) => self.contains(&self.term(one), collection),
            Condition::Holds(Term::Data(lookup)) => self.holds_in_data(lookup),
            Condition::Holds(term) => match self.term(term) {
                Seen::Value(value) => known(value != Value::Bool(false)),
                Seen::Nothing => Truth::False,
                Seen::Unknown => Truth::Unknown,
            },
            Condition::Is(wanted, path) => {
                known(self.look(path).is_some_and(|value| kind(value) == *wanted))
            }
            Condition::HasKey(key, path) => match self.fact(path) {
                Some(Value::Object(fields)) => known(fields.contains_key(*key)),
                _ => Truth::Unknown,
            },
            Condition::StartsWith(path, start) => match self.fact(path) {
                Some(Value::String(text)) => known(text.starts_with(start)),
                _ => Truth::Unknown,
            },
            Condition::Not(inner) => not(self.condition(inner)),
            Condition::Every(list, conditions) => match self.list(list) {
                Some(members) => all(members.into_iter().map(|member| {
                    let world = self.with(member);
                    all(conditions
                        .iter()
                        .map(|condition| world.condition(condition)))
                })),
                None => Truth::Unknown,
            },
            Condition::Helper(bodies, _) => any(bodies.iter().map(|body| self.body(body))),
            Condition::Call(argument, bodies) => match self.fact(argument) {
                Some(value) => any(bodies.iter().map(|conditions| {
                    let world = self.with(value);
                    all(conditions
                        .iter()
                        .map(|condition| world.condition(condition)))
                })),
                None => Truth::Unknown,
            },
        }
    }

    fn compare(operator: Operator, left: &Seen, right: &Seen) -> Truth {
        let (left, right) = match (left, right) {
            (Seen::Value(left), Seen::Value(right)) => (left, right),
            (Seen::Unknown, _) | (_, Seen::Unknown) => return Truth::Unknown,
            (Seen::Nothing, _) | (_, Seen::Nothing) => return Truth::False,
        };
        if !is_alike(left, right) {
            return Truth::Unknown;
        }
        let order = match (left, right) {
            (Value::Number(left), Value::Number(right)) => left.as_i64().cmp(&right.as_i64()),
            (Value::String(left), Value::String(right)) => left.cmp(right),
            (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
            // There is only one list and one object among what stands where neither belongs.
            _ => {
                assert_eq!(left, right);
                Ordering::Equal
            }
        };
        known(match operator {
            Operator::Less => order.is_lt(),
            Operator::AtMost => order.is_le(),
            Operator::Greater => order.is_gt(),
            Operator::AtLeast => order.is_ge(),
            Operator::Equal => order.is_eq(),
            Operator::Unequal => order.is_ne(),
        })
    }

    fn contains(self, one: &Seen, collection: &Collection) -> Truth {
        let members = match collection {
            Collection::Literals(literals) => Some(literals.iter().collect()),
            Collection::Data(name) => self.data.get(name).and_then(members),
            Collection::Path(path) => self.list(path),
        };
        let (Seen::Value(one), Some(members)) = (one, members) else {
            return Truth::Unknown;
        };
        if members.contains(&one) {
            Truth::True
        } else if members.is_empty() || members.iter().any(|member| is_alike(member, one)) {
            Truth::False
        } else {
            Truth::Unknown
        }
    }

    /// A bare look-up: its last key may be missing.
    fn holds_in_data(self, lookup: &Lookup) -> Truth {
        let (Some(base), Some(key)) = (self.data.get(lookup.base), self.key(lookup)) else {
            return Truth::Unknown;
        };
        let last = match (base.get(key), lookup.then) {
            (None, Some(_)) => return Truth::Unknown,
            (found, None) => found,
            (Some(record), Some(then)) => record.get(then),
        };
        known(last.is_some_and(|value| *value != Value::Bool(false)))
    }

    fn key(self, lookup: &Lookup) -> Option<&'a str> {
        match &lookup.key {
            Key::Word(word) => Some(word),
            Key::Path(path) => self.fact(path)?.as_str(),
        }
    }

    fn in_data(self, lookup: &Lookup) -> Option<Value> {
        let found = self.data.get(lookup.base)?.get(self.key(lookup)?)?;
        match lookup.then {
            Some(then) => found.get(then).cloned(),
            None => Some(found.clone()),
        }
    }

    fn term(self, term: &Term) -> Seen {
        let fact = |value: Option<Value>| value.map_or(Seen::Unknown, Seen::Value);
        match term {
            Term::Literal(value) => Seen::Value(value.clone()),
            Term::Path(path) => fact(self.fact(path).cloned()),
            Term::Data(lookup) => fact(self.in_data(lookup)),
            Term::Get(path, key, default) => match self.fact(path) {
                Some(Value::Object(fields)) => {
                    let value = fields.get(*key).unwrap_or(default);
                    fact(Some(value.clone()).filter(|value| !value.is_null()))
                }
                _ => Seen::Unknown,
            },
            Term::TypeName(path) => self
                .look(path)
                .map_or(Seen::Nothing, |value| Seen::Value(kind(value).into())),
            Term::Lower(path) => fact(
                self.fact(path)
                    .and_then(Value::as_str)
                    .map(|text| text.to_lowercase().into()),
            ),
            Term::Count(path) => fact(self.fact(path).and_then(|value| {
                let count = match value.as_str() {
                    Some(text) => text.chars().count(),
                    None => members(value)?.len(),
                };
                Some(count.into())
            })),
            Term::CountWhere(list, conditions) => fact(self.count(list, conditions)),
            Term::Sum(list, field) => fact(self.list(list).and_then(|members| {
                let parts = members
                    .into_iter()
                    .map(|member| member.get(field)?.as_i64());
                Some(parts.sum::<Option<i64>>()?.into())
            })),
            Term::Chain(branches, last) => {
                for (body, value) in branches {
                    match self.body(body) {
                        Truth::True => return Seen::Value(value.clone()),
                        Truth::Unknown => return Seen::Unknown,
                        Truth::False => {}
                    }
                }
                Seen::Value(last.clone())
            }
        }
    }

    fn count(self, list: &Path, conditions: &[Condition]) -> Option<Value> {
        let Some(members) = self.list(list) else {
            // Whatever the members are, none of them counts where something else is false.
            let others = conditions.iter().filter(|one| !uses_element(one));
            let others = all(others.map(|condition| self.condition(condition)));
            return (others == Truth::False).then(|| 0.into());
        };
        let mut count = 0;
        for member in members {
            let world = self.with(member);
            match all(conditions
                .iter()
                .map(|condition| world.condition(condition)))
            {
                Truth::True => count += 1,
                Truth::False => {}
                Truth::Unknown => return None,
            }
        }
        Some(count.into())
    }
}
