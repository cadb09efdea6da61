//! What both brokers promise. Each case is a function of a broker; `embedded.rs` and `kafka.rs` run them all.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // Tests.

mod paused;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant, SystemTime};

use tidegate_broker::{
    Acknowledge, Broker, BrokerError, Consumer, Fetched, NewTopic, Properties, Reader, Refused,
    Subscription, TopicPattern,
};
use tidegate_model::{Batch, ErrorClass, TopicName, TopicPartition};

pub use paused::*;

/// How long anything may take.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Makes one test of each case.
macro_rules! cases {
    ($($case:ident)*) => {
        $(#[test] fn $case() { crate::with_broker(suite::$case); })*
    };
}
pub(crate) use cases;

/// All cases, as tests of the file that says so.
macro_rules! all_cases {
    () => {
        suite::cases! {
            records_come_back_in_order_with_offsets
            every_field_comes_back_as_it_was
            keyed_records_go_where_kafka_puts_them
            records_without_key_of_a_batch_stay_together
            each_group_is_acknowledged_once
            groups_without_records_are_acknowledged
            a_large_batch_is_written_and_read
            a_record_that_is_too_large_is_refused
            the_others_of_a_group_are_written_when_a_record_is_refused
            a_topic_that_allows_less_than_a_batch_takes_all_records_that_fit
            a_null_key_is_refused_in_a_compacted_topic
            the_last_value_of_a_key_is_kept_in_a_compacted_topic
            a_group_goes_on_where_it_committed
            a_group_that_committed_nothing_starts_at_the_beginning
            a_consumer_reads_several_topics
            a_consumer_follows_a_pattern
            a_consumer_follows_a_pattern_that_nothing_matches_yet
            a_consumer_wakes_up_for_new_records
            two_consumers_share_the_partitions
            partitions_move_only_after_they_were_released
            a_consumer_that_leaves_gives_its_partitions_to_the_other
            a_consumer_that_lost_a_partition_cannot_commit_it
            a_consumer_goes_to_a_position
            a_seek_outdates_what_was_read_ahead
            a_fetch_keeps_to_its_limits
            an_assigned_partition_comes_back_without_old_records
            lag_is_what_is_not_fetched
            a_paused_consumer_gets_no_records_and_misses_none
            a_paused_consumer_takes_part_in_rebalances
            a_reader_reads_all_partitions_from_the_beginning
            a_topic_is_created_once_and_described
            what_kafka_refuses_is_refused
            writing_creates_a_topic
            a_group_is_forgotten_when_it_has_no_members
            positions_of_a_group_without_members_are_altered
            the_cluster_has_an_id
            dangerous_settings_are_refused_by_name
        }
    };
}
pub(crate) use all_cases;

/// A broker under test.
pub struct Fixture<'a> {
    pub broker: &'a dyn Broker,
    prefix: String,
}

impl<'a> Fixture<'a> {
    /// Each fixture has topics and groups of its own.
    pub fn new(broker: &'a dyn Broker) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self {
            broker,
            prefix: format!("t{since}-{number}"),
        }
    }

    pub fn name(&self, name: &str) -> TopicName {
        TopicName::parse(&format!("{}-{name}", self.prefix)).unwrap()
    }

    pub fn group(&self) -> String {
        format!("{}-group", self.prefix)
    }

    pub fn topic(&self, partitions: i32, config: &[(&str, &str)]) -> TopicName {
        let name = self.name("topic");
        assert!(self.create(&name, partitions, config).unwrap());
        name
    }

    pub fn create(
        &self,
        name: &TopicName,
        partitions: i32,
        config: &[(&str, &str)],
    ) -> Result<bool, BrokerError> {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        self.broker.admin().create_topic(&NewTopic {
            name: name.clone(),
            partitions,
            replication_factor: 1,
            config: config.iter().map(own).collect(),
        })
    }

    /// Writes a batch as one group and waits for the acknowledgement.
    pub fn write(&self, batch: &Batch) -> Result<(), BrokerError> {
        let acks = Acks::new();
        let to: Arc<dyn Acknowledge> = acks.clone();
        let producer = self.broker.producer(&Properties::new()).unwrap();
        let submitted = producer.submit(batch, &[], 0, 1, &to);
        let told = acks.wait(1);
        let acknowledged = told.into_iter().next().unwrap().1;
        submitted.and(acknowledged.map_err(|refused| refused.error))
    }

    /// A consumer of this fixture's topics whose names go on like this, which looks for new ones every second.
    pub fn following(&self, pattern: &str) -> Box<dyn Consumer> {
        let settings = [("metadata.max.age.ms".to_owned(), "1000".to_owned())];
        let mut consumer = self
            .broker
            .consumer(&self.group(), &Properties::from(settings))
            .unwrap();
        let pattern = format!("{}(?:{pattern})", self.name("").as_str());
        let pattern = TopicPattern::parse(&pattern).unwrap();
        consumer.subscribe(&Subscription::Pattern(pattern)).unwrap();
        consumer
    }

    pub fn consumer(&self, topics: &[&TopicName]) -> Box<dyn Consumer> {
        let mut consumer = self
            .broker
            .consumer(&self.group(), &Properties::new())
            .unwrap();
        let topics = topics.iter().copied().cloned().collect();
        consumer.subscribe(&Subscription::Topics(topics)).unwrap();
        consumer
    }
}

