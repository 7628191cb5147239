//! What a policy directory holds.

use std::sync::Arc;

use crate::domain::id::{ContentDigest, Revision};

/// The files of one policy set, sorted by path.
#[derive(Debug, Clone)]
pub struct PolicyFiles {
    /// The Rego files.
    pub rego: Vec<RegoFile>,
    /// All data files merged at their folders' paths: an object.
    pub data: serde_json::Value,
    /// The data files as they were read.
    pub data_files: Vec<DataFile>,
}

/// A file with rules.
#[derive(Debug, Clone)]
pub struct RegoFile {
    /// Relative to the policy directory, with `/`.
    pub path: String,
    /// Its text.
    pub text: Arc<str>,
}

/// A file with data.
#[derive(Debug, Clone)]
pub struct DataFile {
    /// Relative to the policy directory, with `/`.
    pub path: String,
    /// Its text.
    pub text: Arc<str>,
}

impl PolicyFiles {
    /// The digest of the files, their names and the engine that runs them.
    pub fn revision(&self, engine: &str) -> Revision {
        let mut parts: Vec<&[u8]> = vec![engine.as_bytes()];
        for file in &self.rego {
            parts.push(file.path.as_bytes());
            parts.push(file.text.as_bytes());
        }
        for file in &self.data_files {
            parts.push(file.path.as_bytes());
            parts.push(file.text.as_bytes());
        }
        Revision::of(*ContentDigest::of(&parts).as_bytes())
    }
}
