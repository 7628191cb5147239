//! The inputs that a set's own tests are made with: every value that stands after `with input as` while a test runs.
//!
//! Most of them cannot be read off the text, since tests build their inputs with functions. So the tests are run with each
//! such expression handed through a function that notes its value and gives it back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use regorus::unstable::Expr;
use serde_json::Value as Json;

use crate::diagnostic::Diagnostic;
use crate::policy::engine::interpreter::Interpreter;
use crate::policy::engine::parse;
use crate::policy::engine::syntax::{self, Node};
use crate::policy::folder::{PolicyFiles, RegoFile};

/// What notes a value; no policy can have a function of this name without saying so.
const NOTE: &str = "countersign_note_input";

/// The most values noted in one test.
const MOST_OF_ONE_TEST: usize = 100;

/// The longest that one test may take.
const LONGEST: Duration = Duration::from_secs(5);

/// One input of a test.
#[derive(Debug, Clone, PartialEq)]
pub struct TestInput {
    /// `data.approvals.refunds_test.test_small`.
    pub test: String,
    /// What stood after `with input as`.
    pub input: Json,
}

/// The inputs of all tests in the order of the tests, each test's own in the order they were used in. `now` is the time
/// that the tests see. Fails if the set cannot be evaluated at all.
pub fn of_tests(files: &PolicyFiles, now: Timestamp) -> Result<Vec<TestInput>, Vec<Diagnostic>> {
    let rewritten = PolicyFiles {
        rego: files.rego.iter().map(rewritten).collect(),
        ..files.clone()
    };
    let noted: Arc<Mutex<Vec<Json>>> = Arc::default();
    let mut interpreter = Interpreter::new(&rewritten, LONGEST)?;
    let pad = Arc::clone(&noted);
    let note = move |arguments: Vec<regorus::Value>| {
        let value = arguments
            .into_iter()
            .next()
            .unwrap_or(regorus::Value::Undefined);
        let json = value.to_json_str().map(|text| serde_json::from_str(&text));
        if let Ok(Ok(json)) = json {
            let mut noted = pad.lock().unwrap_or_else(PoisonError::into_inner);
            if noted.len() < MOST_OF_ONE_TEST && !noted.contains(&json) {
                noted.push(json);
            }
        }
        Ok(value)
    };
    interpreter
        .add_function(NOTE, 1, Box::new(note))
        .map_err(|error| vec![Diagnostic::error("P030", error)])?;
    let mut found = Vec::new();
    for rule in interpreter.tests() {
        if !rule.name.starts_with("test_") {
            continue;
        }
        let test = format!("data.{}.{}", rule.package, rule.name);
        // A test that fails was given its inputs all the same.
        let _ = interpreter.eval(&test, now);
        let inputs = std::mem::take(&mut *noted.lock().unwrap_or_else(PoisonError::into_inner));
        found.extend(inputs.into_iter().map(|input| TestInput {
            test: test.clone(),
            input,
        }));
    }
    Ok(found)
}

/// The file with every `with input as x` written as `with input as note(x)`. Line numbers stay.
fn rewritten(file: &RegoFile) -> RegoFile {
    let mut text = file.text.to_string();
    for (start, end) in replaced_inputs(file) {
        text.insert(end, ')');
        text.insert_str(start, &format!("{NOTE}("));
    }
    RegoFile {
        path: file.path.clone(),
        text: text.into(),
    }
}

