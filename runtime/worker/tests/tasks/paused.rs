//! A paused sink stays a member of its group.

use std::cell::RefCell;

use tidegate_broker::{Consumer, Fetched, Properties, Subscription};
use tidegate_model::{TopicName, TopicPartition};
use tidegate_worker::{State, TargetState};

use crate::support::{Place, numbers, wait_for};

/// Another member of the sink's group, which takes what it gets.
struct Other {
    consumer: Box<dyn Consumer>,
    assigned: Vec<TopicPartition>,
    records: usize,
}

impl Other {
    fn join(place: &Place, topic: &TopicName) -> Self {
        let none = Properties::new();
        let mut consumer = place.broker().consumer("connect-tested", &none).unwrap();
        let topics = Subscription::Topics(vec![topic.clone()]);
        consumer.subscribe(&topics).unwrap();
        Self {
            consumer,
            assigned: Vec::new(),
            records: 0,
        }
    }

    fn fetch(&mut self) -> usize {
        match self.consumer.fetch(100, 1 << 20).unwrap() {
            Fetched::Assigned(partitions) => self.assigned.extend(partitions),
            Fetched::Records(batch) => self.records += batch.count,
            Fetched::Revoked(_) | Fetched::Nothing => {}
        }
        self.records
    }
}

#[test]
fn a_paused_sink_gives_partitions_away_and_gets_them_back() {
    let place = Place::new();
    let topic = place.topic("texts", &[&numbers(0..5), &[]]);
    let started = place.start("WritesPartitions", &[("topics", "texts")]);
    wait_for("the records", || place.lines(), |lines| lines.len() >= 7);
    started.handle.set_target(TargetState::Paused);
    started.wait_for(&State::Paused);
    for partition in 0..2 {
        place.write(&topic, partition, &numbers(10..20));
    }

    let other = RefCell::new(Other::join(&place, &topic));
    let records = || other.borrow_mut().fetch();
    wait_for("the other's records", records, |records| *records == 10);
    let mut other = other.into_inner();
    let moved = other.assigned.remove(0);
    assert!(other.assigned.is_empty());
    let after = |lines: Vec<String>| lines[7..].to_vec();
    assert_eq!(after(place.lines()), [format!("close {}", moved.partition)]);
    let committed = place.committed();
    let first = committed.iter().find(|(at, _)| at.partition == 0);
    assert_eq!(first.unwrap().1, 5, "what was delivered is committed");

    let end = if moved.partition == 0 { 15 } else { 10 };
    other.consumer.commit(&[(moved.clone(), end - 3)]).unwrap();
    other.consumer.close();
    wait_for("the partition", || place.lines(), |lines| lines.len() >= 9);
    let back = [
        format!("close {}", moved.partition),
        format!("open {}", moved.partition),
    ];
    assert_eq!(after(place.lines()), back);

    started.handle.set_target(TargetState::Running);
    started.wait_for(&State::Running);
    wait_for("the rest", || place.lines(), |lines| lines.len() >= 22);
    let mut texts = after(place.lines())[2..].to_vec();
    texts.sort();
    let mut wanted = [numbers(10..20), numbers(17..20)].concat();
    wanted.sort();
    assert_eq!(texts, wanted);
    place.stop(started);
}

#[test]
fn a_sink_that_is_paused_from_the_start_and_resumed_gets_everything() {
    let place = Place::new();
    place.topic("texts", &[&numbers(0..5)]);
    let started = place.start_as(
        "WritesPartitions",
        &[("topics", "texts")],
        TargetState::Paused,
    );
    started.wait_for(&State::Paused);
    wait_for("the partition", || place.lines(), |lines| !lines.is_empty());
    started.handle.set_target(TargetState::Running);
    wait_for("the records", || place.lines(), |lines| lines.len() >= 6);
    place.stop(started);
    assert_eq!(place.lines()[0], "open 0");
    assert_eq!(place.lines()[1..6], numbers(0..5));
}
