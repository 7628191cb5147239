//! The stop button.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::access::{Admin, Viewer};
use super::{BODY, Operators, fresh};
use crate::json;
use crate::web::body;
use crate::web::problem::{self, Code, Problem};

/// The most characters of a reason, where a form gives it.
pub(super) const LONGEST_REASON: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Freeze {
    reason: String,
}

pub(super) async fn show(
    _: Viewer,
    State(operators): State<Arc<Operators>>,
) -> Result<Response, Problem> {
    let freeze = operators
        .flow
        .store()
        .frozen()
        .await
        .map_err(problem::of_store)?;
    Ok(fresh(&json!({ "freeze": freeze })))
}

pub(super) async fn freeze(
    Admin(operator): Admin,
    State(operators): State<Arc<Operators>>,
    request: Request,
) -> Result<Response, Problem> {
    let (_, bytes) = body::read(request, BODY).await?;
    let value = json::parse(&bytes)
        .map_err(|refused| Problem::new(Code::Malformed, refused.to_string()))?;
    let Freeze { reason } = serde_json::from_value(value)
        .map_err(|error| Problem::new(Code::Malformed, error.to_string()))?;
    if reason.trim().is_empty() {
        return Err(Problem::new(
            Code::ReasonRequired,
            "say why in `reason`; whoever finds approvals frozen will ask",
        ));
    }
    let freeze = operators
        .flow
        .freeze(operator.name, reason)
        .await
        .map_err(problem::of_store)?;
    Ok(fresh(&json!({ "freeze": freeze })))
}

pub(super) async fn unfreeze(
    Admin(operator): Admin,
    State(operators): State<Arc<Operators>>,
) -> Result<Response, Problem> {
    let lifted = operators
        .flow
        .unfreeze(&operator.name)
        .await
        .map_err(problem::of_store)?;
    Ok(fresh(&json!({ "freeze": null, "lifted": lifted })))
}
