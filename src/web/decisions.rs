//! What a team's own tool decides: `POST /v1/teams/{team}/decisions`, signed as Standard Webhooks has it.
//!
//! What must hold: who decides is who signs, whatever the body says; a tool is one voter, and votes where its team is
//! asked; a webhook that comes again is answered as it was, and does not vote again; a tool learns nothing of what its team was
//! never asked; whoever cannot sign learns nothing, not even which teams there are.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, post};
use http::header::{CACHE_CONTROL, HeaderValue};
use http::{HeaderName, Method};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use super::body::{self, BodyLimits};
use super::problem::{self, Asker, Code, Problem};
use super::{LONGEST_REASON, Route, finished, router_of};
use crate::credential::Credential;
use crate::domain::card::Card;
use crate::domain::case::{Case, Refused, State as CaseState};
use crate::domain::effect::Ballot;
use crate::domain::escalation::Via;
use crate::domain::id::{CaseId, ContentDigest};
use crate::domain::person::{Person, Role};
use crate::domain::record::Record;
use crate::flow::{Flow, Refusal, VoteError};
use crate::json;
use crate::notify::Decisions;
use crate::signature::{Check, DEFAULT_TOLERANCE, Delivery, Verifier};
use crate::store::Spent;

const ID: HeaderName = HeaderName::from_static("webhook-id");

/// A decision is small.
const BODY: BodyLimits = BodyLimits {
    bytes: 64 * 1024,
    timeout: Duration::from_secs(10),
};

/// How long a webhook's id is known: longer than any sender tries.
const KNOWN: SignedDuration = SignedDuration::from_hours(24 * 30);

/// As many answers are kept to be given again. What is older is made anew from the case.
const ANSWERS: usize = 4096;

/// The tools of teams that may decide.
pub struct TeamTools {
    flow: Arc<Flow>,
    tools: BTreeMap<String, Tool>,
    answers: Mutex<VecDeque<(ContentDigest, Result<Value, Problem>)>>,
    /// One at a time, so that a webhook and its repetition do not both vote.
    turn: tokio::sync::Mutex<()>,
    under_way: TaskTracker,
}

struct Tool {
    by: String,
    verifier: Verifier<Credential>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    case_id: CaseId,
    vote: Ballot,
    reason: Option<String>,
    digest: ContentDigest,
}

/// What one webhook says, and how it is known when it comes again.
struct Decision {
    team: String,
    by: String,
    said: Said,
    id: ContentDigest,
    content: ContentDigest,
}

impl TeamTools {
    /// The tools, each with the name of its team.
    pub fn new(flow: Arc<Flow>, tools: impl IntoIterator<Item = (String, Decisions)>) -> Self {
        let tool = |(team, decisions): (String, Decisions)| {
            let check = Check::StandardWebhooks {
                secrets: decisions.secrets,
                tolerance: DEFAULT_TOLERANCE,
            };
            let tool = Tool {
                by: decisions.by,
                verifier: Verifier::new(vec![check]),
            };
            (team, tool)
        };
        Self {
            flow,
            tools: tools.into_iter().map(tool).collect(),
            answers: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            under_way: TaskTracker::new(),
        }
    }

    /// The routes, for the listener of platforms and agents.
    pub fn router(self: &Arc<Self>) -> Router {
        finished(router_of(routes()).with_state(Arc::clone(self)))
    }

    /// Returns when no decision is under way any more. Call it when the listener is closed.
    pub async fn finished(&self) {
        self.under_way.close();
        self.under_way.wait().await;
    }

    /// What `delivery` says, if the tool of `team` signed it.
    fn read(&self, team: String, delivery: Delivery, now: Timestamp) -> Result<Decision, Problem> {
        let nobody = || Problem::new(Code::Unverified, "the sender is not verified");
        let tool = self.tools.get(&team).ok_or_else(nobody)?;
        let verified = tool
            .verifier
            .verify(delivery, now, Credential::read)
            .map_err(|unverified| {
                problem::of_refusal(Refusal::Unverified(unverified), Asker::Platform)
            })?;
        let delivery = verified.into_inner();
        let id = delivery.headers.get(ID).ok_or_else(nobody)?.as_bytes();
        let said = said(&delivery.body)?;
        Ok(Decision {
            id: ContentDigest::of(&[b"team decision", team.as_bytes(), id]),
            content: ContentDigest::of(&[
                b"team decision content",
                team.as_bytes(),
                id,
                &delivery.body,
            ]),
            by: tool.by.clone(),
            team,
            said,
        })
    }

    async fn decide(&self, decision: Decision) -> Result<Value, Problem> {
        let _turn = self.turn.lock().await;
        let now = self.flow.clock().now();
        let until = now.saturating_add(KNOWN).unwrap_or(Timestamp::MAX);
        let store = self.flow.store();
        let unstored = problem::of_store;
        let heard = if store.spent(decision.id).await.map_err(unstored)? {
            Spent::Before
        } else {
            Spent::Now
        };
        match heard {
            Spent::Before => {
                if !store.spent(decision.content).await.map_err(unstored)? {
                    let detail = "a webhook with this `webhook-id` said something else before";
                    return Err(Problem::new(Code::Conflict, detail));
                }
                if let Some(answer) = self.answer_to(decision.content) {
                    return answer;
                }
            }
            // The content first: an id alone would make its own repetition look like another one.
            Spent::Now => {
                for key in [decision.content, decision.id] {
                    store.spend(key, until, now).await.map_err(unstored)?;
                }
            }
        }
        let content = decision.content;
        let answer = self.vote(decision, heard).await;
        let is_final = !matches!(&answer, Err(problem) if problem.code() == Code::Unavailable);
        if is_final {
            self.keep(content, answer.clone());
        }
        answer
    }

