//! The life of connectors: what is configured, what should run, what runs.
//!
//! | module | what |
//! | --- | --- |
//! | [`herder`] | the handle that REST and the command line hold |
//! | [`info`] | what is told about connectors, tasks and plugins, in the shapes of Kafka Connect's REST API |
//! | [`control`] | what a client may ask of it |
//! | `actor` | the owner of every connector: the only one that changes them |
//! | `connectors` | every connector, as a table that is read without asking the actor |
//! | [`checks`], `preparation` | what plugins are asked for a request, before the actor hears of it |
//! | `plugins` | what is told about plugins |
//! | `reload` | starting a connector again when a config provider gives something else |
//! | `config_log` | the config topic: connectors, task configurations, target states |
//! | `status_board` | the states of connectors and tasks, and the status topic |
//! | [`validation`] | whether a connector's configuration can work |
//!
//! Invariants: a change is durable in the config topic before it is answered and before it takes effect; no guest
//! keeps the actor waiting, except while it starts what was stored.

mod actor;
pub mod checks;
mod config_log;
mod connectors;
pub mod control;
mod error;
pub mod herder;
pub mod info;
mod plugins;
mod preparation;
mod reload;
mod status_board;
pub mod validation;

pub use control::{Control, Health};
pub use error::HerderError;
pub use herder::{Created, Herder, InitialState};
