//! The corpus under attack: `probe` finds each hole that is planted for it, and nothing in sound policies.

use std::fmt::Write as _;

use countersign::domain::verdict::Outcome;
use countersign::policy::PolicySet;
use countersign::policy::folder::PolicyFiles;
use countersign::policy::probe::{self, Change, Extent, Finding, Guard, Report, Sample, Settings};
use serde_json::Value;

use crate::sets;

struct Attacked {
    name: String,
    set: PolicySet,
    cases: Vec<Value>,
}

fn corpus(kind: &str) -> Vec<Attacked> {
    let mut found: Vec<Attacked> = std::fs::read_dir(sets::root("tests/corpus").join(kind))
        .unwrap()
        .map(|entry| {
            let directory = entry.unwrap().path();
            let cases = std::fs::read_to_string(directory.join("cases.json")).unwrap();
            Attacked {
                name: directory.file_name().unwrap().to_str().unwrap().to_owned(),
                set: sets::load(PolicyFiles::read(&directory).unwrap()).unwrap(),
                cases: serde_json::from_str(&cases).unwrap(),
            }
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

impl Attacked {
    /// What is found with what is approved and meant to be.
    fn probe(&self, guard: Guard) -> Report {
        let meant = |case: &&Value| case.get("found_by").is_none();
        let samples: Vec<Sample> = self
            .cases
            .iter()
            .filter(meant)
            .map(|case| Sample {
                name: case["why"].as_str().unwrap().to_owned(),
                input: case["input"].clone(),
            })
            .filter(|sample| sets::guarded(&self.set, &sample.input).outcome == Outcome::Approve)
            .collect();
        let settings = Settings {
            guard,
            most_evaluations: 100_000,
            now: sets::now(),
        };
        let report = probe::run(&self.set, &samples, settings, |_| ());
        assert_eq!(report.extent, Extent::Whole, "{}", self.name);
        report
    }
}

/// The place of a finding as the corpus writes it: any element is `[_]`.
fn path(finding: &Finding) -> String {
    finding
        .pointer
        .split('/')
        .skip(1)
        .fold("input".to_owned(), |path, key| {
            if key.parse::<usize>().is_ok() {
                format!("{path}[_]")
            } else {
                format!("{path}.{key}")
            }
        })
}

fn told(report: &Report) -> String {
    let lines: Vec<String> = report
        .findings
        .iter()
        .map(|finding| {
            let condition = finding.blame.condition.as_ref();
            format!(
                "\n    {} {} at `{}`: {}",
                finding.property.code(),
                finding.message(),
                condition.map_or("", |condition| &condition.text),
                finding.story()
            )
        })
        .collect();
    lines.concat()
}

#[test]
fn every_hole_that_the_guard_leaves_is_found() {
    let mut missed = String::new();
    for one in corpus("holes") {
        let report = one.probe(Guard::On);
        for case in &one.cases {
            let wanted: Vec<&str> = match case["path"].as_array() {
                Some(paths) => paths.iter().filter_map(Value::as_str).collect(),
                None => case["path"].as_str().into_iter().collect(),
            };
            if case["found_by"] != "probe" {
                continue;
            }
            if !report
                .findings
                .iter()
                .any(|finding| wanted.contains(&path(finding).as_str()))
            {
                let _ = writeln!(
                    missed,
                    "{}, {}: nothing at {wanted:?}{}",
                    one.name,
                    case["why"],
                    told(&report)
                );
            }
        }
    }
    assert!(missed.is_empty(), "{missed}");
}

#[test]
fn nothing_is_told_of_sound_policies() {
    let mut wrong = String::new();
    for one in corpus("sound") {
        let report = one.probe(Guard::On);
        if !report.findings.is_empty() {
            let _ = writeln!(wrong, "{}{}", one.name, told(&report));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_finding_is_what_it_says() {
    for one in corpus("holes").into_iter().chain(corpus("sound")) {
        for guard in [Guard::On, Guard::Off] {
            for finding in one.probe(guard).findings {
                let samples = one.cases.iter();
                let mut changed = samples
                    .clone()
                    .find(|case| case["why"] == finding.sample)
                    .unwrap()["input"]
                    .clone();
                for change in &finding.changes {
                    apply(&mut changed, change);
                }
                let verdict = match guard {
                    Guard::On => sets::guarded(&one.set, &changed),
                    Guard::Off => sets::plain(&one.set, &changed),
                };
                assert_eq!(
                    verdict.outcome,
                    Outcome::Approve,
                    "{}: {}",
                    one.name,
                    finding.story()
                );
            }
        }
    }
}

fn apply(document: &mut Value, change: &Change) {
    let (parent, key) = change.path.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap();
    match (parent, &change.to) {
        (Value::Object(members), Some(to)) => {
            members.insert(key.to_owned(), to.clone());
        }
        (Value::Object(members), None) => {
            members.shift_remove(key).unwrap();
        }
        (Value::Array(items), Some(to)) => items[key.parse::<usize>().unwrap()] = to.clone(),
        (Value::Array(items), None) => {
            items.remove(key.parse().unwrap());
        }
        (other, _) => panic!("{other} has no {key}"),
    }
}
