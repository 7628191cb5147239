//! What plain Rego approves and nobody meant to, row by row: a small amount of a customer who is not flagged.
//!
//! Every row is asked in both orders of the conditions, and wherever the flag is held: in the request, in a helper that
//! takes it as an argument, in data found by a key of the request, and in every account of the customer.

use countersign::domain::verdict::{Cause, Outcome};
use countersign::policy::input::InputError;
use countersign::policy::{Input, PolicySet};
use serde_json::{Value, json};

use crate::sets;

/// Where the flag is held.
struct Holding {
    name: &'static str,
    /// The condition that wants it not set.
    condition: &'static str,
    helper: &'static str,
    /// The request with this amount and flag; `None` leaves it out.
    request: fn(amount: Option<Value>, flag: Option<Value>) -> Value,
    data: fn(flag: Option<Value>) -> Value,
    /// How the flag's place is named; each would do.
    flag: &'static [&'static str],
    /// What else may be missing: in words, the request, the data, and how it is named.
    gaps: fn() -> Vec<Gap>,
}

struct Gap {
    what: &'static str,
    request: Value,
    data: Value,
    paths: &'static [&'static str],
}

fn gap(what: &'static str, request: Value, data: Value, paths: &'static [&'static str]) -> Gap {
    Gap {
        what,
        request,
        data,
        paths,
    }
}

/// An object of those fields that have a value.
fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let there = fields
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(there.collect())
}

fn about(amount: Option<Value>, name: &str, rest: Option<Value>) -> Value {
    json!({"action": "stripe.refund", "context": object([("amount", amount), (name, rest)])})
}

fn customer(amount: Option<Value>, flag: Option<Value>) -> Value {
    about(amount, "customer", Some(object([("flagged", flag)])))
}

fn by_id(amount: Option<Value>, _: Option<Value>) -> Value {
    about(amount, "customer_id", Some(json!("c1")))
}

fn accounts(amount: Option<Value>, flag: Option<Value>) -> Value {
    let second = object([("flagged", flag)]);
    about(
        amount,
        "accounts",
        Some(json!([{"flagged": false}, second])),
    )
}

fn no_data(_: Option<Value>) -> Value {
    json!({})
}

fn record(flag: Option<Value>) -> Value {
    json!({"customers": {"c1": object([("flagged", flag)])}})
}

const CUSTOMER: &[&str] = &["input.context.customer", "input.context.customer.flagged"];

fn no_customer() -> Vec<Gap> {
    let small = Some(json!(50));
    vec![
        gap(
            "no customer",
            about(small.clone(), "customer", None),
            json!({}),
            CUSTOMER,
        ),
        gap(
            "the customer is null",
            about(small, "customer", Some(json!(null))),
            json!({}),
            CUSTOMER,
        ),
    ]
}

fn no_record() -> Vec<Gap> {
    let small = Some(json!(50));
    let id = |id: Option<Value>| about(Some(json!(50)), "customer_id", id);
    let known = || json!({"customers": {"c1": {"flagged": false}}});
    vec![
        gap(
            "another customer's record",
            id(Some(json!("c2"))),
            known(),
            &["data.customers.c2", "data.customers.c2.flagged"],
        ),
        gap(
            "no records",
            by_id(small, None),
            json!({"limits": {}}),
            &[
                "data.customers",
                "data.customers.c1",
                "data.customers.c1.flagged",
            ],
        ),
        gap("no id", id(None), known(), &["input.context.customer_id"]),
        gap(
            "the id is null",
            id(Some(json!(null))),
            known(),
            &["input.context.customer_id"],
        ),
    ]
}

fn no_accounts() -> Vec<Gap> {
    let small = || Some(json!(50));
    let named: &[&str] = &["input.context.accounts"];
    vec![
        gap(
            "no accounts",
            about(small(), "accounts", None),
            json!({}),
            named,
        ),
        gap(
            "the accounts are null",
            about(small(), "accounts", Some(json!(null))),
            json!({}),
            named,
        ),
        gap(
            "the accounts are text",
            about(small(), "accounts", Some(json!("none"))),
            json!({}),
            named,
        ),
    ]
}

