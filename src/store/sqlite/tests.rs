mod opening;

use futures_util::FutureExt as _;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::*;
use crate::domain::case::Event;
use crate::domain::effect::Reached;
use crate::domain::freeze::Freeze;
use crate::domain::verdict::Outcome;
use crate::store::contract::{self, all_laws, at, claim, decided, new};
use crate::store::{Attempt, Receipt, Store};

pub(super) fn key() -> ChainKey {
    ChainKey::new(&[9; 32])
}

pub(super) fn open(folder: &TempDir) -> SqliteStore {
    SqliteStore::open(SqliteSettings::new(folder.path().join("cases.db"), key())).unwrap()
}

fn fresh() -> (Arc<dyn Store>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Arc::new(open(&folder)), folder)
}

all_laws!(fresh());

#[tokio::test]
async fn nothing_is_done_after_closing() {
    let (store, _folder) = fresh();
    store.close().await;
    let refused = store.commit(decided("a", Outcome::Approve), at(0)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    assert!(matches!(
        store.counts().await,
        Err(StoreError::Unavailable(_))
    ));
    store.close().await;
}

#[tokio::test]
async fn sixty_four_requests_at_once_share_their_syncs() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&folder));
    let before = store.syncs();
    // While somebody else has the file, the writer can but wait with what came first, and the rest comes meanwhile.
    let somebody = rusqlite::Connection::open(folder.path().join("cases.db")).unwrap();
    somebody.execute_batch("BEGIN IMMEDIATE").unwrap();
    let requests = (0..64).map(|number| {
        let store = Arc::clone(&store);
        async move {
            let decided = decided(&format!("r{number}"), Outcome::Approve);
            store.commit(decided, at(0)).await
        }
    });
    let mut receipts = Box::pin(futures_util::future::join_all(requests));
    assert!(
        receipts.as_mut().now_or_never().is_none(),
        "nothing is written yet"
    );
    somebody.execute_batch("ROLLBACK").unwrap();
    for receipt in receipts.await {
        assert!(matches!(receipt.unwrap(), Receipt::New(_)));
    }
    assert!(store.syncs() - before <= 2, "{}", store.syncs() - before);
}

#[tokio::test]
async fn what_writes_nothing_is_not_synced() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    new(&store, "a", Outcome::Escalate).await;
    let before = store.syncs();
    store
        .commit(decided("a", Outcome::Escalate), at(1))
        .await
        .unwrap();
    store
        .step(
            contract::id("a"),
            Event::TimePassed,
            contract::terms(),
            at(1),
        )
        .await
        .unwrap();
    assert!(claim(&store, 1).await.is_empty());
    assert_eq!(store.unfreeze("alice", at(1)).await.unwrap(), None);
    assert_eq!(store.syncs(), before);
    store.probe().await.unwrap();
    assert_eq!(store.syncs(), before + 1);
}

#[tokio::test]
async fn a_claim_costs_no_sync_and_what_comes_after_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    new(&store, "a", Outcome::Approve).await;
    let before = store.syncs();
    assert_eq!(claim(&store, 1).await.len(), 1);
    assert_eq!(store.syncs(), before);
    assert!(claim(&store, 1).await.is_empty());
    new(&store, "b", Outcome::Approve).await;
    assert_eq!(store.syncs(), before + 1);
}

#[tokio::test]
async fn only_work_that_need_not_last_is_done_without_a_sync() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let level = |writing: &mut Writing<'_>| {
        let level: i64 = writing
            .connection
            .pragma_query_value(None, "synchronous", |row| row.get(0))?;
        Ok(level)
    };
    for _ in 0..3 {
        assert_eq!(store.write(level).await.unwrap(), 2);
        assert_eq!(store.ask(Lasting::Passing, level).await.unwrap(), 1);
    }
    let refused = store
        .ask(Lasting::Passing, |writing| {
            writing
                .connection
                .execute_batch("INSERT INTO nowhere VALUES (1)")?;
            Ok(())
        })
        .await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    assert_eq!(store.write(level).await.unwrap(), 2);
}

#[tokio::test]
async fn after_a_restart_what_is_due_may_have_been_sent_since_a_lease_need_not_last() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    new(&store, "a", Outcome::Approve).await;
    drop(store);
    let given = claim(&open(&folder), 1).await;
    assert_eq!((given[0].attempts, given[0].reached), (0, Reached::Perhaps));
}

#[tokio::test]
async fn the_observer_hears_of_every_synced_group() {
    let folder = tempfile::tempdir().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let settings = SqliteSettings {
        on_group: Some(Arc::new(move |size| told.lock().unwrap().push(size))),
        ..SqliteSettings::new(folder.path().join("cases.db"), key())
    };
    let store = SqliteStore::open(settings).unwrap();
    new(&store, "a", Outcome::Approve).await;
    assert_eq!(*seen.lock().unwrap(), [1]);
}

