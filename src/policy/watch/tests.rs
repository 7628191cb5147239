use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Mutex as Lock;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::policy::Budget;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// Keeps sets in memory, or refuses to.
#[derive(Default)]
struct Shelf {
    kept: Lock<Vec<(Revision, String)>>,
    full: Lock<Option<&'static str>>,
}

#[async_trait]
impl KeepSets for Shelf {
    async fn keep(
        &self,
        revision: &Revision,
        stored: &str,
        _now: Timestamp,
    ) -> Result<(), KeepError> {
        if let Some(reason) = *self.full.lock().unwrap() {
            return Err(reason.into());
        }
        self.kept
            .lock()
            .unwrap()
            .push((revision.clone(), stored.to_owned()));
        Ok(())
    }
}

struct Setting {
    directory: tempfile::TempDir,
    shelf: Arc<Shelf>,
    live: Arc<LivePolicies>,
}

impl Setting {
    /// A policy directory with `good(1)` in it, loaded.
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("policies");
        fs::create_dir(&root).unwrap();
        fs::write(root.join("p.rego"), good(1)).unwrap();
        Self::of(directory).await
    }

    async fn of(directory: tempfile::TempDir) -> Self {
        let shelf = Arc::new(Shelf::default());
        let root = directory.path().join("policies");
        let live = LivePolicies::open(&root, Budget::default(), Arc::clone(&shelf) as _, NOW)
            .await
            .unwrap();
        Self {
            directory,
            shelf,
            live: Arc::new(live),
        }
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("policies")
    }

    fn write(&self, text: &str) {
        fs::write(self.root().join("p.rego"), text).unwrap();
    }

    /// Runs the loop while `story` is told.
    async fn followed(&self, story: impl AsyncFnOnce(&Self)) {
        let stop = CancellationToken::new();
        let following = Arc::clone(&self.live).run(|| NOW, stop.clone());
        let telling = async {
            story(self).await;
            stop.cancel();
        };
        tokio::join!(following, telling);
    }

    /// Waits until the status is as asked for; five seconds are promised, and ten are given to a slow machine.
    async fn until(&self, wanted: impl FnMut(&Status) -> bool) -> Status {
        let mut changes = self.live.changes();
        let wait = tokio::time::timeout(Duration::from_secs(10), changes.wait_for(wanted));
        wait.await.expect("the status in time").unwrap().clone()
    }
}

fn good(number: u32) -> String {
    format!("package approvals.p\n\napprove contains \"{number}\" if input.action == \"a\"\n")
}

const BROKEN: &str = "package approvals.p\n\napprove contains \"x\" if {\n";

fn revision_of(text: &str) -> Revision {
    PolicyFiles::of([("p.rego", text)])
        .unwrap()
        .revision(&ENGINE)
}

#[tokio::test]
async fn the_same_content_is_no_reload() {
    let setting = Setting::new().await;
    let first = setting.live.current();
    setting.write(&good(1));
    assert_eq!(setting.live.reload(NOW).await, Reloaded::Unchanged);
    assert!(Arc::ptr_eq(&first, &setting.live.current()));
    assert_eq!(setting.live.status().swaps, 1);
}

#[tokio::test]
async fn a_broken_set_leaves_the_old_one_and_a_fixed_one_serves() {
    let setting = Setting::new().await;
    let first = setting.live.current();
    setting.write(BROKEN);
    for _ in 0..2 {
        assert!(matches!(
            setting.live.reload(NOW).await,
            Reloaded::Refused(Refusal::Mistakes(_))
        ));
    }
    let status = setting.live.status();
    assert!(Arc::ptr_eq(&first, &setting.live.current()));
    assert_eq!(
        (status.live, status.disk, status.refusals),
        (revision_of(&good(1)), Some(revision_of(BROKEN)), 1)
    );

    setting.write(&good(2));
    assert_eq!(
        setting.live.reload(NOW).await,
        Reloaded::Swapped(revision_of(&good(2)))
    );
    assert_eq!(setting.live.current().revision(), &revision_of(&good(2)));
    assert_eq!(setting.live.status().refused, None);
}

#[tokio::test]
async fn putting_back_what_serves_clears_the_refusal() {
    let setting = Setting::new().await;
    setting.write(BROKEN);
    setting.live.reload(NOW).await;
    setting.write(&good(1));
    assert_eq!(setting.live.reload(NOW).await, Reloaded::Unchanged);
    let status = setting.live.status();
    assert_eq!(
        (status.refused, status.disk, status.swaps),
        (None, Some(status.live), 1)
    );
}

#[tokio::test]
async fn a_set_whose_own_test_fails_never_serves() {
    let setting = Setting::new().await;
    fs::write(
        setting.root().join("p_test.rego"),
        "package approvals.p_test\n\ntest_wrong if 1 == 2\n",
    )
    .unwrap();
    let refused = setting.live.reload(NOW).await;
    assert!(
        matches!(&refused, Reloaded::Refused(refusal) if refusal.to_string().contains("test_wrong")),
        "{refused:?}"
    );
    assert_eq!(setting.live.current().revision(), &revision_of(&good(1)));
}

#[tokio::test]
async fn every_set_is_kept_before_it_serves_and_one_that_is_not_is_tried_again() {
    let setting = Setting::new().await;
    *setting.shelf.full.lock().unwrap() = Some("disk full");
    setting.write(&good(2));
    assert_eq!(
        setting.live.reload(NOW).await,
        Reloaded::Refused(Refusal::NotKept("disk full".to_owned()))
    );
    assert_eq!(setting.live.current().revision(), &revision_of(&good(1)));

    *setting.shelf.full.lock().unwrap() = None;
    assert_eq!(
        setting.live.reload(NOW).await,
        Reloaded::Swapped(revision_of(&good(2)))
    );
    let kept = setting.shelf.kept.lock().unwrap();
    assert_eq!(
        kept.iter()
            .map(|(revision, _)| revision.clone())
            .collect::<Vec<_>>(),
        [revision_of(&good(1)), revision_of(&good(2))]
    );
    let again = PolicyFiles::from_stored(&kept[1].1).unwrap();
    assert_eq!(again.revision(&ENGINE), kept[1].0);
}

