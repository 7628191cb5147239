//! An AgentWarden of our own: it signs nothing, shows its records to whoever logs in, and tells of every end.
//!
//! docs.agentwarden.io has "Webhooks" (the envelope, the events `log.pending_approval`, `approval.approved` and
//! `approval.rejected`, and what is in their `data`), and in its API reference "authentication" (`POST /auth/login`) and
//! "get-logs" (`GET /api/logs`, 20 records unless asked, 100 at most). Assumed, since no page says it: the calls that
//! answer an approval and what they are answered by, a `409` for a second answer, the newest record first, and that the
//! status of a record that waits is `pending`.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Approval, Name, Office, Taken, word};
use crate::cli::demo::traffic::Ask;
use crate::clock::Clock;
use crate::domain::effect::Ballot;
use crate::secret::Secret;

/// The one header that marks a delivery; it proves nothing.
pub(in crate::cli::demo) const USER_AGENT: &str = "AgentWarden-Webhook/1.0";

/// Who logs in.
pub(in crate::cli::demo) const EMAIL: &str = "countersign@example.com";

/// The most records of one page.
const LARGEST_PAGE: usize = 100;

#[derive(Clone)]
struct Warden {
    office: Office,
    password: Secret,
}

#[derive(Deserialize)]
struct Login {
    email: String,
    password: String,
}

#[derive(Deserialize)]
struct Listed {
    agent_id: Option<String>,
    action: Option<String>,
    status: Option<String>,
    limit: Option<usize>,
    offset: Option<usize>,
}

#[derive(Deserialize)]
struct Reason {
    #[serde(default)]
    reason: String,
}

/// Whoever logs in with `password` is given the office's credential as a token.
pub(in crate::cli::demo) fn router(office: Office, password: Secret) -> axum::Router {
    axum::Router::new()
        .route("/auth/login", post(log_in))
        .route("/api/logs", get(logs))
        .route("/api/approvals/{id}/{verb}", post(resolve))
        .with_state(Warden { office, password })
}

/// What is asked, as the platform keeps it.
pub(in crate::cli::demo) fn approval(id: String, ask: &Ask, now: Timestamp) -> Approval {
    let record = json!({
        "id": id, "agent_id": ask.agent, "organization_id": "org_demo", "action": ask.action, "status": "pending",
        "context": ask.context, "ip_address": "192.0.2.7", "created_at": zoned(now),
    });
    Approval {
        key: id.clone(),
        id,
        record,
    }
}

/// The event that somebody waits: what `approval` says, with the context that is told.
pub(in crate::cli::demo) fn pending_approval(
    approval: &Approval,
    context: &Value,
    now: Timestamp,
) -> Value {
    let record = |name: &str| approval.record.get(name);
    let data = json!({
        "id": approval.id, "agent_id": record("agent_id"), "action": record("action"), "status": "pending_approval",
        "context": context, "created_at": record("created_at"),
    });
    json!({ "event": "log.pending_approval", "timestamp": zoneless(now), "data": data })
}

/// The event that it was decided, which the customer's executor acts on.
fn resolved(approval: &Approval, ballot: Ballot, now: Timestamp) -> Value {
    let record = |name: &str| approval.record.get(name);
    let data = json!({
        "approval_id": approval.id, "agent_id": record("agent_id"), "action": record("action"), "status": word(ballot),
        "context": record("context"), "resolved_by": "user_countersign", "resolved_at": zoned(now),
    });
    json!({ "event": format!("approval.{}", word(ballot)), "timestamp": zoneless(now), "data": data })
}

async fn log_in(State(warden): State<Warden>, Json(login): Json<Login>) -> Response {
    let is_right = warden.password.matches(login.password.as_bytes());
    if login.email != EMAIL || !is_right {
        return detail(StatusCode::UNAUTHORIZED, "Invalid email or password");
    }
    let told = json!({
        "access_token": warden.office.credential.expose(), "token_type": "bearer",
        "user": { "id": "user_countersign", "email": EMAIL, "organization_id": "org_demo" },
    });
    Json(told).into_response()
}

async fn logs(
    State(Warden { office, .. }): State<Warden>,
    headers: HeaderMap,
    Query(listed): Query<Listed>,
) -> Response {
    if !office.admits(&headers) {
        return detail(StatusCode::UNAUTHORIZED, "Could not validate credentials");
    }
    let is = |record: &Value, name: &str, wanted: &Option<String>| {
        let found = record.get(name).and_then(Value::as_str);
        wanted.is_none() || found == wanted.as_deref()
    };
    let found = office.approvals.pending(|record| {
        is(record, "agent_id", &listed.agent_id)
            && is(record, "action", &listed.action)
            && is(record, "status", &listed.status)
    });
    let limit = listed.limit.unwrap_or(20).min(LARGEST_PAGE);
    let offset = listed.offset.unwrap_or_default();
    let page: Vec<Value> = found.into_iter().skip(offset).take(limit).collect();
    Json(page).into_response()
}

async fn resolve(
    State(Warden { office, .. }): State<Warden>,
    Path((id, verb)): Path<(String, String)>,
    headers: HeaderMap,
    Json(body): Json<Reason>,
) -> Response {
    if !office.admits(&headers) {
        return detail(StatusCode::UNAUTHORIZED, "Could not validate credentials");
    }
    let ballot = match verb.as_str() {
        "approve" => Ballot::Approve,
        "reject" => Ballot::Reject,
        _ => return detail(StatusCode::NOT_FOUND, "Not Found"),
    };
    match office.approvals.answer(&id, ballot, &body.reason) {
        Taken::First(approval) => {
            let event = resolved(&approval, ballot, Clock.now());
            office.echoes.send(Name::AgentWarden, &event);
            Json(json!({ "id": id, "status": word(ballot) })).into_response()
        }
        Taken::Again(..) => detail(StatusCode::CONFLICT, "Approval already resolved"),
        Taken::Unknown => detail(StatusCode::NOT_FOUND, "Approval not found"),
    }
}

/// "API reference, introduction": an error is `{"detail": …}`.
fn detail(status: StatusCode, detail: &str) -> Response {
    (status, Json(json!({ "detail": detail }))).into_response()
}

/// As the examples write `created_at` and `resolved_at`.
fn zoned(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00").to_string()
}

/// As the examples write `timestamp`.
fn zoneless(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6f").to_string()
}
