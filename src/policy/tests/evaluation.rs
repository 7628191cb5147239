use super::*;

const REFUNDS: &str = r#"# METADATA
# title: Refunds
# custom: {owner: payments-ops}
package approvals.refunds

import data.lib.money

# METADATA
# title: Small refund
approve contains reason if {
	input.action == "stripe.refund"
	input.context.amount > 0
	money.at_most(input.context.amount, limit)
	not blocked
	reason := sprintf("refund of $%v is under the $%v limit", [input.context.amount, limit])
}

limit_of := data.limits.refund

limit := limit_of

blocked if input.agent.id in data.blocked

reject contains "customer is on the fraud list" if {
	input.action == "stripe.refund"
	input.context.customer_id in data.fraud.customers
}

escalate contains {"reason": "first refund of a new agent", "to": "payments", "votes": 2, "within": "30m"} if {
	input.action == "stripe.refund"
	not input.agent.id in data.agents.known
}
"#;

const MONEY: &str =
    "package lib.money\n\nat_most(amount, most) if {\n\tis_number(amount)\n\tamount <= most\n}\n";

fn refunds() -> PolicySet {
    let data = json!({
        "limits": {"refund": 100}, "blocked": ["mallory"], "fraud": {"customers": ["cus_bad"]},
        "agents": {"known": ["billing-bot", "mallory"]},
    });
    load(
        &[
            ("approvals/refunds.rego", REFUNDS),
            ("lib/money.rego", MONEY),
        ],
        data,
    )
    .set
}

fn refund(amount: u32, customer: &str, agent: &str) -> Value {
    json!({"action": "stripe.refund", "agent": {"id": agent}, "context": {"amount": amount, "customer_id": customer}})
}

#[test]
fn a_small_refund_is_approved_with_the_conditions_that_held() {
    let verdict = ask(&refunds(), &refund(42, "cus_1", "billing-bot"));
    assert_eq!(
        says(&verdict),
        (Outcome::Approve, Cause::Rule),
        "{verdict:#?}"
    );
    insta::assert_json_snapshot!(verdict.rules, @r##"
        [
          {
            "id": "approvals.refunds.approve#small-refund",
            "set": "approve",
            "title": "Small refund",
            "reason": "refund of $42 is under the $100 limit",
            "file": "approvals/refunds.rego",
            "line": 10,
            "conditions": [
              {
                "text": "input.action == \"stripe.refund\"",
                "truth": "true",
                "values": [
                  [
                    "input.action",
                    "\"stripe.refund\""
                  ]
                ],
                "file": "approvals/refunds.rego",
                "line": 11
              },
              {
                "text": "input.context.amount > 0",
                "truth": "true",
                "values": [
                  [
                    "input.context.amount",
                    "42"
                  ]
                ],
                "file": "approvals/refunds.rego",
                "line": 12
              },
              {
                "text": "money.at_most(input.context.amount, limit)",
                "truth": "true",
                "values": [
                  [
                    "input.context.amount",
                    "42"
                  ],
                  [
                    "limit",
                    "100"
                  ]
                ],
                "file": "approvals/refunds.rego",
                "line": 13
              },
              {
                "text": "not blocked",
                "truth": "true",
                "values": [
                  [
                    "blocked",
                    "undefined"
                  ]
                ],
                "file": "approvals/refunds.rego",
                "line": 14
              },
              {
                "text": "reason := sprintf(\"refund of $%v is under the $%v limit\", [input.context.amount, limit])",
                "truth": "true",
                "values": [
                  [
                    "reason",
                    "\"refund of $42 is under the $100 limit\""
                  ]
                ],
                "file": "approvals/refunds.rego",
                "line": 15
              }
            ]
          }
        ]
    "##);
}

#[test]
fn reject_beats_escalate_beats_approve() {
    let set = refunds();
    let verdict = ask(&set, &refund(42, "cus_bad", "stranger"));
    assert_eq!(
        says(&verdict),
        (Outcome::Reject, Cause::Rule),
        "{verdict:#?}"
    );
    let sets: Vec<_> = verdict.rules.iter().map(|rule| rule.set).collect();
    assert_eq!(sets, [RuleSet::Reject, RuleSet::Approve, RuleSet::Escalate]);
    let verdict = ask(&set, &refund(42, "cus_1", "stranger"));
    assert_eq!(
        says(&verdict),
        (Outcome::Escalate, Cause::Rule),
        "{verdict:#?}"
    );
    let terms = verdict.terms.unwrap();
    assert_eq!(
        (terms.to.as_deref(), terms.votes, terms.within_seconds),
        (Some("payments"), Some(2), Some(1800))
    );
    let verdict = ask(&set, &refund(420, "cus_1", "billing-bot"));
    assert_eq!(
        says(&verdict),
        (Outcome::Escalate, Cause::NoRule),
        "{verdict:#?}"
    );
    assert_eq!(
        says(&ask(&set, &json!({"action": "other"}))),
        (Outcome::Escalate, Cause::NoRule)
    );
}

#[test]
fn ids_come_from_titles_and_ordinals() {
    let set = one(
        "package approvals\n\n# METADATA\n# title: Über Alles!\nreject contains \"a\" if input.action == \"a\"\n\n# METADATA\n# title: Über alles\nreject contains \"b\" if input.action == \"a\"\n\nreject contains \"c\" if input.action == \"a\"\n",
    );
    let ids: Vec<_> = set.rules().iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "approvals.reject#über-alles",
            "approvals.reject#über-alles-2",
            "approvals.reject#3"
        ]
    );
    assert_eq!(refunds().rules()[0].owner.as_deref(), Some("payments-ops"));
}

