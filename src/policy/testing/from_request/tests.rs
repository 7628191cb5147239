use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::case::{
    AnswerState, Asked as AskedOf, Channel, Mode, Resolution, Resolved, Resolver, State,
};
use crate::domain::id::{CaseId, ContentDigest, RequestId, SourceName};
use crate::domain::rationale::is_hidden;
use crate::policy::testing::{Settings, TestOutcome, run};
use crate::policy::{Budget, decide_and_account};

fn shipped() -> PolicySet {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let files = PolicyFiles::read(&root).unwrap();
    PolicySet::load(files, Budget::unhurried()).unwrap().set
}

fn set_of(text: &str) -> PolicySet {
    let files = PolicyFiles::of([("approvals/p.rego", text)]).unwrap();
    PolicySet::load(files, Budget::unhurried()).unwrap().set
}

fn at() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn case(set: &PolicySet, input: &Value) -> Case {
    let parsed = Input::parse(&input.to_string()).unwrap();
    let verdict = decide_and_account(set, &parsed, at());
    let source = SourceName::parse("refunds").unwrap();
    let request = RequestId::parse("appr_1").unwrap();
    Case {
        asked: AskedOf {
            id: CaseId::derive(&source, "", &request),
            source,
            platform: "http".to_owned(),
            request,
            action: input["action"].as_str().map(str::to_owned),
            agent: None,
            expires_at: None,
            rationale_required: false,
            content: ContentDigest::of(&[]),
            input: ContentDigest::of(&[]),
            traceparent: None,
        },
        mode: Mode::Enforce,
        channel: Channel::Wait,
        outcome: verdict.outcome,
        cause: verdict.cause,
        verdict,
        decided_at: at(),
        state: State::Resolved(Resolution {
            outcome: Resolved::Approved,
            by: Resolver::Policy,
            at: at(),
            reason: None,
            answer: AnswerState::None,
        }),
        platform_outcome: None,
        votes: Vec::new(),
        approve_by: None,
        teams: Vec::new(),
    }
}

/// The test of a request; it passes beside the set's own tests, and it is the only rule it adds that is run.
fn passes(set: &PolicySet, input: &Value) -> TestFile {
    let made = test_of(set, &case(set, input), &input.to_string()).unwrap();
    let mut files = set.files().clone();
    files.rego.push(RegoFile {
        path: made.name.clone(),
        text: made.text.clone().into(),
    });
    let later = "2027-03-07T03:00:00Z".parse().unwrap();
    let report = run(&files, &Settings::default(), later, || Duration::ZERO);
    let report = report.unwrap_or_else(|found| panic!("{found:?}\n{}", made.text));
    let ours: Vec<_> = report
        .results
        .iter()
        .filter(|test| test.file == made.name)
        .collect();
    assert_eq!(ours.len(), 1, "{}", made.text);
    assert_eq!(ours[0].outcome, TestOutcome::Pass, "{}", made.text);
    made
}

fn samples() -> Vec<(String, Value)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/samples");
    let mut samples = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let sample: Value = serde_json::from_str(&text).unwrap();
        samples.push((path.display().to_string(), sample["input"].clone()));
    }
    samples
}

#[test]
fn the_test_of_every_sample_passes_on_the_shipped_policies() {
    let set = shipped();
    let samples = samples();
    assert!(samples.len() > 20);
    for (_, input) in samples {
        passes(&set, &input);
    }
}

