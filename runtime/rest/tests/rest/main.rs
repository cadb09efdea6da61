//! The REST API over real sockets.

// Helpers outside of #[test] functions are tests too.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod access;
mod conformance;
mod limits;
mod requests;
mod support;
