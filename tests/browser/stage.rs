//! One server, one scenario.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::io::Write as _;

use crate::harness::{ADMIN, AGENT, Countersign};
use crate::process::Ran;

/// The password of every local user.
pub const PASSWORD: &str = "a horse, a battery and a staple";

/// The folder of the scenarios.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser")
}

/// Plays `scenario` against `server`; its output is the report of its failure.
pub async fn play(server: &Countersign, scenario: &str, environment: &[(&str, &str)]) {
    assert!(
        folder().join("node_modules/playwright-core").exists(),
        "run `npm ci --ignore-scripts` in tests/browser, or ./test"
    );
    let mut command = Command::new("node");
    command
        .arg(folder().join(scenario))
        .env("COUNTERSIGN_OPERATORS", server.operators(""))
        .env("COUNTERSIGN_INTAKE", server.intake(""))
        .env("COUNTERSIGN_PASSWORD", PASSWORD)
        .env("COUNTERSIGN_ADMIN", ADMIN)
        .env("COUNTERSIGN_AGENT", AGENT)
        .envs(environment.iter().copied())
        .stdin(Stdio::null());
    let ran = Ran::of(command).await;
    assert!(
        ran.status == Some(0),
        "{scenario} failed:\n{}{}",
        ran.out,
        ran.err
    );
}

/// Adds a local user, as an administrator of the machine does.
pub async fn employ(server: &Countersign, name: &str, role: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command
        .args(["user", "add", name, "--role", role, "--config", "countersign.yaml"])
        .env_clear()
        .env("COUNTERSIGN_PASSWORD", PASSWORD)
        .current_dir(server.folder.path());
    let ran = Ran::of(command).await;
    assert!(ran.status == Some(0), "{ran:?}");
}
