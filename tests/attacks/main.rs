//! Attacks on a whole worker, each with its outcome: what a stranger uploads, what guests do, and what clients send.
//! `docs/attacks.md` lists them all, with those that are tested elsewhere.
//!
//! Beside each attack a healthy pipeline goes on, in the same process. `make test` runs all of them, some with small
//! numbers; `make test-adversarial` sets `TIDEGATE_ADVERSARIAL=1` and takes the large ones.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod attacked;
#[path = "../pipeline/bad_batches.rs"]
mod bad_batches;
mod broker;
mod clients;
mod components;
#[path = "../pipeline/guests.rs"]
mod guests;
mod hostile;
mod limits;
#[path = "../pipeline/patched.rs"]
mod patched;
mod plugins;
#[path = "../pipeline/support.rs"]
#[allow(dead_code, reason = "written for the tests of pipelines too")]
mod support;

/// A number for `make test`, or the one for `make test-adversarial`.
fn count(short: usize, long: usize) -> usize {
    match std::env::var_os("TIDEGATE_ADVERSARIAL") {
        None => short,
        Some(_) => long,
    }
}
