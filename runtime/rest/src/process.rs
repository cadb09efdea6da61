//! What the process uses, as Linux tells it.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What the process uses; nothing of what cannot be read.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Process {
    /// The time that processors spent on it.
    pub(crate) cpu: Duration,
    /// The bytes of its memory that are in RAM.
    pub(crate) resident_bytes: u64,
    /// Its threads.
    pub(crate) threads: u64,
    /// Its open files and sockets.
    pub(crate) open_files: u64,
}

impl Process {
    /// Now. Blocks for a moment.
    pub(crate) fn now() -> Self {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let number = |key: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            number.unwrap_or(0)
        };
        Self {
            cpu: Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0)),
            resident_bytes: number("VmRSS:") * 1024,
            threads: number("Threads:"),
            open_files: std::fs::read_dir("/proc/self/fd").map_or(0, |files| files.count() as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something() {
        let process = Process::now();
        assert!(process.cpu > Duration::ZERO && process.resident_bytes > 1_000_000);
        assert!(
            process.threads >= 1 && process.open_files >= 3,
            "{process:?}"
        );
    }
}
