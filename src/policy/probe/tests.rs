//! Every property has a planted hole that is found and a sound twin that is not.

use serde_json::{Value, json};

use super::*;
use crate::policy::folder::PolicyFiles;
use crate::policy::{Budget, PolicySet};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// A set of one package with these rules, and some data.
fn set(rules: &str) -> PolicySet {
    let text = format!("package approvals.p\n\n{rules}\n");
    let data =
        r#"{"blocked": ["KP", "IR"], "fraud": ["cus_bad"], "allowed": ["a@x.com", "b@x.com"]}"#;
    let files = PolicyFiles::of([("p.rego", text.as_str()), ("data.json", data)]).unwrap();
    match PolicySet::load(files, Budget::unhurried()) {
        Ok(loaded) => loaded.set,
        Err(mistakes) => panic!("{mistakes:?}"),
    }
}

fn attacked(rules: &str, contexts: &[Value], guard: Guard) -> Report {
    let samples: Vec<Sample> = contexts
        .iter()
        .enumerate()
        .map(|(number, context)| Sample {
            name: format!("sample {number}"),
            input: json!({"action": "a", "context": context}),
        })
        .collect();
    let settings = Settings {
        guard,
        most_evaluations: 100_000,
        now: NOW,
    };
    let report = run(&set(rules), &samples, settings, |_| ());
    assert_eq!(report.extent, Extent::Whole);
    assert_eq!(
        report.approved,
        contexts.len(),
        "the samples are not approved"
    );
    report
}

/// `code place | condition | suggestion` of each finding.
fn lines(report: &Report) -> Vec<String> {
    let line = |finding: &Finding| {
        let condition = finding.blame.condition.as_ref();
        format!(
            "{} {} | {} | {}",
            finding.property.code(),
            finding.pointer,
            condition.map_or("", |condition| condition.text.as_str()),
            finding.suggestion
        )
    };
    report.findings.iter().map(line).collect()
}

fn found(rules: &str, context: Value) -> Vec<String> {
    lines(&attacked(rules, &[context], Guard::On))
}

fn found_plain(rules: &str, context: Value) -> Vec<String> {
    lines(&attacked(rules, &[context], Guard::Off))
}

fn rule(conditions: &str) -> String {
    format!(
        "approve contains \"fine\" if {{\n\tinput.action == \"a\"\n\t{}\n}}\n",
        conditions.replace("; ", "\n\t")
    )
}

const FLAGGED: &str = "\nflagged if input.context.customer.flagged == true\n";

fn customer() -> Value {
    json!({"amount": 50, "customer": {"flagged": false}})
}

#[test]
fn with_the_guard_the_only_way_around_a_plain_refund_policy_is_a_negative_amount() {
    for conditions in [
        "input.context.amount < 100; not flagged",
        "not flagged; input.context.amount < 100",
    ] {
        let rules = rule(conditions) + FLAGGED;
        assert_eq!(
            found(&rules, customer()),
            ["CS103 /context/amount | input.context.amount < 100 | input.context.amount > 0"]
        );
    }
}

#[test]
fn the_smallest_negative_amount_is_shown() {
    let report = attacked(
        &(rule("input.context.amount < 100; not flagged") + FLAGGED),
        &[customer()],
        Guard::On,
    );
    let finding = &report.findings[0];
    assert_eq!(
        finding.changes,
        [Change {
            path: "/context/amount".into(),
            from: Some(json!(50)),
            to: Some(json!(-1))
        }]
    );
    assert_eq!(finding.mutants, 4);
    assert_eq!(finding.sample, "sample 0");
    assert_eq!(finding.blame.condition.as_ref().unwrap().line, 5);
}

#[test]
fn a_refund_policy_with_both_bounds_is_clean_with_the_guard() {
    let rules = rule("input.context.amount > 0; input.context.amount < 100; not flagged") + FLAGGED;
    assert_eq!(found(&rules, customer()), [] as [&str; 0]);
}

#[test]
fn plain_rego_lets_through_what_is_missing_or_of_another_kind() {
    for conditions in [
        "input.context.amount > 0; input.context.amount < 100; not flagged",
        "not flagged; input.context.amount < 100; input.context.amount > 0",
    ] {
        let rules = rule(conditions) + FLAGGED;
        let found = found_plain(&rules, customer());
        assert!(found.contains(&"CS101 /context/customer/flagged | not flagged | is_boolean(input.context.customer.flagged)".to_owned()), "{found:#?}");
        assert!(found.contains(&"CS102 /context/customer/flagged | not flagged | is_boolean(input.context.customer.flagged)".to_owned()), "{found:#?}");
    }
    let rules = rule("input.context.amount < 100; not flagged") + FLAGGED;
    let found = found_plain(&rules, customer());
    assert!(
        found.contains(
            &"CS102 /context/amount | input.context.amount < 100 | is_number(input.context.amount)"
                .to_owned()
        ),
        "{found:#?}"
    );
}

