//! Policies with one planted hole each, and policies that are sound.
//!
//! A hole is what plain Rego approves and nobody meant to. The guard closes those that stand on facts that are not
//! there or not of the right kind, and names them; `probe` finds the rest. In a sound policy the author has said what
//! absence means, or the facts are all there: the guard changes nothing.

use countersign::domain::verdict::{Cause, Outcome, Verdict};
use countersign::policy::PolicySet;
use countersign::policy::folder::PolicyFiles;
use serde::Deserialize;
use serde_json::Value;

use crate::sets;

/// Fewest directories of either kind.
const FEWEST: usize = 45;

struct Corpus {
    name: String,
    set: PolicySet,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What is special about the input.
    why: String,
    input: Value,
    /// The outcome in plain Rego.
    plain: Outcome,
    guarded: Expected,
    /// What finds that plain Rego approves it and nobody meant to; absent where the approval is meant.
    found_by: Option<FoundBy>,
    /// What a finding of `probe` names.
    path: Option<Paths>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    outcome: Outcome,
    cause: Option<Cause>,
    path: Option<Paths>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum FoundBy {
    Guard,
    Probe,
}

/// One path, or several of which each would do.
#[derive(Deserialize)]
#[serde(untagged)]
enum Paths {
    One(String),
    Any(Vec<String>),
}

impl Paths {
    fn allow(&self, path: &str) -> bool {
        match self {
            Self::One(one) => one == path,
            Self::Any(several) => several.iter().any(|one| one == path),
        }
    }
}

fn corpus(kind: &str) -> Vec<Corpus> {
    let mut found: Vec<Corpus> = std::fs::read_dir(sets::root("tests/corpus").join(kind))
        .unwrap()
        .map(|entry| {
            let directory = entry.unwrap().path();
            let name = directory.file_name().unwrap().to_str().unwrap().to_owned();
            let cases = std::fs::read_to_string(directory.join("cases.json")).unwrap();
            let cases = serde_json::from_str(&cases)
                .unwrap_or_else(|error| panic!("{name}/cases.json: {error}"));
            let files = PolicyFiles::read(&directory).unwrap();
            let set = sets::load(files).unwrap_or_else(|mistakes| panic!("{name}\n{mistakes}"));
            Corpus { name, set, cases }
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(found.len() >= FEWEST, "{} of {kind}", found.len());
    found
}

impl Case {
    /// What is wrong with the answers, if anything.
    fn judge(&self, set: &PolicySet) -> Option<String> {
        let plain = sets::plain(set, &self.input).outcome;
        let guarded = sets::guarded(set, &self.input);
        if plain != self.plain {
            return Some(format!("plain Rego says {plain}, not {}", self.plain));
        }
        let expected = &self.guarded;
        if guarded.outcome != expected.outcome {
            return Some(format!(
                "{} by {}, not {}: {:?} {:?}",
                guarded.outcome,
                guarded.cause,
                expected.outcome,
                guarded.evidence,
                guarded.failures
            ));
        }
        let cause = expected.cause.unwrap_or(Cause::Rule);
        if guarded.cause != cause {
            return Some(format!(
                "the cause is {}, not {cause}: {:?} {:?}",
                guarded.cause, guarded.evidence, guarded.failures
            ));
        }
        let named = |paths: &Paths| guarded.evidence.iter().any(|one| paths.allow(&one.path));
        match &expected.path {
            Some(paths) if !named(paths) => Some(format!("names {}", names(&guarded))),
            None | Some(_) => None,
        }
    }
}

fn names(verdict: &Verdict) -> String {
    let paths: Vec<&str> = verdict
        .evidence
        .iter()
        .map(|one| one.path.as_str())
        .collect();
    paths.join(", ")
}

fn wrong(corpus: &[Corpus]) -> String {
    let wrong = corpus.iter().flat_map(|one| {
        one.cases.iter().filter_map(|case| {
            let what = case.judge(&one.set)?;
            Some(format!("{}, {}: {what}\n", one.name, case.why))
        })
    });
    wrong.collect()
}

#[test]
fn every_planted_hole_is_closed_and_what_was_missing_is_named() {
    let corpus = corpus("holes");
    let wrong = wrong(&corpus);
    assert!(wrong.is_empty(), "{wrong}");
    for one in &corpus {
        let meant =
            |case: &Case| case.guarded.outcome == Outcome::Approve && case.found_by.is_none();
        let gone = one.name.ends_with("a-data-file-that-is-gone");
        assert!(
            one.cases.iter().any(|case| case.found_by.is_some()),
            "{} has no hole",
            one.name
        );
        assert!(
            gone || one.cases.iter().any(meant),
            "{} approves nothing",
            one.name
        );
        for case in &one.cases {
            let closed = case.guarded.cause == Some(Cause::Evidence);
            let is_hole = case.plain == Outcome::Approve && closed;
            assert_eq!(
                case.found_by == Some(FoundBy::Guard),
                is_hole,
                "{}, {}",
                one.name,
                case.why
            );
            assert_eq!(
                closed,
                case.guarded.path.is_some(),
                "{}, {}",
                one.name,
                case.why
            );
        }
    }
}

#[test]
fn no_sound_policy_meets_a_false_alarm() {
    let corpus = corpus("sound");
    let wrong = wrong(&corpus);
    assert!(wrong.is_empty(), "{wrong}");
    for one in &corpus {
        let approved = |case: &Case| case.guarded.outcome == Outcome::Approve;
        assert!(
            one.cases.iter().any(approved),
            "{} approves nothing",
            one.name
        );
        for case in &one.cases {
            assert_eq!(
                case.plain, case.guarded.outcome,
                "{}, {}",
                one.name, case.why
            );
            assert_ne!(
                case.guarded.cause,
                Some(Cause::Evidence),
                "{}, {}",
                one.name,
                case.why
            );
            assert!(case.found_by.is_none(), "{}, {}", one.name, case.why);
        }
    }
}

/// What the guard lets through since every fact is there: `probe` has to find it from a request that is meant.
#[test]
fn every_hole_that_is_left_to_probe_says_where_it_is_and_what_it_is_found_from() {
    let corpus = corpus("holes");
    let mut left = 0;
    for one in &corpus {
        let is_left = |case: &&Case| case.found_by == Some(FoundBy::Probe);
        for case in one.cases.iter().filter(is_left) {
            left += 1;
            let about = format!("{}, {}", one.name, case.why);
            assert_eq!(case.plain, Outcome::Approve, "{about}");
            assert_eq!(case.guarded.outcome, Outcome::Approve, "{about}");
            assert!(case.path.is_some(), "{about}");
            let is_meant =
                |case: &Case| case.found_by.is_none() && case.guarded.outcome == Outcome::Approve;
            assert!(one.cases.iter().any(is_meant), "{about}");
        }
    }
    assert!(left >= 25, "{left}");
}
