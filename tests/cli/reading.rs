//! What only reads: beside a process that writes, and after it is gone.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use countersign::clock::Clock;
use countersign::domain::case::Mode;
use countersign::domain::platform::PlatformOutcome;
use countersign::domain::verdict::Outcome;
use countersign::policy::folder::PolicyFiles;
use countersign::policy::{Budget, ENGINE, Input, PolicySet, decide_and_account};
use countersign::store::{Store as _, StoredSet};
use serde_json::json;

use crate::desk::{Desk, Ran, program};

#[tokio::test]
async fn cases_are_listed_beside_the_server_and_without_it() {
    let desk = Desk::open();
    desk.decide("appr_1", Outcome::Escalate, Mode::Enforce)
        .await;
    desk.decide("appr_2", Outcome::Approve, Mode::DryRun).await;
    let beside = desk.run(&["cases", "--format", "json"]).json();
    desk.store.close().await;
    let alone = desk.run(&["cases", "--format", "json"]).json();
    assert_eq!(beside, alone);
    assert_eq!(alone["cases"].as_array().unwrap().len(), 2);

    let open = desk
        .run(&["cases", "--state", "open", "--format", "json"])
        .json();
    assert_eq!(open["cases"][0]["request_id"], "appr_1");
    assert_eq!(open["cases"].as_array().unwrap().len(), 1);
    let found = desk.run(&["cases", "--q", "appr_2", "--outcome", "approve"]);
    assert!(
        found.out.contains("approved (dry run)") && !found.out.contains("open"),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_case_is_found_by_its_first_digits_and_shows_the_line_to_type() {
    let desk = Desk::open();
    let case = desk
        .decide("appr_1", Outcome::Escalate, Mode::Enforce)
        .await;
    let id = case.asked.id.to_string();
    let short: String = id.chars().take(13).collect();
    let page = desk.run(&["case", &short]);
    let digest: String = case.shown().to_string().chars().take(16).collect();
    assert!(
        page.out.contains(&format!(
            "countersign approve {id} --digest {digest} --reason"
        )),
        "{page:?}"
    );
    let shown = desk.run(&["cases", &short, "--format", "json"]).json();
    assert_eq!(shown["digest"], case.shown().to_string());
    assert_eq!(shown["request"]["context"]["amount"], 50);
    assert_eq!(shown["timeline"][0]["kind"], "decided");

    let none = desk.run(&["cases", "case_0000000"]);
    assert_eq!((none.status, none.out.as_str()), (1, ""));
    assert!(
        none.err.contains("no case starts with `case_0000000`"),
        "{none:?}"
    );
}

#[tokio::test]
async fn the_log_is_filtered_and_written_a_line_an_entry() {
    let desk = Desk::open();
    let asked = desk
        .decide("appr_1", Outcome::Escalate, Mode::Enforce)
        .await;
    desk.decide("appr_2", Outcome::Approve, Mode::DryRun).await;
    desk.decide_there(&asked, PlatformOutcome::Approved).await;
    let all = desk.run(&["log"]);
    let lines: Vec<_> = all.out.lines().collect();
    assert_eq!(lines.len(), 3, "{all:?}");
    assert!(
        lines[1].contains("decided") && lines[1].contains("approvals.refunds.approve#rule"),
        "{all:?}"
    );
    assert!(lines[2].contains("superseded"), "{all:?}");
    let count = |filter: &[&str]| {
        let ran = desk.run(&[&["log", "--format", "json"], filter].concat());
        assert_eq!(ran.status, 0, "{ran:?}");
        ran.out.lines().count()
    };
    let id = asked.asked.id.to_string();
    assert_eq!(count(&["--kind", "decided"]), 2);
    assert_eq!(count(&["--outcome", "approve"]), 1);
    assert_eq!(count(&["--case", &id]), 2);
    assert_eq!(count(&["--source", "elsewhere"]), 0);
    assert_eq!(count(&["--since", "1h"]), 3);
    assert_eq!(count(&["--since", "1h", "--limit", "1"]), 1);
    assert_eq!(count(&["--limit", "2"]), 2);
}

#[tokio::test]
async fn a_log_that_is_followed_shows_what_is_added() {
    let desk = Desk::open();
    desk.decide("appr_1", Outcome::Escalate, Mode::Enforce)
        .await;
    let mut follower = desk
        .program(&["log", "follow"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert!(next().contains("escalate"));
    desk.decide("appr_2", Outcome::Reject, Mode::Enforce).await;
    assert!(next().contains("approvals.refunds.reject#rule"));
    follower.kill().unwrap();
    follower.wait().unwrap();
}

#[tokio::test]
async fn an_exported_decision_has_its_input_and_verdict() {
    let desk = Desk::open();
    let case = desk.decide("appr_1", Outcome::Approve, Mode::DryRun).await;
    desk.decide_there(&case, PlatformOutcome::Approved).await;
    let event = desk.run(&["log", "export"]).json();
    assert_eq!(event["decision_id"], case.asked.id.to_string());
    assert_eq!(event["input"]["context"]["amount"], 50);
    assert_eq!(event["result"]["outcome"], "approve");
    assert_eq!(event["bundles"]["policies"]["revision"], "3f".repeat(32));
}

#[tokio::test]
async fn a_changed_log_fails_its_check_and_a_missing_key_is_no_verdict() {
    let desk = Desk::open();
    desk.decide("appr_1", Outcome::Approve, Mode::DryRun).await;
    desk.decide("appr_2", Outcome::Reject, Mode::DryRun).await;
    desk.store.close().await;
    let whole = desk.run(&["log", "verify"]);
    assert!(
        whole.status == 0 && whole.out.starts_with("2 entries, chain intact, head 2 at "),
        "{whole:?}"
    );

    let key = desk.folder.path().join("countersign.db.key");
    let aside = desk.folder.path().join("aside");
    std::fs::rename(&key, &aside).unwrap();
    let blind = desk.run(&["log", "verify"]);
    assert_eq!((blind.status, blind.out.as_str()), (1, ""));
    assert_eq!(
        desk.run(&["log"]).out.lines().count(),
        2,
        "looking needs no key"
    );
    std::fs::rename(&aside, &key).unwrap();

    let database = rusqlite::Connection::open(desk.database()).unwrap();
    database
        .execute(
            "DELETE FROM log WHERE rowid = (SELECT min(rowid) FROM log)",
            [],
        )
        .unwrap();
    drop(database);
    let broken = desk.run(&["log", "verify"]);
    assert_eq!(broken.status, 2, "{broken:?}");
    assert!(broken.out.contains("fault:"), "{broken:?}");
}

#[tokio::test]
async fn the_dry_run_report_lists_what_people_would_not_have_let_through() {
    let desk = Desk::open();
    for (request, outcome, theirs) in [
        ("appr_1", Outcome::Approve, PlatformOutcome::Rejected),
        ("appr_2", Outcome::Approve, PlatformOutcome::Approved),
        ("appr_3", Outcome::Reject, PlatformOutcome::Approved),
        ("appr_4", Outcome::Escalate, PlatformOutcome::Approved),
    ] {
        let case = desk.decide(request, outcome, Mode::DryRun).await;
        desk.decide_there(&case, theirs).await;
    }
    desk.decide("appr_5", Outcome::Approve, Mode::DryRun).await;
    let report = desk.run(&["agreement", "--format", "json"]).json();
    assert_eq!(report["compared"], 4);
    assert_eq!(report["same"], 1);
    assert_eq!(
        report["would_approve_what_people_rejected"][0]["request_id"],
        "appr_1"
    );
    assert_eq!(
        report["would_reject_what_people_approved"][0]["request_id"],
        "appr_3"
    );
    assert_eq!(report["would_have_asked"]["approved"], 1);
    let page = desk.run(&["agreement", "--source", "refunds"]);
    assert!(page.out.starts_with("Of 4 requests since "), "{page:?}");
}

#[tokio::test]
async fn the_outbox_lists_what_dry_run_would_have_sent() {
    let desk = Desk::open();
    desk.decide("appr_1", Outcome::Approve, Mode::DryRun).await;
    desk.decide("appr_2", Outcome::Reject, Mode::Enforce).await;
    let items = desk.run(&["outbox", "--format", "json"]).json();
    let states: Vec<_> = items["effects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["state"].clone())
        .collect();
    assert!(states.contains(&"due".into()), "{states:?}");
    assert!(desk.run(&["outbox", "list"]).out.contains("answer"));
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_the_program_quietly() {
    let desk = Desk::open();
    desk.decide("appr_1", Outcome::Approve, Mode::DryRun).await;
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = desk.program(&["log"]).stdout(writer).output().unwrap();
    assert_eq!(Ran::of(&output).err, "");
    assert_eq!(output.status.code(), Some(0));
}

#[tokio::test]
async fn a_command_line_that_is_not_understood_is_not_an_answer_of_no() {
    let desk = Desk::open();
    for wrong in [
        &["cases", "--stat", "open"][..],
        &["frobnicate"],
        &["approve", "case_0000"],
        &["outbox", "retry"],
    ] {
        assert_eq!(desk.run(wrong).status, 1, "{wrong:?}");
    }
    assert_eq!(desk.run(&["--version"]).status, 0);
    assert_eq!(desk.run(&["cases", "--help"]).status, 0);
}

#[test]
fn a_database_that_is_not_there_is_named_and_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let output = program()
        .args(["cases", "--store", "sqlite://none.db"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let ran = Ran::of(&output);
    assert_eq!(ran.status, 1);
    assert!(
        ran.err.contains("there is no database `none.db`"),
        "{ran:?}"
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_completion_script_names_the_commands() {
    let output = program().args(["completions", "bash"]).output().unwrap();
    let ran = Ran::of(&output);
    assert!(ran.status == 0 && ran.out.contains("agreement") && ran.out.contains("unfreeze"));
}

#[tokio::test]
async fn a_case_whose_policies_are_not_kept_is_explained_by_what_was_written_down() {
    let desk = Desk::open();
    let case = desk.decide("appr_1", Outcome::Reject, Mode::Enforce).await;
    let id = case.asked.id.to_string();
    let explained = desk.run(&["explain", &id, "--format", "json"]);
    assert_eq!(explained.status, 0, "{explained:?}");
    assert!(explained.err.contains("is not kept here"), "{explained:?}");
    let json = explained.json();
    assert_eq!(json["verdict"]["case_id"], id);
    assert_eq!(json["rules"][0]["truth"], "true");
    assert!(
        json["note"].as_str().unwrap().contains("is not kept here"),
        "{json}"
    );

    let page = desk.run(&["explain", &id[..12]]);
    assert!(page.out.contains("Rejected by policy"), "{page:?}");
    let unknown = desk.run(&["explain", "case_ffffffff"]);
    assert_eq!(unknown.status, 1, "{unknown:?}");
    assert!(
        desk.run(&["explain", "nothing.json"])
            .err
            .contains("cannot be read")
    );
}

#[tokio::test]
async fn a_case_is_explained_by_the_policies_that_are_kept_with_it() {
    let desk = Desk::open();
    let files = PolicyFiles::of([(
        "approvals/refunds.rego",
        "package approvals.refunds\n\n# METADATA\n# title: Small refund\napprove contains \"it is small\" if {\n\t\
         input.action == \"stripe.refund\"\n\tinput.context.amount > 0\n\tinput.context.amount < 100\n}\n",
    )])
    .unwrap();
    let stored = files.to_stored();
    let set = PolicySet::load(files, Budget::default()).unwrap().set;
    let kept = StoredSet {
        revision: set.revision().clone(),
        engine: ENGINE.clone(),
        files: stored.into(),
    };
    desk.store.keep_set(kept, Clock.now()).await.unwrap();
    let input = json!({"action": "stripe.refund", "context": {"amount": 120}});
    let parsed = Input::parse(&input.to_string()).unwrap();
    let verdict = decide_and_account(&set, &parsed, Clock.now());
    let case = desk.commit("appr_1", &input, verdict, Mode::Enforce).await;

    let id = case.asked.id.to_string();
    let page = desk.run(&["explain", &id]);
    assert_eq!((page.status, page.err.as_str()), (0, ""), "{page:?}");
    for line in [
        "✗ Small refund  approve  approvals/refunds.rego:5",
        "  ✗ input.context.amount < 100       input.context.amount = 120",
        "  Small refund: `input.context.amount` is 120, needs < 100; the other 2 conditions hold",
        "Would be approved with `input.context.amount` = 99 (verified).",
    ] {
        assert!(
            page.out.lines().any(|shown| shown == line),
            "{line}\n{}",
            page.out
        );
    }
    let shown = desk.run(&["cases", &id]);
    assert!(
        shown.out.contains("almost approves Small refund"),
        "{shown:?}"
    );
    let json = desk.run(&["explain", &id, "--format", "json"]).json();
    assert_eq!(json["counterfactual"]["set"][0]["to"], 99);
    assert_eq!(json["verdict"]["case_id"], id);
}
