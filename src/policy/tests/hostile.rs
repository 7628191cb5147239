use std::fmt::Write as _;

use super::*;

fn approving(rest: &str) -> PolicySet {
    let text = format!(
        "package approvals\n\napprove contains \"fine\" if input.action == \"a\"\n\n{rest}\n"
    );
    let files = files(&[("approvals/x.rego", &text)], json!({}));
    // The instructions end what does not end, since on a busy machine time proves nothing.
    let budget = Budget {
        time: Duration::from_mins(1),
        ..Budget::default()
    };
    match PolicySet::load(files, budget) {
        Ok(loaded) => loaded.set,
        Err(mistakes) => panic!("{}", shown(&mistakes)),
    }
}

#[test]
fn an_endless_comprehension_ends_within_the_budget_and_nobody_else_waits() {
    let set = approving(
        "reject contains \"x\" if {\n\tinput.action == \"a\"\n\txs := input.context.xs\n\tcount([1 | some a in xs; some b in xs; some c in xs; some d in xs; a + b + c + d == 0]) > 0\n}",
    );
    let xs: Vec<u32> = (1..200).collect();
    let verdict = ask(&set, &json!({"action": "a", "context": {"xs": xs}}));
    assert_eq!(
        says(&verdict),
        (Outcome::Escalate, Cause::PolicyError),
        "{verdict:#?}"
    );
    assert!(
        verdict.failures[0].message.contains("instruction budget"),
        "{verdict:#?}"
    );
    assert_eq!(
        ask(&set, &json!({"action": "a", "context": {"xs": [1]}})).outcome,
        Outcome::Approve
    );
}

#[test]
fn a_built_in_that_fails_in_a_veto_is_a_policy_error() {
    let set = approving(
        "reject contains \"x\" if {\n\tinput.action == \"a\"\n\tto_number(input.context.amount) > 100\n}",
    );
    let verdict = ask(&set, &json!({"action": "a", "context": {"amount": "many"}}));
    assert_eq!(
        says(&verdict),
        (Outcome::Escalate, Cause::PolicyError),
        "{verdict:#?}"
    );
    let failure = &verdict.failures[0];
    assert_eq!(
        (failure.message.as_str(), failure.line),
        ("`to_number` failed on \"many\"", Some(7))
    );
    assert_eq!(
        ask(&set, &json!({"action": "a", "context": {"amount": "5"}})).outcome,
        Outcome::Approve
    );
}

#[test]
fn arithmetic_that_fails_in_a_veto_is_a_policy_error() {
    for condition in [
        "word + 1 > 100",
        "100 / input.context.zero > 1",
        "helper > 1",
        "count([1 | some x in [1, 2]; x / input.context.zero > 1]) > 0",
        "not helper == 3",
    ] {
        let set = approving(&format!(
            "reject contains \"x\" if {{\n\tinput.action == \"a\"\n\t{condition}\n\tinput.context.on == true\n}}\n\nhelper := word * 2\n\nword := \"many\""
        ));
        let verdict = ask(
            &set,
            &json!({"action": "a", "context": {"amount": "many", "zero": 0, "on": false}}),
        );
        assert_eq!(
            says(&verdict),
            (Outcome::Escalate, Cause::PolicyError),
            "{condition}: {verdict:#?}"
        );
    }
}

#[test]
fn two_values_for_one_rule_are_a_policy_error() {
    for (condition, helper) in [
        (
            "limit < 5",
            "limit := 10 if input.action == \"a\"\n\nlimit := 20 if input.action == \"a\"",
        ),
        (
            "f(input.n) < 5",
            "f(x) := 10 if x > 1\n\nf(x) := 20 if x > 2",
        ),
        ("one < 5", "one := x if some x in [7, 8]"),
        (
            "keyed.a < 5",
            "keyed[k] := v if {\n\tk := \"a\"\n\tsome v in [7, 8]\n}",
        ),
    ] {
        let set = approving(&format!(
            "reject contains \"x\" if {{\n\tinput.action == \"a\"\n\t{condition}\n}}\n\n{helper}"
        ));
        let verdict = ask(&set, &json!({"action": "a", "n": 3}));
        assert_eq!(
            says(&verdict),
            (Outcome::Escalate, Cause::PolicyError),
            "{condition}: {verdict:#?}"
        );
        assert!(
            verdict.failures[0].message.contains("two values"),
            "{verdict:#?}"
        );
    }
}

