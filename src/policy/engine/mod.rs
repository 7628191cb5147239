//! The Rego engine behind the policies, and the only folder that names it.
//!
//! [`parse`] reads a file and refuses what the engine could not read in bounded time; [`interpreter`] runs a set's own
//! tests.

pub(crate) mod parse;
pub mod interpreter;

/// Stand-in.
pub const VERSION: &str = "stand-in";
