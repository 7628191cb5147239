//! README.md, typed in: every `$` line runs with the program in a folder as a clone has it, and says what the page says.
//!
//! A line `…` stands for any lines. Revisions, ids, times and ports are other ones every day and are not compared; JSON
//! is compared by the fields that the page shows.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use regex::Regex;

use crate::desk::{copy_folder, program};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A fenced block of the page: its info string and its lines.
struct Block {
    info: String,
    lines: Vec<String>,
}

/// One `$` line, what it reads, and what it is said to print.
#[derive(Default)]
struct Typed {
    command: String,
    input: Option<String>,
    shown: Vec<String>,
}

/// Somebody's terminal, in a copy of the clone.
struct Terminal {
    folder: tempfile::TempDir,
    working: PathBuf,
    variables: Vec<(String, String)>,
    ports: [(&'static str, u16); 2],
    server: Option<Child>,
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.stop_server();
    }
}

fn blocks(page: &str) -> Vec<Block> {
    let (mut blocks, mut open): (Vec<Block>, Option<Block>) = (Vec::new(), None);
    for line in page.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(info), None) => {
                open = Some(Block {
                    info: info.to_owned(),
                    lines: Vec::new(),
                });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.lines.push(line.to_owned()),
            (None, None) => {}
        }
    }
    blocks
}

