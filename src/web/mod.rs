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
pub mod traceparent;
pub mod query;
pub mod intake;
pub mod decisions;
pub mod mail;
pub mod slack;
pub mod operators;

use axum::Router;
use axum::routing::MethodRouter;
use http::Method;

pub use operators::Readiness;

/// The most characters of a reason that somebody votes with.
const LONGEST_REASON: usize = 4000;

/// One line of a listener's table of routes.
struct Route<S> {
    #[cfg_attr(
        not(test),
        expect(
            dead_code,
            reason = "the test that holds the documentation to the routes reads it"
        )
    )]
    method: Method,
    path: &'static str,
    handler: MethodRouter<S>,
}

fn router_of<S: Clone + Send + Sync + 'static>(routes: Vec<Route<S>>) -> Router<S> {
    let add = |router: Router<S>, route: Route<S>| router.route(route.path, route.handler);
    routes.into_iter().fold(Router::new(), add)
}

/// Puts around every route, and around what no route fits, what each of them needs.
fn finished(router: Router) -> Router {
    router
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(axum::middleware::from_fn(problem::settle))
}

#[cfg(test)]
mod tests;