#[test]
fn the_same_function_called_twice_is_no_conflict() {
    let set = approving(
        "reject contains \"x\" if {\n\tinput.action == \"a\"\n\tdouble(1) == double(2)\n}\n\ndouble(x) := x * 2\n\nreject contains \"y\" if {\n\tinput.action == \"a\"\n\tkind == \"other\"\n}\n\nkind := \"big\" if input.n > 10\n\nelse := \"small\"",
    );
    let verdict = ask(&set, &json!({"action": "a", "n": 50}));
    assert_eq!(verdict.outcome, Outcome::Approve, "{verdict:#?}");
}

#[test]
fn a_malformed_element_is_a_policy_error() {
    for element in [
        "input.n",
        "{\"reason\": \"x\", \"votes\": input.n}",
        "[\"x\"]",
    ] {
        let set = approving(&format!(
            "escalate contains element if {{\n\tinput.action == \"a\"\n\telement := {element}\n}}"
        ));
        let verdict = ask(&set, &json!({"action": "a", "n": 1000}));
        assert_eq!(
            says(&verdict),
            (Outcome::Escalate, Cause::PolicyError),
            "{element}: {verdict:#?}"
        );
    }
}

#[test]
fn a_reject_that_fired_stays_a_reject_beside_a_failure() {
    let set = approving(
        "reject contains \"no\" if input.action == \"a\"\n\nreject contains \"x\" if {\n\tinput.action == \"a\"\n\tto_number(input.n) > 1\n}",
    );
    let verdict = ask(&set, &json!({"action": "a", "n": "many"}));
    assert_eq!(says(&verdict), (Outcome::Reject, Cause::Rule));
    assert_eq!(verdict.failures.len(), 1);
}

#[test]
fn a_regex_bomb_is_answered_or_asks_a_person() {
    let set = approving(
        "reject contains \"x\" if {\n\tinput.action == \"a\"\n\tregex.match(`^(a+)+$`, input.text)\n}\n\nescalate contains \"y\" if {\n\tinput.action == \"a\"\n\tregex.match(input.pattern, \"aaaa\")\n}",
    );
    let text = format!("{}!", "a".repeat(50_000));
    assert_eq!(
        ask(&set, &json!({"action": "a", "text": text, "pattern": "b"})).outcome,
        Outcome::Approve
    );
    let verdict = ask(
        &set,
        &json!({"action": "a", "text": "b", "pattern": "((((a{100}){100}){100}){100})"}),
    );
    assert_eq!(
        says(&verdict),
        (Outcome::Escalate, Cause::PolicyError),
        "{verdict:#?}"
    );
}

#[test]
fn an_error_that_not_swallows_does_not_approve() {
    let set = one(
        "package approvals\n\napprove contains \"x\" if {\n\tinput.action == \"a\"\n\tnot startswith(input.context.mail, \"evil\")\n}\n",
    );
    assert_eq!(
        ask(&set, &json!({"action": "a", "context": {"mail": "good"}})).outcome,
        Outcome::Approve
    );
    assert_eq!(
        says(&ask(&set, &json!({"action": "a", "context": {"mail": 7}}))),
        (Outcome::Escalate, Cause::Evidence)
    );
    assert_eq!(
        says(&ask(
            &set,
            &json!({"action": "a", "context": {"mail": null}})
        )),
        (Outcome::Escalate, Cause::Evidence)
    );
}

#[test]
fn what_a_document_may_not_hold_is_refused_before_it_is_asked_about() {
    assert!(Input::parse("[1]").is_err());
    assert!(Input::parse("{\"a\": ").is_err());
}

