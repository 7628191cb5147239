//! How often somebody may be wrong: a few failures are free, then each one costs a longer pause.
//!
//! What must hold: an attempt counts before its password is looked at, so that a thousand at once are no more than one after
//! the other; a browser that somebody logged in with before waits for its own failures alone, also after a restart; whoever
//! logged in before from an address waits for failures at their name there alone, until a restart; anybody else waits while
//! somebody fails at their name, for as long as that goes on, since whoever asks all the time takes every turn that a pause
//! leaves; what is counted is bounded, and made-up names do not push out a name that is being guessed at: whoever has failed least goes first, so to
//! push out a name that failed `n` times, all the places must be filled with names that failed as often, each time with a
//! password that we took our time to check.

mod device;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

pub use device::Device;

use crate::domain::person::folded;

/// What the first failure that is not free costs; each further one costs twice as much as the one before.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(1);

/// What failures at one name from one address cost, those of one address whatever the name, and those of one browser that
/// somebody logged in with before.
const STRICT: Limit = Limit {
    free: 5,
    longest: SignedDuration::from_mins(15),
};

/// What failures at one name cost from wherever they come. Whoever guesses from many addresses is slowed down by it; so is
/// the name's owner where they never were, and so it is short.
const NAME: Limit = Limit {
    free: 5,
    longest: SignedDuration::from_secs(30),
};

/// After so long without a failure all is forgotten.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Names that are remembered, and addresses as well.
const PLACES: usize = 4096;

/// Counts failures to log in.
#[derive(Debug, Default)]
pub struct Throttle(Mutex<Counters>);

/// What somebody proves themselves with.
#[derive(Debug, Clone, Copy)]
pub enum Way<'a> {
    /// The password of the user of this name.
    Password(&'a str),
    /// The password of whoever logged in before with this browser.
    Device(&'a Device),
    /// A token. It names nobody, so that what is watched beside the address is that tokens are tried there.
    Token,
    /// What a directory says of them.
    Directory,
}

/// An attempt that may go on. It counts as a failure until [`Throttle::succeeded`] or [`Throttle::withdraw`] says otherwise.
#[derive(Debug)]
#[must_use]
pub struct Attempt {
    /// The name, from wherever it is tried.
    name: Option<Key>,
    /// The way, with the name if there is one, at the address; or the browser.
    own: Option<Key>,
    /// What is at home from when this succeeds.
    home: Option<Key>,
    address: Option<Key>,
}

/// No attempt may be made before this time is over: at most 15 minutes, and never nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paused(pub Duration);

#[derive(Debug, Default)]
struct Counters {
    names: Places,
    /// Ways and names, each with an address; and browsers.
    own: Places,
    addresses: Places,
    /// Names with the addresses that they logged in from, and when that was last.
    familiar: HashMap<Key, Timestamp>,
}

#[derive(Debug, Clone, Copy)]
struct Limit {
    /// Failures that cost nothing.
    free: u32,
    /// No pause is longer.
    longest: SignedDuration,
}

/// The beginning of a digest: a name may be as long as a request.
type Key = [u8; 16];

#[derive(Debug, Default)]
struct Places(HashMap<Key, Failures>);

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Timestamp,
}

impl Throttle {
    /// Counts an attempt to log in by `way` from `address`, unless a pause must be made first.
    pub fn attempt(
        &self,
        way: Way<'_>,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<Attempt, Paused> {
        let attempt = Attempt::by(way, address);
        let mut counters = self.counters();
        if let Some(pause) = counters.pause(&attempt, now) {
            return Err(Paused(pause));
        }
        if let Some(name) = attempt.name {
            counters.names.count(name, now);
        }
        if let Some(own) = attempt.own {
            counters.own.count(own, now);
        }
        if let Some(address) = attempt.address {
            counters.addresses.count(address, now);
        }
        Ok(attempt)
    }

    /// The attempt was right, at `now`: the name's failures are forgotten, and it is at home at the address. The address's
    /// failures are not forgotten: who owns one account must not be able to guess at others between two logins.
    #[expect(clippy::needless_pass_by_value, reason = "an attempt ends once")]
    pub fn succeeded(&self, attempt: Attempt, now: Timestamp) {
        let mut counters = self.counters();
        if let Some(name) = attempt.name {
            counters.names.0.remove(&name);
        }
        if let Some(own) = attempt.own {
            counters.own.0.remove(&own);
        }
        if let Some(home) = attempt.home {
            counters.is_familiar(home, now);
        }
        if let Some(address) = attempt.address {
            counters.addresses.take_back(address);
        }
    }

