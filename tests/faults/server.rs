//! The real binary as a child process, on ports of its own choice.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

use crate::load::{client, get};

pub const SECRET: &str = "outgoing-secret-of-the-integration";
pub const CREDENTIAL: &str = "credential-that-answers-approvals";
pub const OPERATOR: &str = "operator-token-for-the-fault-tests";

/// A running server.
pub struct Server {
    child: Child,
    output: Option<std::thread::JoinHandle<()>>,
    pub intake: String,
    pub operators: String,
}

/// A folder with everything a server needs but its database, which is where `store` says.
pub fn write_config(folder: &Path, store: &Path, api_url: &str) -> PathBuf {
    let policies = folder.join("policies/approvals/faults");
    std::fs::create_dir_all(&policies).unwrap();
    let policy = r#"package approvals.faults

# METADATA
# title: Small
approve contains "small" if {
	input.action == "pay"
	input.context.amount > 0
	input.context.amount < 100
}

# METADATA
# title: Large
reject contains "large" if {
	input.action == "pay"
	input.context.amount >= 100
}
"#;
    std::fs::write(policies.join("faults.rego"), policy).unwrap();
    let config = format!(
        r#"mode: enforce
listen: 127.0.0.1:0
operators:
  listen: 127.0.0.1:0
  tokens:
    - {{name: tester, role: admin, token: {OPERATOR}}}
policies: {{path: {policies}}}
store: sqlite://{store}
log: {{format: json, level: info, key: 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f}}
sources:
  - name: tm
    kind: tracemem
    api_url: {api_url}
    credential: {CREDENTIAL}
    verify:
      - hmac: {{header: X-TraceMem-Signature, algorithm: sha256, encoding: hex, prefix: "sha256=", signed: "{{body}}", secrets: [{SECRET}]}}
    fields: {{action: /intent, context: /context, agent: /agent_id}}
"#,
        policies = folder.join("policies").display(),
        store = store.display(),
    );
    let path = folder.join("countersign.yaml");
    std::fs::write(&path, config).unwrap();
    path
}

impl Server {
    /// Starts the binary with `config` and waits until it listens.
    pub fn start(config: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command.arg("run").arg("--config").arg(config);
        Self::spawn(command)
    }

    /// Starts `command`, which logs JSON lines, and waits for the one that names its listeners.
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command
            // In a group of its own, so that a kill also reaches what a tracer has started.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let (found, listening) = mpsc::channel();
        // The pipe is read to its end, so that the server never blocks on it.
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stdout).split(b'\n') {
                let Ok(line) = line else { return };
                let Ok(event) = serde_json::from_slice::<Value>(&line) else {
                    continue;
                };
                let fields = if event["fields"].is_object() {
                    &event["fields"]
                } else {
                    &event
                };
                if let (Some(intake), Some(operators)) =
                    (fields["intake"].as_str(), fields["operators"].as_str())
                {
                    let _ = found.send((intake.to_owned(), operators.to_owned()));
                }
            }
        });
        let Ok((intake, operators)) = listening.recv_timeout(Duration::from_mins(1)) else {
            let _ = child.kill();
            panic!(
                "the server did not say where it listens: {:?}",
                child.wait()
            );
        };
        Self {
            child,
            output: Some(reader),
            intake: format!("http://{intake}"),
            operators: format!("http://{operators}"),
        }
    }

    /// `SIGKILL` to the server and whatever traces it: no handler runs, nothing is flushed.
    pub fn kill(&mut self) {
        self.signal("-KILL");
        self.wait();
    }

    /// Kills the server `life` after `load` began, and waits until that has noticed.
    pub async fn kill_amid(&mut self, life: Duration, load: impl Future) {
        let killer = async {
            tokio::time::sleep(life).await;
            self.kill();
        };
        tokio::join!(load, killer);
    }

    /// Every case there is, as a list shows it.
    pub async fn cases(&self) -> Vec<Value> {
        let client = client();
        let (mut cases, mut cursor) = (Vec::new(), String::new());
        loop {
            let url = format!("{}/v1/cases?limit=500{cursor}", self.operators);
            let mut page = get(&client, &url).await.unwrap();
            cases.append(page["cases"].as_array_mut().unwrap());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return cases,
            }
        }
    }

    /// Ends the server of `config` as one should, and holds its log against its key.
    pub fn end_with_a_whole_log(mut self, config: &Path) {
        assert_eq!(self.terminate(), Some(0));
        let verified = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(["log", "verify", "--config"])
            .arg(config)
            .output()
            .unwrap();
        assert!(
            verified.status.success(),
            "{}",
            String::from_utf8_lossy(&verified.stdout)
        );
    }

    /// `SIGTERM`, and the exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        self.signal("-TERM");
        self.wait().code()
    }

    /// Waits until the child is gone and, since a tracer may go first, until nobody holds the server's output.
    fn wait(&mut self) -> ExitStatus {
        let status = self.child.wait().unwrap();
        if let Some(output) = self.output.take() {
            output.join().unwrap();
        }
        status
    }

    fn signal(&self, signal: &str) {
        let group = format!("-{}", self.child.id());
        Command::new("kill")
            .args([signal, "--", &group])
            .status()
            .unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.kill();
        }
    }
}
