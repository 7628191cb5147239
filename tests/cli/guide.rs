//! docs/policy-guide.md and examples/policy-guide: every rule on the page is a file, every command says what the page
//! says, every bad rule approves what its good one does not.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::desk::{Ran, program};
use crate::page::{blocks, typed};

const PAGE: &str = include_str!("../../docs/policy-guide.md");
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/policy-guide");

fn run(arguments: &[&str]) -> Ran {
    let ran = program().args(arguments).current_dir(EXAMPLES).output();
    Ran::of(&ran.unwrap())
}

fn traps() -> Vec<String> {
    let mut traps: Vec<String> = std::fs::read_dir(EXAMPLES)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    traps.sort();
    assert!(traps.len() > 15, "{traps:?}");
    traps
}

/// What `decide` says of the request that tells a bad rule from a good one.
fn outcome(trap: &str, policies: &str, more: &[&str]) -> String {
    let request = format!("{trap}/request.json");
    let policies = format!("{trap}/{policies}");
    let mut arguments = vec!["decide", &request, "--policies", &policies];
    arguments.extend(["--format", "json"]);
    arguments.extend(more);
    let verdict = run(&arguments).json();
    verdict["outcome"].as_str().unwrap().to_owned()
}

/// What a good rule says of that request.
fn expected(trap: &str) -> String {
    let path: PathBuf = Path::new(EXAMPLES).join(trap).join("request.json");
    let request: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    request["expect"]["outcome"].as_str().unwrap().to_owned()
}

#[test]
fn every_rule_of_the_policy_guide_is_a_file_that_is_tried() {
    let mut shown = 0;
    for block in blocks(PAGE) {
        let Some((_, path)) = block.info.split_once(' ') else {
            continue;
        };
        let file = std::fs::read_to_string(Path::new(EXAMPLES).join(path)).unwrap();
        let text = block.lines.join("\n");
        assert!(file.contains(&text), "{path} is not\n{text}");
        shown += 1;
    }
    assert!(shown > 30, "{shown}");
    for trap in traps() {
        assert!(PAGE.contains(&format!("{trap}/")), "{trap} is not shown");
    }
}

#[test]
fn every_command_of_the_policy_guide_says_what_the_page_says() {
    let mut ran = 0;
    for block in blocks(PAGE) {
        if block.info != "console" {
            continue;
        }
        for typed in typed(&block) {
            let arguments: Vec<&str> = typed.command.split(' ').skip(1).collect();
            let printed = run(&arguments);
            assert_eq!(printed.err, "", "{}", typed.command);
            typed.assert_printed(&printed.out);
            ran += 1;
        }
    }
    assert!(ran > 40, "{ran}");
}

#[test]
fn every_bad_rule_of_the_policy_guide_lets_through_what_its_good_one_does_not() {
    for trap in traps() {
        let bad = format!("{trap}/bad");
        assert_eq!(run(&["check", &bad]).status, 0, "{bad}");
        assert_eq!(outcome(&trap, "bad", &["--plain"]), "approve", "{bad}");
        let found = [
            run(&["probe", &bad]).status,
            run(&["probe", "--plain", &bad]).status,
            run(&["check", "--strict", &bad]).status,
        ];
        assert!(found.contains(&2), "nothing is found in {bad}: {found:?}");
    }
}

#[test]
fn every_good_rule_of_the_policy_guide_holds() {
    for trap in traps() {
        let good = format!("{trap}/good");
        for arguments in [
            &["check", "--strict"][..],
            &["test", "--fail-on-empty"],
            &["probe"],
        ] {
            let ran = run(&[arguments, &[&good]].concat());
            assert_eq!(ran.status, 0, "{arguments:?} {good}: {ran:?}");
        }
        assert_eq!(outcome(&trap, "good", &[]), expected(&trap), "{good}");
        let is_schema = Path::new(EXAMPLES).join(&good).join("schemas").exists();
        let plain = run(&["probe", "--plain", &good]);
        assert_eq!(plain.status == 0, !is_schema, "{good}: {plain:?}");
        let usual = format!("{good}/samples/usual.json");
        let usual = run(&["decide", &usual, "--policies", &good]);
        assert!(usual.out.starts_with("Approved by"), "{good}: {usual:?}");
    }
}