/// Collects acknowledgements.
#[derive(Default)]
pub struct Acks {
    told: Mutex<Vec<(u64, Result<(), Refused>)>>,
    changed: Condvar,
}

impl Acknowledge for Acks {
    fn acknowledged(&self, group: u64, result: Result<(), Refused>) {
        self.told.lock().unwrap().push((group, result));
        self.changed.notify_all();
    }
}

impl Acks {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Waits until so many were told.
    pub fn wait(&self, count: usize) -> Vec<(u64, Result<(), Refused>)> {
        let told = self.told.lock().unwrap();
        let (told, timeout) = self
            .changed
            .wait_timeout_while(told, DEADLINE, |told| told.len() < count)
            .unwrap();
        assert!(
            !timeout.timed_out(),
            "{count} acknowledgements, only {told:?}"
        );
        told.clone()
    }
}

/// Records with these keys and values.
pub fn batch<'a>(
    topic: &TopicName,
    rows: impl IntoIterator<Item = (Option<&'a str>, Option<&'a str>)>,
) -> Batch {
    let mut batch = Batch {
        topics: vec![topic.as_str().to_owned()],
        ..Batch::default()
    };
    for (key, value) in rows {
        batch.keys.push(key.map(str::as_bytes));
        batch.values.push(value.map(str::as_bytes));
        batch.count += 1;
    }
    batch
}

/// Numbered records of one partition.
pub fn numbered(topic: &TopicName, partition: i32, numbers: std::ops::Range<u32>) -> Batch {
    let values: Vec<String> = numbers.map(|number| number.to_string()).collect();
    let rows = values.iter().map(|value| (None, Some(value.as_str())));
    let mut batch = batch(topic, rows);
    batch.partitions = vec![partition; batch.count];
    batch
}

/// The values, which are text.
pub fn values(batch: &Batch) -> Vec<String> {
    let text =
        |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap_or(b"null")).into_owned();
    batch.iter_values().map(text).collect()
}

pub fn partition(topic: &TopicName, partition: i32) -> TopicPartition {
    TopicPartition {
        topic: topic.clone(),
        partition,
    }
}

/// What one consumer has and got.
#[derive(Default)]
pub struct Seen {
    pub assigned: BTreeSet<TopicPartition>,
    pub revoked: Vec<TopicPartition>,
    pub values: Vec<String>,
    pub offsets: BTreeMap<TopicPartition, Vec<i64>>,
}

impl Seen {
    pub fn take(&mut self, fetched: &Fetched) {
        match fetched {
            Fetched::Records(batch) => {
                assert_eq!(batch.check(), Ok(()));
                self.values.extend(values(batch));
                for row in 0..batch.count {
                    let key = TopicPartition {
                        topic: TopicName::parse(batch.topic(row)).unwrap(),
                        partition: batch.partitions[row],
                    };
                    assert!(self.assigned.contains(&key), "{key} is not assigned");
                    self.offsets
                        .entry(key)
                        .or_default()
                        .push(batch.offsets[row]);
                }
            }
            Fetched::Assigned(partitions) => self.assigned.extend(partitions.iter().cloned()),
            Fetched::Revoked(partitions) => {
                self.revoked.extend(partitions.iter().cloned());
                for partition in partitions {
                    assert!(
                        self.assigned.remove(partition),
                        "{partition} was not assigned"
                    );
                }
            }
            Fetched::Nothing => {}
        }
    }
}

