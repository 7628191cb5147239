//! Names that were checked once. A value of one of these types is a valid name; there is no other way to make it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Why a string is not the name it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// A source name is lower-case letters, digits, `-` and `_`, 1 to 63 of them.
    #[error("`{0}` is not a source name; use 1 to 63 lower-case letters, digits, `-` or `_`")]
    Source(String),
    /// A request id is 1 to 256 characters, none of them a control character.
    #[error("a request id must be 1 to 256 characters with no control characters")]
    Request,
    /// A case id is what countersign printed: `case_` and 32 hexadecimal digits.
    #[error("`{0}` is not a case id; it looks like `case_` and 32 hexadecimal digits")]
    Case(String),
}

/// The name of a configured source; also the last part of the path it is delivered at.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SourceName(Arc<str>);

impl SourceName {
    /// Parses a source name as the config has it.
    pub fn parse(raw: &str) -> Result<Self, InvalidId> {
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_'
        };
        if raw.is_empty() || raw.len() > 63 || !raw.bytes().all(allowed) {
            return Err(InvalidId::Source(raw.chars().take(80).collect()));
        }
        Ok(Self(raw.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the platform, or the agent, calls the request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequestId(String);

impl RequestId {
    /// What the ids of samples begin with that an operator sends to see what would happen. They are decided and recorded
    /// like any request, and never answered.
    pub const SAMPLE: &str = "countersign-test-";

    /// Whether an operator sent it to see what would happen.
    pub fn is_sample(&self) -> bool {
        self.0.starts_with(Self::SAMPLE)
    }

    /// Parses an id as it was received.
    pub fn parse(raw: &str) -> Result<Self, InvalidId> {
        let length = raw.chars().count();
        if length == 0 || length > 256 || raw.chars().any(char::is_control) {
            return Err(InvalidId::Request);
        }
        Ok(Self(raw.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of one case: a digest of who asked and what they call it, so that the same request is the same case on
/// every replica and after every restart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CaseId([u8; 16]);

impl CaseId {
    /// The case of request `request` at `source`. `scope` keeps askers apart who choose their ids themselves (the agent
    /// of an `http` source); it is empty where the platform gives the ids.
    pub fn derive(source: &SourceName, scope: &str, request: &RequestId) -> Self {
        let mut hash = Sha256::new();
        for part in [source.as_str(), scope, request.as_str()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let mut id = [0; 16];
        for (to, from) in id.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        Self(id)
    }

    /// Parses an id as countersign printed it.
    pub fn parse(raw: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId::Case(raw.chars().take(80).collect());
        let digits = raw.strip_prefix("case_").ok_or_else(invalid)?;
        let mut id = [0; 16];
        hex::decode_to_slice(digits, &mut id).map_err(|_| invalid())?;
        Ok(Self(id))
    }

    /// The bytes the store looks a case up by.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The id whose bytes these are; for the store alone.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "case_{}", hex::encode(self.0))
    }
}

impl fmt::Debug for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The SHA-256 of a policy set: its files, their names and the engine that runs them, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(Arc<str>);

impl Revision {
    /// The revision with this SHA-256.
    pub fn of(digest: [u8; 32]) -> Self {
        Self(hex::encode(digest).into())
    }

    /// All 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 12 digits: enough to tell revisions apart, short enough to read out.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

/// A SHA-256 of some content, as lower-case hexadecimal where it is shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContentDigest([u8; 32]);

impl ContentDigest {
    /// The digest of `parts`, each with its length before it, so that no two lists of parts share one.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// The digest whose bytes these are; for the store alone.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest's bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for ContentDigest {
    type Error = hex::FromHexError;

    fn try_from(raw: String) -> Result<Self, Self::Error> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(raw, &mut bytes)?;
        Ok(Self(bytes))
    }
}

impl From<ContentDigest> for String {
    fn from(digest: ContentDigest) -> Self {
        digest.to_string()
    }
}

macro_rules! name_as_string {
    ($($name:ident),*) => {$(
        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(raw: String) -> Result<Self, InvalidId> {
                Self::parse(&raw)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.as_str().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}
name_as_string!(SourceName, RequestId);

impl TryFrom<String> for CaseId {
    type Error = InvalidId;

    fn try_from(raw: String) -> Result<Self, InvalidId> {
        Self::parse(&raw)
    }
}

impl From<CaseId> for String {
    fn from(id: CaseId) -> Self {
        id.to_string()
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_id_survives_being_printed_and_read_back() {
        let source = SourceName::parse("refunds").unwrap();
        let id = CaseId::derive(&source, "", &RequestId::parse("appr_1").unwrap());
        assert_eq!(CaseId::parse(&id.to_string()), Ok(id));
    }

    #[test]
    fn the_same_id_from_two_agents_is_two_cases() {
        let source = SourceName::parse("agents").unwrap();
        let request = RequestId::parse("1").unwrap();
        assert_ne!(
            CaseId::derive(&source, "a", &request),
            CaseId::derive(&source, "b", &request)
        );
    }

    #[test]
    fn a_source_name_with_a_slash_is_refused() {
        assert!(SourceName::parse("a/b").is_err());
        assert!(SourceName::parse("").is_err());
    }
}
