//! Loops that are run for nothing: what comes after them is looked at as well.

use countersign::domain::verdict::Outcome;
use serde_json::{Value, json};

use crate::sets;

/// What stands between a request and an approval here is not lost when a loop is run for nothing.
#[test]
fn what_comes_after_an_empty_loop_is_still_looked_at() {
    let data = json!({"blocked": {"mallory": true}, "numbers": [0, 50], "none": []});
    let request = json!({"action": "a", "items": [], "n": 0, "k": "x"});
    for condition in [
        "count([item | some item in input.items; data.blocked[item.kind]]) == 0\n\tinput.n in data.numbers",
        "every item in input.items { data.blocked[item.kind] }\n\tinput.n in data.numbers",
        "found := {item | some item in input.items; data.blocked[item.kind]}\n\tcount(found) == 0\n\tinput.n in data.numbers",
        "sum([p | some item in input.items; p := data.prices[item.kind]]) == 0\n\tinput.n == data.numbers[0]",
    ] {
        let text = format!(
            "package approvals\n\napprove contains \"fine\" if input.action == \"a\"\n\nreject contains \"no\" if {{\n\tinput.action == \"a\"\n\t{condition}\n}}\n"
        );
        assert_not_approved(&text, &data, &request);
    }
    for condition in [
        "count([one | some one in data.none; one == input.k]) == 0\n\tinput.n == 0",
        "every one in data.none { one == input.k }\n\tinput.n == 0",
    ] {
        let text = format!(
            "package approvals\n\napprove contains \"fine\" if {{\n\tinput.action == \"a\"\n\tnot bad\n}}\n\nbad if {{\n\t{condition}\n}}\n"
        );
        assert_not_approved(&text, &data, &request);
    }
}

/// An `else` below a branch that iterates is reached where the branch does not hold.
#[test]
fn what_comes_after_a_branch_that_iterates_is_still_looked_at() {
    let request = json!({"action": "a", "items": [{"safe": false}]});
    for (condition, helper) in [
        (
            "not risk == \"high\"",
            "risk := \"low\" if {\n\tsome item in input.items\n\titem.safe\n}\n\nelse := \"high\"",
        ),
        (
            "not risk == \"high\"",
            "risk := \"low\" if input.items[_].safe\n\nelse := \"high\"",
        ),
        (
            "not risk(input.items) == \"high\"",
            "risk(items) := \"low\" if {\n\tsome item in items\n\titem.safe\n}\n\nelse := \"high\"",
        ),
    ] {
        let text = format!(
            "package approvals\n\napprove contains \"fine\" if {{\n\tinput.action == \"a\"\n\t{condition}\n}}\n\n{helper}\n"
        );
        assert_not_approved(&text, &json!({}), &request);
    }
}

/// Refused at load, or not approved.
fn assert_not_approved(text: &str, data: &Value, request: &Value) {
    if let Ok(set) = sets::try_text(text, data.clone()) {
        let verdict = sets::guarded(&set, request);
        assert_ne!(verdict.outcome, Outcome::Approve, "{text}\n{verdict:#?}");
    }
}
