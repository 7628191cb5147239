//! One file: from text to syntax tree, with a frame for what is wrong.
//!
//! What must hold: no text takes long to refuse or to read. The engine's parser reads a literal twice at every level of
//! nesting, so nesting is counted before it sees the text.

mod nesting;

use std::sync::Arc;

use regorus::Source;
use regorus::unstable::{Module, Parser, Span};

use crate::diagnostic::{Diagnostic, Place};
use crate::policy::folder::RegoFile;

/// Most bytes of a file.
const MOST_BYTES: usize = 1024 * 1024;
/// Most lines of a file.
const MOST_LINES: usize = 20_000;
/// Widest line, in columns; a tab is four.
const MOST_COLUMNS: usize = 1024;

/// A file that was read.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) file: RegoFile,
    pub(crate) module: Module,
    /// The package, without `data.`.
    pub(crate) package: String,
}

impl Parsed {
    /// Whether its rules are tests: they are run by the interpreter alone and never decide.
    pub(crate) fn is_test(&self) -> bool {
        self.file.path.ends_with("_test.rego") || self.package.ends_with("_test")
    }

    /// Where a span of its tree is in its text.
    pub(crate) fn place(&self, span: &Span) -> Place {
        let (start, end) = bytes_of(span, &self.file.text);
        Place {
            file: self.file.path.clone(),
            text: Arc::clone(&self.file.text),
            start,
            end,
        }
    }
}

/// Start and end of a span in its text. A span that begins or ends with a string lacks the quote there.
pub(crate) fn bytes_of(span: &Span, text: &str) -> (usize, usize) {
    let mut start = span.start as usize;
    let mut end = (span.end as usize).max(start);
    let before = start.checked_sub(1).and_then(|at| text.as_bytes().get(at));
    if matches!(before, Some(b'"' | b'`')) {
        start -= 1;
    }
    let closes = text.as_bytes().get(end).copied();
    let inside = open_quote(text.get(start..end).unwrap_or_default());
    if closes.is_some() && closes == inside {
        end += 1;
    }
    (start, end)
}

/// The quote of the string that a text ends in the middle of.
fn open_quote(text: &str) -> Option<u8> {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'#' => {
                bytes.by_ref().find(|&byte| byte == b'\n');
            }
            b'`' => {
                let Some(_) = bytes.by_ref().find(|&byte| byte == b'`') else {
                    return Some(b'`');
                };
            }
            b'"' => loop {
                match bytes.next() {
                    Some(b'\\') => {
                        bytes.next();
                    }
                    Some(b'"') => break,
                    Some(_) => {}
                    None => return Some(b'"'),
                }
            },
            _ => {}
        }
    }
    None
}

/// Reads a file.
pub(crate) fn parse(file: &RegoFile) -> Result<Parsed, Vec<Diagnostic>> {
    let mistakes = too_large(file);
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    read(file).map_err(|error| vec![diagnostic(file, &error.to_string())])
}

fn read(file: &RegoFile) -> anyhow::Result<Parsed> {
    let source = Source::from_contents(file.path.clone(), file.text.to_string())?;
    let mut parser = Parser::new(&source)?;
    parser.enable_rego_v1()?;
    let module = parser.parse()?;
    let components = Parser::get_path_ref_components(&module.package.refr)?;
    let package: Vec<&str> = components.iter().map(Span::text).collect();
    Ok(Parsed {
        package: package.join("."),
        file: file.clone(),
        module,
    })
}

/// The engine's error text, which carries file, line and column, as a frame.
pub(crate) fn diagnostic(file: &RegoFile, error: &str) -> Diagnostic {
    let (at, message) = position(error);
    let mistake = Diagnostic::error("P001", message.clone());
    let mistake = match at {
        Some((line, column)) => mistake.at(place_at(file, line, column)),
        None => mistake.at(place_at(file, 1, 1)),
    };
    if message.contains("`if` keyword is required") || message.contains("must have a body") {
        mistake.help("this is Rego v1: write `if` before the body, as in `reject contains \"reason\" if { … }`")
    } else if message.contains("unexpected keyword `some`") {
        mistake.help("after an operator, the `|` of a comprehension is read as a union: write `[(a * b) | some …]`")
    } else if message.contains("`contains` keyword is required") {
        mistake.help("this is Rego v1: write `reject contains \"reason\" if { … }`, not `reject[\"reason\"] { … }`")
    } else {
        mistake
    }
}

