//! Looking a name up, once, and handing on only addresses that were judged.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolving};

use super::{CallbackHosts, RefusedCallback};

/// Finds a name's addresses.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// All addresses of `name`, which is no address itself.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's own look-up.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// Whether a call is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

/// What stands between a client and the look-up: a name goes through with all of its addresses judged, or not at all.
#[derive(Clone)]
pub(super) struct Checked {
    hosts: Arc<CallbackHosts>,
    resolver: Arc<dyn Resolve>,
    scheme: Scheme,
}

impl Checked {
    pub(super) fn new(
        hosts: Arc<CallbackHosts>,
        resolver: Arc<dyn Resolve>,
        scheme: Scheme,
    ) -> Self {
        Self {
            hosts,
            resolver,
            scheme,
        }
    }

    pub(super) async fn addresses(
        &self,
        name: &str,
    ) -> Result<Vec<IpAddr>, Box<dyn std::error::Error + Send + Sync>> {
        if !self.hosts.names(name) {
            return Err(RefusedCallback::NotListed(name.to_owned()).into());
        }
        let found = self.resolver.resolve(name).await?;
        if found.is_empty() {
            return Err("the name has no address".into());
        }
        for address in &found {
            self.hosts.judge(name, *address, self.scheme)?;
        }
        Ok(found)
    }
}

impl reqwest::dns::Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let checked = self.clone();
        Box::pin(async move {
            let found = checked.addresses(name.as_str()).await?;
            // Port 0 is replaced by the one of the address that is called.
            let found = found.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(found) as Addrs)
        })
    }
}
