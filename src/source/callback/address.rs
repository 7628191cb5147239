//! What kind of host an address can be.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Blocks of IPv4 that are not reached from everywhere: IANA IPv4 Special-Purpose Address Registry (RFC 6890, RFC 8190),
/// and multicast and reserved space (RFC 5771, RFC 1112). Where the registry says both yes and no of a block's parts, as
/// of 192.0.0.0/24, all of it is here.
const NOT_GLOBAL_V4: [(Ipv4Addr, u8); 16] = [
    (Ipv4Addr::UNSPECIFIED, 8),           // this network, RFC 791
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private, RFC 1918
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // shared with a carrier, RFC 6598
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback, RFC 1122
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local, RFC 3927
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private, RFC 1918
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocol assignments, RFC 6890
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation, RFC 5737
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // 6to4 relays, withdrawn, RFC 7526
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private, RFC 1918
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks, RFC 2544
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation, RFC 5737
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation, RFC 5737
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast, RFC 5771
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved, RFC 1112
    (Ipv4Addr::BROADCAST, 32),            // broadcast, RFC 919
];

/// All that IANA has given out as global unicast (RFC 4291, RFC 3587). Loopback, mapped and compatible addresses,
/// 100::/64, 5f00::/16, fc00::/7, fe80::/10, fec0::/10 and multicast are outside.
const UNICAST_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Blocks in it that are not reached from everywhere: IANA IPv6 Special-Purpose Address Registry. All of 2001::/23 is
/// here, although the registry excepts anycast addresses and identifiers in it, behind which nobody takes callbacks.
const NOT_GLOBAL_V6: [(Ipv6Addr, u8); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments with Teredo, RFC 2928, RFC 4380
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation, RFC 3849
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4, RFC 3056
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation, RFC 9637
];

/// NAT64's own prefix, RFC 6052: IPv4 as a network without it sees it. 64:ff9b:1::/48 (RFC 8215) is local, and not this.
const NAT64: (Ipv6Addr, u8) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// Where clouds hand out credentials to whoever is on the machine, beside link-local addresses.
const METADATA: [IpAddr; 5] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)), // Alibaba Cloud
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),   // Azure, WireServer
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),     // Oracle Cloud
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)), // Amazon EC2
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)), // Google Cloud
];

/// Whether packets to `address` leave for the one host in the world that has it. An address that wraps one of IPv4 does
/// not, whatever it wraps: nobody takes callbacks there. NAT64 is the exception, and is as what it wraps.
pub(super) fn global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_GLOBAL_V4
            .iter()
            .any(|block| is_within_v4(address, *block)),
        IpAddr::V6(address) if is_within_v6(address, NAT64) => {
            global(IpAddr::V4(last_four(address)))
        }
        IpAddr::V6(address) => {
            is_within_v6(address, UNICAST_V6)
                && !NOT_GLOBAL_V6
                    .iter()
                    .any(|block| is_within_v6(address, *block))
        }
    }
}

/// Why an address is not called, unless something speaks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// It is no single host's.
    Nobody,
    /// Link-local, where clouds hand out credentials.
    Metadata,
    /// This machine.
    Loopback,
    /// A private network.
    Private,
    /// Reserved, shared, for documentation, or a wrapping of another address.
    Special,
}

impl Unfit {
    /// What speaks against `address`; nothing where it is a host's in the open network.
    pub(super) fn of(address: IpAddr) -> Option<Self> {
        let broadcast = address == IpAddr::V4(Ipv4Addr::BROADCAST);
        if address.is_unspecified() || address.is_multicast() || broadcast {
            return Some(Self::Nobody);
        }
        if METADATA.contains(&address) {
            return Some(Self::Metadata);
        }
        match address {
            IpAddr::V4(address) if address.is_link_local() => Some(Self::Metadata),
            IpAddr::V6(address) if address.is_unicast_link_local() => Some(Self::Metadata),
            _ if address.is_loopback() => Some(Self::Loopback),
            IpAddr::V4(address) if address.is_private() => Some(Self::Private),
            IpAddr::V6(address) if address.is_unique_local() => Some(Self::Private),
            IpAddr::V6(address) => match wrapped(address).and_then(|v4| Self::of(v4.into())) {
                Some(worse @ (Self::Nobody | Self::Metadata)) => Some(worse),
                Some(Self::Loopback | Self::Private | Self::Special) => Some(Self::Special),
                None => (!global(address.into())).then_some(Self::Special),
            },
            IpAddr::V4(_) => (!global(address)).then_some(Self::Special),
        }
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nobody => "no single host's address",
            Self::Metadata => "link-local or a cloud's metadata service",
            Self::Loopback => "this machine",
            Self::Private => "in a private network",
            Self::Special => "reserved for a special purpose",
        })
    }
}

/// The IPv4 address that is written into an IPv6 one: mapped and compatible (RFC 4291), NAT64 of either prefix, 6to4, or
/// Teredo, which turns its bits around.
fn wrapped(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [first, second, third, ..] = address.segments();
    let [.., six, seven] = address.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match (first, second, third) {
        (0x2002, high, low) => Some(of(high, low)),
        (0x2001, 0, _) => Some(of(!six, !seven)),
        (0x64, 0xff9b, _) => Some(last_four(address)),
        _ => address.to_ipv4(),
    }
}

fn last_four(address: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b, c, d)
}

fn is_within_v4(address: Ipv4Addr, (network, bits): (Ipv4Addr, u8)) -> bool {
    let different = address.to_bits() ^ network.to_bits();
    different.leading_zeros() >= u32::from(bits)
}

fn is_within_v6(address: Ipv6Addr, (network, bits): (Ipv6Addr, u8)) -> bool {
    let different = address.to_bits() ^ network.to_bits();
    different.leading_zeros() >= u32::from(bits)
}

#[cfg(test)]
mod tests;
