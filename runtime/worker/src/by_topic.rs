//! A column whose records are of several topics, for converters that must know of which.

use tidegate_convert::{Converter, RecordFailure, ValueColumn};
use tidegate_model::{Batch, Column};

/// The rows of a batch by topic.
pub struct ByTopic {
    /// For each topic that has records its name and its rows, in order.
    topics: Vec<(String, Vec<u32>)>,
    /// For each row its place in `topics`; empty: all are of the first.
    place_of: Vec<usize>,
}

impl ByTopic {
    /// Looks which topics a batch's records are of.
    pub fn of(batch: &Batch) -> Self {
        let first = batch.topic_indexes.first().copied().unwrap_or(0);
        if batch.topic_indexes.iter().all(|topic| *topic == first) {
            let name = batch.topics.get(first as usize).cloned();
            return Self {
                topics: vec![(name.unwrap_or_default(), Vec::new())],
                place_of: Vec::new(),
            };
        }
        let mut topics: Vec<(String, Vec<u32>)> = Vec::new();
        let mut places = vec![None; batch.topics.len()];
        let mut place_of = Vec::with_capacity(batch.topic_indexes.len());
        for (row, topic) in (0_u32..).zip(&batch.topic_indexes) {
            let known = places.get_mut(*topic as usize);
            let place = match known {
                Some(known) => *known.get_or_insert_with(|| {
                    topics.push((batch.topic(row as usize).to_owned(), Vec::new()));
                    topics.len() - 1
                }),
                None => 0,
            };
            if let Some((_, rows)) = topics.get_mut(place) {
                rows.push(row);
            }
            place_of.push(place);
        }
        Self { topics, place_of }
    }

    /// The first record's topic.
    pub fn first(&self) -> &str {
        self.topics.first().map_or("", |(topic, _)| topic)
    }

    /// The topics of some of the rows.
    pub fn select(&self, rows: &[u32]) -> Self {
        if self.place_of.is_empty() {
            return self.undivided();
        }
        let place = |row: &u32| self.place_of.get(*row as usize).copied().unwrap_or(0);
        let place_of: Vec<usize> = rows.iter().map(place).collect();
        let topics = self.topics.iter().enumerate().map(|(own, (topic, _))| {
            let rows = (0_u32..).zip(&place_of).filter(|(_, place)| **place == own);
            (topic.clone(), rows.map(|(row, _)| row).collect())
        });
        Self {
            topics: topics.collect(),
            place_of,
        }
    }

    /// The first topic for all, as for headers.
    pub fn undivided(&self) -> Self {
        Self {
            topics: vec![(self.first().to_owned(), Vec::new())],
            place_of: Vec::new(),
        }
    }

    /// Whether a converter must be asked topic by topic.
    fn is_divided(&self, converter: &dyn Converter) -> bool {
        !self.place_of.is_empty() && converter.needs_topic()
    }

    /// Topic bytes → encoded values.
    pub fn decode(
        &self,
        converter: &mut dyn Converter,
        bytes: &Column,
        schemas: &mut Vec<Vec<u8>>,
        failures: &mut Vec<RecordFailure>,
    ) -> ValueColumn {
        if !self.is_divided(converter) {
            return converter.to_connect(self.first(), bytes, schemas, failures);
        }
        let of_topics: Vec<ValueColumn> = self
            .topics
            .iter()
            .map(|(topic, rows)| {
                let known = failures.len();
                let column = converter.to_connect(topic, &bytes.select(rows), schemas, failures);
                renumber(failures, known, rows);
                column
            })
            .collect();
        let values = self.joined(of_topics.iter().map(|column| &column.values));
        let mut indexes: Vec<_> = of_topics
            .iter()
            .map(|column| column.schemas.iter())
            .collect();
        let schemas = self.place_of.iter().map(|place| {
            let next = indexes.get_mut(*place).and_then(Iterator::next);
            next.copied().unwrap_or(-1)
        });
        ValueColumn {
            values,
            schemas: schemas.collect(),
        }
    }

    /// Encoded values → topic bytes.
    pub fn encode(
        &self,
        converter: &mut dyn Converter,
        values: &Column,
        value_schemas: &[i32],
        schemas: &[Vec<u8>],
        failures: &mut Vec<RecordFailure>,
    ) -> Column {
        if !self.is_divided(converter) {
            return converter.from_connect(self.first(), values, value_schemas, schemas, failures);
        }
        let of_topics: Vec<Column> = self
            .topics
            .iter()
            .map(|(topic, rows)| {
                let known = failures.len();
                let own: Vec<i32> = rows
                    .iter()
                    .filter_map(|row| value_schemas.get(*row as usize).copied())
                    .collect();
                let values = values.select(rows);
                let column = converter.from_connect(topic, &values, &own, schemas, failures);
                renumber(failures, known, rows);
                column
            })
            .collect();
        self.joined(of_topics.iter())
    }