fn typed(block: &Block) -> Vec<Typed> {
    let mut all: Vec<Typed> = Vec::new();
    for line in &block.lines {
        if let Some(command) = line.strip_prefix("$ ") {
            all.push(Typed {
                command: command.to_owned(),
                ..Typed::default()
            });
            continue;
        }
        let last = all.last_mut().unwrap();
        match line.strip_prefix('>') {
            Some(input) => {
                let text = last.input.get_or_insert_default();
                text.push_str(input.strip_prefix(' ').unwrap_or(input));
                text.push('\n');
            }
            None => last.shown.push(line.clone()),
        }
    }
    all
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Terminal {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy_folder(
            &Path::new(ROOT).join("policies"),
            &folder.path().join("policies"),
        );
        copy_folder(
            &Path::new(ROOT).join("examples/http-agent"),
            &folder.path().join("examples/http-agent"),
        );
        let terminal = Self {
            working: folder.path().to_owned(),
            folder,
            variables: Vec::new(),
            ports: [("8787", free_port()), ("8788", free_port())],
            server: None,
        };
        let config = terminal
            .folder
            .path()
            .join("examples/http-agent/countersign.yaml");
        let text = terminal.here(&std::fs::read_to_string(&config).unwrap());
        std::fs::write(config, text).unwrap();
        terminal
    }

    /// The usual ports may be taken on this machine.
    fn here(&self, text: &str) -> String {
        self.ports
            .iter()
            .fold(text.to_owned(), |text, (usual, port)| {
                text.replace(&format!("127.0.0.1:{usual}"), &format!("127.0.0.1:{port}"))
            })
    }

    fn write(&self, name: &str, lines: &[String]) {
        let [intake, operators] = self.ports.map(|(_, port)| port);
        let mut text = lines.join("\n");
        // The page relies on the default addresses.
        text = text.replace(
            "operators:\n",
            &format!("listen: 127.0.0.1:{intake}\noperators:\n  listen: 127.0.0.1:{operators}\n"),
        );
        std::fs::write(self.working.join(name), text + "\n").unwrap();
    }

    fn bash(&self, command: &str) -> Command {
        let binary = Path::new(env!("CARGO_BIN_EXE_countersign"));
        let path = format!(
            "{}:/usr/local/bin:/usr/bin:/bin",
            binary.parent().unwrap().display()
        );
        let mut bash = program();
        let environment: Vec<_> = bash
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
            .collect();
        bash = Command::new("bash");
        bash.env_clear()
            .envs(environment)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env("PATH", path)
            .args(["-c", &format!("exec 2>&1; {command}")])
            .current_dir(&self.working);
        bash
    }

    /// Types one line; what it printed.
    fn run(&mut self, typed: &Typed) -> String {
        let command = typed
            .command
            .replace("cargo run --release --", "countersign");
        let command = self.here(&command);
        if let Some(folder) = command.strip_prefix("cd ") {
            self.working = self.working.join(folder);
            return String::new();
        }
        if command == "countersign run" {
            self.start_server();
            return String::new();
        }
        let assignment = Regex::new(r"^([A-Z]+)=").unwrap();
        let name = assignment
            .captures(&command)
            .map(|found| found[1].to_owned());
        let command = match &name {
            Some(name) => format!("{command}; printf %s \"${name}\""),
            None => command,
        };
        let mut child = self
            .bash(&command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        std::io::Write::write_all(
            &mut stdin,
            typed.input.as_deref().unwrap_or_default().as_bytes(),
        )
        .unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "$ {command}\n{out}");
        if let Some(name) = name {
            self.variables.push((name, out));
            return String::new();
        }
        out
    }

    fn start_server(&mut self) {
        self.stop_server();
        let mut child = self
            .bash("exec countersign run")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("listening: ") {
            assert!(lines.read_line(&mut said).unwrap() > 0, "{said}");
        }
        // A log that nobody reads would stop the server.
        std::thread::spawn(move || lines.read_to_string(&mut String::new()));
        self.server = Some(child);
    }

    fn stop_server(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// A line without what is another one every day.
fn timeless(line: &str) -> String {
    let mut line = line.trim_end().to_owned();
    for (changing, word) in [
        (r"case_[0-9a-f]{4,32}", "CASE"),
        (r"\b[0-9a-f]{12}\b", "REVISION"),
        (r"\d{4}-\d\d-\d\d[ T][0-9:.]+Z", "TIME"),
        (r"\(\d+(\.\d+)?(ns|µs|ms|s)\)", "(TIME)"),
        (r"\b\d+s\b", "AGE"),
        (r" {2,}", "  "),
    ] {
        line = Regex::new(changing)
            .unwrap()
            .replace_all(&line, word)
            .into_owned();
    }
    line
}

/// Whether `printed` is what is `shown`.
fn matches(shown: &[String], printed: &[String]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first == "…" => {
            (0..=printed.len()).any(|skipped| matches(rest, &printed[skipped..]))
        }
        Some((first, rest)) => printed.split_first().is_some_and(|(line, others)| {
            let same = if first.starts_with("{\"") {
                has_fields(line, first)
            } else {
                timeless(first) == timeless(line)
            };
            same && matches(rest, others)
        }),
    }
}

/// Whether a JSON object has the fields that the page shows of it, which leaves away the rest and says so with `…`.
fn has_fields(line: &str, shown: &str) -> bool {
    let Ok(answer) = serde_json::from_str::<serde_json::Map<_, _>>(line) else {
        return false;
    };
    let text = shown.replace(", …}", "}");
    let wanted: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {shown}"));
    wanted.iter().all(|(name, value)| {
        let is = answer.get(name).map(|value| timeless(&value.to_string()));
        is == Some(timeless(&value.to_string()))
    })
}

#[test]
fn every_line_of_the_readme_does_what_it_says() {
    let page = std::fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let mut terminal = Terminal::open();
    let mut ran = 0;
    for block in blocks(&page) {
        match block.info.split_once(' ') {
            Some(("yaml", name)) => terminal.write(name, &block.lines),
            Some(_) | None if block.info == "console" => {
                for typed in typed(&block) {
                    let printed = terminal.run(&typed);
                    let printed: Vec<String> = printed
                        .lines()
                        .map(ToOwned::to_owned)
                        .filter(|line| !line.is_empty())
                        .collect();
                    if !typed.shown.iter().all(|line| line == "…") {
                        assert!(
                            matches(&typed.shown, &printed),
                            "$ {}\n--- the page says\n{}\n--- it says\n{}",
                            typed.command,
                            typed.shown.join("\n"),
                            printed.join("\n")
                        );
                    }
                    ran += 1;
                }
            }
            Some(_) | None => {}
        }
    }
    assert!(ran > 20, "{ran}");
}
