//! Records that are written and come back.

use super::*;

pub fn records_come_back_in_order_with_offsets(fixture: &Fixture<'_>) {
    let topic = fixture.topic(2, &[]);
    for round in 0..5 {
        let numbers = round * 10..round * 10 + 10;
        fixture
            .write(&numbered(&topic, 0, numbers.clone()))
            .unwrap();
        fixture.write(&numbered(&topic, 1, numbers)).unwrap();
    }
    let mut consumer = fixture.consumer(&[&topic]);
    let mut seen = Seen::default();
    fetch_until(consumer.as_mut(), &mut seen, |seen| {
        seen.values.len() >= 100
    });
    let all: Vec<i64> = (0..50).collect();
    assert_eq!(seen.offsets[&partition(&topic, 0)], all);
    assert_eq!(seen.offsets[&partition(&topic, 1)], all);
}

pub fn every_field_comes_back_as_it_was(fixture: &Fixture<'_>) {
    let topic = fixture.topic(1, &[]);
    let rows = [
        (Some("k"), Some("v")),
        (None, None),
        (Some(""), Some("")),
        (None, Some("only a value")),
    ];
    let mut written = batch(&topic, rows);
    written.timestamps = vec![1_700_000_000_000, 1, 1_700_000_000_001, 5];
    written.partitions = vec![0; 4];
    written.headers.counts = vec![0, 3, 0, 1];
    for (name, value) in [
        ("a", Some(b"1".as_slice())),
        ("a", None),
        ("", Some(b"")),
        ("ü", Some(&[0, 255])),
    ] {
        written.headers.keys.push(Some(name.as_bytes()));
        written.headers.values.push(value);
    }
    fixture.write(&written).unwrap();
    let mut consumer = fixture.consumer(&[&topic]);
    let mut read = Vec::new();
    let mut seen = Seen::default();
    let runtime = runtime();
    let end = Instant::now() + DEADLINE;
    while read.iter().map(|batch: &Batch| batch.count).sum::<usize>() < 4 {
        assert!(Instant::now() < end);
        wait_ready(&runtime, consumer.as_ref(), Duration::from_secs(1));
        let fetched = retried(|| consumer.fetch(100, 1 << 20));
        seen.take(&fetched);
        if let Fetched::Records(batch) = fetched {
            read.push(batch);
        }
    }
    let [read] = read.as_slice() else {
        panic!("records of one write came in parts: {read:?}");
    };
    assert_eq!(read.offsets, [0, 1, 2, 3]);
    assert_eq!(read.timestamps, written.timestamps);
    assert_eq!(read.keys, written.keys);
    assert_eq!(read.values, written.values);
    assert_eq!(read.headers, written.headers);
    assert_eq!(read.topic(3), topic.as_str());
}

pub fn keyed_records_go_where_kafka_puts_them(fixture: &Fixture<'_>) {
    let topic = fixture.topic(6, &[]);
    // What the Java client's default partitioner chooses of six partitions.
    let known = [("21", 4), ("foobar", 2), ("abc", 5)];
    let keys = known.map(|(key, _)| (Some(key), Some("x")));
    fixture.write(&batch(&topic, keys)).unwrap();
    let ends = fixture.broker.admin().describe(&topic).unwrap().offsets;
    let mut counts = [0; 6];
    for (key, _) in known {
        counts[java_partition(key.as_bytes(), 6)] += 1;
    }
    let found: Vec<i64> = ends.iter().map(|(_, end)| *end).collect();
    assert_eq!(found, counts);
}

/// Kafka's `Utils.toPositive(Utils.murmur2(key)) % partitions`, for the keys used above.
fn java_partition(key: &[u8], partitions: i32) -> usize {
    let hash: i32 = match key {
        b"21" => -973_932_308,
        b"foobar" => -790_332_482,
        b"abc" => 479_470_107,
        other => panic!("no hash is known of {other:?}"),
    };
    usize::try_from((hash & 0x7fff_ffff) % partitions).unwrap()
}

