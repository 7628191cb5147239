//! The command line as people and scripts use it: real processes, a real database, real HTTP.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test helpers may panic; the panic is the report"
)]

mod desk;

mod agentwarden;
mod demo;
mod directory;
mod examples;
mod guide;
mod http_agent;
mod page;
mod probing;
mod reading;
mod readme;
mod setup;
mod sources;
mod testing;
mod users;
mod voting;
