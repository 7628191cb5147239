//! `countersign probe`: attacks the policies with small changes of what they approve, before anybody else does.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::ExitStatus;
use super::check::Format;
use super::junit::{self, Case, Suite};
use super::ledger::StoreArgs;
use super::policy_directory::{self, PolicyArgs, plural};
use super::terminal::{self, grouped};
use super::{annotations, sarif};
use crate::clock::Clock;
use crate::diagnostic::{Diagnostic, Paint, Severity};
use crate::domain::verdict::{Outcome, RuleSet};
use crate::json;
use crate::policy::probe::{self, Extent, Finding, Guard, Report, Sample, Settings, samples};
use crate::policy::{Budget, Loaded, PolicySet};
use crate::store::{CaseQuery, Store};

/// How many cases one page of the store holds at most.
const LARGEST_PAGE: usize = 500;

/// Change what the policies approve a little, and show what gets through that should not
///
/// Samples are the inputs of the policies' own tests and `samples/*.json` in the policy directory. Exits with 0 when
/// nothing is found, 2 when something is, and 1 when it could not be tried.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The policy directory, instead of `--policies`
    path: Option<PathBuf>,
    /// The policy directory [default: the config's, else ./policies]
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// Try what policy approved before, as the store has it, too
    #[arg(long)]
    from_log: bool,
    /// Without the evidence guard: what plain Rego would approve
    #[arg(long)]
    plain: bool,
    /// The most evaluations there may be
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000_000)]
    most_evaluations: usize,
    /// How to print it
    #[arg(long, value_enum, env = "COUNTERSIGN_FORMAT", default_value_t)]
    format: Format,
    #[command(flatten)]
    store: StoreArgs,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitStatus {
    terminal::end(probe(args, &mut anstream::stdout().lock(), Clock.now()))
}

fn probe(args: &Args, out: &mut dyn Write, now: Timestamp) -> anyhow::Result<ExitStatus> {
    let policies = PolicyArgs {
        policies: args.policies.clone(),
        config: args.store.config.clone(),
    };
    let directory = match &args.path {
        Some(path) => path,
        None => &policies.directory()?,
    };
    let read = policy_directory::read(directory)?.and_then(|files| {
        let Loaded { set, .. } = PolicySet::load(files, Budget::unhurried())?;
        let mut found = samples::in_folder(directory)?;
        found.extend(samples::of_tests(set.files(), now)?);
        Ok((set, found))
    });
    let (set, mut samples) = match read {
        Ok(read) => read,
        Err(mistakes) => {
            let format = match args.format {
                Format::Json => terminal::Format::Json,
                Format::Pretty | Format::Github | Format::Sarif | Format::Junit => {
                    terminal::Format::Pretty
                }
            };
            let counted = policy_directory::write_mistakes(out, directory, mistakes, format)?;
            bail!("the policies cannot be probed: {counted}");
        }
    };
    if args.from_log {
        let ledger = args.store.open()?;
        samples.extend(ledger.wait_for(approved_before(ledger.store()))?);
    }
    let samples = samples::distinct(samples);
    let bar = bar(samples.len());
    let settings = Settings {
        guard: if args.plain { Guard::Off } else { Guard::On },
        most_evaluations: args.most_evaluations,
        now,
    };
    let report = probe::run(&set, &samples, settings, |done| {
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    let shown = Shown {
        set: &set,
        directory,
        report: &report,
        guard: settings.guard,
    };
    match args.format {
        Format::Pretty => shown.write_pretty(out)?,
        Format::Json => terminal::write_json_indented(out, &shown.to_json())?,
        Format::Github => annotations::write(out, &shown.diagnostics(&report.findings))?,
        Format::Junit => junit::write(out, "countersign probe", &shown.suites())?,
        Format::Sarif => {
            let frames = shown.diagnostics(&report.findings);
            let results = frames.iter().map(sarif::Finding::of);
            terminal::write_json_indented(out, &sarif::document(results))?;
        }
    }
    end(&set, &report)
}

/// How it ends. Nothing found is no answer where nothing, or not everything, was tried.
fn end(set: &PolicySet, report: &Report) -> anyhow::Result<ExitStatus> {
    if !report.findings.is_empty() {
        return Ok(ExitStatus::No);
    }
    let can_approve = set.rules().iter().any(|rule| rule.set == RuleSet::Approve);
    if report.approved == 0 && can_approve {
        bail!(
            "there is nothing to try: {}; put a request that is approved into `samples/`, or use --from-log",
            match report.samples {
                0 => "there is no sample".to_owned(),
                1 => "the one sample is not approved".to_owned(),
                samples => format!("none of {samples} samples is approved"),
            }
        );
    }
    match report.extent {
        Extent::Whole => Ok(ExitStatus::Done),
        Extent::Capped => bail!(
            "stopped after {} evaluations, before everything was tried; allow more with --most-evaluations",
            grouped(report.evaluations)
        ),
    }
}

/// On stderr, and only where that is a terminal.
fn bar(samples: usize) -> ProgressBar {
    let bar = ProgressBar::new(samples as u64);
    if let Ok(style) = ProgressStyle::with_template("probing {wide_bar} {pos}/{len} samples") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// The requests that policy approved, the newest first.
async fn approved_before(store: &dyn Store) -> anyhow::Result<Vec<Sample>> {
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let query = CaseQuery {
            outcome: Some(Outcome::Approve),
            limit: LARGEST_PAGE,
            cursor,
            ..CaseQuery::default()
        };
        let page = store.cases(query).await?;
        for case in &page.cases {
            let id = case.asked.id;
            // What was erased is not tried.
            if let Some(input) = store.case(id).await?.and_then(|file| file.input) {
                let input = json::parse(input.as_bytes())
                    .with_context(|| format!("the stored input of `{id}` cannot be read"))?;
                found.push(Sample {
                    name: id.to_string(),
                    input,
                });
            }
        }
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(found),
        }
    }
}

/// A report as it is shown.
struct Shown<'a> {
    set: &'a PolicySet,
    directory: &'a Path,
    report: &'a Report,
    guard: Guard,
}

