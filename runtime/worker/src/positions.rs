//! How far a sink was delivered.

use std::collections::BTreeMap;

use tidegate_model::TopicPartition;

use crate::fetched_rows::FetchedRows;

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
    /// How far its records were counted. Those before it that come again are not counted again.
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
                // Offsets went back, as below: nothing of what was safe is left.
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
            let (partition, offset) = fetched.position(row)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_model::{Batch, TopicName};

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
