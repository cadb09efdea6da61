//! Runs the workloads, store after store and round after round, each in a process of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::chunk::RECORD_BYTES;
use crate::figures::Figures;
use crate::store::{Durability, REDB_NONE, Result};
use crate::table::Table;

/// How much is done.
#[derive(Debug)]
pub struct Plan {
    /// Where the stores are made and removed again.
    pub folder: PathBuf,
    /// Records that are written in bulk, and before a kill.
    pub records: u64,
    /// Records that are written with a sync each, or one by one, or before an early kill.
    pub records_few: u64,
    /// How many rounds.
    pub rounds: u32,
    /// Which stores.
    pub stores: Vec<String>,
}

/// How often a store is killed in a round when it has few records.
const EARLY_KILLS: u64 = 3;

/// Measures all.
///
/// # Errors
/// When a workload fails, or a store has a gap or a state that does not fit its records.
pub fn measure(plan: &Plan) -> Result<Table> {
    let mut table = Table::default();
    for round in 1..=plan.rounds {
        for (what, step) in [
            ("bulk", bulk as fn(&Plan, &str, &mut Table) -> Result<()>),
            ("synced", synced),
            ("small", small),
            ("kill", kills),
        ] {
            for store in &plan.stores {
                eprintln!("round {round} of {}: {what}, {store}", plan.rounds);
                step(plan, store, &mut table)?;
                remove(plan)?;
            }
        }
        if plan.stores.iter().any(|store| store == "redb") {
            kill(plan, REDB_NONE, plan.records_few, &mut table)?;
            remove(plan)?;
        }
    }
    Ok(table)
}

fn bulk(plan: &Plan, store: &str, table: &mut Table) -> Result<()> {
    let written = child(plan, store, "bulk", Durability::Process, plan.records)?;
    let bytes = plan.records as f64 * RECORD_BYTES as f64;
    let per_megabyte = |nanoseconds: f64| nanoseconds * 1000.0 / RECORD_BYTES as f64;
    table.add("write, ns", store, written.get("clock_ns")?);
    table.add("write, CPU ns", store, written.get("cpu_ns")?);
    let cpu = per_megabyte(written.get("cpu_ns")?);
    table.add("write, CPU µs per MB", store, cpu);
    table.add("write, peak MiB", store, written.get("memory_mib")?);
    let (open, closed) = (written.get("disk_open")?, written.get("disk_closed")?);
    table.add("disk, at the end of writing", store, open / bytes);
    table.add("disk, closed", store, closed / bytes);
    let read = child(plan, store, "scan", Durability::Process, plan.records)?;
    table.add("read, ns", store, read.get("clock_ns")?);
    table.add("read, CPU ns", store, read.get("cpu_ns")?);
    let cpu = per_megabyte(read.get("cpu_ns")?);
    table.add("read, CPU µs per MB", store, cpu);
    table.add("read, peak MiB", store, read.get("memory_mib")?);
    table.add("open after close, ms", store, read.get("open_ms")?);
    Ok(())
}

fn synced(plan: &Plan, store: &str, table: &mut Table) -> Result<()> {
    let written = child(plan, store, "bulk", Durability::Disk, plan.records_few)?;
    table.add("write, each synced, ns", store, written.get("clock_ns")?);
    table.add("write, each synced, CPU ns", store, written.get("cpu_ns")?);
    Ok(())
}

fn small(plan: &Plan, store: &str, table: &mut Table) -> Result<()> {
    let written = child(plan, store, "small", Durability::Process, plan.records_few)?;
    table.add("one by one, ns", store, written.get("clock_ns")?);
    table.add("one by one, CPU ns", store, written.get("cpu_ns")?);
    table.add("one by one, peak MiB", store, written.get("memory_mib")?);
    let mebibytes = written.get("disk_closed")? / (1024.0 * 1024.0);
    table.add("one by one, disk MiB", store, mebibytes);
    Ok(())
}

fn kills(plan: &Plan, store: &str, table: &mut Table) -> Result<()> {
    for number in 1..=EARLY_KILLS {
        kill(plan, store, plan.records_few * number / EARLY_KILLS, table)?;
        remove(plan)?;
    }
    let opened = kill(plan, store, plan.records, table)?;
    table.add("open after kill -9, ms", store, opened);
    Ok(())
}

/// Kills a writer after it acknowledged so many records, opens what it left, and compares. Returns how long opening
/// took, in ms.
fn kill(plan: &Plan, store: &str, after: u64, table: &mut Table) -> Result<f64> {
    let mut writer = command(plan, store, "endless", Durability::Process, 0)?
        .stdout(Stdio::piped())
        .spawn()?;
    let lines = BufReader::new(writer.stdout.take().ok_or("the writer has no output")?).lines();
    let mut acknowledged = 0;
    let mut killed = false;
    // What it acknowledged before the signal arrived is still in the pipe, and is read to its end.
    for line in lines {
        acknowledged = line?.parse()?;
        if acknowledged >= after && !killed {
            writer.kill()?;
            killed = true;
        }
    }
    writer.wait()?;
    if !killed {
        return Err(format!("{store} ended before it was killed").into());
    }
    let found = child(plan, store, "check", Durability::Process, 0)?;
    table.killed(store, acknowledged, found.get("records")? as u64);
    found.get("open_ms")
}

/// Runs a workload in a process of its own.
fn child(
    plan: &Plan,
    store: &str,
    workload: &str,
    durability: Durability,
    records: u64,
) -> Result<Figures> {
    let output = command(plan, store, workload, durability, records)?
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("{workload} of {store} failed: {}", output.status).into());
    }
    Figures::parse(&String::from_utf8(output.stdout)?)
}

fn command(
    plan: &Plan,
    store: &str,
    workload: &str,
    durability: Durability,
    records: u64,
) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["--workload", workload, store, durability.name()])
        .arg(folder(plan))
        .arg(records.to_string());
    Ok(command)
}

fn folder(plan: &Plan) -> PathBuf {
    plan.folder.join("embedded-store")
}

fn remove(plan: &Plan) -> Result<()> {
    let folder: &Path = &folder(plan);
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}
