//! Somebody who is logged in, as their browser remembers it in a sealed cookie.
//!
//! What must hold: a session says who somebody proved to be, never what they may do: that is looked up at every use. One
//! that was ended is over wherever it was copied to, and so is one from before a local user's password changed.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Proven;
use super::seal::Unsealable;
use crate::domain::id::ContentDigest;
use crate::secret::Secret;

/// Somebody who is logged in.
#[derive(Clone, Serialize, Deserialize)]
pub struct Session {
    /// Who they proved to be.
    pub proven: Proven,
    /// What a local user's entry looked like then; a session from before it changed is over.
    pub stamp: Option<String>,
    /// Random; what is remembered of it when it is ended.
    pub id: String,
    /// Random; what forms and scripts of our own pages send along.
    csrf: String,
    /// When they logged in.
    pub issued_at: Timestamp,
    /// When it is over at the latest.
    pub until: Timestamp,
}

impl Session {
    /// A session of `proven` from `now` to `until`.
    pub fn begin(
        proven: Proven,
        stamp: Option<String>,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Self, Unsealable> {
        Ok(Self {
            proven,
            stamp,
            id: random()?,
            csrf: random()?,
            issued_at: now,
            until,
        })
    }

    /// What our own pages send along with whatever they change.
    pub fn csrf(&self) -> Secret {
        Secret::new(self.csrf.clone())
    }

    /// What the store remembers once the session is ended.
    pub fn ended(&self) -> ContentDigest {
        ContentDigest::of(&[b"ended session", self.id.as_bytes()])
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("proven", &self.proven)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

/// 32 random bytes in letters.
pub fn random() -> Result<String, Unsealable> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| Unsealable)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
