use super::*;
use crate::domain::id::Revision;
use crate::domain::verdict::MissingEvidence;

fn verdict(cause: Cause) -> Verdict {
    Verdict {
        doubt: None,
        outcome: Outcome::Escalate,
        cause,
        rules: Vec::new(),
        evidence: Vec::new(),
        failures: Vec::new(),
        terms: None,
        freeze: None,
        revision: Revision::of([0x3f; 32]),
        nearest: Vec::new(),
        counterfactual: None,
    }
}

fn missing(path: &str, rule: &str, line: u32) -> MissingEvidence {
    MissingEvidence {
        path: format!("input.context.{path}"),
        saw: "null".to_owned(),
        rule: rule.to_owned(),
        file: "refunds.rego".to_owned(),
        line,
    }
}

#[test]
fn a_fact_that_several_rules_need_is_named_once() {
    let verdict = Verdict {
        doubt: None,
        evidence: vec![
            missing("amount", "approve#a", 9),
            missing("amount", "approve#a", 7),
            missing("amount", "reject#b", 20),
            missing("amount", "reject#c", 21),
            missing("amount", "reject#d", 22),
            missing("customer", "approve#a", 8),
        ],
        ..verdict(Cause::Evidence)
    };
    insta::assert_snapshot!(full(&verdict), @r"
    Left to a person: policy 3f3f3f3f3f3f could not rely on the request's facts: `input.context.amount` is null (approve#a, reject#b, reject#c, and 1 more), `input.context.customer` is null (approve#a).
      `input.context.amount` is null, needed by approve#a (refunds.rego:7, 9)
      `input.context.amount` is null, needed by reject#b (refunds.rego:20)
      `input.context.amount` is null, needed by reject#c (refunds.rego:21)
      `input.context.amount` is null, needed by reject#d (refunds.rego:22)
      `input.context.customer` is null, needed by approve#a (refunds.rego:8)
    ");
}

#[test]
fn what_conditions_saw_stands_in_one_column() {
    let condition = |text: &str, value: &str| Condition {
        text: text.to_owned(),
        truth: Truth::True,
        values: vec![("input.x".to_owned(), value.to_owned())],
        file: "refunds.rego".to_owned(),
        line: 7,
    };
    let long = format!("input.x in {{{}}}", "1, ".repeat(30));
    let rule = FiredRule {
        id: "approvals.escalate#large".to_owned(),
        set: RuleSet::Escalate,
        title: "Large".to_owned(),
        reason: "it is large".to_owned(),
        file: "refunds.rego".to_owned(),
        line: 5,
        conditions: vec![
            condition("input.x > 0", "5"),
            condition("input.x < 100000", "5"),
            condition(&long, "5"),
        ],
    };
    let verdict = Verdict {
        doubt: None,
        rules: vec![rule],
        ..verdict(Cause::Rule)
    };
    let text = full(&verdict);
    let lines: Vec<&str> = text.lines().skip(3).collect();
    assert_eq!(lines[0], "    ✓ input.x > 0       input.x = 5");
    assert_eq!(lines[1], "    ✓ input.x < 100000  input.x = 5");
    assert_eq!(lines[2], format!("    ✓ {long}  input.x = 5"));
}

fn said(reasons: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, reason): &(&str, &str)| ((*name).to_owned(), (*reason).to_owned());
    reasons.iter().map(owned).collect()
}

#[test]
fn each_voter_is_named_with_their_own_reason() {
    let differing = said(&[("alice", "I called them"), ("bob", ""), ("carol", "seen")]);
    insta::assert_snapshot!(by_people("Approved", &differing, 500), @"Approved by alice, bob, carol: I called them (alice); seen (carol)");
    let alike = said(&[("alice", "known"), ("bob", "known")]);
    insta::assert_snapshot!(by_people("Approved", &alike, 500), @"Approved by alice, bob: known");
    let forged = said(&[("alice", "ok; carol: seen (carol)")]);
    insta::assert_snapshot!(by_people("Approved", &forged, 500), @"Approved by alice: ok; carol: seen (carol)");
    let silent = said(&[("alice", ""), ("bob", "")]);
    insta::assert_snapshot!(by_people("Rejected", &silent, 500), @"Rejected by alice, bob");
}

#[test]
fn a_long_reason_does_not_cut_off_another_voter() {
    let long = "because ".repeat(100);
    let both = said(&[("alice", &long), ("bob", "seen the invoice")]);
    insta::assert_snapshot!(by_people("Approved", &both, 66), @"Approved by alice, bob: because beca… (alice); seen the inv… (bob)");
    let names = said(&[("alice", &long), ("bob", &long)]);
    let tight = by_people("Approved", &names, 20);
    assert_eq!(tight.chars().count(), 20, "{tight}");
}
