//! Kafka Connect's REST API.
//!
//! | module | what |
//! | --- | --- |
//! | [`server`] | listens, and keeps every connection within limits |
//! | [`router`] | which path and method is which handler |
//! | `guard` | what each request passes first: access, roles, audit, pages of other origins |
//! | `access`, `access_files`, `secrets`, `audit` | who calls, what that one may do, and what is written down of it |
//! | `tls`, `peer` | encrypted connections, and who is at the other end |
//! | `gate` | what is true of every request: time, what the client accepts, where it comes from |
//! | `body`, `path`, `query` | the parts of a request, parsed at the edge |
//! | `connectors`, `loggers`, `offsets`, `plugins`, `root` | the handlers |
//! | `routes` | every route: what it does and whom it is for |
//! | `openapi`, `schemas` | the description of all this |
//! | `metrics`, `metric_list`, `metric_text` | `/metrics`: the list of what there is, and its text |
//! | `requests`, `process` | what REST itself and the process have to tell there |
//! | `error` | failures, as `{"error_code": …, "message": …}` |
//! | [`limits`] | every limit on a client |
//!
//! Invariant: a client, however slow, large or malformed, costs at most what [`limits`] says, and hears neither
//! secrets nor paths of the worker that it did not send itself.

pub mod limits;
pub mod router;
pub mod server;

mod access;
mod access_files;
mod answer_headers;
mod audit;
mod body;
mod connectors;
mod cross_origin;
mod error;
mod gate;
mod guard;
mod loggers;
mod metric_list;
mod metric_text;
mod metrics;
mod offsets;
mod openapi;
mod path;
mod peer;
mod plugins;
mod process;
mod query;
mod requests;
mod root;
mod routes;
mod schemas;
mod secrets;
mod tls;

pub use audit::TARGET as AUDIT_TARGET;
pub use error::RestError;
pub use metric_text::LABEL_BYTES_MAX;
pub use metrics::PAGE_AGE_MAX;
pub use path::path_segment;
pub use secrets::{
    SECRET_BYTES_MAX, VERIFICATION_WAIT_MAX, VERIFICATIONS_MAX, new_token, password_digest,
};
pub use server::Server;
