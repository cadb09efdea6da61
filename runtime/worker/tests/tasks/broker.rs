//! An embedded broker whose producer does what a test says, and which knows what became of its consumers.

use std::sync::{Arc, Mutex};

use tidegate_broker::{
    Admin, Broker, BrokerError, Consumer, EmbeddedBroker, EmbeddedSettings, Fetched, Producer,
    Properties, Reader, Subscription,
};
use tidegate_model::{TopicName, TopicPartition};
use tidegate_test_fakes::FakeProducer;

/// The broker; all who write share its producer.
pub struct ToldBroker {
    inner: EmbeddedBroker,
    pub producer: Arc<FakeProducer>,
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

impl ToldBroker {
    pub fn open(folder: &std::path::Path) -> Self {
        let inner = EmbeddedBroker::open(folder, EmbeddedSettings::default()).unwrap();
        let producer = inner.producer(&Properties::new()).unwrap();
        Self {
            inner,
            producer: FakeProducer::new(producer),
            consumers: Arc::default(),
        }
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
