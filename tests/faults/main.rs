//! What must survive the machine: `kill -9`, power cuts, a disk whose sync fails.
//!
//! The program under test is the real binary, in a process of its own. The control of the power cut, which must lose
//! decisions, is this test binary run again as a child with the store's durability turned down.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test helpers may panic; the panic is the report"
)]

#[path = "../it/tracemem.rs"]
mod tracemem;
mod harness;
mod server;
mod load;

mod killed;
mod powerless;
mod unsynced;
