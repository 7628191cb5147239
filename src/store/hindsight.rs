//! What people look up when they decide: how it was decided before, what happened, which rules do anything.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::LogLine;
use crate::domain::case::Resolution;
use crate::domain::id::CaseId;
use crate::domain::log_entry::EntryKind;
use crate::domain::platform::PlatformOutcome;

/// An earlier request for the same action, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Precedent {
    /// The case.
    pub case_id: CaseId,
    /// Who asked.
    pub agent: Option<String>,
    /// The last word on it.
    pub resolution: Resolution,
    /// How the platform or its people decided it themselves.
    pub platform_outcome: Option<PlatformOutcome>,
    /// When policy decided it.
    pub decided_at: Timestamp,
}

/// Which log entries to show, the newest first.
#[derive(Debug, Clone, Default)]
pub struct LogQuery {
    /// Only those before this one.
    pub before: Option<u64>,
    /// Of this kind.
    pub kind: Option<EntryKind>,
    /// Of this case.
    pub case: Option<CaseId>,
    /// How many at most; 1 to 500.
    pub limit: usize,
}

/// Some log entries, the newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct LogPage {
    /// The entries.
    pub lines: Vec<LogLine>,
    /// What [`LogQuery::before`] is for the page after this; `None` at the end. A page may be short, or empty, and not be
    /// the last: what was looked through is bounded too.
    pub next: Option<u64>,
}

/// How often rules fired.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FireCounts {
    /// How many cases were looked at.
    pub cases: u64,
    /// When the first of them was decided.
    pub since: Option<Timestamp>,
    /// In how many of them each rule fired, by its id. What is not here did not fire.
    pub rules: BTreeMap<String, u64>,
}
