//! One case on one page, in the order in which a person decides: where it stands, what is asked, why people are asked, what policy looked
//! at, what nearly was, how it was decided before, the vote, and what happened.

mod ballot;
mod banner;
mod before;
mod tree;
mod view;
mod vote;

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use http::{StatusCode, Uri};
use serde::Deserialize;

use self::ballot::{Filled, Offer};
use self::tree::Tree;
use self::view::{Known, View};
use self::vote::since;
use super::frame::{Dry, Frame, Section, Visitor};
use super::page;
use super::when::When;
use crate::flow::{Unexplained, difference};
use crate::policy::testing::from_request::{TestFile, Untestable};
use crate::store::CaseFile;
use crate::web::operators::access::Viewer;
use crate::web::operators::{Operators, cases};
use crate::web::problem::{self, Code, Problem};
use crate::web::query;

pub(super) use vote::vote;

#[derive(Template)]
#[template(path = "case.html")]
struct Page {
    frame: Frame,
    view: View,
    notice: Option<Notice>,
    /// What happened since an open page was loaded.
    news: Vec<String>,
    /// The newest log entry when the page was loaded.
    seen: u64,
    /// The newest one there is.
    newest: u64,
}

/// Why the page is not the one that was asked for.
struct Notice {
    title: &'static str,
    text: String,
    /// What happened since the person was shown the case.
    since: Vec<String>,
}

/// What an open page has of the case already.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    /// The newest log entry when it was loaded.
    #[serde(default, deserialize_with = "query::given")]
    seen: Option<u64>,
    /// The newest one that it shows now.
    #[serde(default, deserialize_with = "query::given")]
    shown: Option<u64>,
}

pub(super) async fn show(
    visitor: Visitor,
    State(operators): State<Arc<Operators>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    let open: Seen = query::read(&uri)?;
    let file = cases::file(&operators, &id).await?;
    let newest = file.timeline.last().map_or(0, |line| line.sequence);
    if open.shown.is_some_and(|shown| newest <= shown) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let filled = Filled {
        seen: open.seen,
        ..Filled::default()
    };
    written(&operators, visitor, &file, StatusCode::OK, None, filled).await
}

/// The page of a case as it is now.
async fn written(
    operators: &Operators,
    visitor: Visitor,
    file: &CaseFile,
    status: StatusCode,
    notice: Option<Notice>,
    filled: Filled,
) -> Result<Response, Problem> {
    let (flow, store) = (&operators.flow, operators.flow.store());
    let case = &file.case;
    let (effects, similar, tree) = tokio::join!(
        store.effects_of(case.asked.id),
        store.similar(case, before::LOOKED_AT),
        tree(operators, file),
    );
    let newest = file.timeline.last().map_or(0, |line| line.sequence);
    let seen = filled.seen.unwrap_or(newest);
    let news = since(file, seen);
    let offer = Offer::of(flow, case, &visitor.person, newest, filled);
    let frame = Frame::of(operators, visitor, Section::Queue).await?;
    let known = Known {
        effects: &effects.map_err(problem::of_store)?,
        similar: &similar.map_err(problem::of_store)?,
        people: flow.people_of(&case.asked.source),
        tree: tree?,
        offer,
        now: frame.now,
    };
    let view = View::of(file, known);
    page(
        status,
        &Page {
            frame,
            view,
            notice,
            news,
            seen,
            newest,
        },
    )
}

/// What every rule came to, evaluated again; where that cannot be, what was written down.
async fn tree(operators: &Operators, file: &CaseFile) -> Result<Tree, Problem> {
    let verdict = &file.case.verdict;
    match operators.explainer.account(file).await {
        Ok(account) => Ok(Tree::of(&account, difference(verdict, &account))),
        Err(Unexplained::Store(error)) => Err(problem::of_store(error)),
        Err(unexplained) => Ok(Tree::of_kept(
            verdict,
            format!("{unexplained}; this is what was written down when it was decided"),
        )),
    }
}

/// The case as a test of the policies, to be kept beside them.
pub(super) async fn test(
    _: Viewer,
    State(operators): State<Arc<Operators>>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let file = cases::file(&operators, &id).await?;
    let made = operators.explainer.test_of(&file).await;
    let TestFile { name, text } = made.map_err(|untestable| {
        let code = match untestable {
            Untestable::Erased => Code::NotFound,
            Untestable::NoRule | Untestable::Refused(_) => Code::Conflict,
        };
        Problem::new(code, untestable.to_string())
    })?;
    Ok(attached(text, &name, "text/plain; charset=utf-8"))
}

/// All that policy saw of the request, as it was decided on, to the byte: a page shows its beginning.
pub(super) async fn request(
    _: Viewer,
    State(operators): State<Arc<Operators>>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let file = cases::file(&operators, &id).await?;
    let erased = || Problem::new(Code::NotFound, "the request was erased");
    let input = file.input.ok_or_else(erased)?;
    let name = format!("{}.json", file.case.asked.id);
    Ok(attached(input.to_string(), &name, "application/json"))
}

/// A file to keep. A browser does not show it, so nothing in it is ever a page of ours.
fn attached(text: String, name: &str, kind: &'static str) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    response
}

#[cfg(test)]
mod tests;
