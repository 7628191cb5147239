//! `countersign test`: a policy directory's own tests, in the words and with the exit codes of `opa test`.

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use regex::Regex;

use super::ExitStatus;
use super::policy_directory::{self, PolicyArgs};
use super::terminal::{self, Format};
use crate::clock::Clock;
use crate::policy::testing::{self, Detail, Filter, Settings, TestReport};

/// Run the policies' own tests: rules named `test_…`
///
/// Exits with 0 when none failed, 2 when one did, and 1 when they could not be run.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The policy directory, instead of `--policies`
    path: Option<PathBuf>,
    #[command(flatten)]
    policies: PolicyArgs,
    /// Show every test, not only those that failed
    #[arg(short, long, env = "COUNTERSIGN_VERBOSE")]
    verbose: bool,
    /// Only tests whose name, `data.package.test_name`, this regular expression is found in
    #[arg(short, long, value_name = "REGEX", env = "COUNTERSIGN_RUN")]
    run: Option<Regex>,
    /// How to print it
    #[arg(long, value_enum, env = "COUNTERSIGN_FORMAT", default_value_t)]
    format: Format,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitStatus {
    let start = Instant::now();
    terminal::end(test(
        args,
        &mut anstream::stdout().lock(),
        Clock.now(),
        || start.elapsed(),
    ))
}

fn test(
    args: &Args,
    out: &mut dyn Write,
    now: Timestamp,
    clock: impl FnMut() -> Duration,
) -> anyhow::Result<ExitStatus> {
    let directory = match &args.path {
        Some(path) => path,
        None => &args.policies.directory()?,
    };
    let filter = args.run.clone().map_or(Filter::All, Filter::Matching);
    let report = policy_directory::read(directory)?.and_then(|files| {
        testing::run(
            &files,
            &Settings {
                filter,
                ..Settings::default()
            },
            now,
            clock,
        )
    });
    let report = match report {
        Ok(report) => report,
        Err(mistakes) => {
            // As with `opa test`, a set that does not load is not a test that fails.
            let counted = policy_directory::write_mistakes(out, directory, mistakes, args.format)?;
            anyhow::bail!("the tests cannot be run: {counted}");
        }
    };
    let results = report.results.into_iter().map(|mut test| {
        test.file = policy_directory::path_from_here(directory, &test.file);
        test
    });
    let report = TestReport {
        results: results.collect(),
    };
    if report.results.is_empty() {
        terminal::say(&format!(
            "no tests in {}; a test is a rule named `test_…`",
            directory.display()
        ));
    }
    match args.format {
        Format::Json => terminal::write_json_indented(out, &report.to_json())?,
        Format::Pretty => {
            let detail = if args.verbose {
                Detail::Verbose
            } else {
                Detail::Brief
            };
            write!(out, "{}", report.pretty(detail))?;
        }
    }
    Ok(if report.failures().next().is_some() {
        ExitStatus::No
    } else {
        ExitStatus::Done
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn tested(text: &str, flags: &[&str]) -> (Option<ExitStatus>, String) {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("p_test.rego"), text).unwrap();
        let path = directory.path().to_str().unwrap();
        let line = Line::parse_from(["test", path].iter().chain(flags));
        let mut out = Vec::new();
        let status = test(&line.args, &mut out, Timestamp::UNIX_EPOCH, || {
            Duration::ZERO
        });
        (
            status.ok(),
            String::from_utf8(out).unwrap().replace(path, "DIR"),
        )
    }

    const ONE_FAILS: &str = "package p_test\n\ntest_good if true\n\ntest_bad if 1 == 2\n";

    #[test]
    fn exit_codes_are_those_of_opa() {
        assert_eq!(tested(ONE_FAILS, &[]).0, Some(ExitStatus::No));
        assert_eq!(
            tested(ONE_FAILS, &["--run", "good"]),
            (Some(ExitStatus::Done), "PASS: 1/1\n".to_owned())
        );
        assert_eq!(
            tested("package p_test\n", &[]),
            (Some(ExitStatus::Done), String::new())
        );
        let (status, frames) = tested("package p_test\n\ntest_good if {\n", &[]);
        assert_eq!(status, None);
        assert!(frames.contains("p_test.rego"), "{frames}");
    }

    #[test]
    fn a_failure_is_named_from_where_the_user_stands() {
        let (_, text) = tested(ONE_FAILS, &[]);
        assert!(
            text.starts_with("DIR/p_test.rego:\ndata.p_test.test_bad: FAIL (0s)\n"),
            "{text}"
        );
    }
}
