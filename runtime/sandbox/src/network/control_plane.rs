//! What controls the worker: its REST server, the bootstrap servers, the schema registry. No guest is connected to it,
//! whatever it was granted, and by whatever name or address it asks.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs, UdpSocket};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tidegate_config::ip;

/// For how long the addresses of a name are kept.
const KEPT: Duration = Duration::from_secs(60);

/// The addresses that nobody may reach.
#[derive(Debug, Default)]
pub(crate) struct ControlPlane {
    /// Hosts with their ports.
    known: Vec<(String, u16)>,
    resolved: Mutex<HashMap<String, (Instant, Vec<IpAddr>)>>,
}

impl ControlPlane {
    /// Of these, each `host:port`.
    pub(crate) fn new(addresses: &[String]) -> Self {
        let parsed = |address: &String| {
            let (host, port) = address.rsplit_once(':')?;
            Some((host.to_owned(), port.parse().ok()?))
        };
        Self {
            known: addresses.iter().filter_map(parsed).collect(),
            resolved: Mutex::default(),
        }
    }

    /// Whether an address and port are part of it, as far as names were looked up ([`ControlPlane::refresh`]). A name
    /// that never had an address counts as every address: nobody can tell.
    pub(crate) fn has(&self, address: IpAddr, port: u16) -> bool {
        let address = ip::canonical(address);
        let resolved = self.resolved.lock().unwrap_or_else(PoisonError::into_inner);
        let has = |host: &str| match ip::literal(host) {
            Some(own) if own.is_unspecified() => is_of_this_machine(address),
            Some(own) => own == address,
            None => resolved
                .get(host)
                .is_none_or(|(_, addresses)| addresses.contains(&address)),
        };
        let mut known = self.known.iter();
        known.any(|(host, own)| *own == port && has(host))
    }

    /// Whether there is a name with this port whose addresses are not known, or not any more.
    pub(crate) fn is_stale(&self, port: u16) -> bool {
        !self.stale(port).is_empty()
    }

    /// Looks up the names with this port. Blocks.
    pub(crate) fn refresh(&self, port: u16) {
        for host in self.stale(port) {
            // What was known before counts until the name is there again.
            let Ok(found) = (host.as_str(), port).to_socket_addrs() else {
                continue;
            };
            let addresses = found.map(|found| ip::canonical(found.ip())).collect();
            let mut resolved = self.resolved.lock().unwrap_or_else(PoisonError::into_inner);
            resolved.insert(host, (Instant::now(), addresses));
        }
    }

    fn stale(&self, port: u16) -> Vec<String> {
        let resolved = self.resolved.lock().unwrap_or_else(PoisonError::into_inner);
        let names = self
            .known
            .iter()
            .filter(|(host, own)| *own == port && ip::literal(host).is_none());
        names
            .filter(|(host, _)| {
                resolved
                    .get(host)
                    .is_none_or(|(when, _)| when.elapsed() >= KEPT)
            })
            .map(|(host, _)| host.clone())
            .collect()
    }
}

/// Whether an address is one of this machine's: then a socket can be bound to it.
fn is_of_this_machine(address: IpAddr) -> bool {
    let any = match address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    address == any || UdpSocket::bind((address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_plane_is_known_by_every_name() {
        let control = ControlPlane::new(&[
            "127.0.0.1:8083".to_owned(),
            "localhost:9092".to_owned(),
            "0.0.0.0:8443".to_owned(),
        ]);
        let has = |address: &str, port| control.has(address.parse().unwrap(), port);
        assert!(control.is_stale(9092) && has("1.1.1.1", 9092));
        control.refresh(9092);
        assert!(!control.is_stale(9092) && !control.is_stale(8083));
        assert!(has("127.0.0.1", 8083) && has("::ffff:127.0.0.1", 8083));
        assert!(!has("127.0.0.1", 8084) && !has("127.0.0.2", 8083));
        assert!(has("127.0.0.1", 9092) && !has("1.1.1.1", 9092));
        assert!(has("127.0.0.1", 8443) && has("127.9.9.9", 8443) && !has("1.1.1.1", 8443));
    }
}
