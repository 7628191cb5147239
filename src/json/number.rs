//! Numbers that keep their value: what is held is, digit for digit, what was written.

use serde_json::Number;

/// Digits of which every float keeps all.
const MOST_EXACT: usize = 15;

/// The number `lexeme` stands for, if it is held exactly: as an integer of 64 bits, else as the float whose shortest
/// decimal text has the same value (`0.1` and `1.10` do, `1e400` and `12345678901234567890.5` do not).
///
/// `lexeme` is a number by JSON's grammar.
pub(super) fn exact(lexeme: &str) -> Option<Number> {
    if let Ok(integer) = lexeme.parse::<i64>() {
        return Some(integer.into());
    }
    if let Ok(integer) = lexeme.parse::<u64>() {
        return Some(integer.into());
    }
    if lexeme.len() <= MOST_EXACT && !lexeme.contains(['e', 'E']) {
        let float: f64 = lexeme.parse().ok()?;
        return Number::from_f64(if float == 0.0 { 0.0 } else { float });
    }
    let written = Decimal::of(lexeme)?;
    if written.digits.is_empty() {
        return Number::from_f64(0.0);
    }
    let float: f64 = lexeme
        .parse()
        .ok()
        .filter(|float: &f64| float.is_finite())?;
    // Two texts may be as short and as near as each other, and not every printer takes the same one.
    let held = Number::from_f64(float)?;
    let is_written = |text: &str| Decimal::of(text).is_some_and(|decimal| decimal == written);
    (is_written(&format!("{float:e}")) || is_written(&held.to_string())).then_some(held)
}

/// Whether both have the same value.
pub(super) fn same(one: &Number, other: &Number) -> bool {
    one == other
        || Decimal::of(&one.to_string()).is_some_and(|value| {
            Decimal::of(&other.to_string()).is_some_and(|another| value == another)
        })
}

/// A decimal value in one form: `0.digits × 10^exponent`, with no zero at either end of the digits; zero has none.
#[derive(PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn of(lexeme: &str) -> Option<Self> {
        let (negative, unsigned) = match lexeme.strip_prefix('-') {
            Some(unsigned) => (true, unsigned),
            None => (false, lexeme),
        };
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let leading = all.trim_start_matches('0');
        if leading.is_empty() {
            return Some(Self {
                negative: false,
                digits: String::new(),
                exponent: 0,
            });
        }
        let shift =
            i64::try_from(whole.len()).ok()? - i64::try_from(all.len() - leading.len()).ok()?;
        Some(Self {
            negative,
            digits: leading.trim_end_matches('0').to_owned(),
            exponent: exponent.parse::<i64>().ok()?.checked_add(shift)?,
        })
    }
}
