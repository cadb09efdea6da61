//! Tasks as a whole: a worker, the guests of `tests/guests`, and a broker that does as it is told.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod broker;
mod dead_letters;
mod faults;
mod in_flight;
mod late;
mod offsets;
mod paused;
mod puts;
mod refused;
mod retries;
mod support;
mod transforms;
mod waits;
