//! What is allowed and probably not meant. Nothing here keeps a set from serving; `countersign check` shows it.

pub(crate) mod shape;
mod schemas;

use crate::diagnostic::Diagnostic;
use crate::policy::engine;
use crate::policy::set::PolicySet;

/// Everything that somebody should look at in a set that serves, in the order of file and place.
pub fn lint(set: &PolicySet) -> Vec<Diagnostic> {
    let mut found = engine::lint::lint(set.files(), &set.schemas);
    found.extend(schemas::lint(set));
    found.sort_by(|one, other| {
        let key = |one: &Diagnostic| {
            one.place
                .as_ref()
                .map(|place| (place.file.clone(), place.start))
        };
        (key(one), one.code).cmp(&(key(other), other.code))
    });
    found
}

#[cfg(test)]
mod tests;
