//! Cases, for people to look at.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::Uri;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::access::Viewer;
use super::{Operators, fresh};
use crate::domain::id::{CaseId, SourceName};
use crate::domain::record::Record;
use crate::domain::verdict::Outcome;
use crate::store::{CaseFile, CaseQuery, LogLine};
use crate::web::problem::{self, Code, Problem};
use crate::web::query;

const PAGE: usize = 50;
const LARGEST_PAGE: usize = 500;
const STATES: [&str; 4] = ["received", "open", "answering", "resolved"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    #[serde(default, deserialize_with = "query::given")]
    state: Option<String>,
    #[serde(default, deserialize_with = "query::given")]
    source: Option<String>,
    #[serde(default, deserialize_with = "query::given")]
    outcome: Option<String>,
    #[serde(default, deserialize_with = "query::given")]
    q: Option<String>,
    #[serde(default, deserialize_with = "query::given")]
    limit: Option<usize>,
    #[serde(default, deserialize_with = "query::given")]
    cursor: Option<String>,
}

#[derive(Serialize)]
struct Page<'a> {
    cases: Vec<Record<'a>>,
    next: Option<&'a str>,
}

#[derive(Serialize)]
struct File<'a> {
    verdict: Record<'a>,
    request: Option<&'a RawValue>,
    digest: String,
    timeline: &'a [LogLine],
}

pub(super) async fn list(
    _: Viewer,
    State(operators): State<Arc<Operators>>,
    uri: Uri,
) -> Result<Response, Problem> {
    let filter = filter(query::read(&uri)?)?;
    let page = operators
        .flow
        .store()
        .cases(filter)
        .await
        .map_err(problem::of_store)?;
    Ok(fresh(&Page {
        cases: page.cases.iter().map(Record::of).collect(),
        next: page.next.as_deref(),
    }))
}

pub(super) async fn show(
    _: Viewer,
    State(operators): State<Arc<Operators>>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let file = file(&operators, &id).await?;
    // The input as it was decided on, to the byte.
    let request = file
        .input
        .as_deref()
        .and_then(|input| serde_json::from_str::<&RawValue>(input).ok());
    Ok(fresh(&File {
        verdict: Record::of(&file.case),
        request,
        digest: file.case.shown().to_string(),
        timeline: &file.timeline,
    }))
}

/// A case as it is kept.
pub(super) async fn file(operators: &Operators, id: &str) -> Result<CaseFile, Problem> {
    let id = parse(id)?;
    let file = operators.flow.store().case(id).await;
    file.map_err(problem::of_store)?
        .ok_or_else(|| unknown(&id.to_string()))
}

/// The case that a path names.
pub(super) fn parse(id: &str) -> Result<CaseId, Problem> {
    CaseId::parse(id).map_err(|_| unknown(id))
}

pub(super) fn unknown(id: &str) -> Problem {
    let shown: String = id.chars().take(80).collect();
    Problem::new(Code::NotFound, format!("there is no case `{shown}`"))
}

fn filter(filter: Filter) -> Result<CaseQuery, Problem> {
    let wrong = |detail: String| Problem::new(Code::Malformed, detail);
    if let Some(state) = &filter.state
        && !STATES.contains(&state.as_str())
    {
        return Err(wrong(format!(
            "`state` must be one of {}",
            STATES.join(", ")
        )));
    }
    let outcome = match &filter.outcome {
        None => None,
        Some(word) => Some(Outcome::parse(word).ok_or_else(|| {
            wrong("`outcome` must be one of approve, reject, escalate".to_owned())
        })?),
    };
    let source = match &filter.source {
        None => None,
        Some(name) => Some(SourceName::parse(name).map_err(|error| wrong(error.to_string()))?),
    };
    let limit = filter.limit.unwrap_or(PAGE);
    if !(1..=LARGEST_PAGE).contains(&limit) {
        return Err(wrong(format!("`limit` must be from 1 to {LARGEST_PAGE}")));
    }
    Ok(CaseQuery {
        state: filter.state,
        source,
        outcome,
        text: filter.q,
        limit,
        cursor: filter.cursor,
        ..CaseQuery::default()
    })
}
