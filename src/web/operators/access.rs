//! Who may do what. A handler that names one of these among its arguments cannot be reached by anybody less; there is no
//! check to forget:
//!
//! - [`Viewer`], [`Approver`], [`Admin`] for the API: without proof the answer is a problem with status 401;
//! - [`LoggedIn`] for a page: without proof it is the same problem, which a browser is shown as the way to the login;
//! - [`Posted`] for a form of our own pages, read and checked: what comes from another site's page is refused.
//!
//! What must hold: a name comes from a credential and never from a body or a query; what comes with a session or through
//! a proxy changes something only if a page of ours sent it, since a browser adds both to whatever a foreign page sends.

mod caller;
mod form;

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use http::request::Parts;
use jiff::Timestamp;

pub(super) use caller::{Caller, not_admitted};
pub(super) use form::Form;

use super::Operators;
use crate::domain::person::{Person, Role};
use crate::web::problem::{Code, Problem};

/// The hidden field of our forms.
const CSRF_FIELD: &str = "csrf";

/// Somebody who may look.
pub(super) struct Viewer;

/// Somebody who may vote.
pub(super) struct Approver(pub(super) Person);

/// Somebody who may freeze, reload and retry.
pub(super) struct Admin(pub(super) Person);

/// Somebody who looks at a page.
pub(super) struct LoggedIn {
    /// Who.
    pub(super) person: Person,
    /// The value of the hidden field `csrf` of every form on the page, and of the header `X-CSRF-Token`.
    pub(super) csrf: String,
    /// When they must prove again who they are.
    pub(super) until: Timestamp,
    caller: Caller,
}

/// A form that somebody who may do what `R` says sent from a page of ours.
pub(super) struct Posted<R> {
    /// Who.
    pub(super) person: Person,
    /// As in [`LoggedIn`], for a page that is the answer.
    pub(super) csrf: String,
    /// What they filled in; see [`Form::only`].
    pub(super) form: Form,
    rank: PhantomData<R>,
}

/// What somebody must be allowed to do, as a type.
pub(super) trait Rank: Send {
    /// The least role.
    const ROLE: Role;
}

/// Whoever may look.
pub(super) struct AsViewer;

/// Whoever may vote.
pub(super) struct AsApprover;

/// Whoever may freeze.
pub(super) struct AsAdmin;

impl Rank for AsViewer {
    const ROLE: Role = Role::Viewer;
}

impl Rank for AsApprover {
    const ROLE: Role = Role::Approver;
}

impl Rank for AsAdmin {
    const ROLE: Role = Role::Admin;
}

impl LoggedIn {
    /// Who they are now, for an answer that goes on for long; `None` once they are logged out or nobody any more.
    pub(super) async fn still(&self, operators: &Operators) -> Option<Person> {
        self.caller.still(operators).await
    }
}

async fn at_least(role: Role, parts: &Parts, operators: &Operators) -> Result<Person, Problem> {
    let caller = Caller::of(parts, operators).await?;
    caller.may_send(parts, operators)?;
    allowed(role, &caller.person)?;
    Ok(caller.person)
}

fn allowed(role: Role, person: &Person) -> Result<(), Problem> {
    if person.role < role {
        let detail = format!(
            "`{}` is {}; this takes the role {}",
            person.name,
            person.role.as_str(),
            role.as_str()
        );
        return Err(Problem::new(Code::Forbidden, detail));
    }
    Ok(())
}

impl FromRequestParts<Arc<Operators>> for Viewer {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        operators: &Arc<Operators>,
    ) -> Result<Self, Problem> {
        (at_least(Role::Viewer, parts, operators).await).map(|_| Self)
    }
}

impl FromRequestParts<Arc<Operators>> for Approver {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        operators: &Arc<Operators>,
    ) -> Result<Self, Problem> {
        (at_least(Role::Approver, parts, operators).await).map(Self)
    }
}

impl FromRequestParts<Arc<Operators>> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        operators: &Arc<Operators>,
    ) -> Result<Self, Problem> {
        (at_least(Role::Admin, parts, operators).await).map(Self)
    }
}

impl FromRequestParts<Arc<Operators>> for LoggedIn {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        operators: &Arc<Operators>,
    ) -> Result<Self, Problem> {
        let caller = Caller::of(parts, operators).await?;
        Ok(Self {
            csrf: caller.csrf(operators)?,
            until: caller.until(operators),
            person: caller.person.clone(),
            caller,
        })
    }
}

impl<R: Rank> FromRequest<Arc<Operators>> for Posted<R> {
    type Rejection = Problem;

    async fn from_request(request: Request, operators: &Arc<Operators>) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let caller = Caller::of(&parts, operators).await?;
        let form = Form::read(Request::from_parts(parts.clone(), body)).await?;
        caller.sent(&parts, &form, operators)?;
        allowed(R::ROLE, &caller.person)?;
        Ok(Self {
            csrf: caller.csrf(operators)?,
            person: caller.person,
            form,
            rank: PhantomData,
        })
    }
}
