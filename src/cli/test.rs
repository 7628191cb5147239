//! `countersign test`: a policy directory's own tests, in the words and with the exit codes of `opa test`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use regex::Regex;

use super::ExitStatus;
use super::junit;
use super::policy_directory::{self, PolicyArgs};
use super::terminal;
use crate::clock::Clock;
use crate::diagnostic::Diagnostic;
use crate::policy::folder::PolicyFiles;
use crate::policy::testing::coverage::Coverage;
use crate::policy::testing::{Detail, Filter, Runner, Settings, TestReport, TestResult};

mod suites;
mod watch;

/// Run the policies' own tests: rules named `test_…`
///
/// Exits with 0 when all passed, 2 when one failed or was skipped, or less is covered than `--threshold`, and 1 when they
/// could not be run.
#[derive(Debug, Clone, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own on the command line"
)]
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
    /// Say which lines of the policies the tests reach; test files do not count
    #[arg(long)]
    coverage: bool,
    /// Exit with 2 when less than this is covered; implies `--coverage`
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    threshold: Option<f64>,
    /// Run them again whenever a file changes, until ctrl-c
    #[arg(short, long)]
    watch: bool,
    /// Exit with 1 when there is no test to run
    #[arg(long)]
    fail_on_empty: bool,
    /// Let tests that are still to be written, `todo_…`, not count as a failure
    #[arg(short = 'z', long)]
    exit_zero_on_skipped: bool,
    /// How many times to run them, or until they fail
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// How long one test may take, as `500ms` or `5s`
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = positive)]
    timeout: Duration,
}

/// How a report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Pretty,
    /// For programs: what `opa test` prints.
    Json,
    /// For build servers: JUnit XML.
    Junit,
}

