//! `${NAME}` in a value of the config.

/// The braces of `${NAME}` while YAML is read: characters that mean nothing to it, and that no text may hold.
const OPEN: char = '\u{fdd0}';
const CLOSE: char = '\u{fdd1}';
/// What a text may not hold, since it would be taken for such a brace.
pub(super) const COVERS: [char; 2] = [OPEN, CLOSE];

/// What became of a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Expanded {
    Text(String),
    /// Names that are not set.
    Unset(Vec<String>),
    /// A `${` that starts no name.
    Malformed,
}

/// Puts the environment in. `$${` stands for a plain `${`; what is put in is not looked at again.
pub(super) fn expand(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> Expanded {
    let mut out = String::with_capacity(text.len());
    let mut unset = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = after;
            continue;
        }
        let Some((name, after)) = after.split_once('}') else {
            return Expanded::Malformed;
        };
        if !is_name(name) {
            return Expanded::Malformed;
        }
        out.push_str(before);
        match environment(name) {
            Some(value) => out.push_str(&value),
            None => unset.push(name.to_owned()),
        }
        rest = after;
    }
    out.push_str(rest);
    if unset.is_empty() {
        Expanded::Text(out)
    } else {
        Expanded::Unset(unset)
    }
}

/// The text with as many characters, in which the braces of every `${NAME}` are none.
pub(super) fn with_names_covered(text: &str) -> String {
    let mut covered = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        covered.push_str(before);
        if let Some((name, after)) = after.split_once('}').filter(|(name, _)| is_name(name)) {
            covered.extend(['$', OPEN]);
            covered.push_str(name);
            covered.push(CLOSE);
            rest = after;
        } else {
            covered.push_str("${");
            rest = after;
        }
    }
    covered.push_str(rest);
    covered
}

/// What was written where [`with_names_covered`] put something else.
pub(super) fn uncovered(text: &str) -> String {
    text.replace(OPEN, "{").replace(CLOSE, "}")
}

/// Whether `name` can be the name of a variable.
pub(super) fn is_name(name: &str) -> bool {
    let first = name.chars().next();
    first.is_some_and(|first| first == '_' || first.is_ascii_alphabetic())
        && name
            .chars()
            .all(|letter| letter == '_' || letter.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Expanded {
        expand(text, &|name| match name {
            "HOST" => Some("db.internal".into()),
            "NESTED" => Some("${HOST}".into()),
            "EMPTY" => Some(String::new()),
            _ => None,
        })
    }

    #[test]
    fn names_are_replaced_once_and_doubled_dollars_are_kept() {
        for (text, result) in [
            ("https://${HOST}:1/${EMPTY}x", "https://db.internal:1/x"),
            ("${NESTED}", "${HOST}"),
            ("$${HOST}", "${HOST}"),
            ("a$b$$c {id}", "a$b$$c {id}"),
        ] {
            assert_eq!(expanded(text), Expanded::Text(result.into()), "{text}");
        }
    }

    #[test]
    fn every_unset_name_is_told_and_a_default_is_not_a_name() {
        assert_eq!(
            expanded("${A}${HOST}${B}"),
            Expanded::Unset(vec!["A".into(), "B".into()])
        );
        for text in ["${", "${}", "${A:-x}", "${1}", "x ${HOST"] {
            assert_eq!(expanded(text), Expanded::Malformed, "{text}");
        }
    }
}
