//! Policy: files in, verdicts out.

pub mod folder;
mod yaml;
pub mod metadata;
pub mod engine;
pub mod testing;
