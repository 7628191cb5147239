//! One link of the decision log's keyed chain.
//!
//! An entry holds a keyed digest of its payload, not the payload, so that personal data can be erased later while the
//! chain stays whole. Its MAC covers everything in it and the MAC before it: whoever does not hold the key can neither
//! change, insert, delete nor reorder an entry without it showing. The head, also under the key, shows a cut tail.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

use crate::domain::id::CaseId;
use crate::domain::verdict::word;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A request was received, to be decided once the platform's own record was read back.
    Received,
    /// A request was received and decided. The payload is the input and the verdict.
    Decided,
    /// The same id came with other content, and was not decided.
    Conflict,
    /// A person voted.
    Voted,
    /// Half of a team's time was up, and it was reminded.
    Reminded,
    /// A team's time was up, and the next one was asked.
    HandedOver,
    /// People, policy or the clock gave the last word.
    Resolved,
    /// Nobody answered in time.
    Expired,
    /// The platform decided it itself.
    Superseded,
    /// The platform reported the outcome of a case that was already closed.
    PlatformReported,
    /// The platform took the answer.
    Answered,
    /// An attempt arrived, and the case stays as it is: a team was told, or an event was passed on.
    Delivered,
    /// An attempt failed and will be repeated.
    AttemptFailed,
    /// An effect was given up and waits for a person to retry it.
    DeadLettered,
    /// A person put a dead letter back.
    Retried,
    /// A case that was decided became a question to a person.
    Escalated,
    /// Approvals were frozen.
    Frozen,
    /// Approvals were released.
    Unfrozen,
    /// A policy set began to serve.
    PolicyServed,
}

impl EntryKind {
    /// Every kind there is.
    pub const ALL: [Self; 19] = [
        Self::Received,
        Self::Decided,
        Self::Conflict,
        Self::Voted,
        Self::Reminded,
        Self::HandedOver,
        Self::Resolved,
        Self::Expired,
        Self::Superseded,
        Self::PlatformReported,
        Self::Answered,
        Self::Delivered,
        Self::AttemptFailed,
        Self::DeadLettered,
        Self::Retried,
        Self::Escalated,
        Self::Frozen,
        Self::Unfrozen,
        Self::PolicyServed,
    ];
}

word!(EntryKind {
    Self::Received => "received", Self::Decided => "decided", Self::Conflict => "conflict", Self::Voted => "voted", Self::Reminded => "reminded",
    Self::HandedOver => "handed_over", Self::Resolved => "resolved",
    Self::Expired => "expired", Self::Superseded => "superseded", Self::PlatformReported => "platform_reported",
    Self::Answered => "answered", Self::Delivered => "delivered",
    Self::AttemptFailed => "attempt_failed", Self::DeadLettered => "dead_lettered",
    Self::Retried => "retried", Self::Escalated => "escalated", Self::Frozen => "frozen",
    Self::Unfrozen => "unfrozen", Self::PolicyServed => "policy_served",
});

/// The key of the chain: 32 bytes that are kept apart from the log.
#[derive(Clone)]
pub struct ChainKey(Hmac<Sha256>);

/// A MAC of the chain.
pub type ChainMac = [u8; 32];

/// What stands before the first entry.
pub const GENESIS: ChainMac = [0; 32];

/// One entry, as it is chained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// From 1, with no gap.
    pub sequence: u64,
    /// When it was committed.
    pub at: Timestamp,
    /// What happened.
    pub kind: EntryKind,
    /// To which case; a freeze has none.
    pub case: Option<CaseId>,
    /// The keyed digest of the payload.
    pub payload: [u8; 32],
}

impl ChainKey {
    /// A key from its bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        // `KeyInit::new` takes a whole block: HMAC pads the key with zeroes to 64 bytes.
        let mut block = [0; 64];
        for (to, from) in block.iter_mut().zip(bytes) {
            *to = *from;
        }
        Self(Hmac::new(&block.into()))
    }

    /// The keyed digest of a payload given in parts; each part counts with its length.
    pub fn payload(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.mac(b"payload", parts)
    }

    /// The MAC of `entry` when it stands after an entry whose MAC is `before`.
    pub fn link(&self, before: &ChainMac, entry: &LogEntry) -> ChainMac {
        let case = entry.case.as_ref().map_or(&[][..], |id| id.as_bytes());
        self.mac(
            b"entry",
            &[
                before,
                &entry.sequence.to_be_bytes(),
                &entry.at.as_nanosecond().to_be_bytes(),
                entry.kind.as_str().as_bytes(),
                case,
                &entry.payload,
            ],
        )
    }

    /// The MAC that says the chain ends at `sequence` with `last`, while the freeze with this digest is on.
    pub fn head(&self, sequence: u64, last: &ChainMac, freeze: &[u8]) -> ChainMac {
        self.mac(b"head", &[&sequence.to_be_bytes(), last, freeze])
    }

    fn mac(&self, domain: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(domain);
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for ChainKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChainKey(redacted)")
    }
}
