//! One process for one file. The lock is the operating system's, on a file beside the database: it goes with the
//! process however that ends, so there is no stale lock to remove.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::store::StoreError;

/// Held for as long as the database is written.
pub(super) struct Lock {
    #[expect(dead_code, reason = "the open file is the lock")]
    file: File,
}

impl Lock {
    /// Takes the lock of the database at `path`, which [`resolve`] gave.
    pub(super) fn take(path: &Path) -> Result<Self, StoreError> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let beside = PathBuf::from(name);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&beside)
            .map_err(|error| refused(&beside, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Open(format!(
                "`{}` is in use by another process, which holds `{}`; stop that process or use another file",
                path.display(),
                beside.display()
            ))),
            Err(TryLockError::Error(error)) => Err(refused(&beside, &error)),
        }
    }
}

/// Where the database really is. Links are followed here, so that one file has one name and one lock.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, StoreError> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => {
            let real = std::fs::canonicalize(path).map_err(|error| refused(path, &error))?;
            if real.is_file() {
                Ok(real)
            } else {
                Err(StoreError::Open(format!(
                    "`{}` is not a file; name the database file itself",
                    path.display()
                )))
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let Some(name) = path.file_name() else {
                return Err(StoreError::Open(format!(
                    "`{}` names no file",
                    path.display()
                )));
            };
            let parent = match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                Some(_) | None => Path::new("."),
            };
            let parent = std::fs::canonicalize(parent).map_err(|error| {
                StoreError::Open(format!(
                    "the folder of `{}` cannot be used: {error}; create it first",
                    path.display()
                ))
            })?;
            Ok(parent.join(name))
        }
        Err(error) => Err(refused(path, &error)),
    }
}

/// Creates the file where there is none, readable by its owner alone. SQLite gives its companions the same mode.
pub(super) fn create(path: &Path) -> Result<(), StoreError> {
    let created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match created {
        Ok(file) => {
            let parent = path.parent().unwrap_or(Path::new("/"));
            file.sync_all()
                .and_then(|()| File::open(parent)?.sync_all())
                .map_err(|error| refused(path, &error))
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(refused(path, &error)),
    }
}

fn refused(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Open(format!("`{}`: {error}", path.display()))
}
