//! Who may do what. A handler that names [`Viewer`], [`Approver`] or [`Admin`] among its arguments cannot be reached by
//! anybody less; there is no check to forget.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::Operators;
use crate::web::problem::{Code, Problem};

/// A person or a tool of theirs, as their token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// The name that votes go under.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// What an operator may do; each role may do all that the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// May look.
    Viewer,
    /// May vote.
    Approver,
    /// May freeze, reload and retry.
    Admin,
}

/// Somebody who may look.
pub(super) struct Viewer;

/// Somebody who may vote.
pub(super) struct Approver(pub(super) Operator);

/// Somebody who may freeze, reload and retry.
pub(super) struct Admin(pub(super) Operator);

impl Role {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }
}

fn at_least(role: Role, parts: &Parts, operators: &Operators) -> Result<Operator, Problem> {
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
