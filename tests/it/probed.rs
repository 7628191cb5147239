//! The corpus under attack: `probe` finds each hole that is planted for it, and nothing in sound policies.

use countersign::domain::verdict::Outcome;
use countersign::policy::PolicySet;
use countersign::policy::folder::PolicyFiles;
use countersign::policy::probe::{self, Extent, Finding, Guard, Report, Sample, Settings};
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
            let wanted: Vec<&str> = match &case["path"] {
                Value::Array(paths) => paths.iter().filter_map(Value::as_str).collect(),
                path => path.as_str().into_iter().collect(),
            };
            if case["found_by"] != "probe" {
                continue;
            }
            if !report
                .findings
                .iter()
                .any(|finding| wanted.contains(&path(finding).as_str()))
            {
                missed.push_str(&format!(
                    "{}, {}: nothing at {wanted:?}{}\n",
                    one.name,
                    case["why"],
                    told(&report)
                ));
            }
        }
    }
    assert!(missed.is_empty(), "{missed}");
}

#[test]
fn nothing_is_found_in_sound_policies() {
    let mut alarms = String::new();
    for one in corpus("sound") {
        let report = one.probe(Guard::On);
        if !report.findings.is_empty() {
            alarms.push_str(&format!("{}{}\n", one.name, told(&report)));
        }
    }
    assert!(alarms.is_empty(), "{alarms}");
}
