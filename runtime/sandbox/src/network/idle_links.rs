//! Connections that the next HTTP request of a guest to the same address may go over: a server and its TLS are greeted
//! once, not for each batch.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use hyper::client::conn::http1::SendRequest;
use tokio::time::{sleep, timeout};
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};
use wasmtime_wasi_http::WasiBody;

use crate::network::Permit;

/// The most connections of a guest that wait for their next request: the oldest is closed.
pub(crate) const IDLE_LINKS_MAX: usize = 4;
/// How long one waits until it is closed.
const IDLE_TIME_MAX: Duration = Duration::from_secs(30);
/// How long the end of the last exchange may take, until a new connection is made instead.
const READY_TIME_MAX: Duration = Duration::from_millis(50);

/// A connection to a server; dropping it closes it.
pub(crate) struct Link {
    pub(crate) sender: SendRequest<WasiBody>,
    /// `host:port`.
    pub(crate) address: String,
    pub(crate) tls: bool,
    /// What moves its bytes.
    pub(crate) _moving: AbortOnDropJoinHandle<()>,
    pub(crate) _permit: Permit,
}

/// The connections of a guest that wait.
#[derive(Default)]
pub(crate) struct IdleLinks(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    /// The one that has waited longest comes first.
    links: Vec<(Instant, Link)>,
    /// Closes those that waited too long; there while there are any.
    closing: Option<AbortOnDropJoinHandle<()>>,
}

impl IdleLinks {
    /// A connection to an address over which a request can be sent.
    pub(crate) async fn take(&self, address: &str, tls: bool) -> Option<Link> {
        loop {
            let mut link = self.take_any(address, tls)?;
            let ready = timeout(READY_TIME_MAX, link.sender.ready()).await;
            if matches!(ready, Ok(Ok(()))) {
                return Some(link);
            }
        }
    }

    fn take_any(&self, address: &str, tls: bool) -> Option<Link> {
        let mut waiting = self.waiting();
        waiting.close_old();
        let is_meant = |(_, link): &(Instant, Link)| link.tls == tls && link.address == address;
        let at = waiting.links.iter().rposition(is_meant)?;
        Some(waiting.links.remove(at).1)
    }

    /// Keeps a connection whose exchange has ended.
    pub(crate) fn put(self: &Arc<Self>, link: Link) {
        if link.sender.is_closed() {
            return;
        }
        let mut waiting = self.waiting();
        if waiting.links.len() >= IDLE_LINKS_MAX {
            waiting.links.remove(0);
        }
        waiting.links.push((Instant::now(), link));
        if waiting.closing.is_none() {
            waiting.closing = Some(spawn(close_old(Arc::downgrade(self))));
        }
    }

    /// Closes the one that has waited longest; `false`: there is none.
    pub(crate) fn make_room(&self) -> bool {
        let mut waiting = self.waiting();
        let is_there = !waiting.links.is_empty();
        waiting.links.drain(..usize::from(is_there));
        is_there
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn close_old(&mut self) {
        self.links
            .retain(|(since, link)| since.elapsed() < IDLE_TIME_MAX && !link.sender.is_closed());
    }
}

/// Closes connections that waited too long, until none waits.
async fn close_old(links: Weak<IdleLinks>) {
    loop {
        sleep(IDLE_TIME_MAX / 2).await;
        let Some(links) = links.upgrade() else {
            return;
        };
        let mut waiting = links.waiting();
        waiting.close_old();
        if waiting.links.is_empty() {
            // Dropped when it has ended by itself.
            waiting.closing = None;
            return;
        }
    }
}
