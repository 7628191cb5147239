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
use crate::policy::engine::catalog::{Catalog, RuleNode};
use crate::policy::engine::chains;
use crate::policy::engine::parse;
use crate::policy::folder::{PolicyFiles, RegoFile};

mod cases;
mod coverage;
mod failure;
mod names;
mod operands;
mod probe;
mod text;

pub use cases::Case;
pub use coverage::CoveredFile;
pub use failure::{Failure, Operand};

/// A whole policy set with its tests, ready to evaluate any rule of it. A built-in that fails is an error, not undefined.
pub struct Interpreter {
    engine: Engine,
    catalog: Catalog,
    data: Value,
    time_limit: Duration,
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
    /// Whether it is `test_name[case]`: a rule with a value for each of its cases.
    pub has_cases: bool,
}

impl Interpreter {
    /// Reads all files; the mistakes of all of them come back at once. No evaluation takes longer than `time_limit`.
    pub fn new(files: &PolicyFiles, time_limit: Duration) -> Result<Self, Vec<Diagnostic>> {
        let mut mistakes = Vec::new();
        let mut all = Vec::new();
        for file in &files.rego {
            match parse::parse(file) {
                Ok(parsed) => all.push(parsed),
                Err(found) => mistakes.extend(found),
            }
        }
        let data = Document::of(&files.data).map_or_else(
            |error| {
                mistakes.push(unusable_data(&error));
                Value::new_object()
            },
            |Document(data)| data,
        );
        let catalog = Catalog::with_tests(all);
        mistakes.extend(chains::check(&catalog));
        let read: Vec<&RegoFile> = catalog.files.iter().map(|parsed| &parsed.file).collect();
        let engine = engine(&read, &data, time_limit).unwrap_or_else(|found| {
            mistakes.extend(found);
            Engine::new()
        });
        if mistakes.is_empty() {
            Ok(Self {
                engine,
                catalog,
                data,
                time_limit,
            })
        } else {
            Err(mistakes)
        }
    }

    /// The tests, in the order of file and line. A test with several bodies is listed once.
    pub fn tests(&self) -> Vec<TestRule> {
        let mut found: Vec<TestRule> = Vec::new();
        for rule in self.catalog.rules.iter().filter(|rule| is_test(rule)) {
            let Some(parsed) = self.catalog.parsed(rule) else {
                continue;
            };
            let is_known =
                |test: &TestRule| test.package == *rule.package && test.name == rule.name;
            if !found.iter().any(is_known) {
                found.push(TestRule {
                    package: rule.package.to_string(),
                    name: rule.name.clone(),
                    file: parsed.file.path.clone(),
                    line: rule.line,
                    has_cases: !keys(&rule.rule).is_empty(),
                });
            }
        }
        found
    }

    /// The value of the rule at `rule_path` (`data.approvals.refunds_test.test_small`) with `now` as the time;
    /// `None` when it is undefined.
    pub fn eval(
        &self,
        rule_path: &str,
        now: Timestamp,
    ) -> Result<Option<serde_json::Value>, String> {
        let value = evaluate(&mut self.engine.clone(), rule_path, now)?;
        if value == Value::Undefined {
            return Ok(None);
        }
        let text = value.to_json_str().map_err(|error| error.to_string())?;
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| error.to_string())
    }
}

/// The rule that is one of the set's tests.
fn is_test(rule: &RuleNode) -> bool {
    let is_named = rule.name.starts_with("test_") || rule.name.starts_with("todo_");
    is_named && matches!(rule.rule.as_ref(), Rule::Spec { .. })
}

/// What is between the brackets of a head, `case` in `test_name[case]`.
fn keys(rule: &Rule) -> Vec<&Ref<Expr>> {
    let Rule::Spec {
        head: RuleHead::Compr { refr, .. },
        ..
    } = rule
    else {
        return vec![];
    };
    let mut at = refr;
    let mut keys = Vec::new();
    while let Expr::RefBrack { refr, index, .. } = at.as_ref() {
        keys.push(index);
        at = refr;
    }
    keys.reverse();
    keys
}

