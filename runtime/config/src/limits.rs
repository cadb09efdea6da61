//! Limits of the host that an operator may set within bounds: on compiling, on what guests log and hand over, on
//! records in flight, and on clients of REST. `docs/limits.md` lists each with its default and effect; a test compares
//! the two.

use std::ops::RangeInclusive;
use std::time::Duration;

use tidegate_model::limits::{
    IN_FLIGHT_BYTES_MAX, IN_FLIGHT_RECORDS_MAX, RECORD_BYTES_MAX, RECORD_HEADERS_MAX,
    VALUE_DEPTH_MAX,
};

use crate::Properties;
use crate::definition::ConfigType;
use crate::error::ConfigError;
use crate::errors::number;

const KIB: u64 = 1024;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;
const HOUR_MS: u64 = 3_600_000;

/// The bounds of a limit that may be anything but nothing.
pub(crate) const ANY: RangeInclusive<u64> = 1..=u64::MAX;

/// The most bytes of a component that an operator may allow.
pub const COMPONENT_BYTES_ALLOWED: u64 = 256 * MIB;

/// Limits on components and on compiling them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// The most bytes of a component (`sandbox.component.bytes.max`).
    pub component_bytes_max: usize,
    /// The most bytes of the body of one function (`sandbox.function.bytes.max`).
    pub function_bytes_max: usize,
    /// The most local variables of one function (`sandbox.function.locals.max`).
    pub function_locals_max: u32,
    /// The most CPU time of a compilation in milliseconds; begun seconds count as whole ones
    /// (`sandbox.compile.cpu.ms.max`).
    pub compile_cpu_ms_max: u64,
    /// The longest compilation in milliseconds (`sandbox.compile.ms.max`).
    pub compile_ms_max: u64,
    /// The most address space of the compiling child in bytes (`sandbox.compile.memory.bytes.max`).
    pub compile_memory_bytes_max: u64,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            component_bytes_max: 64 * 1024 * 1024,
            function_bytes_max: 512 * 1024,
            function_locals_max: 10_000,
            compile_cpu_ms_max: 60_000,
            compile_ms_max: 180_000,
            compile_memory_bytes_max: 2 * 1024 * 1024 * 1024,
        }
    }
}

impl CompileLimits {
    pub(crate) fn of(keys: &Properties) -> Result<Self, ConfigError> {
        let default = Self::default();
        let at = |key, default, bounds| within(keys, key, default, bounds);
        Ok(Self {
            component_bytes_max: component_bytes(keys, default.component_bytes_max)?,
            function_bytes_max: size(at(
                "sandbox.function.bytes.max",
                default.function_bytes_max as u64,
                KIB..=8 * MIB,
            )?),
            function_locals_max: narrow(at(
                "sandbox.function.locals.max",
                default.function_locals_max.into(),
                1..=50_000,
            )?),
            compile_cpu_ms_max: at(
                "sandbox.compile.cpu.ms.max",
                default.compile_cpu_ms_max,
                1_000..=HOUR_MS,
            )?,
            compile_ms_max: at(
                "sandbox.compile.ms.max",
                default.compile_ms_max,
                1_000..=HOUR_MS,
            )?,
            compile_memory_bytes_max: at(
                "sandbox.compile.memory.bytes.max",
                default.compile_memory_bytes_max,
                256 * MIB..=64 * GIB,
            )?,
        })
    }
}

fn component_bytes(keys: &Properties, default: usize) -> Result<usize, ConfigError> {
    let bounds = KIB..=COMPONENT_BYTES_ALLOWED;
    within(keys, "sandbox.component.bytes.max", default as u64, bounds).map(size)
}

/// Limits on the log of one guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLimits {
    /// The most bytes of a line (`sandbox.log.line.bytes.max`).
    pub line_bytes_max: usize,
    /// The lines per second that it may log in the long run (`sandbox.log.lines.per.second.max`).
    pub lines_per_second: u32,
    /// The lines that it may log at once (`sandbox.log.lines.burst.max`).
    pub lines_burst: u32,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self {
            line_bytes_max: 4096,
            lines_per_second: 100,
            lines_burst: 500,
        }
    }
}

impl LogLimits {
    pub(crate) fn of(keys: &Properties) -> Result<Self, ConfigError> {
        let default = Self::default();
        let at = |key, default, bounds| within(keys, key, default, bounds);
        Ok(Self {
            line_bytes_max: size(at(
                "sandbox.log.line.bytes.max",
                default.line_bytes_max as u64,
                64..=64 * KIB,
            )?),
            lines_per_second: narrow(at(
                "sandbox.log.lines.per.second.max",
                default.lines_per_second.into(),
                1..=100_000,
            )?),
            lines_burst: narrow(at(
                "sandbox.log.lines.burst.max",
                default.lines_burst.into(),
                1..=1_000_000,
            )?),
        })
    }
}

