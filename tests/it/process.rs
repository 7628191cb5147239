//! The real binary as a child process, on ports of its own choice.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};

use serde_json::Value;

use crate::harness::eventually;

/// A running `countersign run`, killed when it is dropped.
pub struct Process {
    child: Child,
    log: Arc<Mutex<Vec<Value>>>,
    /// Whether nobody reads its output any more.
    away: Arc<(Mutex<bool>, Condvar)>,
    pub intake: String,
    pub operators: String,
}

impl Process {
    /// Runs `countersign run` in `folder`, which has a `countersign.yaml`, and waits until it listens.
    pub async fn start(folder: &Path) -> Self {
        let mut child = command(folder, &["run"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut process = Self {
            child,
            log: Arc::clone(&log),
            away: Arc::default(),
            intake: String::new(),
            operators: String::new(),
        };
        let away = Arc::clone(&process.away);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let (looks_away, looks_again) = &*away;
                drop(looks_again.wait_while(looks_away.lock().unwrap(), |away| *away));
                let line = serde_json::from_str(&line).unwrap_or(Value::Null);
                log.lock().unwrap().push(line);
            }
        });
        let listening = eventually("it says where it listens", async || {
            let log = process.log();
            let named = |name: &str| {
                let address = |line: &Value| {
                    line["fields"][name]
                        .as_str()
                        .or(line[name].as_str())
                        .map(str::to_owned)
                };
                log.iter().find_map(address)
            };
            Some((named("intake")?, named("operators")?))
        })
        .await;
        process.intake = format!("http://{}", listening.0);
        process.operators = format!("http://{}", listening.1);
        process
    }

    /// Every line of its log so far.
    pub fn log(&self) -> Vec<Value> {
        self.log.lock().unwrap().clone()
    }

    /// From here on nobody reads what it writes.
    pub fn look_away(&self) {
        *self.away.0.lock().unwrap() = true;
    }

    /// Sends it a signal by name.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Waits until it has ended, and returns its exit code.
    pub async fn ended(mut self) -> Option<i32> {
        eventually("it has ended", async || self.child.try_wait().unwrap())
            .await
            .code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a command ended and what it said.
#[derive(Debug)]
pub struct Ran {
    pub status: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// Runs `command` to its end.
    pub async fn of(mut command: Command) -> Self {
        let output = tokio::task::spawn_blocking(move || command.output());
        let output = output.await.unwrap().unwrap();
        Self {
            status: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Runs a command in `folder` to its end.
pub async fn run(folder: &Path, arguments: &[&str]) -> Ran {
    Ran::of(command(folder, arguments)).await
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(arguments).current_dir(folder).env_clear();
    command
}
