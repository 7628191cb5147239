//! A verdict and what can be said about it: the rules that could apply, the nearest ones, the change that would have
//! been enough.
//!
//! What must hold: what is decided is what [`decide`](crate::policy::decide()) decides; an approved request pays for none
//! of it.

use std::time::Instant;

use jiff::Timestamp;

use crate::domain::account::Account;
use crate::domain::explanation::Explanation;
use crate::domain::near;
use crate::domain::verdict::{Cause, Outcome, Verdict};
use crate::policy::counterfactual::{self, Tried};
use crate::policy::decide::decide;
use crate::policy::explain;
use crate::policy::input::Input;
use crate::policy::set::PolicySet;

/// Decides for real: the verdict, and where no rule matched what nearly did. A change that would have been enough is
/// looked for as long as one decision may take; with that exception, the same set, input and time give the same verdict,
/// to the byte.
pub fn decide_and_account(set: &PolicySet, input: &Input, now: Timestamp) -> Verdict {
    let verdict = decide(set, input, now);
    match verdict.cause {
        Cause::NoRule => {
            let explanation = explain(set, input, now);
            accounted(set, input, now, verdict, &explanation)
        }
        Cause::Rule | Cause::PolicyError | Cause::Evidence | Cause::Frozen | Cause::Source => {
            verdict
        }
    }
}

/// Everything there is to say, whatever the cause. For people who ask, not for every request.
pub fn account(set: &PolicySet, input: &Input, now: Timestamp) -> Account {
    let verdict = decide(set, input, now);
    let explanation = explain(set, input, now);
    let verdict = match verdict.outcome {
        Outcome::Approve => verdict,
        Outcome::Reject | Outcome::Escalate => accounted(set, input, now, verdict, &explanation),
    };
    Account {
        verdict,
        explanation,
    }
}

fn accounted(
    set: &PolicySet,
    input: &Input,
    now: Timestamp,
    verdict: Verdict,
    explanation: &Explanation,
) -> Verdict {
    let started = Instant::now();
    let approves = |changed: &Input| {
        if started.elapsed() >= set.budget.time {
            return Tried::OutOfTime;
        }
        match decide(set, changed, now).outcome {
            Outcome::Approve => Tried::Approves,
            Outcome::Reject | Outcome::Escalate => Tried::DoesNot,
        }
    };
    Verdict {
        nearest: near::nearest(explanation),
        counterfactual: counterfactual::search(explanation, input, approves),
        ..verdict
    }
}
