//! What an agent gets to see of its case: the `Verdict` of the API less all that would teach it how to ask next time.
//!
//! What must hold: no evidence, failure, near-miss, vote or term of a question is in it; in dry-run nothing in it tells
//! what policy said; an expired request never reads as an approved one.

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::case::{Case, Mode, Resolution, Resolved};
use crate::domain::rationale;
use crate::domain::verdict::{Cause, FiredRule, Outcome, RuleSet};

/// A case as its agent sees it. The names are a promise.
#[derive(Debug, Clone, Serialize)]
pub(super) struct AgentVerdict<'a> {
    case_id: String,
    source: &'a str,
    request_id: &'a str,
    action: Option<&'a str>,
    agent: Option<&'a str>,
    outcome: Option<&'static str>,
    cause: Option<&'static str>,
    state: &'static str,
    resolution: Option<&'a Resolution>,
    platform_outcome: Option<&'a str>,
    rationale: String,
    evidence: [(); 0],
    rules: Vec<Rule<'a>>,
    revision: &'a str,
    mode: &'static str,
    decided_at: Timestamp,
    decided_by: &'static str,
}

#[derive(Debug, Clone, Serialize)]
struct Rule<'a> {
    id: &'a str,
    title: &'a str,
    reason: &'a str,
    file: &'a str,
    line: u32,
}

impl<'a> AgentVerdict<'a> {
    /// What the agent sees of `case`.
    pub(super) fn of(case: &'a Case) -> Self {
        let blank = Self {
            case_id: case.asked.id.to_string(),
            source: case.asked.source.as_str(),
            request_id: case.asked.request.as_str(),
            action: case.asked.action.as_deref(),
            agent: case.asked.agent.as_deref(),
            outcome: None,
            cause: None,
            state: "resolved",
            resolution: None,
            platform_outcome: None,
            rationale: "Recorded in dry-run: nothing is answered here.".to_owned(),
            evidence: [],
            rules: Vec::new(),
            revision: case.verdict.revision.as_str(),
            mode: case.mode.as_str(),
            decided_at: case.decided_at,
            decided_by: "policy",
        };
        match case.mode {
            Mode::DryRun => blank,
            Mode::Enforce if expired_approval(case) => Self {
                resolution: case.resolution(),
                rationale: "The request had expired; it is not approved.".to_owned(),
                ..blank
            },
            Mode::Enforce => Self {
                outcome: Some(case.outcome.as_str()),
                cause: Some(case.cause.as_str()),
                state: case.state.as_str(),
                resolution: case.resolution(),
                rationale: rationale_for_agent(case),
                rules: rules_for_agent(case),
                ..blank
            },
        }
    }
}

/// Whether policy approves what had expired before it came.
fn expired_approval(case: &Case) -> bool {
    let expired = |resolution: &Resolution| resolution.outcome == Resolved::Expired;
    case.outcome == Outcome::Approve && case.resolution().is_some_and(expired)
}

fn rationale_for_agent(case: &Case) -> String {
    match case.cause {
        Cause::Rule | Cause::NoRule => rationale::short(&case.verdict),
        Cause::PolicyError => "Left to a person: the policy failed.".to_owned(),
        Cause::Evidence => {
            "Left to a person: policy could not rely on the request's facts.".to_owned()
        }
        Cause::Frozen => "Left to a person: approvals are frozen.".to_owned(),
        Cause::Source => "Left to a person: the answer could not be given in time.".to_owned(),
    }
}

/// The rules that gave the outcome, not those that they overruled.
fn rules_for_agent(case: &Case) -> Vec<Rule<'_>> {
    let set = match (case.cause, case.outcome) {
        (Cause::Rule, Outcome::Approve) => RuleSet::Approve,
        (Cause::Rule, Outcome::Reject) => RuleSet::Reject,
        (Cause::Rule, Outcome::Escalate) => RuleSet::Escalate,
        (
            Cause::NoRule | Cause::PolicyError | Cause::Evidence | Cause::Frozen | Cause::Source,
            _,
        ) => return Vec::new(),
    };
    case.verdict
        .rules
        .iter()
        .filter(|rule| rule.set == set)
        .map(Rule::of)
        .collect()
}

impl<'a> Rule<'a> {
    fn of(rule: &'a FiredRule) -> Self {
        Self {
            id: &rule.id,
            title: &rule.title,
            reason: &rule.reason,
            file: &rule.file,
            line: rule.line,
        }
    }
}
