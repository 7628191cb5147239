//! Whether a set may serve. It may if it loads and none of its own tests fails: tests that lie beside the rules say what
//! their author meant, and a set that breaks them is not what anybody meant. Where the config says so, it is attacked with
//! its own samples first ([`probe`]).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::diagnostic::{Diagnostic, Place, Severity};

use super::folder::PolicyFiles;
use super::probe::{self, Extent, Guard, Property, samples};
use super::testing::{self, Settings, TestOutcome, TestResult};
use super::{Budget, Loaded, PolicySet};

/// The most evaluations of a probe that stands between an edit and its serving: about a second of them.
const MOST_EVALUATIONS: usize = 20_000;

/// What is asked of a set before it serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// What one of its decisions may use.
    pub budget: Budget,
    /// What becomes of what `probe` finds.
    pub probe: Probe,
}

/// What becomes of what `probe` finds in a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Probe {
    /// It is not looked for.
    #[default]
    Off,
    /// It is a warning.
    Warn,
    /// The set is refused.
    Refuse,
}

impl From<Budget> for Admission {
    fn from(budget: Budget) -> Self {
        Self {
            budget,
            probe: Probe::Off,
        }
    }
}

/// Loads `files` of `directory`, runs their tests and probes them with their samples, as `admission` says.
pub fn admit_from(
    directory: &Path,
    files: &PolicyFiles,
    admission: Admission,
    now: Timestamp,
) -> Result<Loaded, Vec<Diagnostic>> {
    let mut loaded = admit(files, admission.budget, now)?;
    let severity = match admission.probe {
        Probe::Off => return Ok(loaded),
        Probe::Warn => Severity::Warning,
        Probe::Refuse => Severity::Error,
    };
    let told = probed(directory, &loaded.set, severity, now);
    if told.iter().any(|one| one.severity == Severity::Error) {
        return Err(told);
    }
    loaded.warnings.extend(told);
    Ok(loaded)
}

/// How many of the warnings are findings of a probe.
pub fn probe_findings(warnings: &[Diagnostic]) -> usize {
    let is_finding = |warning: &&Diagnostic| {
        Property::ALL
            .iter()
            .any(|property| property.code() == warning.code)
    };
    warnings.iter().filter(is_finding).count()
}

/// What a probe of the set says, all of it as bad as `severity`.
fn probed(
    directory: &Path,
    set: &PolicySet,
    severity: Severity,
    now: Timestamp,
) -> Vec<Diagnostic> {
    let read = samples::in_folder(directory)
        .and_then(|found| Ok((found, samples::of_tests(set.files(), now)?)));
    let (mut samples, of_tests) = match read {
        Ok(read) => read,
        // A sample that cannot be read is one that nothing was tried with.
        Err(mistakes) => {
            let told = mistakes.into_iter();
            return told.map(|one| Diagnostic { severity, ..one }).collect();
        }
    };
    samples.extend(of_tests);
    let settings = probe::Settings {
        guard: Guard::On,
        most_evaluations: MOST_EVALUATIONS,
        now,
    };
    let report = probe::run(set, &samples::distinct(samples), settings, |_| ());
    let mut told: Vec<Diagnostic> = report
        .findings
        .iter()
        .map(|finding| finding.diagnostic(set.files(), severity))
        .collect();
    if report.extent == Extent::Capped {
        told.push(
            Diagnostic::warning(
                "P122",
                format!("the probe stopped after {MOST_EVALUATIONS} evaluations and did not try everything"),
            )
            .help("`countersign probe` tries it all"),
        );
    }
    told
}

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

    const SMALL: &str = "package approvals.p\n\n# METADATA\n# title: Small\napprove contains \"small\" if {\n\tinput.action == \"a\"\n\tinput.context.amount < 100\n}\n";
    const SAMPLE: &str = r#"{"action": "a", "context": {"amount": 50}}"#;

    /// Admits a directory with one policy and its sample.
    fn admitted(policy: &str, sample: &str, probe: Probe) -> Result<Loaded, Vec<Diagnostic>> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("samples")).unwrap();
        std::fs::write(directory.path().join("p.rego"), policy).unwrap();
        std::fs::write(directory.path().join("samples/s.json"), sample).unwrap();
        let files = PolicyFiles::read(directory.path()).unwrap();
        let admission = Admission {
            budget: Budget::default(),
            probe,
        };
        admit_from(directory.path(), &files, admission, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_set_that_can_be_got_around_is_warned_of_or_refused_as_configured() {
        assert!(
            admitted(SMALL, SAMPLE, Probe::Off)
                .unwrap()
                .warnings
                .is_empty()
        );
        let warnings = admitted(SMALL, SAMPLE, Probe::Warn).unwrap().warnings;
        assert_eq!(probe_findings(&warnings), 1);
        let shown = warnings[0].render(Paint::Plain);
        assert!(
            shown.starts_with("warning[CS103]") && shown.contains("--> p.rego:7:2"),
            "{shown}"
        );
        let refused = admitted(SMALL, SAMPLE, Probe::Refuse).unwrap_err();
        assert!(refused[0].render(Paint::Plain).starts_with("error[CS103]"));
        let sound = SMALL.replace("< 100", "< 100\n\tinput.context.amount > 0");
        assert!(
            admitted(&sound, SAMPLE, Probe::Refuse)
                .unwrap()
                .warnings
                .is_empty()
        );
    }

    #[test]
    fn a_sample_that_cannot_be_read_is_as_bad_as_what_it_might_have_found() {
        let sound = SMALL.replace("< 100", "< 100\n\tinput.context.amount > 0");
        assert_eq!(
            admitted(&sound, "[]", Probe::Warn).unwrap().warnings.len(),
            1
        );
        let refused = admitted(&sound, "[]", Probe::Refuse).unwrap_err();
        assert_eq!(refused[0].code, "P121");
        assert!(
            admitted(&sound, "[]", Probe::Off)
                .unwrap()
                .warnings
                .is_empty()
        );
    }

    #[test]
    fn the_inputs_of_the_sets_own_tests_are_samples_too() {
        let tested = format!("{SMALL}\ntest_small if count(approve) == 1 with input as {SAMPLE}\n");
        let refused = admitted(&tested, "{}", Probe::Refuse).unwrap_err();
        let help = refused[0]
            .help
            .clone()
            .unwrap_or_else(|| refused[0].render(Paint::Plain));
        assert!(
            help.starts_with("data.approvals.p.test_small with /context/amount"),
            "{help}"
        );
    }

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
