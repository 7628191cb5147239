//! Notices that a policy directory changed.
//!
//! Events make it quick and polling makes it sure: a directory that was deleted and made again, a network file system and
//! a machine that is out of watches send no events. Which file an event names is of no interest: after a ConfigMap's
//! second swap it is never a policy file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::{LivePolicies, Refused};

/// Editors and copies change several files in a row; this long without an event is the end of it.
const QUIET: Duration = Duration::from_millis(150);

/// And this is the longest that an endless row of events is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often the directory is read without an event.
const POLL: Duration = Duration::from_secs(2);

/// When to look at a policy directory again.
pub struct Changes {
    directory: PathBuf,
    changed: Arc<Notify>,
    watcher: Option<RecommendedWatcher>,
    poll: Interval,
}

impl Changes {
    /// Watches `directory`, which may not be there yet. Needs a runtime with time.
    pub fn of(directory: &Path) -> Self {
        let changed = Arc::new(Notify::new());
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            directory: directory.to_owned(),
            watcher: arm(directory, &changed),
            changed,
            poll,
        }
    }

    /// Returns when something may have changed: at once, after events, and every two seconds. Whether something did is
    /// for the caller to find out, by reading.
    pub async fn next(&mut self) {
        tokio::select! {
            () = self.changed.notified() => settle(&self.changed).await,
            _ = self.poll.tick() => {}
        }
    }

    /// To be called when something did change: the directory may be another one of the same name, for which the old watch
    /// would be silent for ever.
    pub fn renew(&mut self) {
        self.watcher = None;
        self.watcher = arm(&self.directory, &self.changed);
        // What happened while nothing watched.
        self.changed.notify_one();
    }
}

impl std::fmt::Debug for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Changes")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

impl LivePolicies {
    /// Keeps the live set up with the directory until `stop`.
    pub async fn run(
        self: Arc<Self>,
        clock: impl Fn() -> Timestamp + Send,
        stop: CancellationToken,
    ) {
        let mut status = self.changes();
        let mut changes = Changes::of(&self.directory);
        while stop.run_until_cancelled(changes.next()).await.is_some() {
            self.look(Refused::LeftAlone, clock()).await;
            if status.has_changed().unwrap_or_default() {
                status.mark_unchanged();
                changes.renew();
            }
        }
    }
}

/// Waits for the end of a row of events.
async fn settle(changed: &Notify) {
    let latest = Instant::now() + PATIENCE;
    while Instant::now() < latest
        && tokio::time::timeout(QUIET, changed.notified())
            .await
            .is_ok()
    {}
}

/// Watches `directory`; `None` when that is not possible, which leaves the polling.
fn arm(directory: &Path, changed: &Arc<Notify>) -> Option<RecommendedWatcher> {
    let changed = Arc::clone(changed);
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading the directory is an event too; answering it by reading would never end.
        let is_access = event.as_ref().is_ok_and(|event| event.kind.is_access());
        if !is_access {
            changed.notify_one();
        }
    });
    let armed = watcher.and_then(|mut watcher| {
        watcher.watch(directory, RecursiveMode::Recursive)?;
        Ok(watcher)
    });
    armed
        .inspect_err(|error| {
            tracing::warn!(%error, "`{}` cannot be watched, it is read every two seconds instead", directory.display());
        })
        .ok()
}
