//! What is done with a store. Each workload runs in a process of its own, so that its memory is its own.
//!
//! | workload | what |
//! | --- | --- |
//! | `bulk` | chunks of 500 records, each in a write of its own |
//! | `small` | chunks of one record; each 10,000 of them are replaced by one of 500, as compaction does |
//! | `scan` | opens a store that was closed, and reads all chunks in order |
//! | `endless` | as `bulk`, until it is killed; says after each write how many records are acknowledged |
//! | `check` | opens a store that was not closed, and counts what is in it |

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::chunk::{State, chunk, count};
use crate::figures::Figures;
use crate::store::{Durability, Result, Store, open};
use crate::usage::{Stopwatch, disk_bytes, peak_memory_mib};

/// How many records are written at once.
pub const CHUNK_RECORDS: usize = 500;
/// How often what survives only the process is brought to the disk.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);
/// How many small chunks are replaced at once.
const COMPACTED_CHUNKS: u64 = 10_000;

/// Runs a workload.
pub fn run(
    workload: &str,
    store: &str,
    durability: Durability,
    folder: &Path,
    records: u64,
) -> Result<Figures> {
    match workload {
        "bulk" => write(store, durability, folder, records, CHUNK_RECORDS),
        "small" => write(store, durability, folder, records, 1),
        "scan" => scan(store, folder),
        "endless" => endless(store, folder),
        "check" => check(store, folder),
        _ => Err(format!("there is no workload {workload}").into()),
    }
}

/// Writes chunks one after another, and syncs as the log does.
struct Writer {
    store: Box<dyn Store>,
    state: State,
    chunk: Vec<u8>,
    records: i64,
    /// When to sync next; never when each write is synced by the store.
    sync_at: Option<Instant>,
}

impl Writer {
    fn open(store: &str, durability: Durability, folder: &Path, records: usize) -> Result<Self> {
        Ok(Self {
            store: open(store, folder, durability)?,
            state: State::default(),
            chunk: chunk(records),
            records: i64::try_from(records)?,
            sync_at: (durability == Durability::Process).then(|| Instant::now() + SYNC_INTERVAL),
        })
    }

    fn append(&mut self) -> Result<()> {
        let base = self.state.next;
        self.state.next += self.records;
        self.state.bytes += self.chunk.len() as u64;
        self.store.append(base, &self.chunk, self.state)?;
        if self.sync_at.is_some_and(|at| at <= Instant::now()) {
            self.store.sync()?;
            self.sync_at = Some(Instant::now() + SYNC_INTERVAL);
        }
        Ok(())
    }

    /// Replaces the last small chunks by one of the same offsets.
    fn compact(&mut self) -> Result<()> {
        let first = self.state.next - i64::try_from(COMPACTED_CHUNKS)?;
        let removed: Vec<i64> = (first + 1..self.state.next).collect();
        let chunk = chunk(CHUNK_RECORDS);
        self.store.replace(&removed, first, &chunk, self.state)
    }
}

fn write(
    store: &str,
    durability: Durability,
    folder: &Path,
    records: u64,
    at_once: usize,
) -> Result<Figures> {
    let mut writer = Writer::open(store, durability, folder, at_once)?;
    let watch = Stopwatch::start()?;
    for number in 1..=records / at_once as u64 {
        writer.append()?;
        if at_once == 1 && number % COMPACTED_CHUNKS == 0 {
            writer.compact()?;
        }
    }
    let clock = watch.clock();
    let used = disk_bytes(folder)?;
    // What is left to do in the background or at the end is work for these records too.
    drop(writer);
    let per_record = |time: Duration| time.as_nanos() as f64 / records as f64;
    Ok(Figures::from([
        ("clock_ns", per_record(clock)),
        ("cpu_ns", per_record(watch.cpu()?)),
        ("memory_mib", peak_memory_mib()?),
        ("disk_open", used as f64),
        ("disk_closed", disk_bytes(folder)? as f64),
    ]))
}

fn scan(store: &str, folder: &Path) -> Result<Figures> {
    let (mut store, state, opened) = reopen(store, folder)?;
    let watch = Stopwatch::start()?;
    let found = records(store.as_mut())?;
    if found != state.next {
        return Err(format!("{found} records of {} were found", state.next).into());
    }
    let per_record = |time: Duration| time.as_nanos() as f64 / found as f64;
    Ok(Figures::from([
        ("open_ms", opened.as_secs_f64() * 1000.0),
        ("clock_ns", per_record(watch.clock())),
        ("cpu_ns", per_record(watch.cpu()?)),
        ("memory_mib", peak_memory_mib()?),
    ]))
}

fn endless(store: &str, folder: &Path) -> Result<Figures> {
    let mut writer = Writer::open(store, Durability::Process, folder, CHUNK_RECORDS)?;
    let mut out = std::io::stdout().lock();
    loop {
        writer.append()?;
        writeln!(out, "{}", writer.state.next)?;
        out.flush()?;
    }
}

fn check(store: &str, folder: &Path) -> Result<Figures> {
    let (mut store, state, opened) = reopen(store, folder)?;
    let found = records(store.as_mut())?;
    if found != state.next {
        return Err(format!("the state says {} records, {found} are there", state.next).into());
    }
    Ok(Figures::from([
        ("open_ms", opened.as_secs_f64() * 1000.0),
        ("records", found as f64),
    ]))
}

/// Opens a store and reads its state, as the log does before it is used.
fn reopen(store: &str, folder: &Path) -> Result<(Box<dyn Store>, State, Duration)> {
    let start = Instant::now();
    let mut store = open(store, folder, Durability::Process)?;
    let state = store.state()?.unwrap_or_default();
    Ok((store, state, start.elapsed()))
}

/// How many records there are from the first offset on without a gap, by what the chunks say.
fn records(store: &mut dyn Store) -> Result<i64> {
    let (mut next, mut buffer) = (0, Vec::new());
    while store.read(next, &mut buffer)? {
        next += i64::from(count(&buffer).ok_or("a chunk is too short")?);
    }
    Ok(next)
}
