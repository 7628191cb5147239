use serde_json::json;

use super::*;
use crate::cli::samples;
use crate::domain::explanation::examples::refund_of_120;
use crate::domain::explanation::{Explanation, Missing};
use crate::domain::near::{Change, Counterfactual, nearest};
use crate::domain::verdict::Verdict;

fn account() -> Account {
    let mut explanation = refund_of_120();
    let vip = &mut explanation.rules[1].conditions[1];
    vip.missing = vec![Missing {
        path: "input.context.vip".to_owned(),
        saw: "absent".to_owned(),
    }];
    Account {
        verdict: Verdict {
            nearest: nearest(&explanation),
            counterfactual: Some(Counterfactual {
                set: vec![Change {
                    path: "/context/amount".to_owned(),
                    from: Some(json!(120)),
                    to: json!(99),
                }],
                outcome: Outcome::Approve,
            }),
            ..samples::verdict(Outcome::Escalate)
        },
        explanation,
    }
}

fn page(account: &Account, rules: Rules) -> String {
    samples::printed(|out| write(out, account, rules))
}

#[test]
fn the_nearest_rules_are_shown_with_what_kept_them_and_what_would_not() {
    insta::assert_snapshot!(page(&account(), Rules::Nearest), @r#"
    escalate  Left to a person: no rule of policy 3f3f3f3f3f3f matched.

    ✗ Small refund  approve  approvals/refunds/refunds.rego:12
      ✓ input.action == "stripe.refund"                       input.action = "stripe.refund"
      ✓ agents.may(input.agent.id, "stripe.refund")           input.agent.id = "billing-bot"
        ✓ agents.may                                          lib/agents/agents.rego:5
          ✓ "stripe.refund" in data.agents.may[agent]         data.agents.may[agent] = ["stripe.refund"]
      ✓ input.context.amount > 0                              input.context.amount = 120
      ✗ input.context.amount < data.limits.refunds.automatic  input.context.amount = 120, data.limits.refunds.automatic = 100

    ✗ Known customer  approve  approvals/refunds/refunds.rego:22
      ✓ input.action == "stripe.refund"  input.action = "stripe.refund"
      ? input.context.vip                input.context.vip is absent
      ✗ input.context.amount < 110       input.context.amount = 120

    … and 2 more rules (--all shows them)

    Nearest to approving
      Small refund: `input.context.amount` is 120, needs < 100 (`data.limits.refunds.automatic`); the other 3 conditions hold
      Known customer: `input.context.vip` is absent; one more condition does not hold, 1 does

    Would be approved with `input.context.amount` = 99 (verified).
    "#);
}

#[test]
fn all_rules_are_shown_when_asked_for() {
    let page = page(&account(), Rules::All);
    assert!(
        page.contains("✗ Fraud list  reject") && page.contains("✗ Any payout"),
        "{page}"
    );
    assert!(!page.contains("--all"), "{page}");
}

#[test]
fn what_decided_comes_first() {
    let mut account = account();
    account.explanation.rules[2].truth = Truth::True;
    account.explanation.rules[2].reasons = vec!["the customer is on the list".to_owned()];
    account.verdict.outcome = Outcome::Reject;
    let page = page(&account, Rules::Nearest);
    let place = |title| page.find(title).unwrap();
    assert!(place("✓ Fraud list") < place("✗ Small refund"), "{page}");
    assert!(page.contains("    the customer is on the list\n"));
}

#[test]
fn no_rule_and_no_change_are_said() {
    let account = Account {
        verdict: samples::verdict(Outcome::Escalate),
        explanation: Explanation::default(),
    };
    insta::assert_snapshot!(page(&account, Rules::Nearest), @"
    escalate  Left to a person: no rule of policy 3f3f3f3f3f3f matched.

    No rule is about this request.
    ");
}

#[test]
fn an_approval_is_shown_without_what_might_have_been() {
    let account = Account {
        verdict: samples::verdict(Outcome::Approve),
        explanation: refund_of_120(),
    };
    let page = page(&account, Rules::Nearest);
    assert!(
        !page.contains("Nearest") && !page.contains("change"),
        "{page}"
    );
    assert!(page.contains("… and 4 rules (--all shows them)"), "{page}");
}

#[test]
fn strangers_text_cannot_move_the_cursor() {
    let mut account = account();
    account.explanation.rules[0].conditions[3].values[0].1 = "\u{1b}[2J\u{202e}".to_owned();
    let page = page(&account, Rules::Nearest);
    assert!(page.contains("\\u{1b}[2J\\u{202e}"), "{page}");
}

#[test]
fn a_name_is_shown_where_a_condition_looks_at_it_and_a_reason_is_not() {
    let mut account = account();
    let conditions = &mut account.explanation.rules[0].conditions;
    let mut named = |text: &str| {
        let mut named = conditions[0].clone();
        named.text = text.to_owned();
        conditions.push(named);
    };
    named("reason := \"it is small\"");
    named("hour := time.clock(input.now)[0]");
    named("hour >= 9");
    let page = page(&account, Rules::Nearest);
    assert!(
        !page.contains("reason :=") && page.contains("✓ hour :="),
        "{page}"
    );
    let near = &nearest(&account.explanation)[0];
    assert_eq!(
        (near.title.as_str(), near.fails, near.holds),
        ("Small refund", 1, 4)
    );
}
