//! countersign answers approval requests by policy.

pub mod domain;
pub mod diagnostic;
pub mod json;
pub mod secret;
pub mod clock;
pub mod store;
pub mod policy;
pub mod cli;
