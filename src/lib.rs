//! countersign answers AI agents' approval requests by policy, asks people for the rest, and writes down why.
//!
//! This is the library that the program is made of, from the lowest floor to the highest; imports go down only.
//!
//! | floor | modules | |
//! | --- | --- | --- |
//! | 0 | [`domain`], [`signature`], [`json`], [`diagnostic`], [`secret`], [`clock`] | pure values: a request, its case, the verdict |
//! | 1 | [`policy`], [`store`], [`source`], [`notify`], [`identity`], [`credential`], [`reread`] | ports to Rego, to the disk, to platforms, teams and directories |
//! | 2 | [`flow`] | the story: verify, read, decide, commit, acknowledge, answer |
//! | 3 | [`web`], [`config`], [`metrics`], [`telemetry`], [`observe`] | the edges |
//! | 4 | [`app`] | the composition root |
//! | 5 | [`cli`] | one file a subcommand |
//!
//! Start with [`flow::Flow::receive`], then [`domain::case::Case::step`]. `ARCHITECTURE.md` says what must hold and which test
//! holds it.

pub mod domain;
pub mod clock;
pub mod diagnostic;
pub mod json;
pub mod secret;
pub mod signature;

pub mod reread;
pub mod credential;
pub mod policy;
pub mod store;
pub mod source;
pub mod notify;
pub mod identity;

pub mod flow;

pub mod config;
pub mod metrics;
pub mod telemetry;
pub mod observe;
pub mod web;

pub mod app;
pub mod cli;
