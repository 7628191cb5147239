//! Runs a set's own tests as `opa test` does, and tells the result in OPA's words, so that scripts and people that know
//! the one know the other.
//!
//! A test is a rule whose name starts with `test_`, and it passes if it is `true` and nothing else: undefined is a
//! failure, a runtime error an error. `test_name[case]` has cases, and passes if there is one and all are `true`.
//! `todo_` is a test to come: counted, not run.

use std::time::Duration;

use jiff::Timestamp;
use regex::Regex;
use serde_json::{Map, Value, json};

use crate::diagnostic::Diagnostic;

use super::engine::interpreter::{Case, Interpreter, TestRule};
use super::folder::PolicyFiles;

pub mod coverage;
pub mod from_request;
mod duration;
mod pretty;

pub use super::engine::interpreter::{Failure, Operand};
pub use pretty::Detail;

/// Which tests to run, and for how long.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which.
    pub filter: Filter,
    /// How long one test may take before it is an error.
    pub time_limit: Duration,
}

/// Which tests to run.
#[derive(Debug, Clone)]
pub enum Filter {
    /// Every one.
    All,
    /// Those whose full name, `data.package.test_name`, the expression finds something in.
    Matching(Regex),
}

/// The tests that were run, in the order of file and line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestReport {
    /// One for each test.
    pub results: Vec<TestResult>,
}

/// One test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestResult {
    /// Its package, as `data.approvals.refunds_test`.
    pub package: String,
    /// Its name.
    pub name: String,
    /// The file it is in.
    pub file: String,
    /// Line of its head, from 1.
    pub line: u32,
    /// The source text of that line.
    pub source: String,
    /// How it went.
    pub outcome: TestOutcome,
    /// How long it took.
    pub duration: Duration,
    /// Its cases, in the order of their names, if it is a test with cases.
    pub cases: Vec<CaseResult>,
    /// The statements that did not hold; those of a case are with the case. Empty until [`Runner::explain`] is asked.
    pub failures: Vec<Failure>,
}

/// One case of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseResult {
    /// What is between the brackets of the test's name, one for each pair.
    pub path: Vec<String>,
    /// Whether it was `true`.
    pub passes: bool,
    /// The statements that did not hold.
    pub failures: Vec<Failure>,
}

/// How a test went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TestOutcome {
    /// It was `true`.
    Pass,
    /// It was undefined, or something else than `true`.
    Fail,
    /// It is still to be written.
    Skipped,
    /// It could not be evaluated, and why.
    Error(String),
}

/// A set's tests, ready to be run.
#[derive(Debug)]
pub struct Runner<'a> {
    files: &'a PolicyFiles,
    interpreter: Interpreter,
    tests: Vec<TestRule>,
    time_limit: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            filter: Filter::All,
            time_limit: Duration::from_secs(5),
        }
    }
}

/// Runs the tests in `files`, without saying why one fails. `clock` tells the time since some start and is asked around
/// each test; nothing else of the result depends on it. Fails if the set cannot be evaluated at all.
pub fn run(
    files: &PolicyFiles,
    settings: &Settings,
    now: Timestamp,
    clock: impl FnMut() -> Duration,
) -> Result<TestReport, Vec<Diagnostic>> {
    Ok(Runner::new(files, settings)?.run(now, clock))
}

impl<'a> Runner<'a> {
    /// Reads the set. Fails if it cannot be evaluated at all.
    pub fn new(files: &'a PolicyFiles, settings: &Settings) -> Result<Self, Vec<Diagnostic>> {
        let interpreter = Interpreter::new(files, settings.time_limit)?;
        let mut tests = interpreter.tests();
        tests.retain(|test| match &settings.filter {
            Filter::All => true,
            Filter::Matching(expression) => expression.is_match(&full_name(test)),
        });
        tests.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
        Ok(Self {
            files,
            interpreter,
            tests,
            time_limit: settings.time_limit,
        })
    }

