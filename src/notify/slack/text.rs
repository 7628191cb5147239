//! Text in Slack's language that means nothing but itself.
//!
//! What must hold: what others wrote stands in `plain_text` objects alone, where nothing is formatted; `&`, `<` and `>`
//! are escaped there too, since they begin mentions, links and dates in every text object; and no text is longer than Slack takes,
//! escapes included, or empty, which Slack refuses.
//! <https://docs.slack.dev/reference/block-kit/composition-objects/text-object>,
//! <https://docs.slack.dev/messaging/formatting-message-text>

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

/// `text` for where there is no `plain_text`: what could format, mention, link or turn into a picture is written in its
/// full-width form, which reads the same and means nothing.
pub(super) fn fallback(text: &str) -> String {
    let wide = |character: char| match character {
        '&' | '<' | '>' | '*' | '_' | '~' | '`' | ':' | '@' | '#' | '!' | '|' => {
            char::from_u32(u32::from(character) + 0xfee0).unwrap_or('\u{fffd}')
        }
        other => other,
    };
    cut(
        text.chars().map(|character| (wide(character), "")),
        NOTIFICATION,
    )
}

fn escaped(text: &str, limit: usize) -> String {
    let entity = |character: char| match character {
        '&' => (character, "&amp;"),
        '<' => (character, "&lt;"),
        '>' => (character, "&gt;"),
        other => (other, ""),
    };
    cut(text.chars().map(entity), limit)
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
    fn nothing_in_a_notification_formats_mentions_or_links() {
        assert_eq!(
            fallback("*pay* @here <!channel> :tada: `x` https://evil.example"),
            "＊pay＊ ＠here ＜！channel＞ ：tada： ｀x｀ https：//evil.example"
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
