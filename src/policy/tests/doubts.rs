//! Ways in which what is not known, or what failed, could pass for an answer.

use serde_json::{Value, json};

use super::{ask, load, one, says};
use crate::domain::verdict::{Cause, Outcome};
use crate::policy::set::PolicySet;

/// Approves what is `ok` unless the condition holds.
fn unless(condition: &str) -> PolicySet {
    let text = format!(
        "package approvals\n\napprove contains \"ok\" if input.ok\n\nreject contains \"x\" if {{\n\tinput.action == \"a\"\n\t{condition}\n}}\n"
    );
    let data = json!({"blocked": {"bad": true}, "pairs": [["a", "bad"]]});
    load(&[("approvals/x.rego", &text)], data).set
}

fn with(context: &Value) -> Value {
    json!({"action": "a", "ok": true, "context": context})
}

#[test]
fn what_a_unification_runs_over_is_run_over_on_either_side() {
    for condition in [
        "input.context.kinds[_] = \"bad\"",
        "\"bad\" = input.context.kinds[_]",
        "some i\n\tinput.context.kinds[i] = \"bad\"",
        "[input.context.kinds[_], 1] = [\"bad\", 1]",
        "{\"kind\": input.context.kinds[_]} = {\"kind\": \"bad\"}",
    ] {
        let set = unless(condition);
        let outcome = |context: Value| ask(&set, &with(&context)).outcome;
        assert_eq!(outcome(json!({"kinds": ["good", "bad"]})), Outcome::Reject);
        assert_eq!(outcome(json!({"kinds": ["good"]})), Outcome::Approve);
        for context in [
            json!({}),
            json!({"kinds": null}),
            json!({"kinds": [7]}),
            json!({"kinds": [null]}),
        ] {
            let verdict = ask(&set, &with(&context));
            assert_eq!(
                says(&verdict),
                (Outcome::Escalate, Cause::Evidence),
                "{condition} {context}: {verdict:#?}"
            );
        }
    }
}

#[test]
fn what_is_looked_for_in_vain_because_of_its_kind_is_not_known() {
    for condition in [
        "count({kind | some kind in input.context.kinds} & {\"bad\", \"worse\"}) > 0",
        "kinds := {kind | some kind in input.context.kinds}\n\tcount(kinds - {\"bad\"}) < count(kinds)",
        "some kind in input.context.kinds\n\t[input.action, kind] in data.pairs",
        "some kind in input.context.kinds\n\t{\"kind\": kind} in [{\"kind\": \"bad\"}]",
        "some kind in input.context.kinds\n\tobject.get(data.blocked, kind, false)",
    ] {
        let set = unless(condition);
        let outcome = |context: Value| ask(&set, &with(&context)).outcome;
        assert_eq!(outcome(json!({"kinds": ["bad"]})), Outcome::Reject);
        assert_eq!(outcome(json!({"kinds": ["good"]})), Outcome::Approve);
        let verdict = ask(&set, &with(&json!({"kinds": [7]})));
        assert_eq!(
            says(&verdict),
            (Outcome::Escalate, Cause::Evidence),
            "{condition}: {verdict:#?}"
        );
    }
}

#[test]
fn a_largest_or_a_smallest_of_different_kinds_is_not_known() {
    for condition in [
        "max(input.amounts) < 100",
        "min(input.amounts) < 100",
        "sort(input.amounts)[0] < 100",
        "max({amount | some amount in input.amounts}) < 100",
        "not max(input.amounts) >= 100",
    ] {
        let set = one(&format!(
            "package approvals\n\napprove contains \"x\" if {condition}\n"
        ));
        let outcome =
            |amounts: Value| says(&ask(&set, &json!({"action": "a", "amounts": amounts})));
        assert_eq!(
            outcome(json!([5, 6])),
            (Outcome::Approve, Cause::Rule),
            "{condition}"
        );
        for amounts in [
            json!([5, null]),
            json!([null, 5]),
            json!([true, 5]),
            json!([5, "500"]),
            json!([null]),
        ] {
            assert_eq!(
                outcome(amounts),
                (Outcome::Escalate, Cause::Evidence),
                "{condition}"
            );
        }
    }
}

#[test]
fn a_key_that_is_given_twice_to_one_object_is_a_failure() {
    let set = one(
        "package approvals\n\napprove contains \"x\" if {\n\tinput.action == \"a\"\n\tamounts := {line.id: line.amount | some line in input.lines}\n\tamounts.total < 100\n}\n",
    );
    let outcome = |lines: Value| says(&ask(&set, &json!({"action": "a", "lines": lines})));
    let line = |amount: u32| json!({"id": "total", "amount": amount});
    assert_eq!(
        outcome(json!([line(5), line(5)])),
        (Outcome::Approve, Cause::Rule)
    );
    assert_eq!(
        outcome(json!([line(500), line(5)])),
        (Outcome::Escalate, Cause::PolicyError)
    );
}

/// A rule that does not come so far in plain Rego must not take the failure of a helper with it.
#[test]
fn a_helper_that_failed_has_failed_for_every_rule_that_names_it() {
    let bodies = [
        "approve contains \"early\" if {\n\tinput.action == \"a\"\n\tinput.missing == 1\n\tHELPER\n}",
        "approve contains \"ok\" if {\n\tinput.action == \"a\"\n\tnot HELPER\n}",
        "reject contains \"no\" if {\n\tinput.action == \"a\"\n\tHELPER\n}",
    ];
    for (named, helper) in [
        ("risky", "risky if to_number(input.text) > 5"),
        ("risky", "risky if 1 / input.zero > 5"),
        (
            "tier == 3",
            "tier := 1 if input.one\n\ntier := 2 if input.two",
        ),
        ("count(ratios) > 5", "ratios contains 1 / input.zero"),
        ("risky", "risky if deeper\n\ndeeper if 1 / input.zero > 5"),
    ] {
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [2, 0, 1]] {
            let rules = order.map(|at| bodies[at].replace("HELPER", named));
            let set = one(&format!(
                "package approvals\n\n{}\n\n{helper}\n",
                rules.join("\n\n")
            ));
            let input = json!({"action": "a", "text": "abc", "zero": 0, "one": true, "two": true});
            assert_eq!(
                says(&ask(&set, &input)),
                (Outcome::Escalate, Cause::PolicyError),
                "{named} {order:?}"
            );
        }
    }
}