#[tokio::test]
async fn a_restart_resumes_with_what_was_leased() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let case = new(&store, "a", Outcome::Approve).await;
    let given = claim(&store, 0).await;
    drop(store);
    let store = open(&folder);
    assert_eq!(store.case(case.asked.id).await.unwrap().unwrap().case, case);
    let again = claim(&store, 1).await;
    assert_eq!(again[0].id, given[0].id);
    assert_eq!((again[0].attempts, again[0].reached), (1, Reached::Perhaps));
    assert_eq!(
        store.verify_log().await.unwrap().faults,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn a_freeze_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let freeze = Freeze {
        by: "alice".to_owned(),
        reason: "an incident".to_owned(),
        since: at(0),
    };
    open(&folder).freeze(freeze.clone()).await.unwrap();
    let store = open(&folder);
    assert_eq!(store.frozen().await.unwrap(), Some(freeze));
    let case = new(&store, "a", Outcome::Approve).await;
    assert_eq!(case.outcome, Outcome::Escalate);
}

#[tokio::test]
async fn the_number_of_an_effect_is_never_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    new(&store, "a", Outcome::Approve).await;
    let first = claim(&store, 0).await[0].id;
    let done = Attempt::Done(Some(Event::AnswerTaken { platform: None }));
    store
        .settle(first, done, contract::terms(), at(0))
        .await
        .unwrap();
    drop(store);
    let store = open(&folder);
    new(&store, "b", Outcome::Approve).await;
    assert!(claim(&store, 0).await[0].id > first);
}

#[tokio::test]
async fn a_full_disk_acknowledges_nothing_and_is_over_when_there_is_space() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    new(&store, "a", Outcome::Approve).await;
    let limit = |pages: i64| {
        store.write(move |writing| {
            let now: i64 = writing
                .connection
                .pragma_query_value(None, "page_count", |row| row.get(0))?;
            writing.connection.pragma_update(
                None,
                "max_page_count",
                if pages == 0 { now } else { pages },
            )?;
            Ok(())
        })
    };
    limit(0).await.unwrap();
    let mut big = decided("big", Outcome::Approve);
    big.input = " ".repeat(100_000).into();
    big.asked.input = commit::input_digest(&big.input);
    let refused = store.commit(big.clone(), at(0)).await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable(_))),
        "{refused:?}"
    );
    assert!(store.case(big.asked.id).await.unwrap().is_none());
    limit(1_000_000).await.unwrap();
    assert!(matches!(
        store.commit(big, at(0)).await.unwrap(),
        Receipt::New(_)
    ));
    assert_eq!(
        store.verify_log().await.unwrap().faults,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn an_error_in_one_request_undoes_its_whole_group() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    // The writer is held up, so that what comes next is one group.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let stopped = store.write(move |_| {
        let _ = held.recv();
        Ok(())
    });
    let good = store.commit(decided("a", Outcome::Approve), at(0));
    let bad = store.write(|writing| {
        writing
            .connection
            .execute("INSERT INTO nowhere VALUES (1)", [])?;
        Ok(())
    });
    let free = async move { release.send(()).unwrap() };
    let (_, good, bad, ()) = futures_util::future::join4(stopped, good, bad, free).await;
    assert!(matches!(good, Err(StoreError::Unavailable(_))));
    assert!(matches!(bad, Err(StoreError::Unavailable(_))));
    assert!(store.case(contract::id("a")).await.unwrap().is_none());
    new(&store, "a", Outcome::Approve).await;
    assert_eq!(
        store.verify_log().await.unwrap().faults,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn a_full_queue_turns_callers_away() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&folder));
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (started, running) = oneshot::channel();
    let mut waiting = vec![futures_util::future::FutureExt::boxed(store.write(
        move |_| {
            let _ = started.send(());
            let _ = held.recv();
            Ok(())
        },
    ))];
    assert!(futures_util::poll!(&mut waiting[0]).is_pending());
    running.await.unwrap();
    let mut refused = None;
    while refused.is_none() && waiting.len() < QUEUE + 10 {
        let mut next = futures_util::future::FutureExt::boxed(store.write(|_| Ok(())));
        match futures_util::poll!(&mut next) {
            std::task::Poll::Ready(answer) => refused = Some(answer),
            std::task::Poll::Pending => waiting.push(next),
        }
    }
    assert!(matches!(refused, Some(Err(StoreError::Unavailable(_)))));
    assert_eq!(waiting.len(), QUEUE + 1);
    release.send(()).unwrap();
    for answer in futures_util::future::join_all(waiting).await {
        answer.unwrap();
    }
}

#[tokio::test]
async fn a_panic_of_the_writer_is_noticed_and_acknowledges_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let lost = store
        .write(|_| -> Result<(), Failure> { panic!("on purpose") })
        .await;
    assert!(matches!(lost, Err(StoreError::Unavailable(_))));
    store.closed().await;
    assert!(store.probe().await.is_err());
    drop(store);
    new(&open(&folder), "a", Outcome::Approve).await;
}

