//! What an expression is worth in the middle of a body: the interpreter keeps no trace, so a module is made that has the
//! statements before it and asks for its value.

use jiff::Timestamp;
use regorus::Value;

use super::{Interpreter, evaluate};

/// The name of the rules that are made.
const PROBE: &str = "countersign_probe";

/// The name of the variable that they collect.
const VALUE: &str = "countersign_value";

/// A place in a body.
#[derive(Debug, Clone)]
pub(super) struct Level {
    /// Its file in the catalog.
    pub(super) file: usize,
    /// The statements before it.
    pub(super) before: Vec<String>,
    /// The `with …` of the statement that is there.
    pub(super) with: String,
}

impl Interpreter {
    /// The values of `expression` at the last of `levels`, each once; each level is evaluated from the one before it,
    /// under its `with`. None where a statement before it does not hold, and where it is undefined itself.
    pub(super) fn values(
        &self,
        levels: &[Level],
        expression: &str,
        now: Timestamp,
    ) -> Result<Vec<Value>, String> {
        let mut engine = self.engine.clone();
        let mut asked = expression.to_owned();
        for (depth, level) in levels.iter().enumerate().rev() {
            let Some(parsed) = self.catalog.files.get(level.file) else {
                return Ok(vec![]);
            };
            // The package and the imports are those of the file, so that every name means what it means there.
            let first = parsed.module.policy.first();
            let end = first.map_or(parsed.file.text.len(), |rule| rule.span().start as usize);
            let header = parsed.file.text.get(..end).unwrap_or_default();
            let before = level.before.join("\n");
            let with = &level.with;
            let module = format!(
                "{header}\n{PROBE}_{depth} := [{VALUE} |\n{before}\n{VALUE} := {asked} {with}\n]\n"
            );
            engine
                .add_policy(format!("{PROBE}_{depth}.rego"), module)
                .map_err(|error| error.to_string())?;
            asked = format!("data.{}.{PROBE}_{depth}", parsed.package);
        }
        let value = evaluate(&mut engine, &asked, now)?;
        let mut found = Vec::new();
        flatten(&value, levels.len(), &mut found);
        Ok(found)
    }
}

/// The values in `depth` arrays, one inside the other.
fn flatten(value: &Value, depth: usize, found: &mut Vec<Value>) {
    if depth == 0 {
        if !found.contains(value) {
            found.push(value.clone());
        }
    } else if let Value::Array(items) = value {
        for item in items.iter() {
            flatten(item, depth - 1, found);
        }
    }
}
