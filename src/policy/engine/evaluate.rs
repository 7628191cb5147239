//! One request against the programs it is routed to.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use regorus::Value;
use regorus::rvm::vm::RegoVM;

use crate::domain::explanation::{ExplainedRule, Explanation};
use crate::domain::verdict::{FiredRule, MissingEvidence, PolicyFailure, RuleSet, Terms, Truth};
use crate::policy::engine::bodies::Body;
use crate::policy::engine::guard::{BodySeen, Weighed};
use crate::policy::engine::load::Policies;
use crate::policy::engine::program::Compiled;
use crate::policy::engine::run::{Allowance, Broken, run};
use crate::policy::engine::{Document, element, show};
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
    /// The rules that gave an element in plain Rego, with the terms of those that escalate.
    pub(crate) fired: Vec<(FiredRule, Terms)>,
    /// Whether an approving rule fired of which all is known.
    pub(crate) approval_stands: bool,
    /// What is not known of approving rules that are not known to be false.
    pub(crate) unknown_approvals: Vec<MissingEvidence>,
    /// What is not known of vetoes that are not known to be false.
    pub(crate) unknown_vetoes: Vec<MissingEvidence>,
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

/// What one decision has left, and what each package may use in any case: one that uses up the budget does not take it
/// from the others, since who is to be asked is theirs to say too.
struct Purse {
    instructions: usize,
    least: usize,
    until: Instant,
    least_time: Duration,
}

impl Purse {
    fn of(budget: Budget) -> Self {
        let now = Instant::now();
        Self {
            instructions: usize::try_from(budget.instructions).unwrap_or(usize::MAX),
            least: usize::try_from(budget.instructions / LEAST_SHARE).unwrap_or(usize::MAX),
            until: now.checked_add(budget.time).unwrap_or(now),
            least_time: budget.time / LEAST_SHARE_OF_TIME,
        }
    }

    fn instructions(&self) -> usize {
        self.instructions.max(self.least)
    }

    fn until(&self) -> Instant {
        let still = Instant::now().checked_add(self.least_time);
        still.map_or(self.until, |still| still.max(self.until))
    }
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
    let mut purse = Purse::of(budget);
    let mut weighed = Weighed::new(&policies.guard, &input.0, now);
    for index in policies.route(action) {
        let Some(compiled) = policies.slices.get(index) else {
            continue;
        };
        for (entry, &set) in compiled.sets.iter().enumerate() {
            let before = weighed.steps();
            weighed.allow(&compiled.package, purse.instructions(), purse.until());
            let bodies = compiled.bodies.iter();
            let mut bodies = bodies
                .filter_map(|&body| policies.bodies.get(body))
                .filter(|body| body.set == set);
            let mut in_doubt = Vec::new();
            let elements = bodies.try_fold(BTreeSet::new(), |mut elements, body| {
                let seen = caught(|| weighed.body(body.rule).map_err(Broken::Off))?;
                elements.extend(seen.elements.iter().map(|(element, _)| element.clone()));
                in_doubt.extend(findings.body(body, seen));
                Ok(elements)
            });
            purse.instructions = purse
                .instructions
                .saturating_sub(weighed.steps().saturating_sub(before));
            let agreed = elements.and_then(|elements| {
                let allowed = Allowance {
                    instructions: purse.instructions(),
                    time: purse.until().saturating_duration_since(Instant::now()),
                    now,
                };
                let held = on_machine(policies, index, |vm| {
                    vm.set_input(input.0.clone());
                    run(vm, entry, allowed)
                })?;
                agree(set, &Value::from(elements), held)
            });
            match agreed {
                Ok(()) => {}
                // The machine stops at a value of the wrong kind that the guard knows of: that is missing evidence, and
                // nothing is approved without a second opinion.
                Err(Broken::On(_)) if !in_doubt.is_empty() => findings.unconfirmed(in_doubt),
                Err(broken) => findings.broke(compiled, broken.to_string()),
            }
        }
    }
    for failure in weighed.into_failures() {
        findings.fail(failure);
    }
    findings.in_order()
}

/// The second opinion must be the same. That it is not would be a mistake of this program, and nothing is approved on it.
fn agree(set: RuleSet, weighed: &Value, held: Value) -> Result<(), Broken> {
    let held = if held == Value::Undefined {
        Value::new_set()
    } else {
        held
    };
    if *weighed == held {
        return Ok(());
    }
    let (weighed, held) = (show(weighed), show(&held));
    Err(Broken::Off(format!(
        "its `{set}` was evaluated twice and came out as {weighed} and as {held}"
    )))
}

