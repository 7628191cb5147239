//! Stand-in.
use crate::diagnostic::Diagnostic;
use crate::policy::folder::PolicyFiles;
use regorus::{Engine, Value};

#[allow(missing_docs, clippy::all, reason = "stand-in")]
pub struct TestRule {
    pub package: String,
    pub name: String,
    pub file: String,
    pub line: u32,
}
#[allow(missing_docs, clippy::all, reason = "stand-in")]
pub struct Interpreter {
    engine: Engine,
    rules: Vec<TestRule>,
}
#[allow(missing_docs, clippy::all, reason = "stand-in")]
impl Interpreter {
    pub fn new(files: &PolicyFiles) -> Result<Self, Vec<Diagnostic>> {
        let mut engine = Engine::new();
        let mut rules = Vec::new();
        let mut mistakes = Vec::new();
        engine
            .add_data(Value::from_json_str(&files.data.to_string()).unwrap_or(Value::Undefined))
            .map_err(|e| vec![Diagnostic::error("P000", e.to_string())])?;
        for file in &files.rego {
            match engine.add_policy(file.path.clone(), file.text.to_string()) {
                Err(error) => mistakes.push(Diagnostic::error("P001", error.to_string())),
                Ok(package) => {
                    for (at, line) in file.text.lines().enumerate() {
                        let name: String = line
                            .chars()
                            .take_while(|c| c.is_alphanumeric() || *c == '_')
                            .collect();
                        if name.starts_with("test_") || name.starts_with("todo_") {
                            rules.push(TestRule {
                                package: package.trim_start_matches("data.").to_owned(),
                                name,
                                file: file.path.clone(),
                                line: at as u32 + 1,
                            });
                        }
                    }
                }
            }
        }
        if mistakes.is_empty() {
            Ok(Self { engine, rules })
        } else {
            Err(mistakes)
        }
    }
    pub fn rules(&self) -> Vec<&TestRule> {
        self.rules.iter().collect()
    }
    pub fn eval(
        &mut self,
        path: &str,
        _now: jiff::Timestamp,
    ) -> Result<Option<serde_json::Value>, String> {
        match self.engine.eval_rule(path.to_owned()) {
            Err(error) => Err(error.to_string()),
            Ok(Value::Undefined) => Ok(None),
            Ok(value) => serde_json::from_str(&value.to_json_str().unwrap())
                .map(Some)
                .map_err(|e| e.to_string()),
        }
    }
}
