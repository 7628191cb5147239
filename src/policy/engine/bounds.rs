//! Built-ins that could make far more, or take far longer, than what they are given lets one expect.
//!
//! What must hold: no single call of a built-in takes the process's memory or holds up its thread, whatever the sender
//! of a request wrote. The clock and the count of instructions cannot stop a call once it runs, and an allocation that
//! fails ends the process; so what a call could come to is reckoned before it is made, and one that could come to too
//! much fails as any built-in fails.

use regorus::Value;
use regorus::rvm::program::Program;
use regorus::unstable::{BUILTINS, Expr, Ref, Span};

/// A built-in as the engine calls it.
type Function = fn(&Span, &[Ref<Expr>], &[Value], bool) -> anyhow::Result<Value>;

/// Most bytes one call may make.
const MOST_TEXT: usize = 16 << 20;
/// Most comparisons one call may make.
const MOST_WORK: usize = 64 << 20;
/// Widest field that `sprintf` may fill up.
const WIDEST: usize = 1_000;
/// Longest text a pattern is looked for in once.
const LONGEST_MATCHED: usize = 256 << 10;
/// Longest text all matches of a pattern are looked for in, which takes the square of it.
const LONGEST_SEARCHED: usize = 16 << 10;
/// Longest pattern.
const LONGEST_PATTERN: usize = 1 << 10;
/// Longest number that is read from text.
const LONGEST_NUMBER: usize = 400;
/// Most numbers that are multiplied at once, or made at once.
const MOST_NUMBERS: usize = 100_000;

/// Lets the program call the bounded form of each built-in that has one.
pub(crate) fn bind(program: &mut Program) {
    for (info, resolved) in program
        .builtin_info_table
        .iter()
        .zip(&mut program.resolved_builtins)
    {
        if let Some((_, function)) = BOUNDED.iter().find(|(name, _)| *name == info.name) {
            resolved.0 = *function;
        }
    }
}

/// Every bounded built-in with its name and the number of its arguments.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, Function, u8)> {
    BOUNDED.iter().filter_map(|&(name, function)| {
        let (_, arguments) = BUILTINS.get(name)?;
        Some((name, function, *arguments))
    })
}

/// Whether a call could come to more than a decision may use.
pub(crate) fn exceeds(name: &str, arguments: &[Value]) -> bool {
    let text = |at: usize| arguments.get(at).map_or(0, length);
    let count = |at: usize| arguments.get(at).map_or(0, members);
    match name {
        "replace" => replaced(text(0), text(1), text(2)) > MOST_TEXT,
        "strings.replace_n" => all_replaced(arguments) > MOST_TEXT,
        "concat" => joined(text(0), arguments.get(1)) > MOST_TEXT,
        "sprintf" => widths(arguments.first()) > WIDEST || is_heavy(arguments),
        "json.marshal" | "json.marshal_with_options" | "array.concat" => is_heavy(arguments),
        "trim" | "trim_left" | "trim_right" | "strings.count" => {
            text(0).saturating_mul(text(1)) > MOST_WORK
        }
        "strings.any_prefix_match"
        | "strings.any_suffix_match"
        | "object.subset"
        | "object.filter"
        | "object.remove"
        | "json.filter"
        | "json.remove" => count(0).saturating_mul(count(1)) > MOST_WORK / 16,
        "regex.match" => text(0) > LONGEST_PATTERN || text(1) > LONGEST_MATCHED,
        "regex.is_valid" => text(0) > LONGEST_PATTERN,
        "regex.find_n" | "regex.split" | "regex.template_match" => {
            text(0) > LONGEST_PATTERN || text(1) > LONGEST_SEARCHED
        }
        "regex.replace" => {
            text(1) > LONGEST_PATTERN
                || text(0) > LONGEST_SEARCHED
                || replaced(text(0), 0, text(2)) > MOST_TEXT
        }
        "glob.match" => text(0) > LONGEST_PATTERN || text(2) > LONGEST_MATCHED,
        "to_number" => text(0) > LONGEST_NUMBER,
        "units.parse" | "units.parse_bytes" => !is_plain_unit(arguments.first()),
        "product" => count(0) > 1_000,
        "numbers.range" => steps(arguments, 1.0) > MOST_NUMBERS,
        "numbers.range_step" => {
            let step = arguments.get(2).and_then(|step| step.as_f64().ok());
            steps(arguments, step.unwrap_or_default()) > MOST_NUMBERS
        }
        _ => false,
    }
}

