//! Records as they stand in the columns of a batch.

use tidegate_model::Batch;

use crate::schemas::NO_SCHEMA;

/// The key or the value of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The key.
    Key,
    /// The value.
    Value,
}

/// A record as it stands in the columns of a batch.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    batch: &'a Batch,
    /// Its number in the batch.
    pub index: usize,
    /// The encoded key; `None` is null.
    pub key: Option<&'a [u8]>,
    /// The index of the key's schema; [`NO_SCHEMA`] for none.
    pub key_schema: i32,
    /// The encoded value; `None` is null.
    pub value: Option<&'a [u8]>,
    /// The index of the value's schema; [`NO_SCHEMA`] for none.
    pub value_schema: i32,
}

impl<'a> Row<'a> {
    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &'a str {
        self.batch.topic(self.index)
    }

    /// The number of the topic among those of the batch.
    #[must_use]
    pub fn topic_index(&self) -> usize {
        let index = self.batch.topic_indexes.get(self.index);
        index.map_or(0, |index| *index as usize)
    }

    /// The partition, when one is chosen.
    #[must_use]
    pub fn partition(&self) -> Option<i32> {
        self.batch.partition(self.index)
    }

    /// The offset in the partition; known to sinks only.
    #[must_use]
    pub fn offset(&self) -> Option<i64> {
        let offset = self.batch.offsets.get(self.index).copied();
        offset.filter(|offset| *offset >= 0)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub fn timestamp(&self) -> Option<i64> {
        self.batch.timestamp(self.index)
    }

    /// Key or value, encoded, and the index of its schema.
    #[must_use]
    pub fn side(&self, side: Side) -> (Option<&'a [u8]>, i32) {
        match side {
            Side::Key => (self.key, self.key_schema),
            Side::Value => (self.value, self.value_schema),
        }
    }
}

/// The records of a batch, as they stand in its columns.
pub fn rows(batch: &Batch) -> impl Iterator<Item = Row<'_>> {
    let schema = |indexes: &[i32], index: usize| indexes.get(index).copied().unwrap_or(NO_SCHEMA);
    let (mut keys, mut values) = (batch.keys.iter(), batch.values.iter());
    (0..batch.count).map(move |index| Row {
        batch,
        index,
        key: keys.next().flatten(),
        key_schema: schema(&batch.key_schemas, index),
        value: values.next().flatten(),
        value_schema: schema(&batch.value_schemas, index),
    })
}
