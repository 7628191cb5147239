//! Where an address that came with a request may lead.
//!
//! Whoever asks could name any address, and so have us call what only we can reach. What must hold: a callback goes to
//! hosts that the config names and to nothing else; a name is looked up once, every address it has is judged, and only
//! addresses that were judged are dialled; no proxy stands between, since it would look the name up again; nobody
//! redirects us.

mod address;
mod hosts;
mod resolve;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use reqwest::Url;

use crate::source::client::{NoResponse, Outgoing, Response, exchange, limited};
use crate::source::{Timeouts, TlsUnavailable, WebUrl};

pub use address::Unfit;
pub use hosts::{CallbackHosts, InvalidHost};
pub use resolve::{Resolve, SystemResolver};

use resolve::{Checked, Scheme};

/// A longer one is refused, in bytes.
const LONGEST: usize = 8 * 1024;

/// Calls the addresses that came with requests, as far as one source's hosts allow. Clones share connections.
#[derive(Clone)]
pub struct CallbackClient {
    hosts: Arc<CallbackHosts>,
    /// None where no host is listed: most sources have no callbacks, and clients take long to make.
    dialling: Option<Dialling>,
    timeouts: Timeouts,
}

/// The same name may be called by `https` where it must not be by `http`, and a look-up does not say what for.
#[derive(Clone)]
struct Dialling {
    plain: reqwest::Client,
    secure: reqwest::Client,
}

/// An address that came with a request, and whose host is one that the source may call.
///
/// INVARIANT: made by [`CallbackClient::check`] alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackUrl(WebUrl);

/// Why an address that came with a request is not called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefusedCallback {
    /// Two readers could read two addresses in it.
    #[error("the callback is no plain address of the form `https://host/path`")]
    Unreadable,
    /// It is too long to be one.
    #[error("the callback is longer than {LONGEST} bytes")]
    TooLong,
    /// It would carry a user or a password, or looks as if its host were another.
    #[error("the callback names a user before its host")]
    UserInfo,
    /// The config does not name the host.
    #[error("the callback's host `{0}` is not listed in `callback_hosts`")]
    NotListed(String),
    /// The name leads where it must not.
    #[error(
        "the callback's host `{host}` leads to `{address}`, which is {unfit}; only an address listed in \
         `callback_hosts` is called there"
    )]
    Address {
        /// The host.
        host: String,
        /// One of its addresses.
        address: IpAddr,
        /// What is wrong with the address.
        unfit: Unfit,
    },
    /// The answer could be read on its way.
    #[error(
        "the callback to `{host}` is not encrypted, and `{address}` is neither inside nor listed in `callback_hosts`; \
         use `https`"
    )]
    Unencrypted {
        /// The host.
        host: String,
        /// One of its addresses.
        address: IpAddr,
    },
}

impl CallbackClient {
    /// A client that calls `hosts` alone, and finds them by `resolver`.
    pub fn new(
        hosts: CallbackHosts,
        timeouts: Timeouts,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, TlsUnavailable> {
        let hosts = Arc::new(hosts);
        let dialling = if hosts.is_empty() {
            None
        } else {
            let plain = Checked::new(Arc::clone(&hosts), Arc::clone(&resolver), Scheme::Http);
            let secure = Checked::new(Arc::clone(&hosts), resolver, Scheme::Https);
            Some(Dialling {
                plain: dialling(plain, timeouts)?,
                secure: dialling(secure, timeouts)?,
            })
        };
        Ok(Self {
            hosts,
            dialling,
            timeouts,
        })
    }

    /// Checks the whole address of a call, as far as that is possible without looking its host up. A host that is an
    /// address is judged here for good.
    pub fn check(&self, raw: &str) -> Result<CallbackUrl, RefusedCallback> {
        let mut url = plain(raw)?;
        let scheme = match url.scheme() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return Err(RefusedCallback::Unreadable),
        };
        let host = url.host_str().ok_or(RefusedCallback::Unreadable)?;
        if let Some(address) = literal(host) {
            self.hosts.judge(host, address, scheme)?;
        } else {
            let name = host.strip_suffix('.').unwrap_or(host).to_owned();
            if !self.hosts.names(&name) {
                return Err(RefusedCallback::NotListed(name));
            }
            // What was compared is what is looked up.
            url.set_host(Some(&name))
                .map_err(|_| RefusedCallback::Unreadable)?;
        }
        WebUrl::parse(url.as_str())
            .map(CallbackUrl)
            .map_err(|_| RefusedCallback::Unreadable)
    }

    /// Sends one call, once.
    pub(super) async fn send(
        &self,
        outgoing: Outgoing<CallbackUrl>,
    ) -> Result<Response, NoResponse> {
        let to = outgoing.to.0;
        let Some(dialling) = &self.dialling else {
            return Err(NoResponse::Refused(RefusedCallback::NotListed(to.host())));
        };
        let client = if to.as_url().scheme() == "https" {
            &dialling.secure
        } else {
            &dialling.plain
        };
        let outgoing = Outgoing {
            to,
            method: outgoing.method,
            headers: outgoing.headers,
            body: outgoing.body,
            largest: outgoing.largest,
        };
        exchange(client, self.timeouts, outgoing).await
    }
}

impl fmt::Debug for CallbackClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackClient")
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

impl CallbackUrl {
    /// Host and, where it is not the scheme's own, port.
    pub fn host(&self) -> String {
        self.0.host()
    }
}

/// A client that dials what `checked` lets through.
fn dialling(checked: Checked, timeouts: Timeouts) -> Result<reqwest::Client, TlsUnavailable> {
    limited(timeouts)
        .no_proxy()
        // A connection that is kept would outlive what was found out about its address.
        .pool_max_idle_per_host(0)
        .dns_resolver(checked)
        .build()
        .map_err(TlsUnavailable)
}

/// Reads an address that every reader of addresses reads alike: nothing in it is dropped, decoded or turned around to
/// find the host.
fn plain(raw: &str) -> Result<Url, RefusedCallback> {
    if raw.len() > LONGEST {
        return Err(RefusedCallback::TooLong);
    }
    let unusual = |byte: u8| !byte.is_ascii_graphic() || byte == b'\\';
    if raw.bytes().any(unusual) {
        return Err(RefusedCallback::Unreadable);
    }
    let (_scheme, rest) = raw.split_once("://").ok_or(RefusedCallback::Unreadable)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(RefusedCallback::UserInfo);
    }
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    if authority.is_empty() || !authority.bytes().all(usual) {
        return Err(RefusedCallback::Unreadable);
    }
    let url = Url::parse(raw).map_err(|_| RefusedCallback::Unreadable)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(RefusedCallback::UserInfo);
    }
    Ok(url)
}

/// The address that a host is, if it is no name. A parsed URL has every form of an address in its one form.
fn literal(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[') {
        Some(host) => host.strip_suffix(']')?.parse().ok().map(IpAddr::V6),
        None => host.parse().ok().map(IpAddr::V4),
    }
}

#[cfg(test)]
mod tests;