/// Waits until the consumer may have something.
pub fn wait_ready(runtime: &tokio::runtime::Runtime, consumer: &dyn Consumer, limit: Duration) {
    let _ready = runtime.block_on(async { tokio::time::timeout(limit, consumer.ready()).await });
}

pub fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().build().unwrap()
}

/// Fetches until what was seen is enough; gives revoked partitions back at once.
pub fn fetch_until(consumer: &mut dyn Consumer, seen: &mut Seen, enough: impl Fn(&Seen) -> bool) {
    let runtime = runtime();
    let end = Instant::now() + DEADLINE;
    while !enough(seen) {
        assert!(
            Instant::now() < end,
            "assigned {:?}, values {}",
            seen.assigned,
            seen.values.len()
        );
        wait_ready(&runtime, consumer, Duration::from_secs(1));
        let fetched = retried(|| consumer.fetch(500, 1 << 20));
        seen.take(&fetched);
        if let Fetched::Revoked(partitions) = fetched {
            consumer.released(&partitions).unwrap();
        }
    }
}

/// Fetches with two consumers in turn until what both have seen is enough.
pub fn fetch_both(
    consumers: &mut [(Box<dyn Consumer>, Seen)],
    enough: impl Fn(&Seen, &Seen) -> bool,
) {
    let runtime = runtime();
    let end = Instant::now() + DEADLINE;
    while !enough(&consumers[0].1, &consumers[1].1) {
        assert!(Instant::now() < end, "the two did not get there");
        for (consumer, seen) in consumers.iter_mut() {
            wait_ready(&runtime, consumer.as_ref(), Duration::from_millis(50));
            let fetched = retried(|| consumer.fetch(500, 1 << 20));
            seen.take(&fetched);
            if let Fetched::Revoked(partitions) = fetched {
                consumer.released(&partitions).unwrap();
            }
        }
    }
}

/// A broker that is away for a moment is tried again.
pub fn retried(mut call: impl FnMut() -> Result<Fetched, BrokerError>) -> Fetched {
    match call() {
        Err(error) if error.class() == ErrorClass::Retriable => Fetched::Nothing,
        other => other.unwrap(),
    }
}

/// Reads until all partitions are read up to their ends.
pub fn read_all(fixture: &Fixture<'_>, topic: &TopicName) -> Vec<(Option<String>, Option<String>)> {
    let mut reader = fixture.broker.reader(topic).unwrap();
    let ends = fixture.broker.admin().describe(topic).unwrap().offsets;
    let text = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
    let mut rows = Vec::new();
    let deadline = Instant::now() + DEADLINE;
    while !is_at(reader.as_ref(), &ends) {
        assert!(Instant::now() < deadline, "{:?}", reader.positions());
        let batch = reader.read(1000, Duration::from_millis(200)).unwrap();
        assert_eq!(batch.check(), Ok(()));
        rows.extend(
            batch
                .iter_keys()
                .map(text)
                .zip(batch.iter_values().map(text)),
        );
    }
    rows
}

fn is_at(reader: &dyn Reader, ends: &[(i64, i64)]) -> bool {
    let positions = reader.positions();
    let mut pairs = positions.iter().zip(ends);
    positions.len() == ends.len() && pairs.all(|((_, position), (_, end))| position >= end)
}

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

pub fn a_group_goes_on_where_it_committed(fixture: &Fixture<'_>) {
    let topic = fixture.topic(1, &[]);
    fixture.write(&numbered(&topic, 0, 0..10)).unwrap();
    let mine = partition(&topic, 0);
    let mut first = fixture.consumer(&[&topic]);
    let mut seen = Seen::default();
    fetch_until(first.as_mut(), &mut seen, |seen| seen.values.len() >= 10);
    first.commit(&[(mine.clone(), 4)]).unwrap();
    first.close();
    let committed = fixture
        .broker
        .admin()
        .group_offsets(&fixture.group())
        .unwrap();
    assert_eq!(committed, [(mine, 4)]);
    let mut second = fixture.consumer(&[&topic]);
    let mut seen = Seen::default();
    fetch_until(second.as_mut(), &mut seen, |seen| seen.values.len() >= 6);
    assert_eq!(seen.values, ["4", "5", "6", "7", "8", "9"]);
}

