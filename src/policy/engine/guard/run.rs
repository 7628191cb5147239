//! Statements: which of their solutions there are, and which of them are known.

use std::collections::HashMap;
use std::time::Instant;

use jiff::Timestamp;
use regorus::Value;

use super::kinds::kind;
use super::seen::{self, Doubt, Lack, Node, Place, Reason, Seen, doubt, has_parts};
use super::term::{Act, Definition, Group, Pattern, Query, Slot, Step, Term};
use super::watch::Watch;
use crate::domain::verdict::PolicyFailure;
use crate::policy::engine::bounds::weigh;

/// How many steps are taken between two looks at the clock.
const STEPS_BETWEEN_LOOKS: usize = 64;
/// How deep rules, functions and loops may be within each other.
const DEEPEST: usize = 300;
/// Most that one run may make, by weight.
const MOST_MADE: usize = 64 << 20;

/// One evaluation of one input.
pub(super) struct Run<'a> {
    pub(super) groups: &'a [Group],
    pub(super) input: &'a Value,
    pub(super) now: Timestamp,
    /// Values of rules without arguments.
    pub(super) known: HashMap<usize, Seen>,
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

    fn is_false(&self) -> bool {
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

    fn get(&self, at: usize) -> Option<&'q Step> {
        match self.only {
            None => self.steps.get(at),
            Some(only) => self.steps.get(*only.get(at)?),
        }
    }
}

pub(super) type Env = Vec<Seen>;

