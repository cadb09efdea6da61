//! How much of the worker a connector may have at most, all its tasks together: processor time, records and bytes.
//!
//! | key of a connector | of the worker | of its policy |
//! | --- | --- | --- |
//! | its own cap | that of connectors which have none | the most that a connector may ask for, and the cap where neither says one |
//!
//! A cap that nobody says is none.

use crate::Properties;
use crate::definition::ConfigType;
use crate::error::ConfigError;
use crate::errors::number;

const CPU: &str = "sandbox.cpu.percent.max";
const RECORDS: &str = "sandbox.records.per.second.max";
const BYTES: &str = "sandbox.bytes.per.second.max";

/// The keys with which a connector caps itself, and a worker all that do not.
pub(crate) const KEYS: [&str; 3] = [CPU, RECORDS, BYTES];
/// The same as words of a policy.
pub(crate) const WORDS: [&str; 3] = [
    "cpu.percent.max",
    "records.per.second.max",
    "bytes.per.second.max",
];

/// Caps; `None`: as much as there is, or as others say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Caps {
    /// The time of processors, in percent of one: 50 is half of one, 200 is two (`sandbox.cpu.percent.max`).
    pub cpu_percent: Option<u64>,
    /// Records that are polled or put in a second (`sandbox.records.per.second.max`).
    pub records_per_second: Option<u64>,
    /// Their bytes: keys, values and headers (`sandbox.bytes.per.second.max`).
    pub bytes_per_second: Option<u64>,
}

impl Caps {
    /// These, and the others where these say nothing.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            cpu_percent: self.cpu_percent.or(others.cpu_percent),
            records_per_second: self.records_per_second.or(others.records_per_second),
            bytes_per_second: self.bytes_per_second.or(others.bytes_per_second),
        }
    }

    /// The larger of each; what only one says is as it says.
    #[must_use]
    pub(crate) fn larger(self, others: Self) -> Self {
        // None is less than any.
        Self {
            cpu_percent: self.cpu_percent.max(others.cpu_percent),
            records_per_second: self.records_per_second.max(others.records_per_second),
            bytes_per_second: self.bytes_per_second.max(others.bytes_per_second),
        }
    }

    /// Reads the keys of a connector or a worker. `most` is what they may say.
    pub(crate) fn of(config: &Properties, most: Self) -> Result<Self, ConfigError> {
        let [cpu, records, bytes] = KEYS;
        Ok(Self {
            cpu_percent: cap(config, cpu, most.cpu_percent)?,
            records_per_second: cap(config, records, most.records_per_second)?,
            bytes_per_second: cap(config, bytes, most.bytes_per_second)?,
        })
    }

    /// Reads the words of a policy, whose keys have this beginning.
    pub(crate) fn of_policy(keys: &Properties, beginning: &str) -> Result<Self, ConfigError> {
        let [cpu, records, bytes] = WORDS.map(|word| format!("{beginning}{word}"));
        Ok(Self {
            cpu_percent: cap(keys, &cpu, None)?,
            records_per_second: cap(keys, &records, None)?,
            bytes_per_second: cap(keys, &bytes, None)?,
        })
    }
}

fn cap(config: &Properties, key: &str, most: Option<u64>) -> Result<Option<u64>, ConfigError> {
    if !config.contains_key(key) {
        return Ok(None);
    }
    let found = number(config, key, ConfigType::Long, 0)?;
    let cap = u64::try_from(found).ok().filter(|cap| *cap > 0);
    let cap = cap.ok_or_else(|| {
        let message = "Value must be at least 1; without the key there is no limit of its own";
        ConfigError::value(key, &found.to_string(), message)
    })?;
    match most {
        Some(most) if cap > most => {
            let word = key.trim_start_matches("sandbox.");
            let message = format!(
                "The configuration {key} asks for {cap}; this worker's policy allows {most}. This line in the worker's \
                 configuration would allow it: sandbox.policy.{word}={cap}"
            );
            Err(ConfigError::key_message(key, message))
        }
        _ => Ok(Some(cap)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(settings: &[(&str, &str)]) -> Properties {
        let settings = settings.iter();
        settings
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn what_is_no_cap_is_refused_with_key_value_and_what_is_allowed() {
        for key in KEYS {
            for value in ["0", "-1", "half", "1.5", ""] {
                let error = Caps::of(&keys(&[(key, value)]), Caps::default()).unwrap_err();
                assert_eq!(error.key(), Some(key), "{key}={value}");
                assert!(error.to_string().contains(value), "{error}");
            }
        }
        let none = Caps::of(&keys(&[]), Caps::default());
        assert_eq!(none.unwrap(), Caps::default());
    }

    #[test]
    fn more_than_the_policy_allows_is_refused_with_the_line_that_would_allow_it() {
        let most = Caps {
            cpu_percent: Some(50),
            ..Caps::default()
        };
        let asked = |percent| Caps::of(&keys(&[(CPU, percent)]), most);
        assert_eq!(asked("50").unwrap().cpu_percent, Some(50));
        let error = asked("51").unwrap_err().to_string();
        assert!(
            error.contains("sandbox.policy.cpu.percent.max=51"),
            "{error}"
        );
        let records = Caps::of(&keys(&[(RECORDS, "1000000")]), most);
        assert_eq!(records.unwrap().records_per_second, Some(1_000_000));
    }
}
