//! How far a sink was delivered, and where the records of a fetched batch came from.

use std::collections::BTreeMap;
use std::ops::Range;

use tidegate_model::{Batch, TopicName, TopicPartition};

/// How many partitions a message names.
const SPANS_NAMED: usize = 10;

/// How far each assigned partition was delivered, and how far that is committed.
#[derive(Default)]
pub struct Positions(BTreeMap<TopicPartition, Position>);

#[derive(Clone, Copy)]
struct Position {
    delivered: i64,
    /// How far the sink has answered for it, by a flush or by its own word: what comes after is given again when the
    /// guest faults.
    safe: i64,
    committed: i64,
    /// How far its records were counted: those before it may come again.
    counted: i64,
}

/// The offsets that records span in one partition.
#[derive(Clone)]
pub struct Span {
    pub partition: TopicPartition,
    /// The offset of the first.
    pub first: i64,
    /// The offset after the last.
    pub next: i64,
}

impl Span {
    /// Where it begins.
    pub fn begin(self) -> (TopicPartition, i64) {
        (self.partition, self.first)
    }
}

impl Positions {
    pub fn delivered(&mut self, spans: Vec<Span>) {
        for span in spans {
            let position = self.0.entry(span.partition).or_insert(Position {
                delivered: span.first,
                safe: span.first,
                committed: -1,
                counted: span.first,
            });
            if span.first < position.safe {
                // As below.
                position.safe = span.first;
                position.counted = span.first;
            }
            position.delivered = span.next;
            position.counted = position.counted.max(span.next);
            if position.delivered < position.committed {
                // Offsets went back: the topic was made anew, or its committed position reset.
                position.committed = -1;
            }
        }
    }

    /// The sink said that all it was given is delivered.
    pub fn all_safe(&mut self) {
        for position in self.0.values_mut() {
            position.safe = position.delivered;
        }
    }

    /// As `delivered`, for records that no sink has: where nothing else waits for a flush, they do not either.
    pub fn passed(&mut self, spans: Vec<Span>) {
        for span in spans {
            let partition = span.partition.clone();
            let waits = self.waits(&partition);
            self.delivered(vec![span]);
            if !waits && let Some(position) = self.0.get_mut(&partition) {
                position.safe = position.delivered;
            }
        }
    }

    fn waits(&self, partition: &TopicPartition) -> bool {
        let position = self.0.get(partition);
        position.is_some_and(|position| position.delivered > position.safe)
    }

    /// Goes back to what is safe: where each partition has to be read again.
    pub fn go_back(&mut self) -> Vec<(TopicPartition, i64)> {
        let mut back = Vec::new();
        for (partition, position) in &mut self.0 {
            if position.delivered > position.safe {
                position.delivered = position.safe;
                back.push((partition.clone(), position.safe));
            }
        }
        back
    }

    pub fn delivered_to(&self, partition: &TopicPartition) -> Option<i64> {
        Some(self.0.get(partition)?.delivered)
    }

    pub fn safe_to(&self, partition: &TopicPartition) -> Option<i64> {
        Some(self.0.get(partition)?.safe)
    }

    /// The sum of what is safe, which grows when the sink gets further.
    pub fn safe_sum(&self) -> i128 {
        let safe = self.0.values().map(|position| i128::from(position.safe));
        safe.sum()
    }

    /// For each of these records whether it was counted when it came before. None: none was.
    pub fn counted(&self, fetched: &FetchedRows) -> Option<Vec<bool>> {
        let went_back = |position: &Position| position.counted > position.delivered;
        if !self.0.values().any(went_back) {
            return None;
        }
        let counted = |row| {
            let (partition, offset) = fetched.place(row)?;
            let position = self.0.get(&partition)?;
            Some((position.safe..position.counted).contains(&offset))
        };
        let rows = 0..fetched.len();
        Some(rows.map(|row| counted(row).unwrap_or(false)).collect())
    }

    pub fn uncommitted(&self) -> Vec<(TopicPartition, i64)> {
        let moved = self
            .0
            .iter()
            .filter(|(_, position)| position.delivered != position.committed);
        moved
            .map(|(partition, position)| (partition.clone(), position.delivered))
            .collect()
    }

    /// What a guest says may be committed, never further than it was delivered.
    pub fn accept(&mut self, offsets: Vec<(TopicPartition, i64)>) -> Vec<(TopicPartition, i64)> {
        let known = |(partition, offset): (TopicPartition, i64)| {
            let position = self.0.get_mut(&partition)?;
            position.safe = position.safe.max(offset.min(position.delivered));
            (offset > position.committed).then(|| (partition, offset.min(position.delivered)))
        };
        offsets.into_iter().filter_map(known).collect()
    }

    pub fn committed(&mut self, offsets: &[(TopicPartition, i64)]) {
        for (partition, offset) in offsets {
            if let Some(position) = self.0.get_mut(partition) {
                position.committed = *offset;
            }
        }
    }

    pub fn forget(&mut self, partitions: &[TopicPartition]) {
        self.0
            .retain(|partition, _| !partitions.contains(partition));
    }
}

/// Where the records of a fetched batch came from; the batch itself moves on.
pub struct FetchedRows {
    count: usize,
    topics: Vec<String>,
    topic_indexes: Vec<u32>,
    partitions: Vec<i32>,
    offsets: Vec<i64>,
}

