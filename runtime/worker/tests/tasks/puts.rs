//! Sinks that ask to be given records again.

use std::time::{Duration, Instant};

use crate::support::{Place, numbers, wait_for};

/// Transforms that make each value of 1,000,000 bytes, so that a call carries eight of them.
const GROWING: [(&str, &str); 3] = [
    ("transforms", "grow"),
    ("transforms.grow.type", "test.GrowsValues"),
    ("transforms.grow.bytes", "1000000"),
];

fn offsets(place: &Place) -> Vec<(i32, i64)> {
    let committed = place.committed().into_iter();
    let mut offsets: Vec<_> = committed
        .map(|(at, offset)| (at.partition, offset))
        .collect();
    offsets.sort_unstable();
    offsets
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort_by_key(|line| line.parse::<u32>().unwrap());
    lines
}

#[test]
fn a_put_that_is_to_be_tried_again_is_and_nothing_is_lost_or_doubled() {
    let place = Place::new();
    place.topic("texts", &[&numbers(0..50), &numbers(50..100)]);
    let begun = Instant::now();
    let config = [("topics", "texts"), ("retried", "1,2,4")];
    let started = place.start("RetriesSomePuts", &config);
    wait_for("some records", || place.lines(), |lines| !lines.is_empty());
    assert!(
        begun.elapsed() >= Duration::from_millis(300),
        "the second try waits 100 ms and the third 200 ms, not {:?}",
        begun.elapsed()
    );
    wait_for("100 records", || place.lines(), |lines| lines.len() >= 100);
    let topic = tidegate_model::TopicName::parse("texts").unwrap();
    place.write(&topic, 0, &numbers(100..110));
    wait_for("110 records", || place.lines(), |lines| lines.len() >= 110);
    let progress = place.stop(started);
    assert_eq!(sorted(place.lines()), numbers(0..110));
    assert_eq!((progress.records_in, progress.records_out), (110, 110));
    assert_eq!(offsets(&place), [(0, 60), (1, 50)]);
}

#[test]
fn what_a_divided_put_took_is_not_put_again() {
    let place = Place::new();
    place.topic("texts", &[&numbers(0..5), &numbers(5..15)]);
    let mut config = vec![("topics", "texts"), ("retried", "2,3")];
    config.extend(GROWING);
    let started = place.start("RetriesSomePuts", &config);
    wait_for("15 records", || place.lines(), |lines| lines.len() >= 15);
    let progress = place.stop(started);
    assert_eq!(sorted(place.lines()), numbers(0..15), "each once");
    assert_eq!((progress.records_in, progress.records_out), (15, 15));
    assert_eq!(offsets(&place), [(0, 5), (1, 10)]);
}

#[test]
fn records_that_are_dropped_or_fail_before_a_retry_are_counted_once() {
    let place = Place::new();
    let json = |number: String| format!("{number:?}");
    let mut texts: Vec<String> = numbers(0..15).into_iter().map(json).collect();
    texts[3] = "no JSON".to_owned();
    place.topic("texts", &[&texts]);
    let mut config = vec![
        ("topics", "texts"),
        ("retried", "1,3,4"),
        ("errors.tolerance", "all"),
        (
            "value.converter",
            "org.apache.kafka.connect.json.JsonConverter",
        ),
        ("value.converter.schemas.enable", "false"),
    ];
    config.extend(GROWING);
    let started = place.start("RetriesSomePuts", &config);
    wait_for("14 records", || place.lines(), |lines| lines.len() >= 14);
    let progress = place.stop(started);
    let wanted: Vec<_> = numbers(0..15)
        .into_iter()
        .filter(|text| text != "3")
        .collect();
    assert_eq!(place.lines(), wanted);
    assert_eq!((progress.records_in, progress.skipped), (15, 1));
    assert_eq!(offsets(&place), [(0, 15)]);
}
