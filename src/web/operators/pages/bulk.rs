//! Votes on several questions at once. Each is a vote of its own, bound to what was shown of its own case, and the answer
//! says of each what became of it: one that does not count says nothing of the others.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::frame::{Dry, Frame, Section, Visitor};
use super::{page, row};
use crate::domain::card::Card;
use crate::domain::case::{Case, Mode, Refused};
use crate::domain::effect::Ballot;
use crate::domain::escalation::Via;
use crate::domain::id::{CaseId, ContentDigest};
use crate::domain::rationale::{bounded, visible};
use crate::flow::VoteError;
use crate::web::LONGEST_REASON;
use crate::web::operators::Operators;
use crate::web::operators::access::{AsApprover, Posted};
use crate::web::problem::{Code, Problem};

/// So many at once are still read by somebody.
const MOST: usize = 100;

#[derive(Template)]
#[template(path = "votes.html")]
struct Votes {
    frame: Frame,
    vote: Ballot,
    counted: usize,
    outcomes: Vec<Outcome>,
}

/// What became of one vote.
struct Outcome {
    id: String,
    headline: String,
    counts: Counts,
    said: String,
}

/// Whether a vote counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    Yes,
    No,
}

pub(super) async fn vote(
    State(operators): State<Arc<Operators>>,
    posted: Posted<AsApprover>,
) -> Result<Response, Problem> {
    let visitor = Visitor::from(&posted);
    let form = posted.form.only(&["on", "vote", "reason"])?;
    let wrong = |detail: String| Problem::new(Code::Malformed, detail);
    let vote = match form.one("vote")? {
        Some("approve") => Ballot::Approve,
        Some("reject") => Ballot::Reject,
        Some(_) | None => return Err(wrong("say what you vote: `approve` or `reject`".to_owned())),
    };
    let reason = form.one("reason")?.map(str::to_owned);
    let length = reason.as_deref().map_or(0, |reason| reason.chars().count());
    if length > LONGEST_REASON {
        let detail = format!("the reason is longer than {LONGEST_REASON} characters");
        return Err(wrong(detail));
    }
    let shown = (form.all("on").map(read).collect::<Option<Vec<_>>>())
        .ok_or_else(|| wrong("a selected case is not named as the page names it".to_owned()))?;
    if shown.is_empty() {
        return Err(wrong(
            "no case is selected; go back and select some".to_owned(),
        ));
    }
    if shown.len() > MOST {
        return Err(wrong(format!(
            "at most {MOST} cases can be decided at once"
        )));
    }
    let mut outcomes = Vec::with_capacity(shown.len());
    for (id, digest) in shown {
        let by = visitor.person.clone();
        let flow = &operators.flow;
        let voted = flow.vote(id, by, Via::Web, vote, reason.clone(), digest);
        outcomes.push(Outcome::of(id, voted.await));
    }
    let counted = outcomes.iter().filter(|outcome| outcome.did_count());
    let votes = Votes {
        counted: counted.count(),
        frame: Frame::of(&operators, visitor, Section::Queue).await?,
        vote,
        outcomes,
    };
    page(StatusCode::OK, &votes)
}

/// A case with what was shown of it: `case_…:` and the digest.
fn read(pair: &str) -> Option<(CaseId, ContentDigest)> {
    let (id, digest) = pair.split_once(':')?;
    let digest = ContentDigest::try_from(digest.to_owned()).ok()?;
    Some((CaseId::parse(id).ok()?, digest))
}

impl Outcome {
    fn of(id: CaseId, voted: Result<Case, VoteError>) -> Self {
        let (headline, counts, said) = match voted {
            Ok(case) => (headline(&case), Counts::Yes, counted(&case)),
            Err(VoteError::Refused(case, refused)) => {
                (headline(&case), Counts::No, refusal(&refused))
            }
            Err(VoteError::Unknown(id)) => {
                let said = "There is no such case any more.";
                (id.to_string(), Counts::No, said.to_owned())
            }
            Err(VoteError::Unstored(error)) => {
                tracing::error!(case.id = %id, error = %error, "a vote could not be stored");
                let said = "It could not be stored now, and nobody can say whether it was: look at the case.";
                (id.to_string(), Counts::No, said.to_owned())
            }
        };
        Self {
            id: id.to_string(),
            headline,
            counts,
            said,
        }
    }

    fn did_count(&self) -> bool {
        self.counts == Counts::Yes
    }
}

fn headline(case: &Case) -> String {
    Card::of(case, None).headline(120)
}

fn counted(case: &Case) -> String {
    let told = match case.mode {
        Mode::Enforce => "",
        Mode::DryRun => " Nobody is told: dry run.",
    };
    match (case.question(), case.resolution()) {
        (Some(question), _) => format!(
            "Counted: {} of {} approvals.{told}",
            question.approvals(&case.votes).count(),
            question.votes
        ),
        (None, Some(resolution)) => format!("Counted: it is {}.{told}", resolution.outcome),
        (None, None) => format!("Counted.{told}"),
    }
}

fn refusal(refused: &Refused) -> String {
    match refused {
        Refused::Closed(resolution) => {
            let by = resolution.by.to_string();
            let by = row::name(by.strip_prefix("person:").unwrap_or(&by));
            let outcome = resolution.outcome;
            format!("Not counted: it was {outcome} by {by} before.")
        }
        Refused::Stale => {
            "Not counted: it has changed since it was shown. Look at it again.".to_owned()
        }
        Refused::OwnRequest
        | Refused::NotAsked { .. }
        | Refused::NotDecided
        | Refused::NoReason
        | Refused::Nothing => {
            let why = bounded(&visible(&refused.to_string()), 300);
            format!("Not counted: {why}.")
        }
    }
}
