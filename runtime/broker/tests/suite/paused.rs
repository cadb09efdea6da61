//! Consumers that are paused.

use std::time::{Duration, Instant};

use tidegate_broker::{Fetched, Properties, Subscription};

use super::*;

pub fn a_paused_consumer_gets_no_records_and_misses_none(fixture: &Fixture<'_>) {
    let topic = fixture.topic(2, &[]);
    for number in 0..2 {
        fixture.write(&numbered(&topic, number, 0..2000)).unwrap();
    }
    let mut consumer = fixture.consumer(&[&topic]);
    let mut seen = Seen::default();
    fetch_until(consumer.as_mut(), &mut seen, |seen| {
        seen.assigned.len() == 2 && seen.values.len() >= 600
    });
    // More is there, and may be read ahead already.
    consumer.set_paused(true);
    let runtime = runtime();
    for _ in 0..20 {
        wait_ready(&runtime, consumer.as_ref(), Duration::from_millis(20));
        let fetched = retried(|| consumer.fetch(500, 1 << 20));
        assert!(matches!(fetched, Fetched::Nothing), "{fetched:?}");
    }
    for number in 0..2 {
        fixture
            .write(&numbered(&topic, number, 2000..2010))
            .unwrap();
    }
    consumer.set_paused(false);
    fetch_until(consumer.as_mut(), &mut seen, |seen| {
        seen.values.len() >= 4020
    });
    let all: Vec<i64> = (0..2010).collect();
    for number in 0..2 {
        assert_eq!(seen.offsets[&partition(&topic, number)], all);
    }
}

pub fn a_paused_consumer_takes_part_in_rebalances(fixture: &Fixture<'_>) {
    let topic = fixture.topic(2, &[]);
    let mut first = fixture.consumer(&[&topic]);
    let mut seen = Seen::default();
    fetch_until(first.as_mut(), &mut seen, |seen| seen.assigned.len() == 2);
    first.set_paused(true);
    for number in 0..2 {
        fixture.write(&numbered(&topic, number, 0..10)).unwrap();
    }
    let second = fixture.consumer(&[&topic]);
    let mut consumers = [(first, seen), (second, Seen::default())];
    fetch_both(&mut consumers, |first, second| {
        first.assigned.len() == 1 && second.values.len() == 10
    });
    let [(mut first, mut seen), (mut second, others)] = consumers;
    assert_eq!(seen.values.len(), 0, "a paused consumer got records");
    let moved = others.assigned.first().unwrap().clone();
    second.commit(&[(moved.clone(), 7)]).unwrap();
    second.close();
    fetch_until(first.as_mut(), &mut seen, |seen| seen.assigned.len() == 2);
    assert_eq!(seen.values.len(), 0, "a partition came and gave records");
    first.set_paused(false);
    fetch_until(first.as_mut(), &mut seen, |seen| seen.values.len() == 13);
    assert_eq!(seen.offsets[&moved], [7, 8, 9]);
}

/// Of Kafka only: the embedded log takes nobody for dead.
#[allow(dead_code, reason = "each broker's tests use the cases that it has")]
pub fn a_paused_consumer_outlasts_the_longest_poll(fixture: &Fixture<'_>) {
    let longest = Duration::from_secs(6);
    let settings = ["max.poll.interval.ms", "session.timeout.ms"]
        .map(|key| (key.to_owned(), longest.as_millis().to_string()));
    let topic = fixture.topic(1, &[]);
    let mut consumer = fixture
        .broker
        .consumer(&fixture.group(), &Properties::from(settings))
        .unwrap();
    consumer
        .subscribe(&Subscription::Topics(vec![topic.clone()]))
        .unwrap();
    let mut seen = Seen::default();
    fetch_until(consumer.as_mut(), &mut seen, |seen| {
        seen.assigned.len() == 1
    });
    consumer.set_paused(true);
    fixture.write(&numbered(&topic, 0, 0..10)).unwrap();
    let runtime = runtime();
    let end = Instant::now() + longest * 3 / 2;
    while Instant::now() < end {
        wait_ready(&runtime, consumer.as_ref(), DEADLINE);
        let fetched = retried(|| consumer.fetch(500, 1 << 20));
        assert!(matches!(fetched, Fetched::Nothing), "{fetched:?}");
    }
    consumer.commit(&[(partition(&topic, 0), 0)]).unwrap();
    consumer.set_paused(false);
    fetch_until(consumer.as_mut(), &mut seen, |seen| seen.values.len() == 10);
    assert_eq!(seen.revoked, []);
}

/// Of Kafka only: the embedded log does not wait for members.
#[allow(dead_code, reason = "each broker's tests use the cases that it has")]
pub fn a_consumer_that_waits_for_its_group_is_closed_soon(fixture: &Fixture<'_>) {
    let topic = fixture.topic(1, &[]);
    let mut first = fixture.consumer(&[&topic]);
    let mut seen = Seen::default();
    fetch_until(first.as_mut(), &mut seen, |seen| seen.assigned.len() == 1);
    // The group waits for the first, which is not polled any more, before it lets the second in.
    let mut second = fixture.consumer(&[&topic]);
    let runtime = runtime();
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        wait_ready(&runtime, second.as_ref(), Duration::from_millis(100));
        let fetched = retried(|| second.fetch(500, 1 << 20));
        assert!(matches!(fetched, Fetched::Nothing), "{fetched:?}");
    }
    let closing = Instant::now();
    second.close();
    let took = closing.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
}
