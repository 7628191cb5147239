//! SARIF 2.1.0, the report that code hosts show beside the line it is about.

use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Place, Severity};

/// The schema that the document follows.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// A code and what must hold for it.
pub(super) struct Rule {
    /// As in [`Diagnostic::code`].
    pub(super) code: &'static str,
    /// In a sentence without its full stop.
    pub(super) law: &'static str,
}

/// One document that holds all results. `rules` are all that was looked for, found or not.
pub(super) fn document(rules: &[Rule], results: &[Diagnostic]) -> Value {
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "countersign",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(descriptor).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results.iter().map(|result| result_of(rules, result)).collect::<Vec<_>>(),
        }],
    })
}

fn descriptor(rule: &Rule) -> Value {
    json!({"id": rule.code, "shortDescription": {"text": rule.law}})
}

fn result_of(rules: &[Rule], found: &Diagnostic) -> Value {
    let level = match found.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let text = match &found.help {
        Some(help) => format!("{}\n{help}", found.message),
        None => found.message.clone(),
    };
    let mut result = json!({"ruleId": found.code, "level": level, "message": {"text": text}});
    let index = rules.iter().position(|rule| rule.code == found.code);
    if let (Some(index), Some(fields)) = (index, result.as_object_mut()) {
        fields.insert("ruleIndex".to_owned(), index.into());
    }
    if let (Some(place), Some(fields)) = (&found.place, result.as_object_mut()) {
        fields.insert("locations".to_owned(), json!([location(place)]));
    }
    result
}

fn location(place: &Place) -> Value {
    let (line, column) = place.line_and_column();
    let end = Place {
        start: place.end,
        ..place.clone()
    };
    let (end_line, end_column) = end.line_and_column();
    json!({"physicalLocation": {
        "artifactLocation": {"uri": uri(&place.file)},
        "region": {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column},
    }})
}

/// A path as the reference of a URI: what such a reference gives a meaning of its own is written as `%XX`.
fn uri(path: &str) -> String {
    use std::fmt::Write as _;
    let mut uri = String::with_capacity(path.len());
    for byte in path.replace('\\', "/").bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(byte));
            }
            _ => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_names_its_rule_and_its_place() {
        let found = Diagnostic::error("CS102", "too easy")
            .at(Place {
                file: "a b/p.rego".into(),
                text: "package p\n\nx if \"ä\" == y\n".into(),
                start: 16,
                end: 25,
            })
            .help("harder");
        let rules = [
            Rule {
                code: "CS101",
                law: "one",
            },
            Rule {
                code: "CS102",
                law: "two",
            },
        ];
        let document = document(&rules, &[found]);
        insta::assert_json_snapshot!(document, {".runs[0].tool.driver.version" => "VERSION"}, @r##"
        {
          "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
          "version": "2.1.0",
          "runs": [
            {
              "tool": {
                "driver": {
                  "name": "countersign",
                  "version": "VERSION",
                  "rules": [
                    {
                      "id": "CS101",
                      "shortDescription": {
                        "text": "one"
                      }
                    },
                    {
                      "id": "CS102",
                      "shortDescription": {
                        "text": "two"
                      }
                    }
                  ]
                }
              },
              "columnKind": "unicodeCodePoints",
              "results": [
                {
                  "ruleId": "CS102",
                  "level": "error",
                  "message": {
                    "text": "too easy\nharder"
                  },
                  "ruleIndex": 1,
                  "locations": [
                    {
                      "physicalLocation": {
                        "artifactLocation": {
                          "uri": "a%20b/p.rego"
                        },
                        "region": {
                          "startLine": 3,
                          "startColumn": 6,
                          "endLine": 3,
                          "endColumn": 14
                        }
                      }
                    }
                  ]
                }
              ]
            }
          ]
        }
        "##);
    }
}