/// What every rule that could apply comes to, condition by condition.
pub(crate) fn explain(
    policies: &Policies,
    input: &Document,
    action: Option<&str>,
    budget: Budget,
    now: Timestamp,
) -> Explanation {
    let purse = Purse::of(budget);
    let mut weighed = Weighed::new(&policies.guard, &input.0, now);
    let routed: BTreeSet<usize> = policies
        .route(action)
        .filter_map(|index| policies.slices.get(index))
        .flat_map(|compiled| compiled.bodies.iter().copied())
        .collect();
    let bodies = routed
        .into_iter()
        .filter_map(|body| policies.bodies.get(body));
    let mut rules = Vec::new();
    for body in bodies {
        weighed.allow(&body.package, purse.instructions(), purse.until());
        let Ok(explained) = caught(|| weighed.explain(body.rule).map_err(Broken::Off)) else {
            continue;
        };
        let given = explained.seen.elements.iter();
        let reasons = given
            .filter_map(|(value, _)| element::read(body.set, value).ok())
            .map(|element| element.reason)
            .collect();
        rules.push(ExplainedRule {
            id: body.id.clone(),
            set: body.set,
            title: body.title.clone(),
            file: body.file.to_string(),
            line: body.line,
            truth: explained.seen.truth,
            reasons,
            conditions: explained.conditions,
            reads: explained.reads,
        });
    }
    rules.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    Explanation { rules }
}

/// How many programs an evaluation runs, and how many steps they take together.
#[cfg(test)]
pub(crate) fn work(
    policies: &Policies,
    input: &Document,
    action: Option<&str>,
    now: Timestamp,
) -> (usize, usize) {
    let mut weighed = Weighed::new(&policies.guard, &input.0, now);
    let mut programs = 0;
    for index in policies.route(action) {
        let compiled = &policies.slices[index];
        programs += 1;
        let until = Instant::now() + Duration::from_mins(1);
        weighed.allow(&compiled.package, usize::MAX / 2, until);
        for &body in &compiled.bodies {
            weighed.body(policies.bodies[body].rule).unwrap();
        }
    }
    (programs, weighed.steps())
}

/// A built-in that panics is a policy that failed.
fn caught<T>(work: impl FnOnce() -> Result<T, Broken>) -> Result<T, Broken> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Broken::Off("a built-in panicked".to_owned())))
}

/// Runs on this thread's machine for a slice. A machine that broke off is dropped.
fn on_machine<T>(
    policies: &Policies,
    index: usize,
    work: impl FnOnce(&mut RegoVM) -> Result<T, Broken>,
) -> Result<T, Broken> {
    let key = (Arc::as_ptr(&policies.alive) as usize, index);
    let kept = MACHINES.with_borrow_mut(|machines| machines.remove(&key));
    let kept = kept.filter(|machine| machine.of.ptr_eq(&Arc::downgrade(&policies.alive)));
    let mut machine = match kept {
        Some(machine) => machine,
        None => start(policies, index).map_err(Broken::Off)?,
    };
    let done = caught(|| work(&mut machine.vm))?;
    machine.vm.set_input(Value::Null);
    MACHINES.with_borrow_mut(|machines| machines.insert(key, machine));
    Ok(done)
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
        let mut findings = Self::default();
        findings.fail(PolicyFailure {
            package: package.to_owned(),
            message,
            file: None,
            line: None,
        });
        findings
    }

    fn broke(&mut self, compiled: &Compiled, message: String) {
        self.fail(PolicyFailure {
            package: compiled.package.to_string(),
            message,
            file: None,
            line: None,
        });
    }

    fn fail(&mut self, failure: PolicyFailure) {
        if !self.failures.contains(&failure) {
            self.failures.push(failure);
        }
    }

    /// What is not known of a body whose second opinion could not be had: no approval stands beside it.
    fn unconfirmed(&mut self, lacks: Vec<MissingEvidence>) {
        for missing in lacks {
            if !self.unknown_vetoes.contains(&missing) {
                self.unknown_vetoes.push(missing);
            }
        }
    }

    /// Takes in what was seen of a body; what is not known of it comes back.
    fn body(&mut self, about: &Body, seen: BodySeen) -> Vec<MissingEvidence> {
        for (value, conditions) in seen.elements {
            match element::read(about.set, &value) {
                Ok(element) => {
                    let rule = FiredRule {
                        id: about.id.clone(),
                        set: about.set,
                        title: about.title.clone(),
                        reason: element.reason,
                        file: about.file.to_string(),
                        line: about.line,
                        conditions,
                    };
                    self.fired.push((rule, element.terms));
                    self.approval_stands |=
                        about.set == RuleSet::Approve && seen.truth == Truth::True;
                }
                Err(message) => self.fail(PolicyFailure {
                    package: about.package.to_string(),
                    message,
                    file: Some(about.file.to_string()),
                    line: Some(about.line),
                }),
            }
        }
        let unknown = match about.set {
            RuleSet::Approve => &mut self.unknown_approvals,
            RuleSet::Reject | RuleSet::Escalate => &mut self.unknown_vetoes,
        };
        let mut lacks = Vec::new();
        for (path, saw, line) in seen.lacks {
            let missing = MissingEvidence {
                path,
                saw,
                rule: about.id.clone(),
                file: about.file.to_string(),
                line,
            };
            if !unknown.contains(&missing) {
                unknown.push(missing.clone());
            }
            lacks.push(missing);
        }
        lacks
    }

    fn in_order(mut self) -> Self {
        self.fired.sort_by(|(a, _), (b, _)| {
            (&a.file, a.line, &a.id, &a.reason).cmp(&(&b.file, b.line, &b.id, &b.reason))
        });
        self.fired
            .dedup_by(|(a, _), (b, _)| a.id == b.id && a.reason == b.reason);
        self
    }
}
