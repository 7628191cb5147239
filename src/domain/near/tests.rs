use serde_json::json;

use super::*;
use crate::domain::explanation::examples::{
    compared, condition, data, field, literal, on_action, refund_of_120, rule,
};
use crate::domain::id::Revision;
use crate::domain::rationale;
use crate::domain::rationale::near::{counterfactual, near_miss};
use crate::domain::verdict::{Cause, Verdict};

fn approves(conditions: Vec<ExplainedCondition>) -> Explanation {
    Explanation {
        rules: vec![rule(RuleSet::Approve, "Small refund", 12, conditions)],
    }
}

/// The near-miss of one comparison in words.
fn said(comparison: Comparison) -> String {
    let near = nearest(&approves(vec![condition(13, comparison)]));
    near_miss(&near[0])
}

fn not(comparison: Comparison) -> Comparison {
    Comparison {
        wanted: false,
        ..comparison
    }
}

#[test]
fn the_rule_with_the_fewest_failing_conditions_is_the_nearest() {
    let near = nearest(&refund_of_120());
    let words: Vec<String> = near.iter().map(near_miss).collect();
    insta::assert_snapshot!(words.join("\n"), @r"
    Small refund: `input.context.amount` is 120, needs < 100 (`data.limits.refunds.automatic`); the other 3 conditions hold
    Known customer: `input.context.vip` is absent; one more condition does not hold, 1 does
    ");
    assert_eq!(
        near[0].failing[0].shortfall.as_ref().unwrap().distance,
        Some(20.into())
    );
}

#[test]
fn a_rule_for_another_action_and_one_that_approves_are_not_near() {
    let explanation = Explanation {
        rules: vec![
            rule(
                RuleSet::Approve,
                "Payout",
                1,
                vec![on_action(2, "payout", "refund")],
            ),
            rule(
                RuleSet::Approve,
                "Refund",
                4,
                vec![on_action(5, "refund", "refund")],
            ),
            rule(
                RuleSet::Reject,
                "Fraud",
                7,
                vec![on_action(8, "refund", "refund")],
            ),
        ],
    };
    assert_eq!(nearest(&explanation), vec![]);
}

#[test]
fn each_kind_of_comparison_is_told_in_its_own_words() {
    let amount = |value| field("amount", value);
    let told = [
        said(compared(
            amount(json!(120.5)),
            Operator::AtMost,
            literal(json!(100)),
            Truth::False,
        )),
        said(compared(
            literal(json!(100)),
            Operator::Greater,
            amount(json!(120)),
            Truth::False,
        )),
        said(not(compared(
            amount(json!(120)),
            Operator::Greater,
            literal(json!(100)),
            Truth::True,
        ))),
        said(compared(
            amount(Value::Null),
            Operator::Less,
            literal(json!(100)),
            Truth::Unknown,
        )),
        said(compared(
            field("currency", json!("EUR")),
            Operator::Equal,
            literal(json!("USD")),
            Truth::False,
        )),
        said(compared(
            field("region", json!("us")),
            Operator::In,
            data("regions", json!(["eu"])),
            Truth::False,
        )),
        said(not(compared(
            field("region", json!("us")),
            Operator::In,
            data("regions", json!(["us"])),
            Truth::True,
        ))),
        said(compared(
            literal(json!("legal")),
            Operator::In,
            field("labels", json!(["a"])),
            Truth::False,
        )),
        said(compared(
            field("verified", json!(false)),
            Operator::Holds,
            None,
            Truth::False,
        )),
        said(not(compared(
            field("flagged", json!(true)),
            Operator::Holds,
            None,
            Truth::True,
        ))),
        said(compared(
            field("to", json!("x@y")),
            Operator::Matches,
            literal(json!("@acme.com")),
            Truth::False,
        )),
    ];
    insta::assert_snapshot!(told.join("\n").replace("Small refund: ", ""), @r#"
    `input.context.amount` is 120.5, needs <= 100
    `input.context.amount` is 120, needs < 100
    `input.context.amount` is 120, needs <= 100
    `input.context.amount` is absent, needs < 100
    `input.context.currency` is "EUR", needs == "USD"
    `input.context.region` is "us", needs to be in `data.regions`
    `input.context.region` is "us", needs to be outside `data.regions`
    `input.context.labels` is ["a"], needs to contain "legal"
    `input.context.verified` is false, needs true
    `input.context.flagged` is true, needs false
    `input.context.to` is "x@y", needs to match "@acme.com"
    "#);
}

#[test]
fn a_condition_that_compares_nothing_is_told_by_its_text() {
    let mut opaque = condition(
        13,
        compared(field("a", json!(1)), Operator::Holds, None, Truth::False),
    );
    opaque.comparisons.clear();
    opaque.text = "within_hours(input.now)".to_owned();
    let near = nearest(&approves(vec![opaque]));
    assert_eq!(
        near_miss(&near[0]),
        "Small refund: `within_hours(input.now)` does not hold"
    );
}

#[test]
fn conditions_that_hold_for_different_elements_are_told_so() {
    let mut explanation = approves(vec![on_action(13, "refund", "refund")]);
    explanation.rules[0].truth = Truth::False;
    let near = nearest(&explanation);
    assert_eq!((near[0].fails, near[0].holds), (0, 1));
    assert!(near_miss(&near[0]).contains("not all for the same element"));
}

#[test]
fn strangers_text_is_shown_and_cut() {
    let long = format!("\u{202e}{}", "a".repeat(500));
    let words = said(compared(
        field("a", json!(long)),
        Operator::Equal,
        literal(json!("b")),
        Truth::False,
    ));
    assert!(
        words.contains("\\u{202e}") && words.chars().count() < 250,
        "{words}"
    );
}

#[test]
fn pointers_are_written_as_policies_write_paths() {
    for (pointer, path) in [
        ("/context/amount", "input.context.amount"),
        ("/context/items/0/price", "input.context.items[0].price"),
        ("/context/charge id", r#"input.context["charge id"]"#),
        ("/context/a~1b/~0", r#"input.context["a/b"]["~"]"#),
    ] {
        assert_eq!(input_path(pointer), path);
    }
}

#[test]
fn a_counterfactual_keeps_its_names_and_tells_null_from_absent() {
    let change = |from| Change {
        path: "/context/amount".to_owned(),
        from,
        to: json!(99),
    };
    let found = |from| Counterfactual {
        set: vec![change(from)],
        outcome: Outcome::Approve,
    };
    for (from, text) in [
        (
            Some(json!(120)),
            r#"{"set":[{"path":"/context/amount","from":120,"to":99}],"outcome":"approve"}"#,
        ),
        (
            Some(Value::Null),
            r#"{"set":[{"path":"/context/amount","from":null,"to":99}],"outcome":"approve"}"#,
        ),
        (
            None,
            r#"{"set":[{"path":"/context/amount","to":99}],"outcome":"approve"}"#,
        ),
    ] {
        let found = found(from);
        assert_eq!(serde_json::to_string(&found).unwrap(), text);
        assert_eq!(serde_json::from_str::<Counterfactual>(text).unwrap(), found);
    }
    assert_eq!(
        counterfactual(Some(&found(None))),
        "would be approved with `input.context.amount` = 99 (verified)"
    );
    assert_eq!(
        counterfactual(None),
        "no single change was found that would approve it"
    );
}

#[test]
fn people_read_the_near_misses_and_platforms_do_not() {
    let nearest = nearest(&refund_of_120());
    let verdict = Verdict {
        doubt: None,
        outcome: Outcome::Escalate,
        cause: Cause::NoRule,
        rules: Vec::new(),
        evidence: Vec::new(),
        failures: Vec::new(),
        terms: None,
        freeze: None,
        revision: Revision::of([0x3f; 32]),
        nearest,
        counterfactual: None,
    };
    insta::assert_snapshot!(rationale::full(&verdict), @r"
    Left to a person: no rule of policy 3f3f3f3f3f3f matched.
      almost approves Small refund: `input.context.amount` is 120, needs < 100 (`data.limits.refunds.automatic`); the other 3 conditions hold
        approvals/refunds/refunds.rego:12  approvals.refunds.approve#small-refund
      almost approves Known customer: `input.context.vip` is absent; one more condition does not hold, 1 does
        approvals/refunds/refunds.rego:22  approvals.refunds.approve#known-customer
      no single change was found that would approve it
    ");
    insta::assert_snapshot!(rationale::short(&verdict), @"Left to a person: no rule of policy 3f3f3f3f3f3f matched.");
    let kept = serde_json::to_string(&verdict).unwrap();
    assert_eq!(serde_json::from_str::<Verdict>(&kept).unwrap(), verdict);
}

#[test]
fn a_verdict_from_before_there_were_near_misses_is_read_and_written_as_it_was() {
    let old = r#"{"outcome":"escalate","cause":"no_rule","rules":[],"evidence":[],"failures":[],"terms":null,"freeze":null,"revision":"3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f"}"#;
    let read: Verdict = serde_json::from_str(old).unwrap();
    assert_eq!(read.nearest, vec![]);
    assert_eq!(serde_json::to_string(&read).unwrap(), old);
}
