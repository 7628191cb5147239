//! The policy set that serves and the one on disk.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::access::{Admin, Viewer};
use super::{Operators, fresh};
use crate::diagnostic::Paint;
use crate::policy::watch::{Reloaded, Status};
use crate::web::problem::{Code, Problem};

/// What is told of the policies. The names are a promise.
#[derive(Serialize)]
struct Policies {
    live: String,
    disk: Option<String>,
    live_since: Timestamp,
    last_reload: Timestamp,
    error: Option<String>,
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'static str>,
}

pub(super) async fn show(_: Viewer, State(operators): State<Arc<Operators>>) -> Response {
    fresh(&Policies::of(&operators.flow.policies().status(), None))
}

pub(super) async fn reload(
    Admin(_): Admin,
    State(operators): State<Arc<Operators>>,
) -> Result<Response, Problem> {
    let policies = operators.flow.policies();
    let result = match policies.reload(operators.flow.clock().now()).await {
        Reloaded::Unchanged => "unchanged",
        Reloaded::Swapped(_) => "swapped",
        Reloaded::Refused(refusal) => {
            let live = policies.status().live;
            let detail = format!(
                "the policies on disk are refused; revision {} still serves",
                live.short()
            );
            return Err(Problem::new(Code::PoliciesRefused, detail)
                .with("error", refusal.render(Paint::Plain).into())
                .with("live", Value::from(live.as_str())));
        }
    };
    Ok(fresh(&Policies::of(&policies.status(), Some(result))))
}

impl Policies {
    fn of(status: &Status, result: Option<&'static str>) -> Self {
        Self {
            live: status.live.to_string(),
            disk: status.disk.as_ref().map(ToString::to_string),
            live_since: status.live_since,
            last_reload: status.last_reload,
            error: status
                .refused
                .as_ref()
                .map(|refusal| refusal.render(Paint::Plain)),
            warnings: status
                .warnings
                .iter()
                .map(|warning| warning.render(Paint::Plain))
                .collect(),
            result,
        }
    }
}
