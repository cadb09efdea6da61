//! A producer that does what a test says: [`FakeProducer`].

#![allow(clippy::unwrap_used, clippy::expect_used)] // For tests only.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use tidegate_broker::{Acknowledge, BrokerError, Producer, Refused};
use tidegate_model::Batch;

/// What becomes of a batch that is submitted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fate {
    /// The real producer has it.
    #[default]
    Written,
    /// It is taken, and acknowledged when the test says so.
    Held,
    /// The call waits until the topic has another fate, as where the producer's queue is full.
    Waits,
    /// It is refused, as where the broker is away.
    Refused,
    /// So many records are written, and the rest is refused.
    Cut(usize),
    /// It is written, and the call says that it was not.
    WrittenUnnoticed,
}

/// A producer of which a test says what becomes of the batches of each topic.
pub struct FakeProducer {
    inner: Arc<dyn Producer>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The fate of topics that have none of their own.
    others: Fate,
    fates: BTreeMap<String, Fate>,
    held: VecDeque<Held>,
    submits: usize,
    refused: usize,
    counts: Counts,
}

/// What became of the batches that were held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many submits there were.
    pub submits: usize,
    /// How many records wait for their acknowledgement.
    pub records: usize,
    /// How many bytes do.
    pub bytes: usize,
    /// The most records that waited when a submit came.
    pub records_before: usize,
    /// The most bytes that did.
    pub bytes_before: usize,
}

struct Held {
    group: u64,
    records: usize,
    bytes: usize,
    to: Arc<dyn Acknowledge>,
}

/// Hears of what the caller is told something else about.
struct Nobody;

impl Acknowledge for Nobody {
    fn acknowledged(&self, _group: u64, result: Result<(), Refused>) {
        assert!(result.is_ok(), "{result:?}");
    }
}

impl FakeProducer {
    /// One that writes with this producer until it is told otherwise.
    pub fn new(inner: Arc<dyn Producer>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            state: Mutex::default(),
            changed: Condvar::new(),
        })
    }

    /// The producer that writes.
    pub fn inner(&self) -> Arc<dyn Producer> {
        Arc::clone(&self.inner)
    }

    /// What becomes of the batches of a topic from now on.
    pub fn set(&self, topic: &str, fate: Fate) {
        self.lock().fates.insert(topic.to_owned(), fate);
        self.changed.notify_all();
    }

    /// What becomes of the batches of topics of which nothing else is said.
    pub fn set_others(&self, fate: Fate) {
        self.lock().others = fate;
        self.changed.notify_all();
    }

    /// Acknowledges what was held first.
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

    /// How many batches were submitted, whatever became of them.
    pub fn submits(&self) -> usize {
        self.lock().submits
    }

    /// How many batches were refused.
    pub fn refused(&self) -> usize {
        self.lock().refused
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The fate of a topic's next batch, when it is another than to wait.
    fn fate(&self, topic: &str) -> Fate {
        let mut state = self.lock();
        state.submits += 1;
        let state = self
            .changed
            .wait_while(state, |state| state.of(topic) == Fate::Waits);
        state.unwrap().of(topic)
    }

    fn hold(&self, batch: &Batch, group: u64, to: &Arc<dyn Acknowledge>) {
        let (records, bytes) = (batch.count, batch.payload_bytes());
        let mut state = self.lock();
        let counts = &mut state.counts;
        counts.submits += 1;
        counts.records_before = counts.records_before.max(counts.records);
        counts.bytes_before = counts.bytes_before.max(counts.bytes);
        counts.records += records;
        counts.bytes += bytes;
        state.held.push_back(Held {
            group,
            records,
            bytes,
            to: Arc::clone(to),
        });
    }

    fn refuse(&self, batch: &Batch, group: u64, to: &Arc<dyn Acknowledge>) {
        self.lock().refused += 1;
        let error = BrokerError::Away("a test".to_owned());
        let rows = (0..).take(batch.count).collect();
        to.acknowledged(group, Err(Refused { rows, error }));
    }

    /// Writes the first records and waits until they are there.
    fn write_first(&self, batch: &Batch, count: usize) -> Result<(), BrokerError> {
        if count == 0 {
            return Ok(());
        }
        let mut first = batch.clone();
        first.count = count;
        (first.keys, first.values) = Default::default();
        for (key, value) in batch.iter_keys().zip(batch.iter_values()).take(count) {
            first.keys.push(key);
            first.values.push(value);
        }
        let nobody: Arc<dyn Acknowledge> = Arc::new(Nobody);
        self.inner.submit(&first, &[], 0, 1, &nobody)?;
        self.inner.flush(Duration::from_secs(30))
    }
}

impl State {
    fn of(&self, topic: &str) -> Fate {
        self.fates.get(topic).copied().unwrap_or(self.others)
    }
}

impl Producer for FakeProducer {
    fn submit(
        &self,
        batch: &Batch,
        groups: &[u32],
        first_group: u64,
        group_count: u32,
        to: &Arc<dyn Acknowledge>,
    ) -> Result<(), BrokerError> {
        let fate = self.fate(batch.topic(0));
        let one_group = matches!(fate, Fate::Written | Fate::WrittenUnnoticed) || group_count == 1;
        assert!(one_group, "{fate:?} is for batches of one group");
        match fate {
            Fate::Cut(count) if count < batch.count => {
                self.write_first(batch, count)?;
                self.refuse(batch, first_group, to);
            }
            Fate::Written | Fate::Waits | Fate::Cut(_) => {
                let inner = &self.inner;
                inner.submit(batch, groups, first_group, group_count, to)?;
            }
            Fate::Held => self.hold(batch, first_group, to),
            Fate::Refused => self.refuse(batch, first_group, to),
            Fate::WrittenUnnoticed => {
                let nobody: Arc<dyn Acknowledge> = Arc::new(Nobody);
                let inner = &self.inner;
                inner.submit(batch, groups, first_group, group_count, &nobody)?;
                return Err(BrokerError::Away("a test".to_owned()));
            }
        }
        Ok(())
    }

    fn flush(&self, timeout: Duration) -> Result<(), BrokerError> {
        self.inner.flush(timeout)
    }
}
