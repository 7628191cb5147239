//! Passwords: kept as argon2id hashes, and checked so that nobody learns from it what they should not.
//!
//! What must hold: a check costs the same whether the name exists or not; however many log in at once, few checks run at
//! once and few wait, so that neither the memory nor the processors are theirs; a hash is never shown.

use std::sync::{Arc, LazyLock};

use argon2::password_hash::{
    PasswordHash as Phc, PasswordHasher as _, PasswordVerifier as _, SaltString,
};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::secret::Secret;

/// What OWASP recommends for argon2id: 19 MiB, twice, in one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A hash that asks for more than this is a slip or an attack on our own memory.
const MOST_MEMORY_KIB: u32 = 256 * 1024;
const MOST_PASSES: u32 = 16;
const MOST_LANES: u32 = 16;

/// Characters that a password has at least.
pub const SHORTEST: usize = 12;

/// Bytes that a password has at most.
pub const LONGEST: usize = 1024;

/// Checks that wait for their turn; whoever comes then is asked to come again.
const MOST_WAITING: usize = 32;

/// The hash of a password: an argon2id PHC string that can be checked.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Secret);

/// Why a text is not a password hash, or a password cannot become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// There are too few characters.
    #[error("a password has at least {SHORTEST} characters")]
    Short,
    /// There are too many bytes.
    #[error("a password has at most {LONGEST} bytes")]
    Long,
    /// The hash is no PHC string, or lacks its salt or its output.
    #[error(
        "a password is kept as an argon2id PHC string; set it with `countersign user add --replace`"
    )]
    NotAHash,
    /// The hash asks for more than we give.
    #[error(
        "the password hash asks for more than {} MiB, {MOST_PASSES} passes or {MOST_LANES} lanes",
        MOST_MEMORY_KIB / 1024
    )]
    TooCostly,
    /// The system gave no randomness.
    #[error("the system gives no random bytes for a salt")]
    Random,
}

/// Too many checks wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

/// Checks passwords, a few at a time.
#[derive(Debug)]
pub struct Checker {
    running: Arc<Semaphore>,
    /// Whoever runs or waits.
    in_line: Arc<Semaphore>,
}

impl PasswordHash {
    /// The hash of a new password, with a salt of its own. Takes tens of milliseconds.
    pub fn of(password: &Secret) -> Result<Self, PasswordError> {
        let text = password.expose();
        if text.chars().count() < SHORTEST {
            return Err(PasswordError::Short);
        }
        if text.len() > LONGEST {
            return Err(PasswordError::Long);
        }
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(|_| PasswordError::Random)?;
        hash(text, &salt).ok_or(PasswordError::NotAHash)
    }

    /// A hash as it was kept.
    pub fn parse(text: &str) -> Result<Self, PasswordError> {
        let phc = Phc::new(text).map_err(|_| PasswordError::NotAHash)?;
        let is_argon2id = phc.algorithm == Algorithm::Argon2id.ident();
        // Without a version it would be the one before the last.
        let is_current = phc.version == Some(Version::V0x13.into());
        if !is_argon2id || !is_current || phc.salt.is_none() || phc.hash.is_none() {
            return Err(PasswordError::NotAHash);
        }
        let cost = Params::try_from(&phc).map_err(|_| PasswordError::NotAHash)?;
        if cost.m_cost() > MOST_MEMORY_KIB
            || cost.t_cost() > MOST_PASSES
            || cost.p_cost() > MOST_LANES
        {
            return Err(PasswordError::TooCostly);
        }
        Ok(Self(Secret::new(text)))
    }

    /// The PHC string: for the users file, and for nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    fn is_of(&self, password: &str) -> bool {
        Phc::new(self.0.expose()).is_ok_and(|phc| {
            Argon2::default()
                .verify_password(password.as_bytes(), &phc)
                .is_ok()
        })
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(redacted)")
    }
}

impl Checker {
    /// A checker that uses at most half of `processors`, and at least one.
    pub fn new(processors: usize) -> Self {
        let at_once = (processors / 2).max(1);
        Self {
            running: Arc::new(Semaphore::new(at_once)),
            in_line: Arc::new(Semaphore::new(at_once + MOST_WAITING)),
        }
    }

    /// Whether `kept` is the hash of `password`. Without a hash the answer is no, after the same work.
    pub async fn check(
        &self,
        password: &Secret,
        kept: Option<&PasswordHash>,
    ) -> Result<bool, Busy> {
        // What is too long for any password says nothing about a name.
        if password.expose().len() > LONGEST {
            return Ok(false);
        }
        let place = self.in_line.clone().try_acquire_owned().map_err(|_| Busy)?;
        let turn = self
            .running
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| Busy)?;
        let (password, kept) = (password.clone(), kept.cloned());
        let checked = tokio::task::spawn_blocking(move || {
            // Held until the work is done, even if whoever asked went away.
            let _held = (place, turn);
            // Made at the first check, whoever that is of.
            let nobodys = NOBODYS.as_ref();
            let Some(kept) = &kept else {
                let _ = nobodys.is_some_and(|nobodys| nobodys.is_of(password.expose()));
                return false;
            };
            kept.is_of(password.expose())
        });
        checked.await.map_err(|_| Busy)
    }
}