pub fn a_group_that_committed_nothing_starts_at_the_beginning(fixture: &Fixture<'_>) {
    let topic = fixture.topic(1, &[]);
    fixture.write(&numbered(&topic, 0, 0..3)).unwrap();
    for _ in 0..2 {
        let mut consumer = fixture.consumer(&[&topic]);
        let mut seen = Seen::default();
        fetch_until(consumer.as_mut(), &mut seen, |seen| seen.values.len() >= 3);
        assert_eq!(seen.values, ["0", "1", "2"]);
    }
}

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

pub fn a_consumer_that_lost_a_partition_cannot_commit_it(fixture: &Fixture<'_>) {
    let topic = fixture.topic(1, &[]);
    fixture.write(&numbered(&topic, 0, 0..5)).unwrap();
    let mut consumer = fixture.consumer(&[&topic]);
    let mut seen = Seen::default();
    fetch_until(consumer.as_mut(), &mut seen, |seen| seen.values.len() >= 5);
    consumer.close();
    assert!(consumer.commit(&[(partition(&topic, 0), 5)]).is_err());
    let committed = fixture
        .broker
        .admin()
        .group_offsets(&fixture.group())
        .unwrap();
    assert_eq!(committed, []);
}

pub fn a_consumer_goes_to_a_position(fixture: &Fixture<'_>) {
    let topic = fixture.topic(1, &[]);
    fixture.write(&numbered(&topic, 0, 0..10)).unwrap();
    let mut consumer = fixture.consumer(&[&topic]);
    let mut seen = Seen::default();
    fetch_until(consumer.as_mut(), &mut seen, |seen| seen.values.len() >= 10);
    consumer.seek(&[(partition(&topic, 0), 7)]).unwrap();
    seen.values.clear();
    fetch_until(consumer.as_mut(), &mut seen, |seen| seen.values.len() >= 3);
    assert_eq!(seen.values, ["7", "8", "9"]);
    let elsewhere = partition(&fixture.name("elsewhere"), 0);
    assert!(consumer.seek(&[(elsewhere, 0)]).is_err());
}

pub fn a_seek_outdates_what_was_read_ahead(fixture: &Fixture<'_>) {
    let topic = fixture.topic(2, &[]);
    for number in 0..2 {
        fixture.write(&numbered(&topic, number, 0..5000)).unwrap();
    }
    let mut consumer = fixture.consumer(&[&topic]);
    let mut seen = Seen::default();
    fetch_until(consumer.as_mut(), &mut seen, |seen| {
        seen.offsets.len() == 2 && seen.values.len() >= 1000
    });
    // More is in the client's queues by now: the client reads ahead. None of it may come after a seek.
    for start in [4000, 0, 2500, 17] {
        let to = [
            (partition(&topic, 0), start),
            (partition(&topic, 1), start + 1),
        ];
        consumer.seek(&to).unwrap();
        seen.offsets.clear();
        fetch_until(consumer.as_mut(), &mut seen, |seen| {
            seen.offsets.len() == 2 && seen.offsets.values().all(|offsets| offsets.len() >= 600)
        });
        for (partition, start) in &to {
            let got = &seen.offsets[partition];
            let wanted: Vec<i64> = (*start..).take(got.len()).collect();
            assert_eq!(*got, wanted, "{partition}");
        }
    }
}