type Found<'f, 'a> = dyn FnMut(&mut Run<'a>, &mut Env, Branch) -> Result<Flow, Halt> + 'f;

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
                    return self.deeper(|run| run.each(path, at, members, env, &branch, found));
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

    fn assigned(&mut self, pattern: &Pattern, value: Seen, env: &mut Env) -> Result<Answer, Halt> {
        let doubt = value.doubt_as_operand();
        if doubt.is_none() && !value.is_defined() {
            return Ok(Answer::known(false));
        }
        let plain = value.is_defined();
        let taken = self.taken(pattern, value, env)?;
        Ok(Answer {
            plain: plain && taken.plain,
            // What does not fit in any case is false, whatever else is not known of it.
            doubt: if taken.is_false() {
                None
            } else {
                seen::and(doubt, taken.doubt)
            },
        })
    }

    /// Gives the parts of a value to the names of a pattern.
    pub(super) fn taken(
        &mut self,
        pattern: &Pattern,
        value: Seen,
        env: &mut Env,
    ) -> Result<Answer, Halt> {
        match pattern {
            Pattern::Any => Ok(Answer::known(true)),
            Pattern::Bind(slot) => {
                if let Some(place) = env.get_mut(*slot) {
                    *place = value;
                }
                Ok(Answer::known(true))
            }
            Pattern::Is(term) => {
                let wanted = self.term(term, env)?;
                let answer = self.alike(&value, &wanted, term);
                Ok(Answer {
                    plain: answer.holds(),
                    doubt: answer.doubt,
                })
            }
            Pattern::Array(parts) => {
                let mut answer = fits(&value, matches!(value.value, Value::Array(_)), "an array");
                if let Value::Array(items) = &value.value
                    && items.len() != parts.len()
                {
                    answer = Answer {
                        plain: false,
                        doubt: value.doubt.clone(),
                    };
                }
                if answer.is_false() {
                    return Ok(answer);
                }
                for (part, index) in parts.iter().zip(0_u64..) {
                    let key = Seen::known(Value::from(index));
                    let next = self.taken_part(part, &value, &key, env)?;
                    answer = both(answer, next);
                }
                Ok(answer)
            }
            Pattern::Object(fields) => {
                let is_object = matches!(value.value, Value::Object(_));
                let mut answer = fits(&value, is_object, "an object");
                if answer.is_false() {
                    return Ok(answer);
                }
                for (key, part) in fields {
                    let key = self.term(key, env)?;
                    let next = self.taken_part(part, &value, &key, env)?;
                    answer = both(answer, next);
                }
                Ok(answer)
            }
        }
    }

    fn taken_part(
        &mut self,
        pattern: &Pattern,
        whole: &Seen,
        key: &Seen,
        env: &mut Env,
    ) -> Result<Answer, Halt> {
        let part = whole.part(key);
        let there = Answer {
            plain: part.is_defined(),
            doubt: part.doubt_as_operand(),
        };
        let next = self.taken(pattern, part, env)?;
        Ok(both(there, next))
    }

    fn each(
        &mut self,
        path: Path<'_>,
        at: usize,
        members: Members<'_>,
        env: &mut Env,
        branch: &Branch,
        found: &mut Found<'_, 'a>,
    ) -> Result<Flow, Halt> {
        let Some(step) = path.get(at) else {
            return Ok(Flow::More);
        };
        let over = &members.over;
        let mut doubt = over.doubt_as_operand();
        if doubt.is_none() && !has_parts(&over.value) && over.is_defined() {
            doubt = no_elements(over);
        }
        let sure = doubt.as_ref().and_then(|doubt| doubt.sure.clone());
        for (key, value) in parts(over) {
            self.count()?;
            let mut branch = branch.clone();
            if let Some(doubt) = &doubt
                && !sure.as_ref().is_some_and(|sure| has(sure, &value.value))
            {
                let answer = Answer::unknown(true, doubt.clone());
                path.joined(&mut branch, step, answer);
            }
            let mut answer = Answer::known(true);
            for (pattern, part) in [(members.key, key), (members.value, value)] {
                if let Some(pattern) = pattern
                    && !answer.is_false()
                {
                    answer = both(answer, self.taken(pattern, part, env)?);
                }
            }
            if answer.is_false() {
                continue;
            }
            path.joined(&mut branch, step, answer);
            if self.solve(path, at + 1, env, branch, found)? == Flow::Enough {
                return Ok(Flow::Enough);
            }
        }
        let Some(doubt) = doubt else {
            return Ok(Flow::More);
        };
        // And whatever else it may hold.
        let mut branch = branch.clone();
        path.joined(&mut branch, step, Answer::unknown(false, doubt.clone()));
        for pattern in members.key.into_iter().chain(members.value) {
            self.taken(pattern, Seen::unknown(Value::Undefined, doubt.clone()), env)?;
        }
        self.solve(path, at + 1, env, branch, found)
    }

    fn every(
        &mut self,
        key: Option<Slot>,
        value: Slot,
        over: &Seen,
        query: &Query,
        env: &mut Env,
    ) -> Result<Answer, Halt> {
        let mut doubt = over.doubt_as_operand();
        if doubt.is_none() && !has_parts(&over.value) {
            if !over.is_defined() {
                return Ok(Answer::known(false));
            }
            doubt = no_elements(over);
            if doubt.is_none() {
                return Ok(Answer::known(false));
            }
        }
        let sure = doubt.as_ref().and_then(|doubt| doubt.sure.clone());
        let mut plain = has_parts(&over.value);
        let certain = doubt.is_none();
        for (at, member) in parts(over) {
            self.count()?;
            let known = certain || sure.as_ref().is_some_and(|sure| has(sure, &member.value));
            if let Some(place) = key.and_then(|slot| env.get_mut(slot)) {
                *place = at;
            }
            if let Some(place) = env.get_mut(value) {
                *place = member;
            }
            let answer = self.exists(query, env)?;
            if answer.is_false() && known {
                return Ok(Answer::known(false));
            }
            plain &= answer.plain;
            doubt = seen::and(doubt, answer.doubt);
        }
        Ok(Answer { plain, doubt })
    }

    /// Notes what failed, where plain Rego comes to it too.
    pub(super) fn fail(&mut self, at: &super::term::At, message: String) {
        let failure = PolicyFailure {
            package: self.package.to_owned(),
            message,
            file: Some(at.file.to_string()),
            line: Some(at.line),
        };
        if !self.failures.contains(&failure) {
            self.failures.push(failure);
        }
    }
}

