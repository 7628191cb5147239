//! Policy sets of a given size, and a request that ten of their rules are for.

use std::fmt::Write as _;

use countersign::policy::folder::PolicyFiles;
use countersign::policy::{Budget, Input, PolicySet};
use jiff::Timestamp;
use serde_json::{Value, json};

/// How many rules look at the action that is asked about.
const FOR_THE_ACTION: usize = 10;

/// Where the rules are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// All in one package.
    OnePackage,
    /// Each in a package of its own; the ten for the action in one.
    ManyPackages,
}

/// The shapes and sizes that are measured.
pub(crate) const SETS: [(Shape, usize); 5] = [
    (Shape::OnePackage, 10),
    (Shape::OnePackage, 1_000),
    (Shape::ManyPackages, 10),
    (Shape::ManyPackages, 1_000),
    (Shape::ManyPackages, 10_000),
];

impl Shape {
    /// In words.
    pub(crate) fn name(self, rules: usize) -> String {
        match self {
            Self::OnePackage => format!("{rules} rules in one package"),
            Self::ManyPackages => format!("{rules} rules in as many packages"),
        }
    }
}

/// The files of a set, as path and text.
pub(crate) fn texts(shape: Shape, rules: usize) -> Vec<(String, String)> {
    let trusted: Vec<String> = (0..100).map(|number| format!("agent-{number}")).collect();
    let data = json!({ "trusted": trusted }).to_string();
    let mut files = vec![("data.json".to_owned(), data)];
    let mut pay = "package approvals.pay\n\n".to_owned();
    for number in 0..FOR_THE_ACTION {
        pay.push_str(&rule("pay", number));
    }
    let others = FOR_THE_ACTION..rules;
    match shape {
        Shape::OnePackage => {
            for number in others {
                pay.push_str(&rule(&format!("act.{number}"), number));
            }
        }
        Shape::ManyPackages => files.extend(others.map(|number| {
            let text = format!(
                "package approvals.p{number}\n\n{}",
                rule(&format!("act.{number}"), number)
            );
            (format!("approvals/p{number}/rules.rego"), text)
        })),
    }
    files.push(("approvals/pay/pay.rego".to_owned(), pay));
    files
}

/// One rule for `action`: of ten, one approves small amounts, one rejects huge ones, and eight ask about what this
/// request is not.
fn rule(action: &str, number: usize) -> String {
    let mut text = format!("# METADATA\n# title: Rule {number}\n");
    let _ = match number % FOR_THE_ACTION {
        0 => write!(
            text,
            "approve contains reason if {{\n\tinput.action == \"{action}\"\n\tinput.context.amount > 0\n\tinput.context.amount < 100\n\tinput.agent.id in data.trusted\n\treason := sprintf(\"%v is under 100\", [input.context.amount])\n}}\n\n"
        ),
        1 => write!(
            text,
            "reject contains \"it is huge\" if {{\n\tinput.action == \"{action}\"\n\tinput.context.amount >= 10000\n}}\n\n"
        ),
        _ => write!(
            text,
            "escalate contains \"rule {number} asks\" if {{\n\tinput.action == \"{action}\"\n\tinput.context.amount >= {}\n\tinput.context.currency == \"USD\"\n}}\n\n",
            number % FOR_THE_ACTION * 100
        ),
    };
    text
}

/// The set, loaded.
pub(crate) fn load(shape: Shape, rules: usize) -> PolicySet {
    let files = PolicyFiles::of(texts(shape, rules)).unwrap();
    PolicySet::load(files, Budget::default()).unwrap().set
}

/// A payload of about two kilobytes with some sixty fields, as platforms send them.
pub(crate) fn context() -> Value {
    let lines: Vec<Value> = (0..12)
        .map(|line| json!({"sku": format!("sku-{line:04}"), "quantity": line + 1, "unit_price": 3.5, "note": "as ordered by phone"}))
        .collect();
    json!({
        "amount": 42, "currency": "USD", "customer_id": "cus_4411", "order": {"id": "ord_991", "lines": lines},
        "history": {"refunds": 2, "chargebacks": 0, "since": "2021-04-01"}, "channel": "email", "ticket": "TCK-20117",
    })
}

/// The policy input of a request that is approved by one of ten rules.
pub(crate) fn input() -> Input {
    let text = json!({
        "version": 1, "source": "tm", "platform": "tracemem", "id": "appr_1", "action": "pay", "agent": {"id": "agent-7"},
        "context": context(), "title": "A payment", "rationale_required": true, "now": "2026-01-01T00:00:00Z",
        "verified": {"signature": true, "record": false}, "payload": {"event": "approval.requested"},
    });
    Input::parse(&text.to_string()).unwrap()
}

/// The time of every decision here.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_767_225_600).unwrap()
}
