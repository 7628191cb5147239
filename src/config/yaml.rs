//! The text of a config as a tree in which every value knows where it was written.
//!
//! Stricter than YAML: one document, keys are text and occur once, and there are no anchors, aliases or tags, so that
//! what is read is what is seen. JSON is read as the YAML that it is.
//!
//! `${NAME}` is part of a plain value also within `{…}` and `[…]`, where YAML would take its braces for structure.

use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::code;
use super::environment::{self, uncovered, with_names_covered};
use crate::diagnostic::Diagnostic;

/// Deeper than any config; a guard for the stack.
const DEEPEST: usize = 32;

/// A value and its place.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// Bytes of the text.
    pub(super) span: Range<usize>,
}

#[derive(Debug)]
pub(super) enum Kind {
    Null,
    /// Plain or quoted; whether it is a number is for its reader to say.
    Scalar {
        text: String,
        quoted: Quoted,
    },
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quoted {
    Yes,
    No,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Range<usize>,
    pub(super) value: Node,
}

impl Node {
    /// What it is, in the words of a config's writer.
    pub(super) fn noun(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Scalar { .. } => "a plain value",
            Kind::Sequence(_) => "a list",
            Kind::Mapping(_) => "a mapping",
        }
    }
}

/// A mistake in the text itself.
pub(super) type Mistake = (Range<usize>, Diagnostic);

/// The tree of `text`, with what is wrong with it. Without a tree there is nothing to read.
pub(super) fn parse(text: &str) -> (Option<Node>, Vec<Mistake>) {
    if let Some((at, hidden)) = text.char_indices().find(|(_, letter)| is_hidden(*letter)) {
        let message = format!(
            "this is not YAML: it holds the character {}",
            hidden.escape_unicode()
        );
        let mistake = Diagnostic::error(code::SYNTAX, message).help("remove it; it cannot be seen");
        return (None, vec![(at..at, mistake)]);
    }
    // A tab is no indentation in YAML, but JSON is often indented by tabs, and has them nowhere else.
    let json = text
        .trim_start()
        .starts_with('{')
        .then(|| text.replace('\t', " "));
    let covered = with_names_covered(json.as_deref().unwrap_or(text));
    let mut builder = Builder {
        parser: Parser::new_from_str(&covered),
        offsets: text
            .char_indices()
            .map(|(offset, _)| offset)
            .chain([text.len()])
            .collect(),
        mistakes: Vec::new(),
    };
    let root = match builder.document() {
        Ok(root) => root,
        Err(Stop::Syntax(error)) => {
            let at = builder.offset(error.marker().index());
            let mistake =
                Diagnostic::error(code::SYNTAX, format!("this is not YAML: {}", error.info()));
            builder.mistakes.push((at..at, mistake));
            None
        }
        Err(Stop::TooDeep(span)) => {
            let mistake = Diagnostic::error(code::SYNTAX, "this is nested too deeply");
            builder.mistakes.push((span, mistake));
            None
        }
    };
    (root, builder.mistakes)
}

/// Whether YAML would end the text there, or take it for something that is not shown.
fn is_hidden(letter: char) -> bool {
    (letter.is_ascii_control() && !matches!(letter, '\t' | '\n' | '\r'))
        || environment::COVERS.contains(&letter)
}

enum Stop {
    Syntax(ScanError),
    TooDeep(Range<usize>),
}

struct Builder<'t> {
    parser: Parser<'t, StrInput<'t>>,
    /// Byte offset of each character: the parser counts characters.
    offsets: Vec<usize>,
    mistakes: Vec<Mistake>,
}

impl<'t> Builder<'t> {
    fn document(&mut self) -> Result<Option<Node>, Stop> {
        let mut root = None;
        while let Some((event, span)) = self.next()? {
            match event {
                Event::Nothing
                | Event::StreamStart
                | Event::StreamEnd
                | Event::DocumentStart(_)
                | Event::DocumentEnd => {}
                Event::Alias(_)
                | Event::Scalar(..)
                | Event::SequenceStart(..)
                | Event::SequenceEnd
                | Event::MappingStart(..)
                | Event::MappingEnd => {
                    let node = self.node(event, span, 0)?;
                    if root.is_none() {
                        root = Some(node);
                    } else {
                        let second =
                            Diagnostic::error(code::SYNTAX, "a second document starts here").help(
                                "a config is one document; remove the `---` and what follows",
                            );
                        self.mistakes.push((node.span, second));
                    }
                }
            }
        }
        Ok(root)
    }

