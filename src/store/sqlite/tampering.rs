//! Whoever writes to the file without the key is found out, column by column.

use rusqlite::Connection;
use tempfile::TempDir;

use super::tests::{key, open};
use super::*;
use crate::domain::case::Event;
use crate::domain::effect::{Ballot, EffectId};
use crate::domain::freeze::Freeze;
use crate::domain::verdict::Outcome;
use crate::store::contract::{at, claim, decided, id, new, terms, vote};
use crate::store::{Attempt, Store as _, StoredSet};

/// A file with some life in it.
async fn lived() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    new(&store, "approved", Outcome::Approve).await;
    let asked = new(&store, "asked", Outcome::Escalate).await;
    let mut expiring = decided("expiring", Outcome::Escalate);
    expiring.asked.expires_at = Some(at(50));
    store.commit(expiring, at(0)).await.unwrap();
    let out = claim(&store, 0).await;
    let done = Attempt::Done(Some(Event::AnswerTaken {
        platform: Some(crate::domain::platform::PlatformOutcome::Approved),
    }));
    store.settle(out[0].id, done, terms(), at(1)).await.unwrap();
    let yes = vote(&asked, "alice", Ballot::Approve);
    store.step(id("asked"), yes, terms(), at(2)).await.unwrap();
    let freeze = Freeze {
        by: "alice".to_owned(),
        reason: "an incident".to_owned(),
        since: at(3),
    };
    store.freeze(freeze).await.unwrap();
    let set = StoredSet {
        revision: crate::domain::id::Revision::of([1; 32]),
        engine: "regorus".to_owned(),
        files: "{}".into(),
    };
    store.keep_set(set, at(4)).await.unwrap();
    store.close().await;
    folder
}

fn edit(folder: &TempDir, sql: &str) {
    let connection = Connection::open(folder.path().join("cases.db")).unwrap();
    connection
        .execute_batch("PRAGMA foreign_keys = OFF")
        .unwrap();
    let before = connection.total_changes();
    connection
        .execute_batch(sql)
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    assert!(connection.total_changes() > before, "{sql} changes nothing");
}

async fn faults(folder: &TempDir) -> Vec<String> {
    let path = folder.path().join("cases.db");
    let reader = SqliteStore::open_for_reading(&path, Some(key())).unwrap();
    reader.verify_log().await.unwrap().faults
}

async fn is_found(sql: &str) -> Vec<String> {
    let folder = lived().await;
    assert_eq!(faults(&folder).await, Vec::<String>::new());
    edit(&folder, sql);
    let faults = faults(&folder).await;
    assert!(!faults.is_empty(), "not found: {sql}");
    faults
}

#[tokio::test]
async fn a_change_of_any_column_of_the_log_is_found() {
    for row in [1, 2, 5, 7] {
        for change in [
            "sequence = 1000",
            "at = at + 1",
            "kind = 'voted'",
            "kind = 'nonsense'",
            "case_id = 3 - COALESCE(case_id, 1)",
            "detail = detail || ' '",
            "body = zeroblob(32)",
            "state = zeroblob(32)",
            "mac = zeroblob(32)",
            "mac = x''",
        ] {
            is_found(&format!("UPDATE log SET {change} WHERE sequence = {row}")).await;
        }
    }
}

#[tokio::test]
async fn entries_that_are_deleted_put_in_or_exchanged_are_found() {
    let faults = is_found("DELETE FROM log WHERE sequence = 3").await;
    assert!(
        faults.contains(&"entry 3 is missing".to_owned()),
        "{faults:?}"
    );
    is_found("DELETE FROM log WHERE sequence = 1").await;
    is_found("DELETE FROM log").await;
    is_found("DELETE FROM log; DELETE FROM chain_head").await;
    is_found(
        "INSERT INTO log SELECT sequence + 1, at, kind, case_id, detail, body, state, mac FROM log
         ORDER BY sequence DESC LIMIT 1",
    )
    .await;
    is_found(
        "UPDATE log SET sequence = -2 WHERE sequence = 2; UPDATE log SET sequence = 2 WHERE sequence = 3;
         UPDATE log SET sequence = 3 WHERE sequence = -2",
    )
    .await;
}

#[tokio::test]
async fn a_cut_tail_is_found_also_when_the_head_is_set_back() {
    let faults = is_found("DELETE FROM log WHERE sequence = (SELECT MAX(sequence) FROM log)").await;
    assert!(
        faults.iter().any(|fault| fault.contains("its head says")),
        "{faults:?}"
    );
    is_found(
        "DELETE FROM log WHERE sequence = (SELECT MAX(sequence) FROM log);
         UPDATE chain_head SET sequence = sequence - 1,
             last = (SELECT mac FROM log ORDER BY sequence DESC LIMIT 1)",
    )
    .await;
    for change in [
        "sequence = sequence + 1",
        "last = zeroblob(32)",
        "mac = zeroblob(32)",
        "mac = x''",
    ] {
        is_found(&format!("UPDATE chain_head SET {change}")).await;
    }
    is_found("DELETE FROM chain_head").await;
}

