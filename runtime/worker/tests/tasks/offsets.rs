//! Offsets of a source while the broker is away.

use std::time::Duration;

use crate::support::{Place, numbers, wait_for};
use tidegate_test_fakes::Fate;

/// The positions in the offset topic.
fn written(place: &Place) -> Vec<String> {
    let topic = place.offset_topic();
    let ends = place.broker().admin().describe(&topic).unwrap().offsets;
    let mut left: i64 = ends.iter().map(|(first, end)| end - first).sum();
    let mut reader = place.broker().reader(&topic).unwrap();
    let mut found = Vec::new();
    while left > 0 {
        let batch = reader.read(100, crate::support::DEADLINE).unwrap();
        left -= batch.count as i64;
        let values = batch.iter_values().flatten();
        found.extend(values.map(|value| String::from_utf8(value.to_vec()).unwrap()));
    }
    found
}

#[test]
fn a_source_hears_no_commit_before_its_offset_is_written() {
    let place = Place::new();
    let offsets = place.offset_topic();
    place.producer().set(offsets.as_str(), Fate::Refused);
    let started = place.start("WritesCommits", &[]);
    let progress = started.handle.progress();
    wait_for(
        "all records",
        || progress.counts().records_out,
        |out| *out == 10,
    );
    // It is tried at each commit, and the records stay acknowledged.
    let refused = place.producer().refused();
    wait_for(
        "two more tries",
        || place.producer().refused(),
        |now| *now >= refused + 2,
    );
    assert_eq!(place.lines(), Vec::<String>::new(), "commit was called");
    assert_eq!(written(&place), Vec::<String>::new());

    place.producer().set(offsets.as_str(), Fate::Written);
    wait_for("the commit", || place.lines(), |lines| !lines.is_empty());
    assert_eq!(place.lines(), ["9"]);
    assert_eq!(written(&place), [r#"{"position":"9"}"#]);
    place.stop(started);
    assert_eq!(place.lines(), ["9"], "it was committed once");
}

#[test]
fn offsets_that_could_not_be_written_are_written_at_the_end() {
    let place = Place::new();
    let offsets = place.offset_topic();
    place.producer().set(offsets.as_str(), Fate::Refused);
    let started = place.start("WritesCommits", &[]);
    wait_for("a try", || place.producer().refused(), |now| *now >= 1);
    let progress = started.handle.progress();
    wait_for(
        "all records",
        || progress.counts().records_out,
        |out| *out == 10,
    );
    place.producer().set(offsets.as_str(), Fate::Written);
    place.stop(started);
    let committed = place.lines();
    assert_eq!(committed.last(), numbers(9..10).first());
    assert_eq!(
        written(&place).last().map(String::as_str),
        Some(r#"{"position":"9"}"#)
    );
}

#[test]
fn offsets_of_many_source_partitions_are_written_before_the_commit_is_due() {
    let place = Place::with(&[]);
    let topic = place.offset_topic();
    let begun = std::time::Instant::now();
    let started = place.start("NewSourcePartitions", &[]);
    let written = || {
        let described = place.broker().admin().describe(&topic).unwrap();
        described.offsets.iter().map(|(_, end)| *end).sum::<i64>()
    };
    // As often as it is needed.
    wait_for("offsets", written, |written| *written >= 30_000);
    assert!(begun.elapsed() < Duration::from_secs(50));
    place.stop(started);
}

#[test]
fn a_source_waits_when_offsets_of_many_source_partitions_cannot_be_written() {
    let place = Place::with(&[]);
    let topic = place.offset_topic();
    place.producer().set(topic.as_str(), Fate::Refused);
    let started = place.start("NewSourcePartitions", &[]);
    let progress = started.handle.progress();
    wait_for("tries", || place.producer().refused(), |now| *now >= 2);
    let polled = progress.counts().records_in;
    wait_for("two more", || place.producer().refused(), |now| *now >= 4);
    assert_eq!(progress.counts().records_in, polled);
    assert!((10_000..12_000).contains(&polled), "{polled}");
    place.producer().set(topic.as_str(), Fate::Written);
    wait_for(
        "more records",
        || progress.counts().records_in,
        |now| *now > polled,
    );
    place.stop(started);
}
