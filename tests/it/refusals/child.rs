//! The program itself as a child process, with everything it ever wrote.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::harness::{POLICY, write};

pub(super) struct Program {
    child: Child,
    pub(super) intake: String,
    pub(super) operators: String,
    out: Option<JoinHandle<String>>,
    err: Option<JoinHandle<String>>,
}

/// `countersign` with these arguments, run to its end in `folder`.
pub(super) fn run(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command
        .args(arguments)
        .current_dir(folder)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    command
}

impl Program {
    /// `countersign run` on this config, with the usual policies; it listens when this returns.
    pub(super) fn start(folder: &Path, config: &str) -> Self {
        write(&folder.join("policies/approvals/pay/pay.rego"), POLICY);
        write(&folder.join("countersign.yaml"), config);
        let mut command = command(folder, &["run", "-c", "countersign.yaml"]);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (found, listening) = mpsc::channel();
        // Both pipes are read to their ends, so that the program never blocks on them.
        let out = std::thread::spawn(move || {
            let mut all = String::new();
            for line in BufReader::new(stdout).lines() {
                let line = line.unwrap();
                let event: Value = serde_json::from_str(&line).unwrap_or(Value::Null);
                if let (Some(intake), Some(operators)) =
                    (text(&event, "intake"), text(&event, "operators"))
                {
                    let _ = found.send((intake, operators));
                }
                all.push_str(&line);
                all.push('\n');
            }
            all
        });
        let err = std::thread::spawn(move || {
            let mut all = String::new();
            stderr.read_to_string(&mut all).unwrap();
            all
        });
        let Ok((intake, operators)) = listening.recv_timeout(Duration::from_mins(1)) else {
            let _ = child.kill();
            panic!(
                "it does not listen: {}\n{}",
                out.join().unwrap(),
                err.join().unwrap()
            );
        };
        Self {
            child,
            intake,
            operators,
            out: Some(out),
            err: Some(err),
        }
    }

    /// `SIGTERM`; the exit code and all that it wrote, stdout first.
    pub(super) fn terminate(mut self) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().unwrap();
        let code = self.child.wait().unwrap().code();
        let written = [self.out.take(), self.err.take()].map(|pipe| pipe.unwrap().join().unwrap());
        (code, written.concat())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(event: &Value, field: &str) -> Option<String> {
    let value = event
        .get(field)
        .or_else(|| event.get("fields")?.get(field))?;
    value.as_str().map(str::to_owned)
}