#[tokio::test]
async fn nothing_is_acknowledged_after_a_write_to_the_disk_failed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let failed = store
        .write(|_| -> Result<(), Failure> {
            let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC);
            Err(rusqlite::Error::SqliteFailure(code, None).into())
        })
        .await;
    assert!(failed.is_err());
    assert!(store.probe().await.is_err());
    assert!(
        store
            .commit(decided("a", Outcome::Approve), at(0))
            .await
            .is_err()
    );
    assert!(store.counts().await.is_err());
    drop(store);
    open(&folder).probe().await.unwrap();
}

#[tokio::test]
async fn the_write_ahead_log_does_not_grow_without_end() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&folder));
    for round in 0..40 {
        let requests = (0..64).map(|number| {
            let store = Arc::clone(&store);
            async move { new(&*store, &format!("r{round}-{number}"), Outcome::Approve).await }
        });
        futures_util::future::join_all(requests).await;
    }
    let length = std::fs::metadata(folder.path().join("cases.db-wal"))
        .unwrap()
        .len();
    assert!(length < 16 * 1024 * 1024, "{length}");
}

#[tokio::test]
async fn a_long_read_does_not_let_the_write_ahead_log_grow_for_ever_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&folder));
    new(&*store, "first", Outcome::Approve).await;
    let reader = schema::open_to_read(&folder.path().join("cases.db")).unwrap();
    let snapshot = reader.unchecked_transaction().unwrap();
    let count = |connection: &rusqlite::Connection| -> i64 {
        connection
            .query_row("SELECT COUNT(*) FROM cases", [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(count(&snapshot), 1);
    let big: Arc<str> = "x".repeat(4_000_000).into();
    for number in 0..20 {
        let mut large = decided(&format!("large {number}"), Outcome::Escalate);
        large.input = Arc::clone(&big);
        large.asked.input = commit::input_digest(&big);
        store.commit(large, at(0)).await.unwrap();
    }
    assert_eq!(count(&snapshot), 1);
    drop(snapshot);
    for number in 0..2 {
        let mut large = decided(&format!("after {number}"), Outcome::Escalate);
        large.input = Arc::clone(&big);
        large.asked.input = commit::input_digest(&big);
        store.commit(large, at(0)).await.unwrap();
    }
    new(&*store, "last", Outcome::Approve).await;
    let length = std::fs::metadata(folder.path().join("cases.db-wal"))
        .unwrap()
        .len();
    assert!(length <= 64 * 1024 * 1024, "{length}");
}

#[tokio::test]
async fn a_commit_is_synced_before_it_is_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let settings = |synchronous| SqliteSettings {
        synchronous,
        ..SqliteSettings::new(folder.path().join("cases.db"), key())
    };
    for (synchronous, level) in [(Synchronous::Full, 2), (Synchronous::Normal, 1)] {
        let store = SqliteStore::open(settings(synchronous)).unwrap();
        let seen = store.write(|writing| {
            let pragma = |name| {
                writing
                    .connection
                    .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
            };
            Ok((
                pragma("synchronous")?,
                pragma("page_size")?,
                pragma("foreign_keys")?,
            ))
        });
        assert_eq!(seen.await.unwrap(), (level, 8192, 1));
    }
    assert_eq!(
        SqliteSettings::new("x.db", key()).synchronous,
        Synchronous::Full
    );
}

/// A small file system of its own, where this process may mount one.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"])
            .arg(folder.path())
            .stderr(std::process::Stdio::null())
            .status();
        mount
            .is_ok_and(|status| status.success())
            .then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg(self.0.path())
            .status();
    }
}

#[tokio::test]
async fn a_file_system_that_is_full_loses_nothing_and_is_used_again_when_there_is_space() {
    let Some(disk) = SmallDisk::mount() else {
        // Without the right to mount, the limit of pages above stands for the disk.
        return;
    };
    let ballast = disk.0.path().join("ballast");
    std::fs::write(&ballast, vec![0; 1024 * 1024]).unwrap();
    let store = open(&disk.0);
    let mut kept = 0;
    let refused = loop {
        let mut large = decided(&format!("r{kept}"), Outcome::Approve);
        large.input = "x".repeat(20_000).into();
        large.asked.input = commit::input_digest(&large.input);
        match store.commit(large, at(0)).await {
            Ok(receipt) => assert!(matches!(receipt, Receipt::New(_))),
            Err(error) => break error,
        }
        kept += 1;
        assert!(kept < 10_000);
    };
    assert!(matches!(refused, StoreError::Unavailable(_)));
    assert!(store.probe().await.is_err());
    assert_eq!(store.counts().await.unwrap().due, kept);
    std::fs::remove_file(&ballast).unwrap();
    new(&store, "after", Outcome::Approve).await;
    assert_eq!(
        store.verify_log().await.unwrap().faults,
        Vec::<String>::new()
    );
    drop(store);
    assert_eq!(open(&disk.0).counts().await.unwrap().due, kept + 1);
}
