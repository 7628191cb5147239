//! How deep and how long expressions are, counted before the parser sees them.
//!
//! The engine's parser reads a literal twice at every level of nesting, and it and all that walks its trees call
//! themselves for every level: too many levels take hours, or the stack.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Place};
use crate::policy::folder::RegoFile;

/// Deepest nesting of `[` and `{`.
const DEEPEST_LITERAL: usize = 8;
/// Deepest nesting of all brackets.
const DEEPEST: usize = 24;
/// Most literals that reach nesting where each costs milliseconds to parse.
const MOST_DEEP: usize = 200;
/// Most operators and steps that may follow each other, those inside of brackets on the way included.
const TALLEST: usize = 256;

/// What is too deep or too long in the text, if anything is.
pub(super) fn check(file: &RegoFile) -> Option<Diagnostic> {
    let mut brackets = Brackets::default();
    let mut height = Height::default();
    for (at, token) in (Tokens {
        text: &file.text,
        at: 0,
    }) {
        height.see(token);
        let place = Place {
            file: file.path.clone(),
            text: Arc::clone(&file.text),
            start: at,
            end: at + 1,
        };
        if brackets.are_too_deep(token) {
            return Some(
                Diagnostic::error("P003", "brackets are nested too deep")
                    .at(place)
                    .help(format!("nest at most {DEEPEST_LITERAL} levels of `[` and `{{`; give the inner part a rule of its own, or put it into a data file")),
            );
        }
        if height.is_too_tall() {
            return Some(
                Diagnostic::error("P004", "the expression has too many parts in a row")
                    .at(place)
                    .help(format!("at most {TALLEST} operators and steps may follow each other; give a part a rule of its own, or put the values into a data file")),
            );
        }
    }
    None
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Open(u8),
    Close(u8),
    /// `,` or `;`.
    Separator,
    Newline,
    /// A character of an operator, a step of a reference, or a word that works like one.
    Operator,
    Other,
}

/// The tokens outside of strings and comments, each with its place.
struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl Iterator for Tokens<'_> {
    type Item = (usize, Token);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        loop {
            let at = self.at;
            let byte = *bytes.get(at)?;
            self.at += 1;
            let token = match byte {
                b'#' => {
                    self.skip_to(b'\n');
                    continue;
                }
                b' ' | b'\t' | b'\r' => continue,
                b'\n' => Token::Newline,
                b'`' => {
                    self.skip_to(b'`');
                    self.at += 1;
                    Token::Other
                }
                b'"' => {
                    self.skip_string();
                    Token::Other
                }
                b'[' | b'{' | b'(' => Token::Open(byte),
                b']' | b'}' | b')' => Token::Close(byte),
                b',' | b';' => Token::Separator,
                b'+' | b'-' | b'*' | b'/' | b'%' | b'|' | b'&' | b'=' | b'<' | b'>' | b'!'
                | b':' | b'.' => Token::Operator,
                _ => self.word(at),
            };
            return Some((at, token));
        }
    }
}

impl Tokens<'_> {
    fn skip_to(&mut self, end: u8) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|&byte| byte == end);
        self.at += length.unwrap_or(rest.len());
    }

    fn skip_string(&mut self) {
        while let Some(&byte) = self.text.as_bytes().get(self.at) {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' || byte == b'\n' {
                return;
            }
        }
    }

    fn word(&mut self, start: usize) -> Token {
        let bytes = self.text.as_bytes();
        let rest = bytes.get(self.at..).unwrap_or_default();
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii();
        self.at += rest.iter().take_while(|byte| is_part(byte)).count();
        match bytes.get(start..self.at) {
            Some(b"in" | b"not" | b"with" | b"as") => Token::Operator,
            _ => Token::Other,
        }
    }
}

#[derive(Default)]
struct Brackets {
    literals: usize,
    all: usize,
    deep: usize,
}

