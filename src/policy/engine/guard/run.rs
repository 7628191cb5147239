//! Statements: which of their solutions there are, and which of them are known.

use std::collections::HashMap;
use std::time::Instant;

use jiff::Timestamp;
use regorus::Value;

use super::loops::Members;
use super::seen::{self, Doubt, Lack, Seen};
use super::term::{Act, Definition, Group, Query, Step, Term};
use super::watch::Watch;
use crate::domain::verdict::PolicyFailure;
use crate::policy::engine::bounds::weigh;

/// How many steps are taken between two looks at the clock.
const STEPS_BETWEEN_LOOKS: usize = 64;
/// How deep rules, functions, loops and terms may be within each other: a thread's stack must hold them.
const DEEPEST: usize = 300;
/// Most that one run may make, by weight.
const MOST_MADE: usize = 64 << 20;

/// One evaluation of one input.
pub(super) struct Run<'a> {
    pub(super) groups: &'a [Group],
    pub(super) input: &'a Value,
    pub(super) now: Timestamp,
    /// Values of rules without arguments.
    pub(super) known: HashMap<usize, Known>,
    pub(super) steps: usize,
    pub(super) limit: usize,
    pub(super) until: Instant,
    made: usize,
    depth: usize,
    /// The package that is evaluated, for what fails.
    pub(super) package: &'a str,
    pub(super) failures: Vec<PolicyFailure>,
    /// What an explanation wants to know.
    pub(super) watch: Option<Watch>,
}

/// What a rule without arguments came to.
pub(super) struct Known {
    pub(super) seen: Seen,
    pub(super) failures: Vec<PolicyFailure>,
}

/// Why an evaluation did not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Halt {
    #[error("it took more than the instruction budget")]
    Steps,
    #[error("it took longer than the time budget")]
    Time,
    #[error("it made more than the memory budget")]
    Memory,
    #[error("it made a number beyond 1e308")]
    Number,
    #[error("its rules and loops are nested too deep")]
    Depth,
}

/// What a condition comes to.
pub(super) struct Answer {
    /// In plain Rego.
    pub(super) plain: bool,
    /// Why that is not known.
    pub(super) doubt: Option<Doubt>,
}

impl Answer {
    pub(super) fn known(plain: bool) -> Self {
        Self { plain, doubt: None }
    }

    pub(super) fn unknown(plain: bool, doubt: Doubt) -> Self {
        Self {
            plain,
            doubt: Some(doubt),
        }
    }

    pub(super) fn is_false(&self) -> bool {
        !self.plain && self.doubt.is_none()
    }
}

/// How the statements so far came out, for one choice of elements.
#[derive(Clone)]
pub(super) struct Branch {
    /// All of them hold in plain Rego.
    pub(super) plain: bool,
    pub(super) doubt: Option<Doubt>,
    /// The statements that are not known, as bits.
    pub(super) unknown: u64,
}

impl Branch {
    pub(super) fn start() -> Self {
        Self {
            plain: true,
            doubt: None,
            unknown: 0,
        }
    }
}

/// Whether to look for more solutions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    More,
    Enough,
}

/// The steps to take.
#[derive(Clone, Copy)]
pub(super) struct Path<'q> {
    pub(super) steps: &'q [Step],
    /// Only these, if not all.
    pub(super) only: Option<&'q [usize]>,
    /// The body they are of: what is not known is told with the line of its statement.
    pub(super) of: Option<&'q Definition>,
}

impl<'q> Path<'q> {
    pub(super) fn all(query: &'q Query) -> Self {
        Self {
            steps: &query.steps,
            only: None,
            of: None,
        }
    }

    pub(super) fn get(&self, at: usize) -> Option<&'q Step> {
        match self.only {
            None => self.steps.get(at),
            Some(only) => self.steps.get(*only.get(at)?),
        }
    }
}

pub(super) type Env = Vec<Seen>;

