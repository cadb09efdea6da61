//! Records as columns: `batch` of `wit/types.wit`, and the only form in which records travel.
//!
//! The same shape serves on both sides of the converters. Between converter and guest, keys, values and header
//! values are encoded Connect values and `schemas` holds the schemas that they refer to. Between converter
//! and broker, they are the bytes on the topic and there are no schemas.
//!
//! A list is either as long as the batch or empty; empty stands for the default of that field, so that what
//! a batch does not use costs nothing.

use crate::column::{Column, ColumnError};
use crate::limits::{BATCH_RECORDS_MAX, BATCH_SCHEMAS_MAX};

/// Records as columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// How many records there are.
    pub count: usize,
    /// The distinct topics.
    pub topics: Vec<String>,
    /// The index of each record's topic. Empty: 0 for every record.
    pub topic_indexes: Vec<u32>,
    /// Each record's partition, -1 when not chosen. Empty: -1 for every record.
    pub partitions: Vec<i32>,
    /// Each record's offset in its partition. Empty: unknown.
    pub offsets: Vec<i64>,
    /// Each record's timestamp in milliseconds since the epoch, -1 for none. Empty: none.
    pub timestamps: Vec<i64>,
    /// The distinct schemas, encoded.
    pub schemas: Vec<Vec<u8>>,
    /// The index of each key's schema, -1 for none. Empty: none.
    pub key_schemas: Vec<i32>,
    /// The keys. No lengths: null for every record.
    pub keys: Column,
    /// The index of each value's schema, -1 for none. Empty: none.
    pub value_schemas: Vec<i32>,
    /// The values. No lengths: null for every record.
    pub values: Column,
    /// The headers.
    pub headers: Headers,
}

/// The headers of all records of a batch, one record after another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// How many headers each record has. Empty: none.
    pub counts: Vec<u32>,
    /// The name of each header, UTF-8, never null.
    pub keys: Column,
    /// The index of each header value's schema, -1 for none. Empty: none.
    pub schemas: Vec<i32>,
    /// The value of each header.
    pub values: Column,
}

/// A batch that contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// Too many records.
    #[error("{0} records in a batch; at most {BATCH_RECORDS_MAX} are allowed")]
    Records(usize),
    /// Too many schemas.
    #[error("{0} schemas in a batch; at most {BATCH_SCHEMAS_MAX} are allowed")]
    Schemas(usize),
    /// A list that is neither empty nor as long as the batch.
    #[error("{field} has {found} entries; 0 or {wanted} are allowed")]
    Length {
        /// Which list.
        field: &'static str,
        /// Its length.
        found: usize,
        /// The length it should have.
        wanted: usize,
    },
    /// An index that refers to nothing.
    #[error("{field} refers to number {found} of {count}")]
    Index {
        /// Which list.
        field: &'static str,
        /// The index.
        found: i64,
        /// How many there are.
        count: usize,
    },
    /// A column that contradicts itself.
    #[error("{field}: {error}")]
    Column {
        /// Which column.
        field: &'static str,
        /// What is wrong with it.
        error: ColumnError,
    },
    /// A header without a valid name.
    #[error("the name of a header is null or not valid UTF-8")]
    HeaderName,
}

