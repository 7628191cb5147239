//! The engine as a whole: sets are loaded from text, requests are decided.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Paint};
use crate::domain::verdict::{Cause, Outcome, RuleSet, Verdict};
use crate::policy::decide::decide;
use crate::policy::folder::{PolicyFiles, RegoFile};
use crate::policy::input::Input;
use crate::policy::set::{Budget, Loaded, PolicySet};

mod account;
mod admission;
mod doubts;
mod evaluation;
mod evidence;
mod hostile;
mod scale;

fn files(rego: &[(&str, &str)], data: Value) -> PolicyFiles {
    let mut rego: Vec<RegoFile> = rego
        .iter()
        .map(|(path, text)| RegoFile {
            path: (*path).to_owned(),
            text: (*text).into(),
        })
        .collect();
    rego.sort_by(|a, b| a.path.cmp(&b.path));
    PolicyFiles {
        rego,
        data,
        data_files: vec![],
        schemas: vec![],
    }
}

fn load(rego: &[(&str, &str)], data: Value) -> Loaded {
    match PolicySet::load(
        files(rego, data),
        Budget {
            time: Duration::from_mins(1),
            ..Budget::default()
        },
    ) {
        Ok(loaded) => loaded,
        Err(mistakes) => panic!("{}", shown(&mistakes)),
    }
}

fn one(text: &str) -> PolicySet {
    load(&[("approvals/x.rego", text)], json!({})).set
}

fn shown(mistakes: &[Diagnostic]) -> String {
    let frames: Vec<_> = mistakes
        .iter()
        .map(|mistake| mistake.render(Paint::Plain))
        .collect();
    frames.join("\n\n")
}

fn refused(text: &str) -> Vec<Diagnostic> {
    PolicySet::load(
        files(&[("approvals/x.rego", text)], json!({})),
        Budget::default(),
    )
    .unwrap_err()
}

fn ask(set: &PolicySet, input: &Value) -> Verdict {
    decide(
        set,
        &Input::parse(&input.to_string()).unwrap(),
        Timestamp::UNIX_EPOCH,
    )
}

fn says(verdict: &Verdict) -> (Outcome, Cause) {
    (verdict.outcome, verdict.cause)
}
