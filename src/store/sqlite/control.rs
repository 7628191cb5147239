//! What is written beside the cases: the freeze, the policy sets that served, and the probe.

use jiff::Timestamp;
use rusqlite::params;
use serde_json::json;

use crate::domain::freeze::Freeze;
use crate::domain::id::ContentDigest;
use crate::domain::log_entry::EntryKind;
use crate::store::sqlite::chain::{self, Link};
use crate::store::sqlite::rows::{self, freeze_digest, whole};
use crate::store::sqlite::writer::{Failure, Planned, Writing};
use crate::store::{Spent, StoredSet};

/// Freezes approvals, unless somebody did before.
pub(super) fn freeze(writing: &mut Writing<'_>, mut freeze: Freeze) -> Result<Freeze, Failure> {
    if let Some(before) = &writing.standing.freeze {
        return Ok(before.clone());
    }
    freeze.since = whole(freeze.since);
    let detail = json!({ "by": freeze.by, "reason": freeze.reason });
    writing
        .connection
        .prepare_cached("INSERT INTO freeze (id, by, reason, since) VALUES (1, ?1, ?2, ?3)")?
        .execute(params![
            freeze.by,
            freeze.reason,
            freeze.since.as_microsecond()
        ])?;
    writing.standing.freeze = Some(freeze.clone());
    log(writing, EntryKind::Frozen, &detail, freeze.since)?;
    Ok(freeze)
}

/// Releases approvals.
pub(super) fn unfreeze(
    writing: &mut Writing<'_>,
    by: &str,
    now: Timestamp,
) -> Result<Option<Freeze>, Failure> {
    let Some(freeze) = writing.standing.freeze.take() else {
        return Ok(None);
    };
    writing
        .connection
        .prepare_cached("DELETE FROM freeze")?
        .execute([])?;
    // What it held may leave now.
    *writing.planned = Planned::Something;
    let detail = json!({ "by": by, "frozen_by": freeze.by, "since": freeze.since });
    log(writing, EntryKind::Unfrozen, &detail, now)?;
    Ok(Some(freeze))
}

/// Keeps a policy set, and logs that it begins to serve.
pub(super) fn keep_set(
    writing: &mut Writing<'_>,
    set: &StoredSet,
    now: Timestamp,
) -> Result<(), Failure> {
    writing
        .connection
        .prepare_cached(
            "INSERT INTO policy_sets (revision, engine, files, kept_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (revision) DO NOTHING",
        )?
        .execute(params![
            set.revision.as_str(),
            set.engine,
            set.files,
            now.as_microsecond()
        ])?;
    let detail = served(set.revision.as_str(), &set.engine, set_digest(&set.files));
    log(writing, EntryKind::PolicyServed, &detail, now)
}

/// The particulars of a set that begins to serve.
pub(super) fn served(revision: &str, engine: &str, files: ContentDigest) -> serde_json::Value {
    json!({ "revision": revision, "engine": engine, "files": files })
}

/// The digest of a set's files as the log has it.
pub(super) fn set_digest(files: &str) -> ContentDigest {
    ContentDigest::of(&[files.as_bytes()])
}

/// Writes a row, so that the commit has something to sync.
pub(super) fn probe(writing: &mut Writing<'_>) -> Result<(), Failure> {
    writing
        .connection
        .prepare_cached("UPDATE probe SET count = count + 1")?
        .execute([])?;
    Ok(())
}

/// Writes that what `key` stands for was used; forgets what nobody asks for any more.
pub(super) fn spend(
    writing: &mut Writing<'_>,
    key: ContentDigest,
    until: Timestamp,
    now: Timestamp,
) -> Result<Spent, Failure> {
    writing
        .connection
        .prepare_cached("DELETE FROM spent WHERE until < ?1")?
        .execute([now.as_microsecond()])?;
    let new = writing
        .connection
        .prepare_cached("INSERT INTO spent (key, until) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute(params![key.as_bytes(), until.as_microsecond()])?;
    Ok(if new == 1 { Spent::Now } else { Spent::Before })
}

/// Takes back that what `key` stands for was used.
pub(super) fn forget(writing: &mut Writing<'_>, key: ContentDigest) -> Result<(), Failure> {
    writing
        .connection
        .prepare_cached("DELETE FROM spent WHERE key = ?1")?
        .execute([key.as_bytes()])?;
    Ok(())
}

fn log(
    writing: &mut Writing<'_>,
    kind: EntryKind,
    detail: &serde_json::Value,
    at: Timestamp,
) -> Result<(), Failure> {
    let detail = rows::json(detail)?;
    let link = Link {
        at,
        kind,
        case: None,
        body: chain::body(writing.key, &detail),
        detail,
        state: Some(freeze_digest(writing.standing.freeze.as_ref(), writing.key)),
    };
    writing
        .standing
        .append(writing.connection, writing.key, &link)
}