/// What a password is checked against where there is none: no password is known that it is the hash of.
static NOBODYS: LazyLock<Option<PasswordHash>> = LazyLock::new(|| {
    let mut random = [0; 32];
    getrandom::fill(&mut random).ok()?;
    hash(&hex::encode(random), &[0; 16])
});

fn hash(password: &str, salt: &[u8; 16]) -> Option<PasswordHash> {
    let cost = Params::new(MEMORY_KIB, PASSES, LANES, None).ok()?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, cost);
    let salt = SaltString::encode_b64(salt).ok()?;
    let phc = argon2.hash_password(password.as_bytes(), &salt).ok()?;
    Some(PasswordHash(Secret::new(phc.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_of_its_password_and_of_no_other_and_prints_as_redacted() {
        let password = Secret::new("correct horse battery");
        let kept = PasswordHash::of(&password).unwrap();
        assert!(kept.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let kept = PasswordHash::parse(kept.expose()).unwrap();
        assert!(kept.is_of("correct horse battery"));
        assert!(!kept.is_of("correct horse battery "));
        assert!(!kept.is_of(""));
        assert_ne!(PasswordHash::of(&password).unwrap(), kept);
        assert_eq!(format!("{kept:?}"), "PasswordHash(redacted)");
    }

    #[test]
    fn the_cost_is_the_one_that_the_hash_says() {
        // Of `password` with the salt `somesalt`, by the reference implementation.
        let kept =
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let kept = PasswordHash::parse(kept).unwrap();
        assert!(kept.is_of("password") && !kept.is_of("passwore"));
    }

    #[test]
    fn passwords_have_a_length() {
        for (text, wrong) in [
            ("", Some(PasswordError::Short)),
            ("eleven char", Some(PasswordError::Short)),
            ("öööööö", Some(PasswordError::Short)),
            ("twelve chars", None),
        ] {
            assert_eq!(PasswordHash::of(&Secret::new(text)).err(), wrong, "{text}");
        }
        let long = Secret::new("x".repeat(LONGEST + 1));
        assert_eq!(PasswordHash::of(&long), Err(PasswordError::Long));
    }

    #[test]
    fn what_is_no_argon2id_hash_or_asks_for_too_much_is_refused() {
        let (salt, output) = ("c29tZXNhbHQ", "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4");
        for text in [
            String::new(),
            "hunter2hunter2".to_owned(),
            format!("$argon2i$v=19$m=256,t=2,p=1${salt}${output}"),
            format!("$argon2id$v=16$m=256,t=2,p=1${salt}${output}"),
            format!("$argon2id$m=256,t=2,p=1${salt}${output}"),
            format!("$argon2id$v=19$m=256,t=2,p=1${salt}"),
            "$argon2id$v=19$m=256,t=2,p=1".to_owned(),
            "$2b$12$eImiTXuWVxfM37uY4JANjQ".to_owned(),
        ] {
            assert_eq!(
                PasswordHash::parse(&text),
                Err(PasswordError::NotAHash),
                "{text}"
            );
        }
        for cost in ["m=4194304,t=2,p=1", "m=256,t=4000000,p=1", "m=256,t=2,p=17"] {
            let text = format!("$argon2id$v=19${cost}${salt}${output}");
            assert_eq!(
                PasswordHash::parse(&text),
                Err(PasswordError::TooCostly),
                "{cost}"
            );
        }
    }

    #[tokio::test]
    async fn without_a_hash_no_password_is_right() {
        let checker = Checker::new(2);
        let password = Secret::new("correct horse battery");
        let kept = PasswordHash::of(&password).unwrap();
        assert_eq!(checker.check(&password, Some(&kept)).await, Ok(true));
        assert_eq!(checker.check(&password, None).await, Ok(false));
        let long = Secret::new("x".repeat(LONGEST + 1));
        assert_eq!(checker.check(&long, Some(&kept)).await, Ok(false));
    }

    #[tokio::test]
    async fn a_flood_waits_in_a_short_line_and_the_rest_is_sent_away() {
        let checker = Checker::new(1);
        let password = Secret::new("correct horse battery");
        let flood = (0..MOST_WAITING + 11).map(|_| checker.check(&password, None));
        let answers = futures_util::future::join_all(flood).await;
        let sent_away = answers.iter().filter(|answer| answer.is_err()).count();
        assert_eq!(sent_away, 10);
        assert_eq!(checker.check(&password, None).await, Ok(false));
    }
}