#[test]
fn a_member_that_a_set_has_in_any_case_is_there_whatever_else_is_missing() {
    let set = one(
        "package approvals\n\napprove contains \"x\" if granted[\"refund\"]\n\ngranted contains \"refund\" if input.a\n\ngranted contains \"payout\" if input.b\n",
    );
    let outcome = |input: Value| says(&ask(&set, &input));
    assert_eq!(
        outcome(json!({"action": "a", "a": true})),
        (Outcome::Approve, Cause::Rule)
    );
    assert_eq!(
        outcome(json!({"action": "a", "b": true})),
        (Outcome::Escalate, Cause::Evidence)
    );
}

#[test]
fn that_a_set_made_of_sets_has_no_such_member_is_an_answer() {
    let set = unless("union({{kind | some kind in input.context.kinds}, set()})[\"bad\"]");
    assert_eq!(
        ask(&set, &with(&json!({"kinds": ["good"]}))).outcome,
        Outcome::Approve
    );
}

/// Ordinary ways to write, that the texts for the machine must keep.
#[test]
fn what_is_written_in_an_ordinary_way_is_evaluated_alike_by_both() {
    for condition in [
        "\"k\" == input.xs[0].c\n\tcount([x.a | some x in input.xs]) == 1",
        "`k` == input.xs[0].c\n\tcount([x.a | some x in input.xs]) == 1",
        "\"\" != input.xs[0].c\n\tcount([x.a | some x in input.xs]) == 1",
        "named",
        "otherwise == \"yes\"",
        "rows := [{\"a\": x.a, \"b\": x.b} | some x in input.xs]\n\trows == [{\"a\": 1, \"b\": 2}]",
        "rows := [{\"a\": x.a, \"z\": x.z} | some x in input.xs]\n\trows == []",
        "rows := {x.c: {\"a\": x.a, \"b\": \"w\"} | some x in input.xs}\n\trows.k.a == 1",
        "rows := [{x.a, x.b} | some x in input.xs]\n\tcount(rows[0]) == 2",
        "rows := [{\n\t\t\"a\": x.a, # the \"a\n\t\t\"b\": `w # {\n`, # more\n\t} |\n\t\tsome x in input.xs # all\n\t\tx.a > 0 # above\n\t]\n\tcount(rows) == 1",
        "rows := [x.a | some x in input.xs; x.c == \"k\"]\n\trows == [1]",
    ] {
        let set = one(&format!(
            "package approvals\n\napprove contains \"x\" if {{\n\t{condition}\n}}\n\nnamed if \"k\" in [x.c | some x in input.xs]\n\notherwise := \"no\" if not input.xs\n\nelse := \"yes\" if \"k\" in [x.c | some x in input.xs]\n"
        ));
        let verdict = ask(
            &set,
            &json!({"action": "a", "xs": [{"a": 1, "b": 2, "c": "k"}]}),
        );
        let wanted = if condition.contains("x.z") {
            (Outcome::Escalate, Cause::Evidence)
        } else {
            (Outcome::Approve, Cause::Rule)
        };
        assert_eq!(says(&verdict), wanted, "{condition}: {verdict:#?}");
    }
}

#[test]
fn a_copy_of_what_was_sent_lacks_what_the_original_lacks() {
    for copy in [
        "copy := {key: value | some key, value in input.context}",
        "copy := {key: value | some key, value in input.context; key != \"secret\"}",
    ] {
        let set = one(&format!(
            "package approvals\n\napprove contains \"x\" if {{\n\tinput.action == \"a\"\n\tnot copy.flagged\n}}\n\n{copy}\n"
        ));
        for context in [json!({}), json!({"other": 1}), json!({"flagged": null})] {
            let verdict = ask(&set, &with(&context));
            let asked = (Outcome::Escalate, Cause::Evidence);
            assert_eq!(says(&verdict), asked, "{copy} {context}: {verdict:#?}");
        }
        let honest = with(&json!({"flagged": false}));
        assert_eq!(ask(&set, &honest).outcome, Outcome::Approve, "{copy}");
    }
}

#[test]
fn what_a_collection_has_in_any_case_says_nothing_of_what_is_made_of_it() {
    let set = one(
        "package approvals\n\napprove contains \"x\" if {\n\tinput.action == \"a\"\n\t\"k\" in allowed\n}\n\nallowed := [\"k\"] if count(tags) < 2\n\ntags contains tag if some tag in input.context.tags\n\ntags contains \"more\" if input.context.maybe == 1\n",
    );
    let ask_with = |context: Value| ask(&set, &with(&context));
    assert_eq!(
        ask_with(json!({"tags": ["k"], "maybe": 0})).outcome,
        Outcome::Approve
    );
    assert_eq!(
        says(&ask_with(json!({"tags": ["k"], "maybe": 1}))),
        (Outcome::Escalate, Cause::NoRule)
    );
    let verdict = ask_with(json!({"tags": ["k"]}));
    assert_eq!(
        says(&verdict),
        (Outcome::Escalate, Cause::Evidence),
        "{verdict:#?}"
    );
}
