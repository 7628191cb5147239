//! Changing a users file: one at a time, and whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};

use super::file::{self, WrittenUser};
use super::{Reason, User, Users, UsersError};
use crate::domain::person::{Role, same};
use crate::reread::{Reread, RereadError};

/// What becomes of somebody who is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// They stay, and it is an error.
    Refuse,
    /// They go: role, teams, address, password and token are the new ones.
    Replace,
}

/// Why a users file was not changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// It cannot be read, so it is left as it is.
    #[error(transparent)]
    Unusable(#[from] UsersError),
    /// The user is there.
    #[error(
        "there is a user `{there}`{}; remove them first, or give --replace for a new role, password and token",
        if asked == there { "" } else { ", and names ignore case" }
    )]
    Exists {
        /// The name that was asked for.
        asked: String,
        /// The name that is there.
        there: String,
    },
    /// Nobody would get in under this name.
    #[error("{0}")]
    Refused(Reason),
    /// Another user has this address; a link in a mail to it would be nobody's.
    #[error("`{user}` has the address `{email}`; one address is one person's")]
    AddressTaken {
        /// Who has it.
        user: String,
        /// The address.
        email: String,
    },
    /// The user is not there.
    #[error("there is no user `{0}`; see `countersign user list`")]
    Unknown(String),
    /// It would be larger than what is read.
    #[error("the users file `{}` would be too large", .0.display())]
    TooLarge(PathBuf),
    /// It cannot be written.
    #[error("the users file `{}` cannot be written", .0.display())]
    Write(PathBuf, #[source] io::Error),
}

/// Somebody who was in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// Their name.
    pub name: String,
    /// What they might do.
    pub role: Role,
}

impl Users {
    /// Whether a user of this name and address could be added now.
    pub fn check_free(
        &self,
        name: &str,
        email: Option<&str>,
        existing: Existing,
    ) -> Result<(), EditError> {
        file::free(name, email, &self.taken).map_err(EditError::Refused)?;
        let (users, refused) = (self.list()?, self.refused()?);
        let users = users.iter().map(|user| &user.name);
        let mut there = users.chain(refused.iter().map(|refused| &refused.name));
        match (there.find(|there| same(there, name)), existing) {
            (Some(there), Existing::Refuse) => Err(EditError::Exists {
                asked: name.to_owned(),
                there: there.clone(),
            }),
            (Some(_), Existing::Replace) | (None, _) => Ok(()),
        }
    }

    /// Adds `user` to the file, which is made if it is not there. Waits for whoever else changes it. Gives back whom they
    /// replace.
    pub fn add(&self, user: User, existing: Existing) -> Result<Option<Removed>, EditError> {
        let user = WrittenUser::from(user);
        file::free(&user.name, user.email.as_deref(), &self.taken).map_err(EditError::Refused)?;
        self.edit(|users| {
            let place = users.iter().position(|other| same(&other.name, &user.name));
            let there = place.and_then(|place| users.get(place));
            if let (Some(there), Existing::Refuse) = (there, existing) {
                return Err(EditError::Exists {
                    asked: user.name,
                    there: there.name.clone(),
                });
            }
            let replaced = there.map(Removed::from);
            users.retain(|other| !same(&other.name, &user.name));
            if let Some(email) = &user.email {
                let has_it = |other: &&WrittenUser| {
                    (other.email.as_deref()).is_some_and(|theirs| same(theirs, email))
                };
                if let Some(other) = users.iter().find(has_it) {
                    return Err(EditError::AddressTaken {
                        user: other.name.clone(),
                        email: email.clone(),
                    });
                }
            }
            let place = place.unwrap_or(users.len()).min(users.len());
            users.insert(place, user);
            Ok(replaced)
        })
    }

