//! A small language of policies, and how it is written in Rego.

use serde_json::Value;

/// Where a path starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Root {
    Context,
    /// What the innermost `some`, `every`, name or function argument holds.
    Element,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    pub root: Root,
    pub keys: Vec<&'static str>,
}

/// A look-up in data: `data.customers[input.context.name].level`.
#[derive(Debug, Clone)]
pub struct Lookup {
    pub base: &'static str,
    pub key: Key,
    pub then: Option<&'static str>,
}

#[derive(Debug, Clone)]
pub enum Key {
    Word(&'static str),
    Path(Path),
}

#[derive(Debug, Clone)]
pub enum Term {
    Literal(Value),
    Path(Path),
    Data(Lookup),
    /// `object.get` of a key of an object with a default.
    Get(Path, &'static str, Value),
    TypeName(Path),
    Lower(Path),
    Count(Path),
    /// How many members of a list there are for which a body holds.
    CountWhere(Path, Vec<Condition>),
    /// The sum of a field over a list.
    Sum(Path, &'static str),
    /// A complete rule with a value for each branch and one for none.
    Chain(Vec<(Body, Value)>, Value),
}

#[derive(Debug, Clone)]
pub enum Collection {
    Literals(Vec<Value>),
    Data(&'static str),
    Path(Path),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Less,
    AtMost,
    Greater,
    AtLeast,
    Equal,
    Unequal,
}

#[derive(Debug, Clone)]
pub enum Condition {
    Compare(Operator, Term, Term),
    /// Whether the value of a path is null, or is not.
    Null(Operator, Path),
    In(Term, Collection),
    Holds(Term),
    Is(&'static str, Path),
    HasKey(&'static str, Path),
    StartsWith(Path, &'static str),
    Not(Box<Condition>),
    Every(Path, Vec<Condition>),
    /// A helper rule of several bodies, with a default of false or without.
    Helper(Vec<Body>, Option<bool>),
    /// A function of several bodies.
    Call(Path, Vec<Vec<Condition>>),
}

#[derive(Clone)]
pub struct Body {
    pub binding: Option<Binding>,
    pub conditions: Vec<Condition>,
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut writer = Writer::default();
        let statements = writer.statements(self, "");
        write!(
            f,
            "{{ {} }} {}",
            statements.join("; "),
            writer.helpers.concat()
        )
    }
}

#[derive(Debug, Clone)]
pub enum Binding {
    /// `some x in path`
    Some(Path),
    /// `x := path`
    Name(Path),
}

impl Operator {
    fn text(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
            Self::Equal => "==",
            Self::Unequal => "!=",
        }
    }
}

/// Whether anything in the conditions looks at the innermost element.
pub fn uses_element(condition: &Condition) -> bool {
    let path = |path: &Path| path.root == Root::Element;
    let term = |term: &Term| match term {
        Term::Path(at)
        | Term::Get(at, ..)
        | Term::TypeName(at)
        | Term::Lower(at)
        | Term::Count(at)
        | Term::CountWhere(at, _)
        | Term::Sum(at, _) => path(at),
        Term::Data(lookup) => matches!(&lookup.key, Key::Path(at) if path(at)),
        Term::Literal(_) | Term::Chain(..) => false,
    };
    match condition {
        Condition::Compare(_, left, right) => term(left) || term(right),
        Condition::In(left, Collection::Path(right)) => term(left) || path(right),
        Condition::In(one, _) | Condition::Holds(one) => term(one),
        Condition::Null(_, at)
        | Condition::Is(_, at)
        | Condition::HasKey(_, at)
        | Condition::StartsWith(at, _)
        | Condition::Every(at, _)
        | Condition::Call(at, _) => path(at),
        Condition::Not(inner) => uses_element(inner),
        Condition::Helper(..) => false,
    }
}

/// What every body starts with. The engine loads `input` and `data` once for a body, where they are first named: inside
/// of a loop that is run for nothing they are not, and then they are not there for what comes after it either.
pub const LOADED: &str = "input.action; data.numbers";

/// Writes Rego, and gathers the helpers that it needs.
#[derive(Default)]
pub struct Writer {
    pub helpers: Vec<String>,
    names: usize,
}

impl Writer {
    fn name(&mut self, stem: &str) -> String {
        self.names += 1;
        format!("{stem}{}", self.names)
    }

    /// The statements of a body, one for each line: that of its binding first, if it has one.
    pub fn statements(&mut self, body: &Body, element: &str) -> Vec<String> {
        let inner = self.name("x");
        let (first, element) = match &body.binding {
            None => (None, element),
            Some(Binding::Some(list)) => (
                Some(format!("some {inner} in {}", path(list, element))),
                inner.as_str(),
            ),
            Some(Binding::Name(at)) => (
                Some(format!("{inner} := {}", path(at, element))),
                inner.as_str(),
            ),
        };
        let rest: Vec<String> = body
            .conditions
            .iter()
            .map(|condition| self.condition(condition, element))
            .collect();
        first.into_iter().chain(rest).collect()
    }

    fn all(&mut self, conditions: &[Condition], element: &str) -> String {
        let all: Vec<String> = conditions
            .iter()
            .map(|condition| self.condition(condition, element))
            .collect();
        all.join("; ")
    }

    fn block(&mut self, body: &Body) -> String {
        format!("{{ {LOADED}; {} }}", self.statements(body, "").join("; "))
    }

    fn condition(&mut self, condition: &Condition, element: &str) -> String {
        match condition {
            Condition::Compare(operator, left, right) => {
                let (left, right) = (self.term(left, element), self.term(right, element));
                format!("{left} {} {right}", operator.text())
            }
            Condition::Null(operator, at) => {
                format!("{} {} null", path(at, element), operator.text())
            }
            Condition::In(one, collection) => {
                let one = self.term(one, element);
                let collection = match collection {
                    Collection::Literals(members) => {
                        let members: Vec<String> = members.iter().map(Value::to_string).collect();
                        format!("{{{}}}", members.join(", "))
                    }
                    Collection::Data(name) => format!("data.{name}"),
                    Collection::Path(at) => path(at, element),
                };
                format!("{one} in {collection}")
            }
            Condition::Holds(term) => self.term(term, element),
            Condition::Is(kind, at) => format!("is_{kind}({})", path(at, element)),
            Condition::HasKey(key, at) => {
                format!("{key:?} in object.keys({})", path(at, element))
            }
            Condition::StartsWith(at, text) => {
                format!("startswith({}, {text:?})", path(at, element))
            }
            Condition::Not(inner) => format!("not {}", self.condition(inner, element)),
            Condition::Every(list, conditions) => {
                let inner = self.name("x");
                let all = self.all(conditions, &inner);
                format!("every {inner} in {} {{ {all} }}", path(list, element))
            }
            Condition::Helper(bodies, default) => {
                let name = self.name("helper");
                if let Some(default) = default {
                    self.helpers
                        .push(format!("default {name} := {default}\n\n"));
                }
                for body in bodies {
                    let block = self.block(body);
                    self.helpers.push(format!("{name} if {block}\n\n"));
                }
                name
            }
            Condition::Call(argument, bodies) => {
                let (name, inner) = (self.name("function"), self.name("x"));
                for conditions in bodies {
                    let all = self.all(conditions, &inner);
                    self.helpers
                        .push(format!("{name}({inner}) if {{ {LOADED}; {all} }}\n\n"));
                }
                format!("{name}({})", path(argument, element))
            }
        }
    }

    fn term(&mut self, term: &Term, element: &str) -> String {
        match term {
            Term::Literal(value) => value.to_string(),
            Term::Path(at) => path(at, element),
            Term::Data(lookup) => {
                let key = match &lookup.key {
                    Key::Word(word) => format!("{word:?}"),
                    Key::Path(at) => path(at, element),
                };
                let then = lookup.then.map_or(String::new(), |key| format!(".{key}"));
                format!("data.{}[{key}]{then}", lookup.base)
            }
            Term::Get(at, key, default) => {
                format!("object.get({}, {key:?}, {default})", path(at, element))
            }
            Term::TypeName(at) => format!("type_name({})", path(at, element)),
            Term::Lower(at) => format!("lower({})", path(at, element)),
            Term::Count(at) => format!("count({})", path(at, element)),
            Term::CountWhere(list, conditions) => {
                let inner = self.name("x");
                let all = self.all(conditions, &inner);
                format!(
                    "count([{inner} | some {inner} in {}; {all}])",
                    path(list, element)
                )
            }
            Term::Sum(list, field) => {
                let (inner, part) = (self.name("x"), self.name("part"));
                let list = path(list, element);
                format!("sum([{part} | some {inner} in {list}; {part} := {inner}.{field}])")
            }
            Term::Chain(branches, last) => {
                let name = self.name("chain");
                // In one piece: an `else` belongs to the rule above it, and each body may need helpers of its own.
                let branches: Vec<String> = branches
                    .iter()
                    .map(|(body, value)| format!("{value} if {}\n\nelse := ", self.block(body)))
                    .collect();
                let branches = branches.concat();
                self.helpers.push(format!("{name} := {branches}{last}\n\n"));
                name
            }
        }
    }
}

fn path(path: &Path, element: &str) -> String {
    let root = match path.root {
        Root::Context => "input.context",
        Root::Element => element,
    };
    let steps: Vec<&str> = [root].iter().chain(&path.keys).copied().collect();
    steps.join(".")
}
