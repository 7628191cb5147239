//! A TraceMem of our own, over real HTTP: it takes the answers and reports how each approval was resolved.
//!
//! The respond call is the one its documentation shows: `POST /v1/webhooks/approvals/respond` with a bearer credential
//! and `{token, resolution, rationale}`, answered by `{approval_id, decision_id, status}`. That a second answer is a
//! `409` is an assumption.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::Deserialize;
use serde_json::json;

use crate::secret::Secret;

/// What the platform knows of its approvals.
#[derive(Clone)]
pub(super) struct Platform(Arc<Inner>);

struct Inner {
    credential: Secret,
    approvals: Mutex<HashMap<String, Approval>>,
}

/// One approval, by the token that answers it.
#[derive(Debug, Clone)]
pub(super) struct Approval {
    pub(super) id: String,
    pub(super) decision: String,
    /// The resolution and the rationale it came with.
    pub(super) answer: Option<(String, String)>,
    /// Answers that came after the first and said something else.
    pub(super) contradictions: u32,
}

#[derive(Deserialize)]
struct Respond {
    token: String,
    resolution: String,
    #[serde(default)]
    rationale: String,
}

impl Platform {
    pub(super) fn new(credential: Secret) -> Self {
        Self(Arc::new(Inner {
            credential,
            approvals: Mutex::new(HashMap::new()),
        }))
    }

    /// Opens an approval that is answered with `token`.
    pub(super) fn open(&self, token: String, id: String, decision: String) {
        let approval = Approval {
            id,
            decision,
            answer: None,
            contradictions: 0,
        };
        self.approvals().insert(token, approval);
    }

    /// Every approval that was answered.
    pub(super) fn answered(&self) -> Vec<Approval> {
        self.approvals()
            .values()
            .filter(|approval| approval.answer.is_some())
            .cloned()
            .collect()
    }

    pub(super) fn router(&self) -> axum::Router {
        axum::Router::new()
            .route("/v1/webhooks/approvals/respond", post(respond))
            .with_state(self.clone())
    }

    fn approvals(&self) -> std::sync::MutexGuard<'_, HashMap<String, Approval>> {
        self.0
            .approvals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

async fn respond(
    State(platform): State<Platform>,
    headers: HeaderMap,
    Json(body): Json<Respond>,
) -> Response {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let presented = bearer.and_then(|value| value.strip_prefix("Bearer "));
    if !presented.is_some_and(|presented| platform.0.credential.matches(presented.as_bytes())) {
        return (
            StatusCode::UNAUTHORIZED,
            Json(json!({ "error": "bad credential" })),
        )
            .into_response();
    }
    let mut approvals = platform.approvals();
    let Some(approval) = approvals.get_mut(&body.token) else {
        return (
            StatusCode::NOT_FOUND,
            Json(json!({ "error": "unknown token" })),
        )
            .into_response();
    };
    let status = match &approval.answer {
        None => {
            approval.answer = Some((body.resolution.clone(), body.rationale));
            StatusCode::OK
        }
        Some((first, _)) => {
            if *first != body.resolution {
                approval.contradictions += 1;
            }
            StatusCode::CONFLICT
        }
    };
    let resolution = approval
        .answer
        .as_ref()
        .map(|(resolution, _)| resolution.clone());
    let body = json!({
        "approval_id": approval.id, "decision_id": approval.decision, "status": resolution,
    });
    (status, Json(body)).into_response()
}