#[test]
fn the_time_is_the_time_of_the_decision() {
    let set = one(
        "package approvals\n\napprove contains \"early\" if {\n\tinput.action == \"a\"\n\ttime.now_ns() < 10\n}\n",
    );
    assert_eq!(ask(&set, &json!({"action": "a"})).outcome, Outcome::Approve);
    let input = Input::parse(r#"{"action": "a"}"#).unwrap();
    let later = decide(&set, &input, Timestamp::from_second(1_700_000_000).unwrap());
    assert_eq!(says(&later), (Outcome::Escalate, Cause::NoRule));
}

#[test]
fn the_same_set_and_input_give_the_same_bytes() {
    let input = refund(42, "cus_1", "billing-bot");
    let first = serde_json::to_string(&ask(&refunds(), &input)).unwrap();
    let set = refunds();
    for _ in 0..3 {
        assert_eq!(serde_json::to_string(&ask(&set, &input)).unwrap(), first);
    }
    let set = refunds();
    let elsewhere = std::thread::spawn(move || serde_json::to_string(&ask(&set, &input)).unwrap());
    assert_eq!(elsewhere.join().unwrap(), first);
}

#[test]
fn an_assignment_of_what_is_undefined_ends_the_body() {
    let set = one(
        "package approvals\n\napprove contains \"x\" if {\n\tinput.action == \"a\"\n\tlimit := missing\n}\n\napprove contains \"y\" if {\n\tinput.action == \"b\"\n\thelper\n}\n\nhelper if limit := missing\n\nmissing := 1 if input.action == \"c\"\n",
    );
    assert_eq!(
        says(&ask(&set, &json!({"action": "a"}))),
        (Outcome::Escalate, Cause::NoRule)
    );
    assert_eq!(
        says(&ask(&set, &json!({"action": "b"}))),
        (Outcome::Escalate, Cause::NoRule)
    );
}

#[test]
fn a_body_that_gives_several_elements_fires_once_for_each() {
    let set = one(
        "package approvals\n\nreject contains reason if {\n\tinput.action == \"a\"\n\tsome item in input.context.items\n\titem.price > 10\n\treason := sprintf(\"%v is too dear\", [item.name])\n}\n",
    );
    let verdict = ask(
        &set,
        &json!({"action": "a", "context": {"items": [
        {"name": "pen", "price": 2}, {"name": "car", "price": 20}, {"name": "boat", "price": 30}]}}),
    );
    let reasons: Vec<_> = verdict
        .rules
        .iter()
        .map(|rule| rule.reason.as_str())
        .collect();
    assert_eq!(reasons, ["boat is too dear", "car is too dear"]);
    let prices: Vec<_> = verdict
        .rules
        .iter()
        .flat_map(|rule| &rule.conditions)
        .flat_map(|condition| &condition.values)
        .filter(|(text, _)| text == "item.price")
        .map(|(_, value)| value.as_str())
        .collect();
    assert_eq!(prices, ["30", "20"]);
}

#[test]
fn rules_of_one_package_in_two_files_see_each_other() {
    let set = load(
        &[
            ("approvals/a.rego", "package approvals\n\nimport data.lib.money\n\nreject contains \"x\" if {\n\tinput.action == \"a\"\n\thelper(input.n)\n}\n"),
            ("approvals/b.rego", "# a comment first\npackage approvals\n\nhelper(n) if not money.at_most(n, 5)\n\nescalate contains \"y\" if input.action in {\"a\", \"b\"}\n"),
            ("lib/money.rego", MONEY),
        ],
        json!({}),
    )
    .set;
    assert_eq!(
        ask(&set, &json!({"action": "a", "n": 9})).outcome,
        Outcome::Reject
    );
    let verdict = ask(&set, &json!({"action": "a", "n": 1}));
    assert_eq!(says(&verdict), (Outcome::Escalate, Cause::Rule));
    assert_eq!(
        (verdict.rules[0].file.as_str(), verdict.rules[0].line),
        ("approvals/b.rego", 6)
    );
}