impl Shown<'_> {
    fn write_pretty(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        policy_directory::write_frames(out, &self.diagnostics(&self.report.findings))?;
        let report = self.report;
        let found = match report.findings.len() {
            0 => "no findings".to_owned(),
            number => plural(number, "finding"),
        };
        let mode = match self.guard {
            Guard::On => "",
            Guard::Off => " without the evidence guard",
        };
        Ok(writeln!(
            out,
            "{found}{mode}: {} evaluations of {} that {} approved",
            grouped(report.evaluations),
            plural(report.approved, "sample"),
            if report.approved == 1 { "is" } else { "are" },
        )?)
    }

    fn to_json(&self) -> Value {
        let finding = |finding: &Finding| {
            let changes: Vec<Value> = finding
                .changes
                .iter()
                .map(|change| {
                    let mut shown = json!({"op": change.operation(), "path": change.path});
                    if let Some(fields) = shown.as_object_mut() {
                        let sides = [("from", &change.from), ("to", &change.to)];
                        for (name, side) in sides {
                            if let Some(value) = side {
                                fields.insert(name.to_owned(), value.clone());
                            }
                        }
                    }
                    shown
                })
                .collect();
            let blame = &finding.blame;
            json!({
                "code": finding.property.code(),
                "property": finding.property,
                "message": finding.message(),
                "rule": {"id": blame.rule, "title": blame.title, "file": self.here(&blame.file), "line": blame.line},
                "condition": blame.condition.as_ref().map(|condition| json!({
                    "text": condition.text, "file": self.here(&condition.file), "line": condition.line,
                })),
                "approved_by": {
                    "id": finding.approved_by.id, "title": finding.approved_by.title,
                    "file": self.here(&finding.approved_by.file), "line": finding.approved_by.line,
                },
                "sample": finding.sample,
                "changes": changes,
                "suggestion": finding.suggestion,
                "mutants": finding.mutants,
            })
        };
        json!({
            "ok": self.report.findings.is_empty(),
            "guard": self.guard,
            "revision": self.set.revision(),
            "samples": self.report.samples,
            "approved": self.report.approved,
            "evaluations": self.report.evaluations,
            "complete": self.report.extent == Extent::Whole,
            "findings": self.report.findings.iter().map(finding).collect::<Vec<_>>(),
        })
    }

    /// One case for each rule, so that what holds is seen to have been looked at.
    fn suites(&self) -> Vec<Suite> {
        let case = |rule: &crate::policy::set::RuleInfo| {
            let blamed: Vec<Finding> = self
                .report
                .findings
                .iter()
                .filter(|finding| finding.blame.rule == rule.id)
                .cloned()
                .collect();
            let frames: Vec<String> = self
                .diagnostics(&blamed)
                .iter()
                .map(|one| one.render(Paint::Plain))
                .collect();
            Case {
                class_name: rule.file.clone(),
                name: rule.id.clone(),
                time: Duration::ZERO,
                file: self.here(&rule.file),
                line: rule.line,
                outcome: match blamed.first() {
                    None => junit::Outcome::Passed,
                    Some(first) => junit::Outcome::Failed {
                        message: first.message(),
                        details: frames.join("\n\n"),
                    },
                },
            }
        };
        vec![Suite {
            name: "rules".to_owned(),
            cases: self.set.rules().iter().map(case).collect(),
        }]
    }

    fn diagnostics(&self, findings: &[Finding]) -> Vec<Diagnostic> {
        let frames = findings
            .iter()
            .map(|finding| finding.diagnostic(self.set.files(), Severity::Error))
            .collect();
        policy_directory::seen_from_here(self.directory, frames)
    }

    fn here(&self, file: &str) -> String {
        policy_directory::path_from_here(self.directory, file)
    }
}

#[cfg(test)]
mod tests;
