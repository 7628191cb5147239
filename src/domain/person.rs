//! Who a person is, once they proved it, and what they may do.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::verdict::word;

/// A person as their credential names them. There is no other way into a vote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name that votes go under.
    pub name: String,
    /// Where mail reaches them; with it one person with two ways in is one person.
    pub email: Option<String>,
    /// What they may do.
    pub role: Role,
    /// The teams they vote for, by name. An admin votes for every team.
    pub teams: BTreeSet<String>,
}

/// What a person may do; each role may do all that the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May look.
    Viewer,
    /// May vote where their teams are asked, or everybody is.
    Approver,
    /// May vote everywhere, freeze, reload and retry.
    Admin,
}

word!(Role { Self::Viewer => "viewer", Self::Approver => "approver", Self::Admin => "admin" });

impl Person {
    /// Whether `text` is this person's name or e-mail address. Case does not count: no directory tells `Alice` from `alice`.
    pub fn is_called(&self, text: &str) -> bool {
        same(&self.name, text) || self.email.as_deref().is_some_and(|email| same(email, text))
    }
}

/// Whether two names or addresses are the same to a directory.
pub fn same(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// Whether `text` can be the name of a person or an agent: it stands in logs and records, so it has no spaces and no tricks.
pub fn is_name(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "-._@+:/".contains(letter))
}
