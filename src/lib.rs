//! countersign answers approval requests by policy.

pub mod domain;
pub mod diagnostic;
pub mod json;
pub mod secret;
pub mod policy;