/// What a part of a value weighs, whatever it is.
const PART: usize = 32;

/// `before` and the weight of a value: the length of its texts and a little for each part, counted again wherever the
/// same value is a part of two others, since that is what it takes to compare or write it. The count ends at `most`.
pub(crate) fn weigh(value: &Value, before: usize, most: usize) -> usize {
    let mut sum = before.saturating_add(PART);
    let mut add = |part: &Value| {
        sum = weigh(part, sum, most);
        sum > most
    };
    match value {
        Value::String(text) => sum = sum.saturating_add(text.len()),
        Value::Array(items) => {
            items.iter().any(&mut add);
        }
        Value::Set(items) => {
            items.iter_sorted().any(&mut add);
        }
        Value::Object(fields) => {
            fields
                .iter_sorted()
                .any(|(key, value)| add(key) || add(value));
        }
        Value::Undefined | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    sum
}

fn is_heavy(arguments: &[Value]) -> bool {
    let most = MOST_TEXT * 2;
    arguments
        .iter()
        .fold(0, |sum, value| weigh(value, sum, most))
        > most
}

/// Bytes of a text.
fn length(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Undefined
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Array(_)
        | Value::Set(_)
        | Value::Object(_) => 0,
    }
}

/// Members of a collection; anything else is one.
fn members(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.len(),
        Value::Set(items) => items.len(),
        Value::Object(fields) => fields.len(),
        Value::Undefined | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}

/// Most bytes that are left when every `old` becomes a `new`.
fn replaced(text: usize, old: usize, new: usize) -> usize {
    let places = text / old.max(1) + 1;
    places.saturating_mul(new).saturating_add(text)
}

fn all_replaced(arguments: &[Value]) -> usize {
    let (Some(Value::Object(patterns)), Some(text)) = (arguments.first(), arguments.get(1)) else {
        return 0;
    };
    patterns
        .iter_sorted()
        .fold(length(text), |made, (old, new)| {
            replaced(made, length(old), length(new))
        })
}

fn joined(between: usize, parts: Option<&Value>) -> usize {
    let all: usize = match parts {
        Some(Value::Array(items)) => items.iter().map(length).fold(0, usize::saturating_add),
        Some(Value::Set(items)) => items
            .iter_sorted()
            .map(length)
            .fold(0, usize::saturating_add),
        _ => 0,
    };
    between
        .saturating_mul(parts.map_or(0, members))
        .saturating_add(all)
}

/// The widths that a format asks for, together.
fn widths(format: Option<&Value>) -> usize {
    let Some(Value::String(format)) = format else {
        return 0;
    };
    let mut total = 0_usize;
    let mut rest = format.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '%' {
            continue;
        }
        if rest.peek() == Some(&'%') {
            rest.next();
            continue;
        }
        let mut width = 0_usize;
        while let Some(digit) = rest.next_if(|c| *c == '.' || c.is_numeric()) {
            let digit = digit.to_digit(10).map_or(0, |digit| digit as usize);
            width = width.saturating_mul(10).saturating_add(digit);
        }
        total = total.saturating_add(width);
    }
    total
}

/// A number with an exponent of a few digits at most: the engine raises ten to it exactly.
fn is_plain_unit(text: Option<&Value>) -> bool {
    let Some(Value::String(text)) = text else {
        return true;
    };
    let exponent = text
        .split_once(['e', 'E'])
        .map_or("", |(_, exponent)| exponent.trim_start_matches(['+', '-']));
    let digits = exponent.chars().take_while(char::is_ascii_digit).count();
    text.len() <= 40 && digits <= 2
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what does not fit is too much, and a cast says so by ending at the largest number"
)]
fn steps(arguments: &[Value], step: f64) -> usize {
    let number = |at: usize| arguments.get(at).and_then(|value| value.as_f64().ok());
    match (number(0), number(1)) {
        (Some(from), Some(to)) if step != 0.0 => ((to - from) / step).abs() as usize,
        _ => usize::MAX,
    }
}

macro_rules! bounded {
    ($($name:literal),* $(,)?) => {
        &[$(($name, {
            fn call(
                span: &Span,
                expressions: &[Ref<Expr>],
                arguments: &[Value],
                strict: bool,
            ) -> anyhow::Result<Value> {
                checked($name, span, expressions, arguments, strict)
            }
            call
        })),*]
    };
}

