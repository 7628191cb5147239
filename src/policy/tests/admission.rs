use super::*;

fn codes(text: &str) -> Vec<&'static str> {
    refused(text).iter().map(|mistake| mistake.code).collect()
}

#[test]
fn all_mistakes_of_all_files_come_at_once_with_frames() {
    let files = files(
        &[
            (
                "approvals/a.rego",
                "package approvals\n\nreject contains \"x\" if {\n\tinput.action ==\n}\n",
            ),
            (
                "approvals/b.rego",
                "package approvals.b\n\nescalate contains {\"reason\": \"x\", \"vote\": 2} if input.action == \"a\"\n\nreject contains \"y\" if {\n\tinput.action == \"a\"\n\trand.intn(\"x\", 5) > 2\n}\n\ndeny contains \"z\" if input.action == \"a\"\n",
            ),
            (
                "approvals/c.rego",
                "package approvals.c\n\napprove if input.action == \"a\"\n\nlimit contains {\"name\": \"x\"} if input.action == \"a\"\n",
            ),
        ],
        json!({}),
    );
    let mistakes = PolicySet::load(files, Budget::default()).unwrap_err();
    insta::assert_snapshot!(shown(&mistakes), @r##"
        error[P001]: expecting expression
         --> approvals/a.rego:5:1
          |
        5 | }
          | ^

        error[P013]: an element of `escalate` has no key `vote`; did you mean `votes`?
         --> approvals/b.rego:3:35
          |
        3 | escalate contains {"reason": "x", "vote": 2} if input.action == "a"
          |                                   ^^^^^^
          |
          = help: the keys are `reason`, `to`, `votes`, `within`

        error[P033]: `rand.intn` is not for decisions
         --> approvals/b.rego:7:2
          |
        7 |     rand.intn("x", 5) > 2
          |     ^^^^^^^^^
          |
          = help: a decision must come out the same when it is replayed

        error[P012]: nothing looks at `deny`
          --> approvals/b.rego:10:1
           |
        10 | deny contains "z" if input.action == "a"
           | ^^^^
           |
           = help: did you mean `reject`? Write `reject contains "the reason" if { … }`

        error[P010]: `approve` must be a set of reasons
         --> approvals/c.rego:3:1
          |
        3 | approve if input.action == "a"
          | ^^^^^^^
          |
          = help: write `approve contains "the reason" if { … }`

        error[P011]: limits are not supported yet
         --> approvals/c.rego:5:1
          |
        5 | limit contains {"name": "x"} if input.action == "a"
          | ^^^^^
          |
          = help: leave `limit` out, or bound single requests in `approve`
    "##);
}

