//! How a secret is found: written in the config, taken from the environment, or kept in a file that may be rotated
//! while we run.
//!
//! What must hold: a secret that cannot be read is an error at its use, never an empty secret; a file that changed is
//! read again at the next use; no secret is shown by `Debug` or by an error.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::secret::Secret;

/// A file larger than this holds no secret.
const LARGEST_FILE: u64 = 64 * 1024;

/// Two writes closer together than a file system's clock can tell apart leave the same stamp, so a stamp is trusted
/// only when the file still read the same this long after the stamp was first seen.
const SETTLES_AFTER: Duration = Duration::from_secs(1);

/// Where a secret comes from. Clones share what was read.
#[derive(Clone)]
pub struct Credential(Arc<Origin>);

enum Origin {
    Written(Secret),
    Environment {
        name: String,
        secret: Secret,
    },
    File {
        path: PathBuf,
        read: Mutex<Option<Reading>>,
    },
}

struct Reading {
    stamp: Stamp,
    first_seen: Instant,
    settled: bool,
    secret: Secret,
}

/// What changes when a file does.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The config has an empty string.
    #[error("the secret is empty; write one, or use `{{env: NAME}}` or `{{file: PATH}}`")]
    Empty,
    /// The variable is not set.
    #[error("the environment variable `{0}` is not set")]
    Unset(String),
    /// The variable is set to nothing.
    #[error("the environment variable `{0}` is empty")]
    EmptyVariable(String),
    /// The file holds nothing, or nothing but a line end.
    #[error("the secret file `{}` is empty", .0.display())]
    EmptyFile(PathBuf),
    /// The file cannot be opened or read.
    #[error("cannot read the secret file `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The file is no regular file, too large, or not UTF-8.
    #[error("`{}` is not a secret file: {reason}", path.display())]
    NotASecret {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        reason: &'static str,
    },
}

impl Credential {
    /// A secret that is written where it is used.
    pub fn written(secret: Secret) -> Result<Self, CredentialError> {
        if secret.expose().is_empty() {
            return Err(CredentialError::Empty);
        }
        Ok(Self(Arc::new(Origin::Written(secret))))
    }

