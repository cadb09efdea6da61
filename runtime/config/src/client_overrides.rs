//! Client settings that a connector sets itself: `producer.override.…`, `consumer.override.…`,
//! `admin.override.…` (KIP-458).
//!
//! Kafka Connect's default lets a connector set all of them. Here those that load code, run a command or read
//! files of the worker are refused by name.

use crate::Properties;
use crate::converter::with_prefix;
use crate::error::ConfigError;

const PREFIXES: [&str; 3] = [
    "producer.override.",
    "consumer.override.",
    "admin.override.",
];

/// The client settings that no connector may set. An entry that begins or ends with `.` or `_` stands for all
/// keys that end or begin so.
pub const REFUSED_CLIENT_KEYS: [&str; 14] = [
    "plugin.library.paths",
    "sasl.jaas.config",
    "sasl.kerberos.kinit.cmd",
    "sasl.kerberos.keytab",
    "sasl.login.",
    "sasl.client.callback.",
    "sasl.oauthbearer.",
    "ssl.engine.",
    "ssl.provider",
    "interceptor.classes",
    "metric.reporters",
    ".location",
    "ssl.providers",
    "opaque",
];

pub(crate) fn of(properties: &Properties, prefix: &str) -> Properties {
    let mut own = with_prefix(properties, prefix);
    own.retain(|key, _| !is_refused(key));
    own
}

pub(crate) fn check(properties: &Properties) -> Vec<ConfigError> {
    let refused = properties.keys().filter(|key| {
        let own = PREFIXES.iter().find_map(|prefix| key.strip_prefix(prefix));
        own.is_some_and(is_refused)
    });
    refused
        .map(|key| {
            let message = format!(
                "The client setting {key} is not allowed in a connector's configuration, as it could run code or \
                 read files of the worker; set it in the worker's configuration instead"
            );
            ConfigError::key_message(key, message)
        })
        .collect()
}

fn is_refused(key: &str) -> bool {
    let key = key.trim().to_ascii_lowercase().replace('_', ".");
    REFUSED_CLIENT_KEYS.iter().any(|refused| {
        match (refused.starts_with('.'), refused.ends_with('.')) {
            (true, _) => key.ends_with(refused),
            (_, true) => key.starts_with(refused),
            _ => key == *refused,
        }
    })
}
