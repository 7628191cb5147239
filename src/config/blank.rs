//! Keeps secrets out of the frames that show a config's mistakes: a frame shows whole lines, and a secret may stand
//! beside the mistake.

use std::ops::Range;
use std::sync::Arc;

/// Words in the names of keys that hold secrets.
const SECRET_WORDS: [&str; 6] = ["token", "secret", "password", "credential", "bearer", "key"];

/// Whether a key, as somebody wrote it, may hold a secret; a `_file` holds a path.
pub(super) fn names_a_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    if key.ends_with("_file") {
        return false;
    }
    key.split(['_', '-', '.']).any(|word| {
        SECRET_WORDS.iter().any(|secret| {
            word.contains(secret)
                || (word.len() > 3 && strsim::damerau_levenshtein(word, secret) <= 1)
        })
    })
}

/// The text with the bytes of `secrets` as `*`. Every byte keeps its place.
pub(super) fn blank(text: &str, secrets: &[Range<usize>]) -> Arc<str> {
    let mut shown = String::with_capacity(text.len());
    for (offset, letter) in text.char_indices() {
        let hidden = secrets.iter().any(|secret| secret.contains(&offset));
        if hidden && !matches!(letter, '\n' | '\r') {
            shown.extend(std::iter::repeat_n('*', letter.len_utf8()));
        } else {
            shown.push(letter);
        }
    }
    shown.into()
}

/// Where secrets may be in a text that cannot be read: on every line, all that follows a key that may hold one.
pub(super) fn suspects(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let mut from = 0;
        while let Some(colon) = line.get(from..).and_then(|rest| rest.find(':')) {
            let before = line.get(..from + colon).unwrap_or_default();
            let key = before
                .rsplit([' ', '\t', '{', '[', ',', '"', '\''])
                .find(|word| !word.is_empty());
            from += colon + 1;
            if key.is_some_and(names_a_secret) {
                found.push(start + from..start + line.len());
                break;
            }
        }
        start += line.len();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_blanked_and_every_byte_keeps_its_place() {
        let text = "token: hünter\nmode: x\n";
        let shown = blank(text, &suspects(text));
        assert_eq!(&*shown, "token:********\nmode: x\n");
        assert_eq!(shown.len(), text.len());
    }

    #[test]
    fn misspelt_secret_keys_are_suspected_and_files_and_plain_keys_are_not() {
        for key in [
            "token",
            "tokn",
            "password",
            "pasword",
            "client_secret",
            "api-key",
            "credential",
            "secrets",
        ] {
            assert!(names_a_secret(key), "{key}");
        }
        for key in [
            "token_file",
            "listen",
            "mode",
            "name",
            "path",
            "timestamp_header",
        ] {
            assert!(!names_a_secret(key), "{key}");
        }
        let text = "- {name: a, \"token\": x}\n";
        assert_eq!(
            &*blank(text, &suspects(text)),
            "- {name: a, \"token\":***\n"
        );
    }
}
