//! Where the records of a fetched batch came from, and what they were; the batch itself moves on.

use std::ops::Range;

use tidegate_model::{Batch, TopicName, TopicPartition};

use crate::failures::{Originals, Place};
use crate::positions::Span;
use crate::record_converters::Replaced;

/// How many partitions a message names.
const SPANS_NAMED: usize = 10;

/// The records of a fetched batch.
pub struct FetchedRows {
    /// Topics, partitions and offsets; and timestamps, keys, values and headers where they are kept.
    rows: Batch,
}

impl FetchedRows {
    pub fn of(batch: &Batch) -> Self {
        Self {
            rows: Batch {
                count: batch.count,
                topics: batch.topics.clone(),
                topic_indexes: batch.topic_indexes.clone(),
                partitions: batch.partitions.clone(),
                offsets: batch.offsets.clone(),
                ..Batch::default()
            },
        }
    }

    /// The same with what else is on the topics. Keys, values and header values follow when they are replaced.
    pub fn with_records(batch: &Batch) -> Self {
        let mut fetched = Self::of(batch);
        let rows = &mut fetched.rows;
        rows.timestamps.clone_from(&batch.timestamps);
        rows.headers.counts.clone_from(&batch.headers.counts);
        rows.headers.keys.clone_from(&batch.headers.keys);
        fetched
    }

    /// The bytes that the converters replaced.
    pub fn keep(&mut self, replaced: Replaced) {
        self.rows.keys = replaced.keys;
        self.rows.values = replaced.values;
        self.rows.headers.values = replaced.header_values;
    }

    pub fn len(&self) -> usize {
        self.rows.count
    }

    /// Where a record came from.
    pub fn position(&self, row: usize) -> Option<(TopicPartition, i64)> {
        let topic = self.rows.topics.get(self.topic_index(row) as usize)?;
        let topic = TopicName::parse(topic).ok()?;
        let partition = self.partition(row);
        let offset = *self.rows.offsets.get(row)?;
        Some((TopicPartition { topic, partition }, offset))
    }

    /// All of them, for messages.
    pub fn describe(&self) -> String {
        let spans = self.spans(0..self.len());
        let named = spans.iter().take(SPANS_NAMED).map(|span| {
            let (first, last) = (span.first, span.next.saturating_sub(1));
            format!("{} offsets {first} to {last}", span.partition)
        });
        let mut text = named.collect::<Vec<_>>().join(", ");
        if spans.len() > SPANS_NAMED {
            text.push_str(&format!(
                " and {} partitions more",
                spans.len() - SPANS_NAMED
            ));
        }
        format!("{} records: {text}", self.len())
    }

    /// What these records span in each partition. Consumers give long runs of one partition.
    pub fn spans(&self, rows: Range<usize>) -> Vec<Span> {
        let mut spans: Vec<(u32, i32, i64, i64)> = Vec::new();
        let mut current = None;
        for row in rows {
            let Some(offset) = self.rows.offsets.get(row) else {
                break;
            };
            let (topic, partition) = (self.topic_index(row), self.partition(row));
            if current.is_none_or(|index: usize| {
                spans
                    .get(index)
                    .is_none_or(|span| (span.0, span.1) != (topic, partition))
            }) {
                current = spans
                    .iter()
                    .position(|span| (span.0, span.1) == (topic, partition))
                    .or_else(|| {
                        spans.push((topic, partition, *offset, *offset));
                        Some(spans.len() - 1)
                    });
            }
            if let Some(span) = current.and_then(|index| spans.get_mut(index)) {
                span.3 = offset.saturating_add(1);
            }
        }
        let named = spans
            .into_iter()
            .filter_map(|(topic, partition, first, next)| {
                let topic = TopicName::parse(self.rows.topics.get(topic as usize)?).ok()?;
                Some(Span {
                    partition: TopicPartition { topic, partition },
                    first,
                    next,
                })
            });
        named.collect()
    }

    fn topic_index(&self, row: usize) -> u32 {
        self.rows.topic_indexes.get(row).copied().unwrap_or(0)
    }

    fn partition(&self, row: usize) -> i32 {
        self.rows.partitions.get(row).copied().unwrap_or(0)
    }

    fn offset(&self, row: usize) -> i64 {
        self.rows.offsets.get(row).copied().unwrap_or(-1)
    }
}

impl Originals for FetchedRows {
    fn name(&self, row: usize) -> String {
        format!(
            "{}-{} offset {}",
            self.rows.topic(row),
            self.partition(row),
            self.offset(row)
        )
    }

    /// In Kafka Connect's words. Whether a broker set the timestamp is not known here.
    fn shown(&self, row: usize) -> String {
        let mut text = format!(
            ", where consumed record is {{topic='{}', partition={}, offset={}",
            self.rows.topic(row),
            self.partition(row),
            self.offset(row)
        );
        if let Some(timestamp) = self.rows.timestamp(row) {
            text.push_str(&format!(
                ", timestamp={timestamp}, timestampType=CreateTime"
            ));
        }
        text.push('}');
        text
    }

    fn place(&mut self, row: usize) -> Place<'_> {
        Place {
            partition: self.partition(row).to_string(),
            offset: self.offset(row).to_string(),
            topic: self.rows.topic(row),
        }
    }

    fn letters(&mut self, rows: &[u32], _unfit: &mut Vec<(usize, String)>) -> Batch {
        self.rows.select(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> Batch {
        Batch {
            count: 4,
            topics: vec!["t".to_owned()],
            partitions: vec![0, 0, 1, 0],
            offsets: vec![5, 6, 40, 9],
            timestamps: vec![1, 2, 3, -1],
            ..Batch::default()
        }
    }

    #[test]
    fn records_span_each_of_their_partitions() {
        let rows = FetchedRows::of(&batch());
        let spans = |range| -> Vec<_> {
            rows.spans(range)
                .iter()
                .map(|span| (span.partition.partition, span.first, span.next))
                .collect()
        };
        assert_eq!(spans(0..4), [(0, 5, 10), (1, 40, 41)]);
        assert_eq!(spans(0..1), [(0, 5, 6)]);
        assert_eq!(spans(1..4), [(0, 6, 10), (1, 40, 41)]);
        assert_eq!(spans(4..4), []);
        assert_eq!(rows.name(2), "t-1 offset 40");
    }

    #[test]
    fn a_record_is_shown_in_kafka_connects_words() {
        let rows = FetchedRows::with_records(&batch());
        let begin = ", where consumed record is {topic='t', partition=";
        assert_eq!(
            rows.shown(2),
            format!("{begin}1, offset=40, timestamp=3, timestampType=CreateTime}}")
        );
        assert_eq!(rows.shown(3), format!("{begin}0, offset=9}}"));
    }
}