impl Batch {
    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The bytes of keys, values and headers together.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        self.keys.bytes.len()
            + self.values.bytes.len()
            + self.headers.keys.bytes.len()
            + self.headers.values.bytes.len()
    }

    /// The topic of a record; empty when the batch was not checked and refers to none.
    #[must_use]
    pub fn topic(&self, index: usize) -> &str {
        let topic = self
            .topic_indexes
            .get(index)
            .map_or(0, |topic| *topic as usize);
        self.topics.get(topic).map_or("", String::as_str)
    }

    /// The partition of a record, when one was chosen.
    #[must_use]
    pub fn partition(&self, index: usize) -> Option<i32> {
        self.partitions
            .get(index)
            .copied()
            .filter(|partition| *partition >= 0)
    }

    /// The timestamp of a record in milliseconds since the epoch.
    #[must_use]
    pub fn timestamp(&self, index: usize) -> Option<i64> {
        self.timestamps
            .get(index)
            .copied()
            .filter(|timestamp| *timestamp != -1)
    }

    /// The keys, `count` of them.
    pub fn iter_keys(&self) -> impl Iterator<Item = Option<&[u8]>> {
        entries(&self.keys, self.count)
    }

    /// The values, `count` of them.
    pub fn iter_values(&self) -> impl Iterator<Item = Option<&[u8]>> {
        entries(&self.values, self.count)
    }

    /// The number of the topic called `topic`, which is added when it is new. Batches have few topics.
    pub fn topic_index(&mut self, topic: &str) -> u32 {
        let index = self
            .topics
            .iter()
            .position(|known| known == topic)
            .unwrap_or_else(|| {
                self.topics.push(topic.to_owned());
                self.topics.len() - 1
            });
        u32::try_from(index).unwrap_or(u32::MAX)
    }

    /// Leaves out topics that no record is of, such as one that all records were routed away from: whoever looks
    /// at the topics then does not take it for one that is written to.
    pub fn forget_unused_topics(&mut self) {
        if self.topics.len() <= 1 {
            return;
        }
        let mut used = vec![false; self.topics.len()];
        for topic in &self.topic_indexes {
            if let Some(used) = used.get_mut(*topic as usize) {
                *used = true;
            }
        }
        if self.topic_indexes.is_empty()
            && let Some(first) = used.first_mut()
        {
            *first = true;
        }
        if used.iter().all(|used| *used) {
            return;
        }
        let mut kept = 0;
        let index_of: Vec<u32> = used
            .iter()
            .map(|used| {
                let index = kept;
                kept += u32::from(*used);
                index
            })
            .collect();
        for topic in &mut self.topic_indexes {
            *topic = index_of.get(*topic as usize).copied().unwrap_or(*topic);
        }
        let mut used = used.into_iter();
        self.topics.retain(|_| used.next().unwrap_or(true));
    }

    /// Checks that the lists fit together, as of a batch that comes from a guest. Values and schemas are
    /// checked by those who read them.
    ///
    /// # Errors
    /// What is wrong first.
    pub fn check(&self) -> Result<(), BatchError> {
        let count = self.count;
        if count > BATCH_RECORDS_MAX {
            return Err(BatchError::Records(count));
        }
        if self.schemas.len() > BATCH_SCHEMAS_MAX {
            return Err(BatchError::Schemas(self.schemas.len()));
        }
        length("topic-indexes", self.topic_indexes.len(), count)?;
        length("partitions", self.partitions.len(), count)?;
        length("offsets", self.offsets.len(), count)?;
        length("timestamps", self.timestamps.len(), count)?;
        let topics = self.topics.len();
        if count > 0 && topics == 0 {
            return Err(BatchError::Index {
                field: "topic-indexes",
                found: 0,
                count: 0,
            });
        }
        if let Some(&found) = self
            .topic_indexes
            .iter()
            .find(|index| **index as usize >= topics)
        {
            return Err(BatchError::Index {
                field: "topic-indexes",
                found: found.into(),
                count: topics,
            });
        }
        column("keys", &self.keys, count)?;
        column("values", &self.values, count)?;
        indexes("key-schemas", &self.key_schemas, count, self.schemas.len())?;
        indexes(
            "value-schemas",
            &self.value_schemas,
            count,
            self.schemas.len(),
        )?;
        self.headers.check(count, self.schemas.len())
    }
}

impl Headers {
    /// How many headers there are in all.
    #[must_use]
    pub fn total(&self) -> usize {
        self.counts.iter().map(|count| *count as usize).sum()
    }

