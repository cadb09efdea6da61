//! What consumers got, and fetching until it is enough.

use super::*;

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
