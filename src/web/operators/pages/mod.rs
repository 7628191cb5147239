//! Pages for people: what an on-call engineer sees on a phone at three in the morning.
//!
//! What must hold: a `GET` changes nothing; nothing is loaded from elsewhere and no script or style stands in a page
//! itself (see [`headers`]); text that came from an agent reaches a page only through a template, which escapes it; no
//! cache keeps a page; all that a page is for works without JavaScript, which only makes it live and quick.

pub(super) mod assets;
mod bulk;
mod case;
mod decision_log;
mod events;
pub(super) mod frame;
mod freeze;
pub(super) mod headers;
mod policies;
mod queue;
mod row;
mod said;
mod search;
mod text;
pub(super) mod trouble;
pub(super) mod when;

use std::sync::Arc;

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, get, post};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};

use super::Operators;
use crate::web::Route;
use crate::web::problem::{Code, Problem};
pub(super) use events::Audience;

/// The pages and what belongs to them. They are not part of the API and of its description.
pub(in crate::web) fn routes() -> Vec<Route<Arc<Operators>>> {
    let route = |method: Method, path: &'static str, handler: MethodRouter<Arc<Operators>>| Route {
        method,
        path,
        handler,
    };
    vec![
        route(Method::GET, "/", get(home)),
        route(Method::GET, "/cases", get(queue::show)),
        route(Method::POST, "/cases/votes", post(bulk::vote)),
        route(Method::GET, "/events", get(events::follow)),
        route(Method::GET, "/assets/{file}", get(assets::show)),
        route(Method::GET, "/cases/{id}", get(case::show)),
        route(Method::POST, "/cases/{id}/votes", post(case::vote)),
        route(Method::GET, "/cases/{id}/request.json", get(case::request)),
        route(Method::GET, "/cases/{id}/test.rego", get(case::test)),
        route(Method::GET, "/policies", get(policies::show)),
        route(Method::POST, "/policies/reload", post(policies::reload)),
        route(Method::GET, "/log", get(decision_log::show)),
        route(Method::POST, "/freeze", post(freeze::freeze)),
        route(Method::POST, "/unfreeze", post(freeze::unfreeze)),
    ]
}

async fn home() -> Redirect {
    Redirect::to("/cases")
}

/// A page with a status.
pub(super) fn page(status: StatusCode, template: &impl Template) -> Result<Response, Problem> {
    let text = template.render().map_err(|error| {
        Problem::new(Code::Internal, "the page could not be written").because(error)
    })?;
    let mut response = (status, text).into_response();
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

#[cfg(test)]
mod tests;
