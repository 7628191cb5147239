//! The nouns of an approval and the laws between them. Values in, values out: no IO, no clock, no async.
//!
//! Start with [`case`]: a [`case::Case`] moves only by [`case::Case::step`], and every effect that follows from a
//! move is a value that is stored with it.

pub mod id;
pub mod request;
pub mod verdict;
pub mod rationale;
pub mod escalation;
pub mod person;
pub mod team;
pub mod hours;
pub mod notice;
pub mod card;
pub mod platform;
pub mod effect;
pub mod explanation;
pub mod decimal;
pub mod near;
pub mod account;
pub mod case;
pub mod freeze;
pub mod log_entry;
pub mod record;
