//! Votes. One counts if its token names a person who may vote, and it is on what stands now.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::Approver;
use super::{BODY, Operators, cases, fresh};
use crate::domain::case::{Case, Refused};
use crate::domain::effect::Ballot;
use crate::domain::escalation::Via;
use crate::domain::id::ContentDigest;
use crate::domain::record::Record;
use crate::flow::VoteError;
use crate::json;
use crate::web::problem::{self, Code, Problem};
use crate::web::{LONGEST_REASON, body};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cast {
    vote: Ballot,
    reason: Option<String>,
    digest: Option<String>,
}

pub(super) async fn vote(
    Approver(operator): Approver,
    State(operators): State<Arc<Operators>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let id = cases::parse(&id)?;
    let Cast {
        vote,
        reason,
        digest,
    } = read(request).await?;
    let digest = digest.ok_or_else(|| {
        Problem::new(
            Code::Malformed,
            "`digest` is missing; send the `digest` of the case as it was shown to you",
        )
    })?;
    let shown = ContentDigest::try_from(digest).map_err(|_| {
        Problem::new(
            Code::Malformed,
            "`digest` must be the 64 hexadecimal digits that the case was shown with",
        )
    })?;
    if reason
        .as_deref()
        .is_some_and(|reason| reason.chars().count() > LONGEST_REASON)
    {
        return Err(Problem::new(
            Code::Malformed,
            format!("`reason` is longer than {LONGEST_REASON} characters"),
        ));
    }
    match operators
        .flow
        .vote(id, operator, Via::Api, vote, reason, shown)
        .await
    {
        Ok(case) => Ok(fresh(&json!({ "verdict": record(&case) }))),
        Err(VoteError::Unknown(id)) => Err(cases::unknown(&id.to_string())),
        Err(VoteError::Unstored(error)) => Err(problem::of_store(error)),
        Err(VoteError::Refused(case, refused)) => {
            let code = match refused {
                Refused::Closed(_) => Code::Closed,
                Refused::Stale | Refused::NotDecided | Refused::Nothing => Code::Stale,
                Refused::OwnRequest | Refused::NotAsked { .. } => Code::Forbidden,
                Refused::NoReason => Code::ReasonRequired,
            };
            Err(Problem::new(code, refused.to_string()).with("verdict", record(&case)))
        }
    }
}

fn record(case: &Case) -> Value {
    serde_json::to_value(Record::of(case)).unwrap_or_default()
}

async fn read(request: Request) -> Result<Cast, Problem> {
    let (_, bytes) = body::read(request, BODY).await?;
    let value = json::parse(&bytes)
        .map_err(|refused| Problem::new(Code::Malformed, refused.to_string()))?;
    if value.get("by").is_some() {
        let detail = "who votes is who holds the token; leave `by` out";
        return Err(Problem::new(Code::Malformed, detail));
    }
    serde_json::from_value(value).map_err(|error| Problem::new(Code::Malformed, error.to_string()))
}