/// Line and column, both from 1, and the bare message of the engine's error text.
pub(crate) fn position(error: &str) -> (Option<(usize, usize)>, String) {
    let at = error.split("--> ").nth(1).and_then(|rest| {
        let mut parts = rest.lines().next()?.rsplitn(3, ':');
        let column = parts.next()?.trim().parse().ok()?;
        let line = parts.next()?.trim().parse().ok()?;
        Some((line, column))
    });
    let message = match error.split_once("error: ") {
        Some((_, message)) => message.lines().next().unwrap_or(message),
        None => error.trim().lines().next().unwrap_or(error),
    };
    (at, message.trim().trim_end_matches('.').to_owned())
}

/// The place of a line and a column as the engine counts: a tab is four columns.
pub(crate) fn place_at(file: &RegoFile, line: usize, column: usize) -> Place {
    let start = offset_of(&file.text, line, column);
    let rest = file.text.get(start..).unwrap_or_default();
    let word = rest
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    Place {
        file: file.path.clone(),
        text: Arc::clone(&file.text),
        start,
        end: start + word.max(usize::from(!rest.is_empty() && !rest.starts_with('\n'))),
    }
}

/// Byte offset of a line and column as the engine counts them.
pub(crate) fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let mut offset = 0;
    for (this, number) in text.split_inclusive('\n').zip(1..) {
        if number == line {
            return offset + offset_in_line(this, column);
        }
        offset += this.len();
    }
    offset
}

/// Byte offset of a column in a line.
pub(crate) fn offset_in_line(line: &str, column: usize) -> usize {
    let mut at = 1;
    for (byte, c) in line.char_indices() {
        if at >= column || c == '\n' {
            return byte;
        }
        at += if c == '\t' { 4 } else { 1 };
    }
    line.len()
}

fn too_large(file: &RegoFile) -> Vec<Diagnostic> {
    let whole = |message: String| {
        vec![
            Diagnostic::error("P002", message)
                .at(place_at(file, 1, 1))
                .help("split the file"),
        ]
    };
    if file.text.len() > MOST_BYTES {
        return whole(format!("the file has more than {MOST_BYTES} bytes"));
    }
    if file.text.lines().count() > MOST_LINES {
        return whole(format!("the file has more than {MOST_LINES} lines"));
    }
    for (line, number) in file.text.lines().zip(1..) {
        let columns: usize = line.chars().map(|c| if c == '\t' { 4 } else { 1 }).sum();
        if columns >= MOST_COLUMNS {
            let mistake = format!("the line has more than {MOST_COLUMNS} columns");
            return vec![
                Diagnostic::error("P002", mistake)
                    .at(place_at(file, number, 1))
                    .help("break the line"),
            ];
        }
    }
    nesting::check(file).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Paint;

    fn refused(text: &str) -> Vec<Diagnostic> {
        let file = RegoFile {
            path: "approvals/x.rego".into(),
            text: text.into(),
        };
        parse(&file).map(|_| ()).unwrap_err()
    }

    #[test]
    fn a_syntax_error_is_shown_where_it_is_also_behind_tabs() {
        let found =
            refused("package approvals\n\nreject contains \"x\" if {\n\tinput.action == \n}\n");
        insta::assert_snapshot!(found[0].render(Paint::Plain), @r#"
        error[P001]: expecting expression
         --> approvals/x.rego:5:1
          |
        5 | }
          | ^
        "#);
    }

    #[test]
    fn the_old_syntax_is_told_what_to_write() {
        let found = refused("package approvals\n\nreject[\"x\"] {\n\tinput.x == 1\n}\n");
        assert!(
            found[0]
                .help
                .as_deref()
                .unwrap_or_default()
                .contains("Rego v1"),
            "{found:?}"
        );
    }

    #[test]
    fn nested_literals_are_refused_before_the_parser_sees_them() {
        for (open, close) in [("[", "]"), ("{", "}"), ("{\"a\":", "}"), ("(", ")")] {
            let text = format!(
                "package approvals\n\nx := {}1{}\n",
                open.repeat(100),
                close.repeat(100)
            );
            assert_eq!(refused(&text)[0].code, "P003");
        }
        let many = format!(
            "package approvals\n\nx := [{}1]\n",
            "[[[[[[[1]]]]]]],\n".repeat(1000)
        );
        assert_eq!(refused(&many)[0].code, "P003");
    }

    #[test]
    fn a_long_file_and_a_wide_line_are_refused() {
        assert_eq!(
            refused(&format!("package a\n{}", "\n".repeat(20_001)))[0].code,
            "P002"
        );
        assert_eq!(
            refused(&format!("package a\n# {}\n", "x".repeat(2000)))[0].code,
            "P002"
        );
    }
}
