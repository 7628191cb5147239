//! One server, one scenario.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::{ADMIN, AGENT, Countersign};
use crate::process::Ran;

/// The password of every local user.
const PASSWORD: &str = "a horse, a battery and a staple";

/// The folder of the scenarios.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser")
}

/// Plays `scenario` with this in its environment; its output is the report of its failure.
pub async fn rehearse(scenario: &str, environment: &[(&str, &str)]) {
    assert!(
        folder().join("node_modules/playwright-core").exists(),
        "run `npm ci --ignore-scripts` in tests/browser, or ./test"
    );
    let mut command = Command::new("node");
    command
        .arg(folder().join(scenario))
        .envs(environment.iter().copied())
        .stdin(Stdio::null());
    let ran = Ran::of(command).await;
    let (out, err) = (ran.out, ran.err);
    assert!(ran.status == Some(0), "{scenario} failed:\n{out}{err}");
}

/// Plays `scenario` against `server`.
pub async fn play(server: &Countersign, scenario: &str, environment: &[(&str, &str)]) {
    let (operators, intake) = (server.operators(""), server.intake(""));
    let mut all = vec![
        ("COUNTERSIGN_OPERATORS", operators.as_str()),
        ("COUNTERSIGN_INTAKE", intake.as_str()),
        ("COUNTERSIGN_PASSWORD", PASSWORD),
        ("COUNTERSIGN_ADMIN", ADMIN),
        ("COUNTERSIGN_AGENT", AGENT),
    ];
    all.extend(environment);
    rehearse(scenario, &all).await;
}

/// Adds a local user beside the running server, as whoever administers its machine does.
pub async fn employ(server: &Countersign, name: &str, role: &str) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["user", "add", name, "--role", role, "--password-stdin"])
        .env_clear()
        .current_dir(server.folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    let output = tokio::task::spawn_blocking(move || child.wait_with_output());
    let output = output.await.unwrap().unwrap();
    assert!(output.status.success(), "{output:?}");
}