    fn node(&mut self, event: Event<'t>, span: Range<usize>, depth: usize) -> Result<Node, Stop> {
        if depth > DEEPEST {
            return Err(Stop::TooDeep(span));
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_extras(&span, anchor, tag.as_deref());
                let quoted = if style == ScalarStyle::Plain {
                    Quoted::No
                } else {
                    Quoted::Yes
                };
                let null =
                    quoted == Quoted::No && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let kind = if null {
                    Kind::Null
                } else {
                    Kind::Scalar {
                        text: uncovered(&text),
                        quoted,
                    }
                };
                Ok(Node { kind, span })
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_extras(&span, anchor, tag.as_deref());
                self.sequence(span, depth)
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_extras(&span, anchor, tag.as_deref());
                self.mapping(span, depth)
            }
            Event::Alias(_) => {
                self.refuse_extras(&span, 1, None);
                Ok(Node {
                    kind: Kind::Null,
                    span,
                })
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => Ok(Node {
                kind: Kind::Null,
                span,
            }),
        }
    }

    fn sequence(&mut self, span: Range<usize>, depth: usize) -> Result<Node, Stop> {
        let mut items: Vec<Node> = Vec::new();
        let mut end = span.end;
        while let Some((event, item_span)) = self.next()? {
            if event == Event::SequenceEnd {
                end = end.max(closing(&item_span, end));
                break;
            }
            let item = self.node(event, item_span, depth + 1)?;
            end = end.max(item.span.end);
            items.push(item);
        }
        Ok(Node {
            kind: Kind::Sequence(items),
            span: span.start..end,
        })
    }

    fn mapping(&mut self, span: Range<usize>, depth: usize) -> Result<Node, Stop> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut end = span.end;
        while let Some((event, key_span)) = self.next()? {
            if event == Event::MappingEnd {
                end = end.max(closing(&key_span, end));
                break;
            }
            let key = self.node(event, key_span, depth + 1)?;
            let Some((event, value_span)) = self.next()? else {
                break;
            };
            let value = self.node(event, value_span, depth + 1)?;
            end = end.max(value.span.end);
            let Kind::Scalar { text, .. } = key.kind else {
                let mistake = Diagnostic::error(code::SYNTAX, "a key must be plain text")
                    .labelled(format!("this is {}", key.noun()));
                self.mistakes.push((key.span, mistake));
                continue;
            };
            if entries.iter().any(|entry| entry.key == text) {
                let mistake = Diagnostic::error(
                    code::DUPLICATE_KEY,
                    format!("the key `{text}` is written twice"),
                )
                .help("keep one of the two");
                self.mistakes.push((key.span, mistake));
                continue;
            }
            entries.push(Entry {
                key: text,
                key_span: key.span,
                value,
            });
        }
        Ok(Node {
            kind: Kind::Mapping(entries),
            span: span.start..end,
        })
    }

    fn refuse_extras(&mut self, span: &Range<usize>, anchor: usize, tag: Option<&Tag>) {
        if anchor > 0 {
            let mistake = Diagnostic::error(code::SYNTAX, "anchors and aliases are not read here")
                .help("write the value out where it is used");
            self.mistakes.push((span.clone(), mistake));
        }
        if tag.is_some() {
            let mistake = Diagnostic::error(code::SYNTAX, "tags are not read here")
                .help("remove the `!…` before the value");
            self.mistakes.push((span.clone(), mistake));
        }
    }

    fn next(&mut self) -> Result<Option<(Event<'t>, Range<usize>)>, Stop> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Err(error)) => Err(Stop::Syntax(error)),
            Some(Ok((event, span))) => Ok(Some((event, self.range(span)))),
        }
    }

    fn range(&self, span: Span) -> Range<usize> {
        let start = self.offset(span.start.index());
        start..self.offset(span.end.index()).max(start)
    }

    fn offset(&self, character: usize) -> usize {
        let last = self.offsets.last().copied().unwrap_or_default();
        self.offsets.get(character).copied().unwrap_or(last)
    }
}

/// Where a collection ends: after its bracket if it has one, else where its last value did.
fn closing(bracket: &Range<usize>, last_value: usize) -> usize {
    if bracket.is_empty() {
        last_value
    } else {
        bracket.end
    }
}

#[cfg(test)]
mod tests;
