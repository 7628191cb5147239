//! The two ways to name a place of the input: a JSON pointer, `/context/amount`, and as a policy writes it,
//! `input.context.amount`.

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

/// `input.context.amount`, `input.items[0]`, `input.context["a b"]`.
pub(super) fn path_of(pointer: &str) -> String {
    let mut path = "input".to_owned();
    for key in keys(pointer) {
        let is_name = key
            .chars()
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
            && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if is_name {
            path.push('.');
            path.push_str(&key);
        } else if !key.is_empty() && key.chars().all(|c| c.is_ascii_digit()) {
            let _ = write!(path, "[{key}]");
        } else {
            let _ = write!(path, "[{}]", serde_json::Value::from(key));
        }
    }
    path
}

/// The keys of a pointer, the outermost first.
pub(super) fn keys(pointer: &str) -> impl Iterator<Item = String> {
    pointer
        .split('/')
        .skip(1)
        .map(|key| key.replace("~1", "/").replace("~0", "~"))
}

/// How deep a pointer goes.
pub(super) fn depth(pointer: &str) -> usize {
    pointer.matches('/').count()
}

/// Whether one of the two places lies in the other, or they are the same.
pub(super) fn related(one: &str, other: &str) -> bool {
    within(one, other) || within(other, one)
}

/// Whether `inner` is `outer` or lies in it.
pub(super) fn within(inner: &str, outer: &str) -> bool {
    inner
        .strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The places that lie around this one, the nearest first, without the document itself.
pub(super) fn around(pointer: &str) -> impl Iterator<Item = &str> {
    let mut rest = pointer;
    std::iter::from_fn(move || {
        rest = rest.rsplit_once('/').map(|(outer, _)| outer)?;
        (!rest.is_empty()).then_some(rest)
    })
}

/// The places of the input that a piece of Rego names, as pointers.
pub(super) fn pointers_in(text: &str) -> Vec<String> {
    static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r#"(?x) object\.get\(\s*(?<of>input(?:\.\w+)*)\s*,\s*"(?<key>[^"\\]*)" | (?<path>\binput(?:\.\w+|\["[^"\\]*"\])+)"#,
        )
        .ok()
    });
    let mut found = Vec::new();
    let Some(named) = &*NAMED else { return found };
    for captures in named.captures_iter(text) {
        // `data.input.x` is no place of the input.
        let start = captures.get(0).map_or(0, |whole| whole.start());
        if text
            .get(..start)
            .is_some_and(|before| before.ends_with('.'))
        {
            continue;
        }
        let pointer = match (
            captures.name("path"),
            captures.name("of"),
            captures.name("key"),
        ) {
            (Some(path), _, _) => pointer_of(path.as_str()),
            (None, Some(of), Some(key)) => {
                format!("{}/{}", pointer_of(of.as_str()), escaped(key.as_str()))
            }
            (None, _, _) => continue,
        };
        if !pointer.is_empty() && !found.contains(&pointer) {
            found.push(pointer);
        }
    }
    found
}

/// The pointer of a path with names and quoted keys only.
fn pointer_of(path: &str) -> String {
    let mut pointer = String::new();
    let mut rest = path.strip_prefix("input").unwrap_or(path);
    while !rest.is_empty() {
        let (key, after) = if let Some(quoted) = rest.strip_prefix("[\"") {
            quoted.split_once("\"]").unwrap_or((quoted, ""))
        } else {
            let dotted = rest.strip_prefix('.').unwrap_or(rest);
            dotted.split_at(dotted.find(['.', '[']).unwrap_or(dotted.len()))
        };
        pointer.push('/');
        pointer.push_str(&escaped(key));
        rest = after;
    }
    pointer
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Whether a piece of Rego names this word as a whole.
pub(super) fn names(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text
            .get(at + word.len()..)
            .and_then(|after| after.chars().next());
        !before.is_some_and(|c| is_part(c) || c == '.') && !after.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_written_as_a_policy_would() {
        for (pointer, path) in [
            ("/context/amount", "input.context.amount"),
            ("/context/items/0/a b", r#"input.context.items[0]["a b"]"#),
            ("/context/a~1b", r#"input.context["a/b"]"#),
        ] {
            assert_eq!(path_of(pointer), path);
        }
    }

    #[test]
    fn paths_are_found_in_the_text_of_a_condition() {
        assert_eq!(
            pointers_in(
                r#"lower(object.get(input.context, "text", "")) == input.context["a b"].c"#
            ),
            ["/context/text", "/context/a b/c"]
        );
        assert_eq!(pointers_in("data.input.x"), [] as [&str; 0]);
    }

    #[test]
    fn a_place_is_related_to_what_is_around_and_inside_it() {
        assert!(related("/a/b", "/a") && related("/a", "/a/b") && related("/a", "/a"));
        assert!(!related("/a/bc", "/a/b"));
        assert_eq!(around("/a/b/c").collect::<Vec<_>>(), ["/a/b", "/a"]);
    }

    #[test]
    fn a_word_is_named_as_a_whole() {
        assert!(names("amount < 100", "amount"));
        assert!(!names("input.amount < 100", "amount"));
        assert!(!names("amounts < 100", "amount"));
    }
}
