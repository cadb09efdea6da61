//! The functions that guests call: our own, and those of WASI that could wait for ever.
//!
//! An epoch ends a guest that computes; it does not end a guest that waits inside the host. So each function
//! that waits does so until the deadline of the call that is running, and then ends the guest itself.

use std::sync::atomic::Ordering;

use tidegate_model::limits::{CALL_BYTES_TO_GUEST_MAX, SOURCE_POSITION_BYTES_MAX};
use tidegate_model::value::{self, View};
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime::{Error, Result};
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::io::poll as async_poll;
use wasmtime_wasi::p2::bindings::sync::io::poll;
use wasmtime_wasi::runtime::in_tokio;

use crate::bindings::{host, sink_progress, source_offsets, task_reconfiguration, types};
use crate::files;
use crate::guest_log::Level;
use crate::state::State;

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
}

/// Links everything that a component may import.
pub(crate) fn linker(engine: &wasmtime::Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
    linker.allow_shadowing(true);
    poll::add_to_linker::<State, Waits<'static>>(&mut linker, |state| Waits {
        deadline: state.deadline,
        table: &mut state.table,
    })?;
    files::add_to_linker(&mut linker)?;
    linker.allow_shadowing(false);
    types::add_to_linker::<State, HasState>(&mut linker, |state| state)?;
    host::add_to_linker::<State, HasState>(&mut linker, |state| state)?;
    source_offsets::add_to_linker::<State, HasState>(&mut linker, |state| state)?;
    sink_progress::add_to_linker::<State, HasState>(&mut linker, |state| state)?;
    task_reconfiguration::add_to_linker::<State, HasState>(&mut linker, |state| state)?;
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
            if found > CALL_BYTES_TO_GUEST_MAX {
                return Err(violation(format!(
                    "it read source offsets of more than {CALL_BYTES_TO_GUEST_MAX} bytes at once; no more are allowed: ask for fewer source partitions at a time"
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

/// `wasi:io/poll` with a deadline.
struct Waits<'a> {
    deadline: std::time::Instant,
    table: &'a mut ResourceTable,
}

impl HasData for Waits<'static> {
    type Data<'a> = Waits<'a>;
}

impl Waits<'_> {
    fn wait<T>(&mut self, wait: impl AsyncFnOnce(&mut ResourceTable) -> Result<T>) -> Result<T> {
        let deadline = self.deadline.into();
        in_tokio(async {
            tokio::time::timeout_at(deadline, wait(self.table))
                .await
                .unwrap_or_else(|_| Err(Error::new(Ended::Waited)))
        })
    }
}

impl poll::Host for Waits<'_> {
    fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> Result<Vec<u32>> {
        self.wait(async |table| async_poll::Host::poll(table, pollables).await)
    }
}

impl poll::HostPollable for Waits<'_> {
    fn ready(&mut self, pollable: Resource<DynPollable>) -> Result<bool> {
        self.wait(async |table| async_poll::HostPollable::ready(table, pollable).await)
    }

    fn block(&mut self, pollable: Resource<DynPollable>) -> Result<()> {
        self.wait(async |table| async_poll::HostPollable::block(table, pollable).await)
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> Result<()> {
        async_poll::HostPollable::drop(self.table, pollable)
    }
}
