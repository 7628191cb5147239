//! `countersign check`: whether a running countersign would take these policies, and what is wrong if not. It asks what a
//! reload asks, the set's own tests included.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::ExitStatus;
use super::policy_directory::{self, PolicyArgs, counted, plural};
use super::{annotations, junit, sarif, terminal};
use crate::clock::Clock;
use crate::diagnostic::{Diagnostic, Paint, Place, Severity};
use crate::policy::admission::{Admission, admit_from};
use crate::policy::folder::RegoFile;
use crate::policy::lint::lint;
use crate::policy::{Budget, Loaded};

/// Say whether policies can serve, and show every mistake and what was probably not meant
///
/// Exits with 0 when they can, 2 when they cannot (with `--strict` also when there are warnings), and 1 when they cannot
/// be read. docs/checks.md lists what is found, by code.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The policy directory, instead of `--policies`
    path: Option<PathBuf>,
    #[command(flatten)]
    policies: PolicyArgs,
    /// Let warnings fail, too
    #[arg(short = 'S', long)]
    strict: bool,
    /// How to print it
    #[arg(long, value_enum, env = "COUNTERSIGN_FORMAT", default_value_t)]
    format: Format,
}

/// How the findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Pretty,
    /// For programs
    Json,
    /// Annotations of a GitHub workflow
    Github,
    /// For code scanning
    Sarif,
    /// For build servers
    Junit,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitStatus {
    terminal::end(check(args, &mut anstream::stdout().lock(), Clock.now()))
}

/// What there is to say of a directory.
struct Findings {
    /// How many rules and files a set that can serve has, and its revision.
    set: Option<(usize, usize, crate::domain::id::Revision)>,
    diagnostics: Vec<Diagnostic>,
}

impl Findings {
    fn of(directory: &Path, admission: Admission, now: Timestamp) -> anyhow::Result<Self> {
        let read = policy_directory::read(directory)?;
        let admitted = read.and_then(|files| {
            let Loaded { set, mut warnings } = admit_from(directory, &files, admission, now)?;
            warnings.extend(files.warnings(directory));
            warnings.extend(lint(&set));
            warnings.extend(files.rego.iter().filter_map(misplaced));
            let place = |one: &Diagnostic| one.place.as_ref().map(|at| (at.file.clone(), at.start));
            warnings.sort_by_cached_key(place);
            let sizes = (set.rules().len(), files.rego.len(), set.revision().clone());
            Ok((sizes, warnings))
        });
        let (set, diagnostics) = match admitted {
            Ok((set, warnings)) => (Some(set), warnings),
            Err(mistakes) => (None, mistakes),
        };
        Ok(Self {
            set,
            diagnostics: policy_directory::seen_from_here(directory, diagnostics),
        })
    }

    fn to_json(&self, fails: bool) -> Value {
        let (rules, files, revision) = match &self.set {
            Some((rules, files, revision)) => (Some(rules), Some(files), Some(revision)),
            None => (None, None, None),
        };
        json!({
            "ok": !fails, "rules": rules, "files": files, "revision": revision,
            "diagnostics": policy_directory::to_json(&self.diagnostics),
        })
    }

    fn summary(&self) -> String {
        let counted = counted(&self.diagnostics);
        match &self.set {
            None => counted,
            Some((rules, files, revision)) => {
                let (rules, files) = (plural(*rules, "rule"), plural(*files, "file"));
                let also = if counted.is_empty() {
                    counted
                } else {
                    format!(", {counted}")
                };
                format!("{rules} in {files}, revision {}{also}", revision.short())
            }
        }
    }
}

fn check(args: &Args, out: &mut dyn Write, now: Timestamp) -> anyhow::Result<ExitStatus> {
    let directory = match &args.path {
        Some(path) => path,
        None => &args.policies.directory()?,
    };
    let admission = Admission {
        budget: Budget::default(),
        probe: args.policies.probe(),
    };
    let findings = Findings::of(directory, admission, now)?;
    let counts = |one: &Diagnostic| one.severity == Severity::Error || args.strict;
    let fails = findings.set.is_none() || findings.diagnostics.iter().any(counts);
    match args.format {
        Format::Json => terminal::write_json_indented(out, &findings.to_json(fails))?,
        Format::Pretty => {
            policy_directory::write_frames(out, &findings.diagnostics)?;
            writeln!(out, "{}", findings.summary())?;
        }
        Format::Github => annotations::write(out, &findings.diagnostics)?,
        Format::Sarif => {
            let results = findings.diagnostics.iter().map(sarif::Finding::of);
            terminal::write_json_indented(out, &sarif::document(results))?;
        }
        Format::Junit => {
            let cases = findings
                .diagnostics
                .iter()
                .map(|one| case(one, counts(one)));
            let suite = junit::Suite {
                name: directory.display().to_string(),
                cases: cases.collect(),
            };
            junit::write(out, "countersign check", &[suite])?;
        }
    }
    Ok(if fails {
        ExitStatus::No
    } else {
        ExitStatus::Done
    })
}

/// A finding as a test case: failed if it counts.
fn case(diagnostic: &Diagnostic, counts: bool) -> junit::Case {
    let place = diagnostic.place.as_ref();
    junit::Case {
        class_name: diagnostic.code.to_owned(),
        name: diagnostic.message.clone(),
        time: Duration::ZERO,
        file: place.map(|place| place.file.clone()).unwrap_or_default(),
        line: place.map_or(1, |place| place.line_and_column().0),
        outcome: if counts {
            junit::Outcome::Failed {
                message: diagnostic.message.clone(),
                details: diagnostic.render(Paint::Plain),
            }
        } else {
            junit::Outcome::Passed
        },
    }
}

