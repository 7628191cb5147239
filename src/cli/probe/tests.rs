use std::fs;

use clap::Parser as _;

use super::*;

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

const SMALL: &str = "package approvals.p

# METADATA
# title: Small refund
approve contains \"small\" if {
\tinput.action == \"refund\"
\tinput.context.amount < 100
\tnot flagged
}

flagged if input.context.customer.flagged == true
";

const SAMPLE: &str = r#"{"action": "refund", "now": "2026-11-23T10:00:00Z", "context": {"amount": 50, "customer": {"flagged": false}}}"#;

/// Probes a directory with this policy and its sample; `DIR` stands for it in what is printed.
fn probed(policy: &str, sample: &str, flags: &[&str]) -> (anyhow::Result<ExitStatus>, String) {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("samples")).unwrap();
    fs::write(directory.path().join("p.rego"), policy).unwrap();
    fs::write(directory.path().join("samples/small.json"), sample).unwrap();
    let path = directory.path().to_str().unwrap();
    let line = Line::parse_from(["probe", path].iter().chain(flags));
    let mut out = Vec::new();
    let status = probe(&line.args, &mut out, Timestamp::UNIX_EPOCH);
    let text = String::from_utf8(out).unwrap();
    let text = anstream::adapter::strip_str(&text).to_string();
    (status, text.replace(path, "DIR"))
}

