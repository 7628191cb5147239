//! From what was found to a verdict.
//!
//! Reject beats escalate beats approve; nothing matched is an escalation. An approval stands only if nothing failed, the
//! input fits its schemas, and every veto is known not to apply.

use jiff::Timestamp;

use crate::domain::explanation::Explanation;
use crate::domain::verdict::{Cause, FiredRule, MissingEvidence, Outcome, RuleSet, Terms, Verdict};
use crate::policy::engine::evaluate::{self, Findings};
use crate::policy::input::Input;
use crate::policy::set::PolicySet;

/// What the set says of the input at `now`. The same set, input and time give the same verdict, to the byte, unless the
/// time budget was exceeded.
pub fn decide(set: &PolicySet, input: &Input, now: Timestamp) -> Verdict {
    let found = look(set, input, now);
    if let Some((outcome, cause)) = found.spoken() {
        return verdict(set, outcome, cause, Vec::new(), found);
    }
    // A route by literal action clears nothing when there is no action to compare: neither vetoes nor approvals are known.
    let unrouted = input.action().err().and_then(|saw| unrouted(set, saw));
    let misfits = set.schemas.misfits(input);
    let approved = found.any(RuleSet::Approve);
    let in_doubt = if approved {
        !found.approval_stands || !found.unknown_vetoes.is_empty()
    } else {
        !found.unknown_approvals.is_empty()
    };
    let (outcome, cause) = if unrouted.is_some() || !misfits.is_empty() || in_doubt {
        (Outcome::Escalate, Cause::Evidence)
    } else if approved {
        (Outcome::Approve, Cause::Rule)
    } else {
        (Outcome::Escalate, Cause::NoRule)
    };
    let mut evidence = Vec::new();
    if cause == Cause::Evidence {
        evidence.extend(unrouted.into_iter().chain(misfits));
        if !found.approval_stands {
            evidence.extend(found.unknown_approvals.iter().cloned());
        }
        evidence.extend(found.unknown_vetoes.iter().cloned());
    }
    verdict(set, outcome, cause, evidence, found)
}

/// What plain Rego says, without the guard: it approves on facts that are not there. For comparison, never for an answer.
pub fn decide_plain(set: &PolicySet, input: &Input, now: Timestamp) -> Verdict {
    let found = look(set, input, now);
    let (outcome, cause) = match found.spoken() {
        Some(spoken) => spoken,
        None if found.any(RuleSet::Approve) => (Outcome::Approve, Cause::Rule),
        None => (Outcome::Escalate, Cause::NoRule),
    };
    verdict(set, outcome, cause, Vec::new(), found)
}

/// What every rule that could apply to the input comes to, condition by condition. Where the input cannot be evaluated,
/// none could.
pub fn explain(set: &PolicySet, input: &Input, now: Timestamp) -> Explanation {
    match input.document() {
        Ok(document) => {
            let action = input.action().ok();
            evaluate::explain(&set.policies, document, action, set.budget, now)
        }
        Err(_) => Explanation::default(),
    }
}

fn look(set: &PolicySet, input: &Input, now: Timestamp) -> Findings {
    match input.document() {
        Ok(document) => {
            let action = input.action().ok();
            evaluate::evaluate(&set.policies, document, action, set.budget, now)
        }
        Err(error) => Findings::failed(
            "approvals",
            format!("the input cannot be evaluated: {error}"),
        ),
    }
}

impl Findings {
    fn any(&self, set: RuleSet) -> bool {
        self.fired.iter().any(|(rule, _)| rule.set == set)
    }

    /// What is said whatever is known of approvals.
    fn spoken(&self) -> Option<(Outcome, Cause)> {
        if self.any(RuleSet::Reject) {
            Some((Outcome::Reject, Cause::Rule))
        } else if !self.failures.is_empty() {
            Some((Outcome::Escalate, Cause::PolicyError))
        } else if self.any(RuleSet::Escalate) {
            Some((Outcome::Escalate, Cause::Rule))
        } else {
            None
        }
    }
}

fn unrouted(set: &PolicySet, saw: &'static str) -> Option<MissingEvidence> {
    let Some(body) = set.policies.first_routed() else {
        return set.schemas.unrouted(saw);
    };
    Some(MissingEvidence {
        path: "input.action".to_owned(),
        saw: saw.to_owned(),
        rule: body.id.clone(),
        file: body.file.to_string(),
        line: body.line,
    })
}

fn verdict(
    set: &PolicySet,
    outcome: Outcome,
    cause: Cause,
    evidence: Vec<MissingEvidence>,
    found: Findings,
) -> Verdict {
    let terms = (outcome == Outcome::Escalate).then(|| strictest(&found.fired));
    let wins = |rule: &FiredRule| match outcome {
        Outcome::Approve => rule.set == RuleSet::Approve,
        Outcome::Reject => rule.set == RuleSet::Reject,
        Outcome::Escalate => rule.set == RuleSet::Escalate,
    };
    let (mut rules, overruled): (Vec<_>, Vec<_>) = found
        .fired
        .into_iter()
        .map(|(rule, _)| rule)
        .partition(wins);
    rules.extend(overruled);
    Verdict {
        doubt: None,
        outcome,
        cause,
        rules,
        evidence,
        failures: found.failures,
        terms,
        freeze: None,
        revision: set.revision().clone(),
        nearest: Vec::new(),
        counterfactual: None,
    }
}

/// Several rules may ask: the first team named, the most votes, the shortest time.
fn strictest(fired: &[(FiredRule, Terms)]) -> Terms {
    let terms = || {
        fired
            .iter()
            .filter(|(rule, _)| rule.set == RuleSet::Escalate)
            .map(|(_, terms)| terms)
    };
    Terms {
        to: terms().find_map(|terms| terms.to.clone()),
        votes: terms().filter_map(|terms| terms.votes).max(),
        within_seconds: terms().filter_map(|terms| terms.within_seconds).min(),
    }
}
