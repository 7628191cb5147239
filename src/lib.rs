//! countersign answers approval requests by policy.

pub mod domain;
pub mod diagnostic;
pub mod secret;
pub mod clock;
pub mod store;
pub mod credential;
pub mod config;
pub mod telemetry;
pub mod metrics;
pub mod cli;
