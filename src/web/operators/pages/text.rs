//! Text that came from elsewhere, made fit for a page: nothing in it is hidden, and what is long stays folded.

use std::io::{self, Write};

use serde_json::Value;

use crate::domain::rationale::visible;

/// Longer texts are folded.
const LONGEST: usize = 300;

/// More of a text than this is not on a page.
const MOST: usize = 4000;

/// More of a document than this, in bytes, is not on a page.
const MOST_OF_A_DOCUMENT: usize = 20_000;

/// A text, and how much of it is shown at first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folded {
    /// All of it, or its beginning.
    pub(super) start: String,
    /// All of it where that is longer, or as much as a page has room for.
    pub(super) whole: Option<String>,
    /// How many characters it has.
    pub(super) length: usize,
}

impl Folded {
    /// `text`, which is inert already.
    pub(super) fn of(text: &str) -> Self {
        let length = text.chars().count();
        if length <= LONGEST {
            return Self {
                start: text.to_owned(),
                whole: None,
                length,
            };
        }
        Self {
            start: text.chars().take(LONGEST).chain(['…']).collect(),
            whole: Some(if length > MOST {
                text.chars().take(MOST).chain(['…']).collect()
            } else {
                text.to_owned()
            }),
            length,
        }
    }

    /// Whether there is more of it than is shown.
    pub(super) fn is_cut(&self) -> bool {
        self.length > MOST
    }
}

/// A text of many lines, or as much of it as a page has room for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Beginning {
    /// The text.
    pub(super) text: String,
    /// Whether there is more of it.
    pub(super) is_cut: bool,
}

impl Beginning {
    /// `text`, which is inert already.
    pub(super) fn of(mut text: String) -> Self {
        let is_cut = text.len() > MOST_OF_A_DOCUMENT;
        if is_cut {
            text.truncate(text.floor_char_boundary(MOST_OF_A_DOCUMENT));
            text.push_str("\n…");
        }
        Self { text, is_cut }
    }
}

/// What has no more room than a page. Laid out, a document may be a hundred times as long.
struct Room(Vec<u8>);

impl Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() > MOST_OF_A_DOCUMENT {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A document as people read JSON, with what cannot be seen written out; the text itself, if it is no JSON.
pub(super) fn pretty(text: &str) -> Beginning {
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return Beginning::of(lines(text));
    };
    let mut room = Room(Vec::new());
    // Where there is no more room, the rest is not laid out.
    let _ = serde_json::to_writer_pretty(&mut room, &value);
    Beginning::of(lines(&String::from_utf8_lossy(&room.0)))
}

/// Several lines with what cannot be seen written out; they stay several.
pub(super) fn lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(visible).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_is_folded_and_all_there() {
        assert_eq!(Folded::of("short").whole, None);
        let long = "é".repeat(301);
        let folded = Folded::of(&long);
        assert_eq!((folded.start.chars().count(), folded.length), (301, 301));
        assert_eq!(folded.whole, Some(long));
    }

    #[test]
    fn what_is_longer_than_a_page_is_cut_and_says_so() {
        let folded = Folded::of(&"é".repeat(MOST + 1));
        assert_eq!(folded.whole.as_ref().unwrap().chars().count(), MOST + 1);
        assert!(folded.is_cut() && !Folded::of(&"é".repeat(MOST)).is_cut());
        let nested = format!("{}{}", "[".repeat(100), "]".repeat(100));
        let many = format!("[{}]", vec![nested; 1000].join(","));
        let many = pretty(&many);
        assert!(many.is_cut && many.text.len() < MOST_OF_A_DOCUMENT + 10);
        assert!(!pretty("{}").is_cut);
    }

    #[test]
    fn json_is_laid_out_and_hides_nothing() {
        let pretty = pretty("{\"a\u{202e}\":[1,\"x\\ny\"]}");
        assert_eq!(
            pretty.text,
            "{\n  \"a\\u{202e}\": [\n    1,\n    \"x\\ny\"\n  ]\n}"
        );
    }
}