    /// Takes everybody of this name out of the file, whether they could get in or not. Waits for whoever else changes it.
    pub fn remove(&self, name: &str) -> Result<Removed, EditError> {
        self.edit(|users| {
            let mut theirs = users.iter().filter(|user| same(&user.name, name));
            let removed = theirs.next().map(Removed::from);
            let removed = removed.ok_or_else(|| EditError::Unknown(name.to_owned()))?;
            users.retain(|user| !same(&user.name, name));
            Ok(removed)
        })
    }

    fn edit<T>(
        &self,
        change: impl FnOnce(&mut Vec<WrittenUser>) -> Result<T, EditError>,
    ) -> Result<T, EditError> {
        let path = self.path();
        let failed = |error| EditError::Write(path.to_owned(), error);
        let target = target_of(path).map_err(failed)?;
        let _lock = lock(&target).map_err(failed)?;
        // Read under the lock: a copy from before may lack what another has just written.
        let mut users = written_at(&target)?;
        let done = change(&mut users)?;
        let text = file::text_of(users).map_err(|error| failed(io::Error::other(error)))?;
        if text.len() as u64 > super::LARGEST_FILE {
            return Err(EditError::TooLarge(path.to_owned()));
        }
        replace(&target, &text).map_err(failed)?;
        Ok(done)
    }
}

impl From<&WrittenUser> for Removed {
    fn from(user: &WrittenUser) -> Self {
        Self {
            name: user.name.clone(),
            role: user.role,
        }
    }
}

/// Everybody in the file, whether they get in or not.
fn written_at(target: &Path) -> Result<Vec<WrittenUser>, UsersError> {
    let malformed = |source| UsersError::Malformed {
        path: target.to_owned(),
        source,
    };
    let file = Reread::at(target, super::LARGEST_FILE);
    let read = file.get(|content| Ok::<_, RereadError>(file::written(&content)));
    match read {
        Ok(written) => written.map_err(malformed),
        Err(RereadError::Unreadable(error)) if error.kind() == ErrorKind::NotFound => {
            Ok(Vec::new())
        }
        Err(source) => Err(UsersError::File {
            path: target.to_owned(),
            source,
        }),
    }
}

/// Where the file really is, so that a link to it stays one.
fn target_of(path: &Path) -> io::Result<PathBuf> {
    match std::fs::canonicalize(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
            Ok(std::fs::canonicalize(folder_of(path))?.join(name))
        }
        found => found,
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Holds until the file is dropped. The lock is the operating system's, so it goes with the process.
fn lock(target: &Path) -> io::Result<File> {
    let mut name = target.as_os_str().to_owned();
    name.push(".lock");
    // Only what we make ourselves is given away: what is there may be a link to something else.
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&name);
    let file = match made {
        Ok(file) => {
            give_to_owner(&file, target)?;
            file
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => File::open(&name)?,
        Err(error) => return Err(error),
    };
    file.lock()?;
    Ok(file)
}

/// The new text is beside the old one until it is whole and on the disk; then it takes its name.
fn replace(target: &Path, text: &str) -> io::Result<()> {
    let folder = folder_of(target);
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}.new", fastrand::u64(..)));
    let beside = folder.join(name);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)?;
    let written = give_to_owner(&file, target)
        .and_then(|()| file.write_all(text.as_bytes()))
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&beside, target));
    if let Err(error) = written {
        let _ = std::fs::remove_file(&beside);
        return Err(error);
    }
    File::open(folder)?.sync_all()
}

/// Lets the server read what an administrator writes: the file stays with whoever has the one it replaces, and a new one
/// goes to whoever has its folder, where that can be done.
fn give_to_owner(file: &File, target: &Path) -> io::Result<()> {
    let ours = file.metadata()?.uid();
    match std::fs::metadata(target) {
        Ok(kept) if kept.uid() != ours => fchown(file, Some(kept.uid()), Some(kept.gid())),
        Ok(_) => Ok(()),
        Err(_) => {
            let folder = std::fs::metadata(folder_of(target))?;
            if folder.uid() != ours {
                // Only root may give files away; for everybody else theirs is right.
                let _ = fchown(file, Some(folder.uid()), Some(folder.gid()));
            }
            Ok(())
        }
    }
}
