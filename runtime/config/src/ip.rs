//! IP addresses by what they reach: the public network, a private one, or what nobody may be sent to.
//!
//! An address counts as what it ends up at: IPv4 inside IPv6 (mapped, or behind NAT64) is the IPv4 address.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Anything on the public network.
    Public,
    /// A network or machine of its own: granted by address only. The text says which.
    Private(&'static str),
    /// Nothing that a connection could be made to, or this machine by another name: never granted.
    Never(&'static str),
}

/// IPv4 networks that are not public, with what they are. The first that has the address counts.
const V4: &[(u32, u8, Reach)] = &[
    (v4(0, 0, 0, 0), 8, Reach::Never("an unspecified address")),
    (v4(10, 0, 0, 0), 8, Reach::Private("a private address")),
    (
        v4(100, 64, 0, 0),
        10,
        Reach::Private("an address of a provider's own network"),
    ),
    (v4(127, 0, 0, 0), 8, Reach::Private("a loopback address")),
    (
        v4(168, 63, 129, 16),
        32,
        Reach::Private("a cloud's metadata service"),
    ),
    (
        v4(169, 254, 0, 0),
        16,
        Reach::Private("a link-local address, as metadata services have"),
    ),
    (v4(172, 16, 0, 0), 12, Reach::Private("a private address")),
    (v4(192, 0, 0, 0), 24, Reach::Private("a reserved address")),
    (
        v4(192, 0, 2, 0),
        24,
        Reach::Private("an address for documents"),
    ),
    (v4(192, 88, 99, 0), 24, Reach::Private("a reserved address")),
    (v4(192, 168, 0, 0), 16, Reach::Private("a private address")),
    (
        v4(198, 18, 0, 0),
        15,
        Reach::Private("an address for measurements"),
    ),
    (
        v4(198, 51, 100, 0),
        24,
        Reach::Private("an address for documents"),
    ),
    (
        v4(203, 0, 113, 0),
        24,
        Reach::Private("an address for documents"),
    ),
    (v4(224, 0, 0, 0), 4, Reach::Never("a multicast address")),
    (v4(240, 0, 0, 0), 4, Reach::Never("a reserved address")),
];

/// IPv6 networks that are not public, with what they are. The first that has the address counts.
const V6: &[(u128, u8, Reach)] = &[
    (v6(0, 0), 128, Reach::Never("an unspecified address")),
    ((1), 128, Reach::Private("a loopback address")),
    (v6(0, 0), 96, Reach::Never("an IPv4-compatible address")),
    (
        v6(0x64_ff9b, 0x0001_0000),
        48,
        Reach::Private("an address of a local translator"),
    ),
    (
        v6(0xfe80_0000, 0),
        10,
        Reach::Private("a link-local address, as metadata services have"),
    ),
    (
        v6(0xfec0_0000, 0),
        10,
        Reach::Private("a site-local address"),
    ),
    (v6(0xfc00_0000, 0), 7, Reach::Private("a private address")),
    (v6(0xff00_0000, 0), 8, Reach::Never("a multicast address")),
    // Teredo, benchmarks, ORCHID and the like; 6to4, whose IPv4 address could be any; documents.
    (v6(0x2001_0000, 0), 23, Reach::Private("a reserved address")),
    (
        v6(0x2001_0db8, 0),
        32,
        Reach::Private("an address for documents"),
    ),
    (v6(0x2002_0000, 0), 16, Reach::Private("a 6to4 address")),
    (
        v6(0x3fff_0000, 0),
        20,
        Reach::Private("an address for documents"),
    ),
    (v6(0x2000_0000, 0), 3, Reach::Public),
    (v6(0, 0), 0, Reach::Private("a reserved address")),
];

const fn v4(a: u8, b: u8, c: u8, d: u8) -> u32 {
    u32::from_be_bytes([a, b, c, d])
}

/// The first 64 bits of an address, in two halves.
const fn v6(first: u32, second: u32) -> u128 {
    ((first as u128) << 96) | ((second as u128) << 64)
}

/// What an address reaches.
#[must_use]
pub fn reach(address: IpAddr) -> Reach {
    match canonical(address) {
        IpAddr::V4(address) => {
            let bits = u32::from(address);
            let known = V4
                .iter()
                .find(|(network, prefix, _)| shared(*prefix, 32, u128::from(bits ^ network)));
            known.map_or(Reach::Public, |(_, _, reach)| *reach)
        }
        IpAddr::V6(address) => {
            let bits = u128::from(address);
            let known = V6
                .iter()
                .find(|(network, prefix, _)| shared(*prefix, 128, bits ^ network));
            known.map_or(Reach::Private("a reserved address"), |(_, _, reach)| *reach)
        }
    }
}

/// The address that is meant: the IPv4 address where one is mapped into IPv6, or stands behind NAT64.
#[must_use]
pub fn canonical(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6_address) = address else {
        return address;
    };
    if let Some(v4_address) = v6_address.to_ipv4_mapped() {
        return v4_address.into();
    }
    match v6_address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)).into()
        }
        _ => address,
    }
}

