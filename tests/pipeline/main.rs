//! Whole pipelines through the program, as a user runs it: files, components, topics, files.
//!
//! Each test has its own folder and topics. The broker is the embedded log; the tests in `kafka` take the one
//! that `TIDEGATE_TEST_KAFKA=host:port` names, and say when they were left out.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod avro;
mod bad_input;
mod caps;
mod chains;
mod command_line;
mod dead_letters;
mod fairness;
mod faults;
mod flights;
mod following;
mod guests;
mod idle;
mod kill;
mod metrics;
mod network;
mod observed;
mod offsets;
mod patched;
mod rest;
mod restart;
mod secrets;
mod secured;
mod stopping;
mod stranger;
mod support;
mod topics;
mod uploads;
