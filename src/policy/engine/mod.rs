//! Stand-in.
pub mod interpreter;

/// Stand-in.
pub const VERSION: &str = "stand-in";
