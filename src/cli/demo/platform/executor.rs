//! The executor of AgentWarden's customer: AgentWarden itself carries out nothing that it has approved.
//!
//! It is the receiver that docs.agentwarden.io shows under "Webhooks": on `approval.approved` it executes the `action` of
//! `data`, once for each `approval_id`. Behind countersign it is told by `forward_to`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use serde::Deserialize;
use serde_json::Value;

use super::agentwarden::USER_AGENT;

/// What was carried out.
#[derive(Clone, Default)]
pub(in crate::cli::demo) struct Executor(Arc<Mutex<BTreeMap<String, Action>>>);

/// One action, as it was carried out.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(in crate::cli::demo) struct Action {
    action: String,
    context: Value,
}

#[derive(Deserialize)]
struct Event {
    event: String,
    data: Value,
}

#[derive(Deserialize)]
struct Approved {
    approval_id: String,
    #[serde(flatten)]
    action: Action,
}

impl Executor {
    pub(in crate::cli::demo) fn router(&self) -> axum::Router {
        axum::Router::new()
            .route("/webhook/agentwarden", post(take))
            .with_state(self.clone())
    }

    /// The approvals whose actions were carried out.
    pub(in crate::cli::demo) fn carried_out(&self) -> BTreeMap<String, Action> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Action>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn take(
    State(executor): State<Executor>,
    headers: HeaderMap,
    Json(event): Json<Event>,
) -> StatusCode {
    let user_agent = headers.get(header::USER_AGENT);
    if user_agent.is_none_or(|agent| agent != USER_AGENT) {
        return StatusCode::FORBIDDEN;
    }
    if event.event != "approval.approved" {
        return StatusCode::OK;
    }
    match serde_json::from_value::<Approved>(event.data) {
        Ok(approved) => {
            let mut carried_out = executor.lock();
            carried_out
                .entry(approved.approval_id)
                .or_insert(approved.action);
            StatusCode::OK
        }
        Err(_) => StatusCode::BAD_REQUEST,
    }
}
