//! Stand-in.
#![allow(missing_docs, reason = "stand-in")]
use crate::diagnostic::Diagnostic;
use crate::domain::id::Revision;
use crate::policy::folder::PolicyFiles;

#[derive(Debug, Clone, Copy)]
pub struct Budget {
    pub time: std::time::Duration,
    pub instructions: u64,
}
impl Default for Budget {
    fn default() -> Self {
        Self {
            time: std::time::Duration::from_millis(50),
            instructions: 200_000,
        }
    }
}
#[derive(Debug)]
pub struct PolicySet {
    revision: Revision,
    rules: usize,
}
#[derive(Debug)]
pub struct Loaded {
    pub set: PolicySet,
    pub warnings: Vec<Diagnostic>,
}
impl PolicySet {
    pub fn load(files: PolicyFiles, _budget: Budget) -> Result<Loaded, Vec<Diagnostic>> {
        super::engine::interpreter::Interpreter::new(&files)?;
        Ok(Loaded {
            set: Self {
                revision: files.revision(super::engine::VERSION),
                rules: 1,
            },
            warnings: vec![],
        })
    }
    pub fn rules(&self) -> &[u8] {
        &[0]
    }
    pub fn revision(&self) -> &Revision {
        &self.revision
    }
}
pub fn decide(
    set: &PolicySet,
    _input: &super::Input,
    _now: jiff::Timestamp,
) -> crate::domain::verdict::Verdict {
    use crate::domain::verdict::*;
    Verdict {
        outcome: Outcome::Escalate,
        cause: Cause::NoRule,
        rules: vec![],
        evidence: vec![],
        failures: vec![],
        terms: None,
        freeze: None,
        revision: set.revision.clone(),
    }
}