/// What one run ended with.
struct Ended {
    status: ExitStatus,
    /// The names of the tests that failed.
    failed: Vec<String>,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitStatus {
    if args.watch {
        return terminal::end(watch::run(args));
    }
    let start = Instant::now();
    let mut out = anstream::stdout().lock();
    terminal::end(test(args, &mut out, Clock.now(), || start.elapsed()))
}

fn test(
    args: &Args,
    out: &mut dyn Write,
    now: Timestamp,
    mut clock: impl FnMut() -> Duration,
) -> anyhow::Result<ExitStatus> {
    let directory = args.directory()?;
    let read = policy_directory::read(&directory)?;
    let known = Vec::new();
    Ok(rounds(args, &directory, &read, &known, out, now, &mut clock)?.status)
}

/// Runs every test as often as is asked for, or until one fails. Those that failed and are not of `known` come first when
/// the directory is watched.
fn rounds(
    args: &Args,
    directory: &Path,
    read: &Result<PolicyFiles, Vec<Diagnostic>>,
    known: &[String],
    out: &mut dyn Write,
    now: Timestamp,
    clock: &mut dyn FnMut() -> Duration,
) -> anyhow::Result<Ended> {
    let mut ended = round(args, directory, read, known, out, now, clock)?;
    for _ in 1..args.count {
        if ended.status != ExitStatus::Done {
            break;
        }
        ended = round(args, directory, read, known, out, now, clock)?;
    }
    Ok(ended)
}

fn round(
    args: &Args,
    directory: &Path,
    read: &Result<PolicyFiles, Vec<Diagnostic>>,
    known: &[String],
    out: &mut dyn Write,
    now: Timestamp,
    clock: &mut dyn FnMut() -> Duration,
) -> anyhow::Result<Ended> {
    let settings = args.settings();
    let ran = read.as_ref().map_err(Clone::clone).and_then(|files| {
        let runner = Runner::new(files, &settings)?;
        let mut report = runner.run(now, clock);
        runner.explain(&mut report, now);
        let coverage = args.wants_coverage().then(|| runner.coverage(now));
        Ok((report, coverage.transpose()?))
    });
    let (report, coverage) = match ran {
        Ok(ran) => ran,
        Err(mistakes) => {
            // As with `opa test`, a set that does not load is not a test that fails.
            let counted = write_mistakes(out, directory, mistakes, args.format)?;
            anyhow::bail!("the tests cannot be run: {counted}");
        }
    };
    let here = |file: &str| policy_directory::path_from_here(directory, file);
    let report = report.with_files_named(here);
    let report = if args.watch {
        failures_first(report, known)
    } else {
        report
    };
    let coverage = coverage.map(|coverage| coverage.with_files_named(here));
    if report.results.is_empty() {
        if args.fail_on_empty {
            anyhow::bail!("no tests were run");
        }
        terminal::say(&format!(
            "no tests in {}; a test is a rule named `test_…`",
            directory.display()
        ));
    }
    write_report(args, &report, coverage.as_ref(), out)?;
    let is_bad =
        report.failures().next().is_some() || (report.has_skipped() && !args.exit_zero_on_skipped);
    let is_short = coverage.is_some_and(|coverage| falls_short(args, &coverage));
    Ok(Ended {
        status: if is_bad || is_short {
            ExitStatus::No
        } else {
            ExitStatus::Done
        },
        failed: report.failures().map(TestResult::full_name).collect(),
    })
}

fn write_report(
    args: &Args,
    report: &TestReport,
    coverage: Option<&Coverage>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let detail = if args.verbose {
        Detail::Verbose
    } else {
        Detail::Brief
    };
    match (args.format, coverage) {
        (Format::Pretty, None) => write!(out, "{}", report.pretty(detail))?,
        (Format::Pretty, Some(coverage)) => {
            write!(out, "{}\n{}", report.pretty(detail), coverage.pretty())?;
        }
        (Format::Json, None) => terminal::write_json_indented(out, &report.to_json())?,
        // OPA's JSON has no place for the tests then; those that failed are told beside it.
        (Format::Json, Some(coverage)) => {
            terminal::write_json_indented(out, coverage)?;
            if report.failures().next().is_some() {
                report.pretty(Detail::Brief).lines().for_each(terminal::say);
            }
        }
        (Format::Junit, _) => junit::write(out, "countersign test", &suites::of(report))?,
    }
    Ok(())
}

/// Whether less is covered than is asked for, which is said in OPA's words.
fn falls_short(args: &Args, coverage: &Coverage) -> bool {
    let Some(threshold) = args.threshold.filter(|least| coverage.coverage < *least) else {
        return false;
    };
    terminal::say(&format!(
        "Code coverage threshold not met: got {:.2} instead of {threshold:.2}",
        coverage.coverage
    ));
    if args.verbose {
        coverage.missing().lines().for_each(terminal::say);
    }
    true
}

/// The report with what failed on top, and above that what did not fail before.
fn failures_first(mut report: TestReport, known: &[String]) -> TestReport {
    report.results.sort_by_key(|test| {
        let is_known = known.contains(&test.full_name());
        (!test.is_bad(), is_known)
    });
    report
}

fn write_mistakes(
    out: &mut dyn Write,
    directory: &Path,
    mistakes: Vec<Diagnostic>,
    format: Format,
) -> anyhow::Result<String> {
    match format {
        Format::Pretty => {
            policy_directory::write_mistakes(out, directory, mistakes, terminal::Format::Pretty)
        }
        Format::Json => {
            policy_directory::write_mistakes(out, directory, mistakes, terminal::Format::Json)
        }
        Format::Junit => {
            let here = policy_directory::seen_from_here(directory, mistakes);
            terminal::show(&here);
            Ok(policy_directory::counted(&here))
        }
    }
}

impl Args {
    fn directory(&self) -> anyhow::Result<PathBuf> {
        match &self.path {
            Some(path) => Ok(path.clone()),
            None => self.policies.directory(),
        }
    }

    fn settings(&self) -> Settings {
        Settings {
            filter: self.run.clone().map_or(Filter::All, Filter::Matching),
            time_limit: self.timeout,
        }
    }

    fn wants_coverage(&self) -> bool {
        self.coverage || self.threshold.is_some()
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let percent: Option<f64> = text.trim_end_matches('%').parse().ok();
    percent
        .filter(|percent| (0.0..=100.0).contains(percent))
        .ok_or_else(|| "Code coverage threshold must be between 0 and 100".to_owned())
}

/// A length of time that is more than nothing.
pub(super) fn positive(text: &str) -> Result<Duration, String> {
    let duration: Option<SignedDuration> = text.parse().ok();
    duration
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "write a duration such as `500ms` or `5s`".to_owned())
}

#[cfg(test)]
mod tests;