/// Where the expressions are, the last first; none where the file cannot be read, which is told elsewhere.
fn replaced_inputs(file: &RegoFile) -> Vec<(usize, usize)> {
    let Ok(parsed) = parse::parse(file) else {
        return Vec::new();
    };
    let mut places = Vec::new();
    for rule in &parsed.module.policy {
        syntax::walk_rule(rule, &mut |node| {
            let Node::Stmt(stmt) = node else { return };
            for with in &stmt.with_mods {
                let Expr::Var { span, .. } = with.refr.as_ref() else {
                    continue;
                };
                let (_, after_name) = parse::bytes_of(span, &file.text);
                let (_, end) = parse::bytes_of(with.r#as.span(), &file.text);
                if span.text() == "input"
                    && let Some(start) = after_as(&file.text, after_name)
                {
                    places.push((start, end));
                }
            }
        });
    }
    places.retain(|(start, end)| {
        file.text.is_char_boundary(*start) && file.text.is_char_boundary(*end)
    });
    places.sort_unstable_by(|one, other| other.cmp(one));
    places.dedup();
    // Of one inside another the inner is enough, and its insertion would move the end of the outer.
    let all = places.clone();
    places.retain(|(start, end)| {
        !all.iter()
            .any(|(inner, inner_end)| inner > start && inner_end <= end)
    });
    places
}

/// Where the expression after ` as ` starts. The engine's own place for an object is that of its last key.
fn after_as(text: &str, from: usize) -> Option<usize> {
    let rest = text.get(from..)?.trim_start().strip_prefix("as")?;
    Some(text.len() - rest.trim_start().len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn inputs(text: &str) -> Vec<(String, Json)> {
        let files = PolicyFiles::of([("p_test.rego", text)]).unwrap();
        let found = of_tests(&files, Timestamp::UNIX_EPOCH).unwrap();
        found.into_iter().map(|one| (one.test, one.input)).collect()
    }

    #[test]
    fn an_input_that_a_helper_builds_is_found_under_the_test_that_asked_for_it() {
        let found = inputs(
            "package p_test\n\nrefund(context) := {\"action\": \"refund\", \"context\": context}\n\n\
             approved(request) if {\n\tinput.action == \"refund\" with input as request\n\t\twith data.limits as {\"a\": 1}\n}\n\n\
             test_one if approved(refund({\"amount\": 5}))\n\n\
             test_two if {\n\tapproved(refund({}))\n\tx := input.a with input as {\"a\": \"(\"}\n\tx == \"(\"\n}\n\n\
             todo_three if approved(refund({\"amount\": 7}))\n",
        );
        let refund = |context: Json| json!({"action": "refund", "context": context});
        assert_eq!(
            found,
            [
                (
                    "data.p_test.test_one".to_owned(),
                    refund(json!({"amount": 5}))
                ),
                ("data.p_test.test_two".to_owned(), refund(json!({}))),
                ("data.p_test.test_two".to_owned(), json!({"a": "("})),
            ]
        );
    }

    #[test]
    fn an_input_that_is_written_out_is_found_whole() {
        let found = inputs(
            "package p_test\n\ntest_x if input.a == 1 with input as {\"a\": 1, \"b\": {\"c\": [1, 2], \"d\": \"x\"}}\n\n\
             test_y if input.a == 1 with input as\n\t{\"b\": 2, \"a\": 1} with data.x as 5\n",
        );
        assert_eq!(
            found,
            [
                (
                    "data.p_test.test_x".to_owned(),
                    json!({"a": 1, "b": {"c": [1, 2], "d": "x"}})
                ),
                ("data.p_test.test_y".to_owned(), json!({"a": 1, "b": 2})),
            ]
        );
    }

    #[test]
    fn one_input_used_twice_is_noted_once_and_a_failing_test_has_its_inputs_too() {
        let found = inputs(
            "package p_test\n\ntest_x if {\n\tinput.a == 1 with input as {\"a\": 1}\n\tinput.a == 2 with input as {\"a\": 1}\n}\n",
        );
        assert_eq!(found, [("data.p_test.test_x".to_owned(), json!({"a": 1}))]);
    }

    #[test]
    fn the_policies_that_ship_have_dozens() {
        let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        let files = PolicyFiles::read(&directory).unwrap();
        let found = of_tests(&files, Timestamp::UNIX_EPOCH).unwrap();
        assert!(found.len() > 30, "{}", found.len());
    }
}