    /// Runs every test.
    pub fn run(&self, now: Timestamp, mut clock: impl FnMut() -> Duration) -> TestReport {
        let results = self.tests.iter().map(|test| {
            let start = clock();
            let (outcome, cases) = self.outcome(test, now);
            TestResult {
                package: format!("data.{}", test.package),
                name: test.name.clone(),
                file: test.file.clone(),
                line: test.line,
                source: source_line(self.files, &test.file, test.line),
                duration: match outcome {
                    TestOutcome::Skipped => Duration::ZERO,
                    TestOutcome::Pass | TestOutcome::Fail | TestOutcome::Error(_) => {
                        clock().saturating_sub(start)
                    }
                },
                outcome,
                cases,
                failures: Vec::new(),
            }
        });
        TestReport {
            results: results.collect(),
        }
    }

    /// Adds to every test of `report` that failed where it did and what was there. Costs many evaluations for each.
    pub fn explain(&self, report: &mut TestReport, now: Timestamp) {
        for result in &mut report.results {
            let is_this = |test: &&TestRule| full_name(test) == result.full_name();
            let Some(test) = self.tests.iter().find(is_this) else {
                continue;
            };
            // To look into what took too long takes too long as well.
            if !result.is_bad() || result.duration >= self.time_limit {
                continue;
            }
            if result.cases.is_empty() {
                result.failures = self.interpreter.failures(test, None, now);
                continue;
            }
            let known = self.interpreter.cases(test, now).unwrap_or_default();
            for case in result.cases.iter_mut().filter(|case| !case.passes) {
                if let Some(known) = known.iter().find(|known| known.path == case.path) {
                    case.failures = self.interpreter.failures(test, Some(known), now);
                }
            }
        }
    }

    /// Which lines of the policies the tests reach.
    pub fn coverage(&self, now: Timestamp) -> Result<coverage::Coverage, Vec<Diagnostic>> {
        let run = self.tests.iter().filter(|test| is_run(test));
        let paths: Vec<String> = run.map(full_name).collect();
        let files = self.interpreter.coverage(&paths, now)?;
        Ok(coverage::Coverage::of(files))
    }

    fn outcome(&self, test: &TestRule, now: Timestamp) -> (TestOutcome, Vec<CaseResult>) {
        if !is_run(test) {
            return (TestOutcome::Skipped, vec![]);
        }
        if test.has_cases {
            return match self.interpreter.cases(test, now) {
                Err(error) => (TestOutcome::Error(error), vec![]),
                Ok(cases) if !cases.is_empty() && cases.iter().all(|case| case.passes) => {
                    (TestOutcome::Pass, results(cases))
                }
                Ok(cases) => (TestOutcome::Fail, results(cases)),
            };
        }
        let outcome = match self.interpreter.eval(&full_name(test), now) {
            Ok(Some(Value::Bool(true))) => TestOutcome::Pass,
            Ok(_) => TestOutcome::Fail,
            Err(error) => TestOutcome::Error(error),
        };
        (outcome, vec![])
    }
}

fn results(cases: Vec<Case>) -> Vec<CaseResult> {
    let result = |case: Case| CaseResult {
        path: case.path,
        passes: case.passes,
        failures: Vec::new(),
    };
    cases.into_iter().map(result).collect()
}

fn full_name(test: &TestRule) -> String {
    format!("data.{}.{}", test.package, test.name)
}

fn is_run(test: &TestRule) -> bool {
    test.name.starts_with("test_")
}

fn source_line(files: &PolicyFiles, path: &str, line: u32) -> String {
    let file = files.rego.iter().find(|file| file.path == path);
    let text = file.and_then(|file| file.text.lines().nth(line.saturating_sub(1) as usize));
    text.unwrap_or_default().trim().to_owned()
}

impl TestReport {
    /// The tests that failed or could not be evaluated.
    pub fn failures(&self) -> impl Iterator<Item = &TestResult> {
        self.results.iter().filter(|test| test.is_bad())
    }

