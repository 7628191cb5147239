//! What a users file says.

use std::os::unix::fs::PermissionsExt as _;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{TokenDigest, User};
use crate::domain::person::{Role, is_name, is_reserved, same};
use crate::identity::password::{PasswordError, PasswordHash};
use crate::reread::Content;

/// Others may write what has one of these.
const WRITABLE_BY_OTHERS: u32 = 0o022;

const NO_LIST: Malformed = Malformed::Form { line: 1, column: 1 };

const HEADING: &str = "# Written by `countersign user`, which does not keep comments.\n";

/// What is wrong with a users file as a whole, so that nobody gets in by it. What the file says is not in it: it may be a
/// secret in the wrong place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The text is not a list of users.
    #[error(
        "line {line}, column {column}: this is not what a users file has: `users:` with a list, each with `name`, `role`, `added` and maybe `email`, `teams`, `password`, `token`"
    )]
    Form {
        /// From 1; 0 where it is not known.
        line: usize,
        /// From 1; 0 where it is not known.
        column: usize,
    },
    /// It is not text.
    #[error("it is not UTF-8")]
    NotText,
    /// Others than its owner may change who gets in.
    #[error("others than its owner may write it; `chmod 600` it")]
    Writable,
}

/// A user of the file who does not get in, and whose name and address nobody else gets in under.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct Refused {
    /// Where they are in the file.
    pub place: Place,
    /// Their name as it is written; it may be none.
    pub name: String,
    /// Their address as it is written; it may be none.
    pub email: Option<String>,
    /// Why.
    pub reason: Reason,
}

/// Where somebody is in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// From 1.
    Line(usize),
    /// Which of the users they are, from 1, where several stand on a line.
    Number(usize),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Number(number) => write!(f, "user {number}"),
        }
    }
}

/// Why a user of the file does not get in. Of what the file says there is nothing in it that could be a secret in the wrong
/// place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// A name that is none.
    #[error("a name that is none: letters, digits and `-._@+:/`, at most 128")]
    Name,
    /// A name of what decides besides people.
    #[error("nobody is called `{0}`: it is the word for what decides besides people")]
    Reserved(String),
    /// The name of a token.
    #[error(
        "`{0}` is known by a token in the config; a name is one person's, unless both have the same `email`"
    )]
    OfToken(String),
    /// The name of a tool.
    #[error(
        "`{0}` is a team's tool, by `webhook.decisions.by` in the config; it is a voter of its own"
    )]
    OfTool(String),
    /// An address that is none.
    #[error("`{0}` has an `email` that is no address")]
    Email(String),
    /// A password that is not a hash.
    #[error("`{0}` has a `password` that cannot be used: {1}")]
    Password(String, PasswordError),
    /// A token that is not a digest.
    #[error("`{0}` has a `token` that is not `sha256:` and 64 hexadecimal digits")]
    Token(String),
    /// One name twice.
    #[error("`{0}` is there twice; case does not count")]
    Twice(String),
    /// One token twice.
    #[error("`{0}` and `{1}` have the same token")]
    SameToken(String, String),
}

/// A name that is somebody's already, by the config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The name.
    pub name: String,
    /// Their address: a user with both is the same person.
    pub email: Option<String>,
    /// Whose it is.
    pub by: Holder,
}

/// Who has a name by the config.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// The holder of a token.
    Token,
    /// A team's tool.
    Tool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Nothing is not a list of nobody: the rest of the file may be what is missing.
    users: Option<Vec<WrittenUser>>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenUser {
    pub(super) name: String,
    pub(super) role: Role,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) email: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    teams: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    added: Date,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Roll {
    pub(super) users: Vec<User>,
    pub(super) refused: Vec<Refused>,
}

/// What a file holds, where the names in `taken` are others'.
pub(super) fn parse(content: &Content, taken: &[Taken]) -> Result<Roll, Malformed> {
    owners_alone(content)?;
    roll_of(&content.bytes, taken)
}

/// Everybody in a file, whether they get in or not.
pub(super) fn written(content: &Content) -> Result<Vec<WrittenUser>, Malformed> {
    owners_alone(content)?;
    written_in(&content.bytes).map(|(written, _)| written)
}

fn owners_alone(content: &Content) -> Result<(), Malformed> {
    if content.metadata.permissions().mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(Malformed::Writable);
    }
    Ok(())
}

pub(super) fn roll_of(bytes: &[u8], taken: &[Taken]) -> Result<Roll, Malformed> {
    let (written, text) = written_in(bytes)?;
    let places = places_of(text, written.len());
    let mut roll = Roll::default();
    for (at, user) in written.iter().enumerate() {
        let others = || {
            let others = written.iter().enumerate();
            others
                .filter(move |(other, _)| *other != at)
                .map(|(_, other)| other)
        };
        match user.read(taken).and_then(|read| alone(read, others())) {
            Ok(user) => roll.users.push(user),
            Err(reason) => roll.refused.push(Refused {
                place: places.get(at).copied().unwrap_or(Place::Number(at + 1)),
                name: user.name.clone(),
                email: user.email.clone(),
                reason,
            }),
        }
    }
    Ok(roll)
}

