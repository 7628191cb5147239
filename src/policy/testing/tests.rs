use super::*;

const TESTS: &str = "package p_test\n\nimport data.p\n\ntest_good if p.allow with input as {\"a\": 1}\n\ntest_bad if {\n\tp.allow with input as {\"a\": 2}\n}\n\ntodo_later if false\n\ntest_broken if to_number(\"x\") == 1\n\nhelper := 1\n\ntest_two if false\n\ntest_two if true\n\ntest_word := \"true\"\n";

fn report(filter: &Filter) -> TestReport {
    let files = PolicyFiles::of([
        ("p.rego", "package p\n\nallow if input.a == 1\n"),
        ("p_test.rego", TESTS),
    ])
    .unwrap();
    let mut passed = Duration::ZERO;
    let clock = || {
        passed += Duration::from_nanos(1400);
        passed
    };
    let settings = Settings {
        filter: filter.clone(),
        ..Settings::default()
    };
    let runner = Runner::new(&files, &settings).unwrap();
    let mut report = runner.run(Timestamp::UNIX_EPOCH, clock);
    runner.explain(&mut report, Timestamp::UNIX_EPOCH);
    report
}

fn outcomes(report: &TestReport) -> Vec<(&str, &'static str)> {
    report
        .results
        .iter()
        .map(|test| (&*test.name, test.outcome.word()))
        .collect()
}

#[test]
fn only_true_passes_and_a_rule_of_several_bodies_is_one_test() {
    let expected = [
        ("test_good", "PASS"),
        ("test_bad", "FAIL"),
        ("todo_later", "SKIPPED"),
        ("test_broken", "ERROR"),
        ("test_two", "PASS"),
        ("test_word", "FAIL"),
    ];
    assert_eq!(outcomes(&report(&Filter::All)), expected);
}

#[test]
fn a_filter_is_searched_for_in_the_full_name() {
    let filter = Filter::Matching(Regex::new(r"p_test\.test_(good|bad)$").unwrap());
    assert_eq!(
        outcomes(&report(&filter)),
        [("test_good", "PASS"), ("test_bad", "FAIL")]
    );
}

