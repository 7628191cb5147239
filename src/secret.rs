//! A value that must not be seen: it prints as `redacted` and is compared in constant time.

use std::fmt;

use subtle::ConstantTimeEq;

/// A secret or a capability. [`Secret::expose`] is the one way to its text.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes the secret as it is, byte for byte.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself: for a signature, an outgoing header, or the store. Never for a log.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `presented` is this secret. The time taken tells nothing but the lengths. An empty secret matches
    /// nothing.
    pub fn matches(&self, presented: &[u8]) -> bool {
        !self.0.is_empty() && bool::from(self.0.as_bytes().ct_eq(presented))
    }
}

impl PartialEq for Secret {
    /// Whether both are the same text; the time taken tells nothing but the lengths.
    fn eq(&self, other: &Self) -> bool {
        bool::from(self.0.as_bytes().ct_eq(other.0.as_bytes()))
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_as_redacted() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(redacted)");
    }

    #[test]
    fn an_empty_secret_matches_nothing_not_even_nothing() {
        assert!(!Secret::new("").matches(b""));
        assert!(Secret::new("a").matches(b"a"));
        assert!(!Secret::new("ab").matches(b"a"));
    }
}
