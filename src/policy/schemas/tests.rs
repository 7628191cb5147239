use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Paint};
use crate::domain::verdict::{Cause, Outcome, Verdict};
use crate::policy::decide::decide;
use crate::policy::folder::PolicyFiles;
use crate::policy::{Budget, Input, PolicySet};

const RULES: &str = r#"package approvals.refunds

approve contains "small" if {
	input.action == "stripe.refund"
	input.context.amount < 100
}

reject contains "fraud" if {
	input.action == "stripe.refund"
	input.context.customer == "cus_fraud"
}
"#;

const SCHEMA: &str = r##"{
  "type": "object",
  "required": ["context"],
  "properties": {
    "context": {
      "type": "object",
      "required": ["amount", "customer"],
      "properties": {
        "amount": {"$ref": "#/$defs/money"},
        "customer": {"type": "string", "pattern": "^cus_[a-z]+$"},
        "currency": {"enum": ["USD", "EUR"]},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"price per item": {"type": "number"}}}}
      },
      "additionalProperties": false
    }
  },
  "$defs": {
    "money": {
      "type": "number",
      "minimum": 0,
      "exclusiveMaximum": 1000
    }
  }
}
"##;

fn load(files: &[(&str, &str)]) -> Result<PolicySet, Vec<Diagnostic>> {
    let files = PolicyFiles::of(files.iter().copied()).unwrap();
    PolicySet::load(files, Budget::default()).map(|loaded| loaded.set)
}

fn set(files: &[(&str, &str)]) -> PolicySet {
    load(files).unwrap_or_else(|mistakes| panic!("{}", shown(&mistakes)))
}

fn shown(mistakes: &[Diagnostic]) -> String {
    let frames: Vec<_> = mistakes
        .iter()
        .map(|one| one.render(Paint::Plain))
        .collect();
    frames.join("\n\n")
}

fn ask(set: &PolicySet, input: &Value) -> Verdict {
    let input = Input::parse(&input.to_string()).unwrap();
    decide(set, &input, Timestamp::UNIX_EPOCH)
}

fn refund(set: &PolicySet, context: &Value) -> Verdict {
    ask(set, &json!({"action": "stripe.refund", "context": context}))
}

/// Path and what was seen, with the place in the schema.
fn named(verdict: &Verdict) -> Vec<String> {
    let line = |one: &crate::domain::verdict::MissingEvidence| {
        format!("{} is {} ({}:{})", one.path, one.saw, one.file, one.line)
    };
    verdict.evidence.iter().map(line).collect()
}

fn refunds() -> PolicySet {
    set(&[
        ("approvals/refunds/refunds.rego", RULES),
        ("schemas/stripe.refund.json", SCHEMA),
    ])
}

#[test]
fn a_request_that_fits_is_decided_by_the_rules_alone() {
    let fits = json!({"amount": 50, "customer": "cus_a"});
    let with = refund(&refunds(), &fits);
    let without = refund(&set(&[("r.rego", RULES)]), &fits);
    assert_eq!((with.outcome, with.cause), (Outcome::Approve, Cause::Rule));
    assert_eq!(
        (without.outcome, without.cause),
        (Outcome::Approve, Cause::Rule)
    );
}