    /// Whether a test is still to be written.
    pub fn has_skipped(&self) -> bool {
        let mut results = self.results.iter();
        results.any(|test| test.outcome == TestOutcome::Skipped)
    }

    /// The same with every file named as `name` says.
    #[must_use]
    pub fn with_files_named(mut self, name: impl Fn(&str) -> String) -> Self {
        for test in &mut self.results {
            test.file = name(&test.file);
            let of_cases = test.cases.iter_mut().flat_map(|case| &mut case.failures);
            for failure in test.failures.iter_mut().chain(of_cases) {
                failure.file = name(&failure.file);
            }
        }
        self
    }

    /// As `opa test --format json` has it: one object for each test, durations in nanoseconds. `failures` is ours.
    pub fn to_json(&self) -> Value {
        let result = |test: &TestResult| {
            let mut object = Map::new();
            let location = json!({"file": test.file, "row": test.line, "col": 1});
            object.insert("location".to_owned(), location);
            object.insert("package".to_owned(), test.package.clone().into());
            object.insert("name".to_owned(), test.name.clone().into());
            let (key, value) = match &test.outcome {
                TestOutcome::Pass => ("", Value::Null),
                TestOutcome::Fail => ("fail", true.into()),
                TestOutcome::Skipped => ("skip", true.into()),
                TestOutcome::Error(message) => ("error", json!({"message": message})),
            };
            if !key.is_empty() {
                object.insert(key.to_owned(), value);
            }
            if !test.cases.is_empty() {
                let mut cases = Map::new();
                for case in &test.cases {
                    add_case(&mut cases, &case.path, case);
                }
                object.insert("sub_results".to_owned(), Value::Object(cases));
            }
            if !test.failures.is_empty() {
                object.insert("failures".to_owned(), failures_to_json(&test.failures));
            }
            let nanoseconds = u64::try_from(test.duration.as_nanos()).unwrap_or(u64::MAX);
            object.insert("duration".to_owned(), nanoseconds.into());
            Value::Object(object)
        };
        self.results.iter().map(result).collect()
    }
}

/// Puts a case into its place: a case of two names is in `sub_results` of `sub_results`.
fn add_case(into: &mut Map<String, Value>, path: &[String], case: &CaseResult) {
    let Some((name, rest)) = path.split_first() else {
        return;
    };
    let entry = into
        .entry(name.clone())
        .or_insert_with(|| json!({"name": name}));
    let Value::Object(entry) = entry else { return };
    if !case.passes {
        entry.insert("fail".to_owned(), true.into());
    }
    if rest.is_empty() {
        if !case.failures.is_empty() {
            entry.insert("failures".to_owned(), failures_to_json(&case.failures));
        }
        return;
    }
    let inner = entry
        .entry("sub_results")
        .or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(inner) = inner {
        add_case(inner, rest, case);
    }
}

fn failures_to_json(failures: &[Failure]) -> Value {
    let operand = |operand: &Operand| json!({"text": operand.text, "value": operand.value});
    let failure = |failure: &Failure| {
        json!({
            "location": {"file": failure.file, "row": failure.line},
            "text": failure.text,
            "values": failure.operands.iter().map(operand).collect::<Vec<_>>(),
        })
    };
    failures.iter().map(failure).collect()
}

impl TestResult {
    /// `data.approvals.refunds_test.test_small`.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.package, self.name)
    }

    /// Whether it failed or could not be evaluated.
    pub fn is_bad(&self) -> bool {
        match self.outcome {
            TestOutcome::Fail | TestOutcome::Error(_) => true,
            TestOutcome::Pass | TestOutcome::Skipped => false,
        }
    }
}

impl std::fmt::Display for TestResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.full_name(), self.outcome.word())?;
        if self.outcome == TestOutcome::Skipped {
            return Ok(());
        }
        write!(f, " ({})", duration::as_go_prints_it(self.duration))
    }
}

impl TestOutcome {
    fn word(&self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Skipped => "SKIPPED",
            Self::Error(_) => "ERROR",
        }
    }
}

#[cfg(test)]
mod tests;