pub fn records_without_key_of_a_batch_stay_together(fixture: &Fixture<'_>) {
    let topic = fixture.topic(8, &[]);
    // A client that does not know the topic yet spreads what it has until then.
    fixture.write(&numbered(&topic, 0, 0..1)).unwrap();
    let rows = (0..10).map(|_| (None, Some("x")));
    fixture.write(&batch(&topic, rows)).unwrap();
    let mut ends = fixture.broker.admin().describe(&topic).unwrap().offsets;
    ends[0].1 -= 1;
    assert_eq!(ends.iter().map(|(_, end)| end).sum::<i64>(), 10);
    assert!(
        ends.iter().filter(|(_, end)| *end > 0).count() <= 2,
        "{ends:?}"
    );
}

pub fn each_group_is_acknowledged_once(fixture: &Fixture<'_>) {
    let topic = fixture.topic(3, &[]);
    let rows = (0..300).map(|_| (None, Some("x")));
    let mut batch = batch(&topic, rows);
    batch.partitions = (0..300).map(|row| row % 3).collect();
    let groups: Vec<u32> = (0..300).map(|row| row / 3).collect();
    let acks = Acks::new();
    let to: Arc<dyn Acknowledge> = acks.clone();
    let producer = fixture.broker.producer(&Properties::new()).unwrap();
    producer.submit(&batch, &groups, 1000, 100, &to).unwrap();
    producer.submit(&batch, &groups, 1100, 100, &to).unwrap();
    producer.flush(DEADLINE).unwrap();
    let mut told = acks.wait(200);
    told.sort_by_key(|(group, _)| *group);
    let groups: Vec<u64> = told.iter().map(|(group, _)| *group).collect();
    assert_eq!(groups, (1000..1200).collect::<Vec<_>>());
    assert!(told.iter().all(|(_, result)| result.is_ok()));
}

pub fn groups_without_records_are_acknowledged(fixture: &Fixture<'_>) {
    let topic = fixture.topic(1, &[]);
    let producer = fixture.broker.producer(&Properties::new()).unwrap();
    let acks = Acks::new();
    let to: Arc<dyn Acknowledge> = acks.clone();
    let one = batch(&topic, [(None, Some("x"))]);
    producer.submit(&one, &[1], 7, 3, &to).unwrap();
    let mut told: Vec<u64> = acks.wait(3).into_iter().map(|(group, _)| group).collect();
    told.sort_unstable();
    assert_eq!(told, [7, 8, 9]);
    producer
        .submit(&batch(&topic, []), &[], 10, 1, &to)
        .unwrap();
    assert_eq!(acks.wait(4)[3], (10, Ok(())));
}

pub fn a_large_batch_is_written_and_read(fixture: &Fixture<'_>) {
    let topic = fixture.topic(1, &[]);
    let value = "x".repeat(1000);
    let rows = (0..10_000).map(|_| (Some("key"), Some(value.as_str())));
    fixture.write(&batch(&topic, rows)).unwrap();
    let mut consumer = fixture.consumer(&[&topic]);
    let mut seen = Seen::default();
    fetch_until(consumer.as_mut(), &mut seen, |seen| {
        seen.values.len() >= 10_000
    });
    assert_eq!(
        seen.offsets[&partition(&topic, 0)],
        (0..10_000).collect::<Vec<_>>()
    );
    assert!(seen.values.iter().all(|read| *read == value));
}

pub fn a_record_that_is_too_large_is_refused(fixture: &Fixture<'_>) {
    let topic = fixture.topic(1, &[]);
    let value = "x".repeat(2 << 20);
    let large = (None, Some(value.as_str()));
    let error = fixture.write(&batch(&topic, [large])).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Data, "{error}");
    let text = error.to_string();
    for told in [topic.as_str(), "2097152 bytes", "at most", "max."] {
        assert!(text.contains(told), "{told} is not in: {text}");
    }
    fixture
        .write(&batch(&topic, [(None, Some("small"))]))
        .unwrap();
}