/// How often a task whose guest has faulted is started anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartLimits {
    /// The most times within the window; 0: never (`sandbox.restarts.max`).
    pub restarts_max: u32,
    /// The window (`sandbox.restarts.window.ms`).
    pub window: Duration,
    /// The wait before the first; each further one in the window waits twice as long (`sandbox.restarts.backoff.ms`).
    pub backoff: Duration,
    /// The longest wait (`sandbox.restarts.backoff.max.ms`).
    pub backoff_max: Duration,
}

impl Default for RestartLimits {
    fn default() -> Self {
        Self {
            restarts_max: 5,
            window: Duration::from_secs(600),
            backoff: Duration::from_secs(1),
            backoff_max: Duration::from_secs(60),
        }
    }
}

impl RestartLimits {
    pub(crate) fn of(keys: &Properties) -> Result<Self, ConfigError> {
        let default = Self::default();
        let time = |key, default: Duration, least| {
            let default = u64::try_from(default.as_millis()).unwrap_or(u64::MAX);
            let found = within(keys, key, default, least..=DAY_MS)?;
            Ok::<_, ConfigError>(Duration::from_millis(found))
        };
        Ok(Self {
            restarts_max: narrow(within(
                keys,
                "sandbox.restarts.max",
                default.restarts_max.into(),
                0..=1_000,
            )?),
            window: time("sandbox.restarts.window.ms", default.window, 1_000)?,
            backoff: time("sandbox.restarts.backoff.ms", default.backoff, 10)?,
            backoff_max: time("sandbox.restarts.backoff.max.ms", default.backoff_max, 10)?,
        })
    }

    /// How long to wait before the next start, after so many in the window; `None`: there is none.
    #[must_use]
    pub fn wait(&self, restarts: usize) -> Option<Duration> {
        let restarts = u32::try_from(restarts).unwrap_or(u32::MAX);
        let factor = 1_u32.checked_shl(restarts).filter(|_| restarts < 31);
        let wait = factor.map_or(self.backoff_max, |factor| {
            self.backoff.saturating_mul(factor)
        });
        (restarts < self.restarts_max).then(|| wait.min(self.backoff_max))
    }
}

/// Limits on the records that guests hand over. The defaults are the most that the interface allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordLimits {
    /// The most bytes of a record: key, value and headers together (`sandbox.record.bytes.max`).
    pub record_bytes_max: usize,
    /// The most headers of a record (`sandbox.record.headers.max`).
    pub record_headers_max: usize,
    /// How deep its values may nest (`sandbox.record.depth.max`).
    pub record_depth_max: usize,
}

impl Default for RecordLimits {
    fn default() -> Self {
        Self {
            record_bytes_max: RECORD_BYTES_MAX,
            record_headers_max: RECORD_HEADERS_MAX,
            record_depth_max: VALUE_DEPTH_MAX,
        }
    }
}

impl RecordLimits {
    pub(crate) fn of(keys: &Properties) -> Result<Self, ConfigError> {
        let at = |key, most: usize, least| within(keys, key, most as u64, least..=most as u64);
        Ok(Self {
            record_bytes_max: size(at("sandbox.record.bytes.max", RECORD_BYTES_MAX, KIB)?),
            record_headers_max: size(at("sandbox.record.headers.max", RECORD_HEADERS_MAX, 1)?),
            record_depth_max: size(at("sandbox.record.depth.max", VALUE_DEPTH_MAX, 1)?),
        })
    }
}

/// Limits on the records of a task that wait for the broker's acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InFlightLimits {
    /// The most records (`task.in.flight.records.max`).
    pub in_flight_records_max: usize,
    /// The most bytes (`task.in.flight.bytes.max`).
    pub in_flight_bytes_max: usize,
}

impl Default for InFlightLimits {
    fn default() -> Self {
        Self {
            in_flight_records_max: IN_FLIGHT_RECORDS_MAX,
            in_flight_bytes_max: IN_FLIGHT_BYTES_MAX,
        }
    }
}

