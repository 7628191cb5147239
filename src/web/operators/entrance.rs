//! Who may come in to the people's side, and by which ways.

mod site;

use std::sync::Arc;

use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};

pub(super) use site::{Cookie, gone_to};
pub use site::{InvalidSite, Site};

use crate::identity::oidc::Oidc;
use crate::identity::seal::Unsealable;
use crate::identity::{
    Device, Directory, Origin, Proven, ProxySettings, Purpose, Seal, Session, Throttle, Users,
};
use crate::web::problem::{Code, Problem};
use crate::web::token::{self, Tokens};

/// The ways in.
pub struct Entrance {
    /// What everybody may do.
    pub directory: Arc<Directory>,
    /// The tokens of the config.
    pub tokens: Tokens<Proven>,
    /// Local users.
    pub users: Arc<Users>,
    /// How often somebody may fail to log in.
    pub throttle: Throttle,
    /// A directory that vouches for people.
    pub oidc: Option<Oidc>,
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
        match token::bearer(headers) {
            Some(presented) => self.holder_of(presented).map(|(proven, _)| proven),
            // Says what is wrong with the header.
            None => self.tokens.holder(headers).cloned(),
        }
    }

    /// Whoever holds the token `presented`, and what a session that begins with it depends on.
    pub(super) fn holder_of(&self, presented: &[u8]) -> Result<(Proven, Option<String>), Problem> {
        let unknown = match self.tokens.of(presented) {
            Ok((secret, holder)) => return Ok((holder.clone(), Some(token::stamp(&secret)))),
            Err(problem) => problem,
        };
        let unavailable = |error| {
            let detail = "the token cannot be checked now";
            Problem::new(Code::Unavailable, detail).because(error)
        };
        let user = self.users.bearer(presented).map_err(unavailable)?;
        let user = user.ok_or(unknown)?;
        let stamp = self.users.stamp(&user.name).map_err(unavailable)?;
        Ok((user, stamp))
    }

    /// Whether somebody could log in with a password; nobody while that cannot be told.
    pub(super) fn takes_passwords(&self) -> bool {
        let users = self.users.list();
        users.is_ok_and(|users| users.iter().any(|user| user.password.is_some()))
    }

    /// Whether somebody could log in with a token.
    pub(super) fn takes_tokens(&self) -> bool {
        let users = self.users.list();
        let theirs = users.is_ok_and(|users| users.iter().any(|user| user.token.is_some()));
        theirs || !self.tokens.is_empty()
    }

    /// What says in `headers` that the user `name` logged in with this browser before, with the password that they have now.
    pub(super) fn device(&self, headers: &HeaderMap, name: &str, now: Timestamp) -> Option<Device> {
        let sealed = self.site.cookie(headers, Cookie::Device)?;
        let device: Device = self.seal.open(Purpose::Device, &sealed, now)?;
        let stamp = self.users.stamp(name).ok()??;
        device.is_of(name, &stamp).then_some(device)
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
            Origin::User => {
                let stamp = self.users.stamp(&session.proven.name);
                stamp.is_ok_and(|stamp| stamp.is_some() && stamp == session.stamp)
            }
            Origin::Oidc => true,
            // A proxy vouches anew for every request.
            Origin::Proxy => false,
        }
    }
}

pub(super) fn unsealed(error: Unsealable) -> Problem {
    Problem::new(Code::Unavailable, "nobody can log in now").because(error)
}
