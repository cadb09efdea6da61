//! What the guests of a task use is counted: calls, time, memory, bytes, faults, and what they were refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::sync::Arc;

use support::*;
use tidegate_config::grants::Grants;
use tidegate_sandbox::{Identity, Plugin, Refusal, SourceInstance, Used};

fn source_of(plugin: &Plugin, identity: &Identity, class: &str) -> SourceInstance {
    let class = format!("test.{class}");
    let mut source = plugin
        .source(identity, &class, &Grants::default(), Arc::new(NoOffsets))
        .unwrap();
    source.start(&config(&[])).unwrap();
    source
}

fn refused(used: &Used, what: Refusal) -> u64 {
    let at = Refusal::ALL.iter().position(|known| *known == what);
    used.refusals[at.unwrap()]
}

#[test]
fn memory_is_counted_while_guests_live_and_refusals_stay() {
    let plugin = plugin();
    let task = identity();
    let used = || task.usage.used();
    let mut hoarding = source_of(&plugin, &task, "TakesMemory");
    let quiet = source_of(&plugin, &task, "LoopsInPoll");
    assert!(used().memory_bytes >= 2 * 64 * 1024, "of two guests");
    assert_eq!(refused(&used(), Refusal::Memory), 0);
    hoarding.poll(1, 1).unwrap_err();
    let both = hoarding.memory_bytes() + quiet.memory_bytes();
    assert_eq!(used().memory_bytes, both as u64);
    assert!(refused(&used(), Refusal::Memory) >= 1);
    drop(hoarding);
    assert_eq!(used().memory_bytes, quiet.memory_bytes() as u64);
    drop(quiet);
    assert_eq!(used().memory_bytes, 0);
    assert_eq!(identity().usage.used(), Used::default(), "another task's");
}

#[test]
fn calls_take_time_and_a_fault_gives_its_memory_back() {
    let plugin = plugin();
    let task = identity();
    let mut looping = source_of(&plugin, &task, "LoopsInPoll");
    let before = task.usage.used();
    looping.poll(1, 1).unwrap_err();
    let used = task.usage.used();
    assert_eq!((used.calls - before.calls, used.faults), (1, 1));
    assert_eq!(used.memory_bytes, 0);
    let wall = used.nanoseconds - before.nanoseconds;
    let cpu = used.cpu_nanoseconds - before.cpu_nanoseconds;
    assert!(wall >= 250_000_000, "{wall} ns until the deadline");
    assert!(
        cpu > 20_000_000 && cpu <= wall + 50_000_000,
        "{cpu} of {wall} ns"
    );
    let mut sleeping = source_of(&plugin, &task, "SleepsInPoll");
    let before = task.usage.used();
    sleeping.poll(1, 1).unwrap_err();
    let slept = task.usage.used().cpu_nanoseconds - before.cpu_nanoseconds;
    assert!(slept < wall / 2, "{slept} ns of sleep");
}

#[test]
fn lines_of_the_log_that_are_dropped_are_refusals() {
    let task = identity();
    let mut flooding = source_of(&plugin(), &task, "FloodsLog");
    drop(flooding.poll(1, 1));
    assert!(refused(&task.usage.used(), Refusal::Log) > 0);
}

#[test]
fn bytes_of_records_are_counted_both_ways() {
    let plugin = plugin();
    let task = identity();
    let records = batch(&["a", "bb"]);
    let bytes = records.payload_bytes() as u64;
    let mut sink = plugin
        .sink(&task, "test.LoopsInFlush", &Grants::default())
        .unwrap();
    sink.start(&config(&[])).unwrap();
    let put = sink.put(records);
    assert!(put.ended.is_none(), "{:?}", put.ended);
    assert_eq!(task.usage.used().bytes_to_guests, bytes);
    assert_eq!(task.usage.used().bytes_from_guests, 0);
}
