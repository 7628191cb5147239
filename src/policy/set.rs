//! A loaded policy set.

use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::domain::id::Revision;
use crate::domain::verdict::RuleSet;
use crate::policy::engine::ENGINE;
use crate::policy::engine::load::{self, Policies};
use crate::policy::folder::PolicyFiles;
use crate::policy::schemas::Schemas;

/// Policies that were admitted as a whole. It never changes; share it by `Arc`.
pub struct PolicySet {
    pub(crate) policies: Policies,
    pub(crate) schemas: Schemas,
    pub(crate) budget: Budget,
    revision: Revision,
    files: PolicyFiles,
    rules: Vec<RuleInfo>,
}

/// What one decision may use. One that needs more is a policy error, never an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Wall-clock time.
    pub time: Duration,
    /// Instructions of the engine.
    pub instructions: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            time: Duration::from_millis(50),
            instructions: 200_000,
        }
    }
}

impl Budget {
    /// For what is evaluated where no request waits: the same instructions, and time enough on a busy machine.
    pub fn unhurried() -> Self {
        Self {
            time: Duration::from_secs(10),
            ..Self::default()
        }
    }
}

/// A set and what somebody should look at in it.
#[derive(Debug)]
pub struct Loaded {
    /// The set.
    pub set: PolicySet,
    /// Mistakes that do not stop it.
    pub warnings: Vec<Diagnostic>,
}

/// One body of `approve`, `reject` or `escalate`, for listings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleInfo {
    /// `package.set#slug`.
    pub id: String,
    /// Which set.
    pub set: RuleSet,
    /// Its title, else its id.
    pub title: String,
    /// Path of its file, relative to the policy directory.
    pub file: String,
    /// Line of its head, from 1.
    pub line: u32,
    /// `custom.owner` of its METADATA, else of its package's.
    pub owner: Option<String>,
}

impl PolicySet {
    /// Admits a set as a whole, or says all that is wrong with all of its files.
    pub fn load(files: PolicyFiles, budget: Budget) -> Result<Loaded, Vec<Diagnostic>> {
        let (policies, warnings) = load::load(&files).map_err(|mut mistakes| {
            mistakes.extend(Schemas::load(&files, &[]).err().into_iter().flatten());
            mistakes
        })?;
        let schemas = Schemas::load(&files, &policies.annotations)?;
        let rules = policies
            .bodies
            .iter()
            .map(|body| RuleInfo {
                id: body.id.clone(),
                set: body.set,
                title: body.title.clone(),
                file: body.file.to_string(),
                line: body.line,
                owner: body.owner.clone(),
            })
            .collect();
        let set = Self {
            revision: files.revision(&ENGINE),
            policies,
            schemas,
            budget,
            files,
            rules,
        };
        Ok(Loaded { set, warnings })
    }

    /// The digest of the files and the engine.
    pub fn revision(&self) -> &Revision {
        &self.revision
    }

    /// What it was loaded from.
    pub fn files(&self) -> &PolicyFiles {
        &self.files
    }

    /// Every body of the sets, in the order of file and line.
    pub fn rules(&self) -> &[RuleInfo] {
        &self.rules
    }
}

impl std::fmt::Debug for PolicySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PolicySet")
            .field("revision", &self.revision)
            .field("rules", &self.rules.len())
            .finish_non_exhaustive()
    }
}
