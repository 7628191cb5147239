//! countersign answers approval requests by policy.

pub mod domain;
pub mod diagnostic;
pub mod secret;
pub mod json;
pub mod signature;
pub mod credential;
pub mod clock;
pub mod store;
pub mod web;
