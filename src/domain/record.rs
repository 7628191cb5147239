//! A case as the world sees it: the `Verdict` object of the API, the log and the command line. Its names are a promise.

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::case::{Case, Resolution};
use crate::domain::escalation::{Escalation, Vote};
use crate::domain::near::{Counterfactual, NearMiss};
use crate::domain::rationale;
use crate::domain::verdict::{FiredRule, MissingEvidence, PolicyFailure};

/// Everything an operator may see of a case but its input.
#[derive(Debug, Clone, Serialize)]
pub struct Record<'a> {
    case_id: String,
    source: &'a str,
    platform: &'a str,
    request_id: &'a str,
    action: Option<&'a str>,
    agent: Option<&'a str>,
    outcome: &'static str,
    cause: &'static str,
    state: &'static str,
    resolution: Option<&'a Resolution>,
    platform_outcome: Option<&'a str>,
    rationale: String,
    evidence: &'a [MissingEvidence],
    rules: Vec<RuleRecord<'a>>,
    failures: &'a [PolicyFailure],
    escalation: Option<&'a Escalation>,
    votes: &'a [Vote],
    revision: &'a str,
    mode: &'static str,
    decided_at: Timestamp,
    decided_by: &'static str,
    expires_at: Option<Timestamp>,
    rationale_required: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    nearest: &'a [NearMiss],
    #[serde(skip_serializing_if = "Option::is_none")]
    counterfactual: Option<&'a Counterfactual>,
}

#[derive(Debug, Clone, Serialize)]
struct RuleRecord<'a> {
    id: &'a str,
    set: &'static str,
    title: &'a str,
    reason: &'a str,
    file: &'a str,
    line: u32,
}

impl<'a> Record<'a> {
    /// The record of `case`.
    pub fn of(case: &'a Case) -> Self {
        let escalation = match &case.state {
            crate::domain::case::State::Open(escalation) => Some(escalation),
            crate::domain::case::State::Received(_)
            | crate::domain::case::State::Answering(_)
            | crate::domain::case::State::Resolved(_) => None,
        };
        Self {
            case_id: case.asked.id.to_string(),
            source: case.asked.source.as_str(),
            platform: &case.asked.platform,
            request_id: case.asked.request.as_str(),
            action: case.asked.action.as_deref(),
            agent: case.asked.agent.as_deref(),
            outcome: case.outcome.as_str(),
            cause: case.cause.as_str(),
            state: case.state.as_str(),
            resolution: case.resolution(),
            platform_outcome: case
                .platform_outcome
                .as_ref()
                .map(super::platform::PlatformOutcome::as_str),
            rationale: rationale::standing(case),
            evidence: &case.verdict.evidence,
            rules: case.verdict.rules.iter().map(RuleRecord::of).collect(),
            failures: &case.verdict.failures,
            escalation,
            votes: &case.votes,
            revision: case.verdict.revision.as_str(),
            mode: case.mode.as_str(),
            decided_at: case.decided_at,
            decided_by: "policy",
            expires_at: case.asked.expires_at,
            rationale_required: case.asked.rationale_required,
            nearest: &case.verdict.nearest,
            counterfactual: case.verdict.counterfactual.as_ref(),
        }
    }
}

impl<'a> RuleRecord<'a> {
    fn of(rule: &'a FiredRule) -> Self {
        Self {
            id: &rule.id,
            set: rule.set.as_str(),
            title: &rule.title,
            reason: &rule.reason,
            file: &rule.file,
            line: rule.line,
        }
    }
}
