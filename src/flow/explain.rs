//! Why a case was decided as it was: its input evaluated again, at its time, under the set that it names.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use crate::domain::account::Account;
use crate::domain::id::Revision;
use crate::domain::verdict::{Cause, Outcome, Verdict};
use crate::policy::folder::PolicyFiles;
use crate::policy::testing::from_request::{self, TestFile, Untestable};
use crate::policy::watch::LivePolicies;
use crate::policy::{self, Budget, Input, PolicySet};
use crate::store::{CaseFile, Store, StoreError, StoredSet};

/// Sets that are not served any more and are kept loaded, the last used first.
const MOST_LOADED: usize = 4;

/// Explanations that are made at the same time; others wait, so that requests do not.
const AT_ONCE: usize = 2;

/// Evaluates kept cases again.
pub struct Explainer {
    store: Arc<dyn Store>,
    live: Arc<LivePolicies>,
    loaded: Arc<Mutex<VecDeque<Arc<PolicySet>>>>,
    turns: Semaphore,
}

/// Why a case cannot be evaluated again. What its verdict says of itself still stands.
#[derive(Debug, thiserror::Error)]
pub enum Unexplained {
    /// The store could not be asked.
    #[error("the store is unavailable")]
    Store(#[from] StoreError),
    /// There is no such set in the store.
    #[error("policy {} is not kept here", .0.short())]
    NotKept(Revision),
    /// Another engine ran it, and may have decided otherwise than ours would.
    #[error("policy {} was run by another engine ({engine})", .revision.short())]
    OtherEngine {
        /// The set.
        revision: Revision,
        /// What ran it.
        engine: String,
    },
    /// What is kept is no set any more.
    #[error("policy {} does not load any more: {why}", .revision.short())]
    Refused {
        /// The set.
        revision: Revision,
        /// What is wrong with it.
        why: String,
    },
    /// The input was erased, or cannot be read.
    #[error("the request is not kept any more")]
    Erased,
    /// The evaluation did not end.
    #[error("the evaluation failed")]
    Failed,
}

impl Explainer {
    /// An explainer of the cases in `store`. The set that is live is not loaded again.
    pub fn new(store: Arc<dyn Store>, live: Arc<LivePolicies>) -> Self {
        Self {
            store,
            live,
            loaded: Arc::default(),
            turns: Semaphore::new(AT_ONCE),
        }
    }

    /// The account of a case, made beside the threads that answer requests.
    pub async fn account(&self, file: &CaseFile) -> Result<Account, Unexplained> {
        let _turn = self
            .turns
            .acquire()
            .await
            .map_err(|_| Unexplained::Failed)?;
        let current = self.live.current();
        let revision = &file.case.verdict.revision;
        let set = if current.revision() == revision {
            Some(current)
        } else {
            self.loaded(revision)
        };
        let stored = match set {
            Some(_) => None,
            None => Some(kept(&*self.store, revision).await?),
        };
        let (file, loaded) = (file.clone(), Arc::clone(&self.loaded));
        let work = move || {
            let set = match (set, stored) {
                (Some(set), _) => set,
                (None, Some(stored)) => {
                    let set = Arc::new(load(&stored)?);
                    keep(&loaded, &set);
                    set
                }
                (None, None) => return Err(Unexplained::Failed),
            };
            account_of(&set, &file)
        };
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or(Err(Unexplained::Failed))
    }

    /// A test of a case on the set that is live.
    pub async fn test_of(&self, file: &CaseFile) -> Result<TestFile, Untestable> {
        let busy = |_| Untestable::Refused("the evaluation did not end".to_owned());
        let Ok(_turn) = self.turns.acquire().await else {
            return Err(Untestable::Refused(
                "the evaluation did not begin".to_owned(),
            ));
        };
        let (set, file) = (self.live.current(), file.clone());
        let work = move || {
            let input = file.input.as_deref().ok_or(Untestable::Erased)?;
            from_request::test_of(&set, &file.case, input)
        };
        tokio::task::spawn_blocking(work).await.map_err(busy)?
    }

    fn loaded(&self, revision: &Revision) -> Option<Arc<PolicySet>> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let place = loaded.iter().position(|set| set.revision() == revision)?;
        let set = loaded.remove(place)?;
        loaded.push_front(Arc::clone(&set));
        Some(set)
    }
}

/// The account of a case out of nothing but the store.
pub async fn account_from(store: &dyn Store, file: &CaseFile) -> Result<Account, Unexplained> {
    let stored = kept(store, &file.case.verdict.revision).await?;
    account_of(&load(&stored)?, file)
}

/// What a reader should know when the evaluation of today does not say what was decided; `None` where it does.
pub fn difference(kept: &Verdict, account: &Account) -> Option<String> {
    let again = &account.verdict;
    // Nothing was evaluated then: what policy says of the claims is told, and stands for nothing.
    if kept.doubt.is_some() {
        return None;
    }
    let same = (kept.outcome, kept.cause) == (again.outcome, again.cause)
        || (kept.cause == Cause::Frozen && again.outcome == Outcome::Approve);
    (!same).then(|| {
        format!(
            "evaluated again it is {} ({}), not {} ({}) as it was decided: a budget or another version of countersign \
             made the difference",
            again.outcome, again.cause, kept.outcome, kept.cause
        )
    })
}

async fn kept(store: &dyn Store, revision: &Revision) -> Result<StoredSet, Unexplained> {
    let stored = store.set(revision.as_str()).await?;
    stored.ok_or_else(|| Unexplained::NotKept(revision.clone()))
}

fn load(stored: &StoredSet) -> Result<PolicySet, Unexplained> {
    let revision = &stored.revision;
    let refused = |why: String| Unexplained::Refused {
        revision: revision.clone(),
        why,
    };
    let files =
        PolicyFiles::from_stored(&stored.files).map_err(|error| refused(error.to_string()))?;
    let loaded = PolicySet::load(files, Budget::default()).map_err(|mistakes| {
        let first = mistakes.into_iter().next().map(|mistake| mistake.message);
        refused(first.unwrap_or_default())
    })?;
    if loaded.set.revision() == revision {
        Ok(loaded.set)
    } else {
        Err(Unexplained::OtherEngine {
            revision: revision.clone(),
            engine: stored.engine.clone(),
        })
    }
}

fn keep(loaded: &Mutex<VecDeque<Arc<PolicySet>>>, set: &Arc<PolicySet>) {
    let mut loaded = loaded.lock().unwrap_or_else(PoisonError::into_inner);
    loaded.push_front(Arc::clone(set));
    loaded.truncate(MOST_LOADED);
}

fn account_of(set: &PolicySet, file: &CaseFile) -> Result<Account, Unexplained> {
    let text = file.input.as_deref().ok_or(Unexplained::Erased)?;
    let input = Input::parse(text).map_err(|_| Unexplained::Erased)?;
    Ok(policy::account(set, &input, file.case.decided_at))
}
