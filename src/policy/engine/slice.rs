//! Small programs out of large files.
//!
//! A slice is the text of a few rules and of all rules they reach, with a map from its lines back to the files. The
//! engine parses and compiles it as if nothing else existed, so that a decision costs the same in a set of ten rules and
//! of ten thousand.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Rule};

use crate::policy::engine::catalog::{Catalog, RuleNode};
use crate::policy::engine::parse::{bytes_of, offset_in_line};
use crate::policy::engine::syntax::{self, Node};

/// Generated files with the way back. No two files share a line number: the engine's instructions name a line, and
/// nothing that tells the file reliably.
pub(crate) struct Slice {
    pub(crate) files: Vec<SliceFile>,
    lines: Vec<Line>,
}

/// One generated file: the kept rules of one file.
pub(crate) struct SliceFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A place in a file: its index and a byte.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) file: usize,
    pub(crate) offset: usize,
}

struct Line {
    file: usize,
    text: String,
    pieces: Vec<Piece>,
}

/// From this byte of the generated line on, the text is that of the file from `from` on; `None` where it was added.
#[derive(Clone, Copy)]
struct Piece {
    at: usize,
    from: usize,
    copied: bool,
}

impl Slice {
    /// The text of `rules`, which must be closed under what they need.
    pub(crate) fn new(catalog: &Catalog, rules: &BTreeSet<usize>) -> Self {
        let mut by_file: BTreeMap<usize, Vec<&RuleNode>> = BTreeMap::new();
        for rule in rules.iter().filter_map(|&index| catalog.rules.get(index)) {
            by_file.entry(rule.file).or_default().push(rule);
        }
        let mut slice = Self {
            files: Vec::new(),
            lines: Vec::new(),
        };
        for (file, rules) in by_file {
            slice.add(catalog, file, &rules);
        }
        slice
    }

    fn add(&mut self, catalog: &Catalog, file: usize, rules: &[&RuleNode]) {
        let Some(parsed) = catalog.files.get(file) else {
            return;
        };
        let original = &parsed.file.text;
        let mut writer = Writer {
            file,
            original,
            line: String::new(),
            pieces: Vec::new(),
            lines: Vec::new(),
        };
        let package = bytes_of(&parsed.module.package.span, original);
        writer.copy(package.0, package.1);
        writer.end_line();
        for import in &parsed.module.imports {
            let (start, end) = bytes_of(&import.span, original);
            writer.copy(start, end);
            writer.end_line();
        }
        for rule in rules {
            let mut at = rule.start;
            let column = original.get(..at).map_or(0, |before| {
                before.chars().rev().take_while(|&c| c != '\n').count()
            });
            writer.insert(&" ".repeat(column), at);
            for (place, edit) in edits(catalog, rule, original) {
                writer.copy(at, place);
                writer.insert(&edit.text, place);
                at = place + edit.instead_of;
            }
            writer.copy(at, rule.end);
            writer.end_line();
        }
        let mut text = "\n".repeat(self.lines.len());
        for line in &writer.lines {
            let _ = writeln!(text, "{}", line.text);
        }
        self.lines.extend(writer.lines);
        self.files.push(SliceFile {
            path: parsed.file.path.clone(),
            text,
        });
    }

    /// Where a line and column of the slice come from.
    pub(crate) fn origin(&self, line: usize, column: usize) -> Option<Origin> {
        let line = self.lines.get(line.checked_sub(1)?)?;
        let at = offset_in_line(&line.text, column);
        let piece = line.pieces.iter().rev().find(|piece| piece.at <= at)?;
        let beyond = if piece.copied { at - piece.at } else { 0 };
        Some(Origin {
            file: line.file,
            offset: piece.from + beyond,
        })
    }
}

struct Writer<'a> {
    file: usize,
    original: &'a str,
    line: String,
    pieces: Vec<Piece>,
    lines: Vec<Line>,
}

