//! Which converter a connector or a worker names, and its configuration.

use crate::Properties;

/// What a converter converts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConverterRole {
    /// Record keys.
    Key,
    /// Record values.
    Value,
    /// Header values.
    Header,
}

impl ConverterRole {
    /// The key that names the class.
    #[must_use]
    pub fn class_key(self) -> &'static str {
        match self {
            Self::Key => "key.converter",
            Self::Value => "value.converter",
            Self::Header => "header.converter",
        }
    }
}

/// A converter and its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConverterConfig {
    /// The class, as it was written.
    pub class: String,
    /// Its keys, without the prefix.
    pub config: Properties,
}

impl ConverterConfig {
    /// The converter that the keys name, if they name one.
    #[must_use]
    pub fn of(role: ConverterRole, properties: &Properties) -> Option<Self> {
        let key = role.class_key();
        let class = properties.get(key)?.trim();
        if class.is_empty() {
            return None;
        }
        Some(Self {
            class: class.to_owned(),
            config: with_prefix(properties, &format!("{key}.")),
        })
    }
}

/// The keys that have a prefix, without it.
#[must_use]
pub fn with_prefix(properties: &Properties, prefix: &str) -> Properties {
    properties
        .iter()
        .filter_map(|(key, value)| Some((key.strip_prefix(prefix)?.to_owned(), value.clone())))
        .filter(|(key, _)| !key.is_empty())
        .collect()
}