#[test]
fn a_veto_that_reads_a_missing_field_is_named_in_plain_rego() {
    let rules = rule("input.context.amount == 5")
        + "reject contains \"flagged\" if {\n\tinput.action == \"a\"\n\tinput.context.flagged == true\n}\n";
    let context = json!({"amount": 5, "flagged": false});
    assert_eq!(found(&rules, context.clone()), [] as [&str; 0]);
    let found = found_plain(&rules, context);
    assert!(found.contains(&"CS101 /context/flagged | input.context.flagged == true | is_boolean(input.context.flagged)".to_owned()), "{found:#?}");
}

#[test]
fn absence_that_the_author_speaks_of_is_fine() {
    for conditions in [
        "object.get(input.context, \"currency\", \"USD\") == \"USD\"",
        "not is_string(input.context.note)",
    ] {
        let rules = rule(conditions);
        let context = json!({"currency": "USD"});
        let all = [found(&rules, context.clone()), found_plain(&rules, context)].concat();
        let missing: Vec<&String> = all.iter().filter(|one| one.starts_with("CS101")).collect();
        assert!(missing.is_empty(), "{conditions}: {missing:#?}");
    }
}

#[test]
fn a_text_is_no_list_of_few() {
    let hole = rule("count(input.context.items) < 3");
    let context = json!({"items": ["a"]});
    assert_eq!(
        found(&hole, context.clone()),
        ["CS102 /context/items | count(input.context.items) < 3 | is_array(input.context.items)"]
    );
    let sound = rule("is_array(input.context.items); count(input.context.items) < 3");
    assert_eq!(found(&sound, context), [] as [&str; 0]);
}

#[test]
fn a_value_that_is_only_asked_to_be_there_may_be_anything() {
    let context = json!({"confirmed": true});
    assert_eq!(
        found(&rule("input.context.confirmed"), context.clone()),
        [
            "CS102 /context/confirmed | input.context.confirmed | is_boolean(input.context.confirmed)"
        ]
    );
    assert_eq!(
        found(&rule("input.context.confirmed == true"), context),
        [] as [&str; 0]
    );
}

#[test]
fn kinds_that_the_author_tells_apart_are_no_finding() {
    let rules = rule("amount > 0; amount < 100")
        + "\namount := input.context.amount if is_number(input.context.amount)\n\n\
           amount := to_number(input.context.amount) if is_string(input.context.amount)\n";
    assert_eq!(found(&rules, json!({"amount": 50})), [] as [&str; 0]);
}

#[test]
fn what_only_the_reason_needs_is_not_held_to_its_kind() {
    let rules = "approve contains reason if {\n\tinput.action == \"a\"\n\tinput.context.amount == 5\n\treason := sprintf(\"%v\", [input.context.note])\n}\n";
    assert_eq!(
        found(rules, json!({"amount": 5, "note": "x"})),
        [] as [&str; 0]
    );
}

#[test]
fn a_rule_that_does_not_look_is_enough() {
    let rules = rule("input.context.confirmed") + &rule("input.context.vip == true");
    assert_eq!(
        found(&rules, json!({"confirmed": true, "vip": true})),
        [] as [&str; 0]
    );
}

#[test]
fn more_of_what_is_declared_monotone_is_never_more_welcome() {
    let declared = "# METADATA\n# title: Small\n# custom: {monotone: [input.context.amount]}\n";
    let small = rule("input.context.amount > 0; input.context.amount < 100");
    let large = rule("input.context.amount > 1000");
    let found_in = |rules: &str| found(rules, json!({"amount": 50}));
    assert_eq!(found_in(&format!("{declared}{small}")), [] as [&str; 0]);
    assert_eq!(
        found_in(&format!("{declared}{small}{large}")),
        ["CS104 /context/amount | input.context.amount > 1000 | input.context.amount < 100"]
    );
    assert_eq!(found_in(&format!("{small}{large}")), [] as [&str; 0]);
}

#[test]
fn what_is_denied_is_denied_in_every_spelling() {
    let context = json!({"country": "DE"});
    let veto = |text: &str| {
        format!("reject contains \"blocked\" if {{\n\tinput.action == \"a\"\n\t{text}\n}}\n")
    };
    let always = rule("is_string(input.context.country)");
    let plain = always.clone() + &veto("input.context.country in data.blocked");
    assert_eq!(
        found(&plain, context.clone()),
        [
            "CS105 /context/country | input.context.country in data.blocked | regex.match(\"^[A-Z]+$\", input.context.country)"
        ]
    );
    let negated = rule("not input.context.country in data.blocked");
    assert_eq!(
        found(&negated, context.clone()),
        [
            "CS105 /context/country | not input.context.country in data.blocked | regex.match(\"^[A-Z]+$\", input.context.country)"
        ]
    );
    let literal = rule("input.context.country != \"KP\"");
    assert_eq!(found(&literal, context.clone()).len(), 1);
    let case_only = always + &veto("upper(input.context.country) in data.blocked");
    assert_eq!(found(&case_only, context.clone()).len(), 1);
    let sound = rule("regex.match(\"^[A-Z]+$\", input.context.country)")
        + &veto("input.context.country in data.blocked");
    assert_eq!(found(&sound, context), [] as [&str; 0]);
}

