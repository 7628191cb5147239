//! What each condition comes to by itself.

use super::body::{Weighed, shown};
use super::run::{Answer, Branch, Env, Flow, Halt, Path, Run};
use super::seen::{self, Doubt, Seen};
use super::term::{Act, Branch as Written, Definition, Statement};
use super::watch::{Keep, Watch};
use crate::domain::explanation::{ExplainedCondition, ExplainedHelper, Missing};
use crate::domain::verdict::Truth;
use crate::policy::engine::guard::body::BodySeen;

/// A body and its conditions.
pub(crate) struct Explained {
    pub(crate) seen: BodySeen,
    pub(crate) conditions: Vec<ExplainedCondition>,
    /// The places of the input that were looked at, as JSON pointers.
    pub(crate) reads: Vec<String>,
}

/// How deep helpers are opened.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Helpers,
    Nothing,
}

impl Weighed<'_> {
    /// Explains the body of a rule, by index into the catalog.
    pub(crate) fn explain(&mut self, rule: usize) -> Result<Explained, String> {
        let Some(definition) = self.guard.definition(rule) else {
            return Err("there is no such rule".to_owned());
        };
        self.run.start();
        self.run
            .explained(definition)
            .map_err(|halt| halt.to_string())
    }
}

/// The nearest that a condition came to holding.
struct Nearest {
    truth: Truth,
    operands: Vec<Seen>,
    doubt: Option<Doubt>,
}

impl<'a> Run<'a> {
    fn explained(&mut self, definition: &'a Definition) -> Result<Explained, Halt> {
        self.watch = Some(Watch::new(Keep::Reads));
        self.forget();
        let seen = self.weigh_body(definition)?;
        let mut reads = self
            .watch
            .take()
            .map(|watch| watch.reads)
            .unwrap_or_default();
        let start = vec![Seen::undefined(); definition.slots];
        let mut conditions = Vec::new();
        if let Some(branch) = definition.chain.first() {
            for statement in definition.statements.iter().filter(|at| at.is_condition) {
                let (condition, read) =
                    self.condition(definition, branch, statement, &start, Open::Helpers)?;
                conditions.push(condition);
                reads.extend(read);
            }
        }
        Ok(Explained {
            seen,
            conditions,
            reads: reads.into_iter().collect(),
        })
    }

    /// Rules are looked at anew, so that what they compare is seen.
    fn forget(&mut self) {
        self.known.clear();
    }

    fn condition(
        &mut self,
        definition: &'a Definition,
        branch: &'a Written,
        statement: &'a Statement,
        start: &Env,
        open: Open,
    ) -> Result<(ExplainedCondition, Vec<String>), Halt> {
        self.forget();
        self.watch = Some(Watch::new(Keep::Everything));
        let nearest = self.alone(branch, statement, start);
        let watch = self
            .watch
            .take()
            .unwrap_or_else(|| Watch::new(Keep::Everything));
        let nearest = nearest?;
        let mut helpers = Vec::new();
        if open == Open::Helpers {
            for &group in &statement.groups {
                let called = watch.calls.iter().find(|(called, _)| *called == group);
                self.helpers(group, called.map(|(_, arguments)| arguments), &mut helpers)?;
            }
        }
        let file = definition.at.file.to_string();
        let mut comparisons = watch.comparisons;
        for comparison in comparisons.iter_mut().filter(|at| at.file.is_empty()) {
            comparison.file.clone_from(&file);
            comparison.line = statement.line;
        }
        let missing = nearest.doubt.map(|doubt| {
            let lacks = doubt.iter();
            lacks
                .map(|lack| Missing {
                    path: lack.path.clone(),
                    saw: lack.saw.clone(),
                })
                .collect()
        });
        let condition = ExplainedCondition {
            text: statement.text.clone(),
            truth: nearest.truth,
            values: shown(&statement.operands, &nearest.operands),
            file,
            line: statement.line,
            missing: missing.unwrap_or_default(),
            comparisons,
            helpers,
        };
        Ok((condition, watch.reads.into_iter().collect()))
    }

