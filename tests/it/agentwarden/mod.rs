//! AgentWarden, whose webhooks prove nothing: what holds between a simulated agentwarden.io and a server with a source
//! of `kind: agentwarden`.
//!
//! `platform` and `api` are agentwarden.io, `events` is what it says, `office` is a server with such a source; every
//! other module is a chapter.

mod platform;
mod api;
mod events;
mod office;

mod forged;
mod records;
mod outages;
mod logins;
mod limits;
mod echoes;
mod forwarding;
mod reconcile;
mod waiting;
mod dry_run;
mod restarts;
mod executor;

use countersign::clock::Clock;

use events::{id, pending, record, resolved};
use office::{HOOK_SECRET, Office, config, with_line};
use platform::{AgentWarden, Behaviour, Endpoint, PASSWORD};

/// This second, as `X-RateLimit-Reset` and `exp` count.
fn seconds() -> i64 {
    Clock.now().as_second()
}

/// `status` without a word that would explain it.
fn say(status: u16) -> Behaviour {
    Behaviour::Say(status, serde_json::json!({"detail": "not now"}), Vec::new())
}
