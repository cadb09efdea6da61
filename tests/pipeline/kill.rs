//! At least once across `kill -9` at any moment: every record arrives, none is invented.

use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

use crate::support::{Broker, Place, lines, text};

/// How often the worker is killed.
const KILLS: u64 = 50;
/// How many records are new in each run: enough that the kill finds them on their way.
const RECORDS: u64 = 4_000;

fn nothing_is_lost(broker: Broker) {
    let mut place = Place::new(broker);
    let (input, output) = (place.path("in"), place.path("out"));
    let mut file = std::fs::File::create(&input).unwrap();
    place.file_source(&input, "lines");
    place.file_sink(&output, "lines", "");
    let mut wanted = BTreeSet::new();
    let mut append = |run: u64, part: u64| {
        let half = RECORDS / 2;
        let records: Vec<String> = (0..half)
            .map(|number| format!("record {run}/{part}/{number} of the kill test"))
            .collect();
        file.write_all((records.join("\n") + "\n").as_bytes())
            .unwrap();
        wanted.extend(records);
    };
    // A fixed sequence of moments, spread over start, run and commit.
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    for run in 0..KILLS {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        append(run, 0);
        let worker = place.start();
        std::thread::sleep(Duration::from_millis((seed >> 33) % 400));
        append(run, 1);
        std::thread::sleep(Duration::from_millis((seed >> 43) % 60));
        worker.kill();
    }
    let last = place.run_until_idle();
    assert!(last.status.success(), "{}", text(&last));
    let written = lines(&output);
    let found: BTreeSet<String> = written.iter().cloned().collect();
    let lost: Vec<_> = wanted.difference(&found).take(3).collect();
    assert!(lost.is_empty(), "lost {lost:?}; {}", text(&last));
    let invented: Vec<_> = found.difference(&wanted).take(3).collect();
    assert!(invented.is_empty(), "invented {invented:?}");
    println!(
        "{KILLS} kills, {} records, {} lines written",
        wanted.len(),
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
