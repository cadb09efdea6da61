//! How many requests there were, and how long they took, by route and status.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;

use crate::routes::Route;

/// A route and a status; both are of few.
type Key = (&'static str, &'static str, u16);

/// How many requests there were, and how long they took.
#[derive(Default)]
pub(crate) struct Requests(Mutex<BTreeMap<Key, Taken>>);

/// What requests of one kind took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Taken {
    pub(crate) count: u64,
    pub(crate) seconds: f64,
}

/// Requests of one kind.
#[derive(Debug, Clone)]
pub(crate) struct Requested {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) status: u16,
    pub(crate) taken: Taken,
}

impl Requests {
    pub(crate) fn add(&self, route: &Route, status: StatusCode, time: Duration) {
        let key = (route.method, route.path, status.as_u16());
        let mut requests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = requests.entry(key).or_default();
        taken.count += 1;
        taken.seconds += time.as_secs_f64();
    }

    pub(crate) fn all(&self) -> Vec<Requested> {
        let requests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = requests.iter();
        all.map(|((method, path, status), taken)| Requested {
            method,
            path,
            status: *status,
            taken: *taken,
        })
        .collect()
    }
}
