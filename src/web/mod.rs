//! HTTP: what platforms, agents and operators see of the house. Nothing is decided here.
//!
//! Two routers, one for each listener: [`intake`] for platforms and agents, [`operators`] for people and their tools.
//! What must hold: whoever a request comes from is proven before anything is done for them; every error leaves as a
//! [`problem`] and is logged once; every route is in `openapi.json` and the other way round.

pub mod serve;
pub mod body;
pub mod problem;
pub mod token;
pub mod rate;