#[test]
fn who_is_to_be_asked_is_kept_when_another_package_fails() {
    let endless = "count([1 | some a in input.xs; some b in input.xs; some c in input.xs; some d in input.xs]) > 0";
    for (failing, message) in [
        ("to_number(input.word) > 1", "failed on"),
        (endless, "instruction budget"),
        ("input.absent > 1", ""),
    ] {
        let text = |body: &str| {
            format!("reject contains \"x\" if {{\n\tinput.action == \"a\"\n\t{body}\n}}\n")
        };
        let set = load(
            &[
                ("approvals/a.rego", &format!("package approvals.a\n\n{}", text(failing))),
                (
                    "approvals/b.rego",
                    "package approvals.b\n\napprove contains \"x\" if input.action == \"a\"\n\nescalate contains {\"reason\": \"y\", \"to\": \"payments\", \"votes\": 2, \"within\": \"30m\"} if input.action == \"a\"\n",
                ),
            ],
            json!({}),
        )
        .set;
        let xs: Vec<u32> = (0..200).collect();
        let verdict = ask(&set, &json!({"action": "a", "word": "many", "xs": xs}));
        assert_eq!(verdict.outcome, Outcome::Escalate);
        if let Some(failure) = verdict.failures.first() {
            assert_eq!(verdict.cause, Cause::PolicyError);
            assert_eq!(failure.package, "approvals.a");
            assert!(failure.message.contains(message), "{failure:?}");
        }
        let terms = verdict.terms.unwrap();
        assert_eq!(
            (terms.to.as_deref(), terms.votes, terms.within_seconds),
            (Some("payments"), Some(2), Some(1800)),
            "{failing}"
        );
    }
}

#[test]
fn a_veto_that_looks_into_an_imported_set_is_seen() {
    for import in ["import data.lib.lists", "import data.lib.lists as l"] {
        let name = import.rsplit([' ', '.']).next().unwrap();
        let text = format!(
            "package approvals\n\n{import}\n\napprove contains \"fine\" if input.action == \"a\"\n\nreject contains \"r\" if {{\n\tinput.action == \"a\"\n\tinput.id in {name}.bad\n}}\n"
        );
        let list = "package lib.lists\n\nbad contains id if some id in [\"x\", \"y\"]\n";
        let set = load(
            &[("approvals/x.rego", &text), ("lib/lists.rego", list)],
            json!({}),
        )
        .set;
        let outcome = |id: &str| ask(&set, &json!({"action": "a", "id": id})).outcome;
        assert_eq!(
            (outcome("x"), outcome("z")),
            (Outcome::Reject, Outcome::Approve),
            "{import}"
        );
    }
}

#[test]
fn rules_and_terms_that_are_nested_deep_end_before_the_stack_does() {
    let sums = " + 1".repeat(20);
    let mut rules = String::new();
    for at in 0..60 {
        let _ = write!(rules, "r{at} := r{}{sums}\n\n", at + 1);
    }
    rules += "r60 := 1\n";
    let set = approving(&format!(
        "reject contains \"x\" if {{\n\tinput.action == \"a\"\n\tr0 > 100000\n}}\n\n{rules}"
    ));
    let verdict = ask(&set, &json!({"action": "a"}));
    assert_eq!(
        says(&verdict),
        (Outcome::Escalate, Cause::PolicyError),
        "{verdict:#?}"
    );
    assert_eq!(
        verdict.failures[0].message,
        "its rules and loops are nested too deep"
    );
}

#[test]
fn rules_that_rest_on_twenty_others_through_loops_and_not_are_evaluated() {
    let mut rules = String::new();
    for at in 0..20 {
        let _ = write!(
            rules,
            "s{at} if {{\n\tsome x in [1]\n\tnot not_{at}\n\tx == 1\n}}\n\nnot_{at} if {{\n\tevery y in [1] {{\n\t\tnot s{}\n\t\ty == 1\n\t}}\n}}\n\n",
            at + 1
        );
    }
    rules += "s20 if input.action == \"a\"\n";
    let set = approving(&format!(
        "reject contains \"x\" if {{\n\tinput.action == \"a\"\n\ts0\n}}\n\n{rules}"
    ));
    let verdict = ask(&set, &json!({"action": "a"}));
    assert_eq!(verdict.outcome, Outcome::Reject, "{verdict:#?}");
}