const HOLDINGS: &[Holding] = &[
    Holding {
        name: "the request, by a helper",
        condition: "not flagged",
        helper: "flagged if input.context.customer.flagged == true",
        request: customer,
        data: no_data,
        flag: &["input.context.customer.flagged"],
        gaps: no_customer,
    },
    Holding {
        name: "the request, by a function",
        condition: "not is_flagged(input.context.customer)",
        helper: "is_flagged(customer) if customer.flagged == true",
        request: customer,
        data: no_data,
        flag: &["input.context.customer.flagged"],
        gaps: no_customer,
    },
    Holding {
        name: "data, by a helper",
        condition: "not flagged",
        helper: "flagged if data.customers[input.context.customer_id].flagged == true",
        request: by_id,
        data: record,
        flag: &["data.customers.c1.flagged"],
        gaps: no_record,
    },
    Holding {
        name: "data, by a function",
        condition: "not is_flagged(input.context.customer_id)",
        helper: "is_flagged(id) if data.customers[id].flagged == true",
        request: by_id,
        data: record,
        flag: &["data.customers.c1.flagged"],
        gaps: no_record,
    },
    Holding {
        name: "every account",
        condition: "every account in input.context.accounts { not account.flagged == true }",
        helper: "",
        request: accounts,
        data: no_data,
        flag: &["input.context.accounts[1].flagged"],
        gaps: no_accounts,
    },
    Holding {
        name: "every account, by a function",
        condition: "every account in input.context.accounts { not is_flagged(account) }",
        helper: "is_flagged(account) if account.flagged == true",
        request: accounts,
        data: no_data,
        flag: &["input.context.accounts[1].flagged"],
        gaps: no_accounts,
    },
];

/// The policy in every order of its conditions, that of the amount and that of the flag.
fn orders(holding: &Holding, data: &Value) -> Vec<(String, PolicySet)> {
    let (amount, flag) = ("input.context.amount < 100", holding.condition);
    [[amount, flag], [flag, amount]]
        .into_iter()
        .map(|[first, second]| {
            let helper = holding.helper;
            let text = format!(
                "package approvals\n\napprove contains \"small\" if {{\n\tinput.action == \"stripe.refund\"\n\t{first}\n\t{second}\n}}\n\n{helper}\n"
            );
            (format!("{first}; {second}"), sets::of_text(&text, data.clone()))
        })
        .collect()
}

/// What must be said; paths are those of which one is named.
enum Said<'a> {
    Approve,
    NoRule,
    Evidence(&'a [&'a str]),
}

struct Row<'a> {
    what: String,
    request: Value,
    data: Value,
    /// What plain Rego says of it.
    plain: Outcome,
    said: Said<'a>,
}

fn ask(holding: &Holding, row: &Row<'_>) {
    for (order, set) in orders(holding, &row.data) {
        let about = format!("{} ({order}): {}", holding.name, row.what);
        assert_eq!(
            sets::plain(&set, &row.request).outcome,
            row.plain,
            "plain Rego, {about}"
        );
        let verdict = sets::guarded(&set, &row.request);
        let (outcome, cause) = match row.said {
            Said::Approve => (Outcome::Approve, Cause::Rule),
            Said::NoRule => (Outcome::Escalate, Cause::NoRule),
            Said::Evidence(_) => (Outcome::Escalate, Cause::Evidence),
        };
        assert_eq!(
            (verdict.outcome, verdict.cause),
            (outcome, cause),
            "{about}: {verdict:#?}"
        );
        let Said::Evidence(paths) = row.said else {
            assert!(verdict.evidence.is_empty(), "{about}: {verdict:#?}");
            continue;
        };
        let missing = verdict
            .evidence
            .iter()
            .find(|one| paths.contains(&one.path.as_str()));
        let missing = missing.unwrap_or_else(|| panic!("{about}: {verdict:#?}"));
        assert_eq!(missing.rule, "approvals.approve#1", "{about}");
        assert_eq!(missing.file, "approvals/x.rego", "{about}");
        assert!(missing.line >= 3, "{about}: {missing:?}");
        assert!(!missing.saw.is_empty(), "{about}: {missing:?}");
    }
}

/// What is special, the amount, the flag, what plain Rego says and what is to be said.
type Line<'a> = (&'a str, Option<Value>, Option<Value>, Outcome, Said<'a>);

fn rows(holding: &Holding, rows: Vec<Line<'_>>) {
    for (what, amount, flag, plain, said) in rows {
        let row = Row {
            what: what.to_owned(),
            request: (holding.request)(amount, flag.clone()),
            data: (holding.data)(flag),
            plain,
            said,
        };
        ask(holding, &row);
    }
}

const AMOUNT: &[&str] = &["input.context.amount"];

#[test]
fn what_is_all_there_is_answered_as_plain_rego_does() {
    for holding in HOLDINGS {
        let (no, yes) = (Some(json!(false)), Some(json!(true)));
        rows(
            holding,
            vec![
                (
                    "small, not flagged",
                    Some(json!(50)),
                    no.clone(),
                    Outcome::Approve,
                    Said::Approve,
                ),
                (
                    "large",
                    Some(json!(150)),
                    no.clone(),
                    Outcome::Escalate,
                    Said::NoRule,
                ),
                (
                    "flagged",
                    Some(json!(50)),
                    yes.clone(),
                    Outcome::Escalate,
                    Said::NoRule,
                ),
                (
                    "large and flagged",
                    Some(json!(150)),
                    yes,
                    Outcome::Escalate,
                    Said::NoRule,
                ),
                // A number is a number. The missing lower bound is for `probe` to find.
                (
                    "negative",
                    Some(json!(-5000)),
                    no,
                    Outcome::Approve,
                    Said::Approve,
                ),
            ],
        );
    }
}

