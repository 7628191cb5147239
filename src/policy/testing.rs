//! Runs a set's own tests as `opa test` does, and tells the result in OPA's words, so that scripts and people that know
//! the one know the other.
//!
//! A test is a rule whose name starts with `test_`, and it passes if it is `true` and nothing else: undefined is a
//! failure, a runtime error an error. `todo_` is a test to come: counted, not run.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use regex::Regex;
use serde_json::{Map, Value, json};

use crate::diagnostic::Diagnostic;

use super::engine::interpreter::Interpreter;
use super::folder::PolicyFiles;

mod duration;

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

/// How much of a report is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// The counts, and what did not pass.
    Brief,
    /// Every test.
    Verbose,
}

/// Runs the tests in `files`. `clock` tells the time since some start and is asked around each test; nothing else of the
/// result depends on it. Fails if the set cannot be evaluated at all.
pub fn run(
    files: &PolicyFiles,
    filter: &Filter,
    now: Timestamp,
    mut clock: impl FnMut() -> Duration,
) -> Result<TestReport, Vec<Diagnostic>> {
    let mut interpreter = Interpreter::new(files)?;
    let mut found: Vec<TestResult> = interpreter
        .rules()
        .iter()
        .filter(|rule| rule.name.starts_with("test_") || rule.name.starts_with("todo_"))
        .map(|rule| TestResult {
            package: format!("data.{}", rule.package),
            name: rule.name.clone(),
            file: rule.file.clone(),
            line: rule.line,
            source: source_line(files, &rule.file, rule.line),
            outcome: TestOutcome::Skipped,
            duration: Duration::ZERO,
        })
        .filter(|test| match filter {
            Filter::All => true,
            Filter::Matching(expression) => expression.is_match(&test.full_name()),
        })
        .collect();
    found.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
    // Several bodies of one name are one test: the rule that they make together.
    let mut names = BTreeSet::new();
    found.retain(|test| names.insert(test.full_name()));

    for test in found
        .iter_mut()
        .filter(|test| test.name.starts_with("test_"))
    {
        let start = clock();
        let value = interpreter.eval(&test.full_name(), now);
        test.duration = clock().saturating_sub(start);
        test.outcome = match value {
            Ok(Some(Value::Bool(true))) => TestOutcome::Pass,
            Ok(_) => TestOutcome::Fail,
            Err(error) => TestOutcome::Error(error),
        };
    }
    Ok(TestReport { results: found })
}

fn source_line(files: &PolicyFiles, path: &str, line: u32) -> String {
    let file = files.rego.iter().find(|file| file.path == path);
    let text = file.and_then(|file| file.text.lines().nth(line.saturating_sub(1) as usize));
    text.unwrap_or_default().trim().to_owned()
}

impl TestReport {
    /// The tests that failed or could not be evaluated.
    pub fn failures(&self) -> impl Iterator<Item = &TestResult> {
        self.results.iter().filter(|test| match test.outcome {
            TestOutcome::Fail | TestOutcome::Error(_) => true,
            TestOutcome::Pass | TestOutcome::Skipped => false,
        })
    }

    /// As `opa test` prints it, each line with its end.
    pub fn pretty(&self, detail: Detail) -> String {
        let mut text = String::new();
        let mut last_file = None;
        for test in &self.results {
            if detail == Detail::Brief && test.outcome == TestOutcome::Pass {
                continue;
            }
            if last_file != Some(&test.file) {
                let gap = if last_file.is_some() { "\n" } else { "" };
                let _ = writeln!(text, "{gap}{}:", test.file);
                last_file = Some(&test.file);
            }
            let _ = writeln!(text, "{test}");
            match &test.outcome {
                TestOutcome::Pass | TestOutcome::Skipped => {}
                TestOutcome::Fail => {
                    let _ = writeln!(
                        text,
                        "\n  {}:{}:\n    {}\n",
                        test.file, test.line, test.source
                    );
                }
                TestOutcome::Error(error) => {
                    let _ = writeln!(
                        text,
                        "  {error}\n\n  {}:{}:\n    {}\n",
                        test.file, test.line, test.source
                    );
                }
            }
        }
        if !text.is_empty() {
            let _ = writeln!(text, "{}", "-".repeat(80));
        }
        let total = self.results.len();
        for word in ["PASS", "FAIL", "SKIPPED", "ERROR"] {
            let count = self
                .results
                .iter()
                .filter(|test| test.outcome.word() == word)
                .count();
            if count > 0 {
                let _ = writeln!(text, "{word}: {count}/{total}");
            }
        }
        text
    }

