//! Who may come in to the people's side, and by which ways.

mod site;

use std::sync::Arc;

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};

pub(super) use site::Cookie;
pub use site::{InvalidSite, Site};

use crate::identity::seal::Unsealable;
use crate::identity::{Directory, Origin, Proven, ProxySettings, Seal, Session};
use crate::web::problem::{Code, Problem};
use crate::web::token::{self, Tokens};

/// The ways in.
pub struct Entrance {
    /// What everybody may do.
    pub directory: Arc<Directory>,
    /// The tokens of the config.
    pub tokens: Tokens<Proven>,
    /// A reverse proxy that vouches for people.
    pub proxy: Option<ProxySettings>,
    /// What cookies are sealed with.
    pub seal: Seal,
    /// How long somebody stays logged in.
    pub lifetime: SignedDuration,
    /// Where people reach us.
    pub site: Site,
}

impl Entrance {
    /// Whoever holds the bearer token in `headers`.
    pub(super) fn holder(&self, headers: &HeaderMap) -> Result<Proven, Problem> {
        self.tokens.holder(headers).cloned()
    }

    /// When a login at `now` is over.
    pub(super) fn until(&self, now: Timestamp) -> Timestamp {
        (now.checked_add(self.lifetime)).unwrap_or(Timestamp::MAX)
    }

    /// Whether what `session` was begun with is still what its person proves themselves with.
    pub(super) fn vouches_still(&self, session: &Session) -> bool {
        match session.proven.origin {
            Origin::Token => self.tokens.any(|holder, secret| {
                *holder == session.proven && session.stamp == Some(token::stamp(secret))
            }),
            Origin::User => false,
            Origin::Oidc => true,
            // A proxy vouches anew for every request.
            Origin::Proxy => false,
        }
    }
}

pub(super) fn unsealed(error: Unsealable) -> Problem {
    Problem::new(Code::Unavailable, "nobody can log in now").because(error)
}