#[test]
fn a_way_around_is_a_frame_at_the_condition_with_the_line_that_closes_it() {
    let (status, text) = probed(SMALL, SAMPLE, &[]);
    assert_eq!(status.unwrap(), ExitStatus::No);
    insta::assert_snapshot!(text, @r##"
    error[CS103]: `input.context.amount` has an upper bound only: a negative one is approved
     --> DIR/p.rego:7:2
      |
    7 |     input.context.amount < 100
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^ let it through
      |
      = help: samples/small.json with /context/amount 50 → -1 (and 3 more like it)
              add to `Small refund`: `input.context.amount > 0`

    1 finding: 86 evaluations of 1 sample that is approved
    "##);
}

#[test]
fn plain_rego_has_more_of_them() {
    let (status, text) = probed(SMALL, SAMPLE, &["--plain"]);
    assert_eq!(status.unwrap(), ExitStatus::No);
    insta::assert_snapshot!(text, @r##"
    error[CS102]: `input.context.amount` is approved as null
     --> DIR/p.rego:7:2
      |
    7 |     input.context.amount < 100
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^ let it through
      |
      = help: samples/small.json with /context/amount 50 → null (and 2 more like it)
              add to `Small refund`: `is_number(input.context.amount)`

    error[CS103]: `input.context.amount` has an upper bound only: a negative one is approved
     --> DIR/p.rego:7:2
      |
    7 |     input.context.amount < 100
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^ let it through
      |
      = help: samples/small.json with /context/amount 50 → -1 (and 3 more like it)
              add to `Small refund`: `input.context.amount > 0`

    error[CS101]: a request without `input.context.customer.flagged` is approved
     --> DIR/p.rego:8:2
      |
    8 |     not flagged
      |     ^^^^^^^^^^^ let it through
      |
      = help: samples/small.json with /context/customer/flagged dropped (and 2 more like it)
              add to `Small refund`: `is_boolean(input.context.customer.flagged)`

    error[CS102]: `input.context.customer.flagged` is approved as null
     --> DIR/p.rego:8:2
      |
    8 |     not flagged
      |     ^^^^^^^^^^^ let it through
      |
      = help: samples/small.json with /context/customer/flagged false → null (and 17 more like it)
              add to `Small refund`: `is_boolean(input.context.customer.flagged)`

    4 findings without the evidence guard: 110 evaluations of 1 sample that is approved
    "##);
}

#[test]
fn nothing_found_is_one_line() {
    let sound = SMALL.replace("amount < 100", "amount < 100\n\tinput.context.amount > 0");
    let (status, text) = probed(&sound, SAMPLE, &[]);
    assert_eq!(status.unwrap(), ExitStatus::Done);
    insta::assert_snapshot!(text, @r##"
    no findings: 78 evaluations of 1 sample that is approved
    "##);
}

#[test]
fn a_program_reads_changes_as_operations() {
    let (status, text) = probed(SMALL, SAMPLE, &["--format", "json"]);
    assert_eq!(status.unwrap(), ExitStatus::No);
    let mut report: Value = serde_json::from_str(&text).unwrap();
    assert!(report["revision"].take().is_string());
    insta::assert_json_snapshot!(report, @r##"
    {
      "ok": false,
      "guard": "on",
      "revision": null,
      "samples": 1,
      "approved": 1,
      "evaluations": 86,
      "complete": true,
      "findings": [
        {
          "code": "CS103",
          "property": "no_lower_bound",
          "message": "`input.context.amount` has an upper bound only: a negative one is approved",
          "rule": {
            "id": "approvals.p.approve#small-refund",
            "title": "Small refund",
            "file": "DIR/p.rego",
            "line": 5
          },
          "condition": {
            "text": "input.context.amount < 100",
            "file": "DIR/p.rego",
            "line": 7
          },
          "approved_by": {
            "id": "approvals.p.approve#small-refund",
            "title": "Small refund",
            "file": "DIR/p.rego",
            "line": 5
          },
          "sample": "samples/small.json",
          "changes": [
            {
              "op": "replace",
              "path": "/context/amount",
              "from": 50,
              "to": -1
            }
          ],
          "suggestion": "input.context.amount > 0",
          "mutants": 4
        }
      ]
    }
    "##);
}

#[test]
fn what_was_dropped_has_no_value_and_what_became_null_has_null() {
    let (_, text) = probed(SMALL, SAMPLE, &["--plain", "--format", "json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    let changes: Vec<&Value> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| &finding["changes"][0])
        .collect();
    assert!(
        changes.contains(
            &&json!({"op": "remove", "path": "/context/customer/flagged", "from": false})
        )
    );
    assert!(
        changes.contains(
            &&json!({"op": "replace", "path": "/context/amount", "from": 50, "to": null})
        )
    );
}

#[test]
fn a_build_server_gets_one_case_for_each_rule() {
    let (_, text) = probed(SMALL, SAMPLE, &["--format", "junit"]);
    assert!(
        text.contains(r#"tests="1" failures="1" errors="0""#),
        "{text}"
    );
    assert!(
        text.contains(r#"name="approvals.p.approve#small-refund""#),
        "{text}"
    );
    assert!(
        text.contains("help: samples/small.json with /context/amount 50"),
        "{text}"
    );
    let sound = SMALL.replace("amount < 100", "amount < 100\n\tinput.context.amount > 0");
    let (_, text) = probed(&sound, SAMPLE, &["--format", "junit"]);
    assert!(
        text.contains(r#"tests="1" failures="0" errors="0""#),
        "{text}"
    );
}

#[test]
fn a_code_host_gets_the_place_of_the_condition() {
    let (_, text) = probed(SMALL, SAMPLE, &["--format", "sarif"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    let run = &report["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"], json!([{"id": "CS103"}]));
    let result = &run["results"][0];
    assert_eq!(result["ruleId"], "CS103");
    let place = &result["locations"][0]["physicalLocation"];
    assert!(
        place["artifactLocation"]["uri"]
            .as_str()
            .unwrap()
            .ends_with("/p.rego")
    );
    assert_eq!(place["region"], json!({"startLine": 7, "startColumn": 2}));
}

#[test]
fn where_nothing_can_be_tried_nothing_is_clean() {
    let none = SAMPLE.replace("50", "500");
    let (status, _) = probed(SMALL, &none, &[]);
    assert!(status.unwrap_err().to_string().contains("nothing to try"));
    let sound = SMALL.replace("amount < 100", "amount < 100\n\tinput.context.amount > 0");
    let (status, _) = probed(&sound, SAMPLE, &["--most-evaluations", "20"]);
    assert!(
        status
            .unwrap_err()
            .to_string()
            .contains("--most-evaluations")
    );
    let (status, text) = probed(SMALL, "[]", &[]);
    assert!(
        status.is_err() && text.contains("error[P121]: `samples/small.json` is not a sample"),
        "{text}"
    );
    let (status, text) = probed("package p\n\nx if {", SAMPLE, &[]);
    assert!(status.is_err() && text.contains("error[P001]"), "{text}");
}

#[test]
fn the_policies_that_ship_hold() {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");
    let line = Line::parse_from(["probe", shipped]);
    let mut out = Vec::new();
    let status = probe(&line.args, &mut out, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(
        status,
        ExitStatus::Done,
        "{}",
        String::from_utf8(out).unwrap()
    );
}
