//! Cases and log entries as they are looked for and listed.

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::case::{Case, Resolved};
use crate::domain::id::{CaseId, SourceName};
use crate::domain::log_entry::EntryKind;
use crate::domain::verdict::{Cause, Outcome};

/// Which cases to list. Names match whatever their case, and `*` in one stands for any text.
#[derive(Debug, Clone, Default)]
pub struct CaseQuery {
    /// In which order.
    pub order: CaseOrder,
    /// `received`, `open`, `answering`, `resolved`, or `decided` for the last two.
    pub state: Option<String>,
    /// Of this source.
    pub source: Option<SourceName>,
    /// With this outcome standing.
    pub outcome: Option<Outcome>,
    /// For this reason.
    pub cause: Option<Cause>,
    /// That ended so.
    pub ending: Option<Resolved>,
    /// By the agent of this name.
    pub agent: Option<String>,
    /// With this action.
    pub action: Option<String>,
    /// That the team of this name is asked, was asked by policy, or voted on.
    pub team: Option<String>,
    /// That this person voted on, or that it ended: a name, `policy`, `platform` or `deadline`.
    pub by: Option<String>,
    /// Open ones that one of these teams is asked, or everybody is.
    pub asked: Option<Vec<String>>,
    /// Whose request id, action or agent contains this text.
    pub text: Option<String>,
    /// How many at most; 1 to 500.
    pub limit: usize,
    /// The cursor of the page before.
    pub cursor: Option<String>,
}

/// In which order cases are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CaseOrder {
    /// The newest first.
    #[default]
    Newest,
    /// Open questions alone, the one first whose time is up first; each with what it was decided on.
    Deadline,
}

/// One page of cases.
#[derive(Debug, Clone, PartialEq)]
pub struct CasePage {
    /// The cases.
    pub cases: Vec<Case>,
    /// In the order of deadlines: the policy input of each case as JSON text, unless it was erased or is too large for a list
    /// (64 KiB).
    pub inputs: Vec<Option<Arc<str>>>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

/// A case with what it was decided on and what happened to it.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseFile {
    /// The case.
    pub case: Case,
    /// The policy input as JSON text; gone when it was erased.
    pub input: Option<Arc<str>>,
    /// Its log entries, the oldest first.
    pub timeline: Vec<LogLine>,
}

/// A case and the policy input as JSON text, which is gone when it was erased.
pub type CaseAndInput = (Case, Option<Arc<str>>);

impl CaseFile {
    /// Whether the request was found in its platform's list before any delivery told of it.
    pub fn was_found(&self) -> bool {
        let platforms_own = |line: &LogLine| line.kind == EntryKind::Decided;
        self.timeline.first().is_some_and(platforms_own)
    }
}

/// A log entry as people read it.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct LogLine {
    /// Its place in the chain, from 1.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// What happened.
    #[serde(serialize_with = "kind_as_word")]
    pub kind: EntryKind,
    /// To which case.
    pub case_id: Option<CaseId>,
    /// The particulars; gone when they were erased.
    pub detail: Option<serde_json::Value>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn kind_as_word<S: serde::Serializer>(kind: &EntryKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.as_str())
}
