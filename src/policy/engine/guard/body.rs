//! Bodies of the sets: what they give, and what of it is known.

use std::time::Instant;

use jiff::Timestamp;
use regorus::Value;

use super::Guard;
use super::run::{Branch, Env, Flow, Halt, Path, Run};
use super::seen::{self, Doubt, Seen};
use super::term::{Act, Definition, Pattern, Step, Term};
use crate::domain::verdict::{Condition, PolicyFailure, Truth};
use crate::policy::engine::show;

/// Operands of a condition that are shown.
const MOST_OPERANDS: usize = 3;

/// An evaluation under way: one input, one budget after the other.
pub(crate) struct Weighed<'a> {
    pub(super) guard: &'a Guard,
    pub(super) run: Run<'a>,
}

/// What was seen of one body.
#[derive(Debug)]
pub(crate) struct BodySeen {
    pub(crate) truth: Truth,
    /// The elements it gives in plain Rego, each with the conditions it was given under.
    pub(crate) elements: Vec<(Value, Vec<Condition>)>,
    /// What is not known of it: path, what was seen, line. Empty unless the truth is unknown.
    pub(crate) lacks: Vec<(String, String, u32)>,
}

impl<'a> Weighed<'a> {
    pub(crate) fn new(guard: &'a Guard, input: &'a Value, now: Timestamp) -> Self {
        Self {
            guard,
            run: Run::new(&guard.groups, input, now),
        }
    }

    /// Lets what follows take so many steps more, until then.
    pub(crate) fn allow(&mut self, package: &'a str, steps: usize, until: Instant) {
        self.run.package = package;
        self.run.limit = self.run.steps.saturating_add(steps);
        self.run.until = until;
    }

    /// Steps taken so far.
    pub(crate) fn steps(&self) -> usize {
        self.run.steps
    }

    /// What failed on the way.
    pub(crate) fn into_failures(self) -> Vec<PolicyFailure> {
        self.run.failures
    }

    /// Weighs the body of a rule, by index into the catalog. The error says why it did not come to its end.
    pub(crate) fn body(&mut self, rule: usize) -> Result<BodySeen, String> {
        let Some(definition) = self.guard.definition(rule) else {
            return Err("there is no such rule".to_owned());
        };
        self.run.start();
        self.run
            .weigh_body(definition)
            .map_err(|halt| halt.to_string())
    }
}

impl<'a> Run<'a> {
    pub(super) fn weigh_body(&mut self, definition: &'a Definition) -> Result<BodySeen, Halt> {
        let mut body = BodySeen {
            truth: Truth::False,
            elements: Vec::new(),
            lacks: Vec::new(),
        };
        let Some(branch) = definition.chain.first() else {
            return Ok(body);
        };
        let mut why: Option<Doubt> = None;
        let mut env = vec![Seen::undefined(); definition.slots];
        let path = Path {
            of: Some(definition),
            ..Path::all(&branch.query)
        };
        self.solve(
            path,
            0,
            &mut env,
            Branch::start(),
            &mut |run, env, solution| {
                let element = run.term(&branch.value, env)?;
                let of_head = element
                    .doubt_as_operand()
                    .map(|doubt| super::run::on_line(&doubt, definition.at.line));
                let doubt = seen::and(solution.doubt.clone(), of_head);
                if solution.plain && element.is_defined() {
                    let given = body
                        .elements
                        .iter()
                        .any(|(given, _)| *given == element.value);
                    if !given || doubt.is_none() {
                        let conditions =
                            run.conditions(definition, &branch.query.steps, &solution, env)?;
                        body.elements.retain(|(given, _)| *given != element.value);
                        body.elements.push((element.value.clone(), conditions));
                    }
                }
                match doubt {
                    None if element.is_defined() => body.truth = Truth::True,
                    None => {}
                    doubt => why = seen::and(why.take(), doubt),
                }
                Ok(Flow::More)
            },
        )?;
        if body.truth == Truth::False
            && let Some(why) = why
        {
            body.truth = Truth::Unknown;
            let lacks = why.iter();
            body.lacks = lacks
                .map(|lack| (lack.path.clone(), lack.saw.clone(), lack.line))
                .collect();
        }
        Ok(body)
    }

    /// The conditions of a body as they are for one of its solutions.
    fn conditions(
        &mut self,
        definition: &Definition,
        steps: &[Step],
        solution: &Branch,
        env: &mut Env,
    ) -> Result<Vec<Condition>, Halt> {
        let mut conditions = Vec::new();
        for (statement, at) in definition.statements.iter().zip(0_u16..) {
            if !statement.is_condition {
                continue;
            }
            let is_unknown = solution.unknown & (1 << at.min(63)) != 0;
            let step = statement.shown.and_then(|at| steps.get(at));
            let operands = match step {
                Some(step) => self.operands(&step.act, env)?,
                None => Vec::new(),
            };
            conditions.push(Condition {
                text: statement.text.clone(),
                truth: if is_unknown {
                    Truth::Unknown
                } else {
                    Truth::True
                },
                values: shown(&statement.operands, &operands),
                file: definition.at.file.to_string(),
                line: statement.line,
            });
        }
        Ok(conditions)
    }

    /// The operands of a step as they are now.
    pub(super) fn operands(&mut self, act: &Act, env: &mut Env) -> Result<Vec<Seen>, Halt> {
        let terms: Vec<&Term> = match act {
            Act::Holds(term) => operands(term),
            Act::Let(Pattern::Bind(slot), _) => {
                return Ok(env.get(*slot).cloned().into_iter().collect());
            }
            Act::Not(query) => match query.steps.as_slice() {
                [
                    Step {
                        act: Act::Holds(term),
                        ..
                    },
                ] => operands(term),
                _ => Vec::new(),
            },
            Act::Let(..) | Act::Each { .. } | Act::Every { .. } => Vec::new(),
        };
        terms.into_iter().map(|term| self.term(term, env)).collect()
    }
}

fn operands(term: &Term) -> Vec<&Term> {
    match term {
        Term::Compare(compare) => vec![&compare.of.left, &compare.of.right],
        Term::In(of) => vec![&of.left, &of.right],
        Term::Builtin(call) => call.arguments.iter().take(MOST_OPERANDS).collect(),
        Term::Function { arguments, .. } => arguments.iter().take(MOST_OPERANDS).collect(),
        Term::Literal(_)
        | Term::Local(_)
        | Term::Input(_)
        | Term::Data(_)
        | Term::Rule(_)
        | Term::Part(..)
        | Term::Array(_)
        | Term::Set(_)
        | Term::Object(_)
        | Term::ArrayOf(_)
        | Term::SetOf(_)
        | Term::ObjectOf(..)
        | Term::Arithmetic(_)
        | Term::Union(_)
        | Term::Intersection(_) => vec![term],
    }
}

/// Operands with their texts; literals have none.
pub(super) fn shown(texts: &[Option<String>], operands: &[Seen]) -> Vec<(String, String)> {
    texts
        .iter()
        .zip(operands)
        .filter_map(|(text, seen)| Some((text.clone()?, show(&seen.value))))
        .collect()
}
