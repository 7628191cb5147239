//! JUnit XML, the report that every build server reads.
//!
//! What must hold: whatever a name or a message holds, the document is well-formed. XML 1.0 has no way to write most
//! control characters, so those are shown as text.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

/// Cases that belong together, as the tests of one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Suite {
    /// Its name.
    pub(super) name: String,
    /// In the order they are written in.
    pub(super) cases: Vec<Case>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Case {
    /// What it is part of: a package, or the policy that was probed.
    pub(super) class_name: String,
    /// Its name.
    pub(super) name: String,
    /// How long it took.
    pub(super) time: Duration,
    /// The file it is about.
    pub(super) file: String,
    /// The line there, from 1.
    pub(super) line: u32,
    /// How it went.
    pub(super) outcome: Outcome,
}

/// How a case went. `message` is one line, `details` the whole story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// As it should.
    Passed,
    /// It was looked at and is wrong.
    Failed {
        /// What is wrong.
        message: String,
        /// Everything that is known.
        details: String,
    },
    /// It could not be looked at.
    Errored {
        /// Why.
        message: String,
        /// Everything that is known.
        details: String,
    },
    /// It was left out.
    Skipped,
}

/// Writes one document that holds all suites.
pub(super) fn write(out: &mut dyn Write, name: &str, suites: &[Suite]) -> io::Result<()> {
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    let all: Vec<&Case> = suites.iter().flat_map(|suite| &suite.cases).collect();
    writeln!(
        out,
        "<testsuites name=\"{}\"{}>",
        escaped(name),
        counts(&all)
    )?;
    for suite in suites {
        let cases: Vec<&Case> = suite.cases.iter().collect();
        writeln!(
            out,
            "  <testsuite name=\"{}\"{}>",
            escaped(&suite.name),
            counts(&cases)
        )?;
        suite
            .cases
            .iter()
            .try_for_each(|case| write_case(out, case))?;
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

fn write_case(out: &mut dyn Write, case: &Case) -> io::Result<()> {
    write!(
        out,
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{}\" file=\"{}\" line=\"{}\"",
        escaped(&case.class_name),
        escaped(&case.name),
        seconds(case.time),
        escaped(&case.file),
        case.line
    )?;
    let (tag, message, details) = match &case.outcome {
        Outcome::Passed => return writeln!(out, "/>"),
        Outcome::Skipped => {
            return writeln!(out, ">\n      <skipped/>\n    </testcase>");
        }
        Outcome::Failed { message, details } => ("failure", message, details),
        Outcome::Errored { message, details } => ("error", message, details),
    };
    let (message, details) = (escaped(message), escaped_text(details));
    writeln!(
        out,
        ">\n      <{tag} message=\"{message}\">{details}</{tag}>\n    </testcase>"
    )
}

/// The attributes that sum these cases up, with a space before each.
fn counts(cases: &[&Case]) -> String {
    let count = |is: fn(&Outcome) -> bool| cases.iter().filter(|case| is(&case.outcome)).count();
    format!(
        " tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{}\"",
        cases.len(),
        count(|outcome| matches!(outcome, Outcome::Failed { .. })),
        count(|outcome| matches!(outcome, Outcome::Errored { .. })),
        count(|outcome| matches!(outcome, Outcome::Skipped)),
        seconds(cases.iter().map(|case| case.time).sum())
    )
}

fn seconds(time: Duration) -> String {
    format!("{:.6}", time.as_secs_f64())
}

/// For an attribute, where a bare line break would be read as a space.
fn escaped(text: &str) -> String {
    escaped_text(text)
        .replace('\n', "&#10;")
        .replace('\t', "&#9;")
}

/// For an element, where lines stay lines.
fn escaped_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\r' => escaped.push_str("&#13;"),
            '\n' | '\t' => escaped.push(c),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {
                let _ = write!(escaped, "{}", c.escape_unicode());
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(name: &str, outcome: Outcome) -> Case {
        Case {
            class_name: "data.p_test".into(),
            name: name.into(),
            time: Duration::from_micros(1_500),
            file: "p_test.rego".into(),
            line: 3,
            outcome,
        }
    }

    #[test]
    fn every_outcome_has_its_element_and_is_counted() {
        let suite = Suite {
            name: "data.p_test".into(),
            cases: vec![
                case("test_good", Outcome::Passed),
                case(
                    "test_bad",
                    Outcome::Failed {
                        message: "`1 < 2` & \"more\"".into(),
                        details: "first\n\tsecond ]]>".into(),
                    },
                ),
                case(
                    "test_broken",
                    Outcome::Errored {
                        message: "two\nlines".into(),
                        details: "a bell \u{7}".into(),
                    },
                ),
                case("todo_later", Outcome::Skipped),
            ],
        };
        let mut out = Vec::new();
        write(&mut out, "countersign test", &[suite]).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="countersign test" tests="4" failures="1" errors="1" skipped="1" time="0.006000">
          <testsuite name="data.p_test" tests="4" failures="1" errors="1" skipped="1" time="0.006000">
            <testcase classname="data.p_test" name="test_good" time="0.001500" file="p_test.rego" line="3"/>
            <testcase classname="data.p_test" name="test_bad" time="0.001500" file="p_test.rego" line="3">
              <failure message="`1 &lt; 2` &amp; &quot;more&quot;">first
        	second ]]&gt;</failure>
            </testcase>
            <testcase classname="data.p_test" name="test_broken" time="0.001500" file="p_test.rego" line="3">
              <error message="two&#10;lines">a bell \u{7}</error>
            </testcase>
            <testcase classname="data.p_test" name="todo_later" time="0.001500" file="p_test.rego" line="3">
              <skipped/>
            </testcase>
          </testsuite>
        </testsuites>
        "#);
    }
}
