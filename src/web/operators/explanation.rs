//! Why a case was decided as it was: every rule that could apply, with its conditions and what they saw, and what nearly
//! was.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;

use super::access::Viewer;
use super::{Operators, cases, fresh};
use crate::domain::account::AccountRecord;
use crate::domain::record::Record;
use crate::flow::{Unexplained, difference};
use crate::web::problem::{self, Problem};

pub(super) async fn show(
    _: Viewer,
    State(operators): State<Arc<Operators>>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let file = cases::file(&operators, &id).await?;
    let verdict = Record::of(&file.case);
    match operators.explainer.account(&file).await {
        Ok(account) => {
            let note = difference(&file.case.verdict, &account);
            Ok(fresh(&AccountRecord::of(
                verdict,
                &account,
                note.as_deref(),
            )))
        }
        Err(Unexplained::Store(error)) => Err(problem::of_store(error)),
        Err(unexplained) => {
            let note = format!("{unexplained}; this is what was written down when it was decided");
            Ok(fresh(&AccountRecord::of_kept(
                verdict,
                &file.case.verdict,
                &note,
            )))
        }
    }
}
