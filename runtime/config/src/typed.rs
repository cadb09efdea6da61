//! Values of one type, parsed with Kafka's own messages.

use std::time::Duration;

use crate::error::ConfigError;
use crate::properties::Properties;

/// Reads typed values out of properties.
pub(crate) struct Typed<'a>(pub &'a Properties);

impl Typed<'_> {
    pub fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(|value| value.trim())
    }

    pub fn required(&self, key: &str) -> Result<&str, ConfigError> {
        self.text(key).filter(|value| !value.is_empty()).ok_or_else(|| ConfigError::Missing(key.to_owned()))
    }

    pub fn boolean(&self, key: &str, default: bool) -> Result<bool, ConfigError> {
        match self.text(key) {
            None => Ok(default),
            Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
            Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
            Some(value) => Err(ConfigError::value(key, value, "Expected value to be either true or false")),
        }
    }

    pub fn integer(&self, key: &str, default: i64, kind: &str, at_least: i64) -> Result<i64, ConfigError> {
        let Some(value) = self.text(key) else { return Ok(default) };
        let number = value.parse::<i64>().ok();
        let number = number.filter(|number| match kind {
            "INT" => i32::try_from(*number).is_ok(),
            "SHORT" => i16::try_from(*number).is_ok(),
            _ => true,
        });
        let number = number.ok_or_else(|| ConfigError::value(key, value, format!("Not a number of type {kind}")))?;
        if number < at_least {
            return Err(ConfigError::value(key, value, format!("Value must be at least {at_least}")));
        }
        Ok(number)
    }

    pub fn milliseconds(&self, key: &str, default: i64) -> Result<Duration, ConfigError> {
        let milliseconds = self.integer(key, default, "LONG", 0)?;
        Ok(Duration::from_millis(milliseconds.unsigned_abs()))
    }

    pub fn list(&self, key: &str) -> Vec<&str> {
        self.text(key).map(list).unwrap_or_default()
    }
}

/// A list as Kafka reads it: separated by commas, trimmed, an empty text has no elements.
pub(crate) fn list(text: &str) -> Vec<&str> {
    if text.trim().is_empty() { Vec::new() } else { text.split(',').map(str::trim).collect() }
}
