//! Terms: references, literals, comparisons, look-ups, arithmetic, comprehensions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use regorus::Value;
use regorus::unstable::{ArithOp, numbers, sets};

use super::compare::{compared, contained, is_null};
use super::gather::{Clash, Gathered};
use super::kinds::{self, kind};
use super::parts::input_at;
use super::run::{Branch, Env, Flow, Halt, Path, Run};
use super::seen::{self, Node, Place, Seen, doubt};
use super::term::{Act, Arithmetic, Compare, Found, Of, Operands, Pattern, Term};

impl Run<'_> {
    /// The value of a term.
    pub(super) fn term(&mut self, term: &Term, env: &mut Env) -> Result<Seen, Halt> {
        self.count()?;
        self.deeper(|run| run.term_here(term, env))
    }

    fn term_here(&mut self, term: &Term, env: &mut Env) -> Result<Seen, Halt> {
        match term {
            Term::Literal(value) => Ok(Seen::known(value.clone())),
            Term::Local(slot) => Ok(env.get(*slot).cloned().unwrap_or_else(Seen::undefined)),
            Term::Input(path) => {
                let seen = if path.is_empty() {
                    Seen::at(self.input.clone(), Arc::new(Node::Input))
                } else {
                    input_at(self.input, path)
                };
                self.read(&seen);
                Ok(seen)
            }
            Term::Data(found) => Ok(of_data(found)),
            Term::Rule(group) => self.rule(*group),
            Term::Part(of, key) => {
                let of = self.term(of, env)?;
                let key = self.term(key, env)?;
                let part = of.part(&key);
                self.read(&part);
                Ok(part)
            }
            Term::Function { group, arguments } => {
                let arguments = self.terms(arguments, env)?;
                self.function(*group, &arguments)
            }
            Term::Builtin(call) => self.builtin(call, env),
            Term::Array(items) => {
                let items = self.terms(items, env)?;
                self.made(&items, Value::from)
            }
            Term::Set(items) => {
                let items = self.terms(items, env)?;
                self.made(&items, |items| {
                    Value::from(items.into_iter().collect::<BTreeSet<Value>>())
                })
            }
            Term::Object(fields) => {
                let mut parts = Vec::with_capacity(fields.len() * 2);
                for (key, value) in fields {
                    parts.push(self.term(key, env)?);
                    parts.push(self.term(value, env)?);
                }
                self.made(&parts, |parts| {
                    let mut parts = parts.into_iter();
                    let mut object = BTreeMap::new();
                    while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
                        object.insert(key, value);
                    }
                    Value::from(object)
                })
            }
            Term::ArrayOf(of) => self.gathered(of, env)?.into_array(self),
            Term::SetOf(of) => self.gathered(of, env)?.into_set(self),
            Term::ObjectOf(of, value) => self.object_of(of, value, env),
            Term::Compare(compare) => self.compare(compare, env),
            Term::Arithmetic(arithmetic) => self.arithmetic(arithmetic, env),
            Term::Union(of) => self.union(of, env),
            Term::Intersection(of) => self.intersection(of, env),
            Term::In(of) => self.within(of, env),
        }
    }

    pub(super) fn terms(&mut self, terms: &[Term], env: &mut Env) -> Result<Vec<Seen>, Halt> {
        terms.iter().map(|term| self.term(term, env)).collect()
    }

    fn read(&mut self, seen: &Seen) {
        if let Some(watch) = &mut self.watch {
            watch.read(seen);
        }
    }

    /// A term whose absence the author speaks of: what is not in the input is undefined, and that is known.
    pub(super) fn if_there(&mut self, term: &Term, env: &mut Env) -> Result<Seen, Halt> {
        match term {
            Term::Input(path) if !path.is_empty() => {
                let seen = input_at(self.input, path);
                self.read(&seen);
                Ok(if seen.is_defined() {
                    seen
                } else {
                    Seen::undefined()
                })
            }
            Term::Part(of, key) => {
                let of = self.if_there(of, env)?;
                let key = self.term(key, env)?;
                let unsure = of.doubt.is_some() || key.doubt_as_operand().is_some();
                let part = of.part(&key);
                self.read(&part);
                Ok(if unsure || part.is_defined() {
                    part
                } else {
                    Seen::undefined()
                })
            }
            Term::Data(Found::NoKey(_) | Found::Nothing(..)) => Ok(Seen::undefined()),
            Term::Literal(_)
            | Term::Local(_)
            | Term::Input(_)
            | Term::Data(Found::Value(..))
            | Term::Rule(_)
            | Term::Function { .. }
            | Term::Builtin(_)
            | Term::Array(_)
            | Term::Set(_)
            | Term::Object(_)
            | Term::ArrayOf(_)
            | Term::SetOf(_)
            | Term::ObjectOf(..)
            | Term::Compare(_)
            | Term::Arithmetic(_)
            | Term::Union(_)
            | Term::Intersection(_)
            | Term::In(_) => self.term(term, env),
        }
    }

    /// A collection with these members.
    fn made(
        &mut self,
        parts: &[Seen],
        make: impl FnOnce(Vec<Value>) -> Value,
    ) -> Result<Seen, Halt> {
        let why = parts
            .iter()
            .map(Seen::doubt_as_operand)
            .fold(None, seen::and);
        let place = Seen::around(parts);
        let value = if parts.iter().all(Seen::is_defined) {
            make(parts.iter().map(|part| part.value.clone()).collect())
        } else {
            Value::Undefined
        };
        self.weigh(&value)?;
        Ok(Seen {
            sure: None,
            value,
            doubt: why,
            place,
        })
    }

    fn gathered(&mut self, of: &Of, env: &mut Env) -> Result<Gathered, Halt> {
        let mut gathered = Gathered::default();
        self.deeper(|run| {
            run.solve(
                Path::all(&of.query),
                0,
                env,
                Branch::start(),
                &mut |run, env, branch| {
                    let member = run.term(&of.term, env)?;
                    gathered.add(&branch, &member);
                    Ok(Flow::More)
                },
            )
        })?;
        Ok(gathered)
    }

    fn object_of(&mut self, of: &Of, value: &Term, env: &mut Env) -> Result<Seen, Halt> {
        let mut gathered = Gathered::default();
        self.deeper(|run| {
            run.solve(
                Path::all(&of.query),
                0,
                env,
                Branch::start(),
                &mut |run, env, branch| {
                    let key = run.term(&of.term, env)?;
                    let value = run.term(value, env)?;
                    gathered.add_entry(&branch, &key, &value);
                    Ok(Flow::More)
                },
            )
        })?;
        let object = gathered.into_object(self)?;
        if let Some(Clash { key, values }) = object.clash {
            let [before, value] = values;
            let message =
                format!("an object has two values for the key {key}: {before} and {value}");
            self.fail(&of.at, message);
        }
        let mut seen = object.seen;
        if let Some(original) = copied(of, value) {
            let original = self.term(original, env)?;
            if let Place::At(node) | Place::Of(node, 0) = original.place {
                seen.place = Place::Of(node, 0);
            }
        }
        Ok(seen)
    }

    fn compare(&mut self, compare: &Compare, env: &mut Env) -> Result<Seen, Halt> {
        let left = self.term(&compare.of.left, env)?;
        let right = self.term(&compare.of.right, env)?;
        let asks = is_null(&compare.of.left) || is_null(&compare.of.right);
        let seen = compared(&compare.operator, &left, &right, &compare.of.texts, asks);
        if let Some(watch) = &mut self.watch {
            watch.compared(&compare.operator, &compare.of, [&left, &right], &seen);
        }
        Ok(seen)
    }

    fn within(&mut self, of: &Operands, env: &mut Env) -> Result<Seen, Halt> {
        let value = self.term(&of.left, env)?;
        let collection = self.term(&of.right, env)?;
        let seen = contained(&value, &collection, of, is_null(&of.left));
        if let Some(watch) = &mut self.watch {
            watch.sought(of, [&value, &collection], &seen);
        }
        Ok(seen)
    }

    fn arithmetic(&mut self, arithmetic: &Arithmetic, env: &mut Env) -> Result<Seen, Halt> {
        let of = &arithmetic.of;
        let left = self.term(&of.left, env)?;
        let right = self.term(&of.right, env)?;
        let is_sets = arithmetic.operator == ArithOp::Sub
            && matches!(left.value, Value::Set(_))
            && matches!(right.value, Value::Set(_));
        let [a, b] = &of.expressions;
        let (l, r) = (left.value.clone(), right.value.clone());
        let value = if is_sets {
            sets::difference(a, b, l, r)
        } else {
            numbers::arithmetic_operation(&arithmetic.span, &arithmetic.operator, a, b, l, r, false)
        };
        let seen = self.worked_out(of, &left, &right, value.ok(), |value| {
            is_sets || matches!(value, Value::Number(_))
        })?;
        Ok(if is_sets {
            of_members(seen, &left, &right)
        } else {
            seen
        })
    }

    fn union(&mut self, of: &Operands, env: &mut Env) -> Result<Seen, Halt> {
        let left = self.term(&of.left, env)?;
        let right = self.term(&of.right, env)?;
        let [a, b] = &of.expressions;
        let value = sets::union(a, b, left.value.clone(), right.value.clone());
        self.worked_out(of, &left, &right, value.ok(), is_set)
    }

    fn intersection(&mut self, of: &Operands, env: &mut Env) -> Result<Seen, Halt> {
        let left = self.term(&of.left, env)?;
        let right = self.term(&of.right, env)?;
        let [a, b] = &of.expressions;
        let value = sets::intersection(a, b, left.value.clone(), right.value.clone());
        let seen = self.worked_out(of, &left, &right, value.ok(), is_set)?;
        Ok(of_members(seen, &left, &right))
    }

    /// What two operands come to; `value` is `None` where they come to nothing.
    fn worked_out(
        &mut self,
        of: &Operands,
        left: &Seen,
        right: &Seen,
        value: Option<Value>,
        is_fit: impl Fn(&Value) -> bool,
    ) -> Result<Seen, Halt> {
        let mut why = seen::and(left.doubt_as_operand(), right.doubt_as_operand());
        if why.is_none() && (!left.is_defined() || !right.is_defined()) {
            return Ok(Seen::undefined());
        }
        let place = made_of([left, right]);
        let value = value.filter(|value| *value != Value::Undefined);
        if let Some(value) = &value {
            if is_too_large(value) {
                return Err(Halt::Number);
            }
            self.weigh(value)?;
        } else if why.is_none() {
            let unfit = [left, right]
                .into_iter()
                .find(|side| side.is_of_input() && !is_fit(&side.value));
            match unfit.and_then(|side| Some((side.path()?, side))) {
                Some((path, side)) => {
                    why = Some(doubt(path, format!("{}, worked with", kind(&side.value))));
                }
                None => self.fail(&of.at, "the arithmetic failed".to_owned()),
            }
        }
        Ok(Seen {
            sure: None,
            value: value.unwrap_or(Value::Undefined),
            doubt: why,
            place,
        })
    }
}