    /// Checks that the lists fit together and to a batch of `count` records and `schemas` schemas.
    ///
    /// # Errors
    /// What is wrong first.
    pub fn check(&self, count: usize, schemas: usize) -> Result<(), BatchError> {
        length("header-counts", self.counts.len(), count)?;
        let total = self.total();
        column("header-keys", &self.keys, total)?;
        column("header-values", &self.values, total)?;
        indexes("header-schemas", &self.schemas, total, schemas)?;
        let named =
            |name: Option<&[u8]>| name.is_some_and(|name| std::str::from_utf8(name).is_ok());
        if self.keys.len() == total && self.keys.iter().all(named) {
            Ok(())
        } else {
            Err(BatchError::HeaderName)
        }
    }
}

/// The entries of a column of a batch of `count` records: null for each where the column is empty.
fn entries(column: &Column, count: usize) -> impl Iterator<Item = Option<&[u8]>> {
    column.iter().chain(std::iter::repeat(None)).take(count)
}

fn length(field: &'static str, found: usize, wanted: usize) -> Result<(), BatchError> {
    if found == 0 || found == wanted {
        Ok(())
    } else {
        Err(BatchError::Length {
            field,
            found,
            wanted,
        })
    }
}

fn column(field: &'static str, column: &Column, wanted: usize) -> Result<(), BatchError> {
    length(field, column.len(), wanted)?;
    column
        .check()
        .map_err(|error| BatchError::Column { field, error })
}

fn indexes(
    field: &'static str,
    found: &[i32],
    wanted: usize,
    count: usize,
) -> Result<(), BatchError> {
    length(field, found.len(), wanted)?;
    let refers =
        |index: i32| index == -1 || usize::try_from(index).is_ok_and(|index| index < count);
    match found.iter().find(|index| !refers(**index)) {
        Some(&found) => Err(BatchError::Index {
            field,
            found: found.into(),
            count,
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Batch {
        Batch {
            count: 2,
            topics: vec!["t".to_owned()],
            values: [Some(b"a".as_slice()), None].into_iter().collect(),
            ..Batch::default()
        }
    }

    #[test]
    fn topics_that_no_record_is_of_are_forgotten() {
        let topics = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let mut batch = Batch {
            count: 3,
            topics: topics(&["old", "a", "older", "b"]),
            topic_indexes: vec![3, 1, 3],
            ..Batch::default()
        };
        batch.forget_unused_topics();
        let of_rows: Vec<&str> = (0..3).map(|row| batch.topic(row)).collect();
        assert_eq!(of_rows, ["b", "a", "b"]);
        assert_eq!(batch.topics, ["a", "b"]);

        let mut batch = Batch {
            count: 1,
            topics: topics(&["first", "other"]),
            ..Batch::default()
        };
        batch.forget_unused_topics();
        assert_eq!(batch.topics, ["first"]);
    }

    #[test]
    fn empty_lists_stand_for_defaults() {
        let batch = two();
        assert_eq!(batch.check(), Ok(()));
        assert_eq!(batch.topic(1), "t");
        assert_eq!(batch.partition(1), None);
        assert_eq!(batch.timestamp(0), None);
        assert_eq!(batch.iter_keys().collect::<Vec<_>>(), [None, None]);
        assert_eq!(
            batch.iter_values().collect::<Vec<_>>(),
            [Some(b"a".as_slice()), None]
        );
    }

    #[test]
    fn a_batch_that_contradicts_itself_is_refused() {
        type Change = (&'static str, fn(&mut Batch));
        let wrong: [Change; 8] = [
            ("count", |b| b.count = BATCH_RECORDS_MAX + 1),
            ("topic", |b| b.topic_indexes = vec![0, 1]),
            ("no topic", |b| b.topics.clear()),
            ("partitions", |b| b.partitions = vec![0]),
            ("values", |b| b.values.lengths = vec![1, 1]),
            ("schema", |b| b.value_schemas = vec![-1, 0]),
            ("negative schema", |b| b.key_schemas = vec![-2, -1]),
            ("header", |b| {
                b.headers.counts = vec![0, 1];
                b.headers.keys.push(None);
            }),
        ];
        for (what, change) in wrong {
            let mut batch = two();
            change(&mut batch);
            assert!(batch.check().is_err(), "{what}");
        }
    }
}
