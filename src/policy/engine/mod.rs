//! Stand-in.
pub mod interpreter;
