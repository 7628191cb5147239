//! What is measured, one chapter for each bar or for bars that share a set-up.

mod durable;
mod evaluate;
mod guard;
mod latency;
mod lookup;
mod receiver;
mod reload;
mod whole;

/// By the name that runs one alone.
pub(crate) const ALL: [(&str, fn()); 12] = [
    ("evaluate", evaluate::flat),
    ("guard", guard::guard),
    ("webhook", durable::webhook),
    ("decide", durable::decide),
    ("synchronous", durable::synchronous),
    ("group", durable::group),
    ("acknowledgement", latency::one_connection),
    ("open-loop", latency::open_loop),
    ("fastapi", receiver::fastapi),
    ("lookup", lookup::lookup),
    ("reload", reload::reload),
    ("whole", whole::memory_and_restart),
];
