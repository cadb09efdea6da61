//! The limits that a connector asks for itself, by its own `sandbox.` keys: less than the worker's as it likes, more as
//! far as the policy allows.

use crate::Properties;
use crate::caps::{self, Caps};
use crate::definition::ConfigType;
use crate::error::ConfigError;
use crate::errors::number;
use crate::worker::SandboxSettings;

/// Bytes that a connector configured over REST may have written in its folders, unless a key says otherwise.
pub const WRITE_BYTES_DEFAULT: u64 = 10 * 1024 * 1024 * 1024;
/// The least memory that a guest can be limited to: none starts with less.
pub(crate) const MEMORY_BYTES_MIN: u64 = 1024 * 1024;

const MEMORY: &str = "sandbox.memory.bytes.max";
const POLL: &str = "sandbox.poll.ms.max";
const PUT: &str = "sandbox.put.ms.max";
const START: &str = "sandbox.start.ms.max";
const WRITE: &str = "sandbox.write.bytes.max";

/// The keys with which a connector asks for limits.
pub(crate) const KEYS: [&str; 8] = {
    let [cpu, records, bytes] = caps::KEYS;
    [MEMORY, POLL, PUT, START, WRITE, cpu, records, bytes]
};

/// What a connector's tasks are limited to; `None`: as the worker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OwnLimits {
    /// The most bytes of all linear memories of a task (`sandbox.memory.bytes.max`).
    pub memory_bytes: Option<usize>,
    /// The longest poll in milliseconds (`sandbox.poll.ms.max`).
    pub poll_ms: Option<u64>,
    /// The longest put, flush, open or close in milliseconds (`sandbox.put.ms.max`).
    pub put_ms: Option<u64>,
    /// The longest start, stop or commit in milliseconds (`sandbox.start.ms.max`).
    pub start_ms: Option<u64>,
    /// The most bytes of all files in the folders that a task may write (`sandbox.write.bytes.max`). `None`: any.
    pub write_bytes: Option<u64>,
    /// What it caps itself to, all its tasks together.
    pub caps: Caps,
    /// What caps it where neither it nor the worker says so.
    pub caps_most: Caps,
}

impl OwnLimits {
    /// The caps that count, where those of a worker are for connectors that have none.
    #[must_use]
    pub fn caps(&self, worker: Caps) -> Caps {
        self.caps.or(worker).or(self.caps_most)
    }
}

/// How much a connector may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Most {
    /// Bytes of memory: the worker's own limit, or `sandbox.policy.memory.bytes.max`.
    pub memory_bytes: u64,
    /// Milliseconds of a poll: the worker's own limit, or `sandbox.policy.call.ms.max`.
    pub poll_ms: u64,
    /// The same of a put.
    pub put_ms: u64,
    /// The same of a start.
    pub start_ms: u64,
    /// Bytes of files (`sandbox.policy.write.bytes.max`).
    pub write_bytes: u64,
    /// Caps: the worker's own, or those of `sandbox.policy.`.
    pub caps: Caps,
}

impl Most {
    /// As much as the worker's own limits.
    #[must_use]
    pub fn of(worker: &SandboxSettings) -> Self {
        Self {
            memory_bytes: worker.guest.memory_bytes_max as u64,
            poll_ms: worker.guest.poll_ms,
            put_ms: worker.guest.put_ms,
            start_ms: worker.guest.start_ms,
            write_bytes: WRITE_BYTES_DEFAULT,
            caps: worker.caps,
        }
    }

    /// The larger of each.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            memory_bytes: self.memory_bytes.max(other.memory_bytes),
            poll_ms: self.poll_ms.max(other.poll_ms),
            put_ms: self.put_ms.max(other.put_ms),
            start_ms: self.start_ms.max(other.start_ms),
            write_bytes: self.write_bytes.max(other.write_bytes),
            caps: self.caps.larger(other.caps),
        }
    }
}

impl Default for Most {
    fn default() -> Self {
        Self::of(&SandboxSettings::default())
    }
}

