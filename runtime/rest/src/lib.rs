//! Kafka Connect's REST API.
//!
//! | module | what |
//! | --- | --- |
//! | [`server`] | listens, and keeps every connection within limits |
//! | [`router`] | which path and method is which handler |
//! | `gate` | what is true of every request: time, what the client accepts, where it comes from |
//! | `body`, `path`, `query` | the parts of a request, parsed at the edge |
//! | `connectors`, `loggers`, `offsets`, `plugins`, `root` | the handlers |
//! | `openapi`, `schemas` | the description of all this |
//! | `error` | failures, as `{"error_code": …, "message": …}` |
//! | [`limits`] | every limit on a client |
//!
//! Invariant: a client, however slow, large or malformed, costs at most what [`limits`] says, and hears neither
//! secrets nor paths of the worker that it did not send itself.

pub mod limits;
pub mod router;
pub mod server;

mod body;
mod connectors;
mod error;
mod gate;
mod loggers;
mod offsets;
mod openapi;
mod path;
mod plugins;
mod query;
mod root;
mod schemas;

pub use error::RestError;
pub use server::Server;
