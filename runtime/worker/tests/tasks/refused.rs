//! Records that a topic refuses.

use crate::support::{Place, wait_for};

/// The values in a topic.
fn values(place: &Place, topic: &str) -> Vec<String> {
    let topic = tidegate_model::TopicName::parse(topic).unwrap();
    let mut reader = place.broker().reader(&topic).unwrap();
    let batch = reader.read(100, crate::support::DEADLINE).unwrap();
    let text = |value: Option<&[u8]>| String::from_utf8(value.unwrap().to_vec()).unwrap();
    batch.iter_values().map(text).collect()
}

#[test]
fn refused_records_are_skipped_where_that_is_tolerated_and_the_others_are_written() {
    let place = Place::new();
    place.topic("topic", &[&[]]);
    let started = place.start("UnknownPartitions", &[("errors.tolerance", "all")]);
    let counts = || {
        let counts = started.handle.progress().counts();
        (counts.records_in, counts.records_out, counts.skipped)
    };
    wait_for("all records", counts, |counts| *counts == (20, 10, 10));
    place.stop(started);
    assert_eq!(values(&place, "topic"), vec!["good"; 10]);
    let last = place.lines().pop();
    assert_eq!(last.as_deref(), Some("9"), "their offsets are passed");
}

#[test]
fn a_refused_record_fails_a_task_that_tolerates_none() {
    let place = Place::new();
    place.topic("topic", &[&[]]);
    let started = place.start("UnknownPartitions", &[]);
    let trace = started.wait_for_failure();
    assert!(trace.contains("topic") && trace.contains('9'), "{trace}");
}

#[test]
fn a_consumer_is_closed_when_its_task_cannot_begin() {
    let place = Place::new();
    let started = place.start("Takes", &[("topics", "refused")]);
    let trace = started.wait_for_failure();
    assert!(trace.contains("a test"), "{trace}");
    let closes = || place.consumers_left();
    wait_for("the close", closes, |left| left.len() == 1);
    assert_eq!(closes(), ["closed"]);
}