impl InFlightLimits {
    pub(crate) fn of(keys: &Properties) -> Result<Self, ConfigError> {
        let at = |key, default, bounds| within(keys, key, default, bounds);
        Ok(Self {
            in_flight_records_max: size(at(
                "task.in.flight.records.max",
                IN_FLIGHT_RECORDS_MAX as u64,
                1..=1_000_000,
            )?),
            in_flight_bytes_max: size(at(
                "task.in.flight.bytes.max",
                IN_FLIGHT_BYTES_MAX as u64,
                MIB..=4 * GIB,
            )?),
        })
    }
}

/// Limits on clients of REST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestLimits {
    /// The most bytes of an uploaded component: the limit of components.
    pub upload_bytes_max: usize,
    /// The most bytes of a request's body (`rest.request.body.bytes.max`).
    pub body_bytes_max: usize,
    /// The most bytes of a request's line and headers (`rest.request.header.bytes.max`).
    pub header_bytes_max: usize,
    /// How long a client has to send a request's line and headers, and how long a connection may wait for the next
    /// request, in milliseconds (`rest.request.header.ms.max`).
    pub header_ms_max: u64,
    /// How long a client has to send a request's body, in milliseconds (`rest.request.body.ms.max`).
    pub body_ms_max: u64,
    /// How long a request may take in all, in milliseconds (`rest.request.ms.max`).
    pub request_ms_max: u64,
    /// The most connections at a time (`rest.connections.max`).
    pub connections_max: usize,
    /// How long a connection may live before it is asked to end after its present request, in milliseconds
    /// (`rest.connection.ms.max`).
    pub connection_ms_max: u64,
}

impl Default for RestLimits {
    fn default() -> Self {
        Self {
            upload_bytes_max: CompileLimits::default().component_bytes_max,
            body_bytes_max: 1024 * 1024,
            header_bytes_max: 16 * 1024,
            header_ms_max: 10_000,
            body_ms_max: 30_000,
            request_ms_max: 90_000,
            connections_max: 512,
            connection_ms_max: 600_000,
        }
    }
}

impl RestLimits {
    pub(crate) fn of(keys: &Properties) -> Result<Self, ConfigError> {
        let default = Self::default();
        let at = |key, default, bounds| within(keys, key, default, bounds);
        Ok(Self {
            upload_bytes_max: component_bytes(keys, default.upload_bytes_max)?,
            body_bytes_max: size(at(
                "rest.request.body.bytes.max",
                default.body_bytes_max as u64,
                KIB..=64 * MIB,
            )?),
            header_bytes_max: size(at(
                "rest.request.header.bytes.max",
                default.header_bytes_max as u64,
                8 * KIB..=MIB,
            )?),
            header_ms_max: at(
                "rest.request.header.ms.max",
                default.header_ms_max,
                100..=HOUR_MS,
            )?,
            body_ms_max: at(
                "rest.request.body.ms.max",
                default.body_ms_max,
                100..=HOUR_MS,
            )?,
            request_ms_max: at("rest.request.ms.max", default.request_ms_max, 100..=HOUR_MS)?,
            connections_max: size(at(
                "rest.connections.max",
                default.connections_max as u64,
                1..=65_536,
            )?),
            connection_ms_max: at(
                "rest.connection.ms.max",
                default.connection_ms_max,
                1_000..=24 * HOUR_MS,
            )?,
        })
    }
}

/// A number within bounds, or its default.
pub(crate) fn within(
    keys: &Properties,
    key: &str,
    default: u64,
    bounds: RangeInclusive<u64>,
) -> Result<u64, ConfigError> {
    let default = i64::try_from(default).unwrap_or(i64::MAX);
    let found = number(keys, key, ConfigType::Long, default)?;
    let refused = |message: String| Err(ConfigError::value(key, &found.to_string(), message));
    match u64::try_from(found) {
        Ok(value) if bounds.contains(&value) => Ok(value),
        Ok(value) if value > *bounds.end() => {
            refused(format!("Value must be no more than {}", bounds.end()))
        }
        _ => refused(format!("Value must be at least {}", bounds.start())),
    }
}