#[tokio::test]
async fn an_edited_schema_is_an_edit_and_a_broken_one_is_refused() {
    let setting = Setting::new().await;
    let schemas = setting.root().join("schemas");
    fs::create_dir(&schemas).unwrap();
    let mut revisions = vec![setting.live.current().revision().clone()];
    for text in ["{}", "{\"required\": [\"context\"]}"] {
        fs::write(schemas.join("a.json"), text).unwrap();
        let reloaded = setting.live.reload(NOW).await;
        revisions.push(setting.live.current().revision().clone());
        assert_eq!(
            reloaded,
            Reloaded::Swapped(revisions[revisions.len() - 1].clone())
        );
    }
    assert!(revisions[0] != revisions[1] && revisions[1] != revisions[2]);
    fs::write(schemas.join("a.json"), "{\"type\": 5}").unwrap();
    assert!(matches!(
        setting.live.reload(NOW).await,
        Reloaded::Refused(_)
    ));
    assert_eq!(setting.live.current().revision(), &revisions[2]);
    let kept = setting.shelf.kept.lock().unwrap();
    let again = PolicyFiles::from_stored(&kept[2].1).unwrap();
    assert_eq!(again.revision(&ENGINE), kept[2].0);
}

#[tokio::test]
async fn an_emptied_and_a_vanished_directory_are_refused() {
    let setting = Setting::new().await;
    fs::remove_file(setting.root().join("p.rego")).unwrap();
    assert!(matches!(
        setting.live.reload(NOW).await,
        Reloaded::Refused(_)
    ));
    fs::remove_dir(setting.root()).unwrap();
    assert!(matches!(
        setting.live.reload(NOW).await,
        Reloaded::Refused(_)
    ));
    assert_eq!(setting.live.status().disk, None);
    assert_eq!(setting.live.current().revision(), &revision_of(&good(1)));
}

#[tokio::test]
async fn a_start_without_policies_is_a_start_with_a_warning_and_one_with_broken_ones_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let shelf = || Arc::new(Shelf::default()) as Arc<dyn KeepSets>;
    let empty = LivePolicies::open(directory.path(), Budget::default(), shelf(), NOW)
        .await
        .unwrap();
    assert_eq!(empty.status().warnings.len(), 1);
    fs::write(directory.path().join("p.rego"), BROKEN).unwrap();
    let error = LivePolicies::open(directory.path(), Budget::default(), shelf(), NOW)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("p.rego"), "{error}");
}

#[tokio::test]
async fn an_edit_in_place_and_one_by_rename_both_come_to_serve() {
    let setting = Setting::new().await;
    setting
        .followed(async |setting| {
            setting.write(&good(2));
            setting
                .until(|status| status.live == revision_of(&good(2)))
                .await;
            fs::write(setting.root().join(".p.rego.swp"), good(3)).unwrap();
            fs::rename(
                setting.root().join(".p.rego.swp"),
                setting.root().join("p.rego"),
            )
            .unwrap();
            setting
                .until(|status| status.live == revision_of(&good(3)))
                .await;
        })
        .await;
}

#[tokio::test]
async fn a_config_map_that_is_swapped_twice_is_seen_twice() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("policies");
    let mount = |number: u32| {
        let stamped = format!("..2026_11_21_{number}");
        fs::create_dir_all(root.join(&stamped)).unwrap();
        fs::write(root.join(&stamped).join("p.rego"), good(number)).unwrap();
        symlink(&stamped, root.join("..data_tmp")).unwrap();
        fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
        if number > 1 {
            fs::remove_dir_all(root.join(format!("..2026_11_21_{}", number - 1))).unwrap();
        }
    };
    mount(1);
    symlink("..data/p.rego", root.join("p.rego")).unwrap();
    let setting = Setting::of(directory).await;
    setting
        .followed(async |setting| {
            for number in 2..=3 {
                mount(number);
                setting
                    .until(|status| status.live == revision_of(&good(number)))
                    .await;
            }
        })
        .await;
    assert_eq!(setting.live.status().swaps, 3);
}

#[tokio::test]
async fn a_half_written_file_is_refused_until_it_is_complete() {
    let setting = Setting::new().await;
    setting
        .followed(async |setting| {
            setting.write(BROKEN);
            let status = setting.until(|status| status.refused.is_some()).await;
            assert_eq!(status.live, revision_of(&good(1)));
            setting.write(&good(2));
            let status = setting
                .until(|status| status.live == revision_of(&good(2)))
                .await;
            assert_eq!(status.refused, None);
        })
        .await;
}

#[tokio::test]
async fn a_directory_that_is_deleted_and_made_again_is_followed_again() {
    let setting = Setting::new().await;
    setting
        .followed(async |setting| {
            fs::remove_dir_all(setting.root()).unwrap();
            setting.until(|status| status.disk.is_none()).await;
            fs::create_dir(setting.root()).unwrap();
            setting.write(&good(2));
            setting
                .until(|status| status.live == revision_of(&good(2)))
                .await;
            setting.write(&good(3));
            setting
                .until(|status| status.live == revision_of(&good(3)))
                .await;
        })
        .await;
}
