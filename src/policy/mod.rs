//! Policy: files in, verdicts out.

pub mod folder;
mod yaml;
pub mod metadata;