    /// The attempt was neither right nor wrong: nobody looked at it, or it was no guess.
    #[expect(clippy::needless_pass_by_value, reason = "an attempt ends once")]
    pub fn withdraw(&self, attempt: Attempt) {
        let mut counters = self.counters();
        if let Some(name) = attempt.name {
            counters.names.take_back(name);
        }
        if let Some(own) = attempt.own {
            counters.own.take_back(own);
        }
        if let Some(address) = attempt.address {
            counters.addresses.take_back(address);
        }
    }

    fn counters(&self) -> std::sync::MutexGuard<'_, Counters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt {
    fn by(way: Way<'_>, address: IpAddr) -> Self {
        let network = network_of(address);
        let at = key(b"address", &[&network]);
        // What is typed as a name must never be the key of anything else.
        let (name, home) = match way {
            Way::Password(name) => {
                let name = folded(name);
                let pair = key(b"name and address", &[name.as_bytes(), &network]);
                (Some(key(b"name", &[name.as_bytes()])), Some(pair))
            }
            Way::Token => (None, Some(key(b"token and address", &[&network]))),
            Way::Directory => (None, None),
            Way::Device(device) => {
                return Self {
                    name: None,
                    own: Some(key(b"device", &[device.id()])),
                    home: None,
                    address: None,
                };
            }
        };
        Self {
            name,
            own: home,
            home,
            address: Some(at),
        }
    }
}

impl Counters {
    /// The longest of the pauses that must be made before `attempt`.
    fn pause(&self, attempt: &Attempt, now: Timestamp) -> Option<Duration> {
        let of = |places: &Places, key: &Option<Key>, limit| {
            (key.as_ref()).and_then(|key| places.pause(key, limit, now))
        };
        let own = of(&self.own, &attempt.own, STRICT);
        // Where they are at home, what others do is held against them neither by name nor by address.
        if (attempt.home).is_some_and(|home| self.familiar.contains_key(&home)) {
            return own;
        }
        own.max(of(&self.names, &attempt.name, NAME)).max(of(
            &self.addresses,
            &attempt.address,
            STRICT,
        ))
    }

    fn is_familiar(&mut self, pair: Key, now: Timestamp) {
        self.familiar.insert(pair, now);
        if self.familiar.len() > PLACES {
            let oldest = (self.familiar.iter()).min_by_key(|(_, since)| **since);
            if let Some(pair) = oldest.map(|(pair, _)| *pair) {
                self.familiar.remove(&pair);
            }
        }
    }
}

impl Places {
    /// How long is left of the pause, if one must be made.
    fn pause(&self, key: &Key, limit: Limit, now: Timestamp) -> Option<Duration> {
        let failures = self.0.get(key)?;
        let left = failures.pause(limit)? - now.duration_since(failures.last);
        // A clock that was set back makes no pause longer than the longest.
        let left = Duration::try_from(left.min(limit.longest)).ok()?;
        (!left.is_zero()).then_some(left)
    }

    fn count(&mut self, key: Key, now: Timestamp) {
        if !self.0.contains_key(&key) && self.0.len() >= PLACES {
            self.make_room(now);
        }
        let failures = self.0.entry(key).or_insert(Failures {
            count: 0,
            last: now,
        });
        if failures.is_forgotten(now) {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
    }

    fn take_back(&mut self, key: Key) {
        if let Some(failures) = self.0.get_mut(&key) {
            failures.count = failures.count.saturating_sub(1);
            if failures.count == 0 {
                self.0.remove(&key);
            }
        }
    }

    fn make_room(&mut self, now: Timestamp) {
        self.0.retain(|_, failures| !failures.is_forgotten(now));
        if self.0.len() < PLACES {
            return;
        }
        let least = (self.0.iter()).min_by_key(|(_, failures)| (failures.count, failures.last));
        if let Some(key) = least.map(|(key, _)| *key) {
            self.0.remove(&key);
        }
    }
}

impl Failures {
    /// The pause after the last failure.
    fn pause(self, limit: Limit) -> Option<SignedDuration> {
        let doublings = self.count.checked_sub(limit.free)?;
        let times = 1_i32.checked_shl(doublings).filter(|times| *times > 0);
        let pause = times.and_then(|times| FIRST_PAUSE.checked_mul(times));
        Some(pause.map_or(limit.longest, |pause| pause.min(limit.longest)))
    }

    fn is_forgotten(self, now: Timestamp) -> bool {
        now.duration_since(self.last) >= FORGOTTEN_AFTER
    }
}

fn key(what: &[u8], parts: &[&[u8]]) -> Key {
    let mut digest = Sha256::new().chain_update(what).chain_update([0]);
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    let digest = digest.finalize();
    let mut key = Key::default();
    for (to, from) in key.iter_mut().zip(digest) {
        *to = from;
    }
    key
}

/// An IPv4 address, or the half of an IPv6 address that names a network: the other half is whatever its user likes.
fn network_of(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            Ipv6Addr::from_bits(network).octets().to_vec()
        }
    }
}

#[cfg(test)]
mod tests;