/// A hint that a file lies in another folder than its package names, where nobody would look for it. A test package lies
/// beside what it tests.
fn misplaced(file: &RegoFile) -> Option<Diagnostic> {
    let mut start = 0;
    for line in file.text.split_inclusive('\n') {
        if let Some(package) = line.strip_prefix("package ") {
            let package = package.split('#').next().unwrap_or_default().trim();
            let wanted = package
                .strip_suffix("_test")
                .unwrap_or(package)
                .replace('.', "/");
            let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            // A package with quoted parts is left alone.
            if folder == wanted || package.contains('[') {
                return None;
            }
            let place = Place {
                file: file.path.clone(),
                text: Arc::clone(&file.text),
                start,
                end: start + line.trim_end().len(),
            };
            return Some(
                Diagnostic::warning(
                    "P120",
                    format!("the package `{package}` does not lie in a folder of its name"),
                )
                .at(place)
                .help(format!(
                    "move it to `{wanted}/`, or leave it: it works as it is"
                )),
            );
        }
        start += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    /// Checks a directory with these files, with a format and more options; `DIR` stands for it in what is printed.
    fn checked(files: &[(&str, &str)], options: &str) -> (Option<ExitStatus>, String) {
        let directory = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let file = directory.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let path = directory.path().to_str().unwrap();
        let (status, text) = check_path(Path::new(path), options);
        (
            status,
            anstream::adapter::strip_str(&text)
                .to_string()
                .replace(path, "DIR"),
        )
    }

    fn check_path(path: &Path, options: &str) -> (Option<ExitStatus>, String) {
        let words = ["check", path.to_str().unwrap(), "--format"];
        let line = Line::parse_from(words.into_iter().chain(options.split(' ')));
        let mut out = Vec::new();
        let status = check(&line.args, &mut out, Timestamp::UNIX_EPOCH);
        (status.ok(), String::from_utf8(out).unwrap())
    }

    const GOOD: &str = "package approvals.p\n\n# METADATA\n# title: X\napprove contains \"x\" if input.action == \"a\"\n";

    #[test]
    fn a_good_set_is_one_line() {
        let (status, text) = checked(&[("approvals/p/p.rego", GOOD)], "pretty");
        assert_eq!(status, Some(ExitStatus::Done));
        assert!(text.starts_with("1 rule in 1 file, revision "), "{text}");
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn the_mistakes_of_all_files_are_shown_at_once() {
        let broken = "package approvals.q\n\napprove contains \"x\" if {\n";
        let (status, text) = checked(
            &[("p.rego", broken), ("q.rego", broken), ("r.rego", GOOD)],
            "pretty",
        );
        assert_eq!(status, Some(ExitStatus::No));
        assert!(
            text.contains("--> DIR/p.rego:") && text.contains("--> DIR/q.rego:"),
            "{text}"
        );
        assert!(text.ends_with("2 errors\n"), "{text}");
    }

    #[test]
    fn a_file_in_another_folder_than_its_package_is_hinted_at_and_passes() {
        let tests = "package approvals.p_test\n\ntest_x if true\n";
        let (status, text) = checked(
            &[("p.rego", GOOD), ("approvals/p/p_test.rego", tests)],
            "pretty",
        );
        assert_eq!(status, Some(ExitStatus::Done));
        assert!(
            text.contains("warning[P120]") && text.contains("--> DIR/p.rego:1:1"),
            "{text}"
        );
        assert!(text.ends_with(", 1 warning\n"), "{text}");
    }

    #[test]
    fn as_json_a_mistake_has_its_place() {
        let (status, text) = checked(&[("p.rego", "package approvals.p\n\nx if {\n")], "json");
        assert_eq!(status, Some(ExitStatus::No));
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["ok"], false);
        assert_eq!(answer["diagnostics"][0]["file"], "DIR/p.rego");
        assert!(answer["diagnostics"][0]["line"].is_u64());
    }

    #[test]
    fn what_cannot_be_read_is_no_finding() {
        assert_eq!(check_path(Path::new("/nowhere/policies"), "pretty").0, None);
    }

    const UNTITLED: &str =
        "package approvals.p\n\napprove contains \"x\" if input.action == \"a\"\n";

    #[test]
    fn a_warning_passes_unless_it_is_strict() {
        let files = [("approvals/p/p.rego", UNTITLED)];
        let (status, text) = checked(&files, "pretty");
        assert_eq!(status, Some(ExitStatus::Done));
        assert!(
            text.contains("warning[CS007]") && text.ends_with(", 1 warning\n"),
            "{text}"
        );
        let (status, text) = checked(&files, "json --strict");
        assert_eq!(status, Some(ExitStatus::No));
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&answer["ok"], &answer["rules"]),
            (&json!(false), &json!(1))
        );
        assert_eq!(answer["diagnostics"][0]["code"], "CS007");
    }

    #[test]
    fn it_speaks_to_github_to_code_scanning_and_to_build_servers() {
        let files = [("approvals/p/p.rego", UNTITLED)];
        let (_, text) = checked(&files, "github");
        insta::assert_snapshot!(text, @"::warning file=DIR/approvals/p/p.rego,line=3,col=1,title=CS007::this body of `approve` has no title%0Aput `# METADATA` and `# title: …` right above it: people read the title in every rationale");
        let (_, text) = checked(&files, "sarif");
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["runs"][0]["results"][0]["ruleId"], "CS007");
        let (_, text) = checked(&files, "junit");
        assert!(text.contains("tests=\"1\" failures=\"0\""), "{text}");
        let (_, text) = checked(&files, "junit -S");
        assert!(
            text.contains("failures=\"1\"") && text.contains("line=\"3\""),
            "{text}"
        );
    }
}