    /// A statement with those that bind its names, and nothing else.
    fn alone(
        &mut self,
        branch: &Written,
        statement: &Statement,
        start: &Env,
    ) -> Result<Nearest, Halt> {
        let mut env = start.clone();
        let steps = &branch.query.steps;
        let shown = statement.shown.and_then(|at| Some((at, steps.get(at)?)));
        let whole = Path {
            only: Some(&statement.alone),
            ..Path::all(&branch.query)
        };
        let mut nearest = Nearest {
            truth: Truth::False,
            operands: Vec::new(),
            doubt: None,
        };
        let Some((last, step)) = shown.filter(|(_, step)| !matches!(step.act, Act::Each { .. }))
        else {
            let answer = self.exists_on(whole, &mut env)?;
            nearest.truth = truth(&answer);
            nearest.doubt = answer.doubt;
            return Ok(nearest);
        };
        let before: Vec<usize> = statement
            .alone
            .iter()
            .copied()
            .filter(|&at| at != last)
            .collect();
        let only = [last];
        let before = Path {
            only: Some(&before),
            ..whole
        };
        let mut first = true;
        let mut sure = false;
        self.solve(
            before,
            0,
            &mut env,
            Branch::start(),
            &mut |run, env, solution| {
                let path = Path {
                    only: Some(&only),
                    ..whole
                };
                let mut answer = run.exists_on(path, env)?;
                if solution.doubt.is_some() && (answer.plain || answer.doubt.is_some()) {
                    answer.doubt = seen::and(solution.doubt, answer.doubt);
                }
                let came = truth(&answer);
                if first || rank(came) > rank(nearest.truth) {
                    first = false;
                    nearest.truth = came;
                    let watch = run.watch.take();
                    let operands = run.operands(&step.act, env);
                    run.watch = watch;
                    nearest.operands = operands?;
                }
                nearest.doubt = seen::and(nearest.doubt.take(), answer.doubt);
                if came == Truth::True {
                    sure = true;
                    return Ok(Flow::Enough);
                }
                Ok(Flow::More)
            },
        )?;
        if sure || nearest.truth == Truth::False {
            nearest.doubt = None;
        }
        Ok(nearest)
    }

    fn helpers(
        &mut self,
        group: usize,
        arguments: Option<&Vec<Seen>>,
        helpers: &mut Vec<ExplainedHelper>,
    ) -> Result<(), Halt> {
        let Some(of) = self.groups.get(group) else {
            return Ok(());
        };
        let takes = |definition: &Definition| definition.arguments.len();
        for definition in &of.definitions {
            let arguments = arguments.map_or(&[][..], Vec::as_slice);
            let Some(branch) = definition.chain.first() else {
                continue;
            };
            // One that was never called has no values to be explained with, and one without statements says it all.
            if takes(definition) != arguments.len() || definition.statements.is_empty() {
                continue;
            }
            let mut env = vec![Seen::undefined(); definition.slots];
            let mut fits = true;
            for (pattern, argument) in definition.arguments.iter().zip(arguments) {
                let answer = self.taken(pattern, argument.clone(), &mut env)?;
                fits &= answer.plain || answer.doubt.is_some();
            }
            if !fits {
                continue;
            }
            self.forget();
            let answer = self.exists_from(branch, &env)?;
            let mut conditions = Vec::new();
            for statement in definition.statements.iter().filter(|at| at.is_condition) {
                let (condition, _) =
                    self.condition(definition, branch, statement, &env, Open::Nothing)?;
                conditions.push(condition);
            }
            helpers.push(ExplainedHelper {
                name: of.name.rsplit('.').next().unwrap_or_default().to_owned(),
                file: definition.at.file.to_string(),
                line: definition.at.line,
                truth: truth(&answer),
                conditions,
            });
        }
        Ok(())
    }

    fn exists_from(&mut self, branch: &Written, env: &Env) -> Result<Answer, Halt> {
        let mut env = env.clone();
        self.exists(&branch.query, &mut env)
    }
}

fn truth(answer: &Answer) -> Truth {
    match (&answer.doubt, answer.plain) {
        (Some(_), _) => Truth::Unknown,
        (None, true) => Truth::True,
        (None, false) => Truth::False,
    }
}

fn rank(truth: Truth) -> u8 {
    match truth {
        Truth::False => 0,
        Truth::Unknown => 1,
        Truth::True => 2,
    }
}