/// An engine that holds these files.
fn engine(
    files: &[&RegoFile],
    data: &Value,
    time_limit: Duration,
) -> Result<Engine, Vec<Diagnostic>> {
    let mut engine = Engine::new();
    let mut mistakes = Vec::new();
    engine.set_strict_builtin_errors(true);
    engine.set_execution_timer_config(ExecutionTimerConfig {
        limit: time_limit,
        check_interval: NonZeroU32::MIN.saturating_add(63),
    });
    for file in files {
        if let Err(error) = engine.add_policy(file.path.clone(), file.text.to_string()) {
            mistakes.push(parse::diagnostic(file, &error.to_string()));
        }
    }
    if let Err(error) = engine.add_data(data.clone()) {
        mistakes.push(unusable_data(&error.to_string()));
    }
    if let Err(error) = bound(&mut engine) {
        mistakes.push(Diagnostic::error("P030", error.to_string()));
    }
    if mistakes.is_empty() {
        Ok(engine)
    } else {
        Err(mistakes)
    }
}

fn unusable_data(error: &str) -> Diagnostic {
    Diagnostic::error("P020", format!("the data files cannot be used: {error}"))
}

/// The value of a rule by an engine that is used once.
fn evaluate(engine: &mut Engine, rule_path: &str, now: Timestamp) -> Result<Value, String> {
    let nanoseconds = i64::try_from(now.as_nanosecond()).unwrap_or(i64::MAX);
    let clock = move |_: Vec<Value>| Ok(Value::from(nanoseconds));
    engine
        .add_extension("time.now_ns".to_owned(), 0, Box::new(clock))
        .map_err(|error| error.to_string())?;
    let evaluated = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        engine.eval_rule(rule_path.to_owned())
    }));
    evaluated
        .map_err(|_| "a built-in function panicked".to_owned())?
        .map_err(|error| without_place_of_built_in(error.to_string().trim()))
}

/// The engine's error text without the place that bounded built-ins are said to be at, which is none.
fn without_place_of_built_in(error: &str) -> String {
    let place = error.find("error: \n--> a built-in:");
    let message = error.rfind("error: ");
    match place.zip(message) {
        Some((place, message)) => {
            let (before, after) = (error.get(..place), error.get(message..));
            format!(
                "{}{}",
                before.unwrap_or_default(),
                after.unwrap_or_default()
            )
        }
        None => error.to_owned(),
    }
}

impl Interpreter {
    /// Lets rules call one more function, of so many arguments.
    pub(super) fn add_function(
        &mut self,
        name: &str,
        arguments: u8,
        call: Box<dyn regorus::Extension>,
    ) -> Result<(), String> {
        let added = self.engine.add_extension(name.to_owned(), arguments, call);
        added.map_err(|error| error.to_string())
    }
}

impl std::fmt::Debug for Interpreter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interpreter")
            .field("files", &self.catalog.files.len())
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
        let interpreter = Interpreter::new(&set(
            "package a_test\n\ntest_now if time.now_ns() == 1000000000\n\ntest_data if data.limits.refund == 100\n\ntest_with if input.x == 1 with input as {\"x\": 1}\n\ntest_no if input.y\n",
        ), Duration::from_secs(5))
        .unwrap();
        let now = Timestamp::from_second(1).unwrap();
        let names: Vec<_> = interpreter
            .tests()
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
        let interpreter = Interpreter::new(
            &set("package a_test\n\ntest_bad if to_number(\"abc\") > 1\n"),
            Duration::from_secs(5),
        )
        .unwrap();
        assert!(
            interpreter
                .eval("data.a_test.test_bad", Timestamp::UNIX_EPOCH)
                .is_err()
        );
    }
}