/// Everybody in the file, and its text.
fn written_in(bytes: &[u8]) -> Result<(Vec<WrittenUser>, &str), Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed::NotText)?;
    let written: Written = serde_yaml::from_str(text).map_err(|error| {
        let place = error.location();
        Malformed::Form {
            line: place.as_ref().map_or(0, serde_yaml::Location::line),
            column: place.as_ref().map_or(0, serde_yaml::Location::column),
        }
    })?;
    Ok((written.users.ok_or(NO_LIST)?, text))
}

/// The text of a file with these users.
pub(super) fn text_of(users: Vec<WrittenUser>) -> Result<String, serde_yaml::Error> {
    let written = Written { users: Some(users) };
    serde_yaml::to_string(&written).map(|text| format!("{HEADING}{text}"))
}

/// Where each of `count` users is, whose list is the outermost in `text`.
fn places_of(text: &str, count: usize) -> Vec<Place> {
    let lines = text.lines().enumerate();
    let mut items = lines.filter_map(|(at, line)| {
        let item = line.trim_start();
        let is_item = item == "-" || item.starts_with("- ");
        is_item.then_some((line.len() - item.len(), Place::Line(at + 1)))
    });
    let Some((outermost, first)) = items.next() else {
        return Vec::new();
    };
    let others = items.filter(|(indent, _)| *indent == outermost);
    let found: Vec<_> = std::iter::once(first)
        .chain(others.map(|(_, place)| place))
        .collect();
    // In braces it may look otherwise; then nothing is said of lines.
    if found.len() == count {
        found
    } else {
        Vec::new()
    }
}

/// Whether `text` looks like an address that mail reaches: one that could not be anything else in a header.
pub(crate) fn is_address(text: &str) -> bool {
    let plain = text.chars().all(|letter| {
        !letter.is_whitespace() && !letter.is_control() && !"<>,;\"()".contains(letter)
    });
    let parts = text.split_once('@');
    plain
        && text.len() <= 254
        && parts.is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        })
}

impl WrittenUser {
    fn read(&self, others: &[Taken]) -> Result<User, Reason> {
        let name = self.name.clone();
        if is_reserved(&name) {
            return Err(Reason::Reserved(name));
        }
        if !is_name(&name) {
            return Err(Reason::Name);
        }
        let email = self.email.as_deref();
        if email.is_some_and(|email| !is_address(email)) {
            return Err(Reason::Email(name));
        }
        free(&name, email, others)?;
        let password = self.password.as_deref().map(PasswordHash::parse);
        let password = password
            .transpose()
            .map_err(|error| Reason::Password(name.clone(), error))?;
        let token = match self.token.as_deref().map(TokenDigest::parse) {
            None => None,
            Some(Some(token)) => Some(token),
            Some(None) => return Err(Reason::Token(name)),
        };
        Ok(User {
            name,
            role: self.role,
            email: self.email.clone(),
            teams: self.teams.clone(),
            password,
            token,
            added: self.added,
        })
    }
}

impl From<User> for WrittenUser {
    fn from(user: User) -> Self {
        Self {
            name: user.name,
            role: user.role,
            email: user.email,
            teams: user.teams,
            password: (user.password.as_ref()).map(|password| password.expose().to_owned()),
            token: user.token.map(|token| token.to_string()),
            added: user.added,
        }
    }
}

/// Whether nobody of the config is known as `name` or by `email`. With the same address it is the same person, who comes in
/// two ways; a tool is no person.
pub(super) fn free(name: &str, email: Option<&str>, taken: &[Taken]) -> Result<(), Reason> {
    for called in std::iter::once(name).chain(email) {
        for holder in taken {
            let theirs = holder.email.as_deref();
            let is_called = same(&holder.name, called) || has(theirs, called);
            if !is_called {
                continue;
            }
            match holder.by {
                Holder::Tool => return Err(Reason::OfTool(called.to_owned())),
                Holder::Token if email.is_some_and(|email| has(theirs, email)) => {}
                Holder::Token => return Err(Reason::OfToken(called.to_owned())),
            }
        }
    }
    Ok(())
}

fn has(email: Option<&str>, address: &str) -> bool {
    email.is_some_and(|email| same(email, address))
}

/// `user`, if no one of the `others` has their name or their token: else it cannot be told who either of them is.
fn alone<'w>(user: User, others: impl Iterator<Item = &'w WrittenUser>) -> Result<User, Reason> {
    for other in others {
        if same(&other.name, &user.name) {
            return Err(Reason::Twice(user.name));
        }
        let theirs = other.token.as_deref().and_then(TokenDigest::parse);
        if user.token.is_some() && theirs == user.token {
            return Err(Reason::SameToken(user.name, other_name(&other.name)));
        }
    }
    Ok(user)
}

/// A name that may be said; what is none may be a secret in the wrong place.
fn other_name(name: &str) -> String {
    if is_name(name) {
        name.to_owned()
    } else {
        "somebody else".to_owned()
    }
}
