//! One request against the programs it is routed to.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::Instant;

use jiff::Timestamp;
use regorus::Value;
use regorus::rvm::vm::RegoVM;

use crate::domain::verdict::{
    Condition, FiredRule, MissingEvidence, PolicyFailure, RuleSet, Terms, Truth,
};
use crate::policy::engine::bodies::Body;
use crate::policy::engine::load::Policies;
use crate::policy::engine::program::Compiled;
use crate::policy::engine::reads::Path;
use crate::policy::engine::run::{Allowance, BodySeen, Operands, Seen, Trouble, run};
use crate::policy::engine::{Document, element, evidence, show};
use crate::policy::set::Budget;

/// Virtual machines a thread keeps; beyond, it starts anew.
const MOST_MACHINES: usize = 4_096;

/// What part of the instructions every package may use, whatever the others used.
const LEAST_SHARE: u64 = 20;
/// The same of the time.
const LEAST_SHARE_OF_TIME: u32 = 20;

/// All that an evaluation found. Nothing is decided here.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// The rules that gave an element, with the terms of those that escalate.
    pub(crate) fired: Vec<(FiredRule, Terms)>,
    /// What is not known of the vetoes that gave none.
    pub(crate) unknown: Vec<MissingEvidence>,
    /// What failed.
    pub(crate) failures: Vec<PolicyFailure>,
}

thread_local! {
    static MACHINES: RefCell<HashMap<(usize, usize), Machine>> = RefCell::new(HashMap::new());
}

/// A virtual machine with a program and data in it, as long as its set lives.
struct Machine {
    vm: RegoVM,
    of: Weak<()>,
}

/// Evaluates what `action` is routed to and what is looked at for every request.
pub(crate) fn evaluate(
    policies: &Policies,
    input: &Document,
    action: Option<&str>,
    budget: Budget,
    now: Timestamp,
) -> Findings {
    let mut findings = Findings::default();
    let until = Instant::now()
        .checked_add(budget.time)
        .unwrap_or_else(Instant::now);
    let mut left = usize::try_from(budget.instructions).unwrap_or(usize::MAX);
    // A package that uses up the budget does not take it from the others: who is to be asked is theirs to say too.
    let least = usize::try_from(budget.instructions / LEAST_SHARE).unwrap_or(usize::MAX);
    for index in policies.route(action) {
        let Some(compiled) = policies.slices.get(index) else {
            continue;
        };
        for entry in 0..compiled.sets.len() {
            let still = Instant::now().checked_add(budget.time / LEAST_SHARE_OF_TIME);
            let allowed = Allowance {
                instructions: left.max(least),
                until: still.map_or(until, |still| still.max(until)),
                now,
            };
            let seen = on_machine(policies, index, |vm| {
                vm.set_input(input.0.clone());
                run(vm, compiled, &policies.bodies, entry, allowed)
            });
            left = left.saturating_sub(seen.steps);
            findings.add(policies, compiled, &input.0, seen);
        }
    }
    findings.fired.sort_by(|(a, _), (b, _)| {
        (&a.file, a.line, &a.id, &a.reason).cmp(&(&b.file, b.line, &b.id, &b.reason))
    });
    findings
        .fired
        .dedup_by(|(a, _), (b, _)| a.id == b.id && a.reason == b.reason);
    findings
}

/// How many programs an evaluation runs, and how many steps they take together.
#[cfg(test)]
pub(crate) fn work(
    policies: &Policies,
    input: &Document,
    action: Option<&str>,
    now: Timestamp,
) -> (usize, usize) {
    let (mut programs, mut steps) = (0, 0);
    for index in policies.route(action) {
        let compiled = &policies.slices[index];
        programs += 1;
        for entry in 0..compiled.sets.len() {
            let allowed = Allowance {
                instructions: usize::MAX,
                until: Instant::now() + std::time::Duration::from_mins(1),
                now,
            };
            steps += on_machine(policies, index, |vm| {
                vm.set_input(input.0.clone());
                run(vm, compiled, &policies.bodies, entry, allowed)
            })
            .steps;
        }
    }
    (programs, steps)
}

/// Runs on this thread's machine for a slice. A machine that panicked is dropped.
fn on_machine(policies: &Policies, index: usize, work: impl FnOnce(&mut RegoVM) -> Seen) -> Seen {
    let key = (Arc::as_ptr(&policies.alive) as usize, index);
    let kept = MACHINES.with_borrow_mut(|machines| machines.remove(&key));
    let kept = kept.filter(|machine| machine.of.ptr_eq(&Arc::downgrade(&policies.alive)));
    let machine = match kept {
        Some(machine) => Ok(machine),
        None => start(policies, index),
    };
    let mut machine = match machine {
        Ok(machine) => machine,
        Err(broken) => {
            return Seen {
                broken: Some(broken),
                ..Seen::default()
            };
        }
    };
    let Ok(seen) = catch_unwind(AssertUnwindSafe(|| work(&mut machine.vm))) else {
        return Seen {
            broken: Some("a built-in panicked".to_owned()),
            ..Seen::default()
        };
    };
    if seen.broken.is_none() {
        machine.vm.set_input(Value::Null);
        MACHINES.with_borrow_mut(|machines| machines.insert(key, machine));
    }
    seen
}

fn start(policies: &Policies, index: usize) -> Result<Machine, String> {
    // Machines of sets that are gone go too.
    MACHINES.with_borrow_mut(|machines| {
        if machines.len() >= MOST_MACHINES {
            machines.clear();
        }
        machines.retain(|_, machine| machine.of.strong_count() > 0);
    });
    let compiled = policies
        .slices
        .get(index)
        .ok_or("there is no such program")?;
    let mut vm = RegoVM::new();
    vm.load_program(Arc::clone(&compiled.program));
    vm.set_data(policies.data.0.clone())
        .map_err(|error| error.to_string())?;
    Ok(Machine {
        vm,
        of: Arc::downgrade(&policies.alive),
    })
}