/// What an object is a copy of, whole or in part: what is missing in the original is missing in the copy too, and not known
/// for that. `{key: value | some key, value in original; …}`
fn copied<'of>(of: &'of Of, value: &Term) -> Option<&'of Term> {
    let first = of.query.steps.first()?;
    let Act::Each {
        key: Some(Pattern::Bind(key)),
        value: Some(Pattern::Bind(member)),
        over,
    } = &first.act
    else {
        return None;
    };
    let (Term::Local(to), Term::Local(put)) = (&of.term, value) else {
        return None;
    };
    (to == key && put == member).then_some(over)
}

fn is_set(value: &Value) -> bool {
    matches!(value, Value::Set(_))
}

/// What two sets come to by the members they have in common. A member of the input that is of no kind the other set has is
/// looked for in vain in any case.
fn of_members(seen: Seen, left: &Seen, right: &Seen) -> Seen {
    if seen.doubt.is_some() {
        return seen;
    }
    let sides = [(left, right), (right, left)];
    let mut sides = sides.into_iter().filter(|(side, _)| side.is_of_input());
    let doubt = sides.find_map(|(side, other)| {
        let saw = kinds::shared(&side.value, &other.value)?;
        Some(doubt(side.written()?, saw))
    });
    Seen { doubt, ..seen }
}

