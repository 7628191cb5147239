use proptest::prelude::*;

use super::*;

/// The registries as they are published, and an answer for each row; the longest prefix decides. Rows that the registry
/// says yes to inside of a no are left out where the code is stricter.
/// <https://www.iana.org/assignments/iana-ipv4-special-registry>,
/// <https://www.iana.org/assignments/iana-ipv6-special-registry>,
/// <https://www.iana.org/assignments/ipv6-address-space>.
const REGISTRY: &[(&str, bool)] = &[
    ("0.0.0.0/0", true),
    ("0.0.0.0/8", false),
    ("10.0.0.0/8", false),
    ("100.64.0.0/10", false),
    ("127.0.0.0/8", false),
    ("169.254.0.0/16", false),
    ("172.16.0.0/12", false),
    ("192.0.0.0/24", false),
    ("192.0.2.0/24", false),
    ("192.31.196.0/24", true),
    ("192.52.193.0/24", true),
    ("192.88.99.0/24", false),
    ("192.168.0.0/16", false),
    ("192.175.48.0/24", true),
    ("198.18.0.0/15", false),
    ("198.51.100.0/24", false),
    ("203.0.113.0/24", false),
    ("224.0.0.0/4", false),
    ("240.0.0.0/4", false),
    ("255.255.255.255/32", false),
    ("::/0", false),
    ("::/128", false),
    ("::1/128", false),
    ("::ffff:0:0/96", false),
    ("64:ff9b:1::/48", false),
    ("100::/64", false),
    ("100:0:0:1::/64", false),
    ("2000::/3", true),
    ("2001::/23", false),
    ("2001::/32", false),
    ("2001:2::/48", false),
    ("2001:10::/28", false),
    ("2001:db8::/32", false),
    ("2002::/16", false),
    ("2620:4f:8000::/48", true),
    ("3fff::/20", false),
    ("5f00::/16", false),
    ("fc00::/7", false),
    ("fe80::/10", false),
    ("fec0::/10", false),
    ("ff00::/8", false),
];

/// An address as its bits, one character each.
fn bits(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("{:032b}", address.to_bits()),
        IpAddr::V6(address) => format!("{:0128b}", address.to_bits()),
    }
}

fn prefix(row: &str) -> String {
    let (network, length) = row.split_once('/').unwrap();
    let network: IpAddr = network.parse().unwrap();
    bits(network)[..length.parse().unwrap()].to_owned()
}

fn registered(address: IpAddr) -> bool {
    let bits = bits(address);
    if bits.len() == 128 && bits.starts_with(&prefix("64:ff9b::/96")) {
        let low = u32::from_str_radix(&bits[96..], 2).unwrap();
        return registered(IpAddr::V4(Ipv4Addr::from(low)));
    }
    let is_v6 = address.is_ipv6();
    REGISTRY
        .iter()
        .filter(|(row, _)| row.contains(':') == is_v6)
        .map(|(row, is_global)| (prefix(row), is_global))
        .filter(|(prefix, _)| bits.starts_with(prefix.as_str()))
        .max_by_key(|(prefix, _)| prefix.len())
        .map(|(_, is_global)| *is_global)
        .unwrap()
}

#[test]
fn every_block_is_cut_where_the_registry_cuts_it() {
    for (row, _) in REGISTRY {
        let prefix = prefix(row);
        if row.contains(':') {
            let free = 128 - prefix.len();
            let first = u128::from_str_radix(&format!("{prefix:0<128}"), 2).unwrap();
            let last = first
                | u128::MAX
                    .checked_shr(128 - u32::try_from(free).unwrap())
                    .unwrap_or(0);
            for edge in [first, last, first.wrapping_sub(1), last.wrapping_add(1)] {
                let address = IpAddr::V6(Ipv6Addr::from_bits(edge));
                assert_eq!(global(address), registered(address), "{address}");
            }
        } else {
            let free = 32 - prefix.len();
            let first = u32::from_str_radix(&format!("{prefix:0<32}"), 2).unwrap();
            let last = first
                | u32::MAX
                    .checked_shr(32 - u32::try_from(free).unwrap())
                    .unwrap_or(0);
            for edge in [first, last, first.wrapping_sub(1), last.wrapping_add(1)] {
                let address = IpAddr::V4(Ipv4Addr::from_bits(edge));
                assert_eq!(global(address), registered(address), "{address}");
            }
        }
    }
}