#[test]
fn what_does_not_fit_is_named_with_its_path_and_the_line_of_the_schema() {
    let set = refunds();
    for (context, expected) in [
        (
            json!({"amount": -5, "customer": "cus_a"}),
            "input.context.amount is -5, less than the minimum 0 (schemas/stripe.refund.json:20)",
        ),
        (
            json!({"amount": 1000, "customer": "cus_a"}),
            "input.context.amount is 1000, and must be less than 1000 (schemas/stripe.refund.json:21)",
        ),
        (
            json!({"amount": "50", "customer": "cus_a"}),
            "input.context.amount is a string (schemas/stripe.refund.json:19)",
        ),
        (
            json!({"amount": null, "customer": "cus_a"}),
            "input.context.amount is null (schemas/stripe.refund.json:19)",
        ),
        (
            json!({"customer": "cus_a"}),
            "input.context.amount is absent (schemas/stripe.refund.json:7)",
        ),
        (
            json!({"amount": 5, "customer": "CUS\u{202e}"}),
            "input.context.customer is \"CUS\\u{202e}\", which does not match `^cus_[a-z]+$` (schemas/stripe.refund.json:10)",
        ),
        (
            json!({"amount": 5, "customer": "cus_a", "currency": "GBP"}),
            "input.context.currency is \"GBP\", which is none of [\"USD\",\"EUR\"] (schemas/stripe.refund.json:11)",
        ),
        (
            json!({"amount": 5, "customer": "cus_a", "lines": [{}, {"price per item": true}]}),
            "input.context.lines[1][\"price per item\"] is a boolean (schemas/stripe.refund.json:12)",
        ),
        (
            json!({"amount": 5, "customer": "cus_a", "note": 1}),
            "input.context.note is there, which the schema does not allow (schemas/stripe.refund.json:14)",
        ),
    ] {
        let verdict = refund(&set, &context);
        assert_eq!(
            (verdict.outcome, verdict.cause),
            (Outcome::Escalate, Cause::Evidence),
            "{context}"
        );
        assert_eq!(named(&verdict)[0], expected);
        assert_eq!(verdict.evidence[0].rule, "schemas/stripe.refund.json");
    }
    let verdict = ask(&set, &json!({"action": "stripe.refund"}));
    assert_eq!(
        named(&verdict)[0],
        "input.context is absent (schemas/stripe.refund.json:3)"
    );
}

#[test]
fn a_reject_that_fired_stays_one_and_other_actions_are_not_looked_at() {
    let verdict = refund(&refunds(), &json!({"customer": "cus_fraud"}));
    assert_eq!(
        (verdict.outcome, verdict.cause),
        (Outcome::Reject, Cause::Rule)
    );
    let verdict = ask(
        &refunds(),
        &json!({"action": "other", "context": {"amount": -5}}),
    );
    assert_eq!(
        (verdict.outcome, verdict.cause),
        (Outcome::Escalate, Cause::NoRule)
    );
}

#[test]
fn an_input_that_no_rule_matched_is_for_want_of_evidence_when_it_does_not_fit() {
    let verdict = refund(&refunds(), &json!({"amount": 5000, "customer": "cus_a"}));
    assert_eq!(
        (verdict.outcome, verdict.cause),
        (Outcome::Escalate, Cause::Evidence)
    );
}

#[test]
fn with_no_action_it_is_not_known_which_schema_is_for_it() {
    let set = set(&[
        (
            "p.rego",
            "package approvals\n\napprove contains \"all\" if input.source != \"x\"\n",
        ),
        ("schemas/pay.json", "{\"type\": \"object\"}"),
    ]);
    let verdict = ask(&set, &json!({"source": "s"}));
    assert_eq!(
        named(&verdict),
        ["input.action is absent (schemas/pay.json:1)"]
    );
    assert_eq!(
        ask(&set, &json!({"source": "s", "action": "pay"})).outcome,
        Outcome::Approve
    );
}

#[test]
fn metadata_binds_a_schema_to_a_part_of_the_input_for_the_requests_of_its_rules() {
    let rules = r#"package approvals.refunds

# METADATA
# title: Small
# schemas:
#   - input.context: schema["stripe.refund"]
approve contains "small" if {
	input.action in {"stripe.refund", "paypal.refund"}
	small
}

# METADATA
# schemas:
#   - input.context.customer: {type: string}
small if input.context.amount < 100

approve contains "other" if input.action == "other"
"#;
    let schema = r#"{"required": ["amount"], "properties": {"amount": {"minimum": 1}}}"#;
    let set = set(&[("p.rego", rules), ("schemas/stripe.refund.json", schema)]);
    for action in ["stripe.refund", "paypal.refund"] {
        let asked = |context: Value| ask(&set, &json!({"action": action, "context": context}));
        let verdict = asked(json!({"amount": 0, "customer": "c"}));
        assert_eq!(
            named(&verdict),
            ["input.context.amount is 0, less than the minimum 1 (schemas/stripe.refund.json:1)"]
        );
        assert_eq!(verdict.evidence[0].rule, "approvals.refunds.approve#small");
        let verdict = asked(json!({"amount": 1, "customer": 5}));
        assert_eq!(
            named(&verdict),
            ["input.context.customer is a number (p.rego:12)"]
        );
        let verdict = asked(json!({"amount": 1}));
        assert_eq!(
            named(&verdict),
            ["input.context.customer is absent (p.rego:12)"]
        );
        assert_eq!(
            asked(json!({"amount": 1, "customer": "c"})).outcome,
            Outcome::Approve
        );
    }
    assert_eq!(
        ask(&set, &json!({"action": "other"})).outcome,
        Outcome::Approve
    );
}

