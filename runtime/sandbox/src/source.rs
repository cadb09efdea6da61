//! A source task's guest.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tidegate_config::Properties;
use tidegate_model::limits::BATCH_RECORDS_MAX;
use tidegate_model::{Batch, Column};

use crate::bindings::source::{Guest as Exports, PollLimits, Polled as WirePolled};
use crate::bridge::{column_from_wire, from_wire};
use crate::error::SandboxError;
use crate::guest::Guest;
use crate::host_functions::{SOURCE_PARTITIONS_MAX, check_position};
use crate::incoming::Checks;
use crate::settings::Deadline;

/// The longest wait that a source may ask for, in milliseconds.
pub const WAIT_MS_MAX: u32 = 60_000;

/// A source task's guest. Life: `start` → (`poll` | `commit`)* → `stop`.
pub struct SourceInstance {
    guest: Guest<Exports>,
    class: String,
    checks: Checks,
    asks: Arc<AtomicBool>,
}

/// What a poll found, checked.
#[derive(Debug, Default)]
pub struct Polled {
    /// The records; none: nothing new.
    pub batch: Batch,
    /// The distinct source partitions: encoded maps.
    pub source_partitions: Vec<Vec<u8>>,
    /// For each record the index of its source partition. Empty: 0 for every record.
    pub source_partition_indexes: Vec<u32>,
    /// For each record its source offset, an encoded map; null: no restart is possible after it.
    pub source_offsets: Column,
    /// How long to wait before the next poll when this one found nothing, in milliseconds; 0: as you like.
    pub wait_ms: u32,
}

impl SourceInstance {
    pub(crate) fn new(guest: Guest<Exports>, class: &str, asks: Arc<AtomicBool>) -> Self {
        Self {
            checks: guest.checks(),
            guest,
            class: class.to_owned(),
            asks,
        }
    }

    /// Whether it asked, since this was last looked at, for its connector's tasks to be divided anew.
    #[must_use]
    pub fn takes_ask(&self) -> bool {
        self.asks.swap(false, Ordering::Relaxed)
    }

    /// Starts the task.
    ///
    /// # Errors
    /// The guest's own, or its fault.
    pub fn start(&mut self, config: &Properties) -> Result<(), SandboxError> {
        let (class, config) = (&self.class, self.guest.config(config));
        self.guest.call("start", Deadline::Start, |exports, store| {
            exports.call_start(store, class, &config)
        })
    }

    /// Takes what is there: at most `records_max` records of about `bytes_max` bytes.
    ///
    /// # Errors
    /// The guest's own, or its fault; an answer that breaks the interface is one.
    pub fn poll(&mut self, records_max: u32, bytes_max: u32) -> Result<Polled, SandboxError> {
        let records_max = records_max.min(BATCH_RECORDS_MAX as u32);
        let limits = PollLimits {
            records_max,
            bytes_max,
        };
        let polled = self.guest.call("poll", Deadline::Poll, |exports, store| {
            exports.call_poll(store, limits)
        })?;
        self.check(polled, records_max as usize)
            .map_err(|message| self.guest.violation("poll", message))
    }

    /// Tells the guest what is durable.
    ///
    /// # Errors
    /// The guest's own, or its fault.
    pub fn commit(
        &mut self,
        partitions: Vec<Vec<u8>>,
        offsets: Vec<Vec<u8>>,
    ) -> Result<(), SandboxError> {
        self.guest
            .call("commit", Deadline::Start, |exports, store| {
                exports.call_commit(store, &partitions, &offsets)
            })
    }

    /// Ends the task.
    ///
    /// # Errors
    /// The guest's fault.
    pub fn stop(&mut self) -> Result<(), SandboxError> {
        self.guest
            .call_infallible("stop", Deadline::Start, |exports, store| {
                exports.call_stop(store)
            })
    }

    /// Whether a fault ended the guest.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.guest.is_dead()
    }

    /// The bytes of its linear memories.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.guest.memory_bytes()
    }

    fn check(&mut self, polled: WirePolled, records_max: usize) -> Result<Polled, String> {
        let polled = Polled {
            batch: from_wire(polled.batch),
            source_partitions: polled.source_partitions,
            source_partition_indexes: polled.source_partition_indexes,
            source_offsets: column_from_wire(polled.source_offsets),
            wait_ms: polled.wait_ms.min(WAIT_MS_MAX),
        };
        let count = polled.batch.count;
        if count == 0 {
            return Ok(Polled {
                wait_ms: polled.wait_ms,
                ..Polled::default()
            });
        }
        if count > records_max {
            return Err(format!("{count} records; {records_max} were asked for"));
        }
        self.guest.gave(polled.batch.payload_bytes());
        self.checks.batch(&polled.batch)?;
        polled.check_positions()?;
        Ok(polled)
    }
}

impl Polled {
    /// Checks source partitions and offsets.
    fn check_positions(&self) -> Result<(), String> {
        let count = self.batch.count;
        let partitions = self.source_partitions.len();
        if partitions == 0 || partitions > SOURCE_PARTITIONS_MAX {
            return Err(format!(
                "{partitions} source partitions; 1 to {SOURCE_PARTITIONS_MAX} are allowed"
            ));
        }
        for partition in &self.source_partitions {
            check_position("a source partition", partition)?;
        }
        let indexes = &self.source_partition_indexes;
        if !indexes.is_empty() && indexes.len() != count {
            return Err(format!(
                "source-partition-indexes has {} entries; 0 or {count} are allowed",
                indexes.len()
            ));
        }
        if let Some(index) = indexes.iter().find(|index| **index as usize >= partitions) {
            return Err(format!("source partition number {index} of {partitions}"));
        }
        let offsets = &self.source_offsets;
        if !offsets.is_empty() && offsets.len() != count {
            return Err(format!(
                "source-offsets has {} entries; 0 or {count} are allowed",
                offsets.len()
            ));
        }
        offsets
            .check()
            .map_err(|error| format!("source-offsets: {error}"))?;
        for offset in offsets.iter().flatten() {
            check_position("a source offset", offset)?;
        }
        Ok(())
    }
}
