//! Rules, functions and built-ins.

use regorus::Value;

use super::eval::made_of;
use super::gather::{Clash, Gathered};
use super::kinds::{self, kind};
use super::run::{Branch, Env, Flow, Halt, Known, Path, Run, note};
use super::seen::{self, Doubt, Place, Seen, doubt};
use super::term::{Builtin, Definition, Group, Shape, Term};
use crate::policy::engine::bounds::{self, TOO_MUCH};
use crate::policy::engine::show;

/// What the definitions of a rule give, one after the other.
#[derive(Default)]
struct Outcomes {
    /// What it may come to.
    values: Vec<Seen>,
    /// Whether it comes to one of them in any case.
    definite: bool,
    plain: Option<Value>,
    clash: Option<(Value, Value)>,
    doubt: Option<Doubt>,
}

impl Outcomes {
    fn plainly(&mut self, value: &Value) {
        match &self.plain {
            None => self.plain = Some(value.clone()),
            Some(before) if before != value => {
                self.clash = Some((before.clone(), value.clone()));
            }
            Some(_) => {}
        }
    }
}

impl<'a> Run<'a> {
    /// The value of a rule without arguments, worked out once. What failed on the way fails wherever the rule is named:
    /// it may be left out of account where plain Rego does not come, and not where it does.
    pub(super) fn rule(&mut self, group: usize) -> Result<Seen, Halt> {
        if let Some(known) = self.known.get(&group) {
            let seen = known.seen.clone();
            for failure in &known.failures {
                note(&mut self.failures, failure);
            }
            return Ok(seen);
        }
        let Some(of) = self.groups.get(group) else {
            return Ok(Seen::undefined());
        };
        let before = std::mem::take(&mut self.failures);
        let seen = self.deeper(|run| match of.shape {
            Shape::Value => run.value_of(of, &[]),
            Shape::Set => run.set_of(of),
            Shape::Object => run.object_rule(of),
        });
        let failures = std::mem::replace(&mut self.failures, before);
        for failure in &failures {
            note(&mut self.failures, failure);
        }
        let seen = seen?;
        let known = Known {
            seen: seen.clone(),
            failures,
        };
        self.known.insert(group, known);
        Ok(seen)
    }

    pub(super) fn function(&mut self, group: usize, arguments: &[Seen]) -> Result<Seen, Halt> {
        if let Some(watch) = &mut self.watch {
            watch.called(group, arguments);
        }
        let why = arguments
            .iter()
            .map(Seen::doubt_as_operand)
            .fold(None, seen::and);
        if !arguments.iter().all(Seen::is_defined) {
            return Ok(Seen {
                sure: None,
                value: Value::Undefined,
                doubt: why,
                place: Place::Nowhere,
            });
        }
        let Some(of) = self.groups.get(group) else {
            return Ok(Seen::undefined());
        };
        let mut seen = self.deeper(|run| run.value_of(of, arguments))?;
        seen.doubt = seen::and(why, seen.doubt);
        Ok(seen)
    }

    fn value_of(&mut self, of: &'a Group, arguments: &[Seen]) -> Result<Seen, Halt> {
        let mut outcomes = Outcomes::default();
        for definition in &of.definitions {
            self.definition(definition, arguments, &mut outcomes)?;
        }
        if let Some((before, value)) = outcomes.clash.take() {
            let name = of.name.rsplit('.').next().unwrap_or_default();
            let message = format!("`{name}` has two values: {before} and {value}");
            if let Some(definition) = of.definitions.first() {
                self.fail(&definition.at, message);
            }
            return Ok(Seen::undefined());
        }
        let plain = outcomes
            .plain
            .or_else(|| of.default.clone())
            .unwrap_or(Value::Undefined);
        if !outcomes.definite {
            let fallback = of.default.clone().unwrap_or(Value::Undefined);
            outcomes.values.push(Seen::known(fallback));
        }
        let same = |seen: &Seen| seen.doubt.is_none() && seen.value == plain;
        let is_known = outcomes.doubt.is_none() || outcomes.values.iter().all(same);
        let place = outcomes
            .values
            .into_iter()
            .find(|seen| seen.value == plain)
            .map_or(Place::Nowhere, |seen| seen.place);
        Ok(Seen {
            sure: None,
            value: plain,
            doubt: outcomes.doubt.filter(|_| !is_known),
            place,
        })
    }