    async fn vote(&self, decision: Decision, heard: Spent) -> Result<Value, Problem> {
        let Decision { team, by, said, .. } = decision;
        let asked = self.flow.store().question_of(said.case_id).await;
        let unknown = || {
            let detail = format!("there is no case `{}`", said.case_id);
            Problem::new(Code::NotFound, detail)
        };
        let case = asked.map_err(problem::of_store)?.map(|(case, _)| case);
        // What another team is asked is none of this one's business, not even that there is such a case.
        let case = case.filter(|case| case.was_asked(&team));
        let case = case.ok_or_else(unknown)?;
        let counted = case
            .votes
            .iter()
            .any(|vote| vote.by == by && vote.via == Via::Webhook && vote.vote == said.vote);
        if heard == Spent::Before && counted {
            return Ok(verdict(&case));
        }
        if let CaseState::Open(question) = &case.state
            && question.to.as_deref() != Some(team.as_str())
        {
            let detail = format!("the team `{team}` is not asked");
            return Err(Problem::new(Code::Forbidden, detail));
        }
        let person = Person {
            name: by,
            email: None,
            role: Role::Approver,
            teams: [team].into(),
            also: BTreeSet::new(),
        };
        let Said {
            case_id,
            vote,
            reason,
            digest,
        } = said;
        match self
            .flow
            .vote(case_id, person, Via::Webhook, vote, reason, digest)
            .await
        {
            Ok(case) => Ok(verdict(&case)),
            Err(VoteError::Unknown(_)) => Err(unknown()),
            Err(VoteError::Unstored(error)) => Err(problem::of_store(error)),
            Err(VoteError::Refused(case, refused)) => Err(refusal(&case, &refused)),
        }
    }

    fn answer_to(&self, content: ContentDigest) -> Option<Result<Value, Problem>> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut answers = answers.iter();
        let (_, answer) = answers.find(|(known, _)| *known == content)?;
        Some(answer.clone())
    }

    fn keep(&self, content: ContentDigest, answer: Result<Value, Problem>) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= ANSWERS {
            answers.pop_front();
        }
        answers.push_back((content, answer));
    }
}

/// Every route there is, for the router and for the test that holds the documentation to it.
pub(super) fn routes() -> Vec<Route<Arc<TeamTools>>> {
    let handler: MethodRouter<Arc<TeamTools>> = post(decide);
    vec![Route {
        method: Method::POST,
        path: "/v1/teams/{team}/decisions",
        handler,
    }]
}

async fn decide(
    State(tools): State<Arc<TeamTools>>,
    Path(team): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = body::read(request, BODY).await?;
    let delivery = Delivery {
        headers: parts.headers,
        body,
        path_secret: None,
    };
    let decision = tools.read(team, delivery, tools.flow.clock().now())?;
    let deciding = Arc::clone(&tools);
    // It goes on to its end though the sender hung up, so that its answer is kept.
    let decided = tools
        .under_way
        .spawn(async move { deciding.decide(decision).await });
    let answer = decided.await.map_err(|panic| {
        let detail = "the decision could not be finished; send it again";
        Problem::new(Code::Internal, detail).because(panic)
    })?;
    let mut response = axum::Json(answer?).into_response();
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn said(body: &[u8]) -> Result<Said, Problem> {
    let wrong = |detail: String| Problem::new(Code::Malformed, detail);
    let value = json::parse(body).map_err(|refused| wrong(refused.to_string()))?;
    if value.get("by").is_some() {
        let detail = "who decides is who signs; leave `by` out";
        return Err(wrong(detail.to_owned()));
    }
    let said: Said = serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
    let length = said.reason.as_deref().map(|reason| reason.chars().count());
    if length.is_some_and(|length| length > LONGEST_REASON) {
        let detail = format!("`reason` is longer than {LONGEST_REASON} characters");
        return Err(wrong(detail));
    }
    Ok(said)
}

fn verdict(case: &Case) -> Value {
    json!({ "verdict": Record::of(case) })
}

/// Why a vote does not count. Who decided is told; what the request says is not: another team may have been asked.
fn refusal(case: &Case, refused: &Refused) -> Problem {
    let code = match refused {
        Refused::Closed(_) => Code::Closed,
        Refused::Stale | Refused::NotDecided | Refused::Nothing => Code::Stale,
        Refused::OwnRequest | Refused::NotAsked { .. } => Code::Forbidden,
        Refused::NoReason => Code::ReasonRequired,
    };
    let problem = Problem::new(code, refused.to_string());
    match Card::of(case, None).ending {
        Some(ending) => problem.with("ending", json!(ending)),
        None => problem,
    }
}
