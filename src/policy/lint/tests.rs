use std::path::Path;

use super::lint;
use crate::diagnostic::{Diagnostic, Paint};
use crate::policy::folder::PolicyFiles;
use crate::policy::{Budget, PolicySet};

fn found(files: &[(&str, &str)]) -> Vec<Diagnostic> {
    let files = PolicyFiles::of(files.iter().copied()).unwrap();
    match PolicySet::load(files, Budget::default()) {
        Ok(loaded) => lint(&loaded.set),
        Err(mistakes) => panic!("{}", shown(&mistakes)),
    }
}

fn shown(mistakes: &[Diagnostic]) -> String {
    let frames: Vec<_> = mistakes
        .iter()
        .map(|one| one.render(Paint::Plain))
        .collect();
    frames.join("\n\n")
}

/// The findings but for missing titles.
fn but_titles(found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    found
        .into_iter()
        .filter(|one| one.code != "CS007")
        .collect()
}

/// What is found in the conditions of an approval of the action `a`, with these rules beside it.
fn in_body(conditions: &str, beside: &str) -> Vec<Diagnostic> {
    let text = format!(
        "package approvals.p\n\napprove contains \"x\" if {{\n\tinput.action == \"a\"\n\t{conditions}\n}}\n\n{beside}\n"
    );
    but_titles(found(&[("p.rego", &text)]))
}

fn codes(found: &[Diagnostic]) -> Vec<&str> {
    found.iter().map(|one| one.code).collect()
}

#[test]
fn a_body_whose_conditions_contradict_each_other_is_found() {
    for conditions in [
        "input.action == \"b\"",
        "not input.action == \"a\"",
        "input.action != \"a\"",
        "input.action in {\"b\", \"c\"}",
        "input.context.x < 5; input.context.x > 10",
        "input.context.x < 5; 5 <= input.context.x",
        "input.context.x > -1; input.context.x == -2",
        "input.context.x in {1, 2}; input.context.x in {3}",
        "input.context.x in {1, 2}; input.context.x > 2",
        "some x in input.context.xs; x == 1; x == 2",
        "x := input.context.x; x > 5; x < 5",
        "input.context.y == 1; false",
        "1 == 2",
        "helper; not helper",
    ] {
        let found = in_body(conditions, "helper if input.context.z == 1");
        assert!(
            codes(&found).contains(&"CS001"),
            "{conditions}\n{}",
            shown(&found)
        );
    }
    let helper = in_body(
        "helper",
        "helper if {\n\tinput.context.z == 1\n\tinput.context.z == 2\n}",
    );
    assert_eq!(codes(&helper), ["CS001"]);
}

#[test]
fn conditions_that_can_hold_together_are_left_alone() {
    for conditions in [
        "input.action in {\"a\", \"b\"}",
        "input.context.x > 0; input.context.x < 5",
        "input.context.x >= 5; input.context.x <= 5",
        "input.context.xs[_] == 1; input.context.xs[_] == 2",
        "some x in input.context.xs; x == 1; some y in input.context.xs; y == 2",
        "input.context.x != 1; input.context.x != 2; input.context.x in {1, 2, 3}",
        "input.context.x == \"a\"; input.context.y == \"b\"",
        "helper; not other",
        "f(1) == 2; f(2) == 3",
        "input.context.x == 1; every y in input.context.ys { y == 2 }",
    ] {
        let found = in_body(
            conditions,
            "helper if input.context.z == 1\n\nother if input.context.z == 2\n\nf(x) := x + 1\n\nreject contains \"r\" if {\n\tinput.action == \"a\"\n\thelper\n\tother\n\tf(3) == 5\n}",
        );
        assert_eq!(codes(&found), [""; 0], "{conditions}\n{}", shown(&found));
    }
}

