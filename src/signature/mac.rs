//! Keyed hashes, of either size, behind one type.

use hmac::{Hmac, KeyInit, Mac as _};
use sha2::{Sha256, Sha512};

/// The hash under the HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC-SHA256.
    Sha256,
    /// HMAC-SHA512.
    Sha512,
}

/// An HMAC that has a key and takes bytes.
pub(super) enum Mac {
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
}

impl Mac {
    /// An HMAC under `key`; `None` for an empty key, under which anyone can sign.
    pub(super) fn keyed(algorithm: Algorithm, key: &[u8]) -> Option<Self> {
        if key.is_empty() {
            return None;
        }
        match algorithm {
            Algorithm::Sha256 => Hmac::new_from_slice(key).ok().map(Self::Sha256),
            Algorithm::Sha512 => Hmac::new_from_slice(key).ok().map(Self::Sha512),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(mac) => mac.update(bytes),
            Self::Sha512(mac) => mac.update(bytes),
        }
    }

    /// Whether `tag` is the whole tag of what was taken so far. A part of it is not. Takes constant time.
    pub(super) fn matches(&self, tag: &[u8]) -> bool {
        match self {
            Self::Sha256(mac) => mac.clone().verify_slice(tag).is_ok(),
            Self::Sha512(mac) => mac.clone().verify_slice(tag).is_ok(),
        }
    }

    pub(super) fn tag(self) -> Vec<u8> {
        match self {
            Self::Sha256(mac) => mac.finalize().into_bytes().to_vec(),
            Self::Sha512(mac) => mac.finalize().into_bytes().to_vec(),
        }
    }
}
