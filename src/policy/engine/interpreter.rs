//! The engine's interpreter, which carries all of Rego: for a policy set's own tests, never for a decision.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::Timestamp;
use regorus::unstable::{Expr, Ref, Rule, RuleHead, Span};
use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Source, Value};

use crate::diagnostic::Diagnostic;
use crate::policy::engine::Document;
use crate::policy::engine::bounds;
use crate::policy::engine::catalog::Catalog;
use crate::policy::engine::chains;
use crate::policy::engine::parse::{self, Parsed};
use crate::policy::folder::PolicyFiles;

/// How long one test may take.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// A whole policy set with its tests, ready to evaluate any rule of it. A built-in that fails is an error, not undefined.
pub struct Interpreter {
    engine: Engine,
    tests: Vec<TestRule>,
}

/// A rule whose name starts with `test_` or `todo_`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestRule {
    /// Its package, without `data.`.
    pub package: String,
    /// Its name.
    pub name: String,
    /// Its file, relative to the policy directory.
    pub file: String,
    /// Line of its head, from 1.
    pub line: u32,
}

impl Interpreter {
    /// Reads all files; the mistakes of all of them come back at once.
    pub fn new(files: &PolicyFiles) -> Result<Self, Vec<Diagnostic>> {
        let mut engine = Engine::new();
        let mut mistakes = Vec::new();
        let mut tests = Vec::new();
        let mut all = Vec::new();
        engine.set_strict_builtin_errors(true);
        engine.set_execution_timer_config(ExecutionTimerConfig {
            limit: TIME_LIMIT,
            check_interval: NonZeroU32::MIN.saturating_add(63),
        });
        for file in &files.rego {
            match parse::parse(file) {
                Ok(parsed) => {
                    tests.extend(tests_of(&parsed));
                    all.push(parsed);
                }
                Err(found) => {
                    mistakes.extend(found);
                    continue;
                }
            }
            if let Err(error) = engine.add_policy(file.path.clone(), file.text.to_string()) {
                mistakes.push(parse::diagnostic(file, &error.to_string()));
            }
        }
        let data = Document::of(&files.data);
        let added = data
            .and_then(|Document(data)| engine.add_data(data).map_err(|error| error.to_string()));
        if let Err(error) = added {
            mistakes.push(Diagnostic::error(
                "P020",
                format!("the data files cannot be used: {error}"),
            ));
        }
        mistakes.extend(chains::check(&Catalog::with_tests(all)));
        if let Err(error) = bound(&mut engine) {
            mistakes.push(Diagnostic::error("P030", error.to_string()));
        }
        if mistakes.is_empty() {
            Ok(Self { engine, tests })
        } else {
            Err(mistakes)
        }
    }

    /// The tests, in the order of file and line. A test with several bodies is listed once.
    pub fn rules(&self) -> Vec<TestRule> {
        self.tests.clone()
    }

    /// The value of the rule at `rule_path` (`data.approvals.refunds_test.test_small`) with `now` as the time;
    /// `None` when it is undefined.
    pub fn eval(
        &mut self,
        rule_path: &str,
        now: Timestamp,
    ) -> Result<Option<serde_json::Value>, String> {
        let mut engine = self.engine.clone();
        let nanoseconds = i64::try_from(now.as_nanosecond()).unwrap_or(i64::MAX);
        let clock = move |_: Vec<Value>| Ok(Value::from(nanoseconds));
        engine
            .add_extension("time.now_ns".to_owned(), 0, Box::new(clock))
            .map_err(|error| error.to_string())?;
        let evaluated = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            engine.eval_rule(rule_path.to_owned())
        }));
        let value = evaluated
            .map_err(|_| "a built-in function panicked".to_owned())?
            .map_err(|error| error.to_string().trim().to_owned())?;
        if value == Value::Undefined {
            return Ok(None);
        }
        let text = value.to_json_str().map_err(|error| error.to_string())?;
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| error.to_string())
    }
}

impl std::fmt::Debug for Interpreter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interpreter")
            .field("tests", &self.tests)
            .finish_non_exhaustive()
    }
}

/// Lets the interpreter call the bounded form of each built-in that has one: a test must not end the process either.
fn bound(engine: &mut Engine) -> anyhow::Result<()> {
    let span = Span {
        source: Source::from_contents("a built-in".to_owned(), String::new())?,
        line: 1,
        col: 1,
        start: 0,
        end: 0,
    };
    let nothing = Ref::new(Expr::Null {
        span: span.clone(),
        value: Value::Null,
        eidx: 0,
    });
    for (name, function, count) in bounds::all() {
        let (span, nothing) = (span.clone(), vec![nothing.clone(); usize::from(count)]);
        let call = move |arguments: Vec<Value>| function(&span, &nothing, &arguments, true);
        engine.add_extension(name.to_owned(), count, Box::new(call))?;
    }
    Ok(())
}

fn tests_of(parsed: &Parsed) -> Vec<TestRule> {
    let mut found: Vec<TestRule> = Vec::new();
    for rule in &parsed.module.policy {
        let Rule::Spec { span, head, .. } = rule.as_ref() else {
            continue;
        };
        let refr = match head {
            RuleHead::Compr { refr, .. }
            | RuleHead::Set { refr, .. }
            | RuleHead::Func { refr, .. } => refr,
        };
        let name = refr.span().text();
        let is_test = name.starts_with("test_") || name.starts_with("todo_");
        if is_test && !found.iter().any(|test| test.name == name) {
            found.push(TestRule {
                package: parsed.package.clone(),
                name: name.to_owned(),
                file: parsed.file.path.clone(),
                line: span.line,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::folder::RegoFile;

    fn set(text: &str) -> PolicyFiles {
        PolicyFiles {
            rego: vec![RegoFile {
                path: "a_test.rego".into(),
                text: text.into(),
            }],
            data: serde_json::json!({"limits": {"refund": 100}}),
            data_files: vec![],
            schemas: vec![],
        }
    }

    #[test]
    fn a_test_sees_input_data_and_the_time_it_is_given() {
        let mut interpreter = Interpreter::new(&set(
            "package a_test\n\ntest_now if time.now_ns() == 1000000000\n\ntest_data if data.limits.refund == 100\n\ntest_with if input.x == 1 with input as {\"x\": 1}\n\ntest_no if input.y\n",
        ))
        .unwrap();
        let now = Timestamp::from_second(1).unwrap();
        let names: Vec<_> = interpreter
            .rules()
            .into_iter()
            .map(|rule| rule.name)
            .collect();
        assert_eq!(names, ["test_now", "test_data", "test_with", "test_no"]);
        for name in ["test_now", "test_data", "test_with"] {
            let value = interpreter
                .eval(&format!("data.a_test.{name}"), now)
                .unwrap();
            assert_eq!(value, Some(serde_json::json!(true)), "{name}");
        }
        assert_eq!(interpreter.eval("data.a_test.test_no", now), Ok(None));
    }

    #[test]
    fn a_built_in_that_fails_in_a_test_is_an_error() {
        let mut interpreter = Interpreter::new(&set(
            "package a_test\n\ntest_bad if to_number(\"abc\") > 1\n",
        ))
        .unwrap();
        assert!(
            interpreter
                .eval("data.a_test.test_bad", Timestamp::UNIX_EPOCH)
                .is_err()
        );
    }
}
