//! README.md, typed in: every `$` line runs with the program in a folder as a clone has it, and says what the page says.
//!
//! An exit of 2 is an answer where the page shows what it says, as a finding of `probe` is.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use regex::Regex;

use crate::desk::{copy_folder, program};
use crate::page::{Typed, blocks, typed};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

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
        let is_answer = output.status.code() == Some(2) && !typed.is_silent();
        assert!(output.status.success() || is_answer, "$ {command}\n{out}");
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
                    typed.assert_printed(&printed);
                    ran += 1;
                }
            }
            Some(_) | None => {}
        }
    }
    assert!(ran > 20, "{ran}");
}
