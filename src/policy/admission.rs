//! Whether a set may serve. It may if it loads and none of its own tests fails: tests that lie beside the rules say what
//! their author meant, and a set that breaks them is not what anybody meant.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::diagnostic::{Diagnostic, Place};

use super::folder::PolicyFiles;
use super::testing::{self, Settings, TestOutcome, TestResult};
use super::{Budget, Loaded, PolicySet};

/// Loads `files` and runs their tests. `now` is the time that the tests see.
pub fn admit(
    files: &PolicyFiles,
    budget: Budget,
    now: Timestamp,
) -> Result<Loaded, Vec<Diagnostic>> {
    let loaded = PolicySet::load(files.clone(), budget)?;
    let report = testing::run(files, &Settings::default(), now, || Duration::ZERO)?;
    let failures: Vec<Diagnostic> = report.failures().map(|test| refusal(files, test)).collect();
    if failures.is_empty() {
        Ok(loaded)
    } else {
        Err(failures)
    }
}

fn refusal(files: &PolicyFiles, test: &TestResult) -> Diagnostic {
    let message = match &test.outcome {
        TestOutcome::Error(error) => format!(
            "the test `{}` cannot be evaluated: {error}",
            test.full_name()
        ),
        TestOutcome::Pass | TestOutcome::Fail | TestOutcome::Skipped => {
            format!("the test `{}` fails", test.full_name())
        }
    };
    let refused = Diagnostic::error("P111", message)
        .help("a set whose own tests fail does not serve; `countersign test -v` runs them");
    match files.rego.iter().find(|file| file.path == test.file) {
        None => refused,
        Some(file) => {
            let before = file
                .text
                .split_inclusive('\n')
                .take(test.line.saturating_sub(1) as usize);
            let start = before.map(str::len).sum();
            refused.at(Place {
                file: file.path.clone(),
                text: Arc::clone(&file.text),
                start,
                end: start + test.source.len(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Paint;

    #[test]
    fn a_set_whose_own_test_fails_is_refused_and_the_test_is_shown() {
        let files = PolicyFiles::of([(
            "p_test.rego",
            "package p_test\n\ntest_fine if true\n\ntest_wrong if 1 == 2\n",
        )])
        .unwrap();
        let refused = admit(&files, Budget::default(), Timestamp::UNIX_EPOCH).unwrap_err();
        assert_eq!(refused.len(), 1);
        insta::assert_snapshot!(refused[0].render(Paint::Plain), @r"
        error[P111]: the test `data.p_test.test_wrong` fails
         --> p_test.rego:5:1
          |
        5 | test_wrong if 1 == 2
          | ^^^^^^^^^^^^^^^^^^^^
          |
          = help: a set whose own tests fail does not serve; `countersign test -v` runs them
        ");
    }

    #[test]
    fn the_policies_that_ship_are_admitted_and_have_tests() {
        let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        let files = PolicyFiles::read(&directory).unwrap();
        if let Err(mistakes) = admit(&files, Budget::default(), Timestamp::UNIX_EPOCH) {
            let frames: Vec<_> = mistakes
                .iter()
                .map(|one| one.render(Paint::Plain))
                .collect();
            panic!("{}", frames.join("\n"));
        }
        let report = testing::run(&files, &Settings::default(), Timestamp::UNIX_EPOCH, || {
            Duration::ZERO
        })
        .unwrap();
        for file in &files.rego {
            let tested = report
                .results
                .iter()
                .any(|test| test.file == file.path.replace(".rego", "_test.rego"));
            assert!(
                tested || file.path.ends_with("_test.rego"),
                "{} has no tests",
                file.path
            );
        }
    }
}
