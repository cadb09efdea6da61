//! Which topics and partitions a consumer has, and how they move between consumers.

use super::*;

pub fn a_consumer_reads_several_topics(fixture: &Fixture<'_>) {
    let topics = ["one", "two", "three"].map(|name| fixture.name(name));
    for topic in &topics {
        fixture.create(topic, 2, &[]).unwrap();
    }
    for (number, topic) in (0..).zip(&topics) {
        fixture.write(&numbered(topic, number % 2, 0..50)).unwrap();
    }
    let mut consumer = fixture.consumer(&topics.each_ref());
    let mut seen = Seen::default();
    fetch_until(consumer.as_mut(), &mut seen, |seen| {
        seen.values.len() >= 150
    });
    assert_eq!(seen.assigned.len(), 6);
    for (number, topic) in (0..).zip(&topics) {
        let offsets = &seen.offsets[&partition(topic, number % 2)];
        assert_eq!(*offsets, (0..50).collect::<Vec<_>>());
    }
}

pub fn a_consumer_follows_a_pattern(fixture: &Fixture<'_>) {
    let (a, b, other) = (fixture.name("a1"), fixture.name("a22"), fixture.name("b1"));
    let create = |topic: &TopicName| {
        fixture.create(topic, 1, &[]).unwrap();
        fixture.write(&numbered(topic, 0, 0..2)).unwrap();
    };
    for topic in [&a, &b, &other] {
        create(topic);
    }
    let mut consumer = fixture.following("(?:a)\\d+");
    let mut seen = Seen::default();
    fetch_until(consumer.as_mut(), &mut seen, |seen| seen.values.len() >= 4);
    assert_eq!(seen.assigned, [partition(&a, 0), partition(&b, 0)].into());

    let later = fixture.name("a333");
    create(&later);
    fetch_until(consumer.as_mut(), &mut seen, |seen| seen.values.len() >= 6);
    assert!(seen.assigned.contains(&partition(&later, 0)));

    fixture.broker.admin().delete_topic(&b).unwrap();
    fetch_until(consumer.as_mut(), &mut seen, |seen| {
        !seen.assigned.contains(&partition(&b, 0))
    });
    let gone = fixture.broker.admin().describe(&b);
    assert!(
        matches!(gone, Err(BrokerError::UnknownTopic(_))),
        "following it made it anew: {gone:?}"
    );
}

pub fn a_consumer_follows_a_pattern_that_nothing_matches_yet(fixture: &Fixture<'_>) {
    let other = fixture.topic(1, &[]);
    fixture.write(&numbered(&other, 0, 0..2)).unwrap();
    let mut consumer = fixture.following(r"c[\s]|c\d");
    let mut seen = Seen::default();
    let runtime = runtime();
    for _ in 0..10 {
        wait_ready(&runtime, consumer.as_ref(), Duration::from_millis(100));
        seen.take(&retried(|| consumer.fetch(500, 1 << 20)));
    }
    assert_eq!((seen.assigned.len(), seen.values.len()), (0, 0));
    // In another syntax the pattern matches the first of these, too.
    let (never, later) = (fixture.name("cs"), fixture.name("c1"));
    for topic in [&never, &later] {
        fixture.create(topic, 1, &[]).unwrap();
        fixture.write(&numbered(topic, 0, 0..2)).unwrap();
    }
    fetch_until(consumer.as_mut(), &mut seen, |seen| seen.values.len() >= 2);
    assert_eq!(seen.assigned, [partition(&later, 0)].into());
}

pub fn a_consumer_wakes_up_for_new_records(fixture: &Fixture<'_>) {
    let topic = fixture.topic(1, &[]);
    let mut consumer = fixture.consumer(&[&topic]);
    let mut seen = Seen::default();
    fetch_until(consumer.as_mut(), &mut seen, |seen| {
        !seen.assigned.is_empty()
    });
    let runtime = runtime();
    for round in 0..20 {
        // Empty it, so that only the record written next can wake it.
        while !matches!(retried(|| consumer.fetch(500, 1 << 20)), Fetched::Nothing) {}
        std::thread::scope(|scope| {
            scope.spawn(|| {
                fixture
                    .write(&numbered(&topic, 0, round..round + 1))
                    .unwrap()
            });
            let end = Instant::now() + DEADLINE;
            loop {
                assert!(Instant::now() < end, "nothing woke it in round {round}");
                let woken = runtime
                    .block_on(async { tokio::time::timeout(DEADLINE, consumer.ready()).await });
                assert!(woken.is_ok(), "nothing woke it in round {round}");
                if let Fetched::Records(batch) = retried(|| consumer.fetch(500, 1 << 20)) {
                    assert_eq!(values(&batch), [round.to_string()]);
                    break;
                }
            }
        });
    }
}