#[test]
fn a_test_reads_as_one_that_a_person_wrote() {
    let set = shipped();
    let input = json!({
        "action": "stripe.refund", "agent": {"id": "billing-bot"},
        "context": {"amount": 50, "customer_id": "cus_123", "tags": ["a", {}]},
    });
    let text = passes(&set, &input)
        .text
        .replace(set.revision().short(), "[revision]");
    insta::assert_snapshot!(text, @r#"
    # Made from case_c4df8e85288b9e14f3752f86545c40af of refunds, decided 2026-11-23T10:00:00Z as approve (rule) by policy [revision].
    package approvals.refunds_test

    request_c4df8e85288b := {
    	"action": "stripe.refund",
    	"agent": {
    		"id": "billing-bot",
    	},
    	"context": {
    		"amount": 50,
    		"customer_id": "cus_123",
    		"tags": [
    			"a",
    			{},
    		],
    	},
    }

    test_stripe_refund_is_approved_c4df8e85288b if {
    	count(data.approvals.refunds.approve) == 1 with input as request_c4df8e85288b
    	count(data.approvals.refunds.reject) == 0 with input as request_c4df8e85288b
    	count(data.approvals.refunds.escalate) == 0 with input as request_c4df8e85288b
    }
    "#);
}

#[test]
fn nothing_in_a_request_leaves_its_literal() {
    let set = shipped();
    let long = "x\"\n\u{202e}\u{e0041}{{`".repeat(900);
    let mut deep = json!({"$serde_json::private::Number": "1"});
    for _ in 0..25 {
        deep = json!({ "a": [deep] });
    }
    for hostile in [
        json!("\"}\n\ntest_mine if true\n\nx := {\""),
        json!("`\n}\n# METADATA\n# title: x\n"),
        json!("a\u{0}b\u{85}c\u{2028}d\u{202e}e\u{feff}f\u{7f}g\\u0041\\"),
        json!("{{ input.x }} ${x} $\"{1}\" %s"),
        json!("🦀\u{e0041}\u{10ffff}é"),
        json!(long),
        json!({ "\"\n} test_mine if true {": 1, "": {"": []}, "with": 1, "a.b": 2 }),
        json!({ long.clone(): {"x": long} }),
        json!([
            1e300,
            -0.000_001,
            18_446_744_073_709_551_615_u64,
            -7,
            1.5e-9
        ]),
        deep,
    ] {
        let input = json!({
            "action": hostile.as_str().unwrap_or("stripe.refund"),
            "title": hostile, "context": {"amount": 5, "customer_id": "c", "note": hostile},
        });
        let text = passes(&set, &input).text;
        assert!(
            text.chars()
                .all(|c| c == '\n' || c == '\t' || !is_hidden(c)),
            "{text}"
        );
        assert!(text.lines().all(|line| line.len() < 1000));
        assert_eq!(text.matches("\ntest_").count(), 1, "{text}");
        // Two more where the guard decided, and all of them above the package.
        let comments = if text.contains("_is_held_by_the_guard_") {
            3
        } else {
            1
        };
        let is_comment = |line: &&str| line.trim_start().starts_with('#');
        assert_eq!(text.lines().take_while(is_comment).count(), comments);
        assert_eq!(text.lines().filter(is_comment).count(), comments, "{text}");
    }
}

#[test]
fn the_rules_see_in_the_test_what_they_saw_in_the_request() {
    let text = "\"quoted\\\" {{x}} `é\u{1F980}\u{202e}\n";
    let long = text.repeat(60);
    let policy = format!(
        "package approvals.p\n\napprove contains \"same\" if {{\n\tinput.action == \"a\"\n\tinput.context.text == {}\n\tinput.context.long == concat(\"\", [{}])\n}}\n",
        json!(text),
        format!("\n\t\t{},", json!(text)).repeat(60),
    );
    let input = json!({"action": "a", "context": {"text": text, "long": long}});
    let made = passes(&set_of(&policy), &input);
    assert!(made.text.contains("approve) == 1"), "{}", made.text);
}

#[test]
fn the_clock_stands_where_it_stood() {
    let set = set_of(
        "package approvals.p\n\napprove contains \"early\" if {\n\tinput.action == \"a\"\n\ttime.now_ns() < 1800000000000000000\n}\n",
    );
    let made = passes(&set, &json!({"action": "a"}));
    assert!(
        made.text
            .contains("with time.now_ns as 1795428000000000000"),
        "{}",
        made.text
    );
}

#[test]
fn what_no_rule_is_about_is_held_to_that() {
    let set = shipped();
    let made = passes(&set, &json!({"action": "rocket.launch"}));
    assert!(made.name.ends_with("_test.rego"));
    assert!(!made.text.contains("== 1 with"), "{}", made.text);
}

#[test]
fn a_set_without_rules_and_an_erased_request_have_no_test() {
    let set = set_of("package lib.p\n\nx := 1\n");
    let input = json!({"action": "a"});
    let case = case(&set, &input);
    assert_eq!(
        test_of(&set, &case, &input.to_string()),
        Err(Untestable::NoRule)
    );
    assert_eq!(test_of(&set, &case, "null"), Err(Untestable::Erased));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[\"\\\\`{}#\n\u{202e}a]{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_literal_is_the_value_it_was_made_from(value in any_json()) {
        let text = format!("package p_test\n\nvalue := {}\n", literal(&value));
        let files = PolicyFiles::of([("p_test.rego", text)]).unwrap();
        let interpreter = Interpreter::new(&files, TIME_LIMIT).unwrap();
        let read = interpreter.eval("data.p_test.value", at()).unwrap().unwrap();
        prop_assert!(crate::json::same(&read, &value), "{read} {value}");
    }
}

#[test]
fn the_test_of_what_the_guard_held_says_that_rules_alone_would_approve() {
    let rule = "package approvals.up\n\napprove contains \"small\" if {\n\tinput.action == \"up\"\n\tinput.context.amount < 100\n}\n";
    let set = set_of(rule);
    let input = json!({"action": "up", "context": {"amount": null}});
    let made = passes(&set, &input).text;
    let lines: Vec<&str> = made.lines().skip(1).take(2).collect();
    assert_eq!(
        lines,
        [
            "# The guard left it to a person: `input.context.amount` is null. Below is what the rules say without the guard; once they ask for",
            "# what they need, the sets that approve give 0 here.",
        ]
    );
    assert!(made.contains("test_up_is_held_by_the_guard_"), "{made}");
    assert!(
        made.contains("count(data.approvals.up.approve) == 1"),
        "{made}"
    );
}
