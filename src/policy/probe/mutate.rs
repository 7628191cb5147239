//! Changes to a document at a JSON pointer, and the values that tend to slip through policies.
//!
//! Everything comes in one order, so that the same sample gives the same mutants.

use serde_json::{Map, Number, Value, json};

/// Bigger than any amount anybody means, and small enough that arithmetic on it stays finite.
pub(super) const BIG: f64 = 1e15;

/// The document with `value` at `pointer`: replaced, or added where its parent is an object. `None` where there is no
/// such place.
pub(super) fn with(document: &Value, pointer: &str, value: Value) -> Option<Value> {
    let mut changed = document.clone();
    if let Some(place) = changed.pointer_mut(pointer) {
        *place = value;
        return Some(changed);
    }
    let (parent, key) = split(pointer)?;
    changed
        .pointer_mut(parent)?
        .as_object_mut()?
        .insert(key, value);
    Some(changed)
}

/// The document without what is at `pointer`; `None` where there is nothing.
pub(super) fn without(document: &Value, pointer: &str) -> Option<Value> {
    let mut changed = document.clone();
    let (parent, key) = split(pointer)?;
    match changed.pointer_mut(parent)? {
        Value::Object(members) => members.shift_remove(&key).map(|_| ()),
        Value::Array(items) => {
            let index = key
                .parse::<usize>()
                .ok()
                .filter(|index| *index < items.len())?;
            items.remove(index);
            Some(())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }?;
    Some(changed)
}

fn split(pointer: &str) -> Option<(&str, String)> {
    let (parent, key) = pointer.rsplit_once('/')?;
    Some((parent, key.replace("~1", "/").replace("~0", "~")))
}

/// Values of other kinds than `value`: what a careless caller or an attacker sends instead.
pub(super) fn wrong_kinds(value: &Value) -> Vec<Value> {
    let mut others = vec![Value::Null, json!(true), json!(false)];
    match value {
        Value::Number(number) => others.push(Value::String(number.to_string())),
        Value::Bool(truth) => others.push(Value::String(truth.to_string())),
        Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => {}
    }
    others.extend([json!(0), json!(1), json!(""), json!("x")]);
    match value {
        // What stands alone where one is wanted, and one where several are.
        Value::Array(items) => others.extend(items.first().cloned()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            others.push(Value::Array(vec![value.clone()]));
        }
    }
    others.extend([json!([]), json!({})]);
    let mut seen: Vec<Value> = Vec::new();
    for other in others {
        if kind(&other) != kind(value) && !seen.contains(&other) {
            seen.push(other);
        }
    }
    seen
}

/// The name of a value's kind, as Rego's `type_name` has it.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Below nothing, the nearest first.
pub(super) fn negatives(value: f64) -> Vec<Value> {
    distinct([-1.0, -0.01, -value.abs(), -BIG])
}

/// Numbers around `value` and around each of the `boundaries` that it is compared with.
pub(super) fn around(value: f64, boundaries: &[f64]) -> Vec<Value> {
    let mut numbers = Vec::new();
    for boundary in boundaries {
        numbers.extend([boundary - 1.0, *boundary, boundary + 1.0]);
    }
    numbers.extend([0.0, -1.0, value + 0.5, value * 1000.0, BIG, 1e308]);
    distinct(numbers)
}

fn distinct(numbers: impl IntoIterator<Item = f64>) -> Vec<Value> {
    let mut seen: Vec<Value> = Vec::new();
    for value in numbers.into_iter().filter_map(number) {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    seen
}

/// A finite number as JSON writes it, whole where it is whole.
pub(super) fn number(value: f64) -> Option<Value> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "only whole numbers that an i64 holds exactly"
    )]
    let whole = (value.fract() == 0.0 && value.abs() < 9e15).then_some(value as i64);
    match whole {
        Some(whole) => Some(Value::from(whole)),
        None => Number::from_f64(value).map(Value::Number),
    }
}

/// Other ways to write a text that a person, and many a system behind us, takes for the same.
pub(super) fn spellings(text: &str) -> Vec<String> {
    let mut others = vec![
        text.to_uppercase(),
        text.to_lowercase(),
        capitalised(text),
        format!(" {text}"),
        format!("{text} "),
        format!("{text}\t"),
        format!("{text}\n"),
        format!("{text}\u{a0}"),
    ];
    others.extend(look_alike(text));
    others.extend(full_width(text));
    others.push(format!("{text}\u{200b}"));
    let mut seen: Vec<String> = Vec::new();
    for other in others {
        if other != text && !seen.contains(&other) {
            seen.push(other);
        }
    }
    seen
}

/// Whether a spelling differs in more than case and in white space that `trim_space` takes away.
pub(super) fn is_look_alike(text: &str, spelling: &str) -> bool {
    spelling.trim().to_lowercase() != text.trim().to_lowercase()
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        None => String::new(),
        Some(first) => first
            .to_uppercase()
            .chain(characters.flat_map(char::to_lowercase))
            .collect(),
    }
}

