//! A file's content, read again when the file changes.
//!
//! What must hold: a file that cannot be read is an error at its use, never what it held before; a file that changed is
//! read again at the next use; no more is read than the largest that was asked for.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Two writes closer together than a file system's clock can tell apart leave the same stamp, so a stamp is trusted
/// only when the file still read the same this long after the stamp was first seen.
const SETTLES_AFTER: Duration = Duration::from_secs(1);

/// What a file holds, as `T`. Reading what did not change costs one `stat`.
pub struct Reread<T> {
    path: PathBuf,
    /// In bytes.
    largest: u64,
    read: Mutex<Option<Reading<T>>>,
}

/// What was read from a file, before it means anything.
pub struct Content {
    /// All of its bytes.
    pub bytes: Vec<u8>,
    /// What it was when it was opened.
    pub metadata: Metadata,
}

struct Reading<T> {
    stamp: Stamp,
    first_seen: Instant,
    settled: bool,
    value: T,
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

/// Why there is no content.
#[derive(Debug, thiserror::Error)]
pub enum RereadError {
    /// The system does not give it.
    #[error("it cannot be read")]
    Unreadable(#[from] io::Error),
    /// It is a folder, a device or a pipe.
    #[error("it is not a regular file")]
    NotAFile,
    /// It holds more bytes than this.
    #[error("it is larger than {} KiB", .0 / 1024)]
    TooLarge(u64),
}

impl<T: Clone> Reread<T> {
    /// The file at `path`, which holds at most `largest` bytes. It is not looked at yet.
    pub fn at(path: impl Into<PathBuf>, largest: u64) -> Self {
        Self {
            path: path.into(),
            largest,
            read: Mutex::new(None),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the file holds now, by `parse`, which is asked only where the file may have changed.
    pub fn get<E: From<RereadError>>(
        &self,
        parse: impl FnOnce(Content) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut copy = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = self.read(copy.take(), parse)?;
        Ok(copy.insert(fresh).value.clone())
    }

    fn read<E: From<RereadError>>(
        &self,
        earlier: Option<Reading<T>>,
        parse: impl FnOnce(Content) -> Result<T, E>,
    ) -> Result<Reading<T>, E> {
        let metadata = std::fs::metadata(&self.path).map_err(RereadError::from)?;
        if !metadata.is_file() {
            return Err(RereadError::NotAFile.into());
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
        let content = self.content()?;
        Ok(Reading {
            stamp: Stamp::of(&content.metadata),
            first_seen,
            settled: first_seen.elapsed() > SETTLES_AFTER,
            value: parse(content)?,
        })
    }

    fn content(&self) -> Result<Content, RereadError> {
        let file = File::open(&self.path)?;
        // The stamp of what is read, taken before it is read: a write in between shows at the next use.
        let metadata = file.metadata()?;
        let mut bytes = Vec::new();
        file.take(self.largest + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > self.largest {
            return Err(RereadError::TooLarge(self.largest));
        }
        Ok(Content { bytes, metadata })
    }
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

    #[expect(clippy::unnecessary_wraps, reason = "a parser may refuse")]
    fn text(content: Content) -> Result<String, RereadError> {
        Ok(String::from_utf8(content.bytes).unwrap())
    }

    #[test]
    fn a_settled_copy_is_used_until_the_stamp_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "first").unwrap();
        let file = Reread::at(&path, 16);
        let copy = file.read(None, text).unwrap();
        assert!(!copy.settled);
        let long_ago = Reading {
            first_seen: Instant::now().checked_sub(SETTLES_AFTER * 2).unwrap(),
            ..copy
        };
        let settled = file.read(Some(long_ago), text).unwrap();
        assert!(settled.settled);
        let marked = Reading {
            value: "from the copy".to_owned(),
            ..settled
        };
        let again = file.read(Some(marked), text).unwrap();
        assert_eq!(again.value, "from the copy");
        std::fs::write(&path, "second").unwrap();
        assert_eq!(file.read(Some(again), text).unwrap().value, "second");
    }

    #[test]
    fn what_went_away_grew_or_is_a_folder_is_an_error_and_not_the_old_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let file = Reread::at(&path, 4);
        std::fs::write(&path, "four").unwrap();
        assert_eq!(file.get(text).unwrap(), "four");
        std::fs::write(&path, "fiver").unwrap();
        assert!(matches!(file.get(text), Err(RereadError::TooLarge(4))));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(file.get(text), Err(RereadError::Unreadable(_))));
        std::fs::create_dir(&path).unwrap();
        assert!(matches!(file.get(text), Err(RereadError::NotAFile)));
    }
}
