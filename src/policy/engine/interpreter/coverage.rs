//! Which lines of a set its tests reach.
//!
//! Lines are counted as OPA counts them: a rule's head, covered when a body of it held and its value was taken, and the
//! first line of each statement, covered when it was evaluated. The engine's own count knows the second alone, and leaves
//! out files of which nothing was evaluated, so each head is made to say that it held.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use regorus::unstable::{Expr, Literal, Query, Ref, Rule, RuleHead, Span};
use regorus::{Engine, Value};

use super::{Interpreter, engine, evaluate};
use crate::diagnostic::Diagnostic;
use crate::policy::engine::parse::{self, Parsed, bytes_of};
use crate::policy::engine::syntax::{self, Node};
use crate::policy::folder::RegoFile;

/// The function that a head calls when it held.
const HELD: &str = "countersign.held";

/// What stands before what a head adds to its set.
const CONTAINS: &str = "contains";

/// One file that is no test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoveredFile {
    /// Relative to the policy directory.
    pub path: String,
    /// Lines that were reached, from 1.
    pub covered: BTreeSet<u32>,
    /// The other lines that count.
    pub not_covered: BTreeSet<u32>,
}

/// A line that counts, and from where to where an evaluation shows that it was reached.
struct Counted {
    line: u32,
    last: u32,
    reached: Reached,
}

/// What shows it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reached {
    /// The head said so.
    Held,
    /// The engine evaluated something there.
    Evaluated,
}

/// A change of a file's text.
struct Edit {
    start: usize,
    end: usize,
    text: String,
}

impl Edit {
    fn insert(at: usize, text: String) -> Self {
        Self {
            start: at,
            end: at,
            text,
        }
    }
}

impl Interpreter {
    /// What evaluating these rules reaches, by file, in the order of their paths.
    pub fn coverage(
        &self,
        rule_paths: &[String],
        now: Timestamp,
    ) -> Result<Vec<CoveredFile>, Vec<Diagnostic>> {
        let files = (0..self.catalog.files.len()).zip(&self.catalog.files);
        let told: Vec<RegoFile> = files
            .map(|(file, parsed)| self.telling(file, parsed))
            .collect();
        let held: Arc<Mutex<BTreeSet<(String, u32)>>> = Arc::default();
        let mut engine = engine(
            &told.iter().collect::<Vec<_>>(),
            &self.data,
            self.time_limit,
        )?;
        listen(&mut engine, &held)?;
        engine.set_enable_coverage(true);
        let mut evaluated: BTreeSet<(String, u32)> = BTreeSet::new();
        for rule_path in rule_paths {
            let mut engine = engine.clone();
            // A test that cannot be evaluated still reached what it reached.
            let _ = evaluate(&mut engine, rule_path, now);
            let report = engine.get_coverage_report();
            for file in report.map(|report| report.files).unwrap_or_default() {
                evaluated.extend(file.covered.iter().map(|&line| (file.path.clone(), line)));
            }
        }
        let held = held.lock().unwrap_or_else(PoisonError::into_inner);
        let files = self.catalog.files.iter().filter(|parsed| !parsed.is_test());
        let covered = files.map(|parsed| {
            let mut file = CoveredFile {
                path: parsed.file.path.clone(),
                covered: BTreeSet::new(),
                not_covered: BTreeSet::new(),
            };
            for counted in lines(parsed) {
                let seen = match counted.reached {
                    Reached::Held => &*held,
                    Reached::Evaluated => &evaluated,
                };
                let (from, to) = (counted.line, counted.last);
                let range = (file.path.clone(), from)..=(file.path.clone(), to);
                if seen.range(range).next().is_some() {
                    file.covered.insert(counted.line);
                } else {
                    file.not_covered.insert(counted.line);
                }
            }
            // Two things in one line: it is enough that one was reached.
            file.not_covered.retain(|line| !file.covered.contains(line));
            file
        });
        Ok(covered.collect())
    }
}

