//! The listener for people and their tools.
//!
//! What must hold: all but metrics, health and the files that pages load needs a token or a session; who acts is who holds the token, whatever the body says; a
//! `GET` changes nothing.

mod access;
mod entrance;
mod login;
mod cases;
mod votes;
mod policies;
mod freeze;
mod outbox;
mod decision_log;
mod explanation;
mod health;
mod pages;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post, put};
use http::Method;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::body::BodyLimits;
use super::problem;
use super::{Route, finished, router_of};
use crate::domain::id::SourceName;
use crate::flow::{Explainer, Flow};
use crate::metrics::{self, Metrics};
use crate::observe::Alerts;

// The page behind the link in a mail is none of these, and looks and is guarded like them.
pub(super) use pages::assets::address as asset;
pub(super) use pages::headers::protect;

pub use entrance::{Entrance, InvalidSite, Site};

/// The API's description, as it is served.
pub const OPENAPI: &str = include_str!("openapi.json");

/// Votes and the like are small.
const BODY: BodyLimits = BodyLimits {
    bytes: 64 * 1024,
    timeout: Duration::from_secs(10),
};

/// What the listener for people needs.
pub struct Operators {
    flow: Arc<Flow>,
    entrance: Entrance,
    metrics: Arc<Metrics>,
    alerts: Arc<Alerts>,
    expiries: Vec<CredentialExpiry>,
    readiness: Arc<Readiness>,
    store_check: health::StoreCheck,
    explainer: Explainer,
    audience: pages::Audience,
}

/// When the credential of a source stops working.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialExpiry {
    /// The source.
    pub source: SourceName,
    /// When.
    pub at: Timestamp,
}

/// Whether requests are wanted here.
#[derive(Debug, Default)]
pub struct Readiness {
    draining: CancellationToken,
}

impl Readiness {
    /// From here on `/readyz` says no.
    pub fn drain(&self) {
        self.draining.cancel();
    }

    /// Waits until [`Self::drain`] is called: whatever has no end of its own ends then.
    pub async fn drained(&self) {
        self.draining.cancelled().await;
    }

    /// Whether [`Self::drain`] was called.
    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }
}

impl Operators {
    /// The listener over `flow` for whoever comes in by `entrance`.
    pub fn new(
        flow: Arc<Flow>,
        entrance: Entrance,
        metrics: Arc<Metrics>,
        alerts: Arc<Alerts>,
        expiries: Vec<CredentialExpiry>,
        readiness: Arc<Readiness>,
    ) -> Self {
        let explainer = Explainer::new(Arc::clone(flow.store()), Arc::clone(flow.policies()));
        Self {
            explainer,
            flow,
            entrance,
            metrics,
            alerts,
            expiries,
            readiness,
            store_check: health::StoreCheck::default(),
            audience: pages::Audience::default(),
        }
    }

    /// The routes.
    pub fn router(self: &Arc<Self>) -> Router {
        let mut all = routes();
        all.extend(pages::routes());
        all.extend(login::routes());
        let router = router_of(all).fallback(problem::nothing_here);
        let dress = from_fn_with_state(Arc::clone(self), pages::trouble::dress);
        finished(router.with_state(Arc::clone(self)))
            .layer(dress)
            .layer(map_response(pages::headers::protect))
    }
}

/// Every route of the API, for the router and for the test that holds the documentation to it.
pub(super) fn routes() -> Vec<Route<Arc<Operators>>> {
    let route = |method: Method, path: &'static str, handler: MethodRouter<Arc<Operators>>| Route {
        method,
        path,
        handler,
    };
    vec![
        route(Method::GET, "/v1/cases", get(cases::list)),
        route(Method::GET, "/v1/cases/{id}", get(cases::show)),
        route(
            Method::GET,
            "/v1/cases/{id}/explanation",
            get(explanation::show),
        ),
        route(Method::POST, "/v1/cases/{id}/votes", post(votes::vote)),
        route(Method::GET, "/v1/policies", get(policies::show)),
        route(Method::POST, "/v1/policies/reload", post(policies::reload)),
        route(Method::GET, "/v1/freeze", get(freeze::show)),
        route(Method::PUT, "/v1/freeze", put(freeze::freeze)),
        route(Method::DELETE, "/v1/freeze", delete(freeze::unfreeze)),
        route(Method::GET, "/v1/outbox", get(outbox::list)),
        route(Method::POST, "/v1/outbox/{id}/retry", post(outbox::retry)),
        route(Method::GET, "/v1/log", get(decision_log::list)),
        route(Method::GET, "/metrics", get(health::metrics)),
        route(Method::GET, "/livez", get(health::livez)),
        route(Method::GET, "/readyz", get(health::readyz)),
        route(Method::GET, "/openapi.json", get(openapi)),
    ]
}

async fn openapi(_: access::Viewer) -> Response {
    (
        [(CONTENT_TYPE, HeaderValue::from_static("application/json"))],
        OPENAPI,
    )
        .into_response()
}

/// JSON that no cache keeps: it is about people's money.
fn fresh(value: &impl serde::Serialize) -> Response {
    let mut response = axum::Json(value).into_response();
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn metrics_text(text: String) -> Response {
    (
        [(
            CONTENT_TYPE,
            HeaderValue::from_static(metrics::CONTENT_TYPE),
        )],
        text,
    )
        .into_response()
}

#[cfg(test)]
mod tests;
