//! A case as a person types it: its id, or the first digits of it, with or without `case_`.

use std::fmt;
use std::str::FromStr;

use anyhow::bail;

use crate::domain::id::CaseId;

/// How many digits an abbreviated id is printed with.
const SHOWN_DIGITS: usize = 8;

/// The first digits of a case's id, or all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CaseName(String);

impl CaseName {
    /// The id, when all of it was typed.
    pub(super) fn whole(&self) -> Option<CaseId> {
        CaseId::parse(&format!("case_{}", self.0)).ok()
    }

    /// The one of `ids` that is meant, if one is. Two are an error: nobody should decide a case they did not mean.
    pub(super) fn among(
        &self,
        ids: impl IntoIterator<Item = CaseId>,
    ) -> anyhow::Result<Option<CaseId>> {
        let mut found: Option<CaseId> = None;
        for id in ids {
            if !digits(id).starts_with(&self.0) {
                continue;
            }
            match found {
                Some(other) if other != id => {
                    bail!("`{self}` may be `{other}` or `{id}`; type more of it")
                }
                Some(_) | None => found = Some(id),
            }
        }
        Ok(found)
    }

    /// An id as lists show it.
    pub(super) fn short(id: CaseId) -> String {
        format!(
            "case_{}",
            digits(id).chars().take(SHOWN_DIGITS).collect::<String>()
        )
    }
}

impl FromStr for CaseName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text
            .strip_prefix("case_")
            .unwrap_or(text)
            .to_ascii_lowercase();
        let valid =
            (4..=32).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if valid {
            Ok(Self(digits))
        } else {
            Err("a case is `case_` and its first 4 to 32 hexadecimal digits".to_owned())
        }
    }
}

impl fmt::Display for CaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "case_{}", self.0)
    }
}

fn digits(id: CaseId) -> String {
    hex::encode(id.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(first: u8, last: u8) -> CaseId {
        let mut bytes = [0; 16];
        (bytes[0], bytes[15]) = (first, last);
        CaseId::from_bytes(bytes)
    }

    #[test]
    fn a_prefix_that_fits_one_case_names_it() {
        let name: CaseName = "case_ab00".parse().unwrap();
        assert_eq!(
            name.among([id(0xab, 1), id(0xcd, 1)]).unwrap(),
            Some(id(0xab, 1))
        );
        assert_eq!(name.among([id(0xcd, 1)]).unwrap(), None);
    }

    #[test]
    fn a_prefix_that_fits_two_cases_names_neither() {
        let name: CaseName = "ab00".parse().unwrap();
        assert!(name.among([id(0xab, 1), id(0xab, 2)]).is_err());
        assert_eq!(
            name.among([id(0xab, 1), id(0xab, 1)]).unwrap(),
            Some(id(0xab, 1))
        );
    }

    #[test]
    fn a_whole_id_needs_no_list_and_three_digits_are_too_few() {
        let whole: CaseName = id(1, 2).to_string().parse().unwrap();
        assert_eq!(whole.whole(), Some(id(1, 2)));
        assert!("case_abc".parse::<CaseName>().is_err());
        assert!("../etc".parse::<CaseName>().is_err());
    }
}
