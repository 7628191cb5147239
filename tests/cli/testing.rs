//! `countersign test` on a directory of which a test passes, one fails, one cannot be evaluated and one is to come.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::desk::{Ran, program};

const POLICY: &str = r#"package refunds

import data.limits

approve contains "small" if {
	input.action == "refund"
	input.amount < limits.refund
}

flagged if {
	input.customer.flagged
}
"#;

const TESTS: &str = r#"package refunds_test

import data.refunds

small := {"action": "refund", "amount": 50}

test_small if count(refunds.approve) == 1 with input as small

test_large if {
	count(refunds.approve) == 1 with input as object.union(small, {"amount": 500})
}

test_broken if to_number("x") == 1

todo_later if false

test_cases[name] if {
	some name, amount in {"nine": 9, "ninety": 90, "hundred": 100}
	count(refunds.approve) == 1 with input as {"action": "refund", "amount": amount}
}
"#;

/// A directory with this policy, its data and these tests.
fn directory(tests: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let policies = folder.path().join("policies");
    std::fs::create_dir_all(&policies).unwrap();
    std::fs::write(policies.join("refunds.rego"), POLICY).unwrap();
    std::fs::write(policies.join("refunds_test.rego"), tests).unwrap();
    std::fs::write(policies.join("data.json"), r#"{"limits": {"refund": 100}}"#).unwrap();
    folder
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = program();
    command.arg("test").args(arguments).current_dir(folder);
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Ran {
    Ran::of(&command(folder, arguments).output().unwrap())
}

/// Times are other ones every day.
fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\(\d+(\.\d+)?(ns|µs|ms|s)\)", "(TIME)");
    settings.add_filter(r#"time="[0-9.]+""#, r#"time="TIME""#);
    settings
}

#[test]
fn a_report_shows_what_failed_and_with_which_values() {
    let folder = directory(TESTS);
    let ran = run(folder.path(), &["-v"]);
    assert_eq!((ran.status, ran.err.as_str()), (2, ""));
    settings().bind(|| {
        insta::assert_snapshot!(ran.out, @r#"
        policies/refunds_test.rego:
        data.refunds_test.test_small: PASS (TIME)
        data.refunds_test.test_large: FAIL (TIME)

          policies/refunds_test.rego:10:
            count(refunds.approve) == 1 with input as object.union(small, {"amount": 500})
            |     |                                   |
            |     |                                   {"action":"refund","amount":500}
            |     []
            0

          policies/refunds.rego:7:
            input.amount < limits.refund
            |              |
            |              100
            500

        data.refunds_test.test_broken: ERROR (TIME)
          --> refunds_test.rego:13:25
           |
        13 | test_broken if to_number("x") == 1
           |                         ^
        error: could not parse string as number

          policies/refunds_test.rego:13:
            test_broken if to_number("x") == 1

        data.refunds_test.todo_later: SKIPPED
        data.refunds_test.test_cases: FAIL (TIME)
          hundred: FAIL

            policies/refunds_test.rego:19:
              count(refunds.approve) == 1 with input as {"action": "refund", "amount": amount}
              |     |                                   |
              |     |                                   {"action":"refund","amount":100}
              |     []
              0

            policies/refunds.rego:7:
              input.amount < limits.refund
              |              |
              |              100
              100

          nine: PASS
          ninety: PASS
        --------------------------------------------------------------------------------
        PASS: 3/7
        FAIL: 2/7
        SKIPPED: 1/7
        ERROR: 1/7
        "#);
    });
}

#[test]
fn a_build_server_gets_junit() {
    let folder = directory(TESTS);
    let ran = run(folder.path(), &["--format", "junit"]);
    assert_eq!((ran.status, ran.err.as_str()), (2, ""));
    settings().bind(|| insta::assert_snapshot!(ran.out, @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="countersign test" tests="7" failures="2" errors="1" skipped="1" time="TIME">
      <testsuite name="data.refunds_test" tests="7" failures="2" errors="1" skipped="1" time="TIME">
        <testcase classname="data.refunds_test" name="test_small" time="TIME" file="policies/refunds_test.rego" line="7"/>
        <testcase classname="data.refunds_test" name="test_large" time="TIME" file="policies/refunds_test.rego" line="9">
          <failure message="policies/refunds_test.rego:10: count(refunds.approve) == 1 with input as object.union(small, {&quot;amount&quot;: 500})">policies/refunds_test.rego:10:
      count(refunds.approve) == 1 with input as object.union(small, {&quot;amount&quot;: 500})
      |     |                                   |
      |     |                                   {&quot;action&quot;:&quot;refund&quot;,&quot;amount&quot;:500}
      |     []
      0

    policies/refunds.rego:7:
      input.amount &lt; limits.refund
      |              |
      |              100
      500
    </failure>
        </testcase>
        <testcase classname="data.refunds_test" name="test_broken" time="TIME" file="policies/refunds_test.rego" line="13">
          <error message="error: could not parse string as number">--&gt; refunds_test.rego:13:25
       |
    13 | test_broken if to_number(&quot;x&quot;) == 1
       |                         ^
    error: could not parse string as number

    policies/refunds_test.rego:13:
      test_broken if to_number(&quot;x&quot;) == 1
    </error>
        </testcase>
        <testcase classname="data.refunds_test" name="todo_later" time="TIME" file="policies/refunds_test.rego" line="15">
          <skipped/>
        </testcase>
        <testcase classname="data.refunds_test" name="test_cases[hundred]" time="TIME" file="policies/refunds_test.rego" line="17">
          <failure message="policies/refunds_test.rego:19: count(refunds.approve) == 1 with input as {&quot;action&quot;: &quot;refund&quot;, &quot;amount&quot;: amount}">policies/refunds_test.rego:19:
      count(refunds.approve) == 1 with input as {&quot;action&quot;: &quot;refund&quot;, &quot;amount&quot;: amount}
      |     |                                   |
      |     |                                   {&quot;action&quot;:&quot;refund&quot;,&quot;amount&quot;:100}
      |     []
      0

    policies/refunds.rego:7:
      input.amount &lt; limits.refund
      |              |
      |              100
      100
    </failure>
        </testcase>
        <testcase classname="data.refunds_test" name="test_cases[nine]" time="TIME" file="policies/refunds_test.rego" line="17"/>
        <testcase classname="data.refunds_test" name="test_cases[ninety]" time="TIME" file="policies/refunds_test.rego" line="17"/>
      </testsuite>
    </testsuites>
    "#));
}

#[test]
fn a_set_that_does_not_load_leaves_the_output_of_a_build_server_alone() {
    let folder = directory("package refunds_test\n\ntest_open if {\n");
    let ran = run(folder.path(), &["--format", "junit"]);
    assert_eq!((ran.status, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("error[P001]"), "{ran:?}");
}

#[test]
fn coverage_is_printed_below_the_tests_and_is_opas_as_json() {
    let folder = directory(TESTS);
    let ran = run(folder.path(), &["--coverage", "--run", "test_small"]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    settings().bind(|| {
        insta::assert_snapshot!(ran.out, @r#"
        PASS: 1/1

        policies/refunds.rego   60.00%        3/5  not covered: 10-11
        all                     60.00%        3/5
        "#);
    });
    let ran = run(
        folder.path(),
        &["--coverage", "--run", "test_small", "--format", "json"],
    );
    assert_eq!(ran.status, 0);
    insta::assert_snapshot!(ran.out, @r#"
    {
      "files": {
        "policies/refunds.rego": {
          "covered": [
            {
              "start": {
                "row": 5
              },
              "end": {
                "row": 7
              }
            }
          ],
          "not_covered": [
            {
              "start": {
                "row": 10
              },
              "end": {
                "row": 11
              }
            }
          ],
          "covered_lines": 3,
          "not_covered_lines": 2,
          "coverage": 60.0
        }
      },
      "covered_lines": 3,
      "not_covered_lines": 2,
      "coverage": 60.0
    }
    "#);
}

#[test]
fn too_little_coverage_is_an_answer_of_no() {
    let folder = directory(TESTS);
    let asked = |threshold: &str| {
        run(
            folder.path(),
            &["--threshold", threshold, "--run", "test_small", "-v"],
        )
    };
    assert_eq!(asked("60").status, 0);
    let ran = asked("99.5");
    assert_eq!(ran.status, 2);
    assert_eq!(
        ran.err,
        "Code coverage threshold not met: got 60.00 instead of 99.50\nLines not covered:\n  policies/refunds.rego:10-11\n"
    );
}

#[test]
fn a_watched_directory_is_tested_at_every_change_and_ends_as_the_last_run_did() {
    let folder = directory("package refunds_test\n\ntest_a if true\n");
    let tests = folder.path().join("policies/refunds_test.rego");
    for (text, status) in [
        ("package refunds_test\n\ntest_a if false\n", 2),
        ("package refunds_test\n\ntest_a if 1 == 1\n", 0),
    ] {
        std::fs::write(&tests, "package refunds_test\n\ntest_a if true\n").unwrap();
        let mut watching = command(folder.path(), &["--watch"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(watching.stdout.take().unwrap()).lines();
        let mut talk = BufReader::new(watching.stderr.take().unwrap()).lines();
        assert_eq!(out.next().unwrap().unwrap(), "PASS: 1/1");
        assert_eq!(talk.next().unwrap().unwrap(), "Watching for changes ...");
        std::fs::write(&tests, text).unwrap();
        let second = out.next().unwrap().unwrap();
        assert_eq!(second.starts_with("PASS"), status == 0, "{second}");
        assert_eq!(talk.next().unwrap().unwrap(), "Watching for changes ...");
        let interrupted = Command::new("kill")
            .args(["-INT", &watching.id().to_string()])
            .status()
            .unwrap();
        assert!(interrupted.success());
        assert_eq!(watching.wait().unwrap().code(), Some(status));
    }
}
