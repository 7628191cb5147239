//! Numbers as people write them: exact decimals behind JSON's numbers, so that 0.3 less 0.1 is 0.2.

use serde_json::{Number, Value};

use crate::json;

/// More digits after the point than anybody writes.
const MOST_PLACES: u32 = 20;

/// Ten to the 36th is the largest power that leaves room to add.
const MOST_DIGITS: i64 = 36;

/// A whole number of units, each one ten to the power of minus `places`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    units: i128,
    places: u32,
}

impl Decimal {
    /// The number, digit for digit; `None` for one with more digits than money or measures have.
    pub fn of(number: &Number) -> Option<Self> {
        let text = number.to_string();
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((&text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        // `99.0` is as coarse as `99`.
        let fraction = fraction.trim_end_matches('0');
        let exponent: i64 = exponent.parse().ok()?;
        let places = i64::try_from(fraction.len()).ok()? - exponent;
        let zeros = usize::try_from((-places).max(0)).ok()?;
        let digits = i64::try_from(whole.len() + fraction.len() + zeros).ok()?;
        if digits > MOST_DIGITS {
            return None;
        }
        let units = format!("{whole}{fraction}{}", "0".repeat(zeros));
        let places = u32::try_from(places.max(0)).ok()?;
        (places <= MOST_PLACES).then_some(Self {
            units: units.parse().ok()?,
            places,
        })
    }

    /// How many digits it has after the point.
    pub fn places(self) -> u32 {
        self.places
    }

    /// This and `steps` units of `places` digits after the point.
    #[must_use]
    pub fn moved(self, steps: i128, places: u32) -> Option<Self> {
        let all = self.places.max(places);
        let step = Self {
            units: steps,
            places,
        };
        Some(Self {
            units: self.at(all)?.checked_add(step.at(all)?)?,
            places: all,
        })
    }

    /// How far the two are apart, never negative.
    #[must_use]
    pub fn distance(self, other: Self) -> Option<Self> {
        let places = self.places.max(other.places);
        let apart = self.at(places)?.checked_sub(other.at(places)?)?;
        Some(Self {
            units: apart.checked_abs()?,
            places,
        })
    }

    /// The nearest float, to compare sizes by.
    pub fn approximately(self) -> f64 {
        self.to_string().parse().unwrap_or(f64::MAX)
    }

    /// The number as JSON has it; `None` for one that JSON readers would round.
    pub fn number(self) -> Option<Number> {
        match json::parse(self.to_string().as_bytes()) {
            Ok(Value::Number(number)) => Some(number),
            Ok(_) | Err(_) => None,
        }
    }

    /// Its units at another precision, which is not coarser.
    fn at(self, places: u32) -> Option<i128> {
        let factor = 10_i128.checked_pow(places.checked_sub(self.places)?)?;
        self.units.checked_mul(factor)
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let places = usize::try_from(self.places).unwrap_or_default();
        let digits = format!("{:0>width$}", self.units.unsigned_abs(), width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        match fraction.trim_end_matches('0') {
            "" if whole == "0" => f.write_str("0"),
            "" => write!(f, "{sign}{whole}"),
            fraction => write!(f, "{sign}{whole}.{fraction}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decimal(value: impl Into<Value>) -> Option<Decimal> {
        Decimal::of(value.into().as_number()?)
    }

    #[test]
    fn the_difference_of_two_prices_has_no_dust() {
        let apart = decimal(0.3).unwrap().distance(decimal(0.1).unwrap());
        assert_eq!(apart.unwrap().to_string(), "0.2");
        let below = decimal(100).unwrap().moved(-1, 2).unwrap();
        assert_eq!(below.number().unwrap().to_string(), "99.99");
    }

    #[test]
    fn a_unit_below_and_above_zero_is_written_as_people_write_it() {
        let zero = decimal(0).unwrap();
        assert_eq!(zero.moved(-1, 2).unwrap().to_string(), "-0.01");
        assert_eq!(zero.moved(1, 0).unwrap().to_string(), "1");
        assert_eq!(decimal(-5.50).unwrap().to_string(), "-5.5");
        assert_eq!(decimal(99.0).unwrap().places(), 0);
    }

    #[test]
    fn a_number_that_is_no_amount_is_none() {
        assert_eq!(decimal(1e300), None);
        assert_eq!(decimal(1e-300), None);
        assert_eq!(decimal(1e21).unwrap().to_string(), "1000000000000000000000");
    }

    proptest! {
        #[test]
        fn every_whole_number_comes_back_as_it_was(whole in any::<i64>()) {
            prop_assert_eq!(decimal(whole).unwrap().number(), Some(Number::from(whole)));
        }

        #[test]
        fn every_price_comes_back_as_it_was(cents in -1_000_000_000_i64..1_000_000_000) {
            let text = format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, cents.abs() / 100, cents.abs() % 100);
            let Value::Number(price) = json::parse(text.as_bytes()).unwrap() else { unreachable!() };
            let back = Decimal::of(&price).unwrap().number().unwrap();
            prop_assert_eq!(back.as_f64(), price.as_f64());
        }
    }
}
