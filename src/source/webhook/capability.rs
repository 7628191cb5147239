//! What answers one request: the token and the address that came with it. Whoever has them can answer it, so both are
//! kept as one secret, which nobody but this source takes apart again.

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// The capabilities of one request.
#[derive(Debug, Clone, Default)]
pub(super) struct Capabilities {
    pub(super) token: Option<Secret>,
    pub(super) callback: Option<Secret>,
}

/// A secret that was stored is not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what is stored to answer the request with was not stored by a source of this kind")]
pub(super) struct Foreign;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Packed {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    callback: Option<String>,
}

impl Capabilities {
    /// Both as one secret; none where there is neither.
    pub(super) fn pack(&self) -> Option<Secret> {
        if self.token.is_none() && self.callback.is_none() {
            return None;
        }
        let text =
            |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().to_owned());
        let packed = Packed {
            token: text(&self.token),
            callback: text(&self.callback),
        };
        serde_json::to_string(&packed).ok().map(Secret::new)
    }

    /// What [`Capabilities::pack`] made one secret of.
    pub(super) fn unpack(packed: Option<&Secret>) -> Result<Self, Foreign> {
        let Some(packed) = packed else {
            return Ok(Self::default());
        };
        let packed: Packed = serde_json::from_str(packed.expose()).map_err(|_| Foreign)?;
        Ok(Self {
            token: packed.token.map(Secret::new),
            callback: packed.callback.map(Secret::new),
        })
    }

    /// These, and what they lack of `others`.
    pub(super) fn or(self, others: Self) -> Self {
        Self {
            token: self.token.or(others.token),
            callback: self.callback.or(others.callback),
        }
    }

    /// Each of them.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.token.iter().chain(&self.callback)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_and_callback_survive_being_one_secret() {
        let capabilities = Capabilities {
            token: Some(Secret::new("t\"ok")),
            callback: Some(Secret::new("https://app.example.com/x")),
        };
        let packed = capabilities.pack().unwrap();
        assert_eq!(
            packed.expose(),
            r#"{"token":"t\"ok","callback":"https://app.example.com/x"}"#
        );
        let read = Capabilities::unpack(Some(&packed)).unwrap();
        let exposed: Vec<&str> = read.secrets().map(Secret::expose).collect();
        assert_eq!(exposed, ["t\"ok", "https://app.example.com/x"]);
        assert!(Capabilities::default().pack().is_none());
        assert!(Capabilities::unpack(None).unwrap().token.is_none());
    }

    #[test]
    fn a_secret_of_another_source_is_not_taken_for_a_token() {
        for foreign in ["tok_5f0c9a1e77", "\"tok\"", r#"{"secret": "x"}"#, ""] {
            assert_eq!(
                Capabilities::unpack(Some(&Secret::new(foreign))).err(),
                Some(Foreign)
            );
        }
    }
}
