//! Which places authors declare `custom: {monotone: [input.context.amount]}`: more of it is never more welcome.

use crate::policy::folder::PolicyFiles;
use crate::policy::metadata;

use super::paths;

/// One declared place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Monotone {
    /// Its JSON pointer.
    pub(super) pointer: String,
}

/// All that the METADATA of the set declares, each once. What is no list of input paths was refused with the set.
pub(super) fn declared(files: &PolicyFiles) -> Vec<Monotone> {
    let mut found: Vec<Monotone> = files
        .rego
        .iter()
        .filter_map(|file| metadata::read(file).ok())
        .flat_map(|read| read.package.into_iter().chain(read.rules.into_values()))
        .flat_map(|block| block.monotone)
        .flat_map(|path| paths::pointers_in(&path))
        .map(|pointer| Monotone { pointer })
        .collect();
    found.sort();
    found.dedup();
    found
}
