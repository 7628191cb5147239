//! The stop button, on every page.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Redirect;

use crate::web::operators::Operators;
use crate::web::operators::access::{AsAdmin, Posted};
use crate::web::operators::freeze::LONGEST_REASON;
use crate::web::problem::{self, Code, Problem};

/// Where the banner is seen that says it is done.
const AFTERWARDS: &str = "/cases";

/// Freezes approvals. Whoever froze them before stays the one who did.
pub(super) async fn freeze(
    State(operators): State<Arc<Operators>>,
    posted: Posted<AsAdmin>,
) -> Result<Redirect, Problem> {
    let form = posted.form.only(&["reason"])?;
    let Some(reason) = form.one("reason")? else {
        return Err(Problem::new(
            Code::ReasonRequired,
            "say why; whoever finds approvals frozen will ask",
        ));
    };
    if reason.chars().count() > LONGEST_REASON {
        let detail = format!("the reason is longer than {LONGEST_REASON} characters");
        return Err(Problem::new(Code::Malformed, detail));
    }
    let frozen = operators.flow.freeze(posted.person.name, reason.to_owned());
    frozen.await.map_err(problem::of_store)?;
    Ok(Redirect::to(AFTERWARDS))
}

/// Lifts the freeze, if there is one.
pub(super) async fn unfreeze(
    State(operators): State<Arc<Operators>>,
    posted: Posted<AsAdmin>,
) -> Result<Redirect, Problem> {
    posted.form.only(&[])?;
    let lifted = operators.flow.unfreeze(&posted.person.name).await;
    lifted.map_err(problem::of_store)?;
    Ok(Redirect::to(AFTERWARDS))
}
