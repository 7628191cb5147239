//! A browser that somebody logged in with before.
//!
//! What must hold: it lets nobody in and names nobody; it only says that its failures are its own, and is no more than that
//! to whoever has it. With another password it is one that nobody logged in with, so that whoever collected some while they
//! knew the old one cannot guess at the new one with each of them.

use serde::{Deserialize, Serialize};

use crate::domain::person::folded;
use crate::identity::seal::Unsealable;
use crate::identity::session::random;

/// A browser that somebody logged in with before. It goes with the browser, sealed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    name: String,
    stamp: String,
    /// Random; what its failures are counted under.
    id: String,
}

impl Device {
    /// The browser in which `name` logged in, with what their entry looked like then.
    pub fn of(name: &str, stamp: &str) -> Result<Self, Unsealable> {
        Ok(Self {
            name: folded(name),
            stamp: stamp.to_owned(),
            id: random()?,
        })
    }

    /// Whether it is one that `name` logged in with while their entry looked like `stamp`.
    pub fn is_of(&self, name: &str, stamp: &str) -> bool {
        self.name == folded(name) && self.stamp == stamp
    }

    pub(super) fn id(&self) -> &[u8] {
        self.id.as_bytes()
    }
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Device(redacted)")
    }
}
