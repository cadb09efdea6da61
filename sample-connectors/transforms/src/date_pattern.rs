//! Date patterns in configurations.

use std::time::SystemTime;

use tidegate_java::date_format::DateFormat;
use tidegate_sdk::{Error, Result};

/// Compiles the pattern of a key. Years of two digits are read as those around today, as in Java.
///
/// # Errors
/// When Java would refuse the pattern: `problem`, the pattern, and what is wrong with it.
pub fn compile(key: &str, pattern: &str, problem: &str) -> Result<DateFormat> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_or(0, |now| i64::try_from(now.as_millis()).unwrap_or(i64::MAX));
    DateFormat::compile(pattern, now)
        .map_err(|error| Error::config_key(key, format_args!("{problem}: {pattern}: {error}")))
}