#[test]
fn an_amount_that_is_no_number_is_asked_about() {
    for holding in HOLDINGS {
        let no = || Some(json!(false));
        let below = [
            ("null", json!(null)),
            ("true", json!(true)),
            ("false", json!(false)),
        ];
        for (what, amount) in below {
            rows(
                holding,
                vec![(
                    what,
                    Some(amount),
                    no(),
                    Outcome::Approve,
                    Said::Evidence(AMOUNT),
                )],
            );
        }
        let above = [
            ("text", json!("50")),
            ("a list", json!([50])),
            ("an object", json!({"value": 50})),
        ];
        for (what, amount) in above {
            rows(
                holding,
                vec![(
                    what,
                    Some(amount),
                    no(),
                    Outcome::Escalate,
                    Said::Evidence(AMOUNT),
                )],
            );
        }
        rows(
            holding,
            vec![(
                "absent",
                None,
                no(),
                Outcome::Escalate,
                Said::Evidence(AMOUNT),
            )],
        );
    }
}

#[test]
fn a_flag_that_is_neither_true_nor_false_is_asked_about() {
    for holding in HOLDINGS {
        let flags = [
            ("absent", None),
            ("null", Some(json!(null))),
            ("text", Some(json!("true"))),
            ("a number", Some(json!(1))),
        ];
        for (what, flag) in flags {
            let said = || Said::Evidence(holding.flag);
            rows(
                holding,
                vec![(
                    what,
                    Some(json!(50)),
                    flag.clone(),
                    Outcome::Approve,
                    said(),
                )],
            );
            // One condition is plainly false: whatever the flag is, nothing matches.
            rows(
                holding,
                vec![(
                    what,
                    Some(json!(150)),
                    flag,
                    Outcome::Escalate,
                    Said::NoRule,
                )],
            );
        }
    }
}

#[test]
fn what_holds_the_flag_is_asked_about_where_it_is_missing_itself() {
    for holding in HOLDINGS {
        for gap in (holding.gaps)() {
            // `every` over what is no collection does not hold in plain Rego.
            let plain = if holding.name.starts_with("every") {
                Outcome::Escalate
            } else {
                Outcome::Approve
            };
            let row = Row {
                what: gap.what.to_owned(),
                request: gap.request,
                data: gap.data,
                plain,
                said: Said::Evidence(gap.paths),
            };
            ask(holding, &row);
        }
    }
}

#[test]
fn a_flag_that_is_a_key_of_data_may_be_missing() {
    let text = "package approvals\n\napprove contains \"small\" if {\n\tinput.action == \"stripe.refund\"\n\tinput.context.amount < 100\n\tnot data.flagged[input.context.customer_id]\n}\n";
    let set = sets::of_text(text, json!({"flagged": {"c1": true}}));
    let about = |id: Option<Value>| about(Some(json!(50)), "customer_id", id);
    let unlisted = about(Some(json!("c2")));
    assert_eq!(sets::guarded(&set, &unlisted).outcome, Outcome::Approve);
    let listed = sets::guarded(&set, &about(Some(json!("c1"))));
    assert_eq!(
        (listed.outcome, listed.cause),
        (Outcome::Escalate, Cause::NoRule)
    );
    for id in [None, Some(json!(null))] {
        let request = about(id);
        assert_eq!(
            sets::plain(&set, &request).outcome,
            Outcome::Approve,
            "{request}"
        );
        let verdict = sets::guarded(&set, &request);
        assert_eq!(
            (verdict.outcome, verdict.cause),
            (Outcome::Escalate, Cause::Evidence),
            "{request}"
        );
        assert_eq!(verdict.evidence[0].path, "input.context.customer_id");
    }
}

#[test]
fn an_amount_that_is_given_twice_is_refused() {
    let text = r#"{"action": "stripe.refund", "context": {"amount": 5000, "amount": 5, "customer": {"flagged": false}}}"#;
    assert!(matches!(Input::parse(text), Err(InputError::Json(_))));
}

#[test]
fn what_was_seen_is_said() {
    let (_, set) = orders(&HOLDINGS[0], &json!({})).remove(0);
    let seen = |request: &Value| {
        let verdict = sets::guarded(&set, request);
        let missing = &verdict.evidence[0];
        (missing.path.clone(), missing.saw.clone(), missing.line)
    };
    let no = || Some(json!(false));
    let path = || "input.context.amount".to_owned();
    assert_eq!(
        seen(&customer(None, no())),
        (path(), "absent".to_owned(), 5)
    );
    let (at, saw, line) = seen(&customer(Some(json!(null)), no()));
    assert_eq!((at, line), (path(), 5));
    assert!(saw.starts_with("null"), "{saw}");
    let (at, saw, line) = seen(&customer(Some(json!("50")), no()));
    assert_eq!((at, line), (path(), 5));
    assert!(saw.contains("string") && saw.contains("number"), "{saw}");
}