impl Interpreter {
    /// The file as it is evaluated here: with heads that say that they held, and with whole paths for imported names, for
    /// which the engine evaluates all of the package that is imported. Its lines are those of the file. As it is where
    /// that would not be Rego.
    fn telling(&self, index: usize, parsed: &Parsed) -> RegoFile {
        let mut edits = Vec::new();
        for rule in &parsed.module.policy {
            self.spell_out(index, parsed, rule, &mut edits);
            if !parsed.is_test() {
                let path = parsed.file.path.as_str();
                mark(rule, path, &parsed.file.text, &mut edits);
            }
        }
        // From the end on, so that what is before stays where it is.
        edits.sort_by_key(|edit| std::cmp::Reverse((edit.start, edit.end)));
        let mut told = parsed.file.text.to_string();
        for edit in edits {
            if told.is_char_boundary(edit.start) && told.is_char_boundary(edit.end) {
                told.replace_range(edit.start..edit.end, &edit.text);
            }
        }
        let told = RegoFile {
            path: parsed.file.path.clone(),
            text: told.into(),
        };
        match parse::parse(&told) {
            Ok(_) => told,
            Err(_) => parsed.file.clone(),
        }
    }

    /// `data.lib.limit` for `lib.limit`.
    fn spell_out(&self, index: usize, parsed: &Parsed, rule: &Rule, edits: &mut Vec<Edit>) {
        let locals: BTreeSet<&str> = syntax::locals(rule).into_iter().map(Span::text).collect();
        syntax::walk_rule(rule, &mut |node| {
            let Node::Expr(expr) = node else { return };
            let Some(name) = syntax::variable(expr).filter(|name| !locals.contains(name)) else {
                return;
            };
            if let Some(path) = self.catalog.imported(index, name) {
                let (start, end) = bytes_of(expr.span(), &parsed.file.text);
                edits.push(Edit {
                    start,
                    end,
                    text: written(path),
                });
            }
        });
    }
}

/// A path as Rego has it.
fn written(path: &[String]) -> String {
    let mut written = String::new();
    for (place, part) in path.iter().enumerate() {
        let is_word = part.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
            && !part.starts_with(|c: char| c.is_ascii_digit());
        let _ = match (place, is_word) {
            (0, _) => write!(written, "{part}"),
            (_, true) => write!(written, ".{part}"),
            (_, false) => write!(written, "[{}]", serde_json::Value::from(part.as_str())),
        };
    }
    written
}

/// Lets the heads of a rule say that they held.
fn mark(rule: &Rule, path: &str, text: &str, edits: &mut Vec<Edit>) {
    let Rule::Spec { head, bodies, span } = rule else {
        return;
    };
    let path = serde_json::Value::from(path);
    let call = |line: u32| format!(" {HELD}({path}, {line}, ");
    let mut around = |line: u32, (start, end): (usize, usize)| {
        edits.push(Edit::insert(start, call(line)));
        edits.push(Edit::insert(end, ")".to_owned()));
    };
    let mut without = Vec::new();
    match head {
        RuleHead::Compr {
            span: whole,
            assign,
            ..
        }
        | RuleHead::Func {
            span: whole,
            assign,
            ..
        } => match assign {
            Some(assign) => around(span.line, value_in(&assign.span, text)),
            None => without.push((bytes_of(whole, text).1, span.line)),
        },
        RuleHead::Set {
            key: Some(_),
            span: whole,
            refr,
        } => {
            let after = bytes_of(refr.span(), text).1;
            let end = bytes_of(whole, text).1;
            let keyword = text.get(after..end).and_then(|rest| rest.find(CONTAINS));
            if let Some(at) = keyword {
                around(span.line, (after + at + CONTAINS.len(), end));
            }
        }
        RuleHead::Set { key: None, .. } => {}
    }
    for body in bodies.iter().filter(|body| body.is_else) {
        match &body.assign {
            Some(assign) => around(body.span.line, value_in(&assign.span, text)),
            None => without.push((body.span.start as usize + "else".len(), body.span.line)),
        }
    }
    edits.extend(
        without
            .into_iter()
            .map(|(at, line)| Edit::insert(at, format!(" :={}true)", call(line)))),
    );
}