#[test]
fn an_approval_that_a_veto_always_overrules_is_found() {
    let of = |veto: &str| {
        codes_of(&format!(
            "package approvals.p\n\napprove contains \"x\" if {{\n\tinput.action in {{\"a\", \"b\"}}\n\tinput.context.x == 1\n}}\n\n{veto}\n"
        ))
    };
    assert_eq!(
        of("reject contains \"no\" if input.action in {\"a\", \"b\", \"c\"}"),
        ["CS002"]
    );
    assert_eq!(of("reject contains \"no\" if true"), ["CS002"]);
    assert_eq!(
        of(
            "escalate contains \"1\" if input.action == \"a\"\n\nreject contains \"2\" if input.action == \"b\""
        ),
        ["CS002"]
    );
    assert_eq!(
        of("reject contains \"no\" if input.action == \"a\""),
        [""; 0]
    );
    assert_eq!(
        of(
            "reject contains \"no\" if {\n\tinput.action in {\"a\", \"b\"}\n\tinput.context.y == 1\n}"
        ),
        [""; 0]
    );
}

fn codes_of(text: &str) -> Vec<String> {
    let found = but_titles(found(&[("p.rego", text)]));
    codes(&found).iter().map(|&code| code.to_owned()).collect()
}

#[test]
fn an_approval_on_the_agents_own_words_is_found() {
    for conditions in [
        "startswith(input.title, \"Small\")",
        "contains(input.message, \"urgent\"); input.agent.id == \"bot\"",
        "object.get(input, \"title\", \"\") == \"x\"",
        "fine",
    ] {
        let found = in_body(
            conditions,
            "fine if startswith(input.title, \"x\")\n\nescalate contains \"e\" if {\n\tinput.action == \"b\"\n\tfine\n}",
        );
        assert_eq!(codes(&found), ["CS003"], "{conditions}\n{}", shown(&found));
    }
    for conditions in [
        "startswith(input.title, \"Small\"); input.context.amount == 1",
        "input.agent.id == \"bot\"",
        "input.payload.x == input.title",
    ] {
        assert_eq!(codes(&in_body(conditions, "")), [""; 0], "{conditions}");
    }
    let reason = "package approvals.p\n\napprove contains reason if {\n\tinput.action == \"a\"\n\treason := sprintf(\"%v\", [input.title])\n}\n";
    assert_eq!(codes_of(reason), [""; 0]);
}

#[test]
fn a_path_that_the_input_does_not_have_is_found_with_the_one_that_was_meant() {
    for (path, meant) in [
        ("input.amount", "input.context.amount"),
        ("input.amount.value", "input.context.amount.value"),
        ("input.titel", "input.title"),
        ("input.agent_id", "input.agent.id"),
        ("input.agent.name", "input.agent.id"),
    ] {
        let found = in_body(&format!("{path} == \"x\""), "");
        assert_eq!(codes(&found), ["CS004"], "{path}\n{}", shown(&found));
        assert!(
            found[0]
                .help
                .as_ref()
                .unwrap()
                .contains(&format!("`{meant}`")),
            "{found:?}"
        );
    }
    for path in [
        "input.context.amount",
        "input[\"context\"].x",
        "input.payload.a.b",
        "input.verified.record",
    ] {
        assert_eq!(
            codes(&in_body(&format!("not {path}"), "")),
            [""; 0],
            "{path}"
        );
    }
    insta::assert_snapshot!(shown(&in_body("input.amount < 100", "")), @r#"
    warning[CS004]: `input` has no `amount`
     --> p.rego:5:2
      |
    5 |     input.amount < 100
      |     ^^^^^^^^^^^^
      |
      = help: did you mean `input.context.amount`? `countersign schema input` says what there is
    "#);
}

const SCHEMA: &str = r#"{"properties": {"context": {
    "properties": {"amount": {"type": "number"}, "currency": {"enum": ["USD", "EUR"]}},
    "additionalProperties": false
}}}"#;

/// What is found in an approval of `a`, and of `b` where it says so, with a schema for `a`.
fn with_schema(actions: &str, conditions: &str) -> Vec<Diagnostic> {
    let text = format!(
        "package approvals.p\n\napprove contains \"x\" if {{\n\tinput.action in {actions}\n\tfine\n}}\n\nfine if {{\n\t{conditions}\n}}\n"
    );
    but_titles(found(&[("p.rego", &text), ("schemas/a.json", SCHEMA)]))
}

