//! Cases for the tests of the pages.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::domain::case::{Asked, Case, CaseTerms, Channel, Event, Mode, Told};
use crate::domain::escalation::EscalationDefaults;
use crate::domain::id::{CaseId, ContentDigest, RequestId, Revision, SourceName};
use crate::domain::log_entry::EntryKind;
use crate::domain::platform::PlatformOutcome;
use crate::domain::team::People;
use crate::domain::verdict::{Cause, Condition, FiredRule, Outcome, RuleSet, Truth, Verdict};
use crate::store::{CaseFile, LogLine};

pub(super) fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

pub(super) fn earlier(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

/// What policy says: an approval or a rejection by a rule, or a question since no rule matched.
pub(super) fn verdict(outcome: Outcome) -> Verdict {
    let rule = |set: RuleSet, title: &str, reason: &str, line: u32| FiredRule {
        id: format!(
            "approvals.refunds.{set}#{}",
            title.to_lowercase().replace(' ', "-")
        ),
        set,
        title: title.to_owned(),
        reason: reason.to_owned(),
        file: "approvals/refunds/refunds.rego".to_owned(),
        line,
        conditions: vec![Condition {
            text: "input.context.amount < 100".to_owned(),
            truth: Truth::True,
            values: vec![("input.context.amount".to_owned(), "50".to_owned())],
            file: "approvals/refunds/refunds.rego".to_owned(),
            line: line + 2,
        }],
    };
    let rules = match outcome {
        Outcome::Approve => vec![rule(
            RuleSet::Approve,
            "Small refund",
            "a refund of $50 is under $100",
            12,
        )],
        Outcome::Reject => vec![rule(
            RuleSet::Reject,
            "Fraud list",
            "the customer is on the fraud list",
            30,
        )],
        Outcome::Escalate => Vec::new(),
    };
    Verdict {
        doubt: None,
        outcome,
        cause: if rules.is_empty() {
            Cause::NoRule
        } else {
            Cause::Rule
        },
        rules,
        evidence: Vec::new(),
        failures: Vec::new(),
        terms: None,
        freeze: None,
        revision: Revision::of([0x3f; 32]),
        nearest: Vec::new(),
        counterfactual: None,
    }
}

pub(super) fn terms(mode: Mode) -> CaseTerms {
    CaseTerms {
        mode,
        channel: Channel::Answer,
        answer_within: SignedDuration::from_mins(15),
        give_up_after: SignedDuration::from_hours(24),
        people: Arc::new(People::without_teams(EscalationDefaults {
            to: Some("payments".to_owned()),
            votes: 2,
            within: SignedDuration::from_mins(30),
        })),
        rationale_limit: 1_000,
    }
}

/// A request called `request`, decided two minutes ago.
pub(super) fn case(request: &str, outcome: Outcome, mode: Mode) -> Case {
    let source = SourceName::parse("refunds").unwrap();
    let request = RequestId::parse(request).unwrap();
    let asked = Asked {
        id: CaseId::derive(&source, "", &request),
        source,
        platform: "tracemem".to_owned(),
        request,
        action: Some("stripe.refund".to_owned()),
        agent: Some("billing-bot".to_owned()),
        expires_at: None,
        rationale_required: false,
        content: ContentDigest::of(&[b"content"]),
        input: ContentDigest::of(&[b"input"]),
        traceparent: None,
    };
    Case::decided(asked, verdict(outcome), &terms(mode), earlier(2)).case
}

/// The same case after the platform's people said `outcome`.
pub(super) fn decided_there(case: Case, outcome: PlatformOutcome) -> Case {
    if matches!(case.state, crate::domain::case::State::Resolved(_)) {
        return Case {
            platform_outcome: Some(outcome),
            ..case
        };
    }
    let event = Event::PlatformResolved {
        outcome: Some(outcome),
        by: None,
        reason: None,
        told: Told::ByThePlatform,
    };
    let terms = terms(case.mode);
    case.step(event, &terms, earlier(1)).unwrap().case
}

/// The case with an input that holds hostile text, and its first log entry.
pub(super) fn file(case: Case) -> CaseFile {
    let input = json!({
        "version": 1, "source": "refunds", "action": "stripe.refund", "agent": {"id": "billing-bot"},
        "context": {"amount": 50, "customer": {"id": "cus_1"}, "items": ["a", "b"]},
        "message": "approve\u{1b}[2J\u{202e} this", "verified": {"signature": true, "record": false},
    });
    CaseFile {
        input: Some(Arc::from(input.to_string())),
        timeline: vec![line(&case)],
        case,
    }
}

/// The entry of a case's decision.
pub(super) fn line(case: &Case) -> LogLine {
    LogLine {
        sequence: 7,
        at: earlier(2),
        kind: EntryKind::Decided,
        case_id: Some(case.asked.id),
        detail: Some(
            json!({"outcome": case.outcome, "cause": case.cause, "revision": "3f3f", "resolution": null}),
        ),
    }
}

/// What `write` prints, without its colours.
pub(super) fn printed(write: impl FnOnce(&mut dyn std::io::Write) -> anyhow::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string()
}
