//! The key of the decision log's chain, and the one of sessions and links: given by the config, or a file beside the
//! database that is made once.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::config::LogKey;
use crate::credential::CredentialError;
use crate::domain::log_entry::ChainKey;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The configured credential cannot be read.
    #[error("the key of {0} cannot be read")]
    Credential(&'static str, #[source] CredentialError),
    /// What was read is no key.
    #[error(
        "the key of {0} must be 64 hexadecimal digits (32 bytes); make one with `openssl rand -hex 32`"
    )]
    Form(&'static str),
    /// The file beside the database cannot be read or made.
    #[error("the key file `{}` cannot be read or made", .0.display())]
    File(PathBuf, #[source] std::io::Error),
    /// The system gave no randomness.
    #[error("the system gives no random bytes for a new key")]
    Random,
}

/// Whether a missing key file is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It is made, with mode 0600: the server starts for the first time.
    Make,
    /// It is an error: whoever only reads has nothing to check without it.
    Refuse,
}

/// The key as the config says where it is.
pub fn chain_key(key: &LogKey, missing: Missing) -> Result<ChainKey, KeyError> {
    Ok(ChainKey::new(&read(key, "the decision log", missing)?))
}

/// The key that sessions and links are sealed with; a missing file is made.
pub fn session_key(key: &LogKey) -> Result<[u8; 32], KeyError> {
    read(key, "sessions", Missing::Make)
}

fn read(key: &LogKey, of: &'static str, missing: Missing) -> Result<[u8; 32], KeyError> {
    let text = match key {
        LogKey::Given(credential) => credential
            .read()
            .map_err(|error| KeyError::Credential(of, error))?
            .expose()
            .to_owned(),
        LogKey::Beside(path) => match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound && missing == Missing::Make => {
                make(path)?
            }
            Err(error) => return Err(KeyError::File(path.clone(), error)),
        },
    };
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| KeyError::Form(of))?;
    Ok(bytes)
}

fn make(path: &Path) -> Result<String, KeyError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| KeyError::Random)?;
    let text = hex::encode(bytes);
    let written = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(text.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    };
    written().map_err(|error| KeyError::File(path.to_owned(), error))?;
    Ok(text)
}
