//! The functions that guests call: our own and those of WASI, some of which are replaced by stricter ones.

use std::time::Instant;

use std::sync::atomic::Ordering;

use tidegate_model::limits::SOURCE_POSITION_BYTES_MAX;
use tidegate_model::value::{self, View};
use wasmtime::component::{HasData, Linker};
use wasmtime::{Error, Result};

use crate::bindings::{host, sink_progress, source_offsets, task_reconfiguration, tcp, types};
use crate::guest_log::Level;
use crate::network::{http, sockets};
use crate::state::State;
use crate::{files, waits};

/// The most source partitions of one call.
pub const SOURCE_PARTITIONS_MAX: usize = 10_000;

/// Why a host function ended its guest.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    #[error("it waited in the host until its deadline")]
    Waited,
    #[error("{0}")]
    Violation(String),
    #[error("{0}")]
    Unavailable(String),
    /// Before its first call: its functions have other types.
    #[error("{0}")]
    Unfit(String),
}

/// Links everything that a component may import.
pub(crate) fn linker(engine: &wasmtime::Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    linker.allow_shadowing(true);
    waits::add_to_linker(&mut linker)?;
    files::add_to_linker(&mut linker)?;
    sockets::add_to_linker(&mut linker)?;
    http::add_to_linker(&mut linker)?;
    linker.allow_shadowing(false);
    types::add_to_linker::<State, HasState>(&mut linker, |state| state)?;
    host::add_to_linker::<State, HasState>(&mut linker, |state| state)?;
    source_offsets::add_to_linker::<State, HasState>(&mut linker, |state| state)?;
    sink_progress::add_to_linker::<State, HasState>(&mut linker, |state| state)?;
    task_reconfiguration::add_to_linker::<State, HasState>(&mut linker, |state| state)?;
    tcp::add_to_linker::<State, HasState>(&mut linker, |state| state)?;
    Ok(linker)
}

struct HasState;

impl HasData for HasState {
    type Data<'a> = &'a mut State;
}

impl types::Host for State {}

impl host::Host for State {
    fn log(&mut self, level: host::Level, message: String) -> Result<()> {
        let level = match level {
            host::Level::Error => Level::Error,
            host::Level::Warn => Level::Warn,
            host::Level::Info => Level::Info,
            host::Level::Debug => Level::Debug,
        };
        self.log.line(level, &message);
        Ok(())
    }

    fn time_left_ms(&mut self) -> Result<u32> {
        let left = self.deadline().saturating_duration_since(Instant::now());
        Ok(u32::try_from(left.as_millis()).unwrap_or(u32::MAX))
    }
}

impl source_offsets::Host for State {
    fn read(&mut self, partitions: Vec<Vec<u8>>) -> Result<Vec<Option<Vec<u8>>>> {
        if partitions.len() > SOURCE_PARTITIONS_MAX {
            return Err(violation(format!(
                "it read the offsets of {} source partitions at once; at most {SOURCE_PARTITIONS_MAX} are allowed",
                partitions.len()
            )));
        }
        let mut offsets = Vec::with_capacity(partitions.len());
        let mut found = 0;
        for partition in &partitions {
            check_position("a source partition", partition).map_err(violation)?;
            let offset = match &self.offsets {
                Some(reader) => reader
                    .read(partition)
                    .map_err(|message| Error::new(Ended::Unavailable(message)))?,
                None => None,
            };
            found += offset.as_ref().map_or(0, Vec::len);
            let max = self.input_bytes_max;
            if found > max {
                return Err(violation(format!(
                    "it read source offsets of more than {max} bytes at once; no more are allowed: ask for fewer source partitions at a time"
                )));
            }
            offsets.push(offset);
        }
        Ok(offsets)
    }
}

impl task_reconfiguration::Host for State {
    fn request(&mut self) -> Result<()> {
        self.asks.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl sink_progress::Host for State {
    fn delivered(&mut self, count: u32) -> Result<()> {
        self.in_hand.delivered(count).map_err(violation)
    }
}

/// Checks that bytes are a source partition or a source offset: an encoded map of bounded length.
pub(crate) fn check_position(what: &str, bytes: &[u8]) -> Result<(), String> {
    if bytes.len() > SOURCE_POSITION_BYTES_MAX {
        return Err(format!(
            "{what} of {} bytes; at most {SOURCE_POSITION_BYTES_MAX} are allowed",
            bytes.len()
        ));
    }
    value::check(bytes).map_err(|error| format!("{what} is not an encoded value: {error}"))?;
    match View::read(bytes) {
        Ok(View::Map(_)) => Ok(()),
        _ => Err(format!("{what} is an encoded value but not a map")),
    }
}

fn violation(message: String) -> Error {
    Error::new(Ended::Violation(message))
}
