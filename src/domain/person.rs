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
    /// What else whoever has this address is called here: nobody gets around being the owner of an agent by coming in under
    /// another of their names.
    pub also: BTreeSet<String>,
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
    /// Whether `text` is a name of this person's or their e-mail address. Case does not count: no directory tells `Alice`
    /// from `alice`.
    pub fn is_called(&self, text: &str) -> bool {
        let names = std::iter::once(&self.name).chain(&self.also);
        let mut all = names.chain(&self.email);
        all.any(|called| same(called, text))
    }
}

/// Whether two names or addresses are the same to a directory.
pub fn same(one: &str, other: &str) -> bool {
    folded(one) == folded(other)
}

/// `text` as everything that is [`same`] is written alike. A letter beyond ASCII stays beyond it: the Kelvin sign is no `k`,
/// or whoever gets an address with it would be somebody else.
pub fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.trim().chars() {
        let mut small = letter.to_lowercase();
        if !letter.is_ascii() && small.any(|small| small.is_ascii()) {
            folded.push(letter);
        } else {
            folded.extend(letter.to_lowercase());
        }
    }
    folded
}

/// Who has the last word besides people, as records call them: no name of a person.
const RESERVED: [&str; 3] = ["policy", "platform", "deadline"];

/// Whether `text` can be the name of a person or an agent: it stands in logs and records, so it has no spaces and no tricks,
/// and is no word for what decides besides people.
pub fn is_name(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && !is_reserved(text)
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "-._@+:/".contains(letter))
}

/// Whether `text` is a word for what decides besides people.
pub fn is_reserved(text: &str) -> bool {
    RESERVED.iter().any(|reserved| same(reserved, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_tell_names_apart_and_letters_that_only_look_alike_do() {
        assert!(same(" Mike@Example.com", "mike@example.COM") && same("JÖRG@x", "jörg@x"));
        // The Kelvin sign, and the dotted capital of Turkish.
        assert!(!same("mi\u{212a}e@x", "mike@x") && !same("m\u{130}ke@x", "mike@x"));
        assert!(!same("m\u{130}ke@x", "mi\u{307}ke@x"));
    }

    #[test]
    fn nobody_is_called_what_decides_besides_people() {
        for name in ["policy", "Platform", "deadline"] {
            assert!(!is_name(name), "{name}");
        }
        assert!(is_name("policy-bot") && is_name("alice@example.com"));
    }
}