pub fn two_consumers_share_the_partitions(fixture: &Fixture<'_>) {
    let topic = fixture.topic(4, &[]);
    for number in 0..4 {
        fixture.write(&numbered(&topic, number, 0..25)).unwrap();
    }
    let mut consumers = [(); 2].map(|()| (fixture.consumer(&[&topic]), Seen::default()));
    fetch_both(&mut consumers, |first, second| {
        first.assigned.len() == 2 && second.assigned.len() == 2
    });
    assert!(
        consumers[0]
            .1
            .assigned
            .is_disjoint(&consumers[1].1.assigned)
    );
    fetch_both(&mut consumers, |first, second| {
        let mut all = BTreeSet::new();
        for seen in [first, second] {
            for (partition, offsets) in &seen.offsets {
                all.extend(offsets.iter().map(|offset| (partition.clone(), *offset)));
            }
        }
        all.len() == 100
    });
}

pub fn partitions_move_only_after_they_were_released(fixture: &Fixture<'_>) {
    let topic = fixture.topic(2, &[]);
    fixture.write(&numbered(&topic, 0, 0..5)).unwrap();
    fixture.write(&numbered(&topic, 1, 0..5)).unwrap();
    let mut first = fixture.consumer(&[&topic]);
    let mut seen = Seen::default();
    fetch_until(first.as_mut(), &mut seen, |seen| seen.values.len() >= 10);
    assert_eq!(seen.assigned.len(), 2);
    let mut second = fixture.consumer(&[&topic]);
    let runtime = runtime();
    let mut others = Seen::default();
    let end = Instant::now() + DEADLINE;
    let moved = loop {
        assert!(Instant::now() < end);
        wait_ready(&runtime, first.as_ref(), Duration::from_millis(50));
        let fetched = retried(|| first.fetch(500, 1 << 20));
        seen.take(&fetched);
        others.take(&retried(|| second.fetch(500, 1 << 20)));
        if let Fetched::Revoked(partitions) = fetched {
            break partitions;
        }
    };
    assert_eq!(moved.len(), 1);
    // The old owner takes its time; the new one must not get the partition yet.
    for _ in 0..20 {
        wait_ready(&runtime, second.as_ref(), Duration::from_millis(20));
        others.take(&retried(|| second.fetch(500, 1 << 20)));
        seen.take(&retried(|| first.fetch(500, 1 << 20)));
        assert!(others.assigned.is_empty());
    }
    first.commit(&[(moved[0].clone(), 3)]).unwrap();
    first.released(&moved).unwrap();
    let mut consumers = [(first, seen), (second, others)];
    fetch_both(&mut consumers, |_, second| second.values.len() >= 2);
    let offsets = &consumers[1].1.offsets[&moved[0]];
    assert_eq!(*offsets, [3, 4]);
}

pub fn a_consumer_that_leaves_gives_its_partitions_to_the_other(fixture: &Fixture<'_>) {
    let topic = fixture.topic(2, &[]);
    let mut consumers = [(); 2].map(|()| (fixture.consumer(&[&topic]), Seen::default()));
    fetch_both(&mut consumers, |first, second| {
        first.assigned.len() == 1 && second.assigned.len() == 1
    });
    // The one that was there first gave a partition away and gets it back.
    let [(mut first, mut seen), (mut second, _)] = consumers;
    second.close();
    fetch_until(first.as_mut(), &mut seen, |seen| seen.assigned.len() == 2);
    for number in 0..2 {
        fixture.write(&numbered(&topic, number, 0..5)).unwrap();
    }
    fetch_until(first.as_mut(), &mut seen, |seen| seen.values.len() >= 10);
    assert_eq!(seen.offsets.len(), 2);
}

pub fn an_assigned_partition_comes_back_without_old_records(fixture: &Fixture<'_>) {
    let topic = fixture.topic(2, &[]);
    for number in 0..2 {
        fixture.write(&numbered(&topic, number, 0..2000)).unwrap();
    }
    let mut first = fixture.consumer(&[&topic]);
    let mut seen = Seen::default();
    fetch_until(first.as_mut(), &mut seen, |seen| {
        seen.assigned.len() == 2 && seen.values.len() >= 500
    });
    let second = fixture.consumer(&[&topic]);
    let mut consumers = [(first, seen), (second, Seen::default())];
    fetch_both(&mut consumers, |first, second| {
        first.assigned.len() == 1 && second.assigned.len() == 1
    });
    let [(mut first, mut seen), (mut second, _)] = consumers;
    let moved = seen.revoked.clone();
    second.close();
    fetch_until(first.as_mut(), &mut seen, |seen| seen.assigned.len() == 2);
    for partition in &moved {
        seen.offsets.remove(partition);
    }
    fetch_until(first.as_mut(), &mut seen, |seen| {
        moved.iter().all(|partition| {
            seen.offsets
                .get(partition)
                .is_some_and(|got| got.len() >= 2000)
        })
    });
    // Nothing was committed, so it comes again from the beginning, each record once and in order.
    for partition in &moved {
        assert_eq!(seen.offsets[partition], (0..2000).collect::<Vec<i64>>());
    }
}
