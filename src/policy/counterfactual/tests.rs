use serde_json::json;

use super::*;
use crate::domain::explanation::examples::{
    compared, condition, data, field, literal, on_action, refund_of_120, rule,
};
use crate::domain::explanation::{Comparison, Operator, Side};
use crate::domain::verdict::{RuleSet, Truth};

fn explained(comparison: Comparison) -> Explanation {
    let conditions = vec![condition(2, comparison)];
    Explanation {
        rules: vec![rule(RuleSet::Approve, "Rule", 1, conditions)],
    }
}

/// Everything that is proposed, in order.
fn proposed(explanation: &Explanation, context: impl Into<Value>) -> Vec<String> {
    let input = json!({"action": "stripe.refund", "agent": {"id": "a"}, "context": context.into()});
    candidates::candidates(explanation, &input)
        .into_iter()
        .map(|change| format!("{} = {}", change.path, change.to))
        .collect()
}

fn of_amount(now: Value, operator: Operator, than: Value) -> Vec<String> {
    let truth = if now.is_number() {
        Truth::False
    } else {
        Truth::Unknown
    };
    let context = if now.is_null() {
        json!({})
    } else {
        json!({"amount": now})
    };
    proposed(
        &explained(compared(
            field("amount", now),
            operator,
            literal(than),
            truth,
        )),
        context,
    )
    .into_iter()
    .map(|change| change.replace("/context/amount = ", ""))
    .collect()
}

#[test]
fn numbers_go_to_the_threshold_by_the_coarser_unit_and_later_by_a_finer_one() {
    assert_eq!(
        of_amount(json!(120), Operator::Less, json!(100)),
        ["99", "99.99"]
    );
    assert_eq!(
        of_amount(json!(120.5), Operator::Less, json!(100)),
        ["99", "99.99"]
    );
    assert_eq!(
        of_amount(json!(120.55), Operator::Less, json!(99.50)),
        ["99.4", "99.49"]
    );
    assert_eq!(of_amount(json!(120), Operator::AtMost, json!(100)), ["100"]);
    assert_eq!(
        of_amount(json!(-5), Operator::Greater, json!(0)),
        ["1", "0.01"]
    );
    assert_eq!(of_amount(json!(3), Operator::AtLeast, json!(5)), ["5"]);
}

#[test]
fn an_absent_field_is_set_and_the_text_of_a_number_becomes_the_number() {
    assert_eq!(
        of_amount(Value::Null, Operator::Less, json!(100)),
        ["99", "99.99"]
    );
    assert_eq!(
        of_amount(json!("50"), Operator::Less, json!(100)),
        ["50", "99", "99.99"]
    );
}