#[test]
fn what_is_said_of_a_package_is_for_all_its_rules_and_may_be_for_the_packages_below() {
    let above = "# METADATA\n# scope: subpackages\n# schemas:\n#   - input.context: {required: [a]}\npackage approvals\n";
    let beside = "# METADATA\n# schemas:\n#   - input.context: {required: [b]}\npackage approvals.other\n\napprove contains \"x\" if input.action == \"x\"\n";
    let below = "package approvals.p\n\napprove contains \"x\" if input.action == \"p\"\n";
    let set = set(&[("a.rego", above), ("b.rego", beside), ("c.rego", below)]);
    let paths = |action: &str| -> Vec<String> {
        let verdict = ask(&set, &json!({"action": action, "context": {}}));
        verdict.evidence.into_iter().map(|one| one.path).collect()
    };
    assert_eq!(paths("p"), ["input.context.a"]);
    assert_eq!(paths("x"), ["input.context.a", "input.context.b"]);
}

#[test]
fn data_that_does_not_fit_refuses_the_set() {
    let rules = "# METADATA\n# schemas:\n#   - data.limits: schema.limits\npackage approvals\n\napprove contains \"x\" if input.action == \"x\"\n";
    let schema = "{\"properties\": {\"refund\": {\"type\": \"number\"}}}";
    let files = |data| {
        [
            ("p.rego", rules),
            ("schemas/limits.json", schema),
            ("limits/data.json", data),
        ]
    };
    set(&files("{\"refund\": 5}"));
    let refused = load(&files("{\"refund\": \"5\"}")).unwrap_err();
    assert_eq!((refused.len(), refused[0].code), (1, "P135"));
    assert_eq!(refused[0].message, "`data.limits.refund` is a string");
}

#[test]
fn a_schema_that_is_none_refuses_the_set_with_a_frame() {
    let refused =
        |text: &str| load(&[("p.rego", RULES), ("schemas/stripe.refund.json", text)]).unwrap_err();
    for (text, code, line) in [
        ("{\n\"type\": \"object\",\n}", "P131", 3),
        ("{\n\"a\": 1,\n\"a\": 2}", "P131", 3),
        ("[]", "P131", 1),
        (
            "{\n  \"properties\": {\n    \"context\": {\"type\": \"nmber\"}\n  }\n}",
            "P131",
            3,
        ),
        (
            "{\n  \"properties\": {\n    \"title\": {\"pattern\": \"a(?=b)\"}\n  }\n}",
            "P131",
            3,
        ),
        (
            "{\n  \"$schema\": \"https://json-schema.org/draft/2019-09/schema\"}",
            "P131",
            2,
        ),
        ("{\n\n  \"$ref\": \"https://example.com/x\"}", "P132", 3),
        ("{\n\n  \"$ref\": \"#/$defs/nowhere\"}", "P132", 3),
        (
            "{\n  \"properties\": {\"context\": {\"$ref\": \"#\"}}}",
            "P132",
            2,
        ),
        ("{\n  \"properties\": {\n    \"amount\": {}}}", "P134", 3),
        ("{\n  \"required\": [\"amount\"]}", "P134", 2),
    ] {
        let found = refused(text);
        assert_eq!(found.len(), 1, "{}", shown(&found));
        let place = found[0].place.as_ref().unwrap();
        assert_eq!(
            (found[0].code, place.line_and_column().0),
            (code, line),
            "{}",
            shown(&found)
        );
    }
    insta::assert_snapshot!(shown(&refused("{\n  \"properties\": {\n    \"amount\": {\"minimum\": 0}\n  }\n}\n")), @r#"
    error[P134]: `input` has no `amount`
     --> schemas/stripe.refund.json:3:5
      |
    3 |     "amount": {"minimum": 0}
      |     ^^^^^^^^
      |
      = help: the schema is for the whole input: what the agent sends is under `properties`, `context`, `properties`; or bind the schema to `input.context` with METADATA
    "#);
}

#[test]
fn a_schema_that_is_named_and_not_there_refuses_the_set() {
    let rules = "# METADATA\n# schemas:\n#   - input.context: schema.refnd\npackage approvals\n\napprove contains \"x\" if input.action == \"x\"\n";
    let refused = load(&[("p.rego", rules), ("schemas/refund.json", "{}")]).unwrap_err();
    assert_eq!(refused[0].code, "P133");
    assert_eq!(refused[0].help.as_deref(), Some("did you mean `refund`?"));
}

#[test]
fn mistakes_in_rules_and_in_schemas_come_at_once() {
    let refused = load(&[
        ("p.rego", "package approvals\n\nx if {\n"),
        ("schemas/x.json", "["),
    ])
    .unwrap_err();
    let codes: Vec<_> = refused.iter().map(|one| one.code).collect();
    assert_eq!(codes, ["P001", "P131"]);
}

#[test]
fn older_drafts_and_formats_are_read() {
    let schema = r#"{"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"context": {
        "properties": {"when": {"format": "date"}, "what": {"format": "of our own"}},
        "dependencies": {"a": ["b"]}
    }}}"#;
    let rules = "package approvals\n\napprove contains \"x\" if input.action == \"x\"\n";
    let set = set(&[("p.rego", rules), ("schemas/x.json", schema)]);
    let asked = |context: Value| ask(&set, &json!({"action": "x", "context": context}));
    assert_eq!(
        asked(json!({"when": "2026-11-21", "what": "any"})).outcome,
        Outcome::Approve
    );
    assert_eq!(
        named(&asked(json!({"when": "today"}))),
        ["input.context.when is \"today\", which is no date (schemas/x.json:2)"]
    );
    assert_eq!(asked(json!({"a": 1})).cause, Cause::Evidence);
}

