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
use http::StatusCode;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};

use self::ballot::{Filled, Offer};
use self::tree::Tree;
use self::view::{Known, View};
use super::frame::{Dry, Frame, Section, Visitor};
use super::page;
use super::when::When;
use crate::flow::{Unexplained, difference};
use crate::policy::testing::from_request::{TestFile, Untestable};
use crate::store::CaseFile;
use crate::web::operators::access::Viewer;
use crate::web::operators::{Operators, cases};
use crate::web::problem::{self, Code, Problem};

pub(super) use vote::vote;

#[derive(Template)]
#[template(path = "case.html")]
struct Page {
    frame: Frame,
    view: View,
    notice: Option<Notice>,
}

/// Why the page is not the one that was asked for.
struct Notice {
    title: &'static str,
    text: String,
    /// What happened since the person was shown the case.
    since: Vec<String>,
}

pub(super) async fn show(
    visitor: Visitor,
    State(operators): State<Arc<Operators>>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let file = cases::file(&operators, &id).await?;
    written(
        &operators,
        visitor,
        &file,
        StatusCode::OK,
        None,
        Filled::default(),
    )
    .await
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
    let seen = file.timeline.last().map_or(0, |line| line.sequence);
    let offer = Offer::of(flow, case, &visitor.person, seen, filled);
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
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

#[cfg(test)]
mod tests;
