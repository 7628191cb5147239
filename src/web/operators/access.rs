//! Who may do what. A handler that names [`Viewer`], [`Approver`] or [`Admin`] among its arguments cannot be reached by
//! anybody less; there is no check to forget.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::Operators;
use crate::domain::person::{Person, Role};
use crate::web::problem::{Code, Problem};

/// Somebody who may look.
pub(super) struct Viewer;

/// Somebody who may vote.
pub(super) struct Approver(pub(super) Person);

/// Somebody who may freeze, reload and retry.
pub(super) struct Admin(pub(super) Person);

fn at_least(role: Role, parts: &Parts, operators: &Operators) -> Result<Person, Problem> {
    let operator = operators.tokens.holder(&parts.headers)?;
    if operator.role < role {
        let detail = format!(
            "`{}` is {}; this takes the role {}",
            operator.name,
            operator.role.as_str(),
            role.as_str()
        );
        return Err(Problem::new(Code::Forbidden, detail));
    }
    Ok(operator.clone())
}

impl FromRequestParts<Arc<Operators>> for Viewer {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        operators: &Arc<Operators>,
    ) -> Result<Self, Problem> {
        at_least(Role::Viewer, parts, operators).map(|_| Self)
    }
}

impl FromRequestParts<Arc<Operators>> for Approver {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        operators: &Arc<Operators>,
    ) -> Result<Self, Problem> {
        at_least(Role::Approver, parts, operators).map(Self)
    }
}

impl FromRequestParts<Arc<Operators>> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        operators: &Arc<Operators>,
    ) -> Result<Self, Problem> {
        at_least(Role::Admin, parts, operators).map(Self)
    }
}
