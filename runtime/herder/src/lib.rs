//! The life of connectors: what is configured, what should run, what runs.
//!
//! | module | what |
//! | --- | --- |
//! | [`herder`] | the handle that REST and the command line hold |
//! | [`info`] | what is told about connectors, tasks and plugins, in the shapes of Kafka Connect's REST API |
//! | `actor` | the owner of every connector |
//! | `plugins` | what is told about plugins |
//! | `config_log` | the config topic: connectors, task configurations, target states |
//! | `status_board` | the states of connectors and tasks, and the status topic |
//! | [`validation`] | whether a connector's configuration can work |
//!
//! Invariant: a change is durable in the config topic before it is answered and before it takes effect.

mod actor;
mod config_log;
mod error;
pub mod herder;
pub mod info;
mod plugins;
mod status_board;
pub mod validation;

pub use error::HerderError;
pub use herder::{Created, Herder, InitialState};
