//! The stop button: while a freeze is on, policy approves nothing.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Who froze approvals, when, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// The person.
    pub by: String,
    /// Their reason.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}
