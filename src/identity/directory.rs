//! From who somebody proved to be to what they may do.

mod names;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use self::names::{has_address, is_anothers};
use super::users::{Refused, UsersError, is_address};
use crate::domain::person::{Person, Role, folded, same};
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
    /// Everybody who is listed. Without an answer nobody is let in whose being listed would matter.
    fn listed(&self) -> Result<Vec<Listed>, UsersError>;

    /// Everybody who is written down and not listed: nobody else gets their name or address.
    fn refused(&self) -> Result<Vec<Refused>, UsersError>;
}

/// Why somebody who proved who they are may do nothing.
#[derive(Debug, thiserror::Error)]
pub enum NotAdmitted {
    /// Nobody lists them (any more), and their groups may do nothing.
    #[error("`{0}` is in no list, no team and no group that may do anything here")]
    Unknown(String),
    /// A directory calls them what somebody else is called who is listed here.
    #[error(
        "`{0}` is the name of somebody who is listed here; whoever logs in elsewhere is them only with the e-mail address that they are listed with"
    )]
    NameTaken(String),
    /// They are called what a team's tool is called.
    #[error("`{0}` is a team's tool, which is a voter of its own; no person is")]
    NameOfTool(String),
    /// A directory calls them by an address that it does not vouch for.
    #[error("`{0}` is an e-mail address, and not one that the directory vouches for")]
    NameIsAnAddress(String),
    /// A directory gives them no name that can stand in a record.
    #[error(
        "the directory gives no name that can stand in a record: letters, digits and `-._@+:/`, at most 128"
    )]
    Nameless,
    /// The users file cannot be used.
    #[error(transparent)]
    Unavailable(#[from] UsersError),
}

