//! Rebalances of a consumer group: librdkafka tells of them while it is polled, and the owner of the consumer takes part in
//! them as soon as the poll returns.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, TopicPartitionList};
use tokio::sync::Notify;

use super::context::{log, report};

/// What librdkafka told of, for the owner of a consumer.
#[derive(Default)]
pub(super) struct Shared {
    pending: Mutex<VecDeque<Event>>,
    pub(super) any_pending: AtomicBool,
    /// How many things other than messages were taken from the queue.
    pub(super) others: AtomicU64,
    pub(super) closing: AtomicBool,
    pub(super) ready: Arc<Notify>,
}

/// A rebalance, in which the owner takes part.
pub(super) enum Event {
    Assigned(TopicPartitionList),
    Revoked(TopicPartitionList),
}

/// What librdkafka calls.
pub(super) struct Rebalances(pub(super) Arc<Shared>);

impl Shared {
    fn push(&self, event: Event) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.push_back(event);
        self.any_pending.store(true, Ordering::Release);
    }

    pub(super) fn pop(&self) -> Option<Event> {
        if !self.any_pending.load(Ordering::Acquire) {
            return None;
        }
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let event = pending.pop_front();
        self.any_pending
            .store(!pending.is_empty(), Ordering::Release);
        event
    }

    fn count_other(&self) {
        self.others.fetch_add(1, Ordering::AcqRel);
    }
}

impl ClientContext for Rebalances {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.0.count_other();
        log(level, facility, message);
    }

    fn stats_raw(&self, _statistics: &[u8]) {
        self.0.count_other();
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.count_other();
        report(&error, reason);
    }
}

impl ConsumerContext for Rebalances {
    fn rebalance(
        &self,
        client: &BaseConsumer<Self>,
        error: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        self.0.count_other();
        let assigned = error == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.0.closing.load(Ordering::Acquire) {
            let result = match assigned {
                true => take_over(client, partitions),
                false => give_up(client, partitions),
            };
            if let Err(error) = result {
                tracing::debug!(%error, "a consumer that is being closed could not take part in a rebalance");
            }
            return;
        }
        // Done by the owner of the client, as soon as the poll returns.
        self.0.push(match assigned {
            true => Event::Assigned(partitions.clone()),
            false => Event::Revoked(partitions.clone()),
        });
    }

    fn commit_callback(&self, _result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        self.0.count_other();
    }
}

/// Tells librdkafka that partitions are taken.
pub(super) fn take_over(
    client: &BaseConsumer<Rebalances>,
    partitions: &TopicPartitionList,
) -> KafkaResult<()> {
    match client.rebalance_protocol() {
        RebalanceProtocol::Cooperative => client.incremental_assign(partitions),
        RebalanceProtocol::Eager | RebalanceProtocol::None => client.assign(partitions),
    }
}

/// Tells librdkafka that partitions were given up.
pub(super) fn give_up(
    client: &BaseConsumer<Rebalances>,
    partitions: &TopicPartitionList,
) -> KafkaResult<()> {
    match client.rebalance_protocol() {
        RebalanceProtocol::Cooperative => client.incremental_unassign(partitions),
        RebalanceProtocol::Eager | RebalanceProtocol::None => client.unassign(),
    }
}

/// A rebalance that did not work is tried again by the group.
pub(super) fn warn_of(result: KafkaResult<()>) {
    if let Err(error) = result {
        tracing::warn!(%error, "the consumer could not take part in a rebalance");
    }
}
