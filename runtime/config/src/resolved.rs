//! A configuration with its references resolved, which still knows what was written.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use crate::Properties;
use crate::error::ConfigError;
use crate::secrets::{SECRET_BYTES_MIN, Secrets};

/// A configuration with its references resolved. It is not to be stored or shown: [`Resolved::written`] and
/// [`Resolved::redact`] are for that.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Resolved {
    properties: Properties,
    /// Keys whose values have references, with what was written.
    written: Properties,
    /// References, as they were written, with their values.
    provided: BTreeMap<String, String>,
    /// Keys that name a provider which is not configured.
    unknown: BTreeMap<String, String>,
    secrets: Secrets,
    ttl: Option<Duration>,
}

impl Resolved {
    pub(crate) fn of(properties: &Properties) -> Self {
        Self {
            properties: properties.clone(),
            ..Self::default()
        }
    }

    pub(crate) fn provide(&mut self, reference: &str, value: String) {
        self.provided.insert(reference.to_owned(), value);
    }

    pub(crate) fn replace(&mut self, key: &str, written: &str, resolved: String) {
        self.written.insert(key.to_owned(), written.to_owned());
        self.properties.insert(key.to_owned(), resolved);
    }

    pub(crate) fn is_unknown(&mut self, key: &str, provider: &str) {
        self.unknown.insert(key.to_owned(), provider.to_owned());
    }

    pub(crate) fn expires_in(&mut self, ttl: Option<Duration>) {
        self.ttl = [self.ttl, ttl].into_iter().flatten().min();
    }

    pub(crate) fn finished(mut self) -> Self {
        self.secrets = Secrets::of(self.provided.values().map(String::as_str));
        self
    }

    /// All keys with their values, references resolved.
    #[must_use]
    pub fn properties(&self) -> &Properties {
        &self.properties
    }

    /// Whether the value of a key came from a provider, as a whole or in part.
    #[must_use]
    pub fn is_provided(&self, key: &str) -> bool {
        self.written.contains_key(key)
    }

    /// What was written for a key whose value came from a provider.
    #[must_use]
    pub fn written(&self, key: &str) -> Option<&str> {
        self.written.get(key).map(String::as_str)
    }

    /// What the providers gave: nobody may be shown it.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// After which time the values are to be looked at again; `None`: when the connector is started again.
    #[must_use]
    pub fn ttl(&self) -> Option<Duration> {
        self.ttl
    }

    /// Keys whose values look like references to a provider which is not configured, with its name: they are text.
    #[must_use]
    pub fn unknown_providers(&self) -> &BTreeMap<String, String> {
        &self.unknown
    }

    /// What the providers gave, as a number that changes when they give something else.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.provided.hash(&mut hasher);
        hasher.finish()
    }

    /// A configuration that a plugin made of this one, as it may be stored: what the providers gave is a reference again.
    #[must_use]
    pub fn unresolve(&self, made: Properties) -> Properties {
        if self.provided.is_empty() {
            return made;
        }
        let mut provided: Vec<(&String, &String)> = self
            .provided
            .iter()
            .filter(|(_, value)| value.len() >= SECRET_BYTES_MIN)
            .collect();
        provided.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        let unresolved = |(key, value): (String, String)| {
            // What the plugin left as it was stands there as it was written, with or without a reference.
            if self.properties.get(&key) == Some(&value) {
                let written = self.written.get(&key).cloned();
                return (key, written.unwrap_or(value));
            }
            let mut value = value;
            for (reference, provided) in &provided {
                if value.contains(provided.as_str()) {
                    value = value.replace(provided.as_str(), reference);
                }
            }
            (key, value)
        };
        made.into_iter().map(unresolved).collect()
    }

    /// The other way: fills in a stored configuration what the providers gave for the references that stand in this
    /// one. Any other reference is text: a plugin cannot ask for what its operator did not name.
    #[must_use]
    pub fn fill_in(&self, stored: &Properties) -> Properties {
        let filled = |(key, value): (&String, &String)| {
            // What stands there as it was written becomes what it became: a reference within what is none stays text.
            if let Some(own) = self.properties.get(key)
                && self.written.get(key).unwrap_or(own) == value
            {
                return (key.clone(), own.clone());
            }
            let mut filled = String::with_capacity(value.len());
            let mut rest = value.as_str();
            while let Some(at) = rest.find("${") {
                let (before, from) = rest.split_at(at);
                filled.push_str(before);
                let known = self
                    .provided
                    .iter()
                    .find(|(reference, _)| from.starts_with(reference.as_str()));
                let (length, text) =
                    known.map_or((2, "${"), |(reference, value)| (reference.len(), value));
                filled.push_str(text);
                rest = from.get(length..).unwrap_or_default();
            }
            filled.push_str(rest);
            (key.clone(), filled)
        };
        stored.iter().map(filled).collect()
    }

    /// An error without what the providers gave.
    #[must_use]
    pub fn redact(&self, error: ConfigError) -> ConfigError {
        let is_provided = error.key().is_some_and(|key| self.is_provided(key));
        error.redacted(&self.secrets, is_provided)
    }
}

impl fmt::Debug for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&String> = self.written.keys().collect();
        f.debug_tuple("Resolved").field(&keys).finish()
    }
}
