//! Rules and functions.

use regorus::Value;

use super::gather::{Clash, Gathered};
use super::run::{Branch, Env, Flow, Halt, Known, Path, Run, note};
use super::seen::{self, Doubt, Place, Seen};
use super::term::{self, Definition, Group, Shape, Term};

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
        self.solutions(of, &mut |run, env, solution, branch| {
            let member = run.term(&branch.value, env)?;
            gathered.add(solution, &member);
            Ok(())
        })?;
        gathered.into_set(self)
    }

    fn object_rule(&mut self, of: &'a Group) -> Result<Seen, Halt> {
        let mut gathered = Gathered::default();
        self.solutions(of, &mut |run, env, solution, branch| {
            let Some(entry) = &branch.entry else {
                return Ok(());
            };
            let key = run.term(&branch.value, env)?;
            let value = run.term(entry, env)?;
            gathered.add_entry(solution, &key, &value);
            Ok(())
        })?;
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

    /// Gives `take` every solution of every definition of a set or an object.
    fn solutions(&mut self, of: &'a Group, take: &mut Take<'_, 'a>) -> Result<(), Halt> {
        for definition in &of.definitions {
            let Some(branch) = definition.chain.first() else {
                continue;
            };
            let mut env = vec![Seen::undefined(); definition.slots];
            let path = Path::all(&branch.query);
            self.solve(
                path,
                0,
                &mut env,
                Branch::start(),
                &mut |run, env, solution| {
                    take(run, env, &solution, branch)?;
                    Ok(Flow::More)
                },
            )?;
        }
        Ok(())
    }
}

type Take<'f, 'a> =
    dyn FnMut(&mut Run<'a>, &mut Env, &Branch, &term::Branch) -> Result<(), Halt> + 'f;