impl Brackets {
    fn are_too_deep(&mut self, token: Token) -> bool {
        match token {
            Token::Open(bracket) => {
                self.all += 1;
                self.literals += usize::from(bracket != b'(');
                self.deep += usize::from(bracket != b'(' && self.literals >= DEEPEST_LITERAL - 1);
            }
            Token::Close(bracket) => {
                self.all = self.all.saturating_sub(1);
                self.literals = self.literals.saturating_sub(usize::from(bracket != b')'));
            }
            Token::Separator | Token::Newline | Token::Operator | Token::Other => {}
        }
        self.literals > DEEPEST_LITERAL || self.all > DEEPEST || self.deep > MOST_DEEP
    }
}

/// How tall a tree the expression so far makes at most.
#[derive(Default)]
struct Height {
    outer: Vec<Level>,
    here: Level,
    last: Option<Token>,
    /// A line ended, which ends an expression unless it goes on in the next one.
    is_line_over: bool,
}

/// The expression at one level of brackets.
#[derive(Default)]
struct Level {
    /// Operators since it began.
    operators: usize,
    /// The tallest expression in brackets since it began.
    inner: usize,
    /// The tallest expression before it at this level.
    before: usize,
}

impl Level {
    fn end(&mut self) {
        self.before = self.before.max(self.operators + self.inner);
        self.operators = 0;
        self.inner = 0;
    }
}

impl Height {
    fn see(&mut self, token: Token) {
        if token == Token::Newline {
            self.is_line_over = true;
            return;
        }
        let goes_on = self.last == Some(Token::Operator)
            || matches!(token, Token::Operator | Token::Open(b'[' | b'('));
        if self.is_line_over && !goes_on {
            self.here.end();
        }
        self.is_line_over = false;
        match token {
            Token::Open(_) => {
                // A call and a step by an index are one more level too.
                self.here.operators += usize::from(!matches!(self.last, Some(Token::Operator)));
                self.outer.push(std::mem::take(&mut self.here));
            }
            Token::Close(_) => {
                self.here.end();
                let height = self.here.before + 1;
                self.here = self.outer.pop().unwrap_or_default();
                self.here.inner = self.here.inner.max(height);
            }
            Token::Separator => self.here.end(),
            Token::Operator => self.here.operators += 1,
            Token::Newline | Token::Other => {}
        }
        self.last = Some(token);
    }

    fn is_too_tall(&self) -> bool {
        self.here.operators + self.here.inner > TALLEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<&'static str> {
        let file = RegoFile {
            path: "x.rego".into(),
            text: text.into(),
        };
        check(&file).map(|mistake| mistake.code)
    }

    #[test]
    fn a_row_of_operators_is_as_long_as_it_may_be_over_lines_and_brackets() {
        for row in [
            format!("x := (1{})", " +\n1".repeat(1_000)),
            format!("x := 1{}", "\n+ 1".repeat(1_000)),
            format!("x := {}1", "-".repeat(1_000)),
            format!("x := (1{})", " in [1]\n".repeat(1_000)),
            format!("x := {{1}}{}", " |\n{1}".repeat(1_000)),
            format!("x := input{}", ".a".repeat(1_000)),
            format!("x := input{}", "[1]".repeat(1_000)),
            format!(
                "x := {}1{}",
                "(".repeat(20),
                " + 1 + 1 + 1 + 1 + 1 + 1 + 1)".repeat(20)
            )
            .replace(" + 1", " + 1 + 1 + 1 + 1"),
        ] {
            assert_eq!(code(&row), Some("P004"), "{row:.80}");
        }
    }

    #[test]
    fn many_short_expressions_are_no_long_one() {
        for text in [
            "x if {\n\tinput.a.b == 1\n\tnot input.c > 2\n}\n\n".repeat(1_000),
            format!("x := [{}]", "-1.5, \"a.b.c\",\n".repeat(1_000)),
            format!("x := {{{}}}", "\"a\": {\"b\": [1, 2]},\n".repeat(1_000)),
            format!("x := `{}`", "- + . in".repeat(1_000)),
            format!("# {}\nx := 1", "- + . in".repeat(1_000)),
            format!("x if {{ {} true }}", "f(input.x) == 1; ".repeat(50)),
            "f(x) := x + 1\n\nelse := x - 1 if x > 2\n".repeat(1_000),
        ] {
            assert_eq!(code(&text), None, "{text:.80}");
        }
    }
}
