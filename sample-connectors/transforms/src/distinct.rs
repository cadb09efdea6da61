//! Lists in configurations whose values count once each, and may not be empty.

use tidegate_sdk::{Config, Error, Result};

/// The list that a key holds, which may be empty. What is there twice counts the first time.
///
/// # Errors
/// When one of its values is empty.
pub fn distinct<'a>(config: &'a Config, key: &str) -> Result<Vec<&'a str>> {
    let mut values = Vec::new();
    for value in config.list(key)? {
        if value.is_empty() {
            return Err(Error::config_key(
                key,
                format_args!("Configuration '{key}' values must not be empty."),
            ));
        }
        if !values.contains(&value) {
            values.push(value);
        }
    }
    Ok(values)
}

/// The same, for a list that must have some values.
///
/// # Errors
/// When it has none too.
pub fn some_distinct<'a>(config: &'a Config, key: &str) -> Result<Vec<&'a str>> {
    let list = distinct(config, key)?;
    if list.is_empty() {
        return Err(Error::config_key(
            key,
            format_args!(
                "Configuration '{key}' must not be empty. Valid values include: any non-empty value"
            ),
        ));
    }
    Ok(list)
}
