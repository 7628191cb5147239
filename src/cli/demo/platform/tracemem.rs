//! A TraceMem of our own: it signs what it asks, and takes the answers.
//!
//! The respond call is the one its documentation shows: `POST /v1/webhooks/approvals/respond` with a bearer credential
//! and `{token, resolution, rationale}`, answered by `{approval_id, decision_id, status}`. That a second answer is a
//! `409` is an assumption.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Approval, Office, Taken, word};
use crate::cli::demo::traffic::Ask;
use crate::domain::effect::Ballot;

#[derive(Deserialize)]
struct Respond {
    token: String,
    resolution: String,
    #[serde(default)]
    rationale: String,
}

pub(in crate::cli::demo) fn router(office: Office) -> axum::Router {
    axum::Router::new()
        .route("/v1/webhooks/approvals/respond", post(respond))
        .with_state(office)
}

/// Approval `number`, which is answered with `token`.
pub(in crate::cli::demo) fn approval(number: u64, token: String) -> Approval {
    Approval {
        key: token,
        id: format!("appr_{number:06}"),
        record: json!({ "decision_id": format!("TMEM_{number:06}") }),
    }
}

/// The event that asks for it. Where action, agent and context stand is an assumption.
pub(in crate::cli::demo) fn requested(
    approval: &Approval,
    ask: &Ask,
    expires_at: Timestamp,
) -> Value {
    json!({
        "event": "approval.requested", "approval_id": approval.id, "decision_id": decision_id(approval),
        "title": ask.title, "message": format!("{} asks for {}", ask.agent, ask.action),
        "expires_at": expires_at, "require_rationale": true, "token": approval.key,
        "intent": ask.action, "agent_id": ask.agent, "context": ask.context,
    })
}

async fn respond(
    State(office): State<Office>,
    headers: HeaderMap,
    Json(body): Json<Respond>,
) -> Response {
    let say = |status: StatusCode, body: Value| (status, Json(body)).into_response();
    if !office.admits(&headers) {
        return say(
            StatusCode::UNAUTHORIZED,
            json!({ "error": "bad credential" }),
        );
    }
    let ballot = match body.resolution.as_str() {
        "approved" => Ballot::Approve,
        "rejected" => Ballot::Reject,
        _ => {
            let error = json!({ "error": "unknown resolution" });
            return say(StatusCode::BAD_REQUEST, error);
        }
    };
    let taken = office
        .approvals
        .answer(&body.token, ballot, &body.rationale);
    let (status, approval, stands) = match taken {
        Taken::First(approval) => (StatusCode::OK, approval, ballot),
        Taken::Again(approval, first) => (StatusCode::CONFLICT, approval, first),
        Taken::Unknown => return say(StatusCode::NOT_FOUND, json!({ "error": "unknown token" })),
    };
    let told = json!({
        "approval_id": approval.id, "decision_id": decision_id(&approval), "status": word(stands),
    });
    say(status, told)
}

fn decision_id(approval: &Approval) -> Option<&Value> {
    approval.record.get("decision_id")
}
