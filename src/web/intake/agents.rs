//! Our own API: an agent asks, and waits.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{HeaderValue, LOCATION};
use http::{HeaderMap, StatusCode, Uri};
use serde::Deserialize;

use super::verdict::AgentVerdict;
use super::{Agent, Intake};
use crate::domain::case::{Case, Mode, State as CaseState};
use crate::domain::id::CaseId;
use crate::flow::Waiting;
use crate::signature::Delivery;
use crate::web::problem::{self, Asker, Code, Problem};
use crate::web::{query, traceparent};

/// However long an agent asks to wait, it hears after this.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

pub(super) async fn ask(
    State(intake): State<Arc<Intake>>,
    request: Request,
) -> Result<Response, Problem> {
    let agent = intake.agent(request.headers())?;
    let (parts, body, taken) = intake.admit(&agent.source, request).await?;
    let traceparent = traceparent::of(&parts.headers);
    let delivery = Delivery {
        headers: parts.headers,
        body,
        path_secret: None,
    };
    let acknowledged = intake
        .receive(&agent.source, delivery, traceparent, taken, Asker::Agent)
        .await?;
    match acknowledged.case() {
        Some(case) => Ok(told(case)),
        None => Err(
            Problem::new(Code::Internal, "the request was not taken for one")
                .at(agent.source.as_str()),
        ),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Look {
    wait: Option<String>,
}

pub(super) async fn look(
    State(intake): State<Arc<Intake>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let agent = intake.agent(&headers)?;
    let look: Look = query::read(&uri)?;
    let patience = match look.wait.as_deref() {
        None => Duration::ZERO,
        Some(text) => query::duration(text)
            .ok_or_else(|| {
                Problem::new(
                    Code::Malformed,
                    "`wait` must be a duration such as `30s` or `500ms`",
                )
            })?
            .min(LONGEST_WAIT),
    };
    let unknown = || Problem::new(Code::NotFound, "there is no such request of yours");
    let id = CaseId::parse(&id).map_err(|_| unknown())?;
    let waited = tokio::select! {
        biased;
        waited = wait(&intake, agent, id, patience) => waited?,
        () = intake.stop.cancelled() => wait(&intake, agent, id, Duration::ZERO).await?,
    };
    match waited {
        Waiting::Case(case) => Ok(told(&case)),
        Waiting::Unknown => Err(unknown()),
    }
}

async fn wait(
    intake: &Intake,
    agent: &Agent,
    id: CaseId,
    patience: Duration,
) -> Result<Waiting, Problem> {
    let waited = intake
        .flow
        .wait(&agent.source, &agent.name, id, patience)
        .await;
    waited.map_err(|error| problem::of_store(error).at(agent.source.as_str()))
}

/// `200` when there is a last word, `202` and where to ask again when there is none.
fn told(case: &Case) -> Response {
    let open = matches!(case.state, CaseState::Open(_)) && case.mode == Mode::Enforce;
    let mut response = Json(AgentVerdict::of(case)).into_response();
    if open {
        *response.status_mut() = StatusCode::ACCEPTED;
        if let Ok(location) = HeaderValue::try_from(format!("/v1/requests/{}", case.asked.id)) {
            response.headers_mut().insert(LOCATION, location);
        }
    }
    response
}
