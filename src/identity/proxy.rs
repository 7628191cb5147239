//! A reverse proxy that logs people in, and vouches for them with a header.
//!
//! What must hold: only a connection from the proxy's address that brings the proxy's secret says who somebody is; from
//! anybody else the same headers say nothing, not even for whom they come; a proxy that says it twice, or unclearly, says
//! nothing either.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use super::users::is_address;
use super::{Origin, Proven};
use crate::credential::{Credential, CredentialError};
use crate::domain::rationale::visible;

/// The most characters of a name, an address or a group.
const LONGEST: usize = 256;

/// The most groups of one person.
const MOST_GROUPS: usize = 1000;

/// Where proxies note whom they pass on, each behind what it was sent.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The most proxies one behind the other.
const MOST_HOPS: usize = 16;

/// Whom we believe that somebody else logged in. The address and the secret must both be right.
#[derive(Debug, Clone)]
pub struct ProxySettings {
    /// Where the proxy connects from.
    pub addresses: Vec<IpNet>,
    /// The header with the secret that only the proxy knows.
    pub secret_header: HeaderName,
    /// That secret; several while one is being exchanged.
    pub secrets: Vec<Credential>,
    /// The header with the person's name.
    pub user_header: HeaderName,
    /// The header with their e-mail address, if the proxy vouches for it.
    pub email_header: Option<HeaderName>,
    /// The header with their groups, separated by commas.
    pub groups_header: Option<HeaderName>,
}

/// The proxy is who it is, and does not say clearly for whom it vouches.
#[derive(Debug, thiserror::Error)]
pub enum Unclear {
    /// A header came more than once.
    #[error(
        "the proxy sends `{0}` more than once; it must take away what a client sends under this name"
    )]
    Repeated(HeaderName),
    /// A header holds what no name, address or group holds.
    #[error("the proxy sends no proper value in `{0}`")]
    Malformed(HeaderName),
    /// The secret cannot be read.
    #[error("the secret of the proxy cannot be read")]
    Secret(#[source] CredentialError),
}

impl ProxySettings {
    /// For whom a request with `headers` vouches that came by a connection from `peer`; nobody, where it is not the
    /// proxy's or the proxy names nobody.
    pub fn vouches(&self, peer: IpAddr, headers: &HeaderMap) -> Result<Option<Proven>, Unclear> {
        if !self.is_from_proxy(peer, headers)? {
            return Ok(None);
        }
        let Some(name) = only(headers, &self.user_header)? else {
            return Ok(None);
        };
        let email = match &self.email_header {
            Some(header) => match only(headers, header)? {
                Some(email) if is_address(email) => Some(email.to_owned()),
                Some(_) => return Err(Unclear::Malformed(header.clone())),
                None => None,
            },
            None => None,
        };
        let groups = match &self.groups_header {
            Some(header) => groups(headers, header)?,
            None => Vec::new(),
        };
        if name.chars().count() > LONGEST {
            return Err(Unclear::Malformed(self.user_header.clone()));
        }
        Ok(Some(Proven {
            origin: Origin::Proxy,
            name: name.to_owned(),
            email,
            groups,
        }))
    }

    /// From where a request with `headers` comes that came by a connection from `peer`: of the addresses that the proxy notes,
    /// the last one that is none of the proxy's own. What stands before it was written by whoever is there.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        // A secret that cannot be read proves nothing.
        if !matches!(self.is_from_proxy(peer, headers), Ok(true)) {
            return peer;
        }
        let noted = headers.get_all(FORWARDED_FOR).iter().rev();
        let noted = noted.flat_map(|noted| noted.as_bytes().rsplit(|byte| *byte == b','));
        let mut client = peer;
        for noted in noted.take(MOST_HOPS) {
            // Nobody vouches for what stands before something that is no address.
            let Some(noted) = address(noted) else {
                break;
            };
            client = noted;
            if !self.is_own(client) {
                break;
            }
        }
        client
    }

    fn is_own(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.addresses.iter().any(|range| range.contains(&address))
    }

    fn is_from_proxy(&self, peer: IpAddr, headers: &HeaderMap) -> Result<bool, Unclear> {
        if !self.is_own(peer) {
            return Ok(false);
        }
        let mut presented = headers.get_all(&self.secret_header).iter();
        let (Some(presented), None) = (presented.next(), presented.next()) else {
            return Ok(false);
        };
        let (mut is_right, mut unreadable) = (false, None);
        for secret in &self.secrets {
            match secret.read() {
                Ok(secret) => is_right |= secret.matches(presented.as_bytes()),
                Err(error) => unreadable = Some(error),
            }
        }
        match unreadable {
            Some(error) if !is_right => Err(Unclear::Secret(error)),
            Some(_) | None => Ok(is_right),
        }
    }
}

/// An address as proxies note it, some of them with a port.
fn address(noted: &[u8]) -> Option<IpAddr> {
    let noted = str::from_utf8(noted).ok()?.trim();
    let address = (noted.parse::<IpAddr>())
        .or_else(|_| noted.parse::<SocketAddr>().map(|noted| noted.ip()))
        .ok()?;
    Some(address.to_canonical())
}

/// The one value of `name`, with nothing in it that is not seen; none, if it is missing or blank.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Unclear> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Unclear::Repeated(name.clone()));
    }
    let malformed = || Unclear::Malformed(name.clone());
    let value = str::from_utf8(value.as_bytes()).map_err(|_| malformed())?;
    if value.chars().any(char::is_control) || visible(value) != value {
        return Err(malformed());
    }
    Ok(Some(value.trim()).filter(|value| !value.is_empty()))
}

fn groups(headers: &HeaderMap, name: &HeaderName) -> Result<Vec<String>, Unclear> {
    let listed = only(headers, name)?.unwrap_or_default().split(',');
    let listed: Vec<String> = listed
        .map(str::trim)
        .filter(|group| !group.is_empty())
        .map(str::to_owned)
        .collect();
    let is_proper = |group: &String| group.chars().count() <= LONGEST;
    if listed.len() > MOST_GROUPS || !listed.iter().all(is_proper) {
        return Err(Unclear::Malformed(name.clone()));
    }
    Ok(listed)
}

#[cfg(test)]
mod tests;
