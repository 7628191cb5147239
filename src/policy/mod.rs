//! Policy: files in, verdicts out.

pub mod folder;
mod yaml;
pub mod metadata;
pub mod set;
pub mod engine;
pub mod testing;
pub mod admission;
pub mod watch;

mod input;
pub use input::Input;
pub use set::{Budget, Loaded, PolicySet, decide};

/// Stand-in.
pub fn engine_version() -> &'static str {
    engine::VERSION
}
