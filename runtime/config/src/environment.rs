//! Worker keys from environment variables, as Kafka Connect's container images take them:
//! `CONNECT_BOOTSTRAP_SERVERS` is `bootstrap.servers`; two underscores are one, three are a dash.
//!
//! Variables that are no worker key are left alone: guides use `CONNECT_…` for secrets of connectors too.

use crate::worker_keys::{self, Known};

/// An environment variable that sets a worker's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// The worker's key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// The worker keys among environment variables.
#[must_use]
pub fn worker_keys<'a>(
    variables: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Vec<Variable> {
    variables
        .into_iter()
        .filter_map(|(name, value)| {
            let key = key(name.strip_prefix("CONNECT_")?);
            (worker_keys::known(&key) != Known::No).then(|| Variable {
                name: name.clone(),
                key,
                value: value.clone(),
            })
        })
        .collect()
}

fn key(name: &str) -> String {
    // The order matters: the longest run of underscores first.
    name.to_ascii_lowercase()
        .replace("___", "-")
        .replace("__", "\u{0}")
        .replace('_', ".")
        .replace('\u{0}', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_become_worker_keys() {
        let variables = [
            ("CONNECT_BOOTSTRAP_SERVERS", "k:9092"),
            ("CONNECT_KEY_CONVERTER_SCHEMAS_ENABLE", "false"),
            ("CONNECT_PRODUCER_A__B___C", "x"),
            ("CONNECT_DB_PASSWORD", "canary"),
            ("BOOTSTRAP_SERVERS", "other"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let wanted = [
            ("bootstrap.servers", "k:9092"),
            ("key.converter.schemas.enable", "false"),
            ("producer.a_b-c", "x"),
        ];
        let pairs = variables.iter().map(|(name, value)| (name, value));
        let found = worker_keys(pairs);
        let pairs: Vec<_> = found
            .iter()
            .map(|found| (found.key.as_str(), found.value.as_str()))
            .collect();
        assert_eq!(pairs, wanted);
        assert_eq!(found[2].name, "CONNECT_PRODUCER_A__B___C");
    }
}
