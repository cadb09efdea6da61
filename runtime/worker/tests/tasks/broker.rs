//! An embedded broker whose producer acknowledges when it is told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tidegate_broker::{
    Acknowledge, Admin, Broker, BrokerError, Consumer, EmbeddedBroker, EmbeddedSettings, Fetched,
    Producer, Properties, Reader, Refused, Subscription,
};
use tidegate_model::{Batch, TopicName, TopicPartition};

/// The broker.
pub struct ToldBroker {
    inner: EmbeddedBroker,
    pub producer: Arc<ToldProducer>,
    pub consumers: Arc<Consumers>,
}

/// What became of consumers that their tasks gave up.
#[derive(Default)]
pub struct Consumers(Mutex<Vec<&'static str>>);

/// A consumer that refuses to subscribe to the topic `refused`.
struct ToldConsumer {
    inner: Box<dyn Consumer>,
    closed: bool,
    consumers: Arc<Consumers>,
}

/// Its producer, which all share.
pub struct ToldProducer {
    inner: Arc<dyn Producer>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The topic whose records are taken and not acknowledged.
    held_topic: String,
    held: VecDeque<Held>,
    /// The topic that cannot be written to.
    away_topic: String,
    refused: usize,
    counts: Counts,
}

/// What became of the records of the topic that is held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many submits there were.
    pub submits: usize,
    /// What waits for its acknowledgement.
    pub records: usize,
    pub bytes: usize,
    /// The most that waited when a submit came.
    pub records_before: usize,
    pub bytes_before: usize,
}

struct Held {
    group: u64,
    records: usize,
    bytes: usize,
    to: Arc<dyn Acknowledge>,
}

impl ToldBroker {
    pub fn open(folder: &std::path::Path) -> Self {
        let inner = EmbeddedBroker::open(folder, EmbeddedSettings::default()).unwrap();
        let producer = inner.producer(&Properties::new()).unwrap();
        Self {
            inner,
            producer: Arc::new(ToldProducer {
                inner: producer,
                state: Mutex::default(),
            }),
            consumers: Arc::default(),
        }
    }
}

impl ToldProducer {
    /// Takes records of this topic and keeps their acknowledgements back.
    pub fn hold(&self, topic: &str) {
        topic.clone_into(&mut self.lock().held_topic);
    }

    /// Acknowledges what was submitted first.
    pub fn acknowledge_first(&self) {
        let held = {
            let mut state = self.lock();
            let held = state.held.pop_front().expect("something is held");
            state.counts.records -= held.records;
            state.counts.bytes -= held.bytes;
            held
        };
        held.to.acknowledged(held.group, Ok(()));
    }

    /// What is held.
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// Whether this topic can be written to from now on; the others always can.
    pub fn set_away(&self, topic: &str, away: bool) {
        self.lock().away_topic = if away {
            topic.to_owned()
        } else {
            String::new()
        };
    }

    /// How many writes were refused.
    pub fn refused(&self) -> usize {
        self.lock().refused
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Producer for ToldProducer {
    fn submit(
        &self,
        batch: &Batch,
        groups: &[u32],
        first_group: u64,
        group_count: u32,
        to: &Arc<dyn Acknowledge>,
    ) -> Result<(), BrokerError> {
        let mut state = self.lock();
        if batch.topic(0) == state.away_topic {
            state.refused += 1;
            drop(state);
            let error = BrokerError::Away("a test".to_owned());
            let rows = (0..).take(batch.count).collect();
            to.acknowledged(first_group, Err(Refused { rows, error }));
            return Ok(());
        }
        if batch.topic(0) == state.held_topic {
            assert_eq!(group_count, 1, "the guests have one source partition");
            let (records, bytes) = (batch.count, batch.payload_bytes());
            let counts = &mut state.counts;
            counts.submits += 1;
            counts.records_before = counts.records_before.max(counts.records);
            counts.bytes_before = counts.bytes_before.max(counts.bytes);
            counts.records += records;
            counts.bytes += bytes;
            state.held.push_back(Held {
                group: first_group,
                records,
                bytes,
                to: Arc::clone(to),
            });
            return Ok(());
        }
        drop(state);
        self.inner
            .submit(batch, groups, first_group, group_count, to)
    }

    fn flush(&self, timeout: Duration) -> Result<(), BrokerError> {
        self.inner.flush(timeout)
    }
}

impl Broker for ToldBroker {
    fn producer(&self, _overrides: &Properties) -> Result<Arc<dyn Producer>, BrokerError> {
        Ok(Arc::clone(&self.producer) as _)
    }

    fn consumer(
        &self,
        group: &str,
        overrides: &Properties,
    ) -> Result<Box<dyn Consumer>, BrokerError> {
        Ok(Box::new(ToldConsumer {
            inner: self.inner.consumer(group, overrides)?,
            closed: false,
            consumers: Arc::clone(&self.consumers),
        }))
    }

    fn reader(&self, topic: &TopicName) -> Result<Box<dyn Reader>, BrokerError> {
        self.inner.reader(topic)
    }

    fn admin(&self) -> Arc<dyn Admin> {
        self.inner.admin()
    }
}

impl Consumers {
    /// Whether each was closed before it was dropped.
    pub fn left(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().clone()
    }
}

impl Drop for ToldConsumer {
    fn drop(&mut self) {
        let how = if self.closed { "closed" } else { "dropped" };
        self.consumers.0.lock().unwrap().push(how);
    }
}

impl Consumer for ToldConsumer {
    fn subscribe(&mut self, topics: &Subscription) -> Result<(), BrokerError> {
        if let Subscription::Topics(topics) = topics
            && topics.iter().any(|topic| topic.as_str() == "refused")
        {
            return Err(BrokerError::Denied("a test".to_owned()));
        }
        self.inner.subscribe(topics)
    }

    fn ready(&self) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.inner.ready()
    }

    fn fetch(&mut self, records_max: usize, bytes_max: usize) -> Result<Fetched, BrokerError> {
        self.inner.fetch(records_max, bytes_max)
    }

    fn released(&mut self, partitions: &[TopicPartition]) -> Result<(), BrokerError> {
        self.inner.released(partitions)
    }

    fn commit(&mut self, offsets: &[(TopicPartition, i64)]) -> Result<(), BrokerError> {
        self.inner.commit(offsets)
    }

    fn seek(&mut self, to: &[(TopicPartition, i64)]) -> Result<(), BrokerError> {
        self.inner.seek(to)
    }

    fn set_paused(&mut self, paused: bool) {
        self.inner.set_paused(paused);
    }

    fn lag(&self) -> Option<u64> {
        self.inner.lag()
    }

    fn close(&mut self) {
        self.closed = true;
        self.inner.close();
    }
}
