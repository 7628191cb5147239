//! countersign answers approval requests by policy.

pub mod domain;
pub mod clock;
pub mod diagnostic;
pub mod json;
pub mod secret;
pub mod signature;

pub mod credential;
pub mod policy;
pub mod store;
pub mod source;

pub mod flow;

pub mod config;
pub mod metrics;
pub mod telemetry;
pub mod observe;
pub mod web;

pub mod app;
pub mod cli;