pub fn the_others_of_a_group_are_written_when_a_record_is_refused(fixture: &Fixture<'_>) {
    let topic = fixture.topic(1, &[]);
    let value = "x".repeat(2 << 20);
    let rows = [
        (None, Some("a")),
        (None, Some(value.as_str())),
        (None, Some("b")),
    ];
    let acks = Acks::new();
    let to: Arc<dyn Acknowledge> = acks.clone();
    let producer = fixture.broker.producer(&Properties::new()).unwrap();
    let submitted = producer.submit(&batch(&topic, rows), &[], 3, 1, &to);
    assert_eq!(submitted.unwrap_err().class(), ErrorClass::Data);
    let told = acks.wait(1);
    let (group, result) = told.first().unwrap();
    let refused = result.as_ref().unwrap_err();
    assert_eq!((*group, &*refused.rows), (3, [1].as_slice()));
    let values = read_all(fixture, &topic)
        .into_iter()
        .map(|row| row.1.unwrap());
    assert_eq!(values.collect::<Vec<_>>(), ["a", "b"]);
}

pub fn a_topic_that_allows_less_than_a_batch_takes_all_records_that_fit(fixture: &Fixture<'_>) {
    let topic = fixture.topic(1, &[("max.message.bytes", "20000")]);
    let (fits, large) = ("x".repeat(300), "y".repeat(30_000));
    let value = |row: usize| if row == 500 { &large } else { &fits };
    let rows = (0..1_000).map(|row| (None, Some(value(row).as_str())));
    let acks = Acks::new();
    let to: Arc<dyn Acknowledge> = acks.clone();
    let producer = fixture.broker.producer(&Properties::new()).unwrap();
    // The embedded log refuses at once, Kafka later.
    drop(producer.submit(&batch(&topic, rows), &[], 3, 1, &to));
    let told = acks.wait(1);
    let refused = told.first().unwrap().1.as_ref().unwrap_err();
    assert_eq!(refused.rows, [500], "{refused}");
    assert_eq!(refused.error.class(), ErrorClass::Data, "{refused}");
    let more = (0..100).map(|_| (None, Some(fits.as_str())));
    producer
        .submit(&batch(&topic, more), &[], 4, 1, &to)
        .unwrap();
    assert_eq!(acks.wait(2)[1], (4, Ok(())));
    let read = read_all(fixture, &topic);
    assert_eq!(read.len(), 1_099);
    assert!(read.iter().all(|row| row.1.as_ref() == Some(&fits)));
}

pub fn a_null_key_is_refused_in_a_compacted_topic(fixture: &Fixture<'_>) {
    let topic = fixture.topic(1, &[("cleanup.policy", "compact")]);
    let error = fixture
        .write(&batch(&topic, [(None, Some("x"))]))
        .unwrap_err();
    assert_eq!(error.class(), ErrorClass::Data, "{error}");
    fixture
        .write(&batch(&topic, [(Some("k"), Some("x"))]))
        .unwrap();
    assert_eq!(read_all(fixture, &topic).len(), 1);
}

pub fn the_last_value_of_a_key_is_kept_in_a_compacted_topic(fixture: &Fixture<'_>) {
    let topic = fixture.topic(1, &[("cleanup.policy", "compact")]);
    for round in 0..20 {
        let value = round.to_string();
        fixture
            .write(&batch(
                &topic,
                [(Some("a"), Some(value.as_str())), (Some("b"), Some("b"))],
            ))
            .unwrap();
    }
    fixture.write(&batch(&topic, [(Some("b"), None)])).unwrap();
    let last: BTreeMap<_, _> = read_all(fixture, &topic).into_iter().collect();
    assert_eq!(last[&Some("a".to_owned())], Some("19".to_owned()));
    assert_eq!(last[&Some("b".to_owned())], None);
}