/// What a loop runs over and what it gives names to.
struct Members<'q> {
    key: Option<&'q Pattern>,
    value: Option<&'q Pattern>,
    over: Seen,
}

impl Path<'_> {
    /// Takes an answer that is not false into the branch.
    fn joined(&self, branch: &mut Branch, step: &Step, answer: Answer) {
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
    let lacks = doubt.lacks.iter().map(|lack| Lack {
        line: if lack.line == 0 { line } else { lack.line },
        ..lack.clone()
    });
    Doubt::new(Reason {
        lacks: lacks.collect(),
        sure: None,
    })
}

fn both(a: Answer, b: Answer) -> Answer {
    if a.is_false() || b.is_false() {
        return Answer::known(false);
    }
    Answer {
        plain: a.plain && b.plain,
        doubt: seen::and(a.doubt, b.doubt),
    }
}

/// Whether a value is of the kind that a pattern takes apart.
fn fits(value: &Seen, is_of_kind: bool, wanted: &str) -> Answer {
    if let Some(doubt) = value.doubt_as_operand() {
        return Answer::unknown(is_of_kind, doubt);
    }
    if is_of_kind {
        return Answer::known(true);
    }
    match value.path() {
        Some(path) => {
            let saw = format!("{}, where {wanted} is taken apart", kind(&value.value));
            Answer::unknown(false, doubt(path, saw))
        }
        None => Answer::known(false),
    }
}

fn no_elements(over: &Seen) -> Option<Doubt> {
    let path = over.path()?;
    Some(doubt(
        path,
        format!("{}, which has no elements", kind(&over.value)),
    ))
}

/// The members of a collection with their keys; those of a set are their own.
fn parts(over: &Seen) -> Vec<(Seen, Seen)> {
    let member = |key: Value, value: Value| {
        let place = over.below(&key);
        let key = Seen::known(key);
        (
            key,
            Seen {
                value,
                doubt: None,
                place,
            },
        )
    };
    match &over.value {
        Value::Array(items) => items
            .iter()
            .zip(0_u64..)
            .map(|(item, index)| member(Value::from(index), item.clone()))
            .collect(),
        Value::Object(fields) => fields
            .iter_sorted()
            .map(|(key, value)| member(key.clone(), value.clone()))
            .collect(),
        Value::Set(items) => items
            .iter_sorted()
            .map(|item| {
                let (_, value) = member(item.clone(), item.clone());
                (value.clone(), value)
            })
            .collect(),
        Value::Undefined | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Vec::new()
        }
    }
}

/// Whether a collection has a member.
pub(super) fn has(collection: &Value, member: &Value) -> bool {
    match collection {
        Value::Array(items) => items.contains(member),
        Value::Set(items) => items.contains(member),
        Value::Object(fields) => fields.iter_sorted().any(|(_, value)| value == member),
        Value::Undefined | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            false
        }
    }
}

/// What stands in the input at a path of literal keys.
pub(super) fn input_at(input: &Value, path: &[(Value, std::sync::Arc<Node>)]) -> Seen {
    let mut value = input;
    let mut above: Option<&std::sync::Arc<Node>> = None;
    for (key, node) in path {
        let part = &value[key];
        if *part == Value::Undefined {
            let written = || above.map_or_else(|| "input".to_owned(), |node| node.written());
            let why = if *value == Value::Null {
                doubt(written(), "null")
            } else if has_parts(value) {
                doubt(node.written(), "absent")
            } else {
                doubt(written(), format!("{}, which has no parts", kind(value)))
            };
            let last = path.last().map(|(_, node)| Place::At(node.clone()));
            return Seen {
                value: Value::Undefined,
                doubt: Some(why),
                place: last.unwrap_or(Place::Nowhere),
            };
        }
        value = part;
        above = Some(node);
    }
    Seen {
        value: value.clone(),
        doubt: None,
        place: above.map_or(Place::Nowhere, |node| Place::At(node.clone())),
    }
}
