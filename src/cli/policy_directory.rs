//! What the commands that read policies share: where they are, and how their mistakes are shown.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::ledger::{USUAL_CONFIG, environment};
use super::terminal::{self, Format};
use crate::config::{self, Config};
use crate::diagnostic::{Diagnostic, Paint, Severity};
use crate::policy::admission::Probe;
use crate::policy::folder::{self, PolicyFiles};
use crate::policy::{Budget, PolicySet};

/// Where the policies are.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct PolicyArgs {
    /// The policy directory [default: the config's, else ./policies]
    #[arg(long, value_name = "DIR")]
    pub(super) policies: Option<PathBuf>,
    /// The config that names the policy directory [default: ./countersign.yaml, where there is one]
    #[arg(short, long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

impl PolicyArgs {
    /// This directory, else the one that this config names.
    pub(super) fn new(policies: Option<PathBuf>, config: Option<PathBuf>) -> Self {
        Self { policies, config }
    }

    /// What the config says of probing policies before they serve.
    pub(super) fn probe(&self) -> Probe {
        let usual = PathBuf::from(USUAL_CONFIG);
        let config = self
            .config
            .as_ref()
            .or_else(|| usual.is_file().then_some(&usual));
        let said = config.map(|path| Config::policy_probe(path, &|name| environment(name)));
        match said {
            None | Some(config::Probe::Off) => Probe::Off,
            Some(config::Probe::Warn) => Probe::Warn,
            Some(config::Probe::Refuse) => Probe::Refuse,
        }
    }

    /// The directory that is meant. Of a config nothing else is looked at: who writes policies need not have its secrets.
    pub(super) fn directory(&self) -> anyhow::Result<PathBuf> {
        if let Some(directory) = &self.policies {
            return Ok(directory.clone());
        }
        let usual = PathBuf::from(USUAL_CONFIG);
        let config = match &self.config {
            Some(path) => path,
            None if usual.is_file() => &usual,
            None => return Ok(PathBuf::from("./policies")),
        };
        Config::policy_directory(config, &|name| environment(name)).map_err(|mistakes| {
            terminal::show(&mistakes);
            anyhow::anyhow!("the config does not say where the policies are; `--policies` does")
        })
    }
}

/// Reads the directory, or says that it could not be: a file that is there and wrong is a finding, not this.
pub(super) fn read(directory: &Path) -> anyhow::Result<Result<PolicyFiles, Vec<Diagnostic>>> {
    match PolicyFiles::read(directory) {
        Err(mistakes) if mistakes.iter().any(folder::is_unreadable) => {
            let messages: Vec<String> = mistakes.iter().map(sentence).collect();
            Err(anyhow::anyhow!(messages.join("\n")))
        }
        read => Ok(read),
    }
}

/// Reads and admits the directory, or says all that is wrong with it.
pub(super) fn load(directory: &Path) -> anyhow::Result<Result<PolicySet, Vec<Diagnostic>>> {
    let loaded = read(directory)?.and_then(|files| PolicySet::load(files, Budget::unhurried()));
    Ok(loaded.map(|loaded| loaded.set))
}

/// A mistake in words alone.
fn sentence(mistake: &Diagnostic) -> String {
    match &mistake.help {
        Some(help) => format!("{}; {help}", mistake.message),
        None => mistake.message.clone(),
    }
}

/// The same mistakes with their files named from where the user stands, so that a terminal can open them.
pub(super) fn seen_from_here(directory: &Path, mut mistakes: Vec<Diagnostic>) -> Vec<Diagnostic> {
    for place in mistakes
        .iter_mut()
        .filter_map(|mistake| mistake.place.as_mut())
    {
        place.file = path_from_here(directory, &place.file);
    }
    mistakes
}

/// A file of the directory as the user would type it.
pub(super) fn path_from_here(directory: &Path, file: &str) -> String {
    let path = directory.join(file);
    path.strip_prefix(".")
        .unwrap_or(&path)
        .display()
        .to_string()
}

/// Writes the mistakes of a set that does not load, and returns how many they are, in words.
pub(super) fn write_mistakes(
    out: &mut dyn Write,
    directory: &Path,
    mistakes: Vec<Diagnostic>,
    format: Format,
) -> anyhow::Result<String> {
    let here = seen_from_here(directory, mistakes);
    match format {
        Format::Json => terminal::write_json_indented(out, &to_json(&here))?,
        Format::Pretty => write_frames(out, &here)?,
    }
    Ok(counted(&here))
}

/// Every frame, with an empty line after each.
pub(super) fn write_frames(out: &mut dyn Write, mistakes: &[Diagnostic]) -> std::io::Result<()> {
    mistakes
        .iter()
        .try_for_each(|mistake| writeln!(out, "{}\n", mistake.render(Paint::Coloured)))
}

/// All of them for `--format json`.
pub(super) fn to_json(mistakes: &[Diagnostic]) -> Vec<Value> {
    mistakes.iter().map(Diagnostic::to_json).collect()
}

/// `3 errors`, `1 error and 2 warnings`.
pub(super) fn counted(mistakes: &[Diagnostic]) -> String {
    let count = |severity| {
        mistakes
            .iter()
            .filter(|one| one.severity == severity)
            .count()
    };
    let parts: Vec<String> = [
        (count(Severity::Error), "error"),
        (count(Severity::Warning), "warning"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, word)| plural(number, word))
    .collect();
    parts.join(" and ")
}

/// `1 file`, `2 files`.
pub(super) fn plural(number: usize, word: &str) -> String {
    let end = if number == 1 { "" } else { "s" };
    format!("{number} {word}{end}")
}