#[test]
fn a_set_with_schemas_is_stored_and_read_back_and_one_without_keeps_its_revision() {
    let with = PolicyFiles::of([("p.rego", RULES), ("schemas/a/b.json", "{}")]).unwrap();
    assert_eq!(with.schemas[0].name(), "a/b");
    assert_eq!(PolicyFiles::from_stored(&with.to_stored()).unwrap(), with);
    let without = PolicyFiles::of([("p.rego", RULES)]).unwrap();
    let other = PolicyFiles::of([("p.rego", RULES), ("schemas/a/b.json", "{ }")]).unwrap();
    let revisions = [&with, &without, &other].map(|files| files.revision("engine"));
    assert!(revisions[0] != revisions[1] && revisions[0] != revisions[2]);
    insta::assert_snapshot!(revisions[1].short(), @"e7ef5c1daa77");
}

#[test]
fn no_more_than_twenty_places_are_named() {
    let schema = r#"{"properties": {"context": {"additionalProperties": {"type": "string"}}}}"#;
    let rules = "package approvals\n\napprove contains \"x\" if input.action == \"x\"\n";
    let set = set(&[("p.rego", rules), ("schemas/x.json", schema)]);
    let context: serde_json::Map<String, Value> =
        (0..1000).map(|n| (format!("k{n}"), json!(n))).collect();
    let verdict = ask(&set, &json!({"action": "x", "context": context}));
    assert_eq!(verdict.evidence.len(), 20);
}

fn facts() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Into::into),
        (-200..1200_i64).prop_map(Into::into),
        (-200.0..1200.0_f64).prop_map(Into::into),
        prop_oneof![Just("cus_a"), Just("cus_fraud"), Just("50")].prop_map(Into::into),
        prop::collection::vec(Just(json!({})), 0..2).prop_map(Into::into),
    ]
}

proptest! {
    #[test]
    fn a_schema_only_ever_turns_an_approval_or_no_rule_into_a_question(
        amount in prop::option::of(facts()), customer in prop::option::of(facts()), more in prop::option::of(facts()),
    ) {
        let mut context = serde_json::Map::new();
        for (key, value) in [("amount", amount), ("customer", customer), ("currency", more)] {
            context.extend(value.map(|value| (key.to_owned(), value)));
        }
        let context = Value::Object(context);
        let with = refund(&refunds(), &context);
        let without = refund(&set(&[("approvals/refunds/refunds.rego", RULES)]), &context);
        if (with.outcome, with.cause) != (without.outcome, without.cause) {
            prop_assert!(without.outcome == Outcome::Approve || without.cause == Cause::NoRule);
            prop_assert_eq!((with.outcome, with.cause), (Outcome::Escalate, Cause::Evidence));
        }
    }
}