#[test]
fn a_path_that_the_schema_does_not_list_is_found() {
    let found = with_schema("{\"a\"}", "input.context.amuont < 5");
    assert_eq!(codes(&found), ["CS005"]);
    assert_eq!(
        found[0].message,
        "the schema of `input.context` has no `amuont`"
    );
    assert_eq!(
        found[0].help.as_deref(),
        Some("did you mean `input.context.amount`?")
    );
    assert_eq!(
        codes(&with_schema(
            "{\"a\"}",
            "object.get(input.context, \"x\", 1) == 1"
        )),
        ["CS005"]
    );
    assert_eq!(
        codes(&with_schema("{\"a\"}", "input.context.amount < 5")),
        [""; 0]
    );
    assert_eq!(
        codes(&with_schema("{\"a\", \"b\"}", "input.context.amuont < 5")),
        [""; 0]
    );
}

#[test]
fn a_comparison_that_the_schema_excludes_is_found() {
    for conditions in [
        "input.context.amount == \"5\"",
        "\"5\" != input.context.amount",
        "input.context.currency == \"usd\"",
        "input.context.currency in {\"USD\", \"GBP\"}",
        "input.version == \"1\"",
        "input.title == 5",
    ] {
        let found = with_schema("{\"a\"}", conditions);
        assert!(
            codes(&found).contains(&"CS008"),
            "{conditions}\n{}",
            shown(&found)
        );
    }
    for conditions in [
        "input.context.amount == 5",
        "input.context.currency == \"USD\"",
        "input.version == 1",
    ] {
        assert_eq!(
            codes(&with_schema("{\"a\"}", conditions)),
            [""; 0],
            "{conditions}"
        );
    }
}

#[test]
fn a_helper_that_nothing_uses_is_found_and_one_that_a_test_uses_is_not() {
    let rules = "package lib.p\n\nused(x) if x == 1\n\ntested if input.context.y == 1\n\nlost if deeper\n\ndeeper if input.context.z == 1\n\ndeeper if input.context.z == 2\n";
    let approve = "package approvals.p\n\nimport data.lib.p\n\napprove contains \"x\" if {\n\tinput.action == \"a\"\n\tp.used(input.context.x)\n}\n";
    let tests = "package lib.p_test\n\nimport data.lib.p\n\ntest_it if p.tested with input as {\"context\": {\"y\": 1}}\n\nnot_used := 1\n";
    let found = but_titles(found(&[
        ("a.rego", approve),
        ("p.rego", rules),
        ("p_test.rego", tests),
    ]));
    assert_eq!(codes(&found), ["CS006", "CS006"]);
    assert_eq!(found[0].message, "nothing uses `lost`");
}

#[test]
fn a_body_without_a_title_is_found() {
    let text = "package approvals.p\n\n# METADATA\n# title: T\napprove contains \"x\" if input.action == \"a\"\n\n# METADATA\n# description: D\nreject contains \"x\" if input.action == \"b\"\n\nescalate contains \"x\" if input.action == \"c\"\n";
    let found = found(&[("p.rego", text)]);
    let lines: Vec<_> = found
        .iter()
        .map(|one| (one.code, one.place.as_ref().unwrap().line_and_column().0))
        .collect();
    assert_eq!(lines, [("CS007", 9), ("CS007", 11)]);
}

#[test]
fn a_comparison_with_itself_is_found() {
    assert_eq!(
        codes(&in_body("input.context.x == input.context.x", "")),
        ["CS009"]
    );
    assert_eq!(
        codes(&in_body("every x in input.context.xs { x != x }", "")),
        ["CS009"]
    );
    assert_eq!(
        codes(&in_body("input.context.x == input.context.y", "")),
        [""; 0]
    );
    assert_eq!(
        codes(&in_body("input.context.xs[_] == input.context.xs[_]", "")),
        [""; 0]
    );
}

