//! What we hand to somebody and take back: sealed, so that they can neither read nor change it.
//!
//! What must hold: what was sealed for one purpose opens for no other (a link in a mail is never a session); what is over
//! opens for nobody; whoever holds a sealed text holds what it allows, so it is shown to nobody else.

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// Bytes of a nonce of AES-GCM. They are random: a key seals far fewer than the 2³² texts after which that is unsafe.
const NONCE: usize = 12;

/// Longer than any text that we seal; what is longer is not looked at.
const LONGEST: usize = 8 * 1024;

/// What a text was sealed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Somebody is logged in.
    Session,
    /// Somebody looks at the login page.
    LoginForm,
    /// Somebody is at the directory to log in.
    Oidc,
    /// Somebody logged in with this browser before.
    Device,
    /// A form shown to somebody whom a proxy vouches for.
    ProxyForm,
    /// A link in a mail, with which its reader may vote.
    MailLink,
    /// The form behind such a link.
    MailForm,
    /// A button of a card in Slack.
    SlackButton,
    /// The form that such a button opens.
    SlackForm,
}

impl Purpose {
    fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Session => b"session",
            Self::LoginForm => b"login form",
            Self::Oidc => b"oidc",
            Self::Device => b"device",
            Self::ProxyForm => b"proxy form",
            Self::MailLink => b"mail link",
            Self::MailForm => b"mail form",
            Self::SlackButton => b"slack button",
            Self::SlackForm => b"slack form",
        }
    }
}

/// Seals texts, and opens what it sealed.
#[derive(Clone)]
pub struct Seal(Aes256Gcm);

/// The system gave no random bytes, or what was to be sealed cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("nothing can be sealed now: the system gives no random bytes")]
pub struct Unsealable;

#[derive(Serialize)]
struct Outgoing<'a, T> {
    until: Timestamp,
    content: &'a T,
}

#[derive(Deserialize)]
struct Incoming<T> {
    until: Timestamp,
    content: T,
}

impl Seal {
    /// Seals with a key that is made from `key` for this alone.
    pub fn new(key: &[u8; 32]) -> Self {
        let derived = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).map(|mut mac| {
            mac.update(b"countersign: what people hold");
            mac.finalize().into_bytes()
        });
        // A key of 32 bytes is never refused.
        let derived: [u8; 32] = derived.map_or(*key, Into::into);
        Self(Aes256Gcm::new(Key::<Aes256Gcm>::from_slice(&derived)))
    }

    /// `content` for `purpose`, until `until`, in letters that a cookie and a URL can hold.
    pub fn seal(
        &self,
        purpose: Purpose,
        content: &impl Serialize,
        until: Timestamp,
    ) -> Result<String, Unsealable> {
        let text = serde_json::to_vec(&Outgoing { until, content }).map_err(|_| Unsealable)?;
        let mut sealed = vec![0; NONCE];
        getrandom::fill(&mut sealed).map_err(|_| Unsealable)?;
        let payload = Payload {
            msg: &text,
            aad: purpose.as_bytes(),
        };
        let body = (self.0.encrypt(Nonce::from_slice(&sealed), payload)).map_err(|_| Unsealable)?;
        sealed.extend(body);
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// What `text` holds, if it was sealed by us for `purpose` and is not over at `now`.
    pub fn open<T: DeserializeOwned>(
        &self,
        purpose: Purpose,
        text: &str,
        now: Timestamp,
    ) -> Option<T> {
        if text.len() > LONGEST {
            return None;
        }
        let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, body) = sealed.split_at_checked(NONCE)?;
        let payload = Payload {
            msg: body,
            aad: purpose.as_bytes(),
        };
        let opened = self.0.decrypt(Nonce::from_slice(nonce), payload).ok()?;
        let Incoming { until, content } = serde_json::from_slice(&opened).ok()?;
        (now < until).then_some(content)
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan as _;

    fn now() -> Timestamp {
        "2026-01-02T03:04:05Z".parse().unwrap()
    }

    fn sealed(seal: &Seal) -> String {
        let until = now() + 1.hour();
        seal.seal(Purpose::Session, &"alice", until).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_until_it_is_over() {
        let seal = Seal::new(&[1; 32]);
        let text = sealed(&seal);
        let open = |at| seal.open::<String>(Purpose::Session, &text, at);
        assert_eq!(open(now()).as_deref(), Some("alice"));
        assert_eq!(open(now() + 1.hour()), None);
        assert!(!text.contains("alice") && text.bytes().all(|byte| byte.is_ascii_graphic()));
    }

    #[test]
    fn what_was_sealed_for_one_purpose_opens_for_no_other() {
        let seal = Seal::new(&[1; 32]);
        let text = sealed(&seal);
        for purpose in [
            Purpose::LoginForm,
            Purpose::Oidc,
            Purpose::Device,
            Purpose::ProxyForm,
            Purpose::MailLink,
            Purpose::MailForm,
            Purpose::SlackButton,
            Purpose::SlackForm,
        ] {
            assert_eq!(seal.open::<String>(purpose, &text, now()), None);
        }
    }

    #[test]
    fn not_a_letter_can_be_changed_and_no_other_key_opens_it() {
        let seal = Seal::new(&[1; 32]);
        let text = sealed(&seal);
        let other = Seal::new(&[2; 32]);
        assert_eq!(other.open::<String>(Purpose::Session, &text, now()), None);
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(seal.open::<String>(Purpose::Session, &changed, now()), None);
        }
        for part in ["", "A", &text[..text.len() - 1], &text[..16], "ü"] {
            assert_eq!(seal.open::<String>(Purpose::Session, part, now()), None);
        }
    }

    #[test]
    fn the_same_content_never_looks_the_same() {
        let seal = Seal::new(&[1; 32]);
        assert_ne!(sealed(&seal), sealed(&seal));
        assert_eq!(format!("{seal:?}"), "Seal(redacted)");
    }
}
