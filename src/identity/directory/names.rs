//! Who is called what: nobody gets the name of another, or around being the owner of an agent by another of their own.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use super::{Directory, Listed, NotAdmitted, Origin, Proven};
use crate::domain::person::{Role, folded, is_name, same};

impl Directory {
    /// Whether whoever has this name and address is no tool.
    pub(super) fn no_tool(&self, name: &str, email: Option<&str>) -> Result<(), NotAdmitted> {
        let mut tools = self.tools.iter();
        match tools.find(|tool| same(tool, name) || has_address(email, tool)) {
            Some(tool) => Err(NotAdmitted::NameOfTool(tool.clone())),
            None => Ok(()),
        }
    }

    /// With a name come its votes and its agents, so nobody gets that of another from a directory in which people may call
    /// themselves what they like.
    pub(super) fn check_name(&self, proven: &Proven) -> Result<(), NotAdmitted> {
        let name = proven.name.as_str();
        if !is_name(name) {
            return Err(NotAdmitted::Nameless);
        }
        let is_their_address = has_address(proven.email.as_deref(), name);
        if proven.origin == Origin::Oidc && name.contains('@') && !is_their_address {
            return Err(NotAdmitted::NameIsAnAddress(name.to_owned()));
        }
        let (email, mut listed) = (proven.email.as_deref(), self.users()?);
        let refused = self.refused()?.into_iter().map(|refused| Listed {
            name: refused.name,
            email: refused.email,
            role: Role::Viewer,
            teams: Vec::new(),
        });
        listed.extend(refused);
        let mut everybody = self.tokens.iter().chain(&listed);
        if everybody.any(|listed| is_anothers(listed, name, email)) {
            return Err(NotAdmitted::NameTaken(name.to_owned()));
        }
        Ok(())
    }

    /// What everybody with the address `email` is called here, by whichever way they come in.
    pub(super) fn called(&self, email: Option<&str>) -> BTreeSet<String> {
        let Some(email) = email else {
            return BTreeSet::new();
        };
        // While the users file cannot be used, nobody comes in by it; the holders of tokens do. Which owners of agents they
        // are besides cannot be told then, so that they may be any of them.
        let (users, unknown) = match self.users() {
            Ok(users) => (users, BTreeSet::new()),
            Err(_) => (Vec::new(), self.owners_without_token()),
        };
        let listed = self.tokens.iter().chain(&users);
        let listed = listed.filter(|listed| has_address(listed.email.as_deref(), email));
        let listed = listed.map(|listed| listed.name.clone());
        let mut called: BTreeSet<String> = listed.chain(unknown).collect();
        let mut refused = self.refused().unwrap_or_default();
        refused.retain(|refused| has_address(refused.email.as_deref(), email));
        called.extend(refused.into_iter().map(|refused| refused.name));
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        called.extend(seen.get(&folded(email)).map(|(seen, _)| seen.name.clone()));
        called
    }

    fn owners_without_token(&self) -> BTreeSet<String> {
        let has_one = |owner: &&String| {
            let mut tokens = self.tokens.iter();
            tokens
                .any(|token| same(&token.name, owner) || has_address(token.email.as_deref(), owner))
        };
        let owners = self.people.owners().filter(|owner| !has_one(owner));
        owners.cloned().collect()
    }
}

/// Whether `name` is that of `listed`, who is not whoever has the address `email`.
pub(super) fn is_anothers(listed: &Listed, name: &str, email: Option<&str>) -> bool {
    let theirs = listed.email.as_deref();
    let is_called = same(&listed.name, name) || has_address(theirs, name);
    is_called && !theirs.is_some_and(|theirs| has_address(email, theirs))
}

pub(super) fn has_address(email: Option<&str>, address: &str) -> bool {
    email.is_some_and(|email| same(email, address))
}
