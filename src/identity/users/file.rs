//! What a users file says.

use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt as _;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{TokenDigest, User};
use crate::domain::person::{Role, is_name, same};
use crate::identity::password::{PasswordError, PasswordHash};

/// Others may write what has one of these.
const WRITABLE_BY_OTHERS: u32 = 0o022;

const NO_LIST: Malformed = Malformed::Form { line: 1, column: 1 };

const HEADING: &str = "# Written by `countersign user`, which does not keep comments.\n";

/// What is wrong with a users file. What the file says is not in it: it may be a secret in the wrong place.
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
    /// A name that is none.
    #[error("user {0} has a name that is none: letters, digits and `-._@+:/`, at most 128")]
    Name(usize),
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

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Nothing is not a list of nobody: the rest of the file may be what is missing.
    users: Option<Vec<WrittenUser>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenUser {
    name: String,
    role: Role,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    teams: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    added: Date,
}

/// The users that a file holds.
pub(super) fn parse(bytes: &[u8], metadata: &Metadata) -> Result<Vec<User>, Malformed> {
    if metadata.permissions().mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(Malformed::Writable);
    }
    users_in(bytes)
}

pub(super) fn users_in(bytes: &[u8]) -> Result<Vec<User>, Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed::NotText)?;
    let written: Written = serde_yaml::from_str(text).map_err(|error| {
        let place = error.location();
        Malformed::Form {
            line: place.as_ref().map_or(0, serde_yaml::Location::line),
            column: place.as_ref().map_or(0, serde_yaml::Location::column),
        }
    })?;
    let users = written.users.ok_or(NO_LIST)?.into_iter().enumerate();
    let users: Vec<User> = users
        .map(|(at, user)| user.read(at + 1))
        .collect::<Result<_, _>>()?;
    unique(&users)?;
    Ok(users)
}

/// The text of a file with these users.
pub(super) fn text_of(users: &[User]) -> Result<String, serde_yaml::Error> {
    let users = users.iter().map(|user| WrittenUser {
        name: user.name.clone(),
        role: user.role,
        email: user.email.clone(),
        teams: user.teams.clone(),
        password: (user.password.as_ref()).map(|password| password.expose().to_owned()),
        token: user.token.map(|token| token.to_string()),
        added: user.added,
    });
    let written = Written {
        users: Some(users.collect()),
    };
    serde_yaml::to_string(&written).map(|text| format!("{HEADING}{text}"))
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
    fn read(self, number: usize) -> Result<User, Malformed> {
        let name = self.name;
        if !is_name(&name) {
            return Err(Malformed::Name(number));
        }
        if self
            .email
            .as_deref()
            .is_some_and(|email| !is_address(email))
        {
            return Err(Malformed::Email(name));
        }
        let password = self.password.as_deref().map(PasswordHash::parse);
        let password = password
            .transpose()
            .map_err(|error| Malformed::Password(name.clone(), error))?;
        let token = match self.token.as_deref().map(TokenDigest::parse) {
            None => None,
            Some(Some(token)) => Some(token),
            Some(None) => return Err(Malformed::Token(name)),
        };
        Ok(User {
            name,
            role: self.role,
            email: self.email,
            teams: self.teams,
            password,
            token,
            added: self.added,
        })
    }
}

fn unique(users: &[User]) -> Result<(), Malformed> {
    for (at, user) in users.iter().enumerate() {
        for earlier in users.iter().take(at) {
            if same(&earlier.name, &user.name) {
                return Err(Malformed::Twice(user.name.clone()));
            }
            if user.token.is_some() && earlier.token == user.token {
                return Err(Malformed::SameToken(
                    earlier.name.clone(),
                    user.name.clone(),
                ));
            }
        }
    }
    Ok(())
}