#[test]
fn the_text_is_that_of_opa_test() {
    let filter = Filter::Matching(Regex::new("good|bad|later").unwrap());
    let report = report(&filter);
    insta::assert_snapshot!(report.pretty(Detail::Verbose), @r#"
    p_test.rego:
    data.p_test.test_good: PASS (1.4µs)
    data.p_test.test_bad: FAIL (1.4µs)

      p_test.rego:8:
        p.allow with input as {"a": 2}
        |                     |
        |                     {"a":2}
        undefined

      p.rego:3:
        allow if input.a == 1
                 |
                 2

    data.p_test.todo_later: SKIPPED
    --------------------------------------------------------------------------------
    PASS: 1/3
    FAIL: 1/3
    SKIPPED: 1/3
    "#);
    let good = TestReport {
        results: report.results.into_iter().take(1).collect(),
    };
    assert_eq!(good.pretty(Detail::Brief), "PASS: 1/1\n");
}

#[test]
fn the_json_is_that_of_opa_test() {
    let filter = Filter::Matching(Regex::new("bad|later").unwrap());
    assert_eq!(
        report(&filter).to_json(),
        json!([
            {"location": {"file": "p_test.rego", "row": 7, "col": 1}, "package": "data.p_test", "name": "test_bad",
             "fail": true, "duration": 1400, "failures": [
                {"location": {"file": "p_test.rego", "row": 8}, "text": "p.allow with input as {\"a\": 2}", "values": [
                    {"text": "p.allow", "value": "undefined"}, {"text": "{\"a\": 2}", "value": "{\"a\":2}"}]},
                {"location": {"file": "p.rego", "row": 3}, "text": "allow if input.a == 1", "values": [{"text": "input.a", "value": "2"}]},
             ]},
            {"location": {"file": "p_test.rego", "row": 11, "col": 1}, "package": "data.p_test", "name": "todo_later",
             "skip": true, "duration": 0},
        ])
    );
}

fn explained(policy: &str, tests: &str) -> String {
    let files = PolicyFiles::of([("p.rego", policy), ("p_test.rego", tests)]).unwrap();
    let runner = Runner::new(&files, &Settings::default()).unwrap();
    let mut report = runner.run(Timestamp::UNIX_EPOCH, || Duration::ZERO);
    runner.explain(&mut report, Timestamp::UNIX_EPOCH);
    report.pretty(Detail::Brief)
}

const REFUNDS: &str = r#"package p

default limit := 100

limit := 500 if input.vip

approve contains "small" if {
	input.action == "refund"
	input.amount < limit
	not flagged
}

flagged if input.customer.flagged == true

every_line_small if {
	every line in input.lines {
		line.price + line.tax < 50
	}
}
"#;

#[test]
fn a_failure_shows_the_statement_and_its_values_under_its_with_and_then_the_rule_it_asks() {
    let text = explained(
        REFUNDS,
        r#"package p_test

import data.p

test_small if {
	request := {"action": "refund", "amount": 120}
	p.limit == 100
	count(p.approve) == 1 with input as request
}

test_lines if {
	p.every_line_small with input as {"lines": [{"price": 1, "tax": 0}, {"price": 45, "tax": 5}]}
}

test_no_flag if not p.flagged with input as {"customer": {"flagged": true}}

test_several if {
	some n in [1, 2, 3, 4, 5]
	n > 10
}

test_many_lines if {
	p.limit == object.get(
		input,
		"limit",
		7,
	)
}

test_value := input.x == 1
"#,
    );
    insta::assert_snapshot!(text, @r#"
    p_test.rego:
    data.p_test.test_small: FAIL (0s)

      p_test.rego:8:
        count(p.approve) == 1 with input as request
        |     |                             |
        |     |                             {"action":"refund","amount":120}
        |     []
        0

      p.rego:9:
        input.amount < limit
        |              |
        |              100
        120

    data.p_test.test_lines: FAIL (0s)

      p_test.rego:12:
        p.every_line_small with input as {"lines": [{"price": 1, "tax": 0}, {"price": 45, "tax": 5}]}
        |                                |
        |                                {"lines":[{"price":1,"tax":0},{"price":45,"tax":5}]}
        undefined

      p.rego:17:
        line.price + line.tax < 50
        |            |
        |            5
        line.price + line.tax: 50
        line.price: 45

    data.p_test.test_no_flag: FAIL (0s)

      p_test.rego:15:
        test_no_flag if not p.flagged with input as {"customer": {"flagged": true}}
                            |                       |
                            |                       {"customer":{"flagged":true}}
                            true

    data.p_test.test_several: FAIL (0s)

      p_test.rego:19:
        n > 10
        |
        1, 2, 3, …

    data.p_test.test_many_lines: FAIL (0s)

      p_test.rego:23:
        p.limit == object.get(
            input,
            "limit",
            7,
        )

        where:
          p.limit: 100
          object.get(input, "limit", 7): undefined
          input: undefined

    data.p_test.test_value: FAIL (0s)

      p_test.rego:30:
        test_value := input.x == 1
                      |
                      input.x == 1: undefined
                      input.x: undefined

    --------------------------------------------------------------------------------
    FAIL: 6/6
    "#);
}

#[test]
fn the_cases_of_a_test_are_found_counted_and_explained_one_by_one() {
    let text = explained(
        REFUNDS,
        r#"package p_test

import data.p

test_limits[name] if {
	some name, case in {
		"vip": {"input": {"vip": true}, "limit": 500},
		"usual": {"input": {}, "limit": 100},
		"wrong": {"input": {"vip": true}, "limit": 100},
	}
	p.limit == case.limit with input as case.input
}

test_none[name] if {
	some name, _ in {}
}

test_two[a][b] if {
	some a in ["x", "y"]
	some b in [1, 2]
	b < 2
}
"#,
    );
    insta::assert_snapshot!(text, @r#"
    p_test.rego:
    data.p_test.test_limits: FAIL (0s)
      wrong: FAIL

        p_test.rego:11:
          p.limit == case.limit with input as case.input
          |          |                        |
          |          |                        {"vip":true}
          |          100
          500

    data.p_test.test_none: FAIL (0s)

      p_test.rego:15:
        some name, _ in {}

    data.p_test.test_two: FAIL (0s)
      x: 2: FAIL

        p_test.rego:21:
          b < 2
          |
          2

      y: 2: FAIL

        p_test.rego:21:
          b < 2
          |
          2

    --------------------------------------------------------------------------------
    PASS: 4/8
    FAIL: 4/8
    "#);
}

#[test]
fn lines_count_as_in_opa_whatever_else_the_engine_evaluates() {
    let policy = r#"package p

import data.lib

default grade := "none"

grade := "high" if {
	input.amount > 100
} else := "middle" if {
	input.amount > 50
	input.known
} else := "low" if {
	input.amount > 10
}

never if {
	some x
	x == 1
	input.list[x] == {
		"a": 1,
		"b": 2,
	}
}

approve contains reason if {
	input.action == "pay"
	every line in input.lines {
		line.ok
	}
	names := [name |
		some name in input.names
		name != ""
	]
	reason := sprintf("%v names",
		[count(names)])
}

limit := 5

twice(x) := y if {
	y := x * 2
}

same(x) if x == limit
"#;
    let tests = r#"package p_test

import data.p

test_grade if p.grade == "middle" with input as {"amount": 60, "known": true}

test_approve if count(p.approve) == 1 with input as {"action": "pay", "lines": [{"ok": true}], "names": []}

test_f if p.twice(2) == 4
"#;
    let files = PolicyFiles::of([
        ("p.rego", policy),
        ("p_test.rego", tests),
        ("other.rego", "package other\n\nx := 1\n"),
    ])
    .unwrap();
    let runner = Runner::new(&files, &Settings::default()).unwrap();
    let report = runner.run(Timestamp::UNIX_EPOCH, || Duration::ZERO);
    assert_eq!(report.pretty(Detail::Brief), "PASS: 3/3\n");
    let coverage = runner.coverage(Timestamp::UNIX_EPOCH).unwrap();
    insta::assert_snapshot!(coverage.pretty(), @r#"
    other.rego    0.00%        0/1  not covered: 3
    p.rego       60.87%      14/23  not covered: 7, 12-13, 16, 18-19, 32, 38, 44
    all          58.33%      14/24
    "#);
    assert_eq!(
        serde_json::to_value(&coverage.files["other.rego"]).unwrap(),
        json!({"not_covered": [{"start": {"row": 3}, "end": {"row": 3}}], "covered_lines": 0, "not_covered_lines": 1, "coverage": 0.0})
    );
    assert_eq!(
        coverage.missing(),
        "Lines not covered:\n  other.rego:3\n  p.rego:7\n  p.rego:12-13\n  p.rego:16\n  p.rego:18-19\n  p.rego:32\n  p.rego:38\n  p.rego:44"
    );
}

#[test]
fn statements_in_any_order_bodies_and_errors_are_explained() {
    let text = explained(
        REFUNDS,
        r#"package p_test

import data.p

test_backwards if {
	x > 3
	y = 3
	x = y
}

test_two_bodies if 1 == 2

test_two_bodies if {
	some grade in {"a", "b"}
	grade == "c"
}

test_else := p.limit == 1 if {
	input.a
} else := p.limit == 2 if {
	input.b
} else if p.limit == 3

test_error if {
	limit := to_number("x")
	limit > 3
}

test_built_in if time.now_ns() == 5 with time.now_ns as 4
"#,
    );
    insta::assert_snapshot!(text, @r#"
    p_test.rego:
    data.p_test.test_backwards: FAIL (0s)

      p_test.rego:8:
        x = y

    data.p_test.test_two_bodies: FAIL (0s)

      p_test.rego:11:
        test_two_bodies if 1 == 2

      p_test.rego:15:
        grade == "c"
        |
        "a", "b"

    data.p_test.test_else: FAIL (0s)

      p_test.rego:19:
        input.a
        |
        undefined

      p_test.rego:21:
        input.b
        |
        undefined

      p_test.rego:22:
        } else if p.limit == 3
                  |
                  100

    data.p_test.test_error: ERROR (0s)
      --> p_test.rego:25:23
       |
    25 | 	limit := to_number("x")
       |                       ^
    error: could not parse string as number

      p_test.rego:25:
        limit := to_number("x")

    data.p_test.test_built_in: FAIL (0s)

      p_test.rego:29:
        test_built_in if time.now_ns() == 5 with time.now_ns as 4
                         |                                      |
                         |                                      4
                         4

    --------------------------------------------------------------------------------
    FAIL: 4/5
    ERROR: 1/5
    "#);
}
