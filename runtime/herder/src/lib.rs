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
//! | [`component_info`], `components` | components: uploaded, told about, taken away |
//! | `upgrade` | other versions of a connector's plugins, on trial |
//! | [`measures`] | what is measured of the worker, its connectors and their tasks |
//! | `reconfiguration` | tasks that ask for their connector's work to be divided anew |
//! | `plugins` | what is told about plugins |
//! | [`loggers`] | the levels of the log |
//! | `offsets` | offsets as a client reads and alters them |
//! | `reload` | starting a connector again when a config provider gives something else |
//! | `config_log` | the config topic: connectors, task configurations, target states |
//! | [`status_board`] | the states of connectors and tasks, the topics that they use, and the status topic |
//! | [`validation`] | whether a connector's configuration can work |
//!
//! Invariants: a change is durable in the config topic before it is answered and before it takes effect; no guest
//! keeps the actor waiting, except while it starts what was stored.

mod actor;
pub mod checks;
pub mod component_info;
mod components;
mod config_log;
mod connectors;
pub mod control;
mod error;
pub mod herder;
pub mod info;
pub mod loggers;
pub mod measures;
mod offsets;
mod plugins;
mod preparation;
mod reconfiguration;
mod reload;
mod requests;
pub mod status_board;
mod upgrade;
pub mod validation;

pub use control::{Control, Health};
pub use error::HerderError;
pub use herder::Herder;
pub use loggers::{LogLevel, Loggers};
pub use requests::{Created, InitialState, Moved};
