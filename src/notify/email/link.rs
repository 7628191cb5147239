//! The link in a mail, with which its reader may vote once.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::domain::id::{CaseId, ContentDigest};
use crate::identity::seal::Unsealable;
use crate::identity::{Purpose, Seal};

/// How long after its end a link is still read, so that whoever comes late is told what became of the case.
const READ_AFTER: SignedDuration = SignedDuration::from_hours(24 * 30);

/// What a link stands for. It says whom it was sent to, not what they say, and not what they may do: that is looked up
/// when it is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailLink {
    /// The case.
    pub case: CaseId,
    /// What its reader was shown.
    pub digest: ContentDigest,
    /// Where the mail went.
    pub address: String,
    /// No two links have the same: 32 hexadecimal digits.
    pub nonce: String,
    /// After this it decides nothing.
    pub deadline: Timestamp,
}

impl MailLink {
    /// A new link for whoever reads the mail of `address`.
    pub fn new(
        case: CaseId,
        digest: ContentDigest,
        address: &str,
        deadline: Timestamp,
    ) -> Result<Self, Unsealable> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|_| Unsealable)?;
        Ok(Self {
            case,
            digest,
            address: address.to_owned(),
            nonce: hex::encode(nonce),
            deadline,
        })
    }

    /// The link as it stands at the end of an address.
    pub fn sealed(&self, seal: &Seal) -> Result<String, Unsealable> {
        let until = self.read_until();
        seal.seal(Purpose::MailLink, self, until)
    }

    /// The link that `text` is, if it is one of ours.
    pub fn open(seal: &Seal, text: &str, now: Timestamp) -> Option<Self> {
        seal.open(Purpose::MailLink, text, now)
    }

    /// What [`crate::store::Store::spend`] knows it by.
    pub fn key(&self) -> ContentDigest {
        ContentDigest::of(&[b"mail link", self.nonce.as_bytes()])
    }

    /// After this it is nothing.
    pub fn read_until(&self) -> Timestamp {
        let until = self.deadline.saturating_add(READ_AFTER);
        until.unwrap_or(Timestamp::MAX)
    }
}
