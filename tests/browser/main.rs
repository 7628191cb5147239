//! The inbox as people meet it: a real server, a real headless Chromium, a real OpenID Connect provider.
//!
//! Each test starts its own server and plays one scenario (`*.mjs`, beside this file) against it. `stage.mjs` says what
//! holds on every page. `./test` installs what the scenarios need: `npm ci --ignore-scripts` in this folder, Debian's
//! `chromium`.
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

#[path = "../it/harness.rs"]
#[expect(dead_code, reason = "another test binary asks more of the server")]
mod harness;
#[path = "../it/process.rs"]
#[expect(dead_code, reason = "another test binary runs the program as a child")]
mod process;
#[path = "../it/tracemem.rs"]
#[expect(dead_code, reason = "another test binary scripts more of the platform")]
mod tracemem;

mod stage;

mod inbox;
mod directory;
