//! The policy set that serves, and how an edit on disk becomes it.
//!
//! What must hold: a decision takes the set once and keeps it, so none sees two; a set that does not load, whose tests
//! fail or that could not be stored never serves, and the one before goes on; every set that ever served was stored
//! first; what is on disk is live or refused within five seconds.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::{Mutex, watch};

use crate::diagnostic::{Diagnostic, Paint};
use crate::domain::id::Revision;
use crate::policy::engine::ENGINE;

use super::admission::{Admission, admit_from};
use super::folder::PolicyFiles;
use super::{Loaded, PolicySet};

mod follow;

pub use follow::Changes;

/// Between two reads of the directory that must agree: a writer that is in the middle of something is seen moving.
const SETTLE: Duration = Duration::from_millis(20);

/// How long a set that serves no more is kept for decisions that still look at it.
const RETIRES: Duration = Duration::from_secs(1);

/// How often the directory is read before its last state is taken for what it is.
const READS: usize = 10;

/// Where sets are kept, so that every decision can be evaluated again under the one that it names.
#[async_trait]
pub trait KeepSets: Send + Sync {
    /// Returns once the set is stored as durably as decisions are. Storing it again changes nothing. `stored` is what
    /// [`PolicyFiles::from_stored`] reads.
    async fn keep(
        &self,
        revision: &Revision,
        stored: &str,
        now: Timestamp,
    ) -> Result<(), KeepError>;
}

/// Why a set was not stored.
pub type KeepError = Box<dyn std::error::Error + Send + Sync>;

/// The set that serves.
pub struct LivePolicies {
    directory: PathBuf,
    admission: Admission,
    keeper: Arc<dyn KeepSets>,
    set: ArcSwap<PolicySet>,
    status: watch::Sender<Status>,
    /// Held during a reload, so that two never race for the swap.
    reloading: Mutex<()>,
}

/// What serves and what is on disk.
#[derive(Debug, Clone)]
pub struct Status {
    /// The set that serves.
    pub live: Revision,
    /// The set on disk as it was last read; absent when it could not be read.
    pub disk: Option<Revision>,
    /// When the live set began to serve.
    pub live_since: Timestamp,
    /// When a changed directory was last looked into, whether it came to serve or not.
    pub last_reload: Timestamp,
    /// Why what is on disk does not serve; absent when it does.
    pub refused: Option<Refusal>,
    /// What somebody should look at in the live set.
    pub warnings: Vec<Diagnostic>,
    /// How many sets came to serve since the start, the first one included.
    pub swaps: u64,
    /// How many were refused since the start.
    pub refusals: u64,
}

/// Why a set does not serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It is wrong, and these are its mistakes.
    Mistakes(Vec<Diagnostic>),
    /// It could not be stored, and is tried again.
    NotKept(String),
}

/// What a reload did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reloaded {
    /// What is on disk is what was there before, and serves.
    Unchanged,
    /// This set serves from now on.
    Swapped(Revision),
    /// What is on disk does not serve; the set before it does.
    Refused(Refusal),
}

/// What becomes of a set that was refused and has not changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    TriedAgain,
    LeftAlone,
}

/// The first set was refused, so nothing can serve.
#[derive(Debug, thiserror::Error)]
#[error("the policies in `{directory}` cannot serve:\n{refusal}")]
pub struct OpenError {
    /// The policy directory.
    pub directory: String,
    /// Why.
    pub refusal: Refusal,
}

impl LivePolicies {
    /// Loads and stores the first set. An empty directory is a set too: every request goes to a person.
    pub async fn open(
        directory: &Path,
        admission: impl Into<Admission>,
        keeper: Arc<dyn KeepSets>,
        now: Timestamp,
    ) -> Result<Self, OpenError> {
        let admission = admission.into();
        let refused = |refusal| OpenError {
            directory: directory.display().to_string(),
            refusal,
        };
        let files = settled(directory)
            .await
            .map_err(|mistakes| refused(Refusal::Mistakes(mistakes)))?;
        let revision = files.revision(&ENGINE);
        let Loaded { set, mut warnings } =
            prepare(directory, files.clone(), admission, keeper.as_ref(), now)
                .await
                .map_err(refused)?;
        warnings.extend(files.warnings(directory));
        let status = Status {
            live: revision.clone(),
            disk: Some(revision),
            live_since: now,
            last_reload: now,
            refused: None,
            warnings,
            swaps: 1,
            refusals: 0,
        };
        Ok(Self {
            directory: directory.to_owned(),
            admission,
            keeper,
            set: ArcSwap::from_pointee(set),
            status: watch::Sender::new(status),
            reloading: Mutex::new(()),
        })
    }

    /// The set that serves now. Take it once for each decision.
    pub fn current(&self) -> Arc<PolicySet> {
        self.set.load_full()
    }