#[test]
fn what_is_allowed_may_be_spelt_as_the_author_likes() {
    let rules = rule("lower(input.context.country) in {\"de\", \"fr\"}");
    assert_eq!(found(&rules, json!({"country": "DE"})), [] as [&str; 0]);
}

#[test]
fn a_list_with_nothing_in_it_proves_nothing() {
    let context = json!({"items": [{"amount": 5}]});
    let every =
        "every item in input.context.items {\n\t\titem.amount > 0\n\t\titem.amount < 100\n\t}";
    assert_eq!(
        found(&rule(every), context.clone()),
        [
            "CS106 /context/items | every item in input.context.items { item.amount > 0 item.amount < 100 } | count(input.context.items) > 0"
        ]
    );
    let sound = rule(&format!("count(input.context.items) > 0; {every}"));
    assert_eq!(found(&sound, context), [] as [&str; 0]);
}

#[test]
fn no_blocked_tag_is_fine_where_there_is_no_tag() {
    let rules = rule("not blocked")
        + "\nblocked if {\n\tsome tag in input.context.tags\n\ttag == \"blocked!\"\n}\n";
    let found = found(&rules, json!({"tags": ["a"]}));
    assert!(
        !found.iter().any(|one| one.starts_with("CS106")),
        "{found:#?}"
    );
}

#[test]
fn one_good_element_does_not_speak_for_the_others() {
    let context = json!({"items": [{"amount": 5}]});
    let some = "some item in input.context.items; item.amount > 0; item.amount < 100";
    let found_in = found(&rule(some), context.clone());
    assert!(
        found_in
            .iter()
            .any(|one| one.starts_with("CS107 /context/items |")
                && one.ends_with("every element in input.context.items { … }")),
        "{found_in:#?}"
    );
    let every = "count(input.context.items) > 0; every item in input.context.items { item.amount > 0 ; item.amount < 100 }";
    assert_eq!(found(&rule(every), context), [] as [&str; 0]);
}

#[test]
fn the_same_reviewer_twice_is_one_reviewer() {
    let context = json!({"reviewers": ["ann", "bob"]});
    let hole = rule("is_array(input.context.reviewers); count(input.context.reviewers) >= 2");
    assert_eq!(
        found(&hole, context.clone()),
        [
            "CS107 /context/reviewers | is_array(input.context.reviewers) | count({element | some element in input.context.reviewers}) == count(input.context.reviewers)"
        ]
    );
    let sound = rule(
        "is_array(input.context.reviewers); count({one | some one in input.context.reviewers}) >= 2",
    );
    assert_eq!(found(&sound, context), [] as [&str; 0]);
}

#[test]
fn a_sample_that_is_not_approved_is_only_tried_with_less() {
    let rules = rule("input.context.amount < 100; not flagged") + FLAGGED;
    let set = set(&rules);
    let sample = Sample {
        name: "flagged".into(),
        input: json!({"action": "a", "context": {"amount": 50, "customer": {"flagged": true}}}),
    };
    let settings = Settings {
        guard: Guard::Off,
        most_evaluations: 1000,
        now: NOW,
    };
    let report = run(&set, &[sample], settings, |_| ());
    assert_eq!(report.approved, 0);
    assert_eq!(report.findings.len(), 1, "{:#?}", lines(&report));
    assert_eq!(report.findings[0].property, Property::MissingField);
}

#[test]
fn the_cap_on_evaluations_holds_and_is_told() {
    let set = set(&rule("input.context.amount < 100"));
    let sample = Sample {
        name: "s".into(),
        input: json!({"action": "a", "context": {"amount": 5}}),
    };
    let settings = Settings {
        guard: Guard::On,
        most_evaluations: 10,
        now: NOW,
    };
    let report = run(&set, &[sample], settings, |_| ());
    assert_eq!((report.evaluations, report.extent), (10, Extent::Capped));
}

#[test]
fn the_same_set_and_samples_give_the_same_findings() {
    let rules =
        rule("input.context.amount < 100; not flagged; count(input.context.items) < 3") + FLAGGED;
    let context = json!({"amount": 50, "customer": {"flagged": false}, "items": ["a", "b"]});
    for guard in [Guard::On, Guard::Off] {
        let contexts = [context.clone()];
        assert_eq!(
            attacked(&rules, &contexts, guard),
            attacked(&rules, &contexts, guard)
        );
    }
}