impl OwnLimits {
    /// Reads a connector's keys. `most` is what they may say; `None`: anything.
    pub(crate) fn of(config: &Properties, most: Option<Most>) -> Result<Self, ConfigError> {
        let asked = |key: &str, least: u64, most: Option<u64>, line: &str| {
            if !config.contains_key(key) {
                return Ok(None);
            }
            let found = number(config, key, ConfigType::Long, 0)?;
            let value = u64::try_from(found).ok().filter(|value| *value >= least);
            let value = value.ok_or_else(|| {
                let message = format!("Value must be at least {least}");
                ConfigError::value(key, &found.to_string(), message)
            })?;
            match most {
                Some(most) if value > most => Err(ConfigError::key_message(
                    key,
                    format!(
                        "The configuration {key} asks for {value}; this worker's policy allows {most}. This line in \
                         the worker's configuration would allow it: {line}={value}"
                    ),
                )),
                _ => Ok(Some(value)),
            }
        };
        let of = |value: fn(Most) -> u64| most.map(value);
        let caps_most = most.map_or_else(Caps::default, |most| most.caps);
        let call = "sandbox.policy.call.ms.max";
        let memory = asked(
            MEMORY,
            MEMORY_BYTES_MIN,
            of(|most| most.memory_bytes),
            "sandbox.policy.memory.bytes.max",
        )?;
        let write = asked(
            WRITE,
            0,
            of(|most| most.write_bytes),
            "sandbox.policy.write.bytes.max",
        )?;
        Ok(Self {
            memory_bytes: memory.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
            poll_ms: asked(POLL, 1, of(|most| most.poll_ms), call)?,
            put_ms: asked(PUT, 1, of(|most| most.put_ms), call)?,
            start_ms: asked(START, 1, of(|most| most.start_ms), call)?,
            write_bytes: write.or(of(|most| most.write_bytes)),
            caps: Caps::of(config, caps_most)?,
            caps_most,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(settings: &[(&str, &str)], most: Option<Most>) -> Result<OwnLimits, ConfigError> {
        let settings = settings.iter();
        let config: Properties = settings
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        OwnLimits::of(&config, most)
    }

    #[test]
    fn a_connector_without_a_cap_has_that_of_the_worker_and_else_the_most_that_it_may_have() {
        let cpu = |percent| Caps {
            cpu_percent: Some(percent),
            ..Caps::default()
        };
        let most = Some(Most {
            caps: cpu(80),
            ..Most::default()
        });
        let none = of(&[], most).unwrap();
        assert_eq!(none.caps(Caps::default()), cpu(80));
        assert_eq!(none.caps(cpu(20)), cpu(20));
        let own = of(&[("sandbox.cpu.percent.max", "50")], most).unwrap();
        assert_eq!(own.caps(cpu(20)), cpu(50));
        assert_eq!(
            of(&[], None).unwrap().caps(Caps::default()),
            Caps::default()
        );
    }

    #[test]
    fn less_is_given_and_more_is_refused_with_the_line_that_would_allow_it() {
        let most = Some(Most::default());
        let less = of(&[(MEMORY, "2000000"), (PUT, "100")], most).unwrap();
        assert_eq!(
            (less.memory_bytes, less.put_ms),
            (Some(2_000_000), Some(100))
        );
        assert_eq!(less.write_bytes, Some(WRITE_BYTES_DEFAULT));
        for (key, value, line) in [
            (
                MEMORY,
                "134217729",
                "sandbox.policy.memory.bytes.max=134217729",
            ),
            (POLL, "5001", "sandbox.policy.call.ms.max=5001"),
            (PUT, "30001", "sandbox.policy.call.ms.max=30001"),
            (START, "10001", "sandbox.policy.call.ms.max=10001"),
            (
                WRITE,
                "99999999999",
                "sandbox.policy.write.bytes.max=99999999999",
            ),
        ] {
            let error = of(&[(key, value)], most).unwrap_err();
            assert_eq!(error.key(), Some(key));
            assert!(error.to_string().contains(line), "{error}");
            assert!(of(&[(key, value)], None).is_ok());
        }
        for (key, value) in [(MEMORY, "1"), (POLL, "0"), (POLL, "x"), (WRITE, "-1")] {
            assert!(of(&[(key, value)], None).is_err(), "{key}={value}");
        }
    }
}
