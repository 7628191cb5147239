//! Local users: a file that `countersign user` edits and a running server reads.
//!
//! What must hold: whoever is removed from the file is out at the next use; a file that cannot be read lets nobody in, and
//! is no file without users; a missing file is no users; somebody of whom the file does not say clearly who they are does
//! not get in, and keeps nobody else out.

mod edit;
mod file;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use file::Roll;

use super::directory::{Known, Listed, Origin, Proven};
use super::password::{Busy, Checker, PasswordError, PasswordHash};
use crate::domain::person::{Role, same};
use crate::reread::{Reread, RereadError};
use crate::secret::Secret;

pub use edit::{EditError, Existing, Removed};
pub(crate) use file::is_address;
pub use file::{Holder, Malformed, Place, Reason, Refused, Taken};

/// A larger file is not one of users.
const LARGEST_FILE: u64 = 1024 * 1024;

/// How every token of a user begins, so that whoever finds one knows what it opens.
const TOKEN_PREFIX: &str = "cs_";

/// Bytes of the digest that a session carries.
const STAMP_BYTES: usize = 16;

/// A local user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name that their votes go under. Unique; case does not count.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Where mail reaches them.
    pub email: Option<String>,
    /// Teams beside those that list them as a member.
    pub teams: Vec<String>,
    /// What their password is checked against; without one they cannot log in with a password.
    pub password: Option<PasswordHash>,
    /// The digest of their bearer token; without one they have none.
    pub token: Option<TokenDigest>,
    /// The day they were added.
    pub added: jiff::civil::Date,
}

/// The SHA-256 of a bearer token. A token is random, so its digest needs no salt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenDigest([u8; 32]);

/// The users of one file.
pub struct Users {
    file: Reread<Reading>,
    /// Names that are others'.
    taken: Vec<Taken>,
    checker: Checker,
    /// What was last said to be wrong with the file, so that it is said once for each change of it.
    complained: Mutex<Option<Complaint>>,
}

/// What was made of the file's bytes, by their digest.
#[derive(Debug, Clone)]
struct Reading {
    digest: [u8; 32],
    roll: Result<Arc<Roll>, Malformed>,
}

/// What is wrong, and with which bytes, where they could be read.
#[derive(Debug, PartialEq, Eq)]
struct Complaint(String, Option<[u8; 32]>);

/// Somebody whose password was right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedIn {
    /// Who they are.
    pub proven: Proven,
    /// [`Users::stamp`] at that moment, for the session to carry.
    pub stamp: String,
}

/// Why the users cannot be told. It is our fault, not that of whoever logs in.
#[derive(Debug, thiserror::Error)]
pub enum UsersError {
    /// The file cannot be read.
    #[error("the users file `{}` cannot be used", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: RereadError,
    },
    /// The file does not say clearly who is who.
    #[error("the users file `{}` cannot be used", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Malformed,
    },
}

/// Why somebody did not get in by a password.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The name or the password is wrong; nobody is told which.
    #[error("the name or the password is wrong")]
    Wrong,
    /// Too many log in at once. It says nothing about the name or the password.
    #[error("too many people log in at once; try again in a few seconds")]
    Busy,
    /// Nobody can log in by a password now.
    #[error("nobody can log in with a password now")]
    Unavailable(#[source] UsersError),
}

