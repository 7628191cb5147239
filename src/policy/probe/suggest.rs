//! The line that would not have let it through, to be put into the rule that did.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::domain::explanation::Explanation;

use super::facts::{Denied, DeniedBy};
use super::mutate::{is_look_alike, kind};
use super::paths::path_of;

/// That the value is there and of the kind that the sample has.
pub(super) fn kind_of(pointer: &str, sample: &Value) -> String {
    let path = path_of(pointer);
    match sample.pointer(pointer) {
        Some(value) if !value.is_null() => format!("is_{}({path})", kind(value)),
        Some(_) | None => format!("{path} != null"),
    }
}

/// That the number is positive. An element is named as the rule names it.
pub(super) fn lower_bound(explanation: &Explanation, pointer: &str) -> String {
    let is_element = super::paths::keys(pointer).any(|key| key.parse::<usize>().is_ok());
    let name = explanation
        .rules
        .iter()
        .flat_map(|rule| &rule.conditions)
        .flat_map(|condition| &condition.comparisons)
        .flat_map(|comparison| [Some(&comparison.left), comparison.right.as_ref()])
        .flatten()
        .find(|side| is_element && side.pointer.as_deref() == Some(pointer))
        .map_or_else(|| path_of(pointer), |side| side.text.clone());
    format!("{name} > 0")
}

/// That the number stays below the first one that is not approved.
pub(super) fn upper_bound(pointer: &str, refused: &Value) -> String {
    format!("{} < {refused}", path_of(pointer))
}

/// That the text is written as the denied ones are, or that it is compared however it is written.
pub(super) fn spelling(denied: &Denied, sample: &Value, through: &[String]) -> String {
    if denied.by == DeniedBy::Request {
        let path = path_of(&denied.pointer);
        return format!(
            "lower(trim_space({path})) != lower(trim_space({}))",
            denied.list
        );
    }
    // Where the sample goes without it, the line must let it go without.
    let (path, quantity) = match sample.pointer(&denied.pointer) {
        Some(_) => (path_of(&denied.pointer), '+'),
        None => (or_nothing(&denied.pointer), '*'),
    };
    let own = sample.pointer(&denied.pointer).and_then(Value::as_str);
    if let Some(pattern) = pattern_of(denied.members.iter().map(String::as_str).chain(own))
        && through.iter().all(|spelling| !fits(&pattern, spelling))
    {
        return format!("regex.match(\"^[{pattern}]{quantity}$\", {path})");
    }
    let is_listed = denied.list.starts_with("data.") || denied.list.starts_with('{');
    let compared = if is_listed {
        format!(
            "not lower(trim_space({path})) in {{lower(one) | some one in {}}}",
            denied.list
        )
    } else {
        format!(
            "lower(trim_space({path})) != {}",
            Value::from(denied.member.to_lowercase())
        )
    };
    if through
        .iter()
        .any(|spelling| is_look_alike(&denied.member, spelling))
    {
        format!("{compared}\nregex.match(\"^[ -~]{quantity}$\", {path})")
    } else {
        compared
    }
}

/// The text, or an empty one.
fn or_nothing(pointer: &str) -> String {
    let (outer, _) = pointer.rsplit_once('/').unwrap_or_default();
    let key = super::paths::keys(pointer).last().unwrap_or_default();
    format!("object.get({}, {}, \"\")", path_of(outer), Value::from(key))
}

/// That there is something in it.
pub(super) fn something(pointer: &str) -> String {
    format!("count({}) > 0", path_of(pointer))
}

/// That what holds for one element holds for all.
pub(super) fn every(pointer: &str) -> String {
    format!("every element in {} {{ … }}", path_of(pointer))
}

/// That nothing is in it twice.
pub(super) fn no_doubles(pointer: &str) -> String {
    let path = path_of(pointer);
    format!("count({{element | some element in {path}}}) == count({path})")
}

/// The inside of a character class that all these texts are written in; `None` where it would not tell upper from lower
/// case, or where a text has characters beyond ASCII.
fn pattern_of<'a>(texts: impl Iterator<Item = &'a str>) -> Option<String> {
    let characters: BTreeSet<char> = texts.flat_map(str::chars).collect();
    let has = |is: fn(&char) -> bool| characters.iter().any(is);
    let (upper, lower) = (has(char::is_ascii_uppercase), has(char::is_ascii_lowercase));
    if !characters.iter().all(char::is_ascii) || upper == lower {
        return None;
    }
    let mut pattern = String::from(if upper { "A-Z" } else { "a-z" });
    if has(char::is_ascii_digit) {
        pattern.push_str("0-9");
    }
    for c in characters
        .iter()
        .filter(|c| !c.is_ascii_alphanumeric() && **c != '-')
    {
        // In Rego's double quotes a backslash is written twice.
        match c {
            '_' | '.' | '@' | ':' | '/' | '+' | '#' | ',' => pattern.push(*c),
            _ => return None,
        }
    }
    // At the end it is a character and no range.
    if characters.contains(&'-') {
        pattern.push('-');
    }
    Some(pattern)
}

fn fits(pattern: &str, text: &str) -> bool {
    regex::Regex::new(&format!("^[{pattern}]+$")).is_ok_and(|regex| regex.is_match(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::policy::probe::mutate::spellings;

    fn denied(list: &str, members: &[&str]) -> Denied {
        Denied {
            pointer: "/context/id".into(),
            member: members[0].into(),
            members: members.iter().map(|&one| one.into()).collect(),
            list: list.into(),
            by: DeniedBy::Policy,
            rule: 0,
            condition: 0,
        }
    }

    fn suggested(list: &str, members: &[&str], own: &str) -> String {
        let sample = json!({"context": {"id": own}});
        spelling(&denied(list, members), &sample, &spellings(members[0]))
    }

    #[test]
    fn ids_written_in_one_case_are_held_to_it() {
        assert_eq!(
            suggested("data.fraud", &["cus_bad-1"], "cus_2"),
            r#"regex.match("^[a-z0-9_-]+$", input.context.id)"#
        );
        assert_eq!(
            suggested("data.blocked", &["KP", "IR"], "DE"),
            r#"regex.match("^[A-Z]+$", input.context.id)"#
        );
    }

    #[test]
    fn what_a_request_may_leave_out_may_still_be_left_out() {
        let denied = denied("data.fraud", &["cus_1"]);
        let through = spellings("cus_1");
        assert_eq!(
            spelling(&denied, &json!({"context": {}}), &through),
            r#"regex.match("^[a-z0-9_]*$", object.get(input.context, "id", ""))"#
        );
    }

    #[test]
    fn other_texts_are_compared_in_one_case_and_held_to_ascii() {
        assert_eq!(
            suggested("data.blocked", &["Acme"], "Good Inc"),
            "not lower(trim_space(input.context.id)) in {lower(one) | some one in data.blocked}\n\
             regex.match(\"^[ -~]+$\", input.context.id)"
        );
        assert_eq!(
            suggested("\"Acme\"", &["Acme"], "x").lines().next(),
            Some("lower(trim_space(input.context.id)) != \"acme\"")
        );
    }

    #[test]
    fn a_field_is_asked_for_by_the_kind_that_it_has() {
        let sample = json!({"context": {"amount": 5, "note": null}});
        assert_eq!(
            kind_of("/context/amount", &sample),
            "is_number(input.context.amount)"
        );
        assert_eq!(
            kind_of("/context/note", &sample),
            "input.context.note != null"
        );
    }
}
