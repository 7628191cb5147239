//! `countersign config`: looks a config over, or prints the default one.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

use super::ExitStatus;
use crate::config::{Config, DEFAULT_FILE, code};
use crate::diagnostic::{Diagnostic, Paint, Severity};

/// Look at the configuration.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Show all that is wrong with a config. Exits with 0 if it can be used, 2 if it cannot, 1 if there is no such file.
    Check(CheckArgs),
    /// Print the default config, which explains every key.
    Default,
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// The config to look at.
    #[arg(
        short,
        long,
        value_name = "FILE",
        env = "COUNTERSIGN_CONFIG",
        default_value = "countersign.yaml"
    )]
    config: PathBuf,
    /// How to show what is found.
    #[arg(long, value_enum, default_value_t = Format::Pretty, env = "COUNTERSIGN_FORMAT")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Frames for people.
    Pretty,
    /// One JSON object.
    Json,
}

/// Runs the command at `now`, with the process's environment and terminal.
pub fn run(args: &ConfigArgs, now: Timestamp) -> ExitStatus {
    let mut out = anstream::stdout().lock();
    let mut talk = anstream::stderr().lock();
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where this command reads the environment"
    )]
    let environment = |name: &str| std::env::var(name).ok();
    let done = match &args.command {
        ConfigCommand::Check(check) => self::check(check, &environment, now, &mut out, &mut talk),
        ConfigCommand::Default => out
            .write_all(DEFAULT_FILE.as_bytes())
            .map(|()| ExitStatus::Done),
    };
    // Nobody reads any more: there is nobody to tell.
    done.unwrap_or(ExitStatus::CouldNot)
}

fn check(
    args: &CheckArgs,
    environment: &dyn Fn(&str) -> Option<String>,
    now: Timestamp,
    out: &mut dyn Write,
    talk: &mut dyn Write,
) -> io::Result<ExitStatus> {
    let (found, status, summary) = match Config::load(&args.config, environment, now) {
        Ok((config, warnings)) => {
            let summary = format!(
                "{}, {}",
                config.mode.as_str(),
                counted(config.sources.len(), "source")
            );
            (warnings, ExitStatus::Done, summary)
        }
        Err(found) => {
            let unreadable = found
                .iter()
                .any(|diagnostic| diagnostic.code == code::UNREADABLE);
            let status = if unreadable {
                ExitStatus::CouldNot
            } else {
                ExitStatus::No
            };
            (found, status, "not usable".to_owned())
        }
    };
    match args.format {
        Format::Json => {
            let diagnostics: Vec<_> = found.iter().map(Diagnostic::to_json).collect();
            let usable = status == ExitStatus::Done;
            writeln!(
                out,
                "{}",
                serde_json::json!({"usable": usable, "diagnostics": diagnostics})
            )?;
        }
        Format::Pretty => {
            for diagnostic in &found {
                writeln!(out, "{}\n", diagnostic.render(Paint::Coloured))?;
            }
            let of = |severity| {
                found
                    .iter()
                    .filter(|diagnostic| diagnostic.severity == severity)
                    .count()
            };
            let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
            let file = args.config.display();
            writeln!(
                talk,
                "{file}: {summary}; {}, {}",
                counted(errors, "error"),
                counted(warnings, "warning")
            )?;
        }
    }
    Ok(status)
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        args: ConfigArgs,
    }

    /// What `config check` says of a file with `text`, without the folder: status, answer, talk.
    fn checked(text: &str, format: &str) -> (ExitStatus, String, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("countersign.yaml");
        std::fs::write(&path, text).unwrap();
        checked_at(&path, format)
    }

    fn checked_at(path: &std::path::Path, format: &str) -> (ExitStatus, String, String) {
        let line = [
            "config",
            "check",
            "-c",
            path.to_str().unwrap(),
            "--format",
            format,
        ];
        let program = Program::parse_from(line);
        let ConfigCommand::Check(check) = program.args.command else {
            panic!("it is check")
        };
        let (mut out, mut talk) = (Vec::new(), Vec::new());
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        let status = super::check(&check, &|_| None, now, &mut out, &mut talk).unwrap();
        let folder = format!("{}/", path.parent().unwrap().display());
        let text = |bytes: Vec<u8>| {
            let plain = anstream::adapter::strip_bytes(&bytes).into_vec();
            String::from_utf8(plain).unwrap().replace(&folder, "")
        };
        (status, text(out), text(talk))
    }

    #[test]
    fn a_good_config_is_talked_of_in_one_line() {
        let text = "operators: {tokens: [{name: a, role: admin, token: 0123456789abcdef}]}\nsources: [{name: a, kind: http}]\n";
        let (status, out, talk) = checked(text, "pretty");
        assert_eq!((status, out.as_str()), (ExitStatus::Done, ""));
        assert_eq!(
            talk,
            "countersign.yaml: dry_run, 1 source; 0 errors, 0 warnings\n"
        );
    }

    #[test]
    fn a_bad_config_is_shown_in_frames_and_the_answer_is_no() {
        let (status, out, talk) = checked("mod: enforce\n", "pretty");
        assert_eq!(status, ExitStatus::No);
        assert!(
            out.starts_with("error[C003]: unknown key `mod`\n --> countersign.yaml:1:1\n"),
            "{out}"
        );
        assert_eq!(talk, "countersign.yaml: not usable; 1 error, 2 warnings\n");
    }

    #[test]
    fn json_tells_where_and_nothing_is_talked() {
        let (status, out, talk) = checked("mod: enforce\nsources: []\n", "json");
        assert_eq!((status, talk.as_str()), (ExitStatus::No, ""));
        let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(answer["usable"], false);
        let first = &answer["diagnostics"][0];
        assert_eq!(
            (&first["code"], &first["line"], &first["help"]),
            (&"C003".into(), &1.into(), &"did you mean `mode`?".into())
        );
    }

    #[test]
    fn without_a_file_it_could_not() {
        let (status, out, _) =
            checked_at(std::path::Path::new("/nowhere/countersign.yaml"), "pretty");
        assert_eq!(status, ExitStatus::CouldNot);
        assert!(
            out.contains("cannot read the config `countersign.yaml`"),
            "{out}"
        );
    }
}
