//! To the directory and back. What somebody needs to come back goes with their browser in a sealed cookie, so that nobody
//! can be led into a login that another began.
//!
//! What must hold: any page can make a browser go there and come back, so neither counts, and nobody waits for what a page
//! in somebody's browser loads. So nothing is done that costs much either: where the directory's doors are is asked for once
//! in a while, by one request at a time; who somebody is, only for an answer to the login that the browser is in.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::header::SET_COOKIE;
use http::request::Parts;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Arrival, Next, address_of, begin, seconds_of};
use crate::identity::oidc::{Flow, Oidc, OidcError};
use crate::identity::{Paused, Proven, Purpose, Way};
use crate::store::Spent;
use crate::web::operators::Operators;
use crate::web::operators::entrance::{Cookie, gone_to, unsealed};
use crate::web::problem::{self, Code, Problem};

/// How long somebody may take at the directory.
const LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// No code or state of a directory is longer.
const LONGEST: usize = 4096;

#[derive(Serialize, Deserialize)]
struct Away {
    flow: Flow,
    next: Next,
}

pub(super) async fn leave(
    State(operators): State<Arc<Operators>>,
    parts: Parts,
) -> Result<Response, Problem> {
    gone_to(&parts.headers)?;
    let entrance = &operators.entrance;
    let oidc = directory(&operators)?;
    let Some(base) = entrance.site.base(&parts.headers) else {
        return Err(Problem::new(
            Code::Malformed,
            "the header `Host` is missing",
        ));
    };
    let now = operators.flow.clock().now();
    let back = format!("{base}/login/oidc/callback");
    let (to, flow) = oidc.begin(back, now).await.map_err(failed)?;
    let until = now.checked_add(LIFETIME).unwrap_or(Timestamp::MAX);
    let away = Away {
        flow,
        next: Next::of_query(&parts.uri),
    };
    let sealed = (entrance.seal.seal(Purpose::Oidc, &away, until)).map_err(unsealed)?;
    let mut response = Redirect::to(&to).into_response();
    let cookie = entrance.site.set(Cookie::Oidc, sealed, LIFETIME);
    response
        .headers_mut()
        .extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    Ok(response)
}

pub(super) async fn come_back(
    State(operators): State<Arc<Operators>>,
    parts: Parts,
) -> Result<Response, Problem> {
    gone_to(&parts.headers)?;
    let oidc = directory(&operators)?;
    let entrance = &operators.entrance;
    let now = operators.flow.clock().now();
    let away = (entrance.site.cookie(&parts.headers, Cookie::Oidc))
        .and_then(|cookie| entrance.seal.open::<Away>(Purpose::Oidc, &cookie, now));
    let Some(away) = away else {
        return Err(refused(
            "this login was not begun in this browser, or too long ago; begin again",
        ));
    };
    let said = Said::of(parts.uri.query().unwrap_or_default())?;
    if !away
        .flow
        .is_answered_by(said.state.as_deref().unwrap_or_default())
    {
        return Err(refused("this is the answer to another login; begin again"));
    }
    if said
        .issuer
        .as_deref()
        .is_some_and(|issuer| issuer != oidc.issuer())
    {
        return Err(refused(
            "this is the answer of another directory; begin again",
        ));
    }
    let Some(code) = said.code.filter(|_| !said.refused) else {
        return Err(refused("the directory did not log you in"));
    };
    // What is asked of the directory from here on may be a guess.
    let address = address_of(&parts, &operators);
    let attempt = (entrance.throttle).attempt(Way::Directory, address, now);
    let attempt = attempt.map_err(paused)?;
    let proven = proven(&operators, oidc, &away.flow, &code, now).await;
    let is_guess = match &proven {
        // Who they are is proven, whether or not they are let in.
        Ok(_) => false,
        // The store's fault, or the directory's.
        Err(problem) => problem.code() != Code::Unavailable,
    };
    if !is_guess {
        entrance.throttle.withdraw(attempt);
    }
    let arrival = Arrival {
        proven: proven?,
        stamp: None,
        device: None,
    };
    begin(&operators, arrival, &away.next)
}

/// Who the directory says that they are.
async fn proven(
    operators: &Operators,
    oidc: &Oidc,
    flow: &Flow,
    code: &str,
    now: Timestamp,
) -> Result<Proven, Problem> {
    let until = now.checked_add(LIFETIME).unwrap_or(Timestamp::MAX);
    let spent = operators.flow.store().spend(flow.used(), until, now);
    if spent.await.map_err(problem::of_store)? == Spent::Before {
        return Err(refused("this login was finished before; begin again"));
    }
    oidc.finish(flow, code, now).await.map_err(failed)
}

/// What the directory sends back with somebody.
#[derive(Default)]
struct Said {
    code: Option<String>,
    state: Option<String>,
    issuer: Option<String>,
    refused: bool,
}

impl Said {
    fn of(query: &str) -> Result<Self, Problem> {
        let mut said = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let known = match &*name {
                "code" => &mut said.code,
                "state" => &mut said.state,
                "iss" => &mut said.issuer,
                "error" => {
                    said.refused = true;
                    continue;
                }
                _ => continue,
            };
            if known.is_some() || value.len() > LONGEST {
                return Err(refused(
                    "the directory's answer cannot be read; begin again",
                ));
            }
            *known = Some(value.into_owned());
        }
        Ok(said)
    }
}

fn directory(operators: &Operators) -> Result<&Oidc, Problem> {
    let oidc = operators.entrance.oidc.as_ref();
    oidc.ok_or_else(|| Problem::new(Code::NotFound, "nobody logs in by a directory here"))
}

fn paused(paused: Paused) -> Problem {
    let seconds = seconds_of(paused);
    let detail = format!("there were too many failures; try again in {seconds} s");
    Problem::new(Code::RateLimited, detail).after(seconds)
}

fn refused(detail: &str) -> Problem {
    Problem::new(Code::Forbidden, detail)
}

/// Whoever logs in is told whose fault it is; why, only our log.
fn failed(error: OidcError) -> Problem {
    let problem = match error {
        OidcError::Unavailable(_) | OidcError::Secret(_) | OidcError::Random(_) => Problem::new(
            Code::Unavailable,
            "the directory cannot be used now; try again, or log in another way",
        ),
        OidcError::Refused(_) | OidcError::Token(_) | OidcError::Claims(_) => refused(
            "the directory's answer does not say well enough who you are; whoever runs countersign finds the reason in its log",
        ),
    };
    problem.because(error)
}
