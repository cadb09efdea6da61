//! Holds the arrows between crates, and the documents to the code.
//!
//! Everything is read as text: the manifests, the sources and the documents. Nothing is compiled in, so a crate
//! that does not build cannot hide an arrow.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod arrows;
mod attacks;
mod documents;
mod limits;
mod manifest;
mod project;
mod wit;
