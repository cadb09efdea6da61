//! A broker under test, with topics and groups of the test's own, and the batches that tests write.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::SystemTime;

use tidegate_broker::{Broker, NewTopic, Reader, Refused, Subscription, TopicPattern};

use super::*;

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
