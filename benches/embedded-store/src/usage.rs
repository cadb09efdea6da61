//! What a process used: clock, CPU, memory, disk.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeVal;

use crate::store::Result;

/// Measures from its beginning.
pub struct Stopwatch {
    clock: Instant,
    cpu: Duration,
}

impl Stopwatch {
    /// Begins.
    pub fn start() -> Result<Self> {
        Ok(Self {
            clock: Instant::now(),
            cpu: cpu()?,
        })
    }

    /// The time by the clock.
    pub fn clock(&self) -> Duration {
        self.clock.elapsed()
    }

    /// The time of all threads of this process, user and system.
    pub fn cpu(&self) -> Result<Duration> {
        Ok(cpu()?.saturating_sub(self.cpu))
    }
}

fn usage() -> Result<Usage> {
    Ok(getrusage(UsageWho::RUSAGE_SELF)?)
}

fn cpu() -> Result<Duration> {
    let usage = usage()?;
    let time = |value: TimeVal| {
        Duration::new(value.tv_sec().unsigned_abs(), 0)
            + Duration::from_micros(value.tv_usec().unsigned_abs())
    };
    Ok(time(usage.user_time()) + time(usage.system_time()))
}

/// The most memory that this process had, in MiB.
pub fn peak_memory_mib() -> Result<f64> {
    Ok(usage()?.max_rss() as f64 / 1024.0)
}

/// The bytes that the files of a folder take on the disk; holes in them take none.
pub fn disk_bytes(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in folder.read_dir()? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() {
            disk_bytes(&entry.path())?
        } else {
            metadata.blocks() * 512
        };
    }
    Ok(bytes)
}
