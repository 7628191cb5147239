//! Built-ins: what they make of what they are given, and what they say of the kind of it.

use regorus::Value;

use super::eval::made_of;
use super::kinds::{self, kind};
use super::run::{Env, Halt, Run};
use super::seen::{self, Doubt, Place, Seen, doubt, has_parts};
use super::term::{Builtin, Term};
use crate::policy::engine::bounds::{self, TOO_MUCH};
use crate::policy::engine::show;

impl Run<'_> {
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
            if !has_parts(&at.value) {
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
