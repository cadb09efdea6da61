//! A plugin's configuration, with typed access. Values are read as Kafka's `ConfigDef` reads them: white space
//! around them is dropped, `true` and `false` in any case, lists separated by commas.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::definition::ConfigDef;
use crate::error::{Error, Result};

/// A configuration: keys without their prefix, and values. Keys that the definition gives a default are
/// always present.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    values: BTreeMap<String, String>,
}

impl Config {
    /// An empty configuration.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The given values, and the defaults of what is absent.
    pub fn resolve(
        definition: &ConfigDef,
        given: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let mut values: BTreeMap<String, String> = given.into_iter().collect();
        for key in definition.keys() {
            if let (Some(default), false) = (&key.default, values.contains_key(&key.name)) {
                values.insert(key.name.clone(), default.clone());
            }
        }
        Self { values }
    }

    /// The same configuration with a value set.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.set(key, value);
        self
    }

    /// Sets a value.
    pub fn set(&mut self, key: &str, value: &str) {
        self.values.insert(key.to_owned(), value.to_owned());
    }

    /// All keys and values, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The value of a key, when it is present.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(|value| trimmed(value))
    }

    /// The value of a key that must be present.
    ///
    /// # Errors
    /// When it is absent.
    pub fn required(&self, key: &str) -> Result<&str> {
        self.get(key).ok_or_else(|| {
            Error::config_key(
                key,
                format_args!(
                    "Missing required configuration \"{key}\" which has no default value."
                ),
            )
            .by_definition()
        })
    }

    /// The value of a key as it was given, with the white space around it, which Kafka takes away.
    ///
    /// # Errors
    /// When the key is absent.
    pub fn untrimmed(&self, key: &str) -> Result<&str> {
        self.required(key)?;
        Ok(self.values.get(key).map_or("", String::as_str))
    }

    /// One of the values that are allowed.
    ///
    /// # Errors
    /// When it is absent or another.
    pub fn one_of(&self, key: &str, allowed: &[&str]) -> Result<&str> {
        let value = self.required(key)?;
        if allowed.contains(&value) {
            return Ok(value);
        }
        let wanted = format!("String must be one of: {}", allowed.join(", "));
        Err(invalid(key, value, &wanted))
    }

    /// A boolean.
    ///
    /// # Errors
    /// When it is absent or neither `true` nor `false`.
    pub fn boolean(&self, key: &str) -> Result<bool> {
        let value = self.required(key)?;
        if value.eq_ignore_ascii_case("true") {
            Ok(true)
        } else if value.eq_ignore_ascii_case("false") {
            Ok(false)
        } else {
            Err(invalid(
                key,
                value,
                "Expected value to be either true or false",
            ))
        }
    }

    /// An integer.
    ///
    /// # Errors
    /// When it is absent or no integer of 64 bits.
    pub fn integer(&self, key: &str) -> Result<i64> {
        let value = self.required(key)?;
        value
            .parse()
            .map_err(|_| invalid(key, value, "Not a number of type LONG"))
    }

    /// An integer of 32 bits.
    ///
    /// # Errors
    /// When it is absent or no such integer.
    pub fn int(&self, key: &str) -> Result<i32> {
        let value = self.required(key)?;
        value
            .parse()
            .map_err(|_| invalid(key, value, "Not a number of type INT"))
    }

    /// An integer within a range.
    ///
    /// # Errors
    /// When it is absent, no integer, or outside the range.
    pub fn integer_in(&self, key: &str, range: RangeInclusive<i64>) -> Result<i64> {
        let value = self.integer(key)?;
        if range.contains(&value) {
            return Ok(value);
        }
        let (least, most) = range.into_inner();
        Err(Error::config_key(
            key,
            format_args!(
                "Invalid value {value} for configuration {key}: Value must be between {least} and {most}"
            ),
        ))
    }

    /// A floating point number.
    ///
    /// # Errors
    /// When it is absent or no number.
    pub fn float(&self, key: &str) -> Result<f64> {
        let value = self.required(key)?;
        value
            .parse()
            .map_err(|_| invalid(key, value, "Not a number of type DOUBLE"))
    }

    /// A list; empty when the value is empty.
    ///
    /// # Errors
    /// When it is absent.
    pub fn list(&self, key: &str) -> Result<Vec<&str>> {
        let value = self.required(key)?;
        if value.is_empty() {
            return Ok(Vec::new());
        }
        let is_space = |char| matches!(char, ' ' | '\t'..='\r');
        let values = value.split(',').map(|value| value.trim_matches(is_space));
        Ok(values.collect())
    }
}

/// A text without what Java's `trim` takes away.
fn trimmed(text: &str) -> &str {
    text.trim_matches(|char| char <= ' ')
}

fn invalid(key: &str, value: &str, wanted: &str) -> Error {
    Error::config_key(
        key,
        format_args!("Invalid value {value} for configuration {key}: {wanted}"),
    )
    .by_definition()
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Config {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self {
            values: pairs
                .into_iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{Importance, Type};

    #[test]
    fn defaults_fill_what_is_absent_and_values_are_trimmed() {
        let definition = ConfigDef::new()
            .required("file", Type::Text, Importance::High, "")
            .optional("batch.size", Type::Int, "2000", Importance::Low, "")
            .nullable("format", Type::Text, Importance::Low, "");
        let config = Config::resolve(&definition, [("file".to_owned(), " a.txt ".to_owned())]);
        assert_eq!(config.required("file"), Ok("a.txt"));
        assert_eq!(config.integer("batch.size"), Ok(2000));
        assert_eq!(config.get("format"), None);
    }

    #[test]
    fn what_is_wrong_is_said_as_kafka_says_it() {
        let config = Config::new()
            .with("n", "x")
            .with("b", "yes")
            .with("large", "3000000000")
            .with("l", "a, b ,c");
        let message = |error: Error| error.message().to_owned();
        assert_eq!(
            config.integer("n").map_err(message),
            Err("Invalid value x for configuration n: Not a number of type LONG".to_owned())
        );
        assert!(config.boolean("b").is_err());
        assert_eq!(
            config.int("large"),
            Err(invalid("large", "3000000000", "Not a number of type INT"))
        );
        assert_eq!(config.integer("large"), Ok(3_000_000_000));
        assert_eq!(config.list("l"), Ok(vec!["a", "b", "c"]));
        assert_eq!(
            config.required("file").map_err(message),
            Err("Missing required configuration \"file\" which has no default value.".to_owned())
        );
    }
}