/// Everybody we know, and what they may do.
pub struct Directory {
    people: Arc<People>,
    grants: Grants,
    tokens: Vec<Listed>,
    users: Option<Arc<dyn Known>>,
    /// What the teams' tools vote as.
    tools: Vec<String>,
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
            tools: Vec::new(),
            seen: Mutex::default(),
        }
    }

    /// The same, where nobody is a tool that votes as one of `tools`.
    #[must_use]
    pub fn beside(mut self, tools: Vec<String>) -> Self {
        self.tools = tools;
        self
    }

    /// The teams.
    pub fn people(&self) -> &Arc<People> {
        &self.people
    }

    /// What `proven` may do now; `None` for somebody whom [`Self::admit`] does not let in.
    pub fn person(&self, proven: &Proven) -> Option<Person> {
        self.admit(proven).ok()
    }

    /// What `proven` may do now, or why it is nothing.
    pub fn admit(&self, proven: &Proven) -> Result<Person, NotAdmitted> {
        self.no_tool(&proven.name, proven.email.as_deref())?;
        let person = match proven.origin {
            Origin::Token => self.listed_as(&self.tokens, &proven.name),
            Origin::User => self.user(&proven.name),
            Origin::Proxy | Origin::Oidc => self.vouched_for(proven),
        }?;
        self.no_tool(&person.name, person.email.as_deref())?;
        Ok(person)
    }

    /// Those of `groups` that mean something here; a session has no room for all that a directory may have.
    pub fn meaningful(&self, mut groups: Vec<String>) -> Vec<String> {
        let Grants {
            admin,
            approver,
            viewer,
        } = &self.grants;
        let granted = |group: &String| {
            [admin, approver, viewer]
                .iter()
                .any(|all| all.contains(group))
        };
        let of_a_team =
            |group: &String| self.people.teams().any(|team| team.groups.contains(group));
        groups.retain(|group| granted(group) || of_a_team(group));
        groups
    }

    /// Remembers until `until` that a directory vouches for `proven`, so that they are known by their e-mail address.
    pub fn saw(&self, proven: &Proven, until: Timestamp, now: Timestamp) {
        let Some(email) = &proven.email else { return };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|_, (_, until)| *until > now);
        seen.insert(folded(email), (proven.clone(), until));
    }

    /// Who reads the mail of `address`, as far as that is known: somebody who is listed with it, somebody whom a directory
    /// vouched for lately, or a member that a team lists by address. Two who are listed with one address are nobody, and so
    /// is whoever is listed under that address as a name, without having it.
    pub fn by_email(&self, address: &str, now: Timestamp) -> Option<Person> {
        let person = self.reader_of(address, now)?;
        let free = self.no_tool(&person.name, person.email.as_deref());
        free.is_ok().then_some(person)
    }

    fn reader_of(&self, address: &str, now: Timestamp) -> Option<Person> {
        let address = address.trim();
        // A member's name is no address, though teams list both.
        if !is_address(address) {
            return None;
        }
        let users = self.users().ok()?;
        let has_it = |refused: &Refused| {
            same(&refused.name, address) || has_address(refused.email.as_deref(), address)
        };
        if self.refused().ok()?.iter().any(has_it) {
            return None;
        }
        let everybody = || self.tokens.iter().chain(&users);
        let is_theirs = |listed: &&Listed| has_address(listed.email.as_deref(), address);
        // Somebody who is listed twice may do what the lesser of both may.
        let least = everybody()
            .filter(is_theirs)
            .min_by_key(|listed| listed.role);
        if let Some(listed) = least {
            let mut theirs = everybody().filter(is_theirs);
            let alone = theirs.all(|other| same(&other.name, &listed.name));
            let mut called = everybody().filter(|other| same(&other.name, address));
            let nobody_elses = called.all(|other| same(&other.name, &listed.name));
            let email = listed.email.as_deref();
            let mut tokens = self.tokens.iter();
            let is_shadowed = tokens.any(|token| is_anothers(token, &listed.name, email));
            return (alone && nobody_elses && !is_shadowed).then(|| self.of(listed));
        }
        if everybody().any(|listed| same(&listed.name, address)) {
            return None;
        }
        if let Some(proven) = self.seen_with(address, now) {
            return self.vouched_for(&proven).ok();
        }
        let teams = self.people.teams_of(address, Some(address), &[]);
        (!teams.is_empty()).then(|| Person {
            name: address.to_owned(),
            email: Some(address.to_owned()),
            role: Role::Approver,
            teams,
            also: BTreeSet::new(),
        })
    }

    /// Whether the mail of `address` is read by an owner of `agent`, as far as that is known. Whoever is nobody else is still who
    /// the config calls by that address.
    pub fn is_owner(&self, address: &str, agent: Option<&str>, now: Timestamp) -> bool {
        let by_address = Person {
            name: address.trim().to_owned(),
            email: Some(address.trim().to_owned()),
            role: Role::Viewer,
            teams: BTreeSet::new(),
            also: self.called(Some(address.trim())),
        };
        let known = self.by_email(address, now);
        let mut readers = std::iter::once(by_address).chain(known);
        readers.any(|reader| self.people.owns(&reader, agent))
    }

    fn seen_with(&self, address: &str, now: Timestamp) -> Option<Proven> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (proven, until) = seen.get(&folded(address))?;
        (*until > now).then(|| proven.clone())
    }

    fn users(&self) -> Result<Vec<Listed>, UsersError> {
        (self.users.as_ref()).map_or_else(|| Ok(Vec::new()), |users| users.listed())
    }

    fn refused(&self) -> Result<Vec<Refused>, UsersError> {
        (self.users.as_ref()).map_or_else(|| Ok(Vec::new()), |users| users.refused())
    }

    /// A local user; whoever has the name of a token is that person, or nobody.
    fn user(&self, name: &str) -> Result<Person, NotAdmitted> {
        let users = self.users()?;
        let listed = users.iter().find(|listed| listed.name == name);
        let listed = listed.ok_or_else(|| NotAdmitted::Unknown(name.to_owned()))?;
        let email = listed.email.as_deref();
        if self
            .tokens
            .iter()
            .any(|token| is_anothers(token, name, email))
        {
            return Err(NotAdmitted::NameTaken(name.to_owned()));
        }
        Ok(self.of(listed))
    }

    fn listed_as(&self, among: &[Listed], name: &str) -> Result<Person, NotAdmitted> {
        let listed = among.iter().find(|listed| listed.name == name);
        let listed = listed.ok_or_else(|| NotAdmitted::Unknown(name.to_owned()))?;
        Ok(self.of(listed))
    }

    fn of(&self, listed: &Listed) -> Person {
        let email = listed.email.as_deref();
        let mut teams = self.people.teams_of(&listed.name, email, &[]);
        let configured = |team: &&String| self.people.team(team).is_some();
        teams.extend(listed.teams.iter().filter(configured).cloned());
        Person {
            name: listed.name.clone(),
            email: listed.email.clone(),
            role: listed.role,
            teams,
            also: self.called(email),
        }
    }

    fn vouched_for(&self, proven: &Proven) -> Result<Person, NotAdmitted> {
        self.check_name(proven)?;
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
            return Err(NotAdmitted::Unknown(proven.name.clone()));
        };
        Ok(Person {
            name: proven.name.clone(),
            email: proven.email.clone(),
            role,
            teams,
            also: self.called(email),
        })
    }
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