pub fn a_fetch_keeps_to_its_limits(fixture: &Fixture<'_>) {
    let topic = fixture.topic(1, &[]);
    fixture.write(&numbered(&topic, 0, 1000..1600)).unwrap();
    let mut consumer = fixture.consumer(&[&topic]);
    let runtime = runtime();
    let end = Instant::now() + DEADLINE;
    let mut next = 0;
    let mut went_back = false;
    while next < 600 {
        assert!(Instant::now() < end, "only {next} came");
        wait_ready(&runtime, consumer.as_ref(), Duration::from_secs(1));
        // Values of four bytes: nine of them reach the limit of bytes before that of records, seven do not.
        let (records, bytes, wanted) = if next % 2 == 0 {
            (7, 1 << 20, 7)
        } else {
            (1000, 33, 9)
        };
        let Fetched::Records(batch) = retried(|| consumer.fetch(records, bytes)) else {
            continue;
        };
        assert!(batch.count <= wanted, "{} came", batch.count);
        let offsets: Vec<i64> = (next..).take(batch.count).collect();
        assert_eq!(batch.offsets, offsets);
        next += batch.count as i64;
        if next > 300 && !went_back {
            went_back = true;
            next = 151;
            consumer.seek(&[(partition(&topic, 0), next)]).unwrap();
        }
    }
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

pub fn lag_is_what_is_not_fetched(fixture: &Fixture<'_>) {
    let topic = fixture.topic(2, &[]);
    for number in 0..2 {
        fixture.write(&numbered(&topic, number, 0..1000)).unwrap();
    }
    let mut consumer = fixture.consumer(&[&topic]);
    let mut seen = Seen::default();
    fetch_until(consumer.as_mut(), &mut seen, |seen| seen.offsets.len() == 2);
    let left = 2000 - seen.values.len() as u64;
    assert_eq!(consumer.lag(), Some(left));
    fetch_until(consumer.as_mut(), &mut seen, |seen| {
        seen.values.len() == 2000
    });
    assert_eq!(consumer.lag(), Some(0));
}

pub fn a_reader_reads_all_partitions_from_the_beginning(fixture: &Fixture<'_>) {
    let topic = fixture.topic(3, &[]);
    assert_eq!(read_all(fixture, &topic), []);
    for number in 0..3 {
        fixture.write(&numbered(&topic, number, 0..100)).unwrap();
    }
    assert_eq!(read_all(fixture, &topic).len(), 300);
    let mut reader = fixture.broker.reader(&topic).unwrap();
    let mut count = 0;
    let deadline = Instant::now() + DEADLINE;
    while count < 300 {
        assert!(Instant::now() < deadline);
        let batch = reader.read(7, Duration::from_secs(1)).unwrap();
        assert!(batch.count <= 7);
        count += batch.count;
    }
    assert!(
        reader
            .read(7, Duration::from_millis(10))
            .unwrap()
            .is_empty()
    );
    let missing = fixture.broker.reader(&fixture.name("missing"));
    assert!(matches!(missing.err(), Some(BrokerError::UnknownTopic(_))));
}

pub fn a_topic_is_created_once_and_described(fixture: &Fixture<'_>) {
    let topic = fixture.topic(3, &[("retention.ms", "1000000")]);
    assert!(!fixture.create(&topic, 5, &[]).unwrap());
    fixture.write(&numbered(&topic, 1, 0..4)).unwrap();
    let admin = fixture.broker.admin();
    let description = admin.describe(&topic).unwrap();
    assert_eq!(description.partitions, 3);
    assert_eq!(description.offsets, [(0, 0), (0, 4), (0, 0)]);
    assert!(admin.topics(false).unwrap().contains(&topic));
    admin.delete_topic(&topic).unwrap();
    assert!(!admin.topics(true).unwrap().contains(&topic));
    assert!(matches!(
        admin.describe(&topic),
        Err(BrokerError::UnknownTopic(_))
    ));
    assert!(matches!(
        admin.delete_topic(&topic),
        Err(BrokerError::UnknownTopic(_))
    ));
}

pub fn what_kafka_refuses_is_refused(fixture: &Fixture<'_>) {
    let name = fixture.name("refused");
    for config in [
        [("cleanup.policy", "shrink")],
        [("retention.ms", "-5")],
        [("no.such.setting", "1")],
    ] {
        let error = fixture.create(&name, 1, &config).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Config, "{config:?}: {error}");
    }
    assert!(fixture.create(&name, 0, &[]).is_err());
    for topic in ["not a topic", "", "a\0b", "$1", ".."] {
        let mut bad = batch(&name, [(None, Some("x"))]);
        bad.topics = vec![topic.to_owned()];
        let error = fixture.write(&bad).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Data, "{topic:?}: {error}");
    }
    assert!(fixture.broker.consumer("", &Properties::new()).is_err());
}

