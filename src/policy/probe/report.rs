//! A finding in words, and as a frame that points at the condition.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Place, Severity};
use crate::domain::rationale::bounded;
use crate::policy::folder::PolicyFiles;

use super::{Change, Finding, Property, mutate, paths::path_of};

/// Most characters of a value that are shown.
const MOST_SHOWN: usize = 60;

impl Finding {
    /// What gets through, in lower case with no full stop.
    pub fn message(&self) -> String {
        let path = path_of(&self.pointer);
        let last = self.changes.last();
        let to = last.and_then(|change| change.to.as_ref());
        let shown = to.map(show).unwrap_or_default();
        match self.property {
            Property::MissingField => match (to, self.changes.len()) {
                (Some(_), _) => format!("an empty `{path}` is approved"),
                (None, 1) => format!("a request without `{path}` is approved"),
                (None, _) => format!("what is refused is approved once `{path}` is left out"),
            },
            Property::WrongKind => {
                let kind = to.map(mutate::kind).unwrap_or_default();
                let from = last.and_then(|change| change.from.as_ref());
                match from.map(mutate::kind) {
                    Some(wanted) if kind != "null" => {
                        format!(
                            "`{path}` is approved as {} where a {wanted} is meant",
                            a(kind)
                        )
                    }
                    Some(_) | None => format!("`{path}` is approved as {kind}"),
                }
            }
            Property::NoLowerBound => {
                format!("`{path}` has an upper bound only: a negative one is approved")
            }
            Property::Monotone => {
                let from = last.and_then(|change| change.from.as_ref()).map(show);
                format!(
                    "`{path}` is declared `monotone`, and {shown} is approved although {} is not",
                    from.unwrap_or_default()
                )
            }
            Property::Spelling => {
                format!("`{path}` is denied as it is listed, and approved as {shown}")
            }
            Property::EmptyContainer => format!("`{path}` is approved when nothing is in it"),
            Property::Container if to.is_some_and(has_doubles) => {
                format!("`{path}` is approved with one element that counts as several")
            }
            Property::Container => {
                format!("`{path}` is approved with what is not approved alone")
            }
        }
    }

    /// What was done to which sample: `samples/a.json with /context/amount 50 → -1`.
    pub fn story(&self) -> String {
        let changes: Vec<String> = self.changes.iter().map(Change::in_words).collect();
        format!("{} with {}", self.sample, changes.join(" and "))
    }

    /// A frame at the condition that let it through.
    pub fn diagnostic(&self, files: &PolicyFiles, severity: Severity) -> Diagnostic {
        let more = match self.mutants {
            1 => String::new(),
            others => format!(" (and {} more like it)", others - 1),
        };
        let help = format!(
            "{}{more}\nadd to `{}`: {}",
            self.story(),
            self.approved_by.title,
            self.suggestion
                .lines()
                .map(|line| format!("`{line}`"))
                .collect::<Vec<_>>()
                .join(" and ")
        );
        let diagnostic = Diagnostic {
            severity,
            ..Diagnostic::error(self.property.code(), self.message())
        }
        .labelled("let it through")
        .help(help);
        match self.place(files) {
            Some(place) => diagnostic.at(place),
            None => diagnostic,
        }
    }

    fn place(&self, files: &PolicyFiles) -> Option<Place> {
        let condition = self.blame.condition.as_ref();
        let (path, line, text) = condition
            .map_or((&self.blame.file, self.blame.line, ""), |condition| {
                (&condition.file, condition.line, condition.text.as_str())
            });
        let file = files.rego.iter().find(|file| file.path == *path)?;
        let above = file
            .text
            .split_inclusive('\n')
            .take(line.saturating_sub(1) as usize);
        let start: usize = above.map(str::len).sum();
        let written = file.text.get(start..)?.lines().next()?;
        let indent = written.len() - written.trim_start().len();
        let (from, length) = match written.find(text).filter(|_| !text.is_empty()) {
            Some(at) => (at, text.len()),
            None => (indent, written.trim().len()),
        };
        Some(Place {
            file: file.path.clone(),
            text: Arc::clone(&file.text),
            start: start + from,
            end: start + from + length,
        })
    }
}

impl Change {
    fn in_words(&self) -> String {
        match (&self.from, &self.to) {
            (Some(_), None) => format!("{} dropped", self.path),
            (None, Some(to)) => format!("{} set to {}", self.path, show(to)),
            (Some(from), Some(to)) => format!("{} {} → {}", self.path, show(from), show(to)),
            (None, None) => format!("{} as it is", self.path),
        }
    }

    /// What JSON Patch calls it.
    pub fn operation(&self) -> &'static str {
        match (&self.from, &self.to) {
            (Some(_) | None, None) => "remove",
            (None, Some(_)) => "add",
            (Some(_), Some(_)) => "replace",
        }
    }
}

/// Whether a list has an element twice.
fn has_doubles(value: &Value) -> bool {
    let elements = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let before = |at: usize| elements.get(..at).unwrap_or_default();
    elements
        .iter()
        .enumerate()
        .any(|(at, element)| before(at).contains(element))
}

/// A value as JSON in ASCII, so that what only looks the same is seen to be something else.
fn show(value: &Value) -> String {
    let mut shown = String::new();
    for c in value.to_string().chars() {
        if c == ' ' || c.is_ascii_graphic() {
            shown.push(c);
        } else {
            let _ = write!(shown, "\\u{{{:x}}}", c as u32);
        }
    }
    bounded(&shown, MOST_SHOWN)
}

fn a(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'o']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {noun}")
}
