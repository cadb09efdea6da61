//! What crossing the boundary costs: nanoseconds per record in and out, and memory of idle instances.
//!
//! `cargo bench -p tidegate-sandbox` (or `cargo run` of the same in the dev profile for guidance). The guest does
//! nothing: once it answers "unchanged", once it hands every column back, which is then checked.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::time::Instant;

use tidegate_config::guest_limits::GuestLimits;
use tidegate_model::{Batch, Encoder};
use tidegate_sandbox::TransformInstance;

use support::{batch, plugin_with, source, transform};

fn orders(count: usize) -> Batch {
    let mut orders = batch(&vec!["x"; count]);
    orders.keys = Default::default();
    orders.values = Default::default();
    for number in 0..count {
        let mark = orders.keys.begin();
        Encoder::new(&mut orders.keys.bytes).string(&format!("order-{number}"));
        orders.keys.end(mark);
        let mark = orders.values.begin();
        Encoder::new(&mut orders.values.bytes).string(&format!(
            "{{\"id\":{number},\"customer\":\"c-{}\",\"amount\":12.5,\"currency\":\"EUR\"}}",
            number % 97
        ));
        orders.values.end(mark);
    }
    orders
}

fn nanoseconds(transform: &mut TransformInstance, count: usize) -> f64 {
    let mut batch = orders(count);
    let rounds = (200_000 / count).max(1);
    let mut best = f64::MAX;
    for _ in 0..5 {
        let begun = Instant::now();
        for _ in 0..rounds {
            batch = black_box(transform.apply(batch).unwrap().batch);
        }
        best = best.min(begun.elapsed().as_nanos() as f64 / (rounds * count) as f64);
    }
    best
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn main() {
    let plugin = plugin_with(GuestLimits::default());
    println!("ns per record, best of five");
    println!(
        "{:>6} {:>12} {:>12} {:>12}",
        "batch", "reads none", "unchanged", "handed back"
    );
    for count in [1, 10, 100, 500, 2_000] {
        let mut cells = Vec::new();
        for (class, reads) in [("Nothing", "nothing"), ("Nothing", ""), ("HandsBack", "")] {
            let mut transform = transform(&plugin, class, &[("reads", reads)]);
            cells.push(nanoseconds(&mut transform, count));
        }
        println!(
            "{count:>6} {:>12.1} {:>12.1} {:>12.1}",
            cells[0], cells[1], cells[2]
        );
    }

    let before = resident_kib();
    let begun = Instant::now();
    let idle: Vec<_> = (0..1_000).map(|_| source(&plugin, "Counts")).collect();
    let elapsed = begun.elapsed();
    let after = resident_kib();
    println!(
        "{} idle source tasks: {} KiB each, started in {:.0} µs each",
        idle.len(),
        (after - before) / 1_000,
        elapsed.as_micros() as f64 / 1_000.0
    );
}
