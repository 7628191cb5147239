//! Reads a query string strictly: a parameter that is not known is a mistake, so that a filter with a typo is not one
//! that filters nothing.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use axum::extract::Query;
use http::Uri;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize as _, Deserializer};

use super::problem::{Code, Problem};

/// The query of `uri`.
pub fn read<T: DeserializeOwned>(uri: &Uri) -> Result<T, Problem> {
    let Query(query) = Query::try_from_uri(uri).map_err(|rejection| {
        Problem::new(
            Code::Malformed,
            format!("the query cannot be read: {}", rejection.body_text()),
        )
    })?;
    Ok(query)
}

/// A parameter for `deserialize_with`: without a value, as in `?state=&q=`, it is as good as not written.
pub fn given<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let text = Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty());
    text.map(|text| text.parse().map_err(D::Error::custom))
        .transpose()
}

/// A duration such as `500ms`, `30s` or `2m`.
pub fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u32 = number.parse().ok()?;
    let one = match unit {
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_mins(1),
        _ => return None,
    };
    Some(one * number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_number_and_a_unit() {
        assert_eq!(duration("30s"), Some(Duration::from_secs(30)));
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Some(Duration::from_mins(2)));
        for wrong in ["", "30", "s", "-1s", "1.5s", "1h30", "30 s", "99999999999s"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}
