//! Policy: from a directory of Rego files to a verdict.
//!
//! What must hold: a set is loaded whole or not at all; it never changes afterwards; a verdict is a pure function of the
//! set, the input and the time; nothing that is missing, broken or out of budget ever ends in an approval. Only
//! [`engine`] knows which Rego engine evaluates.

pub mod folder;
mod yaml;
pub mod metadata;
pub(crate) mod schemas;
pub mod engine;
pub mod input;
pub mod set;
pub mod decide;
pub mod counterfactual;
pub mod account;
pub mod lint;
pub mod testing;
pub mod probe;
pub mod admission;
pub mod watch;

pub use account::{account, decide_and_account};
pub use decide::{decide, decide_plain, explain};
pub use engine::ENGINE;
pub use input::Input;
pub use set::{Budget, Loaded, PolicySet};

#[cfg(test)]
mod tests;
