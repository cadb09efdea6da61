//! Tasks that do not stop in time: what they do afterwards is not kept.

use tidegate_model::TopicName;

use crate::support::{Place, numbers, wait_for};
use tidegate_test_fakes::Fate;

/// How many records a topic has; none when it is not there.
fn records(place: &Place, topic: &str) -> i64 {
    let topic = TopicName::parse(topic).unwrap();
    let described = place.broker().admin().describe(&topic);
    let offsets = described.map_or(vec![], |described| described.offsets);
    offsets.iter().map(|(_, end)| *end).sum()
}

#[test]
fn a_source_that_is_late_neither_submits_nor_is_called_again() {
    let place = Place::new();
    let started = place.start("SleepsInSomePolls", &[("sleeping", "0")]);
    wait_for("the poll", || place.lines(), |lines| !lines.is_empty());
    place.abandon(started);
    assert_eq!(place.lines(), ["poll"]);
    assert_eq!(records(&place, "topic"), 0, "it submitted");
    assert_eq!(records(&place, place.offset_topic().as_str()), 0);
}

#[test]
fn a_source_that_is_late_writes_no_offsets() {
    let place = Place::new();
    let offsets = place.offset_topic();
    place.producer().set(offsets.as_str(), Fate::Refused);
    let started = place.start("SleepsInSomePolls", &[("sleeping", "9")]);
    wait_for("ten polls", || place.lines().len(), |polls| *polls == 10);
    place.producer().set(offsets.as_str(), Fate::Written);
    place.abandon(started);
    assert_eq!(place.lines(), vec!["poll"; 10]);
    assert_eq!(records(&place, "topic"), 9);
    assert_eq!(records(&place, offsets.as_str()), 0, "it wrote offsets");
}

#[test]
fn a_sink_that_is_late_neither_commits_nor_is_called_again() {
    let place = Place::new();
    place.topic("texts", &[&numbers(0..5)]);
    let started = place.start("SleepsInPut", &[("topics", "texts")]);
    wait_for("the put", || place.lines(), |lines| !lines.is_empty());
    place.abandon(started);
    assert_eq!(place.lines(), ["put"]);
    assert_eq!(place.committed(), []);
    // It left its group: another gets the partition.
    let next = place.start("WritesPartitions", &[("topics", "texts")]);
    wait_for("the records", || place.lines(), |lines| lines.len() >= 7);
    place.stop(next);
    assert_eq!(place.lines()[2..7], numbers(0..5));
}