fn checked(
    name: &str,
    span: &Span,
    expressions: &[Ref<Expr>],
    arguments: &[Value],
    strict: bool,
) -> anyhow::Result<Value> {
    if exceeds(name, arguments) {
        anyhow::bail!("`{name}` {TOO_MUCH}");
    }
    match BUILTINS.get(name) {
        Some((function, _)) => function(span, expressions, arguments, strict),
        None => anyhow::bail!("there is no built-in `{name}`"),
    }
}

/// What is wrong with a call that [`exceeds`].
pub(crate) const TOO_MUCH: &str = "was given more than it may work on";

const BOUNDED: &[(&str, Function)] = bounded![
    "replace",
    "strings.replace_n",
    "concat",
    "sprintf",
    "json.marshal",
    "json.marshal_with_options",
    "array.concat",
    "trim",
    "trim_left",
    "trim_right",
    "strings.count",
    "strings.any_prefix_match",
    "strings.any_suffix_match",
    "object.subset",
    "object.filter",
    "object.remove",
    "json.filter",
    "json.remove",
    "regex.match",
    "regex.is_valid",
    "regex.find_n",
    "regex.split",
    "regex.replace",
    "regex.template_match",
    "glob.match",
    "to_number",
    "units.parse",
    "units.parse_bytes",
    "product",
    "numbers.range",
    "numbers.range_step",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bounded_built_in_exists() {
        assert_eq!(all().count(), BOUNDED.len());
    }

    #[test]
    fn ordinary_calls_are_within_bounds_and_monstrous_ones_are_not() {
        let call = |name: &str, json: &str| {
            let arguments = Value::from_json_str(json).unwrap();
            exceeds(name, arguments.as_array().unwrap().as_slice())
        };
        let long = "a".repeat(100_000);
        for (name, arguments) in [
            ("replace", r#"["a-b", "-", "+"]"#.to_owned()),
            ("replace", format!(r#"["{long}", "a", "bb"]"#)),
            ("concat", r#"[", ", ["a", "b"]]"#.to_owned()),
            (
                "sprintf",
                r#"["%5d %.2f %s 100%%999999999", [1]]"#.to_owned(),
            ),
            ("regex.match", format!(r#"["^a+$", "{long}"]"#)),
            ("units.parse", r#"["10Mi"]"#.to_owned()),
            ("units.parse", r#"["1.5E"]"#.to_owned()),
            ("to_number", r#"["1e300"]"#.to_owned()),
            ("numbers.range", "[1, 100]".to_owned()),
        ] {
            assert!(!call(name, &arguments), "{name} {arguments:.50}");
        }
        for (name, arguments) in [
            ("replace", format!(r#"["{long}", "a", "{long}"]"#)),
            ("replace", format!(r#"["{long}", "", "{long}"]"#)),
            (
                "strings.replace_n",
                format!(r#"[{{"a": "{long}"}}, "{long}"]"#),
            ),
            (
                "strings.replace_n",
                r#"[{"a": "bbbbbbbbbb", "b": "cccccccccc", "c": "dddddddddd", "d": "eeeeeeeeee", "e": "ffffffffff", "f": "gggggggggg", "g": "hhhhhhhhhh", "h": "iiiiiiiiii"}, "a"]"#.to_owned(),
            ),
            (
                "concat",
                format!(r#"["{long}", [{}""]]"#, "\"\",".repeat(1_000)),
            ),
            ("sprintf", r#"["%999999999d", [1]]"#.to_owned()),
            ("sprintf", r#"["%0999999999d", [1]]"#.to_owned()),
            ("sprintf", r#"["%.99999999999f", [1]]"#.to_owned()),
            ("sprintf", format!(r#"["{}", []]"#, "%900d".repeat(100))),
            ("trim", format!(r#"["{long}", "{long}"]"#)),
            ("regex.find_n", format!(r#"["a*?b", "{long}", -1]"#)),
            (
                "regex.replace",
                format!(r#"["{}", "a", "{long}"]"#, "a".repeat(10_000)),
            ),
            ("units.parse", r#"["1e999999999"]"#.to_owned()),
            ("units.parse_bytes", r#"["1e999999999K"]"#.to_owned()),
            ("to_number", format!(r#"["{}"]"#, "9".repeat(1_000))),
            ("numbers.range", "[1, 1e18]".to_owned()),
            ("numbers.range_step", "[1, 10, 0]".to_owned()),
        ] {
            assert!(call(name, &arguments), "{name} {arguments:.50}");
        }
    }
}
