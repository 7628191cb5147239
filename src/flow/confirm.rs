//! Requests whose delivery proves nothing are decided on the platform's own record, which is read back first.
//!
//! What must hold: nothing is answered, neither yes nor no, that the platform's record does not bear out; what the
//! delivery claimed decides nothing, it can only bring a person in; what answers a request came with its record, or with
//! a delivery that the platform signed.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::domain::case::{Asked, Case, Confirmed, Event, State};
use crate::domain::id::ContentDigest;
use crate::domain::platform::PlatformOutcome;
use crate::domain::request::{Proven, Request};
use crate::domain::verdict::Verdict;
use crate::flow::attempt::next_attempt;
use crate::flow::decide::{Weighed, weigh};
use crate::flow::{Desk, Flow, Refusal};
use crate::json;
use crate::policy::{Input, PolicySet};
use crate::source::{AnswerResult, ConfirmTask, Confirmation, Reach};
use crate::store::{Attempt, CaseFile, Claim};

/// The longest pause between two looks: the platform's people wait.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// How often a record may be missing before the request counts as made up. A webhook can overtake the record that it
/// tells of.
const LOOKS: u32 = 3;

/// What became of one look.
pub(super) struct Looked {
    /// What the store is told.
    pub(super) attempt: Attempt,
    /// How long policy took, where it was asked.
    pub(super) took: Duration,
}

/// What is asked of the platform.
pub(super) fn task(case: &Case, claim: &Claim) -> ConfirmTask {
    ConfirmTask {
        request: case.asked.request.clone(),
        action: case.asked.action.clone(),
        agent: case.asked.agent.clone(),
        token: claim.token.clone(),
        traceparent: case.asked.traceparent.clone(),
    }
}

/// What follows from what the platform showed. `chance` is from 0 to 1 and spreads the looks.
pub(super) fn judge(
    set: &PolicySet,
    claim: &Claim,
    file: &CaseFile,
    confirmation: Confirmation,
    now: Timestamp,
    chance: f64,
) -> Looked {
    let mut took = Duration::ZERO;
    let doubtful = |doubt: String| Attempt::Done(Some(Event::Unconfirmed { doubt }));
    let attempt = match confirmation {
        Confirmation::Record(record) => {
            let (confirmed, evaluation) = decide(set, file, *record, now);
            took = evaluation;
            Attempt::Done(Some(Event::Confirmed(Box::new(confirmed))))
        }
        Confirmation::NotPending { status } => doubtful(format!(
            "by the platform's record it is `{status}`, not pending"
        )),
        Confirmation::Missing if claim.attempts + 1 < LOOKS => again(
            claim,
            None,
            "the platform does not list it yet",
            now,
            chance,
        ),
        Confirmation::Missing => doubtful("the platform does not list it as pending".to_owned()),
        Confirmation::Retry { after, error } => again(claim, after, &error, now, chance),
        Confirmation::Alert { error } => again(claim, None, &error, now, chance),
        Confirmation::Failed { error } => doubtful(format!(
            "the platform's record of it cannot be read back: {error}"
        )),
    };
    Looked { attempt, took }
}

/// Whether what people were shown is the platform's own record.
pub(super) fn is_confirmed(file: &CaseFile) -> bool {
    Claims::of(file).input.pointer("/verified/record") == Some(&Value::Bool(true))
}

impl Flow {
    /// The case of `request`, if it was decided on the platform's own record and the delivery says nothing else: then
    /// it is the delivery that was lost, late, or overtaken by a forged one.
    pub(super) async fn known_by_its_record(
        &self,
        desk: &Desk,
        request: &Request,
    ) -> Result<Option<CaseFile>, Refusal> {
        if desk.source.confirms_within().is_none() || request.token.is_some() {
            return Ok(None);
        }
        let file = self.store.case(request.case_id()).await;
        let file = file.map_err(Refusal::Unstored)?;
        Ok(file.filter(|file| is_confirmed(file) && !Claims::of(file).contradicts(request)))
    }
}

/// Why an answer must not leave that people gave on what a delivery had claimed.
pub(super) enum Unfounded {
    /// They were shown something else than what is asked.
    Doubt(String),
    /// It is to be treated as if the platform had said this.
    Result(AnswerResult),
}

/// What follows for such an answer from the record that is read back now; nothing where the record says the same.
pub(super) fn founded(file: &CaseFile, confirmation: Confirmation) -> Option<Unfounded> {
    let result = match confirmation {
        Confirmation::Record(record) => {
            let different = Claims::of(file).unlike(&record);
            if different.is_empty() {
                return None;
            }
            return Some(Unfounded::Doubt(format!(
                "what was voted on is only what the webhook claimed, and the platform's own record differs in {}; decide it there",
                listed(&different)
            )));
        }
        Confirmation::NotPending { status } => AnswerResult::Already {
            platform: Some(PlatformOutcome::parse(&status)),
        },
        Confirmation::Missing => AnswerResult::Failed {
            error: "the platform does not list the request as pending".to_owned(),
        },
        Confirmation::Retry { after, error } => AnswerResult::Retry {
            after,
            error,
            reach: Reach::NotReached,
        },
        Confirmation::Alert { error } => AnswerResult::Alert { error },
        Confirmation::Failed { error } => AnswerResult::Failed { error },
    };
    Some(Unfounded::Result(result))
}

fn again(
    claim: &Claim,
    after: Option<Duration>,
    error: &str,
    now: Timestamp,
    chance: f64,
) -> Attempt {
    Attempt::Again {
        at: next_attempt(claim, LONGEST_PAUSE, after, now, chance),
        error: error.to_owned(),
        reached: claim.reached,
    }
}

