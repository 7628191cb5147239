//! The decision log, the newest entry first.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use serde::Deserialize;

use super::frame::{Dry, Frame, Section, Visitor};
use super::page;
use super::said;
use super::when::When;
use crate::domain::id::CaseId;
use crate::domain::log_entry::EntryKind;
use crate::store::LogQuery;
use crate::web::operators::Operators;
use crate::web::problem::{self, Code, Problem};
use crate::web::query;

/// Entries of one page.
const PAGE: usize = 50;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    #[serde(default, deserialize_with = "query::given")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "query::given")]
    case: Option<String>,
    #[serde(default, deserialize_with = "query::given")]
    before: Option<u64>,
}

#[derive(Template)]
#[template(path = "log.html")]
struct Page {
    frame: Frame,
    kinds: Vec<Kind>,
    case: String,
    entries: Vec<Entry>,
    /// The address of the page after this.
    older: Option<String>,
    is_first: bool,
}

/// A kind of entry that one can ask for.
struct Kind {
    name: &'static str,
    title: String,
    is_chosen: bool,
}

struct Entry {
    sequence: u64,
    at: When,
    kind: String,
    case: Option<String>,
    said: String,
}

pub(super) async fn show(
    visitor: Visitor,
    State(operators): State<Arc<Operators>>,
    uri: Uri,
) -> Result<Response, Problem> {
    let which: Which = query::read(&uri)?;
    let wrong = |detail: String| Problem::new(Code::Malformed, detail);
    let kind = match which.kind.as_deref() {
        None => None,
        Some(word) => Some(EntryKind::parse(word).ok_or_else(|| {
            wrong("`kind` is none that the log has; choose one of the list".to_owned())
        })?),
    };
    let case = match which.case.as_deref() {
        None => None,
        Some(id) => Some(CaseId::parse(id.trim()).map_err(|error| wrong(error.to_string()))?),
    };
    let query = LogQuery {
        before: which.before,
        kind,
        case,
        limit: PAGE,
    };
    let found = operators.flow.store().log_page(query).await;
    let found = found.map_err(problem::of_store)?;
    let frame = Frame::of(&operators, visitor, Section::Log).await?;
    let entries = found.lines.iter().map(|line| Entry {
        sequence: line.sequence,
        at: frame.when(line.at),
        kind: said::title(line.kind),
        case: line.case_id.map(|id| id.to_string()),
        said: said::said(line),
    });
    let case = case.map(|id| id.to_string()).unwrap_or_default();
    let log = Page {
        entries: entries.collect(),
        kinds: kinds(kind),
        older: found.next.map(|next| {
            let kind = kind.map_or("", EntryKind::as_str);
            format!("/log?kind={kind}&case={case}&before={next}")
        }),
        is_first: which.before.is_none(),
        case,
        frame,
    };
    page(StatusCode::OK, &log)
}

fn kinds(chosen: Option<EntryKind>) -> Vec<Kind> {
    let kind = |kind: EntryKind| Kind {
        name: kind.as_str(),
        title: said::title(kind),
        is_chosen: chosen == Some(kind),
    };
    EntryKind::ALL.into_iter().map(kind).collect()
}