pub fn writing_creates_a_topic(fixture: &Fixture<'_>) {
    let topic = fixture.name("by-writing");
    fixture.write(&batch(&topic, [(None, Some("x"))])).unwrap();
    assert_eq!(
        fixture.broker.admin().describe(&topic).unwrap().partitions,
        1
    );
    assert_eq!(read_all(fixture, &topic).len(), 1);
}

pub fn a_group_is_forgotten_when_it_has_no_members(fixture: &Fixture<'_>) {
    let topic = fixture.topic(1, &[]);
    fixture.write(&numbered(&topic, 0, 0..2)).unwrap();
    let admin = fixture.broker.admin();
    let mut consumer = fixture.consumer(&[&topic]);
    let mut seen = Seen::default();
    fetch_until(consumer.as_mut(), &mut seen, |seen| seen.values.len() >= 2);
    consumer.commit(&[(partition(&topic, 0), 2)]).unwrap();
    let busy = admin.delete_group(&fixture.group());
    assert!(
        matches!(busy, Err(BrokerError::GroupNotEmpty(_))),
        "{busy:?}"
    );
    consumer.close();
    admin.delete_group(&fixture.group()).unwrap();
    assert_eq!(admin.group_offsets(&fixture.group()).unwrap(), []);
}

pub fn positions_of_a_group_without_members_are_altered(fixture: &Fixture<'_>) {
    let topic = fixture.topic(2, &[]);
    fixture.write(&numbered(&topic, 0, 0..4)).unwrap();
    let (admin, group) = (fixture.broker.admin(), fixture.group());
    fn at<T>(topic: &TopicName, number: i32, offset: T) -> (TopicPartition, T) {
        (partition(topic, number), offset)
    }
    let mut consumer = fixture.consumer(&[&topic]);
    let mut seen = Seen::default();
    fetch_until(consumer.as_mut(), &mut seen, |seen| seen.values.len() >= 4);
    consumer.commit(&[at(&topic, 0, 4)]).unwrap();
    let busy = admin.alter_group_offsets(&group, &[at(&topic, 0, Some(1))]);
    assert!(
        matches!(busy, Err(BrokerError::GroupNotEmpty(_))),
        "{busy:?}"
    );
    consumer.close();
    let alter = |offsets: &[_]| admin.alter_group_offsets(&group, offsets);
    let now = || admin.group_offsets(&group).unwrap();
    alter(&[at(&topic, 0, Some(3)), at(&topic, 1, Some(0))]).unwrap();
    assert_eq!(now(), [at(&topic, 0, 3), at(&topic, 1, 0)]);
    for (wrong, offset) in [(partition(&topic, 2), 0), (partition(&topic, 0), -1)] {
        assert!(alter(&[(wrong, Some(offset))]).is_err());
    }
    let elsewhere = partition(&fixture.name("not-there"), 0);
    let unknown = alter(&[(elsewhere.clone(), Some(0))]);
    assert!(
        matches!(unknown, Err(BrokerError::UnknownTopic(_))),
        "{unknown:?}"
    );
    alter(&[at(&topic, 1, None), (elsewhere, None)]).unwrap();
    assert_eq!(now(), [at(&topic, 0, 3)]);
    let mut consumer = fixture.consumer(&[&topic]);
    let mut seen = Seen::default();
    fetch_until(consumer.as_mut(), &mut seen, |seen| !seen.values.is_empty());
    assert_eq!(seen.values.len(), 1, "it goes on where it was set");
    consumer.close();
    alter(&[at(&topic, 0, None)]).unwrap();
    assert_eq!(now(), []);
}

pub fn the_cluster_has_an_id(fixture: &Fixture<'_>) {
    let admin = fixture.broker.admin();
    let id = admin.cluster_id().unwrap();
    assert!(id.len() >= 16, "{id}");
    assert_eq!(admin.cluster_id().unwrap(), id);
}

pub fn dangerous_settings_are_refused_by_name(fixture: &Fixture<'_>) {
    for key in [
        "plugin.library.paths",
        "sasl.jaas.config",
        "bootstrap.servers",
    ] {
        let overrides: Properties = [(key.to_owned(), "x".to_owned())].into();
        for error in [
            fixture.broker.producer(&overrides).err(),
            fixture.broker.consumer("g", &overrides).err(),
        ] {
            let error = error.unwrap_or_else(|| panic!("{key} was taken"));
            assert!(error.to_string().contains(key), "{error}");
        }
    }
}