/// The first Latin letter that has one replaced by its Cyrillic or Greek double.
fn look_alike(text: &str) -> Option<String> {
    const DOUBLES: [(char, char); 22] = [
        ('a', 'а'),
        ('c', 'с'),
        ('e', 'е'),
        ('i', 'і'),
        ('j', 'ј'),
        ('o', 'о'),
        ('p', 'р'),
        ('s', 'ѕ'),
        ('x', 'х'),
        ('y', 'у'),
        ('A', 'А'),
        ('B', 'В'),
        ('C', 'С'),
        ('E', 'Е'),
        ('H', 'Н'),
        ('K', 'К'),
        ('M', 'М'),
        ('O', 'О'),
        ('P', 'Р'),
        ('S', 'Ѕ'),
        ('T', 'Т'),
        ('X', 'Х'),
    ];
    let double = |c: char| {
        DOUBLES
            .iter()
            .find(|(latin, _)| *latin == c)
            .map(|(_, other)| *other)
    };
    let at = text.char_indices().find(|(_, c)| double(*c).is_some());
    let (start, letter) = at?;
    let rest = text.get(start + letter.len_utf8()..)?;
    Some(format!("{}{}{rest}", text.get(..start)?, double(letter)?))
}

/// The same in the full-width forms of East Asian fonts.
fn full_width(text: &str) -> Option<String> {
    let wide: String = text
        .chars()
        .map(|c| match c {
            '!'..='~' => char::from_u32(c as u32 + 0xfee0).unwrap_or(c),
            _ => c,
        })
        .collect();
    (wide != text).then_some(wide)
}

/// Every change that makes one element of an array worse, for an element that is a value or an object: its own fields
/// dropped, of another kind, or out of every bound.
pub(super) fn spoiled(element: &Value) -> Vec<Value> {
    let worse = |value: &Value| match value {
        Value::Number(_) => vec![json!(BIG), json!(-BIG), Value::Null],
        Value::String(_) => vec![json!("nowhere-listed"), Value::Null],
        Value::Bool(truth) => vec![json!(!truth), Value::Null],
        Value::Null | Value::Array(_) | Value::Object(_) => vec![Value::Null],
    };
    match element {
        Value::Object(members) => {
            let mut all = Vec::new();
            for (key, value) in members {
                for other in worse(value) {
                    let mut changed = members.clone();
                    changed.insert(key.clone(), other);
                    all.push(Value::Object(changed));
                }
            }
            all.push(Value::Object(Map::new()));
            all
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            worse(element)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_replaced_added_and_taken_away_at_its_pointer() {
        let document = json!({"a": {"b/c": 1}, "d": [1, 2]});
        assert_eq!(
            with(&document, "/a/b~1c", json!(2)),
            Some(json!({"a": {"b/c": 2}, "d": [1, 2]}))
        );
        assert_eq!(
            with(&document, "/a/new", json!(2)),
            Some(json!({"a": {"b/c": 1, "new": 2}, "d": [1, 2]}))
        );
        assert_eq!(with(&document, "/nowhere/new", json!(2)), None);
        assert_eq!(
            without(&document, "/a/b~1c"),
            Some(json!({"a": {}, "d": [1, 2]}))
        );
        assert_eq!(
            without(&document, "/d/0"),
            Some(json!({"a": {"b/c": 1}, "d": [2]}))
        );
        assert_eq!(without(&document, "/d/7"), None);
        assert_eq!(without(&document, "/a/x"), None);
        assert_eq!(without(&document, ""), None);
    }

    #[test]
    fn a_number_is_also_tried_as_its_own_text_and_in_a_list() {
        let others = wrong_kinds(&json!(50));
        assert_eq!(others.first(), Some(&Value::Null));
        assert!(others.contains(&json!("50")) && others.contains(&json!([50])));
        assert!(others.iter().all(|other| !other.is_number()));
    }

    #[test]
    fn boundaries_are_tried_one_unit_to_either_side() {
        let numbers = around(50.0, &[100.0]);
        assert_eq!(
            numbers.get(..3),
            Some(&[json!(99), json!(100), json!(101)][..])
        );
        assert!(numbers.contains(&json!(1e308)) && numbers.contains(&json!(50.5)));
    }

    #[test]
    fn a_text_is_spelt_in_case_space_and_look_alikes() {
        let spelt = spellings("cus_bad");
        for wanted in ["CUS_BAD", "Cus_bad", " cus_bad", "cus_bad ", "сus_bad"] {
            assert!(spelt.iter().any(|one| one == wanted), "{wanted}");
        }
        assert!(is_look_alike("cus_bad", "сus_bad"));
        assert!(!is_look_alike("cus_bad", " CUS_BAD "));
        assert!(is_look_alike("cus_bad", "cus_bad\u{200b}"));
    }
}
