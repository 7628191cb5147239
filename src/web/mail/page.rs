//! The pages themselves, which run nothing, fetch nothing but our style, and are kept nowhere.

use askama::Template;
use axum::response::{IntoResponse as _, Response};
use cookie::Cookie;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, REFERRER_POLICY, SET_COOKIE};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::domain::card::Card;
use crate::domain::freeze::Freeze;
use crate::domain::rationale::visible;
use crate::notify::email::{Row, progress, rows};
use crate::web::operators::asset;

const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// The form that votes.
#[derive(Template)]
#[template(path = "mail/form.html")]
pub(super) struct Form<'a> {
    stylesheet: String,
    headline: String,
    address: &'a str,
    progress: String,
    rows: Vec<Row>,
    token: &'a str,
    problem: Option<&'a str>,
    reason_required: bool,
    dry_run: bool,
    frozen: Option<String>,
}

/// A page that says one thing.
#[derive(Template)]
#[template(path = "mail/notice.html")]
pub(super) struct Notice {
    stylesheet: String,
    title: String,
    lines: Vec<String>,
    status: StatusCode,
}

impl<'a> Form<'a> {
    pub(super) fn of(
        card: &Card,
        address: &'a str,
        token: &'a str,
        problem: Option<&'a str>,
        freeze: Option<&Freeze>,
    ) -> Self {
        Self {
            stylesheet: asset("app.css"),
            headline: card.headline(120),
            address,
            progress: card.question.as_ref().map(progress).unwrap_or_default(),
            rows: rows(card),
            token,
            problem,
            reason_required: card.reason_required,
            dry_run: card.dry_run,
            frozen: freeze.map(|freeze| visible(&format!("by {}: {}", freeze.by, freeze.reason))),
        }
    }

    pub(super) fn into_page(self, cookie: &Cookie<'_>) -> Response {
        let status = match self.problem {
            Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
            None => StatusCode::OK,
        };
        let mut response = page(status, &self);
        if let Ok(cookie) = HeaderValue::from_str(&cookie.to_string()) {
            response.headers_mut().insert(SET_COOKIE, cookie);
        }
        response
    }
}

impl Notice {
    pub(super) fn new(status: StatusCode, title: &str, what: &str) -> Self {
        Self {
            stylesheet: asset("app.css"),
            title: title.to_owned(),
            lines: vec![what.to_owned()],
            status,
        }
    }

    /// With another line.
    pub(super) fn and(mut self, line: String) -> Self {
        self.lines.push(line);
        self
    }

    pub(super) fn into_page(self) -> Response {
        page(self.status, &self)
    }
}

fn page(status: StatusCode, template: &impl Template) -> Response {
    let Ok(html) = template.render() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = (status, html).into_response();
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (ROBOTS, "noindex, nofollow"),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}