#[tokio::test]
async fn a_change_of_any_column_of_a_case_is_found() {
    for row in [1, 2, 3] {
        for change in [
            "id = 99",
            "key = zeroblob(16)",
            "source = 'other'",
            "request = 'other'",
            "action = NULL",
            "agent = 'other'",
            "platform = 'other'",
            "mode = 'dry_run'",
            "channel = 'wait'",
            "state = 'received'",
            "standing = replace(standing, 'a', 'b')",
            "outcome = 'reject'",
            "cause = 'no_rule'",
            "platform_outcome = 'rejected'",
            "votes = '[]'",
            "decided_at = decided_at + 1",
            "wakes_at = COALESCE(wakes_at, 0) + 1",
            "expires_at = COALESCE(expires_at, 0) + 1",
            "approve_by = COALESCE(approve_by, 0) + 1",
            "rationale_required = 1",
            "traceparent = NULL",
            "content = zeroblob(32)",
            "input_digest = zeroblob(32)",
            "token = 'other'",
            "verdict = replace(verdict, 'rule', 'role')",
            "input = input || ' '",
            "content = x'00'",
        ] {
            is_found(&format!("UPDATE cases SET {change} WHERE id = {row}")).await;
        }
    }
}

#[tokio::test]
async fn cases_that_come_or_go_without_the_log_are_found() {
    is_found("DELETE FROM cases WHERE id = 1").await;
    is_found(
        "INSERT INTO cases SELECT 99, zeroblob(16), source, request, action, agent, platform, mode, channel, state,
             standing, outcome, cause, platform_outcome, votes, decided_at, wakes_at, expires_at, approve_by,
             rationale_required, traceparent, content, input_digest, token, verdict, input
         FROM cases WHERE id = 1",
    )
    .await;
}

#[tokio::test]
async fn a_freeze_or_a_policy_set_that_changed_beside_the_log_is_found() {
    is_found("DELETE FROM freeze").await;
    is_found("UPDATE freeze SET by = 'bob'").await;
    is_found("UPDATE freeze SET reason = 'none'").await;
    is_found("UPDATE freeze SET since = since + 1").await;
    is_found("UPDATE policy_sets SET files = '{ }'").await;
    is_found("UPDATE policy_sets SET engine = 'other'").await;
    is_found("UPDATE policy_sets SET revision = 'ab'").await;
    is_found("DELETE FROM policy_sets").await;
}

#[tokio::test]
async fn a_freeze_that_was_changed_in_the_file_keeps_the_store_from_opening() {
    for change in ["DELETE FROM freeze", "UPDATE freeze SET by = 'bob'"] {
        let folder = lived().await;
        edit(&folder, change);
        let path = folder.path().join("cases.db");
        let refused = SqliteStore::open(SqliteSettings::new(path, key()));
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("freeze"), "{change}: {text}");
    }
}

#[tokio::test]
async fn what_was_erased_is_counted_and_no_fault() {
    let folder = lived().await;
    edit(&folder, "UPDATE log SET detail = NULL WHERE sequence = 2");
    edit(&folder, "UPDATE cases SET input = NULL WHERE id = 1");
    let path = folder.path().join("cases.db");
    let reader = SqliteStore::open_for_reading(&path, Some(key())).unwrap();
    let report = reader.verify_log().await.unwrap();
    assert_eq!((report.erased, report.faults), (2, Vec::new()));
}

#[tokio::test]
async fn a_case_that_was_changed_in_the_file_does_not_move() {
    let folder = lived().await;
    edit(&folder, "UPDATE cases SET expires_at = NULL WHERE id = 3");
    let store = open(&folder);
    let stopped = store
        .step(id("expiring"), Event::TimePassed, terms(), at(100))
        .await;
    assert!(
        matches!(stopped, Err(StoreError::Corrupt(_))),
        "{stopped:?}"
    );
    let duplicate = store
        .commit(decided("expiring", Outcome::Escalate), at(100))
        .await;
    assert!(matches!(duplicate, Err(StoreError::Corrupt(_))));
    assert!(
        !store.verify_log().await.unwrap().faults.is_empty(),
        "nor is the change signed"
    );
}

#[tokio::test]
async fn an_answer_put_into_the_outbox_does_not_leave() {
    let folder = lived().await;
    edit(
        &folder,
        r#"INSERT INTO outbox (id, case_id, source, kind, state, leased, freezable, due_at, attempts, reached,
             not_after, created_at, body)
         VALUES (900, 3, 'refunds', 'answer', 'due', 0, 0, 0, 0, 0, 9999999999999999, 0,
             '{"ballot":"approve","rationale":"trust me","decided_by_policy":false}')"#,
    );
    let store = open(&folder);
    let given = claim(&store, 5).await;
    assert!(given.iter().all(|claim| claim.id != EffectId(900)));
    let item = store.effect(EffectId(900)).await.unwrap().unwrap();
    assert_eq!(item.state, "dead");
}

#[test]
fn a_file_whose_log_was_cut_is_not_written_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { new(&open(&folder), "a", Outcome::Approve).await });
    edit(&folder, "DELETE FROM log");
    let settings = SqliteSettings::new(folder.path().join("cases.db"), key());
    let refused = SqliteStore::open(settings).unwrap_err().to_string();
    assert!(
        refused.contains("does not end where its head says"),
        "{refused}"
    );
}
