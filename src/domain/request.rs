//! One immutable ask, as a source read it.

use jiff::Timestamp;
use serde_json::Value;

use crate::domain::id::{CaseId, ContentDigest, RequestId, SourceName};
use crate::secret::Secret;

/// What a platform or an agent asks, after its source has proven who sent it and found the parts.
///
/// A field the sender did not give is `None`, never a made-up default: policies see it as absent.
#[derive(Debug, Clone)]
pub struct Request {
    /// The source that read it.
    pub source: SourceName,
    /// The kind of that source: `tracemem`, `http`, ….
    pub platform: &'static str,
    /// What the asker calls it.
    pub id: RequestId,
    /// Keeps askers apart who choose ids themselves; empty where the platform gives them.
    pub scope: String,
    /// What the agent wants to do, dotted: `stripe.refund`.
    pub action: Option<String>,
    /// Who wants to do it.
    pub agent: Option<String>,
    /// The facts of the ask.
    pub context: Option<Value>,
    /// Free text by the agent. Never a ground to approve on.
    pub title: Option<String>,
    /// Free text by the agent. Never a ground to approve on.
    pub message: Option<String>,
    /// When the platform says it was asked.
    pub requested_at: Option<Timestamp>,
    /// After this the platform takes no answer.
    pub expires_at: Option<Timestamp>,
    /// Whether the platform insists on a rationale.
    pub rationale_required: bool,
    /// What was proven about it.
    pub proven: Proven,
    /// The whole body less its secrets.
    pub payload: Value,
    /// The capability that answers this one request. Stored; never logged, shown, or given to a policy.
    pub token: Option<Secret>,
    /// What a second delivery under the same id is compared by: everything that was read, not the bytes, since senders
    /// stamp retries anew.
    pub content: ContentDigest,
}

impl Request {
    /// The one case of this request.
    pub fn case_id(&self) -> CaseId {
        CaseId::derive(&self.source, &self.scope, &self.id)
    }

    /// Whether the platform has stopped taking answers at `now`.
    pub fn expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

/// What is known, beyond what the sender claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Proven {
    /// The sender proved that the body is theirs.
    pub signature: bool,
    /// The platform's own record of the request was read back.
    pub record: bool,
}
