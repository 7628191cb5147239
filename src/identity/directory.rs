//! From who somebody proved to be to what they may do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::domain::person::{Person, Role, same};
use crate::domain::team::People;

/// How an identity was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A bearer token of the config.
    Token,
    /// A user of the users file.
    User,
    /// A reverse proxy that vouches for them.
    Proxy,
    /// A directory, by OpenID Connect.
    Oidc,
}

/// Somebody who proved who they are.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Proven {
    /// How.
    pub origin: Origin,
    /// The name that their votes go under.
    pub name: String,
    /// Their e-mail address, where whoever vouches for them also vouches for it.
    pub email: Option<String>,
    /// Their groups in the directory.
    pub groups: Vec<String>,
}

/// Somebody who is listed by name, in the config or in the users file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Their name.
    pub name: String,
    /// Their e-mail address.
    pub email: Option<String>,
    /// What they may do.
    pub role: Role,
    /// Teams beside those that list them as a member.
    pub teams: Vec<String>,
}

/// What groups of a directory may do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants {
    /// Groups whose people are admins.
    pub admin: Vec<String>,
    /// Groups whose people may vote on questions to everybody; members of a team may anyway.
    pub approver: Vec<String>,
    /// Groups whose people may look; members of a team may anyway.
    pub viewer: Vec<String>,
}

/// Who is listed now. The users file may change while we run, so it is asked at every use.
pub trait Known: Send + Sync {
    /// Everybody who is listed.
    fn listed(&self) -> Vec<Listed>;
}

/// Everybody we know, and what they may do.
pub struct Directory {
    people: Arc<People>,
    grants: Grants,
    tokens: Vec<Listed>,
    users: Option<Arc<dyn Known>>,
    /// Whom a directory vouched for, by e-mail address, and until when that counts.
    seen: Mutex<BTreeMap<String, (Proven, Timestamp)>>,
}

impl Directory {
    /// A directory of the holders of `tokens`, of `users`, and of whoever another directory vouches for.
    pub fn new(
        people: Arc<People>,
        grants: Grants,
        tokens: Vec<Listed>,
        users: Option<Arc<dyn Known>>,
    ) -> Self {
        Self {
            people,
            grants,
            tokens,
            users,
            seen: Mutex::default(),
        }
    }

    /// The teams.
    pub fn people(&self) -> &Arc<People> {
        &self.people
    }

    /// What `proven` may do now; `None` for somebody whom nobody lists and whose groups may do nothing.
    pub fn person(&self, proven: &Proven) -> Option<Person> {
        match proven.origin {
            Origin::Token => self.listed_as(&self.tokens, &proven.name),
            Origin::User => self.listed_as(&self.users(), &proven.name),
            Origin::Proxy | Origin::Oidc => self.vouched_for(proven),
        }
    }

    /// Remembers until `until` that a directory vouches for `proven`, so that they are known by their e-mail address.
    pub fn saw(&self, proven: &Proven, until: Timestamp, now: Timestamp) {
        let Some(email) = &proven.email else { return };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|_, (_, until)| *until > now);
        seen.insert(email.trim().to_lowercase(), (proven.clone(), until));
    }

    /// Who reads the mail of `address`, as far as that is known: somebody who is listed with it, somebody whom a directory
    /// vouched for lately, or a member that a team lists by address. Two who are listed with one address are nobody.
    pub fn by_email(&self, address: &str, now: Timestamp) -> Option<Person> {
        let users = self.users();
        let everybody = self.tokens.iter().chain(&users);
        let mut theirs = everybody
            .filter(|listed| (listed.email.as_deref()).is_some_and(|email| same(email, address)));
        if let Some(listed) = theirs.next() {
            let alone = theirs.all(|other| same(&other.name, &listed.name));
            return alone.then(|| self.of(listed));
        }
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let known = seen.get(&address.trim().to_lowercase());
        if let Some((proven, _)) = known.filter(|(_, until)| *until > now) {
            let proven = proven.clone();
            drop(seen);
            return self.vouched_for(&proven);
        }
        drop(seen);
        let teams = self.people.teams_of(address, Some(address), &[]);
        (!teams.is_empty()).then(|| Person {
            name: address.trim().to_owned(),
            email: Some(address.trim().to_owned()),
            role: Role::Approver,
            teams,
        })
    }

    fn users(&self) -> Vec<Listed> {
        (self.users.as_ref()).map_or_else(Vec::new, |users| users.listed())
    }

    fn listed_as(&self, among: &[Listed], name: &str) -> Option<Person> {
        let listed = among.iter().find(|listed| listed.name == name)?;
        Some(self.of(listed))
    }

    fn of(&self, listed: &Listed) -> Person {
        let email = listed.email.as_deref();
        let mut teams = self.people.teams_of(&listed.name, email, &[]);
        teams.extend(listed.teams.iter().cloned());
        Person {
            name: listed.name.clone(),
            email: listed.email.clone(),
            role: listed.role,
            teams,
        }
    }

    fn vouched_for(&self, proven: &Proven) -> Option<Person> {
        let in_any = |groups: &[String]| proven.groups.iter().any(|group| groups.contains(group));
        let email = proven.email.as_deref();
        let teams = self.people.teams_of(&proven.name, email, &proven.groups);
        let role = if in_any(&self.grants.admin) {
            Role::Admin
        } else if in_any(&self.grants.approver) || !teams.is_empty() {
            Role::Approver
        } else if in_any(&self.grants.viewer) {
            Role::Viewer
        } else {
            return None;
        };
        Some(Person {
            name: proven.name.clone(),
            email: proven.email.clone(),
            role,
            teams,
        })
    }
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory").finish_non_exhaustive()
    }
}
