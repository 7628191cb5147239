//! What goes wrong, as a page: for whoever asks for one, and is no program.

use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

use super::frame::{Dry, Frame, Section, Visitor};
use super::page;
use crate::domain::rationale::{bounded, visible};
use crate::web::operators::Operators;
use crate::web::problem::{Code, Problem};

/// Where one logs in.
const LOGIN: &str = "/login";
const HTMX: HeaderName = HeaderName::from_static("hx-request");
const REDIRECT: HeaderName = HeaderName::from_static("hx-redirect");

#[derive(Template)]
#[template(path = "trouble.html")]
struct Trouble<'a> {
    frame: Frame,
    status: StatusCode,
    title: &'static str,
    detail: String,
    hint: &'static str,
    request_id: &'a str,
}

/// Goes around the whole listener: a problem that leaves is a page for a browser, and stays what it is for everything else. Who
/// is not logged in is sent to where they can.
pub(in crate::web::operators) async fn dress(
    State(operators): State<Arc<Operators>>,
    request: Request,
    next: Next,
) -> Response {
    if !reads_pages(request.uri(), request.headers()) {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let seen = parts.clone();
    let response = next.run(Request::from_parts(parts.clone(), body)).await;
    let Some(problem) = response.extensions().get::<Problem>().cloned() else {
        return response;
    };
    if problem.code() == Code::Unverified {
        return to_login(&seen);
    }
    let visitor = Visitor::from_request_parts(&mut parts, &operators).await;
    let frame = match visitor {
        Ok(visitor) => Frame::of(&operators, visitor, Section::Elsewhere).await,
        Err(problem) => Err(problem),
    };
    let request_id = response.headers().get("x-request-id").cloned();
    let request_id = request_id.as_ref().and_then(|id| id.to_str().ok());
    let told = Trouble {
        frame: frame.unwrap_or_else(|_| Frame::outside(&operators)),
        status: problem.code().status(),
        title: problem.code().title(),
        detail: bounded(&visible(problem.detail()), 600),
        hint: hint(problem.code()),
        request_id: request_id.unwrap_or_default(),
    };
    let Ok(mut page) = page(told.status, &told) else {
        return response;
    };
    for (name, value) in response.headers() {
        if ![CONTENT_TYPE, CONTENT_LENGTH].contains(name) {
            page.headers_mut().insert(name.clone(), value.clone());
        }
    }
    page
}

/// Whether whoever asks wants a page: a browser says so, and the API answers the same to everybody.
fn reads_pages(uri: &Uri, headers: &HeaderMap) -> bool {
    let of_api = ["/v1/", "/metrics", "/livez", "/readyz", "/openapi.json"];
    if of_api.iter().any(|path| uri.path().starts_with(path)) {
        return false;
    }
    let accepted = headers.get_all(ACCEPT).iter();
    let mut accepted = accepted.filter_map(|accepted| accepted.to_str().ok());
    headers.contains_key(&HTMX) || accepted.any(|accepted| accepted.contains("text/html"))
}

/// To the login, and back to the page afterwards; a form that was sent is not sent again.
fn to_login(parts: &Parts) -> Response {
    let page = match (
        parts.method == Method::GET,
        parts.headers.get("hx-current-url"),
    ) {
        (true, None) => parts.uri.path_and_query().map(ToString::to_string),
        (_, Some(url)) => {
            let url = url.to_str().ok().and_then(|url| url.parse::<Uri>().ok());
            url.and_then(|url| url.path_and_query().map(ToString::to_string))
        }
        (false, None) => None,
    };
    let page = page.filter(|page| page != "/");
    let next = page.map(|page| {
        let page: String = form_urlencoded::byte_serialize(page.as_bytes()).collect();
        format!("?next={page}")
    });
    let login = format!("{LOGIN}{}", next.unwrap_or_default());
    if parts.headers.contains_key(&HTMX) {
        let mut response = StatusCode::UNAUTHORIZED.into_response();
        if let Ok(login) = HeaderValue::from_str(&login) {
            response.headers_mut().insert(REDIRECT, login);
        }
        return response;
    }
    Redirect::to(&login).into_response()
}

/// What to do about it.
fn hint(code: Code) -> &'static str {
    match code {
        Code::Forbidden => "Ask an admin if you think you should be allowed to.",
        Code::Stale => "Nothing was counted. Look at the case as it is now, and decide again.",
        Code::Closed => "Nothing was counted: somebody was quicker.",
        Code::ReasonRequired => "Go back and say why.",
        Code::Unavailable | Code::Timeout => "Nothing was changed. Try again in a moment.",
        Code::RateLimited => "Wait a little, then try again.",
        Code::Internal => {
            "Look at the case before you do it again: what became of this is unknown."
        }
        Code::Unverified
        | Code::Malformed
        | Code::Conflict
        | Code::TooLarge
        | Code::UnknownSource
        | Code::NotFound
        | Code::MethodNotAllowed
        | Code::IdempotencyMismatch
        | Code::PoliciesRefused => "",
    }
}
