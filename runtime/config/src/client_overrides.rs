//! Client settings that a connector sets itself: `producer.override.…`, `consumer.override.…`,
//! `admin.override.…` (KIP-458).
//!
//! Kafka Connect's default lets a connector set all of them. Here those that load code, run a command or read
//! files of the worker are refused by name.

use crate::Properties;
use crate::converter::with_prefix;
use crate::definition::list;
use crate::error::ConfigError;

/// The worker's key that says which client settings connectors may set.
const POLICY: &str = "connector.client.config.override.policy";
/// The worker's key that lists them.
const ALLOWLIST: &str = "connector.client.config.override.allowlist";

/// Which client settings connectors may set, among those that are not refused by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum OverridePolicy {
    /// All.
    #[default]
    All,
    /// None.
    None,
    /// Those that say who the connector is: all of these are refused by name.
    Principal,
    /// These.
    Allowlist(Vec<String>),
}

impl OverridePolicy {
    /// What a worker's keys say. A policy is named as in Kafka Connect: by its short name, or that of its class.
    pub(crate) fn of(keys: &Properties) -> Result<Self, ConfigError> {
        let given = keys.get(POLICY).map_or("All", |text| text.trim());
        let simple = given.rsplit('.').next().unwrap_or(given);
        let name = simple.strip_suffix("ConnectorClientConfigOverridePolicy");
        match name.unwrap_or(simple) {
            "All" => Ok(Self::All),
            "None" => Ok(Self::None),
            "Principal" => Ok(Self::Principal),
            "Allowlist" => Ok(Self::Allowlist(list(
                keys.get(ALLOWLIST).map_or("", String::as_str),
            ))),
            _ => Err(ConfigError::value(
                POLICY,
                given,
                "All, None, Principal or Allowlist is wanted",
            )),
        }
    }

    /// What a connector may not set, in Kafka Connect's words, each with its key.
    #[must_use]
    pub fn check(&self, properties: &Properties) -> Vec<(String, String)> {
        let (policy, allowed): (_, &dyn Fn(&str) -> bool) = match self {
            Self::All => return Vec::new(),
            Self::None => ("None", &|_| false),
            Self::Principal => ("Principal", &|key| {
                ["sasl.jaas.config", "sasl.mechanism", "security.protocol"].contains(&key)
            }),
            Self::Allowlist(keys) => ("Allowlist", &|key| keys.iter().any(|own| own == key)),
        };
        let refused = properties.keys().filter_map(|key| {
            let own = PREFIXES.iter().find_map(|prefix| key.strip_prefix(prefix))?;
            let message = format!(
                "The '{policy}' policy does not allow '{own}' to be overridden in the connector configuration."
            );
            (!allowed(own)).then(|| (key.clone(), message))
        });
        refused.collect()
    }
}

const PREFIXES: [&str; 3] = [
    "producer.override.",
    "consumer.override.",
    "admin.override.",
];

/// The client settings that no connector may set. An entry that begins or ends with `.` or `_` stands for all
/// keys that end or begin so.
pub const REFUSED_CLIENT_KEYS: [&str; 15] = [
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
    "security.providers",
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Properties {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(own).collect()
    }

    #[test]
    fn a_policy_says_what_connectors_may_set() {
        let connector = of(&[
            ("producer.override.linger.ms", "5"),
            ("consumer.override.max.poll.records", "5"),
            ("topic", "t"),
        ]);
        let refused = |worker: &[(&str, &str)]| {
            let policy = OverridePolicy::of(&of(worker)).unwrap();
            policy
                .check(&connector)
                .into_iter()
                .map(|(key, _)| key)
                .collect::<Vec<_>>()
        };
        assert_eq!(refused(&[]), [""; 0]);
        assert_eq!(refused(&[(POLICY, "None")]).len(), 2);
        let class = "org.apache.kafka.connect.connector.policy.PrincipalConnectorClientConfigOverridePolicy";
        assert_eq!(refused(&[(POLICY, class)]).len(), 2);
        let allowed = [(POLICY, "Allowlist"), (ALLOWLIST, "linger.ms, acks")];
        assert_eq!(refused(&allowed), ["consumer.override.max.poll.records"]);
        assert!(OverridePolicy::of(&of(&[(POLICY, "com.example.Own")])).is_err());
    }
}
