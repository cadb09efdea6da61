//! At least once across `kill -9` at any moment: every record arrives, none is invented.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::{Broker, Place, lines, text};

/// How often the worker is killed.
const KILLS: u64 = 50;
/// How many records there are.
const RECORDS: usize = 60_000;

fn nothing_is_lost(broker: Broker) {
    let mut place = Place::new(broker);
    let (input, output) = (place.path("in"), place.path("out"));
    let records: Vec<String> = (0..RECORDS)
        .map(|number| format!("record {number} of the kill test"))
        .collect();
    std::fs::write(&input, records.join("\n") + "\n").unwrap();
    place.file_source(&input, "lines");
    place.file_sink(&output, "lines", "");
    // A fixed sequence of moments, spread over start, run and commit.
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..KILLS {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let worker = place.start();
        std::thread::sleep(Duration::from_millis(20 + (seed >> 33) % 500));
        worker.kill();
    }
    let last = place.run_until_idle();
    assert!(last.status.success(), "{}", text(&last));
    let wanted: BTreeSet<&str> = records.iter().map(String::as_str).collect();
    let written = lines(&output);
    // A kill may cut the file within a line; the line is written again whole.
    let found: BTreeSet<&str> = written.iter().map(String::as_str).collect();
    let lost: Vec<_> = wanted.difference(&found).take(3).collect();
    assert!(lost.is_empty(), "lost {lost:?}; {}", text(&last));
    let invented: Vec<_> = found.difference(&wanted).take(3).collect();
    assert!(invented.is_empty(), "invented {invented:?}");
    println!(
        "{KILLS} kills, {RECORDS} records, {} lines written",
        written.len()
    );
}

#[test]
fn nothing_is_lost_across_50_kills_on_the_embedded_log() {
    nothing_is_lost(Broker::Embedded);
}

#[test]
fn nothing_is_lost_across_50_kills_on_kafka() {
    if let Some(kafka) = Broker::kafka() {
        nothing_is_lost(kafka);
    }
}
