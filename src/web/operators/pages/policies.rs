//! The policies: which set serves, what is wrong with the one on disk, and which rules do anything.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{Redirect, Response};
use http::StatusCode;

use super::frame::{Dry, Frame, Section, Visitor};
use super::page;
use super::text::lines;
use super::when::When;
use crate::diagnostic::Paint;
use crate::domain::rationale::visible;
use crate::policy::set::RuleInfo;
use crate::policy::watch::Status;
use crate::store::FireCounts;
use crate::web::operators::Operators;
use crate::web::operators::access::{AsAdmin, Posted};
use crate::web::problem::{self, Problem};

/// Rules are counted in so many of the newest cases: more would be read for a page that is not looked at often.
const COUNTED: usize = 1000;

#[derive(Template)]
#[template(path = "policies.html")]
struct Page {
    frame: Frame,
    live: String,
    disk: Option<String>,
    live_since: When,
    last_reload: When,
    error: Option<String>,
    warnings: Vec<String>,
    rules: Vec<Rule>,
    period: Period,
}

/// A rule of the set that serves.
#[derive(Debug, PartialEq, Eq)]
struct Rule {
    title: String,
    set: &'static str,
    place: String,
    owner: Option<String>,
    fired: u64,
}

/// What the counts are over.
struct Period {
    cases: u64,
    since: Option<When>,
}

pub(super) async fn show(
    visitor: Visitor,
    State(operators): State<Arc<Operators>>,
) -> Result<Response, Problem> {
    let fired = operators.flow.store().fired(COUNTED).await;
    let fired = fired.map_err(problem::of_store)?;
    let frame = Frame::of(&operators, visitor, Section::Policies).await?;
    let policies = operators.flow.policies();
    let (status, set) = (policies.status(), policies.current());
    let page_of = Page::of(frame, &status, set.rules(), &fired);
    page(StatusCode::OK, &page_of)
}

/// Reads the policies again. What is wrong with them is on the page.
pub(super) async fn reload(
    State(operators): State<Arc<Operators>>,
    posted: Posted<AsAdmin>,
) -> Result<Redirect, Problem> {
    posted.form.only(&[])?;
    let now = operators.flow.clock().now();
    operators.flow.policies().reload(now).await;
    Ok(Redirect::to("/policies"))
}

impl Page {
    fn of(frame: Frame, status: &Status, rules: &[RuleInfo], fired: &FireCounts) -> Self {
        Self {
            live: status.live.to_string(),
            disk: status.disk.as_ref().map(ToString::to_string),
            live_since: frame.when(status.live_since),
            last_reload: frame.when(status.last_reload),
            error: (status.refused.as_ref()).map(|refusal| lines(&refusal.render(Paint::Plain))),
            warnings: (status.warnings.iter())
                .map(|warning| lines(&warning.render(Paint::Plain)))
                .collect(),
            rules: rules.iter().map(|rule| Rule::of(rule, fired)).collect(),
            period: Period {
                cases: fired.cases,
                since: fired.since.map(|since| frame.when(since)),
            },
            frame,
        }
    }
}

impl Rule {
    fn of(rule: &RuleInfo, fired: &FireCounts) -> Self {
        Self {
            title: visible(&rule.title),
            set: rule.set.as_str(),
            place: format!("{}:{}", visible(&rule.file), rule.line),
            owner: rule.owner.as_deref().map(visible),
            fired: fired.rules.get(&rule.id).copied().unwrap_or_default(),
        }
    }
}