#[test]
fn imports_and_variables_that_nothing_looks_at_are_found() {
    let text = "package approvals.p\n\nimport data.limits\nimport data.lib.f as g\nimport data.lib.h\nimport rego.v1\n\napprove contains \"x\" if {\n\tinput.action == \"a\"\n\tunused := 1\n\t_kept := 2\n\tused := 3\n\tused == limits.x\n\tsome lost\n\tsome i\n\tinput.context.xs[i] == g(i)\n}\n";
    let library = "package lib\n\nf(x) := x\n\nh(x) := x\n\nk := h(1)\n\nescalated if k == 1\n";
    let tests = "package lib_test\n\nimport data.lib\nimport data.limits\n\ntest_x if lib.escalated with data.limits as {}\n";
    let found = but_titles(found(&[
        ("p.rego", text),
        ("l.rego", library),
        ("l_test.rego", tests),
    ]));
    let messages: Vec<_> = found
        .iter()
        .map(|one| (one.code, one.message.as_str()))
        .collect();
    assert_eq!(
        messages,
        [
            ("CS010", "nothing uses the import `limits`"),
            ("CS010", "nothing uses the import `h`"),
            ("CS011", "nothing looks at `unused`"),
            ("CS011", "nothing looks at `lost`"),
        ]
    );
}

#[test]
fn a_schema_for_an_action_that_no_rule_is_for_is_found() {
    let rules = "package approvals.p\n\n# METADATA\n# title: T\n# schemas:\n#   - input.context: schema.shared\napprove contains \"x\" if input.action == \"stripe.refund\"\n";
    let always = "package approvals.q\n\nreject contains \"x\" if input.context.x == 1\n";
    let files = [
        ("p.rego", rules),
        ("schemas/shared.json", "{}"),
        ("schemas/stripe.refnd.json", "{}"),
        ("schemas/other.json", "{}"),
    ];
    let found_now = but_titles(found(&files));
    assert_eq!(codes(&found_now), ["CS012", "CS012"]);
    assert_eq!(
        found_now[1].help.as_deref(),
        Some("did you mean `schemas/stripe.refund.json`?")
    );
    let mut with_always = files.to_vec();
    with_always.push(("q.rego", always));
    assert_eq!(codes(&but_titles(found(&with_always))), ["CS012"]);
}

#[test]
fn a_word_that_means_nothing_in_a_schema_is_found() {
    let schema = "{\n\"properties\": {\"context\": {\n\"minimun\": 5,\n\"x-note\": 1,\n\"format\": \"datetime\"}},\n\"$defs\": {\"a\": {\"typ\": 1, \"format\": \"uuid\"}}}";
    let rules = "package approvals.p\n\napprove contains \"x\" if input.action == \"a\"\n";
    let found = but_titles(found(&[("p.rego", rules), ("schemas/a.json", schema)]));
    let lines: Vec<_> = found
        .iter()
        .map(|one| (one.code, one.place.as_ref().unwrap().line_and_column().0))
        .collect();
    assert_eq!(lines, [("CS013", 3), ("CS013", 5), ("CS013", 6)]);
    assert_eq!(found[0].help.as_deref(), Some("did you mean `minimum`?"));
}

#[test]
fn metadata_of_nothing_is_found() {
    let text = "package approvals.p\n\n# METADATA\n# title: T\n\napprove contains \"x\" if input.action == \"a\"\n";
    assert_eq!(codes_of(text), ["CS014"]);
}

#[test]
fn the_policies_that_ship_are_clean() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let set = PolicySet::load(PolicyFiles::read(&root).unwrap(), Budget::default()).unwrap();
    let mut warnings = set.warnings;
    warnings.extend(lint(&set.set));
    assert!(warnings.is_empty(), "{}", shown(&warnings));
}

#[test]
fn sound_policies_raise_no_false_alarm() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let folders = |path: &Path| {
        let entries = std::fs::read_dir(path).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
    };
    let mut looked_at = 0;
    for corpus in folders(&root).filter(|path| !path.ends_with("holes")) {
        for folder in folders(&corpus) {
            let files = PolicyFiles::read(&folder).unwrap();
            let set = PolicySet::load(files, Budget::default()).unwrap().set;
            let found = but_titles(lint(&set));
            assert!(found.is_empty(), "{}", shown(&found));
            looked_at += 1;
        }
    }
    assert!(looked_at > 20);
}