    /// As `opa test --format json` has it: one object for each test, durations in nanoseconds.
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
            let nanoseconds = u64::try_from(test.duration.as_nanos()).unwrap_or(u64::MAX);
            object.insert("duration".to_owned(), nanoseconds.into());
            Value::Object(object)
        };
        self.results.iter().map(result).collect()
    }
}

impl TestResult {
    /// `data.approvals.refunds_test.test_small`.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.package, self.name)
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
mod tests {
    use super::*;

    const TESTS: &str = "package p_test\n\nimport data.p\n\ntest_good if p.allow with input as {\"a\": 1}\n\ntest_bad if {\n\tp.allow with input as {\"a\": 2}\n}\n\ntodo_later if false\n\ntest_broken if to_number(\"x\") == 1\n\nhelper := 1\n\ntest_two if false\n\ntest_two if true\n\ntest_word := \"true\"\n";

    fn report(filter: &Filter) -> TestReport {
        let files = PolicyFiles::of([
            ("p.rego", "package p\n\nallow if input.a == 1\n"),
            ("p_test.rego", TESTS),
        ])
        .unwrap();
        let mut passed = Duration::ZERO;
        let clock = || {
            passed += Duration::from_nanos(1400);
            passed
        };
        run(&files, filter, Timestamp::UNIX_EPOCH, clock).unwrap()
    }

    fn outcomes(report: &TestReport) -> Vec<(&str, &'static str)> {
        report
            .results
            .iter()
            .map(|test| (&*test.name, test.outcome.word()))
            .collect()
    }

    #[test]
    fn only_true_passes_and_a_rule_of_several_bodies_is_one_test() {
        let expected = [
            ("test_good", "PASS"),
            ("test_bad", "FAIL"),
            ("todo_later", "SKIPPED"),
            ("test_broken", "ERROR"),
            ("test_two", "PASS"),
            ("test_word", "FAIL"),
        ];
        assert_eq!(outcomes(&report(&Filter::All)), expected);
    }

    #[test]
    fn a_filter_is_searched_for_in_the_full_name() {
        let filter = Filter::Matching(Regex::new(r"p_test\.test_(good|bad)$").unwrap());
        assert_eq!(
            outcomes(&report(&filter)),
            [("test_good", "PASS"), ("test_bad", "FAIL")]
        );
    }

    #[test]
    fn the_text_is_that_of_opa_test() {
        let filter = Filter::Matching(Regex::new("good|bad|later").unwrap());
        let report = report(&filter);
        insta::assert_snapshot!(report.pretty(Detail::Verbose), @r"
        p_test.rego:
        data.p_test.test_good: PASS (1.4µs)
        data.p_test.test_bad: FAIL (1.4µs)

          p_test.rego:7:
            test_bad if {

        data.p_test.todo_later: SKIPPED
        --------------------------------------------------------------------------------
        PASS: 1/3
        FAIL: 1/3
        SKIPPED: 1/3
        ");
        let good = TestReport {
            results: report.results.into_iter().take(1).collect(),
        };
        assert_eq!(good.pretty(Detail::Brief), "PASS: 1/1\n");
    }

    #[test]
    fn the_json_is_that_of_opa_test() {
        let filter = Filter::Matching(Regex::new("bad|later").unwrap());
        assert_eq!(
            report(&filter).to_json(),
            json!([
                {"location": {"file": "p_test.rego", "row": 7, "col": 1}, "package": "data.p_test", "name": "test_bad",
                 "fail": true, "duration": 1400},
                {"location": {"file": "p_test.rego", "row": 11, "col": 1}, "package": "data.p_test", "name": "todo_later",
                 "skip": true, "duration": 0},
            ])
        );
    }
}