    /// What serves and what is on disk, now.
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// The same whenever it changes.
    pub fn changes(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Reads the directory and, if it is not what serves, lets it serve or refuses it. Returns when that is done. A set
    /// that was refused before is tried again, since somebody asks.
    pub async fn reload(&self, now: Timestamp) -> Reloaded {
        self.look(Refused::TriedAgain, now).await
    }

    async fn look(&self, refused: Refused, now: Timestamp) -> Reloaded {
        let _one_at_a_time = self.reloading.lock().await;
        if let Ok(files) = read(&self.directory).await
            && self.seen(&files, refused)
        {
            return self.still();
        }
        let files = match settled(&self.directory).await {
            Ok(files) if self.seen(&files, refused) => return self.still(),
            Ok(files) => files,
            Err(mistakes) => return self.refuse(None, Refusal::Mistakes(mistakes), now),
        };
        let revision = files.revision(&ENGINE);
        let live = self.status.borrow().live.clone();
        if revision == live {
            // Somebody put back what serves.
            self.status.send_modify(|status| {
                status.disk = Some(revision);
                status.refused = None;
                status.last_reload = now;
            });
            tracing::info!(policy.revision = %live, "the policies on disk are again those that serve");
            return Reloaded::Unchanged;
        }
        if files.is_empty() {
            return self.refuse(
                Some(revision),
                Refusal::Mistakes(vec![emptied(&self.directory)]),
                now,
            );
        }
        let keeper = self.keeper.as_ref();
        match prepare(&self.directory, files, self.admission, keeper, now).await {
            Err(refusal) => self.refuse(Some(revision), refusal, now),
            Ok(Loaded { set, warnings }) => {
                for warning in &warnings {
                    tracing::warn!(code = warning.code, "{}", warning.render(Paint::Plain));
                }
                let before = self.set.swap(Arc::new(set));
                drop(tokio::task::spawn_blocking(move || retire(before)));
                self.status.send_modify(|status| {
                    status.live = revision.clone();
                    status.disk = Some(revision.clone());
                    status.live_since = now;
                    status.last_reload = now;
                    status.refused = None;
                    status.warnings = warnings;
                    status.swaps += 1;
                });
                tracing::info!(policy.revision = %revision, "new policies serve: revision {}", revision.short());
                Reloaded::Swapped(revision)
            }
        }
    }

    /// Whether these files were looked at before and need not be again.
    fn seen(&self, files: &PolicyFiles, refused: Refused) -> bool {
        let revision = files.revision(&ENGINE);
        let status = self.status.borrow();
        let to_try_again = match &status.refused {
            Some(Refusal::NotKept(_)) => true,
            Some(Refusal::Mistakes(_)) => refused == Refused::TriedAgain,
            None => false,
        };
        status.disk.as_ref() == Some(&revision) && !to_try_again
    }

    /// The answer when nothing changed: a refused set is still refused.
    fn still(&self) -> Reloaded {
        match &self.status.borrow().refused {
            None => Reloaded::Unchanged,
            Some(refusal) => Reloaded::Refused(refusal.clone()),
        }
    }

    fn refuse(&self, disk: Option<Revision>, refusal: Refusal, now: Timestamp) -> Reloaded {
        let is_news = self.status.send_if_modified(|status| {
            let is_news = status.disk != disk || status.refused.as_ref() != Some(&refusal);
            if is_news {
                status.disk = disk;
                status.refused = Some(refusal.clone());
                status.last_reload = now;
                status.refusals += 1;
            }
            is_news
        });
        if is_news {
            let live = self.status.borrow().live.clone();
            tracing::error!(policy.revision = %live, "policies refused, revision {} still serves:\n{refusal}", live.short());
        }
        Reloaded::Refused(refusal)
    }
}

impl Refusal {
    /// The frames, one after the other.
    pub fn render(&self, paint: Paint) -> String {
        match self {
            Self::Mistakes(mistakes) => {
                let frames: Vec<String> = mistakes
                    .iter()
                    .map(|mistake| mistake.render(paint))
                    .collect();
                frames.join("\n\n")
            }
            Self::NotKept(reason) => format!("the policies could not be stored: {reason}"),
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.render(Paint::Plain))
    }
}

impl std::fmt::Debug for LivePolicies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let status = self.status.borrow();
        f.debug_struct("LivePolicies")
            .field("status", &*status)
            .finish_non_exhaustive()
    }
}

fn emptied(directory: &Path) -> Diagnostic {
    Diagnostic::error(
        "P110",
        format!("there is no policy left in `{}`", directory.display()),
    )
    .help("the policies that were there go on; to send every request to a person, freeze")
}

/// Drops a set once the decisions under it are done: to free ten thousand programs takes milliseconds that no request
/// should pay.
fn retire(set: Arc<PolicySet>) {
    let patience = Instant::now() + RETIRES;
    while Arc::strong_count(&set) > 1 && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(set);
}

/// Compiles, tests and stores, off the threads that answer requests.
async fn prepare(
    directory: &Path,
    files: PolicyFiles,
    admission: Admission,
    keeper: &dyn KeepSets,
    now: Timestamp,
) -> Result<Loaded, Refusal> {
    let revision = files.revision(&ENGINE);
    let stored = files.to_stored();
    let directory = directory.to_owned();
    let loaded = blocking(move || admit_from(&directory, &files, admission, now))
        .await
        .map_err(Refusal::Mistakes)?;
    match keeper.keep(&revision, &stored, now).await {
        Ok(()) => Ok(loaded),
        Err(error) => Err(Refusal::NotKept(error.to_string())),
    }
}

/// The directory as it is once two reads agree, so that a copy or a swap half done is not taken for the whole.
async fn settled(directory: &Path) -> Result<PolicyFiles, Vec<Diagnostic>> {
    let mut last = read(directory).await;
    for _ in 1..READS {
        tokio::time::sleep(SETTLE).await;
        let next = read(directory).await;
        if next == last {
            return next;
        }
        last = next;
    }
    Err(vec![
        Diagnostic::error(
            "P112",
            format!(
                "`{}` changes faster than it can be read",
                directory.display()
            ),
        )
        .help("copy policies into a new directory and rename it over the old one"),
    ])
}

async fn read(directory: &Path) -> Result<PolicyFiles, Vec<Diagnostic>> {
    let directory = directory.to_owned();
    blocking(move || PolicyFiles::read(&directory)).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Vec<Diagnostic>> + Send + 'static,
) -> Result<T, Vec<Diagnostic>> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| {
            Err(vec![Diagnostic::error(
                "P113",
                format!("loading the policies failed: {error}"),
            )])
        })
}

#[cfg(test)]
mod tests;