pub(super) type Found<'f, 'a> =
    dyn FnMut(&mut Run<'a>, &mut Env, Branch) -> Result<Flow, Halt> + 'f;

impl<'a> Run<'a> {
    pub(super) fn new(groups: &'a [Group], input: &'a Value, now: Timestamp) -> Self {
        Self {
            groups,
            input,
            now,
            known: HashMap::new(),
            steps: 0,
            limit: usize::MAX,
            until: Instant::now(),
            made: 0,
            depth: 0,
            package: "",
            failures: Vec::new(),
            watch: None,
        }
    }

    /// Forgets what an evaluation that broke off has left.
    pub(super) fn start(&mut self) {
        self.depth = 0;
        self.watch = None;
    }

    pub(super) fn count(&mut self) -> Result<(), Halt> {
        self.steps += 1;
        if self.steps > self.limit {
            return Err(Halt::Steps);
        }
        if self.steps.is_multiple_of(STEPS_BETWEEN_LOOKS) && Instant::now() > self.until {
            return Err(Halt::Time);
        }
        Ok(())
    }

    /// Counts what was made.
    pub(super) fn weigh(&mut self, value: &Value) -> Result<(), Halt> {
        self.made = weigh(value, self.made, MOST_MADE);
        if self.made > MOST_MADE {
            return Err(Halt::Memory);
        }
        Ok(())
    }

    pub(super) fn deeper<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, Halt>,
    ) -> Result<T, Halt> {
        if self.depth >= DEEPEST {
            return Err(Halt::Depth);
        }
        self.depth += 1;
        let done = work(self);
        self.depth -= 1;
        done
    }

    /// Gives `found` every solution that is not known to be none.
    pub(super) fn solve(
        &mut self,
        path: Path<'_>,
        from: usize,
        env: &mut Env,
        mut branch: Branch,
        found: &mut Found<'_, 'a>,
    ) -> Result<Flow, Halt> {
        let mut at = from;
        while let Some(step) = path.get(at) {
            self.count()?;
            let failures = self.failures.len();
            let mut answer = match &step.act {
                Act::Holds(term) => self.holds(term, env)?,
                Act::Let(pattern, term) => {
                    let value = self.term(term, env)?;
                    self.assigned(pattern, value, env)?
                }
                Act::Each { key, value, over } => {
                    let over = self.term(over, env)?;
                    let members = Members {
                        key: key.as_ref(),
                        value: value.as_ref(),
                        over,
                    };
                    return self.deeper(|run| run.each(path, at, &members, env, &branch, found));
                }
                Act::Not(query) => self.not(query, env)?,
                Act::Every {
                    key,
                    value,
                    over,
                    query,
                } => {
                    let over = self.term(over, env)?;
                    self.deeper(|run| run.every(*key, *value, &over, query, env))?
                }
            };
            // Plain Rego does not come here: what fails is one thing more that is not known.
            if !branch.plain && self.failures.len() > failures {
                self.failures.truncate(failures);
                answer.doubt = seen::and(answer.doubt, branch.doubt.clone());
            }
            if answer.is_false() {
                return Ok(Flow::More);
            }
            path.joined(&mut branch, step, answer);
            at += 1;
        }
        found(self, env, branch)
    }

    /// Whether a query has a solution.
    pub(super) fn exists(&mut self, query: &Query, env: &mut Env) -> Result<Answer, Halt> {
        self.exists_on(Path::all(query), env)
    }

    pub(super) fn exists_on(&mut self, path: Path<'_>, env: &mut Env) -> Result<Answer, Halt> {
        let mut answer = Answer::known(false);
        let mut sure = false;
        self.deeper(|run| {
            run.solve(path, 0, env, Branch::start(), &mut |_, _, branch| {
                answer.plain |= branch.plain;
                match branch.doubt {
                    None => {
                        sure = true;
                        Ok(Flow::Enough)
                    }
                    doubt => {
                        answer.doubt = seen::and(answer.doubt.take(), doubt);
                        Ok(Flow::More)
                    }
                }
            })
        })?;
        Ok(if sure { Answer::known(true) } else { answer })
    }

    fn holds(&mut self, term: &Term, env: &mut Env) -> Result<Answer, Halt> {
        let value = self.term(term, env)?;
        let answer = Answer {
            plain: value.holds(),
            doubt: value.doubt_as_condition(),
        };
        if let Some(watch) = &mut self.watch {
            watch.held(term, &value, &answer);
        }
        Ok(answer)
    }

    fn not(&mut self, query: &Query, env: &mut Env) -> Result<Answer, Halt> {
        if let Some(watch) = &mut self.watch {
            watch.turn();
        }
        let answer = self.exists(query, env);
        if let Some(watch) = &mut self.watch {
            watch.turn();
        }
        let answer = answer?;
        Ok(Answer {
            plain: !answer.plain,
            doubt: answer.doubt,
        })
    }

    /// Notes what failed, where plain Rego comes to it too.
    pub(super) fn fail(&mut self, at: &super::term::At, message: String) {
        let failure = PolicyFailure {
            package: self.package.to_owned(),
            message,
            file: Some(at.file.to_string()),
            line: Some(at.line),
        };
        note(&mut self.failures, &failure);
    }
}

pub(super) fn note(failures: &mut Vec<PolicyFailure>, failure: &PolicyFailure) {
    if !failures.contains(failure) {
        failures.push(failure.clone());
    }
}

impl Path<'_> {
    /// Takes an answer that is not false into the branch.
    pub(super) fn joined(&self, branch: &mut Branch, step: &Step, answer: Answer) {
        branch.plain &= answer.plain;
        let Some(doubt) = answer.doubt else { return };
        branch.unknown |= 1 << step.statement.min(63);
        let doubt = match self.of {
            Some(definition) => {
                let line = definition
                    .statements
                    .get(usize::from(step.statement))
                    .map_or(definition.at.line, |statement| statement.line);
                on_line(&doubt, line)
            }
            None => doubt,
        };
        branch.doubt = seen::and(branch.doubt.take(), Some(doubt));
    }
}

/// The same reason, its facts told with this line.
pub(super) fn on_line(doubt: &Doubt, line: u32) -> Doubt {
    let lacks = doubt.iter().map(|lack| Lack {
        line: if lack.line == 0 { line } else { lack.line },
        ..lack.clone()
    });
    Doubt::new(lacks.collect())
}

pub(super) fn both(a: Answer, b: Answer) -> Answer {
    if a.is_false() || b.is_false() {
        return Answer::known(false);
    }
    Answer {
        plain: a.plain && b.plain,
        doubt: seen::and(a.doubt, b.doubt),
    }
}
