//! The network as guests get it: outbound connections to what was granted, and to nothing else.
//!
//! Every way out goes through [`Network`]: `wasi:http` (`http`), `wasi:sockets` (`sockets`) and our own `tcp`. A name is
//! resolved here, each of its addresses is checked, and the connection is made to a checked address, so that a name
//! server cannot say one thing to the check and another to the connection. What is not public is reached only where it was
//! granted by address, and what controls the worker never.

pub(crate) mod control_plane;
pub(crate) mod http;
pub(crate) mod idle_links;
pub(crate) mod refusals;
pub(crate) mod sockets;
pub(crate) mod tcp;
pub(crate) mod tls;

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tidegate_config::grants::Grants;
use tidegate_config::ip::{self, Block, Reach};
use tidegate_config::policy::is_localhost;
use tidegate_model::guest_text::clean;
use tokio::net::TcpStream;
use tokio::time::timeout_at;

use crate::guest_log::{GuestLog, Level};
use control_plane::ControlPlane;
use idle_links::IdleLinks;
use refusals::{Refusal, Refusals};
use tls::Tls;

/// The most bytes of a guest's words in a message.
const SHOWN_BYTES_MAX: usize = 300;
/// The most addresses of a name that are looked at.
const ADDRESSES_MAX: usize = 32;
/// How much earlier than its deadline a call's waits end, so that the guest can answer.
const ANSWER_TIME: Duration = Duration::from_millis(100);

/// What `localhost` is.
const LOCALHOST: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];

/// What all guests share.
pub(crate) struct Shared {
    pub(crate) control: ControlPlane,
    pub(crate) tls: Tls,
    pub(crate) connections_max: usize,
    pub(crate) response_bytes_max: usize,
    pub(crate) names: Names,
}

type Answer = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Who is asked for the addresses of a name and port.
pub(crate) type Names = Box<dyn Fn(String, u16) -> Answer + Send + Sync>;

/// Asks the system.
pub(crate) fn system_names() -> Names {
    Box::new(|host, port| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, port)).await?;
            Ok(found
                .take(ADDRESSES_MAX)
                .map(|address| ip::canonical(address.ip()))
                .collect())
        })
    })
}

