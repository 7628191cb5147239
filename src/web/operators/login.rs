//! Logging in and out: the page, the forms, and the way to a directory and back.
//!
//! What must hold: nobody is logged in by a form that another site's page sent, nor into somebody else's flow at the
//! directory; who fails is not told why, and waits; whoever is nobody here gets no session; after it one is only led to a
//! page of ours.

mod directory;
mod next;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{MethodRouter, get, post};
use http::header::{RETRY_AFTER, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use jiff::{SignedDuration, Timestamp};

use next::Next;

use super::Operators;
use super::access::{Caller, Form, not_admitted};
use super::entrance::{Cookie, unsealed};
use super::pages::frame::{Dry, Frame, Section};
use super::pages::page;
use crate::domain::rationale::{bounded, visible};
use crate::identity::session::random;
use crate::identity::{Device, LoginError, Origin, Paused, Proven, Purpose, Session, Way};
use crate::secret::Secret;
use crate::web::Route;
use crate::web::problem::{self, Code, Problem};
use crate::web::serve::Peer;

/// How long a login page may stand before it is used.
const FORM_LIFETIME: SignedDuration = SignedDuration::from_hours(1);

/// How long a browser is remembered that somebody logged in with.
const DEVICE_LIFETIME: SignedDuration = SignedDuration::from_hours(365 * 24);

/// Browsers keep no larger cookie, and say nothing of it.
const LARGEST_COOKIE: usize = 4000;

/// The pages and forms of logging in.
pub(super) fn routes() -> Vec<Route<Arc<Operators>>> {
    let route = |method: Method, path: &'static str, handler: MethodRouter<Arc<Operators>>| Route {
        method,
        path,
        handler,
    };
    vec![
        route(Method::GET, "/login", get(show)),
        route(Method::POST, "/login", post(log_in)),
        route(Method::POST, "/logout", post(log_out)),
        route(Method::GET, "/login/oidc", get(directory::leave)),
        route(
            Method::GET,
            "/login/oidc/callback",
            get(directory::come_back),
        ),
    ]
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    frame: Frame,
    /// The hidden field that goes with the cookie of the page.
    csrf: String,
    next: Next,
    /// The name to try again with.
    name: String,
    trouble: Option<String>,
    takes_passwords: bool,
    takes_tokens: bool,
    /// The host of the directory.
    directory: Option<String>,
}

/// Somebody who proved who they are.
struct Arrival {
    proven: Proven,
    /// What of it their session depends on.
    stamp: Option<String>,
    /// The browser that remembers that they logged in with it.
    device: Option<Device>,
}