impl Writer<'_> {
    fn copy(&mut self, start: usize, end: usize) {
        let mut at = start;
        let text = self.original.get(start..end).unwrap_or_default();
        for (number, part) in text.split('\n').enumerate() {
            if number > 0 {
                self.end_line();
                at += 1;
            }
            self.pieces.push(Piece {
                at: self.line.len(),
                from: at,
                copied: true,
            });
            self.line.push_str(part.trim_end_matches('\r'));
            at += part.len();
        }
    }

    fn insert(&mut self, text: &str, at: usize) {
        self.pieces.push(Piece {
            at: self.line.len(),
            from: at,
            copied: false,
        });
        self.line.push_str(text);
    }

    fn end_line(&mut self) {
        self.lines.push(Line {
            file: self.file,
            text: std::mem::take(&mut self.line),
            pieces: std::mem::take(&mut self.pieces),
        });
    }
}

/// A change of the text at a place.
#[derive(Default)]
struct Edit {
    text: String,
    /// How many bytes of the original it stands for.
    instead_of: usize,
}

/// What the text needs for the bytecode to mean what the policy language means.
///
/// An assignment of what is undefined ends the body, while the bytecode goes on: so the name is looked at once after it
/// is assigned. And a rule that is named by way of an import is evaluated with its whole package at a place where loops
/// come out empty: so the import's own path is written instead of its name.
fn edits(catalog: &Catalog, node: &RuleNode, text: &str) -> BTreeMap<usize, Edit> {
    let mut edits: BTreeMap<usize, Edit> = BTreeMap::new();
    let mut insert = |place: usize, text: &str| {
        edits.entry(place).or_default().text.push_str(text);
    };
    let mut done = BTreeSet::new();
    if let Rule::Spec { bodies, .. } = node.rule.as_ref() {
        for body in bodies {
            let (start, _) = bytes_of(&body.query.span, text);
            let braced = text.get(start..).is_some_and(|rest| rest.starts_with('{'));
            if let ([stmt], false) = (body.query.stmts.as_slice(), braced)
                && let Some(name) = assigned(stmt)
            {
                let (start, end) = bytes_of(&stmt.span, text);
                insert(start, "{ ");
                insert(end, &format!("; {name} == {name} }}"));
                done.insert(end);
            }
        }
    }
    let mut names = Vec::new();
    syntax::walk_rule(&node.rule, &mut |at| match at {
        Node::Stmt(stmt) => {
            if let Some(name) = assigned(stmt) {
                let (_, end) = bytes_of(&stmt.span, text);
                if done.insert(end) {
                    insert(end, &format!("; {name} == {name}"));
                }
            }
        }
        Node::Expr(expr) => {
            let name = syntax::variable(expr);
            if let Some(path) = name.and_then(|name| catalog.imported(node.file, name)) {
                names.push((bytes_of(expr.span(), text), written(path)));
            }
        }
    });
    for ((start, end), path) in names {
        let edit = edits.entry(start).or_default();
        if edit.instead_of == 0 {
            edit.text.push_str(&path);
            edit.instead_of = end.saturating_sub(start);
        }
    }
    edits
}

/// A path as one writes it.
fn written(path: &[String]) -> String {
    let mut text = String::new();
    for part in path {
        let is_name = part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if text.is_empty() {
            text.push_str(part);
        } else if is_name {
            let _ = write!(text, ".{part}");
        } else {
            let _ = write!(text, "[{}]", serde_json::json!(part));
        }
    }
    text
}

/// The name that a statement assigns with `:=`.
fn assigned(stmt: &LiteralStmt) -> Option<&str> {
    let Literal::Expr { expr, .. } = &stmt.literal else {
        return None;
    };
    let Expr::AssignExpr {
        op: AssignOp::ColEq,
        lhs,
        ..
    } = expr.as_ref()
    else {
        return None;
    };
    syntax::variable(lhs).filter(|name| *name != "_")
}
