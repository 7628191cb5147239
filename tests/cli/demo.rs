//! `countersign demo` as somebody sees it who has just cloned this.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use regex::Regex;

use crate::desk::{Ran, copy_folder, program};

/// A demo that goes on until it is interrupted, on policies of its own.
struct Running {
    folder: tempfile::TempDir,
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")
}

impl Running {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy_folder(&shipped(), &folder.path().join("policies"));
        let mut child = program()
            .args(["demo", "--rate", "40", "--policies"])
            .arg(folder.path().join("policies"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            folder,
            child,
            lines,
        }
    }

    /// The next line that has all of these in it.
    fn next(&mut self, parts: &[&str]) -> String {
        for _ in 0..5_000 {
            let line = self.lines.next().unwrap().unwrap();
            if parts.iter().all(|part| line.contains(part)) {
                return line;
            }
        }
        panic!("{parts:?} is nowhere in 5000 lines")
    }

    /// Changes a policy file as an editor does.
    fn edit(&self, path: &str, old: &str, new: &str) {
        let path = self.folder.path().join("policies").join(path);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{text}");
        let aside = path.with_extension("aside");
        std::fs::write(&aside, text.replace(old, new)).unwrap();
        std::fs::rename(aside, path).unwrap();
    }
}

fn revision(line: &str) -> String {
    let named = Regex::new(r"(?:policy|revision) ([0-9a-f]{12})").unwrap();
    named.captures(line).unwrap()[1].to_owned()
}

#[test]
fn two_hundred_requests_end_well_and_every_rationale_names_its_rule() {
    let output = program()
        .args(["demo", "--requests", "200", "--rate", "1000", "--policies"])
        .arg(shipped())
        .output()
        .unwrap();
    let ran = Ran::of(&output);
    assert_eq!(ran.status, 0, "{ran:?}");
    let by_rule = Regex::new(
        r"^(?:✓ approve|✗ reject|\? escalate) .* (?:Approved|Rejected|Left to a person) by policy [0-9a-f]{12}: (.+?): .+ (\S+\.rego):(\d+)$",
    )
    .unwrap();
    let by_evidence = Regex::new(
        r"^\? escalate .* could not rely on the request's facts: `input\.\S+` is \S.* \((?:approvals\.\S+#\S+(?:, )?)+\).* (\S+\.rego):(\d+)$",
    )
    .unwrap();
    let mut decided = 0;
    for line in ran.out.lines() {
        if !line.starts_with(['✓', '✗', '?']) {
            continue;
        }
        decided += 1;
        if line.contains("Left to a person: no rule of policy ") {
            continue;
        }
        if let Some(found) = by_evidence.captures(line) {
            let file = std::fs::read_to_string(shipped().join(&found[1])).unwrap();
            assert!(file.lines().count() >= found[2].parse().unwrap(), "{line}");
            continue;
        }
        let Some(found) = by_rule.captures(line) else {
            panic!("no rule is named in: {line}");
        };
        let file = std::fs::read_to_string(shipped().join(&found[2])).unwrap();
        assert!(
            file.contains(&format!("# title: {}\n", &found[1])),
            "{line}"
        );
        let rule = file.lines().nth(found[3].parse::<usize>().unwrap() - 1);
        let set = rule.unwrap().split(' ').next().unwrap();
        assert!(line.contains(set), "{line}: {rule:?}");
    }
    assert!(decided > 120, "{ran:?}");
    for told in [
        "approved",
        "rejected",
        "left to people",
        "duplicates",
        "unverified, ",
    ] {
        assert!(ran.out.contains(told), "{told}: {ran:?}");
    }
    assert!(!ran.out.contains("a bug worth reporting"));
}

#[test]
fn the_same_seed_gives_the_same_decisions() {
    let play = || {
        let output = program()
            .args([
                "demo",
                "--requests",
                "40",
                "--rate",
                "1000",
                "--seed",
                "7",
                "--policies",
            ])
            .arg(shipped())
            .output()
            .unwrap();
        let out = Ran::of(&output).out;
        let lines: Vec<String> = out
            .lines()
            .filter(|line| line.starts_with(['✓', '✗', '?', '-']))
            .map(str::to_owned)
            .collect();
        lines
    };
    assert_eq!(play(), play());
}

#[test]
fn an_edit_shows_in_the_next_decision_and_a_broken_one_leaves_the_old_set_serving() {
    let mut demo = Running::start();
    let first = revision(&demo.next(&["approve", "stripe.refund", "under the $100 limit"]));

    demo.edit("limits/data.yaml", "automatic: 100 ", "automatic: 80 ");
    let edited = revision(&demo.next(&["the policies on disk serve: revision "]));
    assert_ne!(first, edited);
    let line = demo.next(&["approve", "stripe.refund"]);
    assert!(line.contains("under the $80 limit"), "{line}");
    assert_eq!(revision(&line), edited);

    demo.edit(
        "approvals/refunds/refunds.rego",
        "agents.may(",
        "agents.mai(",
    );
    demo.next(&["error[P032]: there is no function `agents.mai`"]);
    demo.next(&["--> ", "approvals/refunds/refunds.rego:14:2"]);
    demo.next(&[&format!(
        "the policies on disk are refused; revision {edited} still serves"
    )]);
    let line = demo.next(&["approve", "stripe.refund"]);
    assert_eq!(revision(&line), edited, "{line}");

    demo.edit(
        "approvals/refunds/refunds.rego",
        "agents.mai(",
        "agents.may(",
    );
    let mended = demo.next(&["the policies on disk serve: revision "]);
    assert_eq!(revision(&mended), edited);

    let interrupted = Command::new("kill")
        .args(["-INT", &demo.child.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupted.success());
    demo.next(&["summary"]);
    while demo.lines.next().is_some() {}
    assert!(demo.child.wait().unwrap().success());
}
