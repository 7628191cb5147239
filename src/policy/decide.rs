//! From what was found to a verdict.
//!
//! Reject beats escalate beats approve; nothing matched is an escalation. An approval stands only if nothing failed and
//! every veto is known not to apply.

use jiff::Timestamp;

use crate::domain::verdict::{Cause, FiredRule, MissingEvidence, Outcome, RuleSet, Terms, Verdict};
use crate::policy::engine::evaluate::{Findings, evaluate};
use crate::policy::input::Input;
use crate::policy::set::PolicySet;

/// What the set says of the input at `now`. The same set, input and time give the same verdict, to the byte, unless the
/// time budget was exceeded.
pub fn decide(set: &PolicySet, input: &Input, now: Timestamp) -> Verdict {
    let action = input.action();
    let mut found = match input.document() {
        Ok(document) => evaluate(&set.policies, document, action.ok(), set.budget, now),
        Err(error) => Findings::failed(
            "approvals",
            format!("the input cannot be evaluated: {error}"),
        ),
    };
    // A route by literal action clears nothing when there is no action to compare: neither vetoes nor approvals are known.
    let unrouted = action.err().and_then(|saw| unrouted(set, saw));
    let any = |set: RuleSet| found.fired.iter().any(|(rule, _)| rule.set == set);
    let approved = any(RuleSet::Approve);
    let (outcome, cause) = if any(RuleSet::Reject) {
        (Outcome::Reject, Cause::Rule)
    } else if !found.failures.is_empty() {
        (Outcome::Escalate, Cause::PolicyError)
    } else if any(RuleSet::Escalate) {
        (Outcome::Escalate, Cause::Rule)
    } else if unrouted.is_some() || (approved && !found.unknown.is_empty()) {
        (Outcome::Escalate, Cause::Evidence)
    } else if approved {
        (Outcome::Approve, Cause::Rule)
    } else {
        (Outcome::Escalate, Cause::NoRule)
    };
    found.unknown.splice(..0, unrouted);
    verdict(set, outcome, cause, found)
}

fn unrouted(set: &PolicySet, saw: &'static str) -> Option<MissingEvidence> {
    let body = set.policies.first_routed()?;
    Some(MissingEvidence {
        path: "input.action".to_owned(),
        saw: saw.to_owned(),
        rule: body.id.clone(),
        file: body.file.to_string(),
        line: body.line,
    })
}

fn verdict(set: &PolicySet, outcome: Outcome, cause: Cause, found: Findings) -> Verdict {
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
        outcome,
        cause,
        rules,
        evidence: if cause == Cause::Evidence {
            found.unknown
        } else {
            Vec::new()
        },
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
