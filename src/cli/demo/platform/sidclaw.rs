//! A SidClaw of our own, as anybody describes one in the config with `kind: webhook`.
//!
//! It stands on <https://github.com/sidclawhq/platform>: `apps/docs/content/docs/enterprise/webhooks.mdx` (the headers of
//! a delivery), `api-reference/approvals.mdx` (the calls), and `apps/api/src` where the pages are silent:
//! `routes/evaluate.ts` and `routes/approvals.ts` (what is in an event), `services/approval-service.ts` (what is in a
//! record). An event names the operation and no more: what the agent gave as its context is in the record.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Approval, Name, Office, Taken, word};
use crate::cli::demo::traffic::Ask;
use crate::clock::Clock;
use crate::domain::effect::Ballot;

#[derive(Deserialize)]
struct Decide {
    approver_name: Option<String>,
    #[serde(default)]
    decision_note: String,
}

pub(in crate::cli::demo) fn router(office: Office) -> axum::Router {
    axum::Router::new()
        .route("/api/v1/approvals/{id}", get(show))
        .route("/api/v1/approvals/{id}/{verb}", post(decide))
        .with_state(office)
}

/// What is asked, as the platform keeps it.
pub(in crate::cli::demo) fn approval(id: String, ask: &Ask, now: Timestamp) -> Approval {
    let expires_at = now + SignedDuration::from_hours(1);
    let record = json!({
        "id": id, "agent_id": format!("ag_{}", ask.agent), "requested_operation": ask.action,
        "context_snapshot": ask.context, "flag_reason": ask.title, "status": "pending",
        "requested_at": now, "expires_at": expires_at, "decided_at": null, "approver_name": null, "decision_note": null,
        "agent": { "id": format!("ag_{}", ask.agent), "name": ask.agent },
    });
    Approval {
        key: id.clone(),
        id,
        record,
    }
}

/// The event that somebody waits.
pub(in crate::cli::demo) fn requested(approval: &Approval, now: Timestamp) -> Value {
    let reason = json!({ "flag_reason": approval.record.get("flag_reason") });
    event("approval.requested", approval, reason, now)
}

/// `what` is told beside the names of the approval. The event's own id is of no use to us: its header says it too.
fn event(word: &str, approval: &Approval, what: Value, now: Timestamp) -> Value {
    let mut request = Map::from_iter([
        ("id".to_owned(), json!(approval.id)),
        (
            "agent_name".to_owned(),
            json!(approval.record.pointer("/agent/name")),
        ),
        (
            "operation".to_owned(),
            json!(approval.record.get("requested_operation")),
        ),
    ]);
    if let Value::Object(what) = what {
        request.extend(what);
    }
    json!({
        "id": format!("evt_{}", approval.id), "event": word, "timestamp": now, "tenant_id": "tenant_demo",
        "data": { "approval_request": request },
    })
}

async fn show(
    State(office): State<Office>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    if !office.admits(&headers) {
        return error(StatusCode::UNAUTHORIZED, "unauthorized");
    }
    match office.approvals.find(&id) {
        Some((approval, answer)) => Json(stands(&approval, answer)).into_response(),
        None => error(StatusCode::NOT_FOUND, "not_found"),
    }
}

async fn decide(
    State(office): State<Office>,
    Path((id, verb)): Path<(String, String)>,
    headers: HeaderMap,
    Json(body): Json<Decide>,
) -> Response {
    if !office.admits(&headers) {
        return error(StatusCode::UNAUTHORIZED, "unauthorized");
    }
    let ballot = match verb.as_str() {
        "approve" => Ballot::Approve,
        "deny" => Ballot::Reject,
        _ => return error(StatusCode::NOT_FOUND, "not_found"),
    };
    let Some(name) = body.approver_name.filter(|name| !name.is_empty()) else {
        return error(StatusCode::BAD_REQUEST, "validation_error");
    };
    match office.approvals.answer(&id, ballot, &body.decision_note) {
        Taken::First(approval) => {
            let word = format!("approval.{}", status(Some(ballot)));
            let by = json!({ "approver_name": name, "decision_note": body.decision_note });
            let told = event(&word, &approval, by, Clock.now());
            office.echoes.send(Name::SidClaw, &told);
            Json(stands(&approval, Some(ballot))).into_response()
        }
        Taken::Again(..) => error(StatusCode::CONFLICT, "conflict"),
        Taken::Unknown => error(StatusCode::NOT_FOUND, "not_found"),
    }
}

/// The record as it is now.
fn stands(approval: &Approval, answer: Option<Ballot>) -> Value {
    let mut record = approval.record.clone();
    if let Value::Object(members) = &mut record {
        members.insert("status".to_owned(), json!(status(answer)));
    }
    record
}

fn status(answer: Option<Ballot>) -> &'static str {
    match answer {
        None => "pending",
        Some(Ballot::Approve) => word(Ballot::Approve),
        Some(Ballot::Reject) => "denied",
    }
}

fn error(status: StatusCode, code: &str) -> Response {
    let told = json!({ "error": code, "status": status.as_u16() });
    (status, Json(told)).into_response()
}