    /// The entries of the topics' columns in the order of the batch.
    fn joined<'c>(&self, columns: impl Iterator<Item = &'c Column>) -> Column {
        let columns: Vec<&Column> = columns.collect();
        let bytes = columns.iter().map(|column| column.bytes.len()).sum();
        let mut entries: Vec<_> = columns.iter().map(|column| column.iter()).collect();
        let mut joined = Column::with_capacity(self.place_of.len(), bytes);
        for place in &self.place_of {
            joined.push(entries.get_mut(*place).and_then(Iterator::next).flatten());
        }
        joined
    }
}

/// Gives the failures after the first `known` the rows that they have in the batch.
fn renumber(failures: &mut [RecordFailure], known: usize, rows: &[u32]) {
    for failure in failures.iter_mut().skip(known) {
        if let Some(row) = rows.get(failure.index) {
            failure.index = *row as usize;
        }
    }
}

#[cfg(test)]
mod tests {
    use tidegate_convert::ConvertError;

    use super::*;

    /// Writes the topic before each value, and fails where it is null.
    struct Names;

    impl Converter for Names {
        fn needs_topic(&self) -> bool {
            true
        }

        fn to_connect(
            &mut self,
            topic: &str,
            bytes: &Column,
            schemas: &mut Vec<Vec<u8>>,
            failures: &mut Vec<RecordFailure>,
        ) -> ValueColumn {
            let place = i32::try_from(schemas.len()).unwrap();
            schemas.push(topic.into());
            ValueColumn {
                values: self.from_connect(topic, bytes, &[], &[], failures),
                schemas: vec![place; bytes.len()],
            }
        }

        fn from_connect(
            &mut self,
            topic: &str,
            values: &Column,
            _: &[i32],
            _: &[Vec<u8>],
            failures: &mut Vec<RecordFailure>,
        ) -> Column {
            let mut column = Column::default();
            for (index, entry) in values.iter().enumerate() {
                let named = entry.map(|entry| [topic.as_bytes(), entry].concat());
                if named.is_none() {
                    let error = ConvertError::Data("null".to_owned());
                    failures.push(RecordFailure { index, error });
                }
                column.push(named.as_deref());
            }
            column
        }
    }

    #[test]
    fn each_topic_is_converted_by_itself_and_rows_stay_where_they_are() {
        let entries = [Some(&b"0"[..]), Some(b"1"), None, Some(b"3")];
        let batch = Batch {
            count: 4,
            topics: ["a", "b", "c"].map(str::to_owned).to_vec(),
            topic_indexes: vec![2, 1, 1, 2],
            values: entries.into_iter().collect(),
            ..Batch::default()
        };
        let by_topic = ByTopic::of(&batch);
        let (mut schemas, mut failures) = (Vec::new(), Vec::new());
        let read = by_topic.decode(&mut Names, &batch.values, &mut schemas, &mut failures);
        let wanted = [Some(&b"c0"[..]), Some(b"b1"), None, Some(b"c3")];
        assert_eq!(read.values.iter().collect::<Vec<_>>(), wanted);
        assert_eq!(
            (read.schemas, schemas),
            (vec![0, 1, 1, 0], vec![b"c".to_vec(), b"b".to_vec()])
        );
        assert_eq!(failures[0].index, 2);
        let written = by_topic.encode(&mut Names, &batch.values, &[], &[], &mut failures);
        assert_eq!(written.iter().collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn some_rows_keep_their_topics() {
        let batch = Batch {
            count: 3,
            topics: vec!["a".to_owned(), "b".to_owned()],
            topic_indexes: vec![0, 1, 0],
            ..Batch::default()
        };
        let some = ByTopic::of(&batch).select(&[1, 2]);
        let values: Column = [Some(&b"1"[..]), Some(b"2")].into_iter().collect();
        let written = some.encode(&mut Names, &values, &[], &[], &mut Vec::new());
        let wanted = [Some(&b"b1"[..]), Some(b"a2")];
        assert_eq!(written.iter().collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn a_batch_of_one_topic_is_converted_at_once() {
        let batch = Batch {
            count: 2,
            topics: vec!["a".to_owned(), "b".to_owned()],
            topic_indexes: vec![1, 1],
            ..Batch::default()
        };
        assert_eq!(ByTopic::of(&batch).first(), "b");
        assert!(!ByTopic::of(&batch).is_divided(&Names));
        assert_eq!(ByTopic::of(&Batch::default()).first(), "");
    }
}