    fn definition(
        &mut self,
        definition: &'a Definition,
        arguments: &[Seen],
        outcomes: &mut Outcomes,
    ) -> Result<(), Halt> {
        let mut env = vec![Seen::undefined(); definition.slots];
        let mut start = Branch::start();
        for (pattern, argument) in definition.arguments.iter().zip(arguments) {
            let answer = self.taken(pattern, argument.clone(), &mut env)?;
            if !answer.plain && answer.doubt.is_none() {
                return Ok(());
            }
            start.plain &= answer.plain;
            start.doubt = seen::and(start.doubt, answer.doubt);
        }
        let mut plain_is_found = false;
        for branch in &definition.chain {
            let constant = matches!(branch.value, Term::Literal(_));
            let mut definite = false;
            let mut plain_here = false;
            self.solve(
                Path::all(&branch.query),
                0,
                &mut env,
                start.clone(),
                &mut |run, env, solution| {
                    let mut value = run.term(&branch.value, env)?;
                    let why = seen::and(solution.doubt, value.doubt_as_operand());
                    if why.is_none() && !value.is_defined() {
                        return Ok(Flow::More);
                    }
                    if solution.plain && value.is_defined() && !plain_is_found {
                        plain_here = true;
                        outcomes.plainly(&value.value);
                    }
                    value.doubt = value.doubt_as_operand();
                    outcomes.values.push(value);
                    match why {
                        None => {
                            definite = true;
                            Ok(if constant { Flow::Enough } else { Flow::More })
                        }
                        why => {
                            outcomes.doubt = seen::and(outcomes.doubt.take(), why);
                            Ok(Flow::More)
                        }
                    }
                },
            )?;
            plain_is_found |= plain_here;
            if definite {
                outcomes.definite = true;
                break;
            }
        }
        Ok(())
    }

    fn set_of(&mut self, of: &'a Group) -> Result<Seen, Halt> {
        let mut gathered = Gathered::default();
        for (definition, branch) in of
            .definitions
            .iter()
            .filter_map(|definition| Some((definition, definition.chain.first()?)))
        {
            let mut env = vec![Seen::undefined(); definition.slots];
            self.solve(
                Path::all(&branch.query),
                0,
                &mut env,
                Branch::start(),
                &mut |run, env, solution| {
                    let member = run.term(&branch.value, env)?;
                    gathered.add(&solution, &member);
                    Ok(Flow::More)
                },
            )?;
        }
        gathered.into_set(self)
    }

    fn object_rule(&mut self, of: &'a Group) -> Result<Seen, Halt> {
        let mut gathered = Gathered::default();
        for (definition, branch) in of
            .definitions
            .iter()
            .filter_map(|definition| Some((definition, definition.chain.first()?)))
        {
            let Some(entry) = &branch.entry else { continue };
            let mut env = vec![Seen::undefined(); definition.slots];
            self.solve(
                Path::all(&branch.query),
                0,
                &mut env,
                Branch::start(),
                &mut |run, env, solution| {
                    let key = run.term(&branch.value, env)?;
                    let value = run.term(entry, env)?;
                    gathered.add_entry(&solution, &key, &value);
                    Ok(Flow::More)
                },
            )?;
        }
        let object = gathered.into_object(self)?;
        if let (Some(clash), Some(definition)) = (object.clash, of.definitions.first()) {
            let name = of.name.rsplit('.').next().unwrap_or_default();
            let Clash {
                key,
                values: [before, value],
            } = clash;
            let message =
                format!("`{name}` has two values for the key {key}: {before} and {value}");
            self.fail(&definition.at, message);
        }
        Ok(object.seen)
    }

