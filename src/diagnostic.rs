//! A mistake in a file somebody wrote, shown as the file, the line and a frame, with what to write instead.

use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;

/// One mistake. All mistakes of a file are collected before any is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether it stops the load.
    pub severity: Severity,
    /// A stable code such as `P001`, documented in `docs/checks.md`.
    pub code: &'static str,
    /// What is wrong, in lower case with no full stop, user input in backticks.
    pub message: String,
    /// Where, when it is in a file.
    pub place: Option<Place>,
    /// A few words under the marked text.
    pub label: Option<String>,
    /// What to do.
    pub help: Option<String>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing is loaded.
    Error,
    /// It is loaded, and somebody should look.
    Warning,
}

/// A stretch of a file's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as the user would name it.
    pub file: String,
    /// The whole text of the file.
    pub text: Arc<str>,
    /// Byte offset of the first marked byte.
    pub start: usize,
    /// Byte offset after the last marked byte.
    pub end: usize,
}

/// Whether a terminal that shows colours reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Text alone.
    Plain,
    /// With ANSI colours.
    Coloured,
}

impl Place {
    /// Line and column of the start, both from 1; the column counts characters.
    pub fn line_and_column(&self) -> (u32, u32) {
        let before = self.text.get(..self.start).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        (
            u32::try_from(line).unwrap_or(u32::MAX),
            u32::try_from(column).unwrap_or(u32::MAX),
        )
    }

    /// The bytes that a frame marks: whole letters of the text, whatever the place says.
    fn marked(&self) -> Range<usize> {
        let length = self.text.len();
        let is_whole = |at: &usize| self.text.is_char_boundary(*at);
        let start = self.start.min(length);
        let start = (0..=start).rev().find(is_whole).unwrap_or_default();
        let end = self.end.clamp(start, length);
        let end = (end..=length).find(is_whole).unwrap_or(length);
        start..end
    }
}

impl Diagnostic {
    /// An error with a message; the rest is added field by field.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            place: None,
            label: None,
            help: None,
        }
    }

    /// A warning with a message.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, message)
        }
    }

    /// The same mistake at `place`.
    #[must_use]
    pub fn at(self, place: Place) -> Self {
        Self {
            place: Some(place),
            ..self
        }
    }

    /// The same mistake with words under the marked text.
    #[must_use]
    pub fn labelled(self, label: impl Into<String>) -> Self {
        Self {
            label: Some(label.into()),
            ..self
        }
    }

    /// The same mistake with what to do about it.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }

    /// The frame: message, file, line, the marked text and the help.
    pub fn render(&self, paint: Paint) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = Group::with_title(level.primary_title(self.message.as_str()).id(self.code));
        if let Some(place) = &self.place {
            let mut annotation = AnnotationKind::Primary.span(place.marked());
            if let Some(label) = &self.label {
                annotation = annotation.label(label.as_str());
            }
            group = group.element(
                Snippet::source(&*place.text)
                    .path(place.file.as_str())
                    .annotation(annotation),
            );
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        let renderer = match paint {
            Paint::Plain => Renderer::plain(),
            Paint::Coloured => Renderer::styled(),
        };
        renderer.render(&[group])
    }

    /// The same in one object, for `--format json`.
    pub fn to_json(&self) -> serde_json::Value {
        let (line, column) = self.place.as_ref().map(Place::line_and_column).unzip();
        serde_json::json!({
            "severity": self.severity, "code": self.code, "message": self.message,
            "file": self.place.as_ref().map(|place| &place.file), "line": line, "column": column,
            "label": self.label, "help": self.help,
        })
    }
}

/// The nearest of `known` to what was written, when it is near enough to be what was meant.
pub fn did_you_mean<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let near = known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(written, word), word));
    let allowed = (written.chars().count() / 3).max(1);
    near.filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_inside_of_a_letter_marks_the_whole_of_it() {
        let text: Arc<str> = "x = “é”".into();
        for start in 0..=text.len() + 1 {
            for end in 0..=text.len() + 1 {
                let place = Place {
                    file: "x.rego".into(),
                    text: Arc::clone(&text),
                    start,
                    end,
                };
                assert!(text.get(place.marked()).is_some(), "{start} {end}");
                let shown = Diagnostic::error("C001", "wrong").at(place);
                assert!(shown.render(Paint::Plain).contains("x = “é”"));
            }
        }
    }

    #[test]
    fn a_mistake_is_shown_with_file_line_and_help() {
        let text: Arc<str> = "mode: dry_run\nlisten: x\n".into();
        let start = text.find("listen").unwrap();
        let shown = Diagnostic::error("C001", "unknown key `lisen`")
            .at(Place {
                file: "countersign.yaml".into(),
                text,
                start,
                end: start + 6,
            })
            .help("did you mean `listen`?")
            .render(Paint::Plain);
        insta::assert_snapshot!(shown, @r"
        error[C001]: unknown key `lisen`
         --> countersign.yaml:2:1
          |
        2 | listen: x
          | ^^^^^^
          |
          = help: did you mean `listen`?
        ");
    }

    #[test]
    fn a_near_word_is_suggested_and_a_far_one_is_not() {
        assert_eq!(did_you_mean("lisen", ["listen", "mode"]), Some("listen"));
        assert_eq!(did_you_mean("frobnicate", ["listen", "mode"]), None);
    }
}