/// Lets the engine call [`HELD`], which notes file and line and gives back the value it was given.
fn listen(
    engine: &mut Engine,
    held: &Arc<Mutex<BTreeSet<(String, u32)>>>,
) -> Result<(), Vec<Diagnostic>> {
    let held = Arc::clone(held);
    let note = move |arguments: Vec<Value>| {
        let [Value::String(file), line, value] = arguments.as_slice() else {
            anyhow::bail!("`{HELD}` is called with a file, a line and a value");
        };
        let line = u32::try_from(line.as_u64()?)?;
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert((file.to_string(), line));
        Ok(value.clone())
    };
    engine
        .add_extension(HELD.to_owned(), 3, Box::new(note))
        .map_err(|error| vec![Diagnostic::error("P030", error.to_string())])
}

/// The value of `:= value`.
fn value_in(assign: &Span, text: &str) -> (usize, usize) {
    let (start, end) = bytes_of(assign, text);
    let operator = text.get(start..end).and_then(|text| text.find('='));
    (start + operator.map_or(0, |at| at + 1), end)
}

/// The lines of a file that count.
fn lines(parsed: &Parsed) -> Vec<Counted> {
    let mut found = Vec::new();
    for rule in &parsed.module.policy {
        let head = |line| Counted {
            line,
            last: line,
            reached: Reached::Held,
        };
        match rule.as_ref() {
            Rule::Spec { span, bodies, .. } => {
                found.push(head(span.line));
                let other = bodies.iter().filter(|body| body.is_else);
                found.extend(other.map(|body| head(body.span.line)));
                for body in bodies {
                    statements(&body.query, parsed, &mut found);
                }
            }
            Rule::Default { span, value, .. } => found.push(Counted {
                line: span.line,
                last: last_line(value.span(), parsed),
                reached: Reached::Evaluated,
            }),
        }
        syntax::walk_rule(rule, &mut |node| {
            if let Node::Expr(expr) = node
                && let Some(query) = query_of(expr)
            {
                statements(query, parsed, &mut found);
            }
        });
    }
    found
}

fn query_of(expr: &Ref<Expr>) -> Option<&Query> {
    if let Expr::ArrayCompr { query, .. }
    | Expr::SetCompr { query, .. }
    | Expr::ObjectCompr { query, .. } = expr.as_ref()
    {
        return Some(query);
    }
    None
}

/// The statements of a query and of every `every` in it. A declaration is none: it is never evaluated.
fn statements(query: &Query, parsed: &Parsed, found: &mut Vec<Counted>) {
    for stmt in &query.stmts {
        if let Literal::SomeVars { .. } = stmt.literal {
            continue;
        }
        found.push(Counted {
            line: stmt.span.line,
            last: last_line(&stmt.span, parsed),
            reached: Reached::Evaluated,
        });
        if let Literal::Every { query, .. } = &stmt.literal {
            statements(query, parsed, found);
        }
    }
}

/// The line a span ends in.
fn last_line(span: &Span, parsed: &Parsed) -> u32 {
    let (start, end) = bytes_of(span, &parsed.file.text);
    let text = parsed.file.text.get(start..end).unwrap_or_default();
    let more = u32::try_from(text.matches('\n').count()).unwrap_or_default();
    span.line.saturating_add(more)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::policy::folder::PolicyFiles;

    #[test]
    fn every_head_of_the_policies_there_are_can_say_that_it_held() {
        for folder in ["policies", "tests/corpus/policies"] {
            let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
            let files = PolicyFiles::read(&directory).unwrap();
            let interpreter = Interpreter::new(&files, Duration::from_secs(5)).unwrap();
            for (index, parsed) in interpreter.catalog.files.iter().enumerate() {
                let told = interpreter.telling(index, parsed).text;
                assert_eq!(told.lines().count(), parsed.file.text.lines().count());
                let mut heads = lines(parsed);
                heads.retain(|counted| counted.reached == Reached::Held);
                let expected = if parsed.is_test() { 0 } else { heads.len() };
                assert_eq!(told.matches(HELD).count(), expected, "{}", parsed.file.path);
            }
        }
    }

    #[test]
    fn a_path_is_written_as_rego_has_it() {
        let path = ["data", "lib", "odd-name", "1st"].map(str::to_owned);
        assert_eq!(written(&path), r#"data.lib["odd-name"]["1st"]"#);
    }
}
