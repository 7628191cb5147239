//! Text in Slack's language that means nothing but itself.
//!
//! What must hold: what others wrote stands in `plain_text` objects, where nothing is formatted, and beside the blocks in
//! characters that cannot be markup; `&`, `<` and `>`
//! are escaped there too, since they begin mentions, links and dates in every text object; and no text is longer than Slack takes,
//! escapes included, or empty, which Slack refuses.
//! <https://docs.slack.dev/reference/block-kit/composition-objects/text-object>,
//! <https://docs.slack.dev/messaging/formatting-message-text>

use std::fmt;

use jiff::Timestamp;
use serde_json::{Value, json};

/// The longest text of a section, and of a text object anywhere.
/// <https://docs.slack.dev/reference/block-kit/blocks/section-block>
pub(super) const SECTION: usize = 3000;

/// The longest text of a header. <https://docs.slack.dev/reference/block-kit/blocks/header-block>
pub(super) const HEADER: usize = 150;

/// The longest text beside the blocks that is any use: it is what a phone shows of a message that is not open.
const NOTIFICATION: usize = 300;

/// A text object with `text` and nothing else in it, at most `limit` long.
pub(super) fn plain(text: &str, limit: usize) -> Value {
    json!({ "type": "plain_text", "text": escaped(text, limit), "emoji": false })
}

/// A text object that shows `at` in the reader's own time zone, after `before`, which is ours.
pub(super) fn date(before: &'static str, at: Timestamp) -> Value {
    let seconds = at.as_second();
    let text = format!("{before}<!date^{seconds}^{{date_short_pretty}}, {{time}}|{at:.0}>");
    json!({ "type": "mrkdwn", "text": text, "verbatim": true })
}

/// What people are told, of which some words are ours and some are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wording {
    pieces: Vec<(Whose, String)>,
    link: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Ours,
    Theirs,
}

impl Wording {
    /// Begins with words of ours.
    pub fn ours(text: impl Into<String>) -> Self {
        Self {
            pieces: vec![(Whose::Ours, text.into())],
            link: None,
        }
    }

    /// Goes on with words of ours.
    #[must_use]
    pub fn and(mut self, ours: impl Into<String>) -> Self {
        self.pieces.push((Whose::Ours, ours.into()));
        self
    }

    /// Goes on with a link to us, which can be followed.
    #[must_use]
    pub fn linking(mut self, link: impl Into<String>) -> Self {
        let link = link.into();
        self.link = Some(link.clone());
        self.and(link)
    }

    /// Goes on with words that somebody else wrote.
    #[must_use]
    pub fn quoting(mut self, theirs: impl Into<String>) -> Self {
        self.pieces.push((Whose::Theirs, theirs.into()));
        self
    }

    /// Goes on with all of `more`.
    #[must_use]
    pub fn then(mut self, more: Self) -> Self {
        self.pieces.extend(more.pieces);
        self.link = self.link.or(more.link);
        self
    }

    /// The link in it: `plain_text` has none.
    pub(super) fn link(&self) -> Option<&str> {
        self.link.as_deref()
    }

    /// As [`plain`] has it.
    pub(super) fn plain(&self, limit: usize) -> Value {
        plain(&self.to_string(), limit)
    }

    /// As a notification shows it.
    pub(super) fn fallback(&self) -> String {
        self.inert(NOTIFICATION)
    }

    /// At most `limit` long, for where there is no `plain_text`: what could format, mention, link or turn into a picture in words of others is
    /// written in its full-width form, which reads the same and means nothing. Ours stay as they are.
    pub(super) fn inert(&self, limit: usize) -> String {
        let characters = self.pieces.iter().flat_map(|(whose, text)| {
            text.chars().map(|character| match whose {
                Whose::Ours => entity(character),
                Whose::Theirs => (wide(character), ""),
            })
        });
        cut(characters, limit)
    }
}

impl fmt::Display for Wording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces
            .iter()
            .try_for_each(|(_, text)| f.write_str(text))
    }
}

fn wide(character: char) -> char {
    match character {
        '&' | '<' | '>' | '*' | '_' | '~' | '`' | ':' | '@' | '#' | '!' | '|' => {
            char::from_u32(u32::from(character) + 0xfee0).unwrap_or('\u{fffd}')
        }
        other => other,
    }
}

fn escaped(text: &str, limit: usize) -> String {
    cut(text.chars().map(entity), limit)
}

/// A character, and what it is written as if not as itself.
fn entity(character: char) -> (char, &'static str) {
    match character {
        '&' => (character, "&amp;"),
        '<' => (character, "&lt;"),
        '>' => (character, "&gt;"),
        other => (other, ""),
    }
}

/// As many of the characters, or of what each is written as, as fit into `limit` units of UTF-16: nobody says which
/// units Slack counts in, and no others are more.
fn cut(characters: impl Iterator<Item = (char, &'static str)>, limit: usize) -> String {
    let (mut text, mut units) = (String::new(), 0);
    // Where the text ends if more comes than fits.
    let mut last_fit = 0;
    for (character, written) in characters {
        units += match written {
            "" => character.len_utf16(),
            written => written.len(),
        };
        if units > limit {
            text.truncate(last_fit);
            text.push('…');
            return text;
        }
        match written {
            "" => text.push(character),
            written => text.push_str(written),
        }
        if units < limit {
            last_fit = text.len();
        }
    }
    if text.trim().is_empty() {
        return "–".to_owned();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_markup_is_escaped_and_an_escape_is_never_cut() {
        assert_eq!(escaped("<!channel> & co", 100), "&lt;!channel&gt; &amp; co");
        assert_eq!(escaped("ab<", 6), "ab&lt;");
        assert_eq!(escaped("ab<", 5), "ab…");
        assert_eq!(escaped("abc", 3), "abc");
        assert_eq!(escaped("abcd", 3), "ab…");
        assert_eq!(escaped("😀😀", 4), "😀😀");
        assert_eq!(escaped("😀😀", 3), "😀…");
        assert_eq!(escaped(" ", 3), "–");
    }

    #[test]
    fn nothing_that_others_wrote_formats_mentions_or_links_in_a_notification_and_what_we_wrote_stays()
     {
        let nasty = "*pay* @here <!channel> :tada: `x` https://evil.example";
        let said = Wording::ours("Look: ").quoting(nasty);
        assert_eq!(
            said.and(" at https://us.example/a_b?c&d#e").fallback(),
            "Look: ＊pay＊ ＠here ＜！channel＞ ：tada： ｀x｀ https：//evil.example at https://us.example/a_b?c&amp;d#e"
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_longer_than_its_limit_or_holds_a_control_character(text in "\\PC{0,40}", limit in 1_usize..60) {
            let escaped = escaped(&text, limit);
            proptest::prop_assert!(escaped.encode_utf16().count() <= limit);
            proptest::prop_assert!(!escaped.is_empty() && !escaped.contains(['<', '>']));
            for (at, _) in escaped.match_indices('&') {
                let rest = &escaped[at..];
                proptest::prop_assert!(["&amp;", "&lt;", "&gt;"].iter().any(|entity| rest.starts_with(entity)));
            }
        }
    }
}
