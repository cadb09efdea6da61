//! A client of a schema registry that speaks Confluent's HTTP interface.
//!
//! | module | what |
//! | --- | --- |
//! | [`config`] | where the registry is and how to authenticate, from Confluent's configuration keys |
//! | [`client`] | schemas by id, by subject and by text |
//! | `http` | requests: several addresses, retries, limits on answers |
//! | `url` | the addresses, without the secrets in them |
//! | `tls` | certificates from PEM |
//! | [`error`] | what can go wrong, each in its class |
//!
//! It blocks: converters run on blocking threads. Nothing is asked before the first request, redirects are not
//! followed, and no secret is part of an error.

pub mod client;
pub mod config;
pub mod error;
mod http;
mod tls;
mod url;

pub use client::{Client, Registered, Stored};
pub use config::{RegistryConfig, Setting};
pub use error::RegistryError;