    pub(super) fn builtin(&mut self, call: &Builtin, env: &mut Env) -> Result<Seen, Halt> {
        let name = call.name.as_str();
        if name == "time.now_ns" {
            let nanoseconds = i64::try_from(self.now.as_nanosecond()).unwrap_or(i64::MAX);
            return Ok(Seen::known(Value::from(nanoseconds)));
        }
        if name == "object.get" {
            return self.get(call, env);
        }
        let says_so = name.starts_with("is_") || name == "type_name";
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            arguments.push(if says_so {
                self.if_there(argument, env)?
            } else {
                self.term(argument, env)?
            });
        }
        let why = arguments
            .iter()
            .map(|argument| {
                if says_so {
                    argument.doubt.clone()
                } else {
                    argument.doubt_as_operand()
                }
            })
            .fold(None, seen::and);
        let seen = self.called(call, &arguments, why)?;
        if let Some(watch) = &mut self.watch {
            watch.answered(call, &arguments, &seen);
        }
        Ok(seen)
    }

    fn called(
        &mut self,
        call: &Builtin,
        arguments: &[Seen],
        mut why: Option<Doubt>,
    ) -> Result<Seen, Halt> {
        if !arguments.iter().all(Seen::is_defined) {
            return Ok(Seen {
                sure: None,
                value: Value::Undefined,
                doubt: why,
                place: Place::Nowhere,
            });
        }
        let name = call.name.as_str();
        let values: Vec<Value> = arguments
            .iter()
            .map(|argument| argument.value.clone())
            .collect();
        let shown = || values.iter().map(show).collect::<Vec<_>>().join(", ");
        if bounds::exceeds(name, &values) {
            self.fail(&call.at, format!("`{name}` {TOO_MUCH}: {}", shown()));
            return Ok(Seen::undefined());
        }
        let answer = (call.function)(&call.span, &call.expressions, &values, false);
        let of_input = arguments.iter().find(|argument| argument.is_of_input());
        let place = made_of(arguments);
        match answer {
            Ok(value) if value != Value::Undefined => {
                self.weigh(&value)?;
                if let ("to_number", Some(Value::Bool(_))) = (name, values.first()) {
                    let path = arguments.first().and_then(Seen::path);
                    let path = path.unwrap_or_else(shown);
                    why = seen::and(why, Some(doubt(path, "a boolean, which is no number")));
                }
                let mixed = match (name, values.as_slice()) {
                    ("max" | "min" | "sort", [members]) => kinds::ordered(members),
                    ("object.subset", [all, some]) => kinds::inside(some, all),
                    _ => None,
                };
                if let (None, Some(saw)) = (&why, mixed) {
                    let path = arguments.iter().find_map(Seen::written);
                    why = Some(doubt(path.unwrap_or_else(shown), saw));
                }
                return Ok(Seen {
                    sure: None,
                    value,
                    doubt: why,
                    place,
                });
            }
            failed if why.is_none() => {
                // The engine says of a value of the wrong kind what it expected instead.
                let failed = match failed {
                    Ok(_) => (call.function)(&call.span, &call.expressions, &values, true),
                    failed => failed,
                };
                let of_kind = failed.is_err_and(|error| {
                    let text = error.to_string();
                    text.contains("expects") || text.contains("requires")
                });
                match of_input.filter(|_| of_kind) {
                    Some(argument) => {
                        let saw = format!("{}, given to `{name}`", kind(&argument.value));
                        let path = argument.path().unwrap_or_else(shown);
                        why = Some(doubt(path, saw));
                    }
                    None => self.fail(&call.at, format!("`{name}` failed on {}", shown())),
                }
            }
            _ => {}
        }
        Ok(Seen {
            sure: None,
            value: Value::Undefined,
            doubt: why,
            place,
        })
    }

    /// `object.get(object, key, default)`: the author's word that the key may be absent, and of nothing else.
    fn get(&mut self, call: &Builtin, env: &mut Env) -> Result<Seen, Halt> {
        let [object, key, default] = call.arguments.as_slice() else {
            return Ok(Seen::undefined());
        };
        let object = self.term(object, env)?;
        let key = self.term(key, env)?;
        let default_is_null = matches!(default, Term::Literal(Value::Null));
        let default = self.term(default, env)?;
        let doubt_of_default = default.doubt_as_operand().filter(|_| !default_is_null);
        let why = seen::and(object.doubt_as_operand(), key.doubt_as_operand());
        if why.is_some() || !object.is_defined() || !key.is_defined() {
            let values = [&object, &key, &default].map(|seen| seen.value.clone());
            let plain = if values.contains(&Value::Undefined) {
                Value::Undefined
            } else {
                (call.function)(&call.span, &call.expressions, &values, false)
                    .unwrap_or(Value::Undefined)
            };
            return Ok(Seen {
                sure: None,
                value: plain,
                doubt: why,
                place: Place::Nowhere,
            });
        }
        if !matches!(object.value, Value::Object(_)) {
            let saw = format!("{}, given to `object.get`", kind(&object.value));
            return Ok(Seen {
                sure: None,
                value: Value::Undefined,
                doubt: object.path().map(|path| doubt(path, saw)),
                place: Place::Nowhere,
            });
        }
        if !default.is_defined() {
            return Ok(Seen {
                doubt: doubt_of_default,
                ..default
            });
        }
        let of_key = key.written();
        let keys: Vec<Value> = if let Value::Array(keys) = &key.value {
            keys.iter().cloned().collect()
        } else {
            vec![key.value.clone()]
        };
        let mut at = object;
        for key in keys {
            if !super::seen::has_parts(&at.value) {
                let value = default.value.clone();
                let saw = format!("{}, which has no parts", kind(&at.value));
                return Ok(match at.path() {
                    Some(path) => Seen::unknown(value, doubt(path, saw)),
                    None => Seen {
                        doubt: doubt_of_default,
                        ..default
                    },
                });
            }
            let part = at.value[&key].clone();
            if let (Value::Undefined, Some(saw)) = (&part, kinds::looked_up(&at.value, &key)) {
                let path = of_key.clone().or_else(|| at.written());
                let path = path.unwrap_or_else(|| show(&key));
                return Ok(Seen::unknown(default.value, doubt(path, saw)));
            }
            if part == Value::Undefined {
                return Ok(Seen {
                    doubt: doubt_of_default,
                    ..default
                });
            }
            let place = at.below(&key);
            at = Seen {
                sure: None,
                value: part,
                doubt: None,
                place,
            };
            if let Some(watch) = &mut self.watch {
                watch.read(&at);
            }
        }
        if default_is_null && at.value == Value::Null {
            at.place = Place::Nowhere;
        }
        Ok(at)
    }
}