#[test]
fn what_the_bytecode_cannot_carry_is_refused_with_what_to_write() {
    for (code, text) in [
        ("P010", "approve := true"),
        ("P010", "reject if input.action == \"a\""),
        ("P010", "default approve := false"),
        ("P011", "limit contains \"x\" if input.action == \"a\""),
        ("P012", "deny contains \"x\" if input.action == \"a\""),
        ("P012", "rejct contains \"x\" if input.action == \"a\""),
        ("P012", "default allow := false"),
        (
            "P013",
            "escalate contains {\"reason\": \"x\", \"within\": \"soon\"} if input.action == \"a\"",
        ),
        (
            "P013",
            "escalate contains {\"to\": \"x\"} if input.action == \"a\"",
        ),
        ("P013", "reject contains 7 if input.action == \"a\""),
        (
            "P030",
            "reject contains \"x\" if {\n\tinput.action == \"a\"\n\tunknown_name > 1\n}",
        ),
        (
            "P030",
            "reject contains \"x\" if {\n\tinput.action == \"a\"\n\tnot y == 1\n}",
        ),
        (
            "P031",
            "reject contains \"x\" if {\n\tinput.action == \"a\"\n\ty\n}\n\ny if z\n\nz if y",
        ),
        (
            "P031",
            "reject contains \"x\" if {\n\tinput.action == \"a\"\n\tf(1)\n}\n\nf(x) if f(x)",
        ),
        (
            "P032",
            "reject contains \"x\" if {\n\tinput.action == \"a\"\n\tstartwith(input.x, \"y\")\n}",
        ),
        (
            "P033",
            "reject contains \"x\" if {\n\tinput.action == \"a\"\n\tnumbers.range(1, input.n)[_] > 1\n}",
        ),
        (
            "P033",
            "reject contains \"x\" if {\n\tinput.action == \"a\"\n\thttp.send({}).status == 1\n}",
        ),
        (
            "P033",
            "reject contains \"x\" if {\n\tinput.action == \"a\"\n\tprint(input)\n}",
        ),
        (
            "P033",
            "reject contains \"x\" if {\n\tinput.action == \"a\"\n\twalk(input, [_, v])\n\tv == 1\n}",
        ),
        (
            "P033",
            "reject contains \"x\" if {\n\tinput.action == \"a\"\n\t__builtin_host_await(input, \"x\")\n}",
        ),
        (
            "P034",
            "reject contains \"x\" if {\n\tinput.action == \"a\"\n\ty with input.x as 1\n}\n\ny if input.x",
        ),
        (
            "P035",
            "reject contains \"x\" if {\n\tinput.action == \"a\"\n\tf(1) > 2\n}\n\ndefault f(_) := 7\n\nf(x) := x if x > 10",
        ),
        (
            "P036",
            "reject contains \"x\" if {\n\tinput.action == \"a\"\n\ty.a > 2\n}\n\ny[\"a\"] := 1",
        ),
        (
            "P036",
            "reject contains \"x\" if {\n\tinput.action == \"a\"\n\ty.a.b > 2\n}\n\ny.a.b := 1",
        ),
        (
            "P037",
            "reject contains \"x\" if {\n\tinput.action == \"a\"\n\tdata.approvals[input.x]\n}",
        ),
        (
            "P041",
            "reject contains \"x\" if {\n\tinput.action == \"a\"\n\trisk == \"high\"\n}\n\nrisk := \"low\" if {\n\tsome item in input.items\n\titem.safe\n} else := \"high\"",
        ),
        (
            "P040",
            "reject contains \"x\" if {\n\tinput.action == \"a\"\n\t0, \"x\" in input.list\n}",
        ),
    ] {
        let found = codes(&format!("package approvals.x\n\n{text}\n"));
        assert!(found.contains(&code), "{text}: {found:?}");
    }
}

#[test]
fn tests_in_the_set_may_use_what_decisions_may_not() {
    let loaded = load(
        &[
            (
                "approvals/x.rego",
                "package approvals\n\nreject contains \"x\" if input.action == \"a\"\n",
            ),
            (
                "approvals/x_test.rego",
                "package approvals_test\n\nimport data.approvals\n\ntest_x if \"x\" in approvals.reject with input as {\"action\": \"a\"}\n",
            ),
            (
                "approvals/y_test.rego",
                "package approvals\n\ntest_y if count(reject) == 1 with input as {\"action\": \"a\"}\n",
            ),
        ],
        json!({}),
    );
    assert!(loaded.warnings.is_empty());
}

#[test]
fn a_rule_for_every_request_is_warned_of() {
    let loaded = load(
        &[(
            "approvals/x.rego",
            "package approvals\n\nreject contains \"x\" if {\n\tinput.context.amount > 5\n}\n",
        )],
        json!({}),
    );
    insta::assert_snapshot!(shown(&loaded.warnings), @r##"
        warning[P050]: `approvals.reject#1` is looked at for every request
         --> approvals/x.rego:3:1
          |
        3 | reject contains "x" if {
          | ^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: if it is for some actions only, compare `input.action` with a string: `input.action == "stripe.refund"` or `input.action in {"a", "b"}`
    "##);
}

#[test]
fn data_where_a_rule_is_is_refused() {
    let files = files(
        &[(
            "approvals/x.rego",
            "package approvals.x\n\nreject contains \"x\" if input.action == \"a\"\n",
        )],
        json!({"approvals": {"x": {"reject": []}}}),
    );
    assert_eq!(
        PolicySet::load(files, Budget::default()).unwrap_err()[0].code,
        "P021"
    );
}

#[test]
fn every_code_is_documented() {
    let documented = include_str!("../../../docs/checks.md");
    for source in [
        include_str!("../engine/admission.rs"),
        include_str!("../engine/admission/carried.rs"),
        include_str!("../engine/load.rs"),
        include_str!("../engine/chains.rs"),
        include_str!("../engine/parse.rs"),
        include_str!("../engine/parse/nesting.rs"),
        include_str!("../engine/program.rs"),
        include_str!("../engine/interpreter.rs"),
    ] {
        for code in source
            .split('"')
            .filter(|word| word.len() == 4 && word.starts_with('P'))
        {
            assert!(documented.contains(&format!("| {code} |")), "{code}");
        }
    }
}