#[test]
fn words_truths_and_members_are_taken_from_what_policy_asks_for() {
    let currency = field("currency", json!("EUR"));
    let equal = explained(compared(
        currency,
        Operator::Equal,
        literal(json!("USD")),
        Truth::False,
    ));
    assert_eq!(
        proposed(&equal, json!({"currency": "EUR"})),
        [r#"/context/currency = "USD""#]
    );

    let held = explained(compared(
        field("ok", json!(false)),
        Operator::Holds,
        None,
        Truth::False,
    ));
    assert_eq!(
        proposed(&held, json!({"ok": false})),
        ["/context/ok = true"]
    );

    let region = field("region", json!("us-2"));
    let regions = data("regions", json!(["eu-1", "us-1", {"no": "thing"}]));
    let member = explained(compared(region, Operator::In, regions, Truth::False));
    assert_eq!(
        proposed(&member, json!({"region": "us-2"})),
        [r#"/context/region = "us-1""#, r#"/context/region = "eu-1""#]
    );

    let labels = field("labels", json!(["a"]));
    let contains = explained(compared(
        literal(json!("legal")),
        Operator::In,
        labels.clone(),
        Truth::False,
    ));
    assert_eq!(
        proposed(&contains, json!({"labels": ["a"]})),
        [r#"/context/labels = ["a","legal"]"#]
    );
    let without = Comparison {
        wanted: false,
        ..compared(literal(json!("a")), Operator::In, labels, Truth::True)
    };
    assert_eq!(
        proposed(&explained(without), json!({"labels": ["a"]})),
        ["/context/labels = []"]
    );
}

#[test]
fn a_veto_is_taken_out_of_the_way_and_nothing_is_made_up() {
    let holds = |comparison| Explanation {
        rules: vec![rule(
            RuleSet::Escalate,
            "Veto",
            1,
            vec![on_action(2, "refund", "refund"), condition(3, comparison)],
        )],
    };
    let amount = compared(
        field("amount", json!(5_000)),
        Operator::AtLeast,
        literal(json!(1_000)),
        Truth::True,
    );
    assert_eq!(
        proposed(&holds(amount), json!({"amount": 5_000}))[0],
        "/context/amount = 999"
    );
    let currency = compared(
        field("currency", json!("EUR")),
        Operator::Unequal,
        literal(json!("USD")),
        Truth::True,
    );
    assert_eq!(
        proposed(&holds(currency), json!({"currency": "EUR"})),
        [r#"/context/currency = "USD""#]
    );
    let customer = compared(
        field("customer", json!("c1")),
        Operator::In,
        data("fraud", json!(["c1"])),
        Truth::True,
    );
    assert_eq!(
        proposed(&holds(customer), json!({"customer": "c1"})),
        Vec::<String>::new()
    );
    let flagged = compared(
        field("flagged", Value::Null),
        Operator::Holds,
        None,
        Truth::Unknown,
    );
    assert_eq!(
        proposed(&holds(flagged), json!({})),
        ["/context/flagged = false"]
    );
}

#[test]
fn only_what_the_asker_may_say_otherwise_is_proposed() {
    for pointer in [
        "/agent/id",
        "/action",
        "/id",
        "/verified/signature",
        "/now",
        "/title",
        "/payload/amount",
        "/context",
    ] {
        let side = Side {
            text: "somewhere".to_owned(),
            value: Some(json!("a")),
            pointer: Some(pointer.to_owned()),
        };
        let explanation = explained(compared(
            side,
            Operator::Equal,
            literal(json!("b")),
            Truth::False,
        ));
        assert_eq!(
            proposed(&explanation, json!({})),
            Vec::<String>::new(),
            "{pointer}"
        );
    }
    let side = Side {
        text: "input.payload.amount".to_owned(),
        value: Some(json!(120)),
        pointer: Some("/payload/amount".to_owned()),
    };
    let explanation = explained(compared(
        side,
        Operator::AtMost,
        literal(json!(100)),
        Truth::False,
    ));
    let bare = json!({"payload": {"amount": 120}});
    assert_eq!(candidates::candidates(&explanation, &bare).len(), 1);
}

#[test]
fn one_change_is_not_tried_where_two_conditions_fail_on_different_facts() {
    let mut explanation = refund_of_120();
    explanation.rules.remove(0);
    assert_eq!(
        proposed(&explanation, json!({"amount": 120, "customer_id": "cus_1"})),
        Vec::<String>::new()
    );
}

#[test]
fn the_smallest_change_that_is_approved_is_found_and_claimed() {
    let input = Input::parse(&json!({"context": {"amount": 120}}).to_string()).unwrap();
    let mut tried = Vec::new();
    let found = search(&refund_of_120(), &input, |changed| {
        tried.push(changed.text().to_owned());
        if changed.text().contains(r#""amount":99}"#) {
            Tried::Approves
        } else {
            Tried::DoesNot
        }
    });
    let found = serde_json::to_string(&found.unwrap()).unwrap();
    assert_eq!(
        found,
        r#"{"set":[{"path":"/context/amount","from":120,"to":99}],"outcome":"approve"}"#
    );
    assert_eq!(tried, [r#"{"context":{"amount":99}}"#]);
}

#[test]
fn nothing_is_claimed_that_was_not_approved_and_the_search_ends() {
    let input = Input::parse(&json!({"context": {"amount": 120}}).to_string()).unwrap();
    assert_eq!(search(&refund_of_120(), &input, |_| Tried::DoesNot), None);
    let mut tried = 0;
    let stopped = search(&refund_of_120(), &input, |_| {
        tried += 1;
        Tried::OutOfTime
    });
    assert_eq!((stopped, tried), (None, 1));

    let member = |n: u32| {
        condition(
            n,
            compared(
                field(&format!("f{n}"), Value::Null),
                Operator::Holds,
                None,
                Truth::Unknown,
            ),
        )
    };
    let many: Vec<_> = (0..200)
        .map(|n| rule(RuleSet::Approve, "Rule", n, vec![member(n)]))
        .collect();
    let mut tried = 0;
    let none = search(&Explanation { rules: many }, &input, |_| {
        tried += 1;
        Tried::DoesNot
    });
    assert_eq!((none, tried), (None, MOST_TRIED));
}

#[test]
fn a_change_makes_the_objects_on_its_way_and_nothing_else() {
    let change = |path: &str| Change {
        path: path.to_owned(),
        from: None,
        to: json!(true),
    };
    let before = json!({"context": {"items": [{"a": 1}], "text": "x"}});
    let after = |path| with(&before, &change(path)).map(|input| input.text().to_owned());
    assert_eq!(
        after("/context/customer/verified").unwrap(),
        r#"{"context":{"customer":{"verified":true},"items":[{"a":1}],"text":"x"}}"#
    );
    assert_eq!(
        after("/context/items/0/a").unwrap(),
        r#"{"context":{"items":[{"a":true}],"text":"x"}}"#
    );
    assert_eq!(after("/context/items/1"), None);
    assert_eq!(after("/context/text/length"), None);
}