impl Users {
    /// The users of the file at `path`. It is not looked at yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            file: Reread::at(path, LARGEST_FILE),
            taken: Vec::new(),
            checker: Checker::new(processors),
            complained: Mutex::default(),
        }
    }

    /// The same, where nobody gets in under a name that is `taken`.
    #[must_use]
    pub fn beside(mut self, taken: Vec<Taken>) -> Self {
        self.taken = taken;
        self
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Everybody in the file who gets in, in its order.
    pub fn list(&self) -> Result<Vec<User>, UsersError> {
        Ok(self.roll()?.users.clone())
    }

    /// Everybody in the file who does not get in, in its order.
    pub fn refused(&self) -> Result<Vec<Refused>, UsersError> {
        Ok(self.roll()?.refused.clone())
    }

    fn roll(&self) -> Result<Arc<Roll>, UsersError> {
        let read = self.file.get(|content| {
            Ok::<_, RereadError>(Reading {
                digest: Sha256::digest(&content.bytes).into(),
                roll: file::parse(&content, &self.taken).map(Arc::new),
            })
        });
        let path = || self.path().to_owned();
        let (digest, roll) = match read {
            Ok(Reading { digest, roll }) => {
                let roll = roll.map_err(|source| UsersError::Malformed {
                    path: path(),
                    source,
                });
                (Some(digest), roll)
            }
            Err(RereadError::Unreadable(error)) if error.kind() == ErrorKind::NotFound => {
                (None, Ok(Arc::default()))
            }
            Err(source) => {
                let path = path();
                (None, Err(UsersError::File { path, source }))
            }
        };
        self.complain_once(&roll, digest);
        roll
    }

    /// Whoever has this name and this password. A wrong name takes as long as a wrong password.
    pub async fn login(&self, name: &str, password: &Secret) -> Result<LoggedIn, LoginError> {
        let roll = self.roll().map_err(LoginError::Unavailable)?;
        let user = roll.users.iter().find(|user| same(&user.name, name));
        let kept = user.and_then(|user| user.password.as_ref());
        let is_right = match self.checker.check(password, kept).await {
            Ok(is_right) => is_right,
            Err(Busy) => return Err(LoginError::Busy),
        };
        match user {
            Some(user) if is_right => Ok(LoggedIn {
                proven: user.proven(),
                stamp: user.stamp(),
            }),
            Some(_) | None => Err(LoginError::Wrong),
        }
    }

    /// Whoever has this bearer token. All are compared, in constant time, whichever matches.
    pub fn bearer(&self, presented: &[u8]) -> Result<Option<Proven>, UsersError> {
        let presented = TokenDigest::of(presented);
        let roll = self.roll()?;
        let mut found = None;
        for user in &roll.users {
            if user.token.is_some_and(|token| token.is(presented)) {
                found = Some(user);
            }
        }
        Ok(found.map(User::proven))
    }

    /// A digest of what the user of this name proves themselves with: a session that carries another is over. `None` where
    /// there is no such user.
    pub fn stamp(&self, name: &str) -> Result<Option<String>, UsersError> {
        let roll = self.roll()?;
        let user = roll.users.iter().find(|user| same(&user.name, name));
        Ok(user.map(User::stamp))
    }

    fn complain_once(&self, roll: &Result<Arc<Roll>, UsersError>, digest: Option<[u8; 32]>) {
        let said = match roll {
            Ok(roll) if roll.refused.is_empty() => None,
            Ok(roll) => {
                let refused: Vec<_> = roll.refused.iter().map(ToString::to_string).collect();
                Some(refused.join("; "))
            }
            Err(error) => {
                let reason = std::error::Error::source(error).map(ToString::to_string);
                Some(format!("{error}: {}", reason.unwrap_or_default()))
            }
        };
        let said = said.map(|said| Complaint(said, digest));
        let mut complained = self
            .complained
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if *complained == said {
            return;
        }
        match (&said, roll) {
            (None, _) => tracing::info!("all of the users file can be used again"),
            (Some(Complaint(reason, _)), Ok(_)) => tracing::error!(
                reason,
                users.file = %self.path().display(),
                "these users do not get in until the users file is mended; everybody else does"
            ),
            (Some(Complaint(reason, _)), Err(_)) => tracing::error!(
                reason,
                "no local user gets in until the users file is mended"
            ),
        }
        *complained = said;
    }
}

impl Known for Users {
    fn listed(&self) -> Result<Vec<Listed>, UsersError> {
        let roll = self.roll()?;
        let listed = roll.users.iter().map(|user| Listed {
            name: user.name.clone(),
            email: user.email.clone(),
            role: user.role,
            teams: user.teams.clone(),
        });
        Ok(listed.collect())
    }

    fn refused(&self) -> Result<Vec<Refused>, UsersError> {
        Self::refused(self)
    }
}

impl User {
    fn proven(&self) -> Proven {
        Proven {
            origin: Origin::User,
            name: self.name.clone(),
            email: self.email.clone(),
            groups: Vec::new(),
        }
    }

    fn stamp(&self) -> String {
        let mut digest = Sha256::new();
        let password = self.password.as_ref().map_or("", PasswordHash::expose);
        let token = self
            .token
            .map_or_else(String::new, |token| token.to_string());
        let added = self.added.to_string();
        for part in [&self.name, password, &token, &added] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let digest = digest.finalize();
        hex::encode(digest.get(..STAMP_BYTES).unwrap_or(&digest))
    }
}

impl TokenDigest {
    /// The digest of this token.
    pub fn of(token: &[u8]) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// A new token and its digest. The token is shown once and kept nowhere.
    pub fn of_new_token() -> Result<(Secret, Self), PasswordError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|_| PasswordError::Random)?;
        let token = format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
        let digest = Self::of(token.as_bytes());
        Ok((Secret::new(token), digest))
    }

    /// A digest as the users file has it: `sha256:` and 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.strip_prefix("sha256:")?, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    fn is(self, other: Self) -> bool {
        bool::from(self.0.ct_eq(&other.0))
    }
}

impl std::fmt::Display for TokenDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}

impl std::fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenDigest(redacted)")
    }
}

impl std::fmt::Debug for Users {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Users")
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