/// Why somebody is not logged in.
enum Failed {
    /// The name, the password or the token.
    Wrong(&'static str),
    /// They tried too often.
    Paused(Paused),
    /// The page was too old, or not ours.
    Stale,
    /// Something else, which is told as everywhere.
    Problem(Problem),
}

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

async fn show(State(operators): State<Arc<Operators>>, parts: Parts) -> Result<Response, Problem> {
    let next = Next::of_query(&parts.uri);
    if Caller::of(&parts, &operators).await.is_ok() {
        return Ok(next.redirect());
    }
    login_page(&operators, &parts.headers, StatusCode::OK, next, None)
}

async fn log_in(
    State(operators): State<Arc<Operators>>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let form = Form::read(Request::from_parts(parts.clone(), body)).await?;
    let form = form.only(&["name", "password", "token", "next"])?;
    let next = Next::of(form.one("next")?);
    let address = address_of(&parts, &operators);
    let (status, trouble, pause) = match proven(&operators, &parts, &form, address).await {
        Ok(arrival) => return begin(&operators, arrival, &next),
        Err(Failed::Problem(problem)) => return Err(problem),
        Err(Failed::Wrong(what)) => (StatusCode::UNAUTHORIZED, what.to_owned(), None),
        Err(Failed::Paused(paused)) => {
            let seconds = seconds_of(paused);
            let trouble = format!("There were too many failures. Try again in {seconds} s.");
            (StatusCode::TOO_MANY_REQUESTS, trouble, Some(seconds))
        }
        Err(Failed::Stale) => {
            let trouble = "This page was too old, or not sent from here. Try again.";
            (StatusCode::FORBIDDEN, trouble.to_owned(), None)
        }
    };
    // What was typed may be a password in the wrong field: nothing of it is logged.
    tracing::warn!(client.address = %address, http.status = status.as_u16(), "a login was refused");
    let told = Some((form.one("name")?.unwrap_or_default(), trouble));
    let mut response = login_page(&operators, &parts.headers, status, next, told)?;
    if let Some(seconds) = pause {
        (response.headers_mut()).insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

async fn log_out(
    State(operators): State<Arc<Operators>>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let caller = Caller::of(&parts, &operators).await?;
    let form = Form::read(Request::from_parts(parts.clone(), body)).await?;
    caller.sent(&parts, &form.only(&[])?, &operators)?;
    let Some(session) = caller.session() else {
        return Err(Problem::new(
            Code::Conflict,
            "there is no session to end: you are let in by what is in front of countersign, so log out there",
        ));
    };
    let (store, now) = (operators.flow.store(), operators.flow.clock().now());
    (store.spend(session.ended(), session.until, now).await).map_err(problem::of_store)?;
    let mut response = Redirect::to("/login").into_response();
    let unset = operators.entrance.site.unset(Cookie::Session);
    response
        .headers_mut()
        .extend(unset.map(|unset| (SET_COOKIE, unset)));
    Ok(response)
}

/// Who they prove to be by the form.
async fn proven(
    operators: &Operators,
    parts: &Parts,
    form: &Form,
    address: IpAddr,
) -> Result<Arrival, Failed> {
    let entrance = &operators.entrance;
    let now = operators.flow.clock().now();
    entrance.site.sent_from_here(&parts.headers)?;
    let shown = (entrance.site.cookie(&parts.headers, Cookie::LoginForm))
        .and_then(|cookie| {
            entrance
                .seal
                .open::<String>(Purpose::LoginForm, &cookie, now)
        })
        .map(Secret::new);
    let sent = form.one("csrf")?.unwrap_or_default();
    if !shown.is_some_and(|shown| shown.matches(sent.as_bytes())) {
        return Err(Failed::Stale);
    }
    if let Some(token) = form.one("token")? {
        let attempt = entrance.throttle.attempt(Way::Token, address, now);
        let attempt = attempt.map_err(Failed::Paused)?;
        let holder = entrance.holder_of(token.as_bytes());
        return match holder {
            Ok((proven, stamp)) => {
                entrance.throttle.succeeded(attempt, now);
                Ok(Arrival {
                    proven,
                    stamp,
                    device: None,
                })
            }
            Err(problem) if problem.code() == Code::Unverified => {
                Err(Failed::Wrong("The token is not known."))
            }
            Err(problem) => {
                entrance.throttle.withdraw(attempt);
                Err(problem.into())
            }
        };
    }
    let name = form.one("name")?.unwrap_or_default();
    let password = Secret::new(form.unchanged("password")?.unwrap_or_default());
    let device = entrance.device(&parts.headers, name, now);
    let way = (device.as_ref()).map_or(Way::Password(name), Way::Device);
    let attempt = entrance.throttle.attempt(way, address, now);
    let attempt = attempt.map_err(Failed::Paused)?;
    match entrance.users.login(name, &password).await {
        Ok(user) => {
            entrance.throttle.succeeded(attempt, now);
            let device = device.map_or_else(|| Device::of(&user.proven.name, &user.stamp), Ok);
            let device = device.map_err(unsealed)?;
            Ok(Arrival {
                proven: user.proven,
                stamp: Some(user.stamp),
                device: Some(device),
            })
        }
        Err(LoginError::Wrong) => Err(Failed::Wrong("The name or the password is wrong.")),
        Err(error @ (LoginError::Busy | LoginError::Unavailable(_))) => {
            entrance.throttle.withdraw(attempt);
            let problem = Problem::new(Code::Unavailable, error.to_string());
            Err(problem.because(error).into())
        }
    }
}

/// Logs somebody in, if they may do anything here.
fn begin(operators: &Operators, arrival: Arrival, next: &Next) -> Result<Response, Problem> {
    let Arrival {
        mut proven,
        stamp,
        device,
    } = arrival;
    let entrance = &operators.entrance;
    proven.groups = entrance.directory.meaningful(proven.groups);
    entrance.directory.admit(&proven).map_err(not_admitted)?;
    let now = operators.flow.clock().now();
    let until = entrance.until(now);
    if proven.origin == Origin::Oidc {
        entrance.directory.saw(&proven, until, now);
    }
    let session = Session::begin(proven, stamp, now, until).map_err(unsealed)?;
    let sealed = (entrance.seal.seal(Purpose::Session, &session, until)).map_err(unsealed)?;
    if sealed.len() > LARGEST_COOKIE {
        let detail =
            "the directory says more of you than a browser keeps; ask an admin to have it say less";
        return Err(Problem::new(Code::Forbidden, detail));
    }
    let device = device.map(|device| {
        let until = now.checked_add(DEVICE_LIFETIME).unwrap_or(Timestamp::MAX);
        entrance.seal.seal(Purpose::Device, &device, until)
    });
    let device = device.transpose().map_err(unsealed)?;
    let site = &entrance.site;
    let cookies = [
        site.set(Cookie::Session, sealed, entrance.lifetime),
        site.unset(Cookie::LoginForm),
        site.unset(Cookie::Oidc),
        device.and_then(|device| site.set(Cookie::Device, device, DEVICE_LIFETIME)),
    ];
    let mut response = next.redirect();
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

fn login_page(
    operators: &Operators,
    headers: &HeaderMap,
    status: StatusCode,
    next: Next,
    told: Option<(&str, String)>,
) -> Result<Response, Problem> {
    let entrance = &operators.entrance;
    let now = operators.flow.clock().now();
    // Two windows share a cookie, so both must share what goes with it.
    let csrf = (entrance.site.cookie(headers, Cookie::LoginForm)).and_then(|cookie| {
        entrance
            .seal
            .open::<String>(Purpose::LoginForm, &cookie, now)
    });
    let csrf = csrf.map_or_else(random, Ok).map_err(unsealed)?;
    let (name, trouble) = match told {
        Some((name, trouble)) => (bounded(&visible(name), 128), Some(trouble)),
        None => (String::new(), None),
    };
    let sealed = sealed_form(operators, &csrf, now)?;
    let shown = LoginPage {
        frame: Frame::outside(operators),
        csrf,
        next,
        name,
        trouble,
        takes_passwords: entrance.takes_passwords(),
        takes_tokens: entrance.takes_tokens(),
        directory: entrance.oidc.as_ref().map(|oidc| visible(&oidc.host())),
    };
    let mut response = page(status, &shown)?;
    let cookie = (entrance.site).set(Cookie::LoginForm, sealed, FORM_LIFETIME);
    response
        .headers_mut()
        .extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    Ok(response)
}

fn sealed_form(operators: &Operators, csrf: &str, now: Timestamp) -> Result<String, Problem> {
    let until = now.checked_add(FORM_LIFETIME).unwrap_or(Timestamp::MAX);
    (operators
        .entrance
        .seal
        .seal(Purpose::LoginForm, &csrf, until))
    .map_err(unsealed)
}

/// Whole seconds that are enough.
fn seconds_of(Paused(pause): Paused) -> u64 {
    pause.as_secs().saturating_add(1)
}

/// Whose failures these are. Behind a proxy that is configured everybody would be the proxy; then it is whom the proxy says
/// that it passes on. Nobody else is believed: whoever may say where they come from fails as often as they like.
fn address_of(parts: &Parts, operators: &Operators) -> IpAddr {
    let peer = parts.extensions.get::<Peer>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0);
    let proxy = operators.entrance.proxy.as_ref();
    proxy.map_or(peer, |proxy| proxy.client(peer, &parts.headers))
}

#[cfg(test)]
mod tests;
