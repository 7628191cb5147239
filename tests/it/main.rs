//! The real server on loopback, a real SQLite file, a simulated TraceMem over real HTTP.
//!
//! `harness` starts the server, `tracemem` is the platform; every other module is a chapter of what must hold.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test helpers may panic; the panic is the report"
)]
#![expect(
    unreachable_pub,
    reason = "the modules of one test binary see each other"
)]

mod harness;
mod hook;
mod sets;
mod tracemem;

mod process;

mod agents_api;
mod agentwarden;
mod answering;
mod contract;
mod expired;
mod forged;
mod forward;
mod freeze;
mod corpus;
mod probed;
mod races;
mod hostile;
mod kleene;
mod left_behind;
mod mail;
mod operating;
mod people;
mod platform_faults;
mod platform_time;
mod platforms;
mod refusals;
mod reloading;
mod resolved;
mod slack;
mod table;
mod trace;
mod vetoes;
mod whole;
