//! The vote of who looks. It is bound to what they were shown; whoever is too late is told who decided, and sees the case as it is now.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;

use super::ballot::{Filled, why};
use super::{Notice, written};
use crate::domain::case::{Case, Refused, Resolved};
use crate::domain::effect::Ballot;
use crate::domain::escalation::Via;
use crate::domain::id::ContentDigest;
use crate::domain::log_entry::EntryKind;
use crate::domain::person::{Person, same};
use crate::flow::VoteError;
use crate::store::{CaseFile, LogLine};
use crate::web::LONGEST_REASON;
use crate::web::operators::access::{AsViewer, Form, Posted};
use crate::web::operators::pages::frame::Visitor;
use crate::web::operators::pages::said;
use crate::web::operators::{Operators, cases};
use crate::web::problem::{self, Code, Problem};

/// More of what happened meanwhile is not told; the page has it.
const MOST_SINCE: usize = 10;

/// What a form says.
struct Cast {
    ballot: Ballot,
    reason: Option<String>,
    shown: ContentDigest,
    seen: u64,
}

pub(in crate::web::operators::pages) async fn vote(
    State(operators): State<Arc<Operators>>,
    Path(id): Path<String>,
    posted: Posted<AsViewer>,
) -> Result<Response, Problem> {
    let visitor = Visitor::from(&posted);
    let id = cases::parse(&id)?;
    let meant = read(posted.form)?;
    let here = Redirect::to(&format!("/cases/{id}"));
    let filled = meant.reason.clone().unwrap_or_default();
    let length = filled.chars().count();
    if length > LONGEST_REASON {
        let file = cases::file(&operators, &id.to_string()).await?;
        let wrong = format!("The reason has {length} characters; {LONGEST_REASON} is the most.");
        return again(&operators, visitor, &file, filled, wrong).await;
    }
    let (person, ballot, seen) = (visitor.person.clone(), meant.ballot, meant.seen);
    let counted = operators
        .flow
        .vote(
            id,
            person,
            Via::Web,
            meant.ballot,
            meant.reason,
            meant.shown,
        )
        .await;
    let (case, refused) = match counted {
        Ok(_) => return Ok(here.into_response()),
        Err(VoteError::Unknown(id)) => return Err(cases::unknown(&id.to_string())),
        Err(VoteError::Unstored(error)) => return Err(problem::of_store(error)),
        Err(VoteError::Refused(case, refused)) => (case, refused),
    };
    // The same form twice: what they wanted is done.
    if let Refused::Closed(end) = &refused
        && is_done(ballot, end.outcome)
        && stands(&case, &visitor.person, ballot)
    {
        return Ok(here.into_response());
    }
    let file = cases::file(&operators, &id.to_string()).await?;
    let (status, title) = match &refused {
        Refused::NoReason => {
            return again(&operators, visitor, &file, filled, why(&refused)).await;
        }
        Refused::OwnRequest | Refused::NotAsked { .. } => {
            (StatusCode::FORBIDDEN, "This is not yours to decide")
        }
        Refused::Closed(_) | Refused::Stale | Refused::NotDecided | Refused::Nothing => {
            (StatusCode::CONFLICT, "Your vote was not counted")
        }
    };
    let since = match status {
        StatusCode::CONFLICT => since(&file, seen),
        _ => Vec::new(),
    };
    let notice = Notice {
        title,
        text: why(&refused),
        since,
    };
    let filled = Filled {
        reason: filled,
        ..Filled::default()
    };
    written(&operators, visitor, &file, status, Some(notice), filled).await
}

/// The form once more, as it was filled in.
async fn again(
    operators: &Operators,
    visitor: Visitor,
    file: &CaseFile,
    reason: String,
    wrong: String,
) -> Result<Response, Problem> {
    let filled = Filled {
        reason,
        wrong: Some(wrong),
        seen: None,
    };
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    written(operators, visitor, file, status, None, filled).await
}

/// Whether `outcome` is what `ballot` wants.
fn is_done(ballot: Ballot, outcome: Resolved) -> bool {
    match ballot {
        Ballot::Approve => outcome == Resolved::Approved,
        Ballot::Reject => outcome == Resolved::Rejected,
    }
}

/// Whether this vote of `person` is among those that count.
fn stands(case: &Case, person: &Person, ballot: Ballot) -> bool {
    let mut votes = case.votes.iter();
    votes.any(|vote| same(&vote.by, &person.name) && vote.vote == ballot)
}

/// What happened after the entry that the person saw last. That something was delivered, or could not be this time, is no
/// news.
pub(super) fn since(file: &CaseFile, seen: u64) -> Vec<String> {
    let is_attempt =
        |line: &LogLine| matches!(line.kind, EntryKind::Delivered | EntryKind::AttemptFailed);
    let is_news = |line: &&LogLine| line.sequence > seen && !is_attempt(line);
    let after = file.timeline.iter().filter(is_news);
    after.take(MOST_SINCE).map(said::said).collect()
}

fn read(form: Form) -> Result<Cast, Problem> {
    let wrong = |detail: &str| Problem::new(Code::Malformed, detail);
    let form = form.only(&["vote", "reason", "digest", "seen"])?;
    let ballot = match form.one("vote")? {
        Some("approve") => Ballot::Approve,
        Some("reject") => Ballot::Reject,
        Some(_) | None => return Err(wrong("`vote` must be `approve` or `reject`")),
    };
    let digest = form.one("digest")?.map(str::to_owned);
    let digest = digest.ok_or_else(|| wrong("`digest` is missing; load the page again"))?;
    let shown = ContentDigest::try_from(digest)
        .map_err(|_| wrong("`digest` is not one of ours; load the page again"))?;
    let seen = form.one("seen")?.and_then(|seen| seen.parse().ok());
    Ok(Cast {
        ballot,
        reason: form.one("reason")?.map(str::to_owned),
        shown,
        seen: seen.unwrap_or(u64::MAX),
    })
}