    /// The value of an environment variable, taken now: a process's environment does not change under it.
    pub fn from_environment(
        name: &str,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, CredentialError> {
        let value = environment(name).ok_or_else(|| CredentialError::Unset(name.to_owned()))?;
        if value.is_empty() {
            return Err(CredentialError::EmptyVariable(name.to_owned()));
        }
        Ok(Self(Arc::new(Origin::Environment {
            name: name.to_owned(),
            secret: Secret::new(value),
        })))
    }

    /// The content of a file, less one line end. The file is read at the first use, and again when it changed.
    pub fn in_file(path: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Origin::File {
            path: path.into(),
            read: Mutex::new(None),
        }))
    }

    /// The secret as it is now. Costs one `stat` where it is kept in a file.
    pub fn read(&self) -> Result<Secret, CredentialError> {
        match &*self.0 {
            Origin::Written(secret) | Origin::Environment { secret, .. } => Ok(secret.clone()),
            Origin::File { path, read } => {
                let mut copy = read.lock().unwrap_or_else(PoisonError::into_inner);
                match read_file(path, copy.take()) {
                    Ok(fresh) => Ok(copy.insert(fresh).secret.clone()),
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// The file it is kept in, if it is.
    pub fn file(&self) -> Option<&Path> {
        match &*self.0 {
            Origin::Written(_) | Origin::Environment { .. } => None,
            Origin::File { path, .. } => Some(path),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Origin::Written(_) => f.write_str("Credential(redacted)"),
            Origin::Environment { name, .. } => write!(f, "Credential(env {name})"),
            Origin::File { path, .. } => write!(f, "Credential(file {})", path.display()),
        }
    }
}

fn read_file(path: &Path, earlier: Option<Reading>) -> Result<Reading, CredentialError> {
    let unreadable = |source| CredentialError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let not_a_secret = |reason| CredentialError::NotASecret {
        path: path.to_owned(),
        reason,
    };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(not_a_secret("it is not a regular file"));
    }
    let first_seen = match earlier {
        Some(copy) if copy.stamp == Stamp::of(&metadata) => {
            if copy.settled {
                return Ok(copy);
            }
            copy.first_seen
        }
        Some(_) | None => Instant::now(),
    };
    let file = File::open(path).map_err(unreadable)?;
    // The stamp of what is read, taken before it is read: a write in between shows at the next use.
    let stamp = Stamp::of(&file.metadata().map_err(unreadable)?);
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(not_a_secret("it is larger than 64 KiB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| not_a_secret("it is not UTF-8"))?;
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    if secret.is_empty() {
        return Err(CredentialError::EmptyFile(path.to_owned()));
    }
    Ok(Reading {
        stamp,
        first_seen,
        settled: first_seen.elapsed() > SETTLES_AFTER,
        secret: Secret::new(secret),
    })
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn one_line_end_is_not_part_of_the_secret() {
        for (written, secret) in [
            ("s3cret\n", "s3cret"),
            ("s3cret\r\n", "s3cret"),
            ("a\n\n", "a\n"),
        ] {
            let (_folder, path) = kept(written);
            assert_eq!(Credential::in_file(path).read().unwrap().expose(), secret);
        }
    }

    #[test]
    fn a_rotated_file_is_read_again_at_the_next_use() {
        let (folder, path) = kept("first\n");
        let credential = Credential::in_file(&path);
        assert_eq!(credential.read().unwrap().expose(), "first");
        // The same length, in place, at once: only the content tells.
        std::fs::write(&path, "2econ\n").unwrap();
        assert_eq!(credential.read().unwrap().expose(), "2econ");
        // As Kubernetes does it: another file is moved over it.
        let next = folder.path().join("next");
        std::fs::write(&next, "third").unwrap();
        std::fs::rename(&next, &path).unwrap();
        assert_eq!(credential.clone().read().unwrap().expose(), "third");
    }

    #[test]
    fn a_settled_copy_is_used_until_the_stamp_changes() {
        let (_folder, path) = kept("first");
        let copy = read_file(&path, None).unwrap();
        assert!(!copy.settled);
        let long_ago = Reading {
            first_seen: Instant::now().checked_sub(SETTLES_AFTER * 2).unwrap(),
            ..copy
        };
        let settled = read_file(&path, Some(long_ago)).unwrap();
        assert!(settled.settled);
        let marked = Reading {
            secret: Secret::new("from the copy"),
            ..settled
        };
        let again = read_file(&path, Some(marked)).unwrap();
        assert_eq!(again.secret.expose(), "from the copy");
        std::fs::write(&path, "second").unwrap();
        assert_eq!(
            read_file(&path, Some(again)).unwrap().secret.expose(),
            "second"
        );
    }

    #[test]
    fn a_secret_that_went_away_is_an_error_and_not_the_old_one() {
        let (_folder, path) = kept("first");
        let credential = Credential::in_file(&path);
        credential.read().unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(
            credential.read(),
            Err(CredentialError::Unreadable { .. })
        ));
        std::fs::write(&path, "back").unwrap();
        assert_eq!(credential.read().unwrap().expose(), "back");
    }

    #[test]
    fn nothing_is_no_secret_and_the_error_names_where() {
        let (folder, path) = kept("\n");
        let error = Credential::in_file(&path).read().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the secret file `{}` is empty", path.display())
        );
        assert!(Credential::written(Secret::new("")).is_err());
        let folder_as_file = Credential::in_file(folder.path()).read().unwrap_err();
        assert!(
            folder_as_file
                .to_string()
                .ends_with("it is not a regular file")
        );
        let unset = Credential::from_environment("NOPE", &|_| None).unwrap_err();
        assert_eq!(
            unset.to_string(),
            "the environment variable `NOPE` is not set"
        );
        assert!(Credential::from_environment("NOPE", &|_| Some(String::new())).is_err());
    }

    #[test]
    fn a_credential_prints_where_it_is_and_not_what_it_is() {
        let written = Credential::written(Secret::new("hunter2")).unwrap();
        let variable = Credential::from_environment("TOKEN", &|_| Some("hunter2".into())).unwrap();
        let shown = format!(
            "{written:?} {variable:?} {:?}",
            Credential::in_file("/run/x")
        );
        assert_eq!(
            shown,
            "Credential(redacted) Credential(env TOKEN) Credential(file /run/x)"
        );
    }
}