fn of_data(found: &Found) -> Seen {
    match found {
        Found::Value(value, node) => Seen::at(value.clone(), Arc::clone(node)),
        Found::NoKey(node) => Seen {
            sure: None,
            value: Value::Undefined,
            doubt: None,
            place: Place::NoKey(Arc::clone(node)),
        },
        Found::Nothing(path, saw) => Seen::unknown(Value::Undefined, doubt(path.clone(), *saw)),
    }
}

/// Where a value stands that was worked out from these.
pub(super) fn made_of<'a>(parts: impl IntoIterator<Item = &'a Seen>) -> Place {
    let node = |part: &'a Seen| match &part.place {
        Place::At(node) | Place::Of(node, _) => Some(node),
        Place::NoKey(_) | Place::Nowhere => None,
    };
    let found = parts.into_iter().filter_map(node);
    let mut found = found.collect::<Vec<_>>().into_iter();
    let first = found.clone().next();
    let input = found.find(|node| node.is_input());
    input
        .or(first)
        .map_or(Place::Nowhere, |node| Place::Of(Arc::clone(node), 0))
}

/// Whole numbers are exact and grow without end; one that no fraction could be as large as has gone astray.
fn is_too_large(value: &Value) -> bool {
    let Ok(number) = value.as_number() else {
        return false;
    };
    if number.as_i64().is_some() || number.as_u64().is_some() {
        return false;
    }
    *value > Value::from(f64::MAX) || *value < Value::from(f64::MIN)
}
