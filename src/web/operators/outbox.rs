//! What is still to be done outside, and what was given up.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::Uri;
use serde::Deserialize;
use serde_json::json;

use super::access::{Admin, Viewer};
use super::{Operators, fresh};
use crate::domain::effect::EffectId;
use crate::store::Retried;
use crate::web::problem::{self, Code, Problem};
use crate::web::query;

const PAGE: usize = 100;
const LARGEST_PAGE: usize = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    #[serde(default, deserialize_with = "query::given")]
    limit: Option<usize>,
}

pub(super) async fn list(
    _: Viewer,
    State(operators): State<Arc<Operators>>,
    uri: Uri,
) -> Result<Response, Problem> {
    let which: Which = query::read(&uri)?;
    let limit = which.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let effects = operators
        .flow
        .store()
        .outbox(limit)
        .await
        .map_err(problem::of_store)?;
    Ok(fresh(&json!({ "effects": effects })))
}

pub(super) async fn retry(
    Admin(operator): Admin,
    State(operators): State<Arc<Operators>>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let unknown = || Problem::new(Code::NotFound, "there is no such effect in the outbox");
    let id = EffectId(id.parse().map_err(|_| unknown())?);
    match operators
        .flow
        .retry(id, &operator.name)
        .await
        .map_err(problem::of_store)?
    {
        Retried::Due => Ok(fresh(&json!({ "status": "due", "id": id }))),
        Retried::NotDead => Err(Problem::new(
            Code::Conflict,
            "only what was given up can be retried",
        )),
        Retried::Unknown => Err(unknown()),
    }
}
