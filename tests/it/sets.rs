//! Policy sets made of text or of a folder, and what they say of an input.

use std::path::Path;
use std::time::Duration;

use countersign::diagnostic::Paint;
use countersign::domain::explanation::Explanation;
use countersign::domain::verdict::Verdict;
use countersign::policy::folder::{PolicyFiles, RegoFile};
use countersign::policy::{Budget, Input, PolicySet, account, decide, decide_plain, explain};
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
    try_text(rego, data).unwrap_or_else(|mistakes| panic!("{mistakes}\n{rego}"))
}

/// The same, or why it is refused.
pub fn try_text(rego: &str, data: Value) -> Result<PolicySet, String> {
    let file = RegoFile {
        path: "approvals/x.rego".to_owned(),
        text: rego.into(),
    };
    let files = PolicyFiles {
        rego: vec![file],
        data,
        data_files: vec![],
        schemas: vec![],
    };
    load(files)
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
pub fn plain(set: &PolicySet, document: &Value) -> Verdict {
    decide_plain(set, &input(document), now())
}

/// What every rule that could apply comes to.
pub fn explained(set: &PolicySet, document: &Value) -> Explanation {
    explain(set, &input(document), now())
}

/// What the set says, with all that can be said about it.
pub fn accounted(set: &PolicySet, document: &Value) -> Verdict {
    account(set, &input(document), now()).verdict
}
