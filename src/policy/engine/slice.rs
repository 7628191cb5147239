//! Small programs out of large files.
//!
//! A slice is the text of a few rules and of all rules they reach, with a map from its lines back to the files. The
//! engine parses and compiles it as if nothing else existed, so that a decision costs the same in a set of ten rules and
//! of ten thousand.

mod edits;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::policy::engine::catalog::{Catalog, RuleNode};
use crate::policy::engine::parse::{bytes_of, offset_in_line};
use edits::edits;

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