impl FetchedRows {
    pub fn of(batch: &Batch) -> Self {
        Self {
            count: batch.count,
            topics: batch.topics.clone(),
            topic_indexes: batch.topic_indexes.clone(),
            partitions: batch.partitions.clone(),
            offsets: batch.offsets.clone(),
        }
    }

    pub fn len(&self) -> usize {
        self.count
    }

    /// The name of a record, for messages.
    pub fn name(&self, row: usize) -> String {
        let topic = self.topic_index(row) as usize;
        let topic = self.topics.get(topic).map_or("?", String::as_str);
        let offset = self.offsets.get(row).copied().unwrap_or(-1);
        format!("{topic}-{} offset {offset}", self.partition(row))
    }

    /// Where a record came from.
    pub fn place(&self, row: usize) -> Option<(TopicPartition, i64)> {
        let topic = self.topics.get(self.topic_index(row) as usize)?;
        let topic = TopicName::parse(topic).ok()?;
        let partition = self.partition(row);
        Some((TopicPartition { topic, partition }, *self.offsets.get(row)?))
    }

    /// All of them, for messages.
    pub fn describe(&self) -> String {
        let spans = self.spans(0..self.count);
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
        format!("{} records: {text}", self.count)
    }

    /// What these records span in each partition. Consumers give long runs of one partition.
    pub fn spans(&self, rows: Range<usize>) -> Vec<Span> {
        let mut spans: Vec<(u32, i32, i64, i64)> = Vec::new();
        let mut current = None;
        for row in rows {
            let Some(offset) = self.offsets.get(row) else {
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
                let topic = TopicName::parse(self.topics.get(topic as usize)?).ok()?;
                Some(Span {
                    partition: TopicPartition { topic, partition },
                    first,
                    next,
                })
            });
        named.collect()
    }

    fn topic_index(&self, row: usize) -> u32 {
        self.topic_indexes.get(row).copied().unwrap_or(0)
    }

    fn partition(&self, row: usize) -> i32 {
        self.partitions.get(row).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(partition: i32, offset: i64) -> (TopicPartition, i64) {
        (
            TopicPartition {
                topic: TopicName::parse("t").unwrap(),
                partition,
            },
            offset,
        )
    }

    #[test]
    fn records_span_each_of_their_partitions() {
        let batch = Batch {
            count: 4,
            topics: vec!["t".to_owned()],
            partitions: vec![0, 0, 1, 0],
            offsets: vec![5, 6, 40, 9],
            ..Batch::default()
        };
        let rows = FetchedRows::of(&batch);
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
        let wanted = "4 records: t-0 offsets 5 to 9, t-1 offsets 40 to 40";
        assert_eq!(rows.describe(), wanted);
    }

    #[test]
    fn a_guest_cannot_commit_further_than_was_delivered() {
        let mut positions = Positions::default();
        let (partition, _) = at(0, 0);
        positions.delivered(vec![Span {
            partition,
            first: 0,
            next: 10,
        }]);
        assert_eq!(positions.uncommitted(), [at(0, 10)]);
        assert_eq!(positions.accept(vec![at(0, 99), at(7, 3)]), [at(0, 10)]);
        positions.committed(&[at(0, 10)]);
        assert_eq!(positions.uncommitted(), []);
        assert_eq!(positions.accept(vec![at(0, 4)]), [], "nor go back");
    }

    #[test]
    fn what_is_not_safe_comes_again_and_is_counted_once() {
        let mut positions = Positions::default();
        let span = |first, next| {
            let (partition, _) = at(0, 0);
            vec![Span {
                partition,
                first,
                next,
            }]
        };
        let rows = |first| {
            FetchedRows::of(&Batch {
                count: 3,
                topics: vec!["t".to_owned()],
                offsets: (first..).take(3).collect(),
                ..Batch::default()
            })
        };
        positions.delivered(span(5, 10));
        positions.accept(vec![at(0, 7)]);
        positions.delivered(span(10, 12));
        assert_eq!(positions.counted(&rows(7)), None);
        assert_eq!(positions.go_back(), [at(0, 7)]);
        assert_eq!(positions.go_back(), []);
        assert_eq!(positions.counted(&rows(10)), Some(vec![true, true, false]));
        positions.passed(span(7, 8));
        assert_eq!(positions.go_back(), [], "nothing waited for a flush");
        positions.delivered(span(8, 9));
        positions.passed(span(9, 10));
        assert_eq!(positions.go_back(), [at(0, 8)]);
        positions.delivered(span(8, 12));
        assert_eq!(positions.counted(&rows(10)), None);
    }

    #[test]
    fn offsets_that_go_back_are_committed_again() {
        let mut positions = Positions::default();
        let mut deliver = |first, next| {
            let (partition, _) = at(0, 0);
            positions.delivered(vec![Span {
                partition,
                first,
                next,
            }]);
            let safe = positions.accept(positions.uncommitted());
            positions.committed(&safe);
            safe
        };
        assert_eq!(deliver(0, 10), [at(0, 10)]);
        assert_eq!(deliver(0, 3), [at(0, 3)], "the topic was made anew");
        assert_eq!(deliver(3, 5), [at(0, 5)]);
    }
}
