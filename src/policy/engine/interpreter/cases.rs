//! The cases of a test that has several: `test_name[case] if { some case, … in cases … }`.

use jiff::Timestamp;
use regorus::Value;
use regorus::unstable::{Expr, LiteralStmt, Ref};

use super::failure::bodies;
use super::names::Beginning;
use super::probe::Level;
use super::text::text_of;
use super::{Interpreter, TestRule, keys};
use crate::policy::engine::catalog::RuleNode;

/// One case of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What is between the brackets; text as it is, everything else as JSON.
    pub path: Vec<String>,
    /// Whether the test is `true` there.
    pub passes: bool,
    /// The same values as the engine has them.
    keys: Vec<Value>,
}

impl Interpreter {
    /// The cases of a test. The engine knows of those that pass; the others are found by evaluating each body up to where
    /// the case has a value.
    pub fn cases(&self, test: &TestRule, now: Timestamp) -> Result<Vec<Case>, String> {
        let path = format!("data.{}.{}", test.package, test.name);
        let Some(first) = self.definitions(test).next() else {
            return Ok(vec![]);
        };
        // By a reference to it: the engine does not take every head for the path of a rule.
        let level = Level {
            file: first.file,
            before: vec![],
            with: String::new(),
        };
        let whole = self.values(&[level], &path, now)?;
        let whole = whole.first().unwrap_or(&Value::Undefined);
        let mut found: Vec<Vec<Value>> = Vec::new();
        for rule in self.definitions(test) {
            let keys = keys(&rule.rule);
            for (statements, _) in bodies(&rule.rule) {
                if let Some((_, cases)) = self.bound(rule, statements, &keys, now) {
                    found.extend(cases);
                }
            }
        }
        found.sort();
        found.dedup();
        let cases = found.into_iter().map(|keys| {
            let value = keys.iter().fold(whole, |value, key| &value[key]);
            Case {
                path: keys.iter().map(name).collect(),
                passes: *value == Value::Bool(true),
                keys,
            }
        });
        Ok(cases.collect())
    }

    /// How many statements it takes until the keys of the head have values, and those values.
    fn bound(
        &self,
        rule: &RuleNode,
        statements: &[LiteralStmt],
        keys: &[&Ref<Expr>],
        now: Timestamp,
    ) -> Option<(usize, Vec<Vec<Value>>)> {
        let list = self.list(rule, keys)?;
        let mut before = Beginning::default();
        let mut beginnings = vec![before.clone()];
        for stmt in statements {
            before = before.and(self.text(rule, &stmt.span), stmt);
            beginnings.push(before.clone());
        }
        beginnings
            .into_iter()
            .enumerate()
            .find_map(|(count, before)| {
                let wanted = keys
                    .iter()
                    .fold(before.clone(), |before, key| before.before(key));
                if !self.is_whole(rule.file, &wanted) {
                    return None;
                }
                let level = Level {
                    file: rule.file,
                    before: before.texts,
                    with: String::new(),
                };
                let values = self.values(&[level], &list, now).ok()?;
                let lists: Vec<_> = values
                    .iter()
                    .filter_map(|value| Some(value.as_array().ok()?.to_vec()))
                    .collect();
                (!lists.is_empty()).then_some((count, lists))
            })
    }

    /// The statement that leaves of a body this case alone, and after how many statements it stands.
    pub(super) fn pin(
        &self,
        rule: &RuleNode,
        statements: &[LiteralStmt],
        case: &Case,
        now: Timestamp,
    ) -> Option<(usize, String)> {
        let keys = keys(&rule.rule);
        let (count, _) = self.bound(rule, statements, &keys, now)?;
        let wanted = Value::from(case.keys.clone()).to_json_str().ok()?;
        Some((count, format!("{} == {wanted}", self.list(rule, &keys)?)))
    }

    /// `[a, b]` for the head `test_name[a][b]`.
    fn list(&self, rule: &RuleNode, keys: &[&Ref<Expr>]) -> Option<String> {
        let parsed = self.catalog.parsed(rule)?;
        let texts: Vec<&str> = keys.iter().map(|key| text_of(parsed, key.span())).collect();
        (!texts.is_empty()).then(|| format!("[{}]", texts.join(", ")))
    }
}

fn name(key: &Value) -> String {
    if let Value::String(text) = key {
        return text.to_string();
    }
    key.to_json_str().unwrap_or_default()
}
