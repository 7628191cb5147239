use std::fs;

use clap::Parser as _;

use super::*;

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

fn tested(text: &str, flags: &[&str]) -> (Option<ExitStatus>, String) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("p_test.rego"), text).unwrap();
    let path = directory.path().to_str().unwrap();
    let line = Line::parse_from(["test", path].iter().chain(flags));
    let mut out = Vec::new();
    let status = test(&line.args, &mut out, Timestamp::UNIX_EPOCH, || {
        Duration::ZERO
    });
    (
        status.ok(),
        String::from_utf8(out).unwrap().replace(path, "DIR"),
    )
}

const ONE_FAILS: &str = "package p_test\n\ntest_good if true\n\ntest_bad if 1 == 2\n";

#[test]
fn exit_codes_are_those_of_opa() {
    assert_eq!(tested(ONE_FAILS, &[]).0, Some(ExitStatus::No));
    assert_eq!(
        tested(ONE_FAILS, &["--run", "good"]),
        (Some(ExitStatus::Done), "PASS: 1/1\n".to_owned())
    );
    assert_eq!(
        tested("package p_test\n", &[]),
        (Some(ExitStatus::Done), String::new())
    );
    let (status, frames) = tested("package p_test\n\ntest_good if {\n", &[]);
    assert_eq!(status, None);
    assert!(frames.contains("p_test.rego"), "{frames}");
}

#[test]
fn a_failure_is_named_from_where_the_user_stands() {
    let (_, text) = tested(ONE_FAILS, &[]);
    assert!(
        text.starts_with("DIR/p_test.rego:\ndata.p_test.test_bad: FAIL (0s)\n"),
        "{text}"
    );
}

#[test]
fn a_test_to_come_is_no_pass_unless_it_is_said_to_be() {
    let text = "package p_test\n\ntest_good if true\n\ntodo_later if false\n";
    assert_eq!(tested(text, &[]).0, Some(ExitStatus::No));
    assert_eq!(tested(text, &["-z"]).0, Some(ExitStatus::Done));
}

#[test]
fn nothing_to_run_is_an_error_for_who_says_so() {
    assert_eq!(tested("package p_test\n", &["--fail-on-empty"]).0, None);
}

#[test]
fn a_count_repeats_until_something_fails() {
    let text = "package p_test\n\ntest_good if true\n";
    assert_eq!(tested(text, &["--count", "3"]).1, "PASS: 1/1\n".repeat(3));
    let (status, text) = tested(ONE_FAILS, &["--count", "3"]);
    assert_eq!(status, Some(ExitStatus::No));
    assert_eq!(text.matches("FAIL: 1/2").count(), 1);
}

#[test]
fn a_test_that_takes_too_long_is_an_error() {
    let text = "package p_test\n\ntest_slow if {\n\tsome a in numbers.range(1, 3000)\n\tsome b in numbers.range(1, 3000)\n\ta + b == 0\n}\n";
    let (status, text) = tested(text, &["--timeout", "20ms"]);
    assert_eq!(status, Some(ExitStatus::No));
    assert!(text.contains("ERROR: 1/1"), "{text}");
}

#[test]
fn what_failed_is_on_top_and_what_is_new_above_that() {
    let files = PolicyFiles::of([(
        "p_test.rego",
        "package p_test\n\ntest_good if true\n\ntest_old if false\n\ntest_new if false\n",
    )])
    .unwrap();
    let runner = Runner::new(&files, &Settings::default()).unwrap();
    let report = runner.run(Timestamp::UNIX_EPOCH, || Duration::ZERO);
    let sorted = failures_first(report, &["data.p_test.test_old".to_owned()]);
    let names: Vec<_> = sorted.results.iter().map(|test| &*test.name).collect();
    assert_eq!(names, ["test_new", "test_old", "test_good"]);
}

#[test]
fn a_threshold_is_a_share() {
    for wrong in ["-1", "101", "NaN", "much"] {
        assert!(percent(wrong).is_err(), "{wrong}");
    }
    assert_eq!(percent("80%"), Ok(80.0));
    for wrong in ["0s", "-3s", "5"] {
        assert!(positive(wrong).is_err(), "{wrong}");
    }
}
