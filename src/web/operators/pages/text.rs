//! Text that came from elsewhere, made fit for a page: nothing in it is hidden, and what is long stays folded.

use serde_json::Value;

use crate::domain::rationale::visible;

/// Longer texts are folded.
const LONGEST: usize = 300;

/// A text, and how much of it is shown at first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folded {
    /// All of it, or its beginning.
    pub(super) start: String,
    /// All of it, where that is longer.
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
            whole: Some(text.to_owned()),
            length,
        }
    }
}

/// A document as people read JSON, with what cannot be seen written out; the text itself, if it is no JSON.
pub(super) fn pretty(text: &str) -> String {
    let value: Result<Value, _> = serde_json::from_str(text);
    let text = match value.and_then(|value| serde_json::to_string_pretty(&value)) {
        Ok(text) => text,
        Err(_) => text.to_owned(),
    };
    lines(&text)
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
    fn json_is_laid_out_and_hides_nothing() {
        let pretty = pretty("{\"a\u{202e}\":[1,\"x\\ny\"]}");
        assert_eq!(
            pretty,
            "{\n  \"a\\u{202e}\": [\n    1,\n    \"x\\ny\"\n  ]\n}"
        );
    }
}
