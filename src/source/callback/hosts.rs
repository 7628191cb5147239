//! The hosts that a callback may go to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;

use super::address::Unfit;
use super::resolve::Scheme;
use super::{RefusedCallback, literal};

/// Ends of names that nobody outside can own, beside names of a single label: RFC 6761, 6762, 8375, and ICANN's
/// resolution of 2024-07-29 on `.internal`. `.lan` is no promise of anybody, but has never been delegated.
const INSIDE: [&str; 7] = [
    "localhost",
    "internal",
    "local",
    "lan",
    "home.arpa",
    "test",
    "example",
];

/// The hosts that a callback may go to; none, unless the config names them.
#[derive(Debug, Clone, Default)]
pub struct CallbackHosts {
    names: Vec<String>,
    addresses: Vec<(IpAddr, u8)>,
}

/// Why an entry of `callback_hosts` is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHost {
    /// It is no name and no address.
    #[error("`{0}` is no host; write a name, an IP address or a range such as `10.1.0.0/16`")]
    Unreadable(String),
    /// It would allow hosts that nobody has thought of.
    #[error("`{0}` holds a wildcard; list each host by its name")]
    Wildcard(String),
    /// It says more than a host.
    #[error("`{0}` is more than a host; leave out scheme, user, port and path")]
    MoreThanAHost(String),
    /// It is an address in a form that readers disagree on.
    #[error("`{entry}` is another way to write `{address}`; write it so")]
    AnotherForm {
        /// As it was written.
        entry: String,
        /// What it is.
        address: IpAddr,
    },
    /// The range is none.
    #[error("`{0}` is no range; the number after `/` says how many bits are the same")]
    Prefix(String),
    /// The range is everything.
    #[error("`{0}` would allow every address; list the ranges that are meant")]
    Everything(String),
    /// The range begins somewhere else.
    #[error("`{entry}` has bits set after its prefix; the range is `{range}`")]
    HostBits {
        /// As it was written.
        entry: String,
        /// The range it is in.
        range: String,
    },
}

impl CallbackHosts {
    /// Parses `callback_hosts` as the config has it: each entry is a name, an address, or a range of addresses.
    pub fn parse<T: AsRef<str>>(entries: impl IntoIterator<Item = T>) -> Result<Self, InvalidHost> {
        let mut hosts = Self::default();
        for entry in entries {
            match Entry::parse(entry.as_ref())? {
                Entry::Name(name) => hosts.names.push(name),
                Entry::Addresses(address, bits) => hosts.addresses.push((address, bits)),
            }
        }
        Ok(hosts)
    }

    /// One that a callback can go to, as an address holds it.
    pub fn first(&self) -> Option<String> {
        let address = || match self.addresses.first()? {
            (IpAddr::V4(address), _) => Some(address.to_string()),
            (IpAddr::V6(address), _) => Some(format!("[{address}]")),
        };
        self.names.first().cloned().or_else(address)
    }

    /// Whether a callback can go anywhere at all.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.addresses.is_empty()
    }

    /// Whether `name`, in lower case and without the dot at its end, is listed.
    pub(super) fn names(&self, name: &str) -> bool {
        self.names.iter().any(|listed| listed == name)
    }

    /// Whether `host`, which is listed or is `address` itself, may be called at `address`.
    pub(super) fn judge(
        &self,
        host: &str,
        address: IpAddr,
        scheme: Scheme,
    ) -> Result<(), RefusedCallback> {
        let named = self.names(host);
        if !named && !self.lists(address) {
            return Err(RefusedCallback::NotListed(host.to_owned()));
        }
        if let Some(unfit) = self.unfit(host, address) {
            let host = host.to_owned();
            return Err(RefusedCallback::Address {
                host,
                address,
                unfit,
            });
        }
        // What is not global and came this far is inside, or listed.
        let outside = Unfit::of(address).is_none() && !self.lists(address);
        if scheme == Scheme::Http && outside {
            let host = host.to_owned();
            return Err(RefusedCallback::Unencrypted { host, address });
        }
        Ok(())
    }

    fn unfit(&self, host: &str, address: IpAddr) -> Option<Unfit> {
        let unfit = Unfit::of(address)?;
        let allowed = match unfit {
            Unfit::Nobody => false,
            Unfit::Metadata => self.lists_alone(address),
            Unfit::Loopback | Unfit::Private => self.lists(address) || is_inside(host),
            Unfit::Special => self.lists(address),
        };
        (!allowed).then_some(unfit)
    }

    fn lists(&self, address: IpAddr) -> bool {
        self.addresses
            .iter()
            .any(|(network, bits)| masked(address, *bits) == Some(*network))
    }

    fn lists_alone(&self, address: IpAddr) -> bool {
        self.addresses.contains(&(address, width(address)))
    }
}

enum Entry {
    Name(String),
    Addresses(IpAddr, u8),
}

impl Entry {
    fn parse(entry: &str) -> Result<Self, InvalidHost> {
        let unreadable = || InvalidHost::Unreadable(entry.to_owned());
        if entry.contains('*') {
            return Err(InvalidHost::Wildcard(entry.to_owned()));
        }
        if let Ok(address) = entry.parse() {
            return Ok(Self::Addresses(address, width(address)));
        }
        if let Some((network, bits)) = entry.split_once('/')
            && let Ok(network) = network.parse()
        {
            return Self::range(entry, network, bits);
        }
        if entry.contains(['/', '?', '#', '@', ':', '\\', '[', ']', '%']) {
            return Err(InvalidHost::MoreThanAHost(entry.to_owned()));
        }
        if entry.contains(|character: char| character.is_whitespace() || character.is_control()) {
            return Err(unreadable());
        }
        // The same reader as for callbacks, so that a name outside ASCII is compared in its one form.
        let url = Url::parse(&format!("https://{entry}/")).map_err(|_| unreadable())?;
        let host = url.host_str().ok_or_else(unreadable)?;
        if let Some(address) = literal(host) {
            let entry = entry.to_owned();
            return Err(InvalidHost::AnotherForm { entry, address });
        }
        let name = host.strip_suffix('.').unwrap_or(host);
        if name.split('.').any(str::is_empty) {
            return Err(unreadable());
        }
        Ok(Self::Name(name.to_owned()))
    }

    fn range(entry: &str, network: IpAddr, bits: &str) -> Result<Self, InvalidHost> {
        let prefix = || InvalidHost::Prefix(entry.to_owned());
        if bits.is_empty() || !bits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(prefix());
        }
        let bits = bits.parse().map_err(|_| prefix())?;
        let start = masked(network, bits).ok_or_else(prefix)?;
        if bits == 0 {
            return Err(InvalidHost::Everything(entry.to_owned()));
        }
        if start != network {
            return Err(InvalidHost::HostBits {
                entry: entry.to_owned(),
                range: format!("{start}/{bits}"),
            });
        }
        Ok(Self::Addresses(network, bits))
    }
}

/// Whether a name can only be one of the network that we are in.
fn is_inside(name: &str) -> bool {
    !name.contains('.')
        || INSIDE.iter().any(|end| {
            name.strip_suffix(end)
                .is_some_and(|rest| rest.ends_with('.'))
        })
}

/// The first `bits` of an address, the others zero; none where an address has fewer.
fn masked(address: IpAddr, bits: u8) -> Option<IpAddr> {
    let dropped = u32::from(width(address).checked_sub(bits)?);
    Some(match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(dropped).unwrap_or_default();
            IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(dropped).unwrap_or_default();
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    })
}

fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}
