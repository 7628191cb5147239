//! SARIF 2.1.0, which code-scanning services read.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Severity};

/// One result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// The code: what kind of finding it is.
    pub(super) code: String,
    /// How bad it is.
    pub(super) severity: Severity,
    /// What is wrong, and what to do.
    pub(super) message: String,
    /// File, line and column from 1, where it is in a file.
    pub(super) place: Option<(String, u32, u32)>,
}

impl Finding {
    /// A mistake in a file.
    pub(super) fn of(diagnostic: &Diagnostic) -> Self {
        let message = match &diagnostic.help {
            Some(help) => format!("{}. {help}", diagnostic.message),
            None => diagnostic.message.clone(),
        };
        Self {
            code: diagnostic.code.to_owned(),
            severity: diagnostic.severity,
            message,
            place: diagnostic.place.as_ref().map(|place| {
                let (line, column) = place.line_and_column();
                (place.file.clone(), line, column)
            }),
        }
    }
}

/// The document of one run.
pub(super) fn document(findings: impl IntoIterator<Item = Finding>) -> Value {
    let mut codes = BTreeSet::new();
    let mut results = Vec::new();
    for finding in findings {
        results.push(result(&finding));
        codes.insert(finding.code);
    }
    let rules: Vec<Value> = codes
        .into_iter()
        .map(|code| json!({ "id": code }))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "countersign", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(finding: &Finding) -> Value {
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let locations: Vec<Value> = finding
        .place
        .iter()
        .map(|(file, line, column)| {
            json!({"physicalLocation": {
                "artifactLocation": {"uri": uri(file)},
                "region": {"startLine": line, "startColumn": column},
            }})
        })
        .collect();
    json!({
        "ruleId": finding.code, "level": level, "message": {"text": finding.message}, "locations": locations,
    })
}

/// A path as a relative reference.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Place;

    #[test]
    fn a_finding_is_a_result_with_its_place_and_its_code_a_rule() {
        let warning = Diagnostic::warning("CS001", "it never holds")
            .at(Place {
                file: "my policies/ä.rego".into(),
                text: "one\ntwo\n".into(),
                start: 5,
                end: 6,
            })
            .help("remove it");
        let errors = [
            Diagnostic::error("P101", "none"),
            Diagnostic::error("P101", "none"),
        ];
        let findings = errors.iter().chain([&warning]).map(Finding::of);
        let document = document(findings);
        let run = &document["runs"][0];
        assert_eq!(
            run["tool"]["driver"]["rules"],
            json!([{"id": "CS001"}, {"id": "P101"}])
        );
        assert_eq!(
            run["results"][2],
            json!({
                "ruleId": "CS001", "level": "warning", "message": {"text": "it never holds. remove it"},
                "locations": [{"physicalLocation": {
                    "artifactLocation": {"uri": "my%20policies/%C3%A4.rego"},
                    "region": {"startLine": 2, "startColumn": 2},
                }}],
            })
        );
        assert_eq!(run["results"][0]["locations"], json!([]));
    }
}
