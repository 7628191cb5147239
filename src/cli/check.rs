//! `countersign check`: whether a running countersign would take these policies, and what is wrong if not. It asks what a
//! reload asks, the set's own tests included.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::ExitStatus;
use super::policy_directory::{self, PolicyArgs, counted, plural};
use super::terminal::{self, Format};
use crate::clock::Clock;
use crate::diagnostic::{Diagnostic, Place};
use crate::policy::admission::{Admission, admit_from};
use crate::policy::folder::RegoFile;
use crate::policy::{Budget, Loaded};

/// Say whether policies can serve, and show every mistake
///
/// Exits with 0 when they can, 2 when they cannot, and 1 when they cannot be read.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The policy directory, instead of `--policies`
    path: Option<PathBuf>,
    #[command(flatten)]
    policies: PolicyArgs,
    /// How to print it
    #[arg(long, value_enum, env = "COUNTERSIGN_FORMAT", default_value_t)]
    format: Format,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitStatus {
    terminal::end(check(args, &mut anstream::stdout().lock(), Clock.now()))
}

fn check(args: &Args, out: &mut dyn Write, now: Timestamp) -> anyhow::Result<ExitStatus> {
    let directory = match &args.path {
        Some(path) => path,
        None => &args.policies.directory()?,
    };
    let read = policy_directory::read(directory)?;
    let admitted = read.and_then(|files| {
        let admission = Admission {
            budget: Budget::default(),
            probe: args.policies.probe(),
        };
        let Loaded { set, mut warnings } = admit_from(directory, &files, admission, now)?;
        warnings.extend(files.warnings(directory));
        warnings.extend(files.rego.iter().filter_map(misplaced));
        Ok((files, set, warnings))
    });
    match admitted {
        Ok((files, set, warnings)) => {
            let warnings = policy_directory::seen_from_here(directory, warnings);
            let revision = set.revision();
            match args.format {
                Format::Json => terminal::write_json_indented(
                    out,
                    &json!({
                        "ok": true, "rules": set.rules().len(), "files": files.rego.len(), "revision": revision,
                        "diagnostics": policy_directory::to_json(&warnings),
                    }),
                )?,
                Format::Pretty => {
                    policy_directory::write_frames(out, &warnings)?;
                    let rules = plural(set.rules().len(), "rule");
                    let files = plural(files.rego.len(), "file");
                    let also = if warnings.is_empty() {
                        String::new()
                    } else {
                        format!(", {}", counted(&warnings))
                    };
                    writeln!(
                        out,
                        "{rules} in {files}, revision {}{also}",
                        revision.short()
                    )?;
                }
            }
            Ok(ExitStatus::Done)
        }
        Err(mistakes) => {
            let mistakes = policy_directory::seen_from_here(directory, mistakes);
            match args.format {
                Format::Json => terminal::write_json_indented(
                    out,
                    &json!({
                        "ok": false, "rules": null, "files": null, "revision": null,
                        "diagnostics": policy_directory::to_json(&mistakes),
                    }),
                )?,
                Format::Pretty => {
                    policy_directory::write_frames(out, &mistakes)?;
                    writeln!(out, "{}", counted(&mistakes))?;
                }
            }
            Ok(ExitStatus::No)
        }
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

    /// Checks a directory with these files; `DIR` stands for it in what is printed.
    fn checked(files: &[(&str, &str)], format: &str) -> (Option<ExitStatus>, String) {
        let directory = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let file = directory.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let path = directory.path().to_str().unwrap();
        let (status, text) = check_path(Path::new(path), format);
        (
            status,
            anstream::adapter::strip_str(&text)
                .to_string()
                .replace(path, "DIR"),
        )
    }

    fn check_path(path: &Path, format: &str) -> (Option<ExitStatus>, String) {
        let line = Line::parse_from(["check", path.to_str().unwrap(), "--format", format]);
        let mut out = Vec::new();
        let status = check(&line.args, &mut out, Timestamp::UNIX_EPOCH);
        (status.ok(), String::from_utf8(out).unwrap())
    }

    const GOOD: &str = "package approvals.p\n\napprove contains \"x\" if input.action == \"a\"\n";

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
}
