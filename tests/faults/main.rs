//! What must survive the machine: `kill -9`, power cuts, a disk whose sync fails.
//!
//! The program under test is the real binary, in a process of its own. The control of the power cut, which must lose
//! decisions, is this test binary run again as a child with the store's durability turned down.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test helpers may panic; the panic is the report"
)]
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the control is a process of its own: it takes its config from the environment and says where it listens"
)]
#![expect(
    unreachable_pub,
    reason = "the modules of one test binary see each other"
)]

#[path = "../it/tracemem.rs"]
#[expect(dead_code, reason = "another test binary scripts more of the platform")]
mod tracemem;
mod harness;
mod server;
mod load;

mod killed;
mod powerless;
mod slack;
mod unsynced;
mod votes;
