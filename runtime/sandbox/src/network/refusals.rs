//! How often guests were refused something, by what it was.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::guest_log::Identity;

/// How many guests are remembered before those that are gone are forgotten.
const REMEMBERED_MAX: usize = 10_000;

/// What a guest was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// An address or name that was not granted.
    NotGranted,
    /// A granted name whose addresses are not public, and not granted as addresses.
    NotPublic,
    /// What controls the worker.
    ControlPlane,
    /// One connection more than it may have.
    TooManyConnections,
    /// An HTTP request that could be read in two ways, or asks for a tunnel.
    Malformed,
    /// The rest of an HTTP response that is too long.
    ResponseTooLong,
    /// Listening, or another use of sockets that is never granted.
    Socket,
    /// A file or folder outside of what was granted, or no regular file.
    File,
    /// More bytes in its folders than it may write.
    Quota,
    /// More linear memory than its limit.
    Memory,
    /// More table elements than its limit.
    Table,
    /// More log lines than its limit: they were dropped.
    Log,
    /// A function of an interface that is not offered.
    Interface,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::NotGranted,
        Self::NotPublic,
        Self::ControlPlane,
        Self::TooManyConnections,
        Self::Malformed,
        Self::ResponseTooLong,
        Self::Socket,
        Self::File,
        Self::Quota,
        Self::Memory,
        Self::Table,
        Self::Log,
        Self::Interface,
    ];

    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotGranted => "address-not-granted",
            Self::NotPublic => "address-not-public",
            Self::ControlPlane => "control-plane",
            Self::TooManyConnections => "connections",
            Self::Malformed => "request-malformed",
            Self::ResponseTooLong => "response-bytes",
            Self::Socket => "socket",
            Self::File => "file",
            Self::Quota => "write-bytes",
            Self::Memory => "memory",
            Self::Table => "table",
            Self::Log => "log",
            Self::Interface => "interface",
        }
    }
}

/// The counts of a guest. It lives on when the guest is made anew.
#[derive(Debug, Default)]
pub struct Refusals([AtomicU64; Refusal::ALL.len()]);

impl Refusals {
    pub(crate) fn add(&self, refusal: Refusal) {
        self.add_times(refusal, 1);
    }

    pub(crate) fn add_times(&self, refusal: Refusal, times: u64) {
        let counts = Refusal::ALL.iter().zip(&self.0);
        for (_, count) in counts.filter(|(known, _)| **known == refusal) {
            count.fetch_add(times, Ordering::Relaxed);
        }
    }

    /// How often it was refused this.
    #[must_use]
    pub fn count(&self, refusal: Refusal) -> u64 {
        let mut counts = Refusal::ALL.iter().zip(&self.0);
        counts
            .find(|(known, _)| **known == refusal)
            .map_or(0, |(_, count)| count.load(Ordering::Relaxed))
    }

    /// Each refusal with how often there was one.
    pub fn iter(&self) -> impl Iterator<Item = (Refusal, u64)> {
        let counts = Refusal::ALL.iter().zip(&self.0);
        counts.map(|(refusal, count)| (*refusal, count.load(Ordering::Relaxed)))
    }
}

/// The counts of all guests, by whose they are.
#[derive(Debug, Default)]
pub(crate) struct AllRefusals(Mutex<HashMap<String, Arc<Refusals>>>);

impl AllRefusals {
    /// The counts of a guest, which are made where there are none.
    pub(crate) fn of(&self, identity: &Identity) -> Arc<Refusals> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED_MAX {
            all.retain(|_, counts| Arc::strong_count(counts) > 1);
        }
        Arc::clone(all.entry(identity.to_string()).or_default())
    }
}
