//! Explanations as an evaluation gives them, for tests.

use serde_json::{Value, json};

use super::{
    Comparison, ExplainedCondition, ExplainedHelper, ExplainedRule, Explanation, Operator, Side,
};
use crate::domain::verdict::{RuleSet, Truth};

const FILE: &str = "approvals/refunds/refunds.rego";

pub(crate) fn rule(
    set: RuleSet,
    title: &str,
    line: u32,
    conditions: Vec<ExplainedCondition>,
) -> ExplainedRule {
    let truths = || conditions.iter().map(|condition| condition.truth);
    let truth = if truths().any(|truth| truth == Truth::False) {
        Truth::False
    } else if truths().any(|truth| truth == Truth::Unknown) {
        Truth::Unknown
    } else {
        Truth::True
    };
    let reasons = match truth {
        Truth::True => vec![format!("{title} says so")],
        Truth::False | Truth::Unknown => Vec::new(),
    };
    let slug = title.to_lowercase().replace(' ', "-");
    ExplainedRule {
        id: format!("approvals.refunds.{set}#{slug}"),
        set,
        title: title.to_owned(),
        file: FILE.to_owned(),
        line,
        truth,
        reasons,
        conditions,
        reads: Vec::new(),
    }
}

/// A condition that is one comparison.
pub(crate) fn condition(line: u32, comparison: Comparison) -> ExplainedCondition {
    let sides = || std::iter::once(&comparison.left).chain(&comparison.right);
    let symbol = match comparison.operator {
        Operator::Less => "<",
        Operator::AtMost => "<=",
        Operator::Greater => ">",
        Operator::AtLeast => ">=",
        Operator::Equal => "==",
        Operator::Unequal => "!=",
        Operator::In => "in",
        Operator::Holds => "",
        Operator::Matches => "~",
    };
    let not = if comparison.wanted { "" } else { "not " };
    let texts: Vec<&str> = sides().map(|side| side.text.as_str()).collect();
    ExplainedCondition {
        text: format!("{not}{}", texts.join(&format!(" {symbol} "))),
        truth: match (comparison.truth, comparison.wanted) {
            (Truth::Unknown, _) => Truth::Unknown,
            (Truth::True, true) | (Truth::False, false) => Truth::True,
            (Truth::True, false) | (Truth::False, true) => Truth::False,
        },
        values: sides()
            .filter(|side| side.text.starts_with(['i', 'd']))
            .filter_map(|side| Some((side.text.clone(), side.value.as_ref()?.to_string())))
            .collect(),
        file: FILE.to_owned(),
        line,
        missing: Vec::new(),
        comparisons: vec![comparison],
        helpers: Vec::new(),
    }
}

pub(crate) fn compared(
    left: Side,
    operator: Operator,
    right: impl Into<Option<Side>>,
    truth: Truth,
) -> Comparison {
    Comparison {
        operator,
        left,
        right: right.into(),
        truth,
        wanted: true,
        file: FILE.to_owned(),
        line: 1,
    }
}

/// A field of the context; null stands for an absent one.
pub(crate) fn field(name: &str, value: Value) -> Side {
    Side {
        text: format!("input.context.{name}"),
        value: (!value.is_null()).then_some(value),
        pointer: Some(format!("/context/{name}")),
    }
}

pub(crate) fn literal(value: Value) -> Side {
    Side {
        text: value.to_string(),
        value: Some(value),
        pointer: None,
    }
}

pub(crate) fn data(path: &str, value: Value) -> Side {
    Side {
        text: format!("data.{path}"),
        value: Some(value),
        pointer: None,
    }
}

pub(crate) fn on_action(line: u32, action: &str, asked: &str) -> ExplainedCondition {
    let side = Side {
        text: "input.action".to_owned(),
        value: Some(json!(asked)),
        pointer: Some("/action".to_owned()),
    };
    let truth = if action == asked {
        Truth::True
    } else {
        Truth::False
    };
    condition(
        line,
        compared(side, Operator::Equal, literal(json!(action)), truth),
    )
}

/// A refund of 120 under rules that know three.
pub(crate) fn refund_of_120() -> Explanation {
    let amount = || field("amount", json!(120));
    let known = ExplainedCondition {
        text: "agents.may(input.agent.id, \"stripe.refund\")".to_owned(),
        values: vec![("input.agent.id".to_owned(), "\"billing-bot\"".to_owned())],
        comparisons: Vec::new(),
        helpers: vec![ExplainedHelper {
            name: "agents.may".to_owned(),
            file: "lib/agents/agents.rego".to_owned(),
            line: 5,
            truth: Truth::True,
            conditions: vec![ExplainedCondition {
                file: "lib/agents/agents.rego".to_owned(),
                ..condition(
                    6,
                    compared(
                        literal(json!("stripe.refund")),
                        Operator::In,
                        data("agents.may[agent]", json!(["stripe.refund"])),
                        Truth::True,
                    ),
                )
            }],
        }],
        ..on_action(14, "stripe.refund", "stripe.refund")
    };
    let small = vec![
        on_action(13, "stripe.refund", "stripe.refund"),
        known,
        condition(
            15,
            compared(amount(), Operator::Greater, literal(json!(0)), Truth::True),
        ),
        condition(
            16,
            compared(
                amount(),
                Operator::Less,
                data("limits.refunds.automatic", json!(100)),
                Truth::False,
            ),
        ),
    ];
    let vip = vec![
        on_action(23, "stripe.refund", "stripe.refund"),
        condition(
            24,
            compared(
                field("vip", Value::Null),
                Operator::Holds,
                None,
                Truth::Unknown,
            ),
        ),
        condition(
            25,
            compared(amount(), Operator::Less, literal(json!(110)), Truth::False),
        ),
    ];
    let fraud = vec![
        on_action(32, "stripe.refund", "stripe.refund"),
        condition(
            33,
            compared(
                field("customer_id", json!("cus_1")),
                Operator::In,
                data("fraud.customers", json!(["cus_9"])),
                Truth::False,
            ),
        ),
    ];
    let other = vec![on_action(42, "stripe.payout", "stripe.refund")];
    Explanation {
        rules: vec![
            rule(RuleSet::Approve, "Small refund", 12, small),
            rule(RuleSet::Approve, "Known customer", 22, vip),
            rule(RuleSet::Reject, "Fraud list", 31, fraud),
            rule(RuleSet::Approve, "Any payout", 41, other),
        ],
    }
}
