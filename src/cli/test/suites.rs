//! A test report as JUnit has one: a suite for each package, a case for each test, or for each case of a test.

use std::time::Duration;

use crate::cli::junit::{Case, Outcome, Suite};
use crate::policy::testing::{CaseResult, Failure, TestOutcome, TestReport, TestResult};

/// The suites of a report, in its order.
pub(super) fn of(report: &TestReport) -> Vec<Suite> {
    let mut suites: Vec<Suite> = Vec::new();
    for test in &report.results {
        let cases = if test.cases.is_empty() {
            vec![case(test, test.name.clone(), test.duration, outcome(test))]
        } else {
            of_cases(test)
        };
        match suites.iter_mut().find(|suite| suite.name == test.package) {
            Some(suite) => suite.cases.extend(cases),
            None => suites.push(Suite {
                name: test.package.clone(),
                cases,
            }),
        }
    }
    suites
}

/// They are evaluated together, so the first has the time of all.
fn of_cases(test: &TestResult) -> Vec<Case> {
    let mut time = test.duration;
    let one = |result: &CaseResult| {
        let outcome = if result.passes {
            Outcome::Passed
        } else {
            failed(test, &result.failures)
        };
        let name = format!("{}[{}]", test.name, result.path.join("]["));
        case(test, name, std::mem::take(&mut time), outcome)
    };
    test.cases.iter().map(one).collect()
}

fn case(test: &TestResult, name: String, time: Duration, outcome: Outcome) -> Case {
    Case {
        class_name: test.package.clone(),
        name,
        time,
        file: test.file.clone(),
        line: test.line,
        outcome,
    }
}

fn outcome(test: &TestResult) -> Outcome {
    match &test.outcome {
        TestOutcome::Pass => Outcome::Passed,
        TestOutcome::Skipped => Outcome::Skipped,
        TestOutcome::Fail => failed(test, &test.failures),
        TestOutcome::Error(error) => Outcome::Errored {
            message: error.lines().last().unwrap_or_default().to_owned(),
            details: format!("{error}\n\n{}", details(test, &test.failures)),
        },
    }
}

fn failed(test: &TestResult, failures: &[Failure]) -> Outcome {
    let message = match failures.first() {
        Some(first) => format!("{}:{}: {}", first.file, first.line, one_line(&first.text)),
        None => format!("{}:{}: {}", test.file, test.line, test.source),
    };
    Outcome::Failed {
        message,
        details: details(test, failures),
    }
}

fn details(test: &TestResult, failures: &[Failure]) -> String {
    if failures.is_empty() {
        return format!("{}:{}:\n  {}\n", test.file, test.line, test.source);
    }
    let frames: Vec<String> = failures.iter().map(Failure::to_string).collect();
    frames.join("\n")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