/// Any address, and often one that lies in a row of the registry or in NAT64's prefix.
fn addresses() -> impl Strategy<Value = IpAddr> {
    let somewhere = prop_oneof![
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<[u8; 16]>().prop_map(IpAddr::from),
    ];
    let nat64 = any::<[u8; 4]>().prop_map(|[a, b, c, d]| {
        IpAddr::from([0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d])
    });
    let in_a_row = (0..REGISTRY.len(), any::<u128>()).prop_map(|(row, noise)| {
        let row = REGISTRY[row].0;
        let prefix = prefix(row);
        let noise = format!("{noise:0128b}");
        if row.contains(':') {
            let bits = format!("{prefix}{}", &noise[prefix.len()..]);
            IpAddr::V6(u128::from_str_radix(&bits, 2).unwrap().into())
        } else {
            let bits = format!("{prefix}{}", &noise[96 + prefix.len()..]);
            IpAddr::V4(u32::from_str_radix(&bits, 2).unwrap().into())
        }
    });
    prop_oneof![somewhere, nat64, in_a_row]
}

proptest! {
    #[test]
    fn what_is_global_is_what_the_registries_say(address in addresses()) {
        prop_assert_eq!(global(address), registered(address));
    }

    #[test]
    fn only_a_global_address_has_nothing_against_it(address in addresses()) {
        if Unfit::of(address).is_none() {
            prop_assert!(global(address));
        }
    }

    #[test]
    fn no_wrapping_makes_a_private_address_fit(private in prop_oneof![
        (10u8..=10, any::<u8>(), any::<u8>(), any::<u8>()),
        (127u8..=127, any::<u8>(), any::<u8>(), any::<u8>()),
        (169u8..=169, 254u8..=254, any::<u8>(), any::<u8>()),
        (100u8..=100, 64u8..128, any::<u8>(), any::<u8>()),
    ]) {
        let (a, b, c, d) = private;
        let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        for wrapped in [
            Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, high, low),
            Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
            Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
            Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
            Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, !high, !low),
        ] {
            let unfit = Unfit::of(wrapped.into());
            let expected = if a == 169 { Unfit::Metadata } else { Unfit::Special };
            prop_assert_eq!(unfit, Some(expected), "{}", wrapped);
        }
    }
}

#[test]
fn what_speaks_against_an_address_is_said_by_its_kind() {
    for (address, unfit) in [
        ("8.8.8.8", None),
        ("2606:4700::1111", None),
        ("64:ff9b::808:808", None),
        ("127.0.0.1", Some(Unfit::Loopback)),
        ("127.255.255.254", Some(Unfit::Loopback)),
        ("::1", Some(Unfit::Loopback)),
        ("10.1.2.3", Some(Unfit::Private)),
        ("172.31.0.1", Some(Unfit::Private)),
        ("192.168.0.1", Some(Unfit::Private)),
        ("fd12::1", Some(Unfit::Private)),
        ("169.254.169.254", Some(Unfit::Metadata)),
        ("169.254.170.2", Some(Unfit::Metadata)),
        ("fe80::1", Some(Unfit::Metadata)),
        ("fd00:ec2::254", Some(Unfit::Metadata)),
        ("fd20:ce::254", Some(Unfit::Metadata)),
        ("100.100.100.200", Some(Unfit::Metadata)),
        ("168.63.129.16", Some(Unfit::Metadata)),
        ("192.0.0.192", Some(Unfit::Metadata)),
        ("100.64.0.1", Some(Unfit::Special)),
        ("192.0.2.1", Some(Unfit::Special)),
        ("2001:db8::1", Some(Unfit::Special)),
        ("0.1.2.3", Some(Unfit::Special)),
        ("250.0.0.1", Some(Unfit::Special)),
        ("fec0::1", Some(Unfit::Special)),
        ("::ffff:8.8.8.8", Some(Unfit::Special)),
        ("2002:808:808::1", Some(Unfit::Special)),
        ("0.0.0.0", Some(Unfit::Nobody)),
        ("::", Some(Unfit::Nobody)),
        ("255.255.255.255", Some(Unfit::Nobody)),
        ("224.0.0.1", Some(Unfit::Nobody)),
        ("ff02::1", Some(Unfit::Nobody)),
    ] {
        assert_eq!(Unfit::of(address.parse().unwrap()), unfit, "{address}");
    }
}