impl Findings {
    /// Nothing was evaluated.
    pub(crate) fn failed(package: &str, message: String) -> Self {
        let failure = PolicyFailure {
            package: package.to_owned(),
            message,
            file: None,
            line: None,
        };
        Self {
            failures: vec![failure],
            ..Self::default()
        }
    }

    fn add(&mut self, policies: &Policies, compiled: &Compiled, input: &Value, seen: Seen) {
        if let Some(message) = seen.broken {
            self.failures.push(PolicyFailure {
                package: compiled.package.to_string(),
                message,
                file: None,
                line: None,
            });
        }
        for body in &seen.bodies {
            if let Some(about) = policies.bodies.get(body.body) {
                self.body(about, body, input);
            }
        }
        for trouble in seen.troubles {
            self.trouble(policies, compiled, input, trouble);
        }
    }

    fn body(&mut self, about: &Body, seen: &BodySeen, input: &Value) {
        for (value, operands) in &seen.elements {
            match element::read(about.set, value) {
                Ok(element) => {
                    let rule = FiredRule {
                        id: about.id.clone(),
                        set: about.set,
                        title: about.title.clone(),
                        reason: element.reason,
                        file: about.file.to_string(),
                        line: about.line,
                        conditions: conditions(about, operands),
                    };
                    self.fired.push((rule, element.terms));
                }
                Err(message) => self.failures.push(PolicyFailure {
                    package: about.package.to_string(),
                    message,
                    file: Some(about.file.to_string()),
                    line: Some(about.line),
                }),
            }
        }
        if about.set == RuleSet::Approve {
            return;
        }
        for &index in &seen.stopped {
            let Some(statement) = about.statements.get(index) else {
                continue;
            };
            let absent = statement
                .reads
                .iter()
                .filter_map(|path| evidence::missing(input, path));
            // What an assignment made of a mixed comparison goes on to where the name is used.
            let assigned = |at: usize| about.statements.get(at).is_some_and(|at| at.assigns);
            let mut mixed = seen.mixed.iter();
            let mixed = mixed.find(|(at, _)| *at == index || assigned(*at));
            let mixed = mixed.and_then(|(_, saw)| {
                let path = statement.reads.iter().find(|path| !path.is_empty())?;
                Some((evidence::written(path), saw.clone()))
            });
            for (path, saw) in absent.chain(mixed) {
                let missing = MissingEvidence {
                    path,
                    saw,
                    rule: about.id.clone(),
                    file: about.file.to_string(),
                    line: statement.line,
                };
                if !self.unknown.contains(&missing) {
                    self.unknown.push(missing);
                }
            }
        }
    }

    /// What failed on a fact that is not there is missing evidence: for a veto that ended there it is told already, for
    /// an approval that was given in spite of it it is told here. An undefined result counts against vetoes alone.
    fn trouble(
        &mut self,
        policies: &Policies,
        compiled: &Compiled,
        input: &Value,
        trouble: Trouble,
    ) {
        let at = trouble.body.and_then(|(body, statement)| {
            let body = policies.bodies.get(body)?;
            Some((body, body.statements.get(statement)?))
        });
        if let Some((body, statement)) = at {
            if trouble.undefined && body.set == RuleSet::Approve {
                return;
            }
            let absent = |path: &Path| Some((path.clone(), evidence::missing(input, path)?));
            if let Some((path, shown)) = statement.reads.iter().find_map(absent) {
                self.despite(policies, compiled, body, &path, &shown);
                return;
            }
        }
        let failure = PolicyFailure {
            package: compiled.package.to_string(),
            message: trouble.message,
            file: Some(trouble.file),
            line: Some(trouble.line),
        };
        if !self.failures.contains(&failure) {
            self.failures.push(failure);
        }
    }
}

impl Findings {
    /// Approvals that were given although they rest on `path`, which made a built-in fail: `not` and a cached rule hide it.
    fn despite(
        &mut self,
        policies: &Policies,
        compiled: &Compiled,
        failed: &Body,
        path: &Path,
        shown: &(String, String),
    ) {
        if failed.set != RuleSet::Approve {
            return;
        }
        for body in compiled
            .code_of
            .keys()
            .filter_map(|&body| policies.bodies.get(body))
        {
            let reads = body
                .statements
                .iter()
                .find(|statement| statement.reads.contains(path));
            let fired = self.fired.iter().any(|(rule, _)| rule.id == body.id);
            if let Some(statement) = reads.filter(|_| fired && body.set == RuleSet::Approve) {
                self.unknown.push(MissingEvidence {
                    path: shown.0.clone(),
                    saw: shown.1.clone(),
                    rule: body.id.clone(),
                    file: body.file.to_string(),
                    line: statement.line,
                });
            }
        }
    }
}

fn conditions(about: &Body, operands: &[Operands]) -> Vec<Condition> {
    let mut seen = operands.iter();
    about
        .statements
        .iter()
        .map(|statement| (statement, seen.next()))
        .filter(|(statement, _)| statement.is_condition)
        .map(|(statement, seen)| Condition {
            text: statement.text.clone(),
            truth: Truth::True,
            values: statement
                .operands
                .iter()
                .zip(seen.into_iter().flatten())
                .filter_map(|(text, value)| Some((text.clone()?, show(value))))
                .collect(),
            file: about.file.to_string(),
            line: statement.line,
        })
        .collect()
}
