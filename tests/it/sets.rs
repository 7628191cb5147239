//! Policy sets made of text or of a folder, and what they say of an input.

use std::path::Path;
use std::time::Duration;

use countersign::diagnostic::Paint;
use countersign::domain::verdict::{Outcome, RuleSet, Verdict};
use countersign::policy::folder::{PolicyFiles, RegoFile};
use countersign::policy::{Budget, Input, PolicySet, decide};
use jiff::Timestamp;
use serde_json::Value;

/// A Monday morning.
pub const NOW: &str = "2026-11-23T10:00:00Z";

/// A path inside this package.
pub fn root(inside: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(inside)
}

/// The set of these files, or their mistakes as they are shown to people.
pub fn load(files: PolicyFiles) -> Result<PolicySet, String> {
    let budget = Budget {
        time: Duration::from_secs(30),
        ..Budget::default()
    };
    PolicySet::load(files, budget)
        .map(|loaded| loaded.set)
        .map_err(|mistakes| {
            mistakes
                .iter()
                .map(|mistake| mistake.render(Paint::Plain))
                .collect()
        })
}

/// The set of one file and its data.
pub fn of_text(rego: &str, data: Value) -> PolicySet {
    let file = RegoFile {
        path: "approvals/x.rego".to_owned(),
        text: rego.into(),
    };
    let files = PolicyFiles {
        rego: vec![file],
        data,
        data_files: vec![],
    };
    load(files).unwrap_or_else(|mistakes| panic!("{mistakes}\n{rego}"))
}

fn input(document: &Value) -> Input {
    Input::parse(&document.to_string()).unwrap()
}

/// When it is decided.
pub fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// What the set says.
pub fn guarded(set: &PolicySet, document: &Value) -> Verdict {
    decide(set, &input(document), now())
}

/// What plain Rego says.
pub fn plain(set: &PolicySet, document: &Value) -> Outcome {
    let fired = plain_verdict(set, document).rules;
    let any = |set: RuleSet| fired.iter().any(|rule| rule.set == set);
    if any(RuleSet::Reject) {
        Outcome::Reject
    } else if any(RuleSet::Escalate) {
        Outcome::Escalate
    } else if any(RuleSet::Approve) {
        Outcome::Approve
    } else {
        Outcome::Escalate
    }
}

/// What plain Rego says, with the rules that fired.
pub fn plain_verdict(set: &PolicySet, document: &Value) -> Verdict {
    guarded(set, document)
}
