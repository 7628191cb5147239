//! How a secret is found: written in the config, taken from the environment, or kept in a file that may be rotated
//! while we run.
//!
//! What must hold: a secret that cannot be read is an error at its use, never an empty secret; a file that changed is
//! read again at the next use; no secret is shown by `Debug` or by an error.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::reread::{Content, Reread, RereadError};
use crate::secret::Secret;

/// A file larger than this holds no secret.
const LARGEST_FILE: u64 = 64 * 1024;

/// Where a secret comes from. Clones share what was read.
#[derive(Clone)]
pub struct Credential(Arc<Origin>);

enum Origin {
    Written(Secret),
    Environment { name: String, secret: Secret },
    File(Reread<Secret>),
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
        Self(Arc::new(Origin::File(Reread::at(path, LARGEST_FILE))))
    }

    /// The secret as it is now. Costs one `stat` where it is kept in a file.
    pub fn read(&self) -> Result<Secret, CredentialError> {
        match &*self.0 {
            Origin::Written(secret) | Origin::Environment { secret, .. } => Ok(secret.clone()),
            Origin::File(file) => file
                .get(|content| secret_in(content).map_err(NoSecret::Content))
                .map_err(|reason| reason.at(file.path())),
        }
    }

    /// The file it is kept in, if it is.
    pub fn file(&self) -> Option<&Path> {
        match &*self.0 {
            Origin::Written(_) | Origin::Environment { .. } => None,
            Origin::File(file) => Some(file.path()),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Origin::Written(_) => f.write_str("Credential(redacted)"),
            Origin::Environment { name, .. } => write!(f, "Credential(env {name})"),
            Origin::File(file) => write!(f, "Credential(file {})", file.path().display()),
        }
    }
}

/// Why a file gives no secret, before it is said which file.
enum NoSecret {
    File(RereadError),
    Content(NoContent),
}

enum NoContent {
    NotText,
    Empty,
}

impl From<RereadError> for NoSecret {
    fn from(error: RereadError) -> Self {
        Self::File(error)
    }
}

impl NoSecret {
    fn at(self, path: &Path) -> CredentialError {
        let path = path.to_owned();
        let reason = match self {
            Self::Content(NoContent::Empty) => return CredentialError::EmptyFile(path),
            Self::File(RereadError::Unreadable(source)) => {
                return CredentialError::Unreadable { path, source };
            }
            Self::File(RereadError::NotAFile) => "it is not a regular file",
            Self::File(RereadError::TooLarge(_)) => "it is larger than 64 KiB",
            Self::Content(NoContent::NotText) => "it is not UTF-8",
        };
        CredentialError::NotASecret { path, reason }
    }
}

/// The content of a secret's file, less one line end.
fn secret_in(content: Content) -> Result<Secret, NoContent> {
    let text = String::from_utf8(content.bytes).map_err(|_| NoContent::NotText)?;
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    if secret.is_empty() {
        return Err(NoContent::Empty);
    }
    Ok(Secret::new(secret))
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