pub(crate) fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads one key of a kind of limits.
    type Read = fn(&Properties) -> Result<u64, ConfigError>;

    /// Each key with its bounds and what reads it.
    const KEYS: &[(&str, u64, u64, Read)] = &[
        ("sandbox.component.bytes.max", KIB, 256 * MIB, |keys| {
            CompileLimits::of(keys).map(|limits| limits.component_bytes_max as u64)
        }),
        ("sandbox.component.bytes.max", KIB, 256 * MIB, |keys| {
            RestLimits::of(keys).map(|limits| limits.upload_bytes_max as u64)
        }),
        ("sandbox.function.bytes.max", KIB, 8 * MIB, |keys| {
            CompileLimits::of(keys).map(|limits| limits.function_bytes_max as u64)
        }),
        ("sandbox.function.locals.max", 1, 50_000, |keys| {
            CompileLimits::of(keys).map(|limits| limits.function_locals_max.into())
        }),
        ("sandbox.compile.cpu.ms.max", 1_000, HOUR_MS, |keys| {
            CompileLimits::of(keys).map(|limits| limits.compile_cpu_ms_max)
        }),
        ("sandbox.compile.ms.max", 1_000, HOUR_MS, |keys| {
            CompileLimits::of(keys).map(|limits| limits.compile_ms_max)
        }),
        (
            "sandbox.compile.memory.bytes.max",
            256 * MIB,
            64 * GIB,
            |keys| CompileLimits::of(keys).map(|limits| limits.compile_memory_bytes_max),
        ),
        ("sandbox.log.line.bytes.max", 64, 64 * KIB, |keys| {
            LogLimits::of(keys).map(|limits| limits.line_bytes_max as u64)
        }),
        ("sandbox.log.lines.per.second.max", 1, 100_000, |keys| {
            LogLimits::of(keys).map(|limits| limits.lines_per_second.into())
        }),
        ("sandbox.log.lines.burst.max", 1, 1_000_000, |keys| {
            LogLimits::of(keys).map(|limits| limits.lines_burst.into())
        }),
        ("sandbox.record.bytes.max", KIB, MIB, |keys| {
            RecordLimits::of(keys).map(|limits| limits.record_bytes_max as u64)
        }),
        ("sandbox.record.headers.max", 1, 256, |keys| {
            RecordLimits::of(keys).map(|limits| limits.record_headers_max as u64)
        }),
        ("sandbox.record.depth.max", 1, 64, |keys| {
            RecordLimits::of(keys).map(|limits| limits.record_depth_max as u64)
        }),
        ("task.in.flight.records.max", 1, 1_000_000, |keys| {
            InFlightLimits::of(keys).map(|limits| limits.in_flight_records_max as u64)
        }),
        ("task.in.flight.bytes.max", MIB, 4 * GIB, |keys| {
            InFlightLimits::of(keys).map(|limits| limits.in_flight_bytes_max as u64)
        }),
        ("rest.request.body.bytes.max", KIB, 64 * MIB, |keys| {
            RestLimits::of(keys).map(|limits| limits.body_bytes_max as u64)
        }),
        ("rest.request.header.bytes.max", 8 * KIB, MIB, |keys| {
            RestLimits::of(keys).map(|limits| limits.header_bytes_max as u64)
        }),
        ("rest.request.header.ms.max", 100, HOUR_MS, |keys| {
            RestLimits::of(keys).map(|limits| limits.header_ms_max)
        }),
        ("rest.request.body.ms.max", 100, HOUR_MS, |keys| {
            RestLimits::of(keys).map(|limits| limits.body_ms_max)
        }),
        ("rest.request.ms.max", 100, HOUR_MS, |keys| {
            RestLimits::of(keys).map(|limits| limits.request_ms_max)
        }),
        ("rest.connections.max", 1, 65_536, |keys| {
            RestLimits::of(keys).map(|limits| limits.connections_max as u64)
        }),
        ("rest.connection.ms.max", 1_000, 24 * HOUR_MS, |keys| {
            RestLimits::of(keys).map(|limits| limits.connection_ms_max)
        }),
    ];

    #[test]
    fn each_key_is_taken_within_its_bounds_and_refused_beyond_them() {
        for (key, least, most, read) in KEYS {
            let with = |value: &str| read(&[((*key).to_owned(), value.to_owned())].into());
            assert!(
                crate::worker_keys::KEYS.contains(key),
                "{key} is not a worker's key"
            );
            for value in [*least, *most] {
                assert_eq!(with(&value.to_string()).unwrap(), value, "{key}");
            }
            for (value, wanted) in [
                ((most + 1).to_string(), format!("no more than {most}")),
                ((least - 1).to_string(), format!("at least {least}")),
                ("-1".to_owned(), format!("at least {least}")),
                ("many".to_owned(), "many".to_owned()),
            ] {
                let refused = with(&value).unwrap_err().to_string();
                for part in [*key, &wanted] {
                    assert!(refused.contains(part), "{key}={value}: {refused}");
                }
            }
            let default = read(&Properties::new()).unwrap();
            assert!((*least..=*most).contains(&default), "{key}");
        }
    }
}
