//! The decision log, for whoever follows it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::Uri;
use serde::Deserialize;
use serde_json::json;

use super::access::Viewer;
use super::{Operators, fresh};
use crate::web::problem::{self, Problem};
use crate::web::query;

const PAGE: usize = 100;
const LARGEST_PAGE: usize = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    #[serde(default, deserialize_with = "query::given")]
    after: Option<u64>,
    #[serde(default, deserialize_with = "query::given")]
    limit: Option<usize>,
}

/// Entries after `after`, or the newest where it is not given; `next` is what to ask for after.
pub(super) async fn list(
    _: Viewer,
    State(operators): State<Arc<Operators>>,
    uri: Uri,
) -> Result<Response, Problem> {
    let which: Which = query::read(&uri)?;
    let limit = which.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE);
    let store = operators.flow.store();
    let entries = match which.after {
        Some(sequence) => store.log_after(sequence, limit).await,
        None => store.log_tail(limit).await,
    };
    let entries = entries.map_err(problem::of_store)?;
    let next = entries
        .last()
        .map(|entry| entry.sequence)
        .or(which.after)
        .unwrap_or(0);
    Ok(fresh(&json!({ "entries": entries, "next": next })))
}