/// The request as the record has it, and what policy says of it, for a case that nothing was decided of.
pub(super) fn taken_up(
    set: &PolicySet,
    file: &CaseFile,
    mut record: Request,
    now: Timestamp,
) -> Confirmed {
    Claims::of(file).complete(&mut record);
    let weighed = weigh(set, &record, now);
    confirmed(file, record, weighed.verdict, &weighed.input)
}

/// Decides on the record, unless it is not what the delivery said: then somebody lied to us, and a person looks.
fn decide(
    set: &PolicySet,
    file: &CaseFile,
    mut record: Request,
    now: Timestamp,
) -> (Confirmed, Duration) {
    let claims = Claims::of(file);
    claims.complete(&mut record);
    let Weighed {
        verdict,
        input,
        took,
    } = weigh(set, &record, now);
    let different = claims.different_from(&record);
    let verdict = if different.is_empty() {
        verdict
    } else {
        let doubt = format!(
            "the webhook and the platform's own record differ in {}",
            listed(&different)
        );
        Verdict::unconfirmed(doubt, set.revision().clone())
    };
    (confirmed(file, record, verdict, &input), took)
}

fn confirmed(file: &CaseFile, record: Request, verdict: Verdict, input: &Input) -> Confirmed {
    let input: Arc<str> = input.text().into();
    let token = record.token;
    let asked = Asked {
        action: record.action,
        agent: record.agent,
        expires_at: record.expires_at,
        rationale_required: record.rationale_required,
        input: ContentDigest::of(&[input.as_bytes()]),
        ..file.case.asked.clone()
    };
    Confirmed {
        asked,
        verdict,
        input,
        token,
    }
}

/// What the delivery said of the request, as it was stored.
struct Claims {
    input: Value,
}

impl Claims {
    fn of(file: &CaseFile) -> Self {
        let text = file.input.as_deref().unwrap_or_default();
        Self {
            input: json::parse(text.as_bytes()).unwrap_or_default(),
        }
    }

    fn signed(&self) -> bool {
        self.input.pointer("/verified/signature") == Some(&Value::Bool(true))
    }

    /// What the record does not say is taken from the delivery if the platform signed that; from nobody else.
    fn complete(&self, record: &mut Request) {
        let text = |pointer: &str| {
            let text = self.input.pointer(pointer)?.as_str()?;
            Some(text.to_owned())
        };
        let moment = |pointer: &str| text(pointer)?.parse::<Timestamp>().ok();
        if self.signed() {
            let given = &mut *record;
            given.action = given.action.take().or_else(|| text("/action"));
            given.agent = given.agent.take().or_else(|| text("/agent/id"));
            given.title = given.title.take().or_else(|| text("/title"));
            given.message = given.message.take().or_else(|| text("/message"));
            given.requested_at = given.requested_at.or_else(|| moment("/requested_at"));
            given.context = given
                .context
                .take()
                .or_else(|| self.input.get("context").cloned());
        }
        // What was not signed was left out when it was stored.
        let claimed = moment("/expires_at");
        record.expires_at = record.expires_at.into_iter().chain(claimed).min();
        record.rationale_required |=
            self.input.get("rationale_required") == Some(&Value::Bool(true));
        record.proven = Proven {
            signature: self.signed(),
            record: true,
        };
    }

    /// The parts that the delivery named and the record has otherwise. What policies decide on must be there too; a
    /// title or a message may be missing from a record.
    fn different_from(&self, record: &Request) -> Vec<&'static str> {
        self.parts(record, |name, claimed, recorded| {
            match (claimed, recorded) {
                (Some(claimed), Some(recorded)) => !json::same(claimed, recorded),
                (Some(_), None) => matches!(name, "action" | "agent" | "context"),
                (None, _) => false,
            }
        })
    }

    /// Whether both name a part and do not say the same of it.
    fn contradicts(&self, request: &Request) -> bool {
        let different = self.parts(request, |_, one, other| match (one, other) {
            (Some(one), Some(other)) => !json::same(one, other),
            (Some(_) | None, _) => false,
        });
        !different.is_empty()
    }

    /// The parts that are not the same in both, or not in both.
    fn unlike(&self, record: &Request) -> Vec<&'static str> {
        self.parts(record, |_, claimed, recorded| match (claimed, recorded) {
            (Some(claimed), Some(recorded)) => !json::same(claimed, recorded),
            (claimed, recorded) => claimed.is_some() || recorded.is_some(),
        })
    }

    fn parts(
        &self,
        record: &Request,
        differ: impl Fn(&str, Option<&Value>, Option<&Value>) -> bool,
    ) -> Vec<&'static str> {
        let text = |text: &Option<String>| text.clone().map(Value::String);
        [
            ("action", "/action", text(&record.action)),
            ("agent", "/agent/id", text(&record.agent)),
            ("context", "/context", record.context.clone()),
            ("title", "/title", text(&record.title)),
            ("message", "/message", text(&record.message)),
        ]
        .into_iter()
        .filter(|(name, pointer, recorded)| {
            differ(name, self.input.pointer(pointer), recorded.as_ref())
        })
        .map(|(name, ..)| name)
        .collect()
    }
}

fn listed(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// Whether the case still waits for its record.
pub(super) fn awaited(claim: &Claim) -> Option<&Case> {
    claim
        .case
        .as_ref()
        .filter(|case| matches!(case.state, State::Received(_)))
}

#[cfg(test)]
mod tests;
