//! Configuration: from the text that an operator wrote to types that the worker trusts.
//!
//! | module | what |
//! | --- | --- |
//! | [`properties`] | Java's `.properties` format |
//! | [`json`] | JSON objects with their keys checked: no key twice, errors with line and column |
//! | [`definition`] | what keys a plugin has, and whether the values given for them can work |
//! | [`connector`] | a connector's configuration: class, transforms, predicates, converters, errors |
//! | [`framework`] | the keys that every source and sink connector has |
//! | [`worker`] | the worker's configuration |
//! | [`environment`] | worker keys from `CONNECT_…` variables |
//! | [`providers`], [`resolved`], [`secrets`] | references to values that are kept elsewhere, and keeping those from being shown |
//! | [`origin`] | whether the file or a variable set a worker's key |
//! | [`rest`], [`tls`] | the REST server: access, TLS, headers |
//! | [`access`] | who may do what over REST |
//! | [`name_patterns`] | which connectors something is for |
//! | [`telemetry`] | where traces go |
//! | [`grants`] | what a plugin is granted, by the values of the keys that name something outside |
//! | [`plugin_version`] | which versions of a plugin are asked for |
//! | [`policy`], [`ip`] | how far grants may go; addresses by what they reach |
//! | [`guest_limits`], [`own_limits`] | the limits on one guest; those that a connector asks for itself |
//!
//! The crate reads the configuration files it is told to read, and what config providers may read, and does no other
//! I/O. Its words are Kafka
//! Connect's wherever a client may compare them.

pub mod access;
pub mod address;
pub mod caps;
pub mod connector;
pub mod converter;
pub mod definition;
pub mod environment;
pub mod framework;
pub mod grants;
pub mod guest_limits;
pub mod ip;
pub mod json;
pub mod limits;
pub mod listener;
pub mod name_patterns;
pub mod origin;
pub mod own_limits;
pub mod plugin_version;
pub mod policy;
pub mod properties;
pub mod providers;
pub mod resolved;
pub mod rest;
pub mod secrets;
pub mod telemetry;
pub mod tls;
pub mod worker;

mod allowed_paths;
mod client_overrides;
mod connector_file;
mod error;
mod errors;
mod rules;
mod sandbox_settings;
mod storage_topic;
mod topic_creation;
mod transforms;
mod validator;
mod worker_keys;

pub use error::ConfigError;

/// Keys with their values, as text.
pub type Properties = std::collections::BTreeMap<String, String>;