/// The network of a guest; cheap to clone.
#[derive(Clone)]
pub(crate) struct Network(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    /// `host:port` in their usual form.
    addresses: Vec<String>,
    http: Vec<String>,
    blocks: Vec<Block>,
    connections: AtomicUsize,
    /// Connections that can be closed when there are too many.
    idle: Weak<IdleLinks>,
    /// Checked addresses of granted names, for guests that resolve and connect in two steps.
    resolved: Mutex<Vec<SocketAddr>>,
    refusals: Arc<Refusals>,
    log: GuestLog,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Any protocol.
    Tcp,
    /// HTTP requests that the host writes.
    Http,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoConnection {
    #[error("{1}")]
    Refused(Refusal, String),
    #[error("{0}")]
    Invalid(String),
    #[error("the name {0} has no address: {1}")]
    Unresolved(String, String),
    #[error("{0} cannot be reached: {1}")]
    Unreachable(String, String),
    #[error("TLS with {0}: {1}")]
    Tls(String, String),
    #[error("{0} did not answer in time")]
    Late(String),
}

/// One of the connections that a guest may have.
pub(crate) struct Permit(Network);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection with the permit that it needs.
pub(crate) struct Connected {
    pub(crate) stream: TcpStream,
    pub(crate) host: String,
    pub(crate) permit: Permit,
}

impl Network {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        grants: Option<&Grants>,
        refusals: Arc<Refusals>,
        log: GuestLog,
        idle: &Arc<IdleLinks>,
    ) -> Self {
        let nothing = Grants::default();
        let grants = grants.unwrap_or(&nothing);
        for granted in grants.addresses.iter().chain(&grants.http) {
            let port = granted.rsplit_once(':').map(|(_, port)| port.parse());
            if let Some(Ok(port)) = port {
                shared.control.refresh(port);
            }
        }
        Self(Arc::new(Inner {
            shared: Arc::clone(shared),
            addresses: grants.addresses.clone(),
            http: grants.http.clone(),
            blocks: grants.blocks.clone(),
            connections: AtomicUsize::new(0),
            idle: Arc::downgrade(idle),
            resolved: Mutex::default(),
            refusals,
            log,
        }))
    }

    /// Whether any connection was granted.
    pub(crate) fn is_granted(&self) -> bool {
        !self.0.addresses.is_empty()
    }

    pub(crate) fn tls(&self) -> &Tls {
        &self.0.shared.tls
    }

    pub(crate) fn response_bytes_max(&self) -> usize {
        self.0.shared.response_bytes_max
    }

    /// Counts and logs a refusal.
    pub(crate) fn refuse(&self, refusal: Refusal, message: String) -> NoConnection {
        self.0.refusals.add(refusal);
        let log = &self.0.log;
        log.line(Level::Warn, &format!("Refused: {message}"));
        NoConnection::Refused(refusal, message)
    }

    pub(crate) fn refusals(&self) -> &Refusals {
        &self.0.refusals
    }

    /// One more connection.
    pub(crate) fn permit(&self) -> Result<Permit, NoConnection> {
        let most = self.0.shared.connections_max;
        let count = || {
            let more = |count| (count < most).then_some(count + 1);
            let connections = &self.0.connections;
            connections.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
        };
        let make_room = || self.0.idle.upgrade().is_some_and(|idle| idle.make_room());
        let mut counted = count();
        while counted.is_err() && make_room() {
            counted = count();
        }
        match counted {
            Ok(_) => Ok(Permit(self.clone())),
            Err(count) => Err(self.refuse(
                Refusal::TooManyConnections,
                format!(
                    "a connection more than the {count} that a task may have; the limit is the key \
                     sandbox.connections.max"
                ),
            )),
        }
    }

    /// Connects to `host:port`. The time is up at `until`.
    pub(crate) async fn connect(
        &self,
        purpose: Purpose,
        address: &str,
        until: Instant,
    ) -> Result<Connected, NoConnection> {
        let (address, host, port) = parse(address)?;
        self.check_granted(purpose, &address)?;
        let permit = self.permit()?;
        let mut found = self.resolve(&host, port, until).await?;
        let mut last = NoConnection::Late(address.clone());
        while let Some(target) = found.pop() {
            let now = Instant::now();
            let share = until.saturating_duration_since(now) / (found.len() as u32 + 1);
            let connecting = TcpStream::connect(target);
            match timeout_at((now + share).into(), connecting).await {
                Ok(Ok(stream)) => {
                    // Without it small writes wait for each other; it is no loss where it cannot be set.
                    drop(stream.set_nodelay(true));
                    return Ok(Connected {
                        stream,
                        host,
                        permit,
                    });
                }
                Ok(Err(error)) => {
                    last = NoConnection::Unreachable(address.clone(), error.to_string());
                }
                Err(_) => last = NoConnection::Late(address.clone()),
            }
        }
        Err(last)
    }

    fn check_granted(&self, purpose: Purpose, address: &str) -> Result<(), NoConnection> {
        let has = |list: &[String]| list.iter().any(|granted| granted == address);
        if has(&self.0.addresses) || (purpose == Purpose::Http && has(&self.0.http)) {
            return Ok(());
        }
        let key = match purpose {
            Purpose::Tcp => "sandbox.addresses",
            Purpose::Http => "sandbox.http",
        };
        Err(self.refuse(
            Refusal::NotGranted,
            format!(
                "{address} was not granted; name it in the connector's configuration, such as by {key}={address}"
            ),
        ))
    }

    /// The addresses of a host that may be connected to, the one to try first last.
    async fn resolve(
        &self,
        host: &str,
        port: u16,
        until: Instant,
    ) -> Result<Vec<SocketAddr>, NoConnection> {
        let found: Vec<IpAddr> = if let Some(address) = ip::literal(host) {
            vec![address]
        } else if is_localhost(host) {
            LOCALHOST.to_vec()
        } else {
            let unresolved = |reason: String| NoConnection::Unresolved(host.to_owned(), reason);
            let asked = (self.0.shared.names)(host.to_owned(), port);
            timeout_at(until.into(), asked)
                .await
                .map_err(|_| unresolved("the name server did not answer in time".to_owned()))?
                .map_err(|error| unresolved(error.to_string()))?
        };
        let by_address = ip::literal(host).is_some() || is_localhost(host);
        if self.0.shared.control.is_stale(port) {
            let shared = Arc::clone(&self.0.shared);
            let refreshed = tokio::task::spawn_blocking(move || shared.control.refresh(port));
            // What could not be looked up in time counts as before.
            drop(timeout_at(until.into(), refreshed).await);
        }
        let mut refused = None;
        let mut allowed = Vec::with_capacity(found.len());
        for address in found.into_iter().rev() {
            match self.check(address, port, by_address) {
                Ok(()) => allowed.push(SocketAddr::new(address, port)),
                Err((refusal, what)) => refused = Some((refusal, address, what)),
            }
        }
        match refused {
            Some((refusal, address, what)) if allowed.is_empty() => {
                let shown = Block {
                    address,
                    prefix: if address.is_ipv4() { 32 } else { 128 },
                    port: Some(port),
                };
                let message = match refusal {
                    Refusal::NotPublic => format!(
                        "{host} is {address}, {what}, which must be granted by address; name {shown} itself, or allow \
                         it to this worker's connectors with sandbox.policy.addresses={shown}"
                    ),
                    _ => format!("{host} is {address}, {what}, and is never granted"),
                };
                Err(self.refuse(refusal, message))
            }
            _ if allowed.is_empty() => Err(NoConnection::Unresolved(
                host.to_owned(),
                "the answer was empty".to_owned(),
            )),
            _ => Ok(allowed),
        }
    }

    /// Whether an address may be connected to. `by_address`: it was granted as the address that it is.
    fn check(
        &self,
        address: IpAddr,
        port: u16,
        by_address: bool,
    ) -> Result<(), (Refusal, &'static str)> {
        let reach = ip::reach(address);
        if let Reach::Never(what) = reach {
            return Err((Refusal::NotPublic, what));
        }
        if self.0.shared.control.has(address, port) {
            return Err((Refusal::ControlPlane, "which controls this worker"));
        }
        match reach {
            Reach::Private(what) if !by_address && !self.is_granted_by_address(address, port) => {
                Err((Refusal::NotPublic, what))
            }
            _ => Ok(()),
        }
    }

    /// Whether an address that is not public was granted as such.
    fn is_granted_by_address(&self, address: IpAddr, port: u16) -> bool {
        let granted = self.0.addresses.iter().chain(&self.0.http);
        let mut granted = granted.filter_map(|entry| Block::parse(entry));
        granted.any(|block| block.has(address, port))
            || self.0.blocks.iter().any(|block| block.has(address, port))
    }

    /// The addresses of a granted name, for a guest that connects in a second step; to which port is not known yet.
    pub(crate) async fn look_up(
        &self,
        name: &str,
        until: Instant,
    ) -> Result<Vec<IpAddr>, NoConnection> {
        // A port makes it what was granted, and is in no message.
        let (_, host, _) = parse(&with_port(name, 1))?;
        let mut found = Vec::new();
        let mut failed = None;
        for granted in &self.0.addresses {
            let Some((of, port)) = granted.rsplit_once(':') else {
                continue;
            };
            let (true, Ok(port)) = (of == host, port.parse::<u16>()) else {
                continue;
            };
            match self.resolve(&host, port, until).await {
                Ok(addresses) => {
                    let mut resolved = self.lock();
                    for address in addresses.into_iter().rev() {
                        if !resolved.contains(&address) {
                            resolved.push(address);
                        }
                        if !found.contains(&address.ip()) {
                            found.push(address.ip());
                        }
                    }
                }
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            _ if !found.is_empty() => Ok(found),
            Some(error) => Err(error),
            None => {
                let name = clean(name, SHOWN_BYTES_MAX);
                Err(self.refuse(
                    Refusal::NotGranted,
                    format!(
                        "the name {name} was looked up and was not granted; name it with its port in the connector's \
                         configuration, such as by sandbox.addresses={name}:PORT"
                    ),
                ))
            }
        }
    }

    /// Whether a guest may connect a socket of its own to an address.
    pub(crate) fn admits(&self, address: SocketAddr) -> bool {
        let target = SocketAddr::new(ip::canonical(address.ip()), address.port());
        let own = Block {
            address: target.ip(),
            prefix: if target.is_ipv4() { 32 } else { 128 },
            port: Some(target.port()),
        };
        let shown = own.to_string();
        let by_address = self.0.addresses.contains(&shown)
            || (LOCALHOST.contains(&target.ip()) && self.localhost_has(target.port()));
        if !by_address && !self.lock().contains(&target) {
            self.refuse(
                Refusal::NotGranted,
                format!(
                    "{shown} was not granted, and is no address of a granted name that was looked up before; name it in \
                     the connector's configuration, such as by sandbox.addresses={shown}"
                ),
            );
            return false;
        }
        // A name's addresses were checked when it was looked up; this worker may have begun to listen since.
        match self.check(target.ip(), target.port(), true) {
            Ok(()) => true,
            Err((refusal, what)) => {
                self.refuse(refusal, format!("{shown} is {what}, and is never granted"));
                false
            }
        }
    }

    fn localhost_has(&self, port: u16) -> bool {
        let mut names = self.0.addresses.iter();
        names.any(|granted| {
            granted
                .rsplit_once(':')
                .is_some_and(|(host, own)| is_localhost(host) && own.parse() == Ok(port))
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<SocketAddr>> {
        let resolved = &self.0.resolved;
        let mut resolved = resolved.lock().unwrap_or_else(PoisonError::into_inner);
        // Names with ever new addresses do not fill the memory; a guest looks a name up before it connects.
        if resolved.len() > 100 * ADDRESSES_MAX {
            resolved.clear();
        }
        resolved
    }
}

/// Until when a call that ends at `deadline` may wait: a little less, but not nothing.
pub(crate) fn until(deadline: Instant) -> Instant {
    let left = deadline.saturating_duration_since(Instant::now());
    deadline
        .checked_sub(ANSWER_TIME.min(left / 4))
        .unwrap_or(deadline)
}

fn with_port(name: &str, port: u16) -> String {
    if name.contains(':') && !name.starts_with('[') {
        format!("[{name}]:{port}")
    } else {
        format!("{name}:{port}")
    }
}

/// An address in its usual form, with its host and port.
pub(crate) fn parse(address: &str) -> Result<(String, String, u16), NoConnection> {
    let invalid = |message: String| {
        let message = clean(&message, SHOWN_BYTES_MAX).into_owned();
        NoConnection::Invalid(message)
    };
    let address = tidegate_config::address::host_port(address, None).map_err(invalid)?;
    let parts = address
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
    let (host, port) = parts.ok_or_else(|| invalid(format!("{address} is no address")))?;
    Ok((address, host, port))
}

#[cfg(test)]
mod tests;