/// Whether addresses that differ in these bits have a prefix of this length in common.
fn shared(prefix: u8, width: u32, difference: u128) -> bool {
    let rest = width.saturating_sub(u32::from(prefix));
    difference.checked_shr(rest).unwrap_or(0) == 0
}

/// Addresses with a prefix in common, such as `10.0.0.0/8`; a single one has the longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// An address of it.
    pub address: IpAddr,
    /// How many bits they have in common.
    pub prefix: u8,
    /// The port; `None`: any.
    pub port: Option<u16>,
}

impl Block {
    /// Whether an address and port are in it.
    #[must_use]
    pub fn has(&self, address: IpAddr, port: u16) -> bool {
        if self.port.is_some_and(|own| own != port) {
            return false;
        }
        match (self.address, canonical(address)) {
            (IpAddr::V4(own), IpAddr::V4(found)) => {
                let difference = u32::from(own) ^ u32::from(found);
                shared(self.prefix, 32, u128::from(difference))
            }
            (IpAddr::V6(own), IpAddr::V6(found)) => {
                shared(self.prefix, 128, u128::from(own) ^ u128::from(found))
            }
            _ => false,
        }
    }

    /// Parses `10.0.0.0/8:5432`, `10.1.2.3:*` or `[fd00::]/8:5432`; `None`: it begins with a name or is none of these.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.trim().rsplit_once(':')?;
        let port = match port {
            "*" => None,
            port => Some(port.parse().ok()?),
        };
        let (address, prefix) = match host.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().ok()?)),
            None => (host, None),
        };
        let address = literal(address)?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(longest);
        (prefix <= longest).then_some(Self {
            address,
            prefix,
            port,
        })
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            IpAddr::V4(address) => write!(f, "{address}")?,
            IpAddr::V6(address) => write!(f, "[{address}]")?,
        }
        let longest = if self.address.is_ipv4() { 32 } else { 128 };
        if self.prefix != longest {
            write!(f, "/{}", self.prefix)?;
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => f.write_str(":*"),
        }
    }
}

/// The address that a host is, written as usual: four decimal numbers, or IPv6 in brackets.
#[must_use]
pub fn literal(host: &str) -> Option<IpAddr> {
    let address = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?.into(),
        None => host.parse::<Ipv4Addr>().ok()?.into(),
    };
    Some(canonical(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Reach {
        reach(text.parse().unwrap())
    }

    #[test]
    fn what_is_not_public_is_known() {
        for text in [
            "127.0.0.1",
            "127.255.255.254",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.1",
            "198.18.0.1",
            "203.0.113.9",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "fec0::1",
            "2001::1",
            "2002:7f00:1::",
            "2001:db8::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "5f00::1",
        ] {
            assert!(
                matches!(of(text), Reach::Private(_)),
                "{text}: {:?}",
                of(text)
            );
        }
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::127.0.0.1",
            "::ffff:0.0.0.0",
            "ff02::1",
            "64:ff9b::e000:1",
        ] {
            assert!(
                matches!(of(text), Reach::Never(_)),
                "{text}: {:?}",
                of(text)
            );
        }
        for text in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "2606:4700::1111",
            "2a00:1450::1",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
        ] {
            assert_eq!(of(text), Reach::Public, "{text}");
        }
    }

    #[test]
    fn blocks_have_addresses_and_ports() {
        let block = |text: &str| Block::parse(text).unwrap();
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(block("10.0.0.0/8:5432").has(ip("10.9.8.7"), 5432));
        assert!(!block("10.0.0.0/8:5432").has(ip("11.0.0.0"), 5432));
        assert!(!block("10.0.0.0/8:5432").has(ip("10.0.0.1"), 5433));
        assert!(block("10.0.0.1:*").has(ip("::ffff:10.0.0.1"), 1));
        assert!(block("[fd00::]/8:443").has(ip("fd12::1"), 443));
        assert!(!block("[fd00::]/8:443").has(ip("10.0.0.1"), 443));
        assert!(block("0.0.0.0/0:1").has(ip("9.9.9.9"), 1));
        for bad in [
            "db:1",
            "10.0.0.1",
            "10.0.0.0/33:1",
            "10.1:1",
            "012.0.0.1:1",
            "[fd00::/8]:1",
            "*:1",
        ] {
            assert_eq!(Block::parse(bad), None, "{bad}");
        }
        for text in ["10.0.0.0/8:5432", "[fd00::]/8:*", "127.0.0.1:80"] {
            assert_eq!(block(text).to_string(), text);
        }
    }
}
