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

    /// Interrupts it: it still ends well.
    fn end(&mut self) {
        let interrupted = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(interrupted.success());
        self.next(&["summary"]);
        let said: Vec<String> = self.lines.by_ref().map(Result::unwrap).collect();
        assert!(self.child.wait().unwrap().success(), "{said:?}");
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

/// A demo of so many deliveries, through to its end.
fn played(requests: &str, seed: &str) -> Ran {
    let output = program()
        .args(["demo", "--requests", requests, "--seed", seed])
        .args(["--rate", "1000", "--policies"])
        .arg(shipped())
        .output()
        .unwrap();
    let ran = Ran::of(&output);
    assert_eq!(ran.status, 0, "{ran:?}");
    assert!(!ran.out.contains("a bug worth reporting"), "{ran:?}");
    ran
}

/// The numbers in the one line of `ran` that begins so.
fn numbers(ran: &Ran, begins: &str) -> Vec<usize> {
    let mut lines = ran.out.lines().filter(|line| line.starts_with(begins));
    let (Some(line), None) = (lines.next(), lines.next()) else {
        panic!("not one line begins with {begins:?}: {ran:?}");
    };
    let number = Regex::new(r"\d+").unwrap();
    let found = number.find_iter(line.strip_prefix(begins).unwrap());
    found
        .map(|number| number.as_str().parse().unwrap())
        .collect()
}

/// How many lines begin so and have this in them.
fn count(ran: &Ran, begins: &str, has: &str) -> usize {
    let lines = ran.out.lines();
    lines
        .filter(|line| line.starts_with(begins) && line.contains(has))
        .count()
}

#[test]
fn a_forged_webhook_with_a_real_id_is_left_to_a_person() {
    let ran = played("200", "1");
    let [forged, left] = numbers(&ran, "  forged ")[..] else {
        panic!("{ran:?}");
    };
    assert!(forged > 0, "{ran:?}");
    assert_eq!(forged, left);
    let seen_through = "the webhook and the platform's own record differ in `context`";
    assert_eq!(
        count(&ran, "? agentwarden stripe.refund", seen_through),
        left
    );
    // The platform's own word of it comes after the lie: before its record was read or after.
    let conflicts = count(&ran, "! agentwarden 409 conflict", "");
    assert!(conflicts <= left, "{ran:?}");
    assert_eq!(count(&ran, "✓ agentwarden", "refund of $5 "), 0, "{ran:?}");
}

#[test]
fn what_nobody_told_us_of_is_found_in_the_platforms_list() {
    let ran = played("200", "1");
    let [lost, found] = numbers(&ran, "  lost ")[..] else {
        panic!("{ran:?}");
    };
    assert!(lost > 0, "{ran:?}");
    assert_eq!(lost, found);
    assert!(count(&ran, "+ agentwarden ", "that nobody told us of") > 0);
}

#[test]
fn the_executor_carries_out_what_was_approved_and_nothing_else() {
    let ran = played("200", "1");
    let [approvals, rejections, left] = numbers(&ran, "  agentwarden took ")[..] else {
        panic!("{ran:?}");
    };
    assert!(approvals > 0 && rejections > 0 && left > 0, "{ran:?}");
    assert_eq!(numbers(&ran, "  executor "), [approvals]);
    assert!(
        ran.out
            .contains("what AgentWarden approved, and nothing else")
    );
    assert_eq!(count(&ran, "✓ agentwarden", ""), approvals);
    assert_eq!(count(&ran, "✗ agentwarden", ""), rejections);
}

#[test]
fn every_platform_takes_its_answers() {
    let ran = played("200", "3");
    for platform in ["tracemem    ", "agentwarden ", "sidclaw     "] {
        let taken = numbers(&ran, &format!("  {platform}took "));
        let approved = count(&ran, &format!("✓ {platform}"), "");
        let rejected = count(&ran, &format!("✗ {platform}"), "");
        assert_eq!(taken[..2], [approved, rejected], "{platform}: {ran:?}");
        assert!(approved + rejected > 0, "{platform}: {ran:?}");
    }
}

#[test]
fn two_hundred_requests_end_well_and_every_rationale_names_its_rule() {
    let ran = played("200", "1");
    let by_rule = Regex::new(
        r"^[✓✗?] (?:tracemem|agentwarden|sidclaw) .* (?:Approved|Rejected|Left to a person) by policy [0-9a-f]{12}: (.+?): .+ (\S+\.rego):(\d+)$",
    )
    .unwrap();
    let by_evidence = Regex::new(
        r"^\? (?:tracemem|agentwarden|sidclaw) .* could not rely on the request's facts: `input\.\S+` is \S.* \((?:approvals\.\S+#\S+(?:, )?)+\).* (\S+\.rego):(\d+)$",
    )
    .unwrap();
    let mut decided = 0;
    for line in ran.out.lines() {
        if !line.starts_with(['✓', '✗', '?']) {
            continue;
        }
        decided += 1;
        if line.contains("Left to a person: no rule of policy ")
            || line.contains("Left to a person: the webhook and the platform's own record differ")
        {
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
        let mark = match rule.unwrap().split(' ').next().unwrap() {
            "approve" => '✓',
            "reject" => '✗',
            "escalate" => '?',
            other => panic!("{other}: {line}"),
        };
        assert!(line.starts_with(mark), "{line}: {rule:?}");
    }
    assert!(decided > 120, "{ran:?}");
    for told in [
        "approvals",
        "rejections",
        "left to people",
        "duplicates",
        "unverified, ",
    ] {
        assert!(ran.out.contains(told), "{told}: {ran:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_decisions() {
    // Where a record is read back first, others may be quicker.
    let play = || {
        let ran = played("40", "7");
        let lines = ran.out.lines();
        let mut lines: Vec<String> = lines
            .filter(|line| line.starts_with(['✓', '✗', '?', '-']))
            .map(str::to_owned)
            .collect();
        lines.sort();
        lines
    };
    assert_eq!(play(), play());
}

#[test]
fn a_store_that_knows_the_requests_is_not_taken_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite://{}", folder.path().join("demo.db").display());
    let play = || {
        let output = program()
            .args(["demo", "--requests", "5", "--rate", "1000"])
            .args(["--store", &store, "--policies"])
            .arg(shipped())
            .output();
        Ran::of(&output.unwrap())
    };
    let first = play();
    assert_eq!(first.status, 0, "{first:?}");
    let again = play();
    assert_eq!(again.status, 1, "{again:?}");
    assert!(again.err.contains("is there already"), "{again:?}");
}

#[test]
fn an_edit_shows_in_the_next_decision_and_a_broken_one_leaves_the_old_set_serving() {
    let mut demo = Running::start();
    let first = revision(&demo.next(&["✓", "stripe.refund", "under the $100 limit"]));

    demo.edit("limits/data.yaml", "automatic: 100 ", "automatic: 80 ");
    let edited = revision(&demo.next(&["the policies on disk serve: revision "]));
    assert_ne!(first, edited);
    // A line of before may come after: what a source reads back first is told a moment after it was decided.
    let line = demo.next(&["✓", "stripe.refund", &edited]);
    assert!(line.contains("under the $80 limit"), "{line}");

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
    let line = demo.next(&["✓", "stripe.refund"]);
    assert_eq!(revision(&line), edited, "{line}");

    demo.edit(
        "approvals/refunds/refunds.rego",
        "agents.mai(",
        "agents.may(",
    );
    let mended = demo.next(&["the policies on disk serve: revision "]);
    assert_eq!(revision(&mended), edited);

    demo.end();
}

#[test]
fn what_a_person_decides_while_it_runs_is_carried_out_too() {
    let mut demo = Running::start();
    let line = demo.next(&["inbox", "http://"]);
    let words: Vec<&str> = line.split_whitespace().collect();
    let (url, token) = (words[1], words[words.len() - 1]);
    let line = demo.next(&["cases", "--store"]);
    let store = line.rsplit(' ').next().unwrap();
    demo.next(&["? agentwarden", "differ in `context`"]);

    let listed = program()
        .args(["cases", "--format", "json", "--store", store])
        .args(["--state", "open", "--source", "agentwarden"])
        .output()
        .unwrap();
    let listed: serde_json::Value = serde_json::from_str(&Ran::of(&listed).out).unwrap();
    let mut cases = listed["cases"].as_array().unwrap().iter();
    let doubted = cases.find(|case| case["cause"] == "source").unwrap();
    let case = doubted["case_id"].as_str().unwrap();
    let voted = program()
        .args(["approve", case, "--reason", "called the customer"])
        .args(["--url", url, "--token", token])
        .output()
        .unwrap();
    assert_eq!(Ran::of(&voted).status, 0, "{:?}", Ran::of(&voted));
    demo.next(&[
        "→ agentwarden",
        "approved by person:you: called the customer",
    ]);
    demo.end();
}
