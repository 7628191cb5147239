//! `countersign probe` as scripts use it.

use countersign::domain::case::Mode;
use countersign::domain::verdict::Outcome;

use crate::desk::{Desk, program};

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");

const SMALL: &str = "package approvals\n\n# METADATA\n# title: Small\napprove contains \"small\" if {\n\tinput.action == \"stripe.refund\"\n\tinput.context.amount < 100\n}\n";

#[tokio::test]
async fn what_policy_approved_before_is_tried_too() {
    let desk = Desk::open();
    std::fs::create_dir(desk.folder.path().join("policies")).unwrap();
    std::fs::write(desk.folder.path().join("policies/small.rego"), SMALL).unwrap();
    let nothing = desk.run(&["probe"]);
    assert_eq!(nothing.status, 1, "{nothing:?}");
    assert!(
        nothing.err.contains("there is nothing to try"),
        "{nothing:?}"
    );

    desk.decide("appr_1", Outcome::Escalate, Mode::Enforce)
        .await;
    let nothing = desk.run(&["probe", "--from-log"]);
    assert_eq!(nothing.status, 1, "{nothing:?}");

    let case = desk.decide("appr_2", Outcome::Approve, Mode::DryRun).await;
    let found = desk.run(&["probe", "--from-log", "--format", "json"]);
    assert_eq!(found.status, 2, "{found:?}");
    let report: serde_json::Value = serde_json::from_str(&found.out).unwrap();
    assert_eq!(report["findings"][0]["sample"], case.asked.id.to_string());
    assert_eq!(
        report["findings"][0]["suggestion"],
        "input.context.amount > 0"
    );
    assert_eq!(
        report["findings"][0]["condition"]["file"],
        "policies/small.rego"
    );
}

#[test]
fn no_bar_is_drawn_where_nobody_sees_it_and_the_answer_alone_is_on_stdout() {
    let ran = program().args(["probe", SHIPPED]).output().unwrap();
    let (out, err) = (
        String::from_utf8(ran.stdout).unwrap(),
        String::from_utf8(ran.stderr).unwrap(),
    );
    assert_eq!(ran.status.code(), Some(0), "{out}{err}");
    assert!(out.starts_with("no findings: "), "{out}");
    assert_eq!(err, "");
}

#[test]
fn check_asks_what_a_reload_would_ask() {
    let folder = tempfile::tempdir().unwrap();
    let here = |path: &str| folder.path().join(path);
    std::fs::create_dir_all(here("policies/samples")).unwrap();
    std::fs::write(here("policies/small.rego"), SMALL).unwrap();
    std::fs::write(
        here("policies/samples/small.json"),
        r#"{"action": "stripe.refund", "context": {"amount": 50}}"#,
    )
    .unwrap();
    for (probe, status, said) in [
        ("off", 0, None),
        ("warn", 0, Some("warning[CS103]")),
        ("refuse", 2, Some("error[CS103]")),
    ] {
        let config = format!("policies: {{path: policies, probe: {probe}}}\n");
        std::fs::write(here("countersign.yaml"), config).unwrap();
        let ran = program()
            .arg("check")
            .current_dir(folder.path())
            .output()
            .unwrap();
        let out = String::from_utf8(ran.stdout).unwrap();
        assert_eq!(ran.status.code(), Some(status), "{probe}: {out}");
        assert_eq!(out.contains("CS103"), said.is_some(), "{probe}: {out}");
        assert!(said.is_none_or(|said| out.contains(said)), "{out}");
    }
}
