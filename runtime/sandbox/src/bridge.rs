//! Between the model's batches and those of the interface: the same lists, moved, never copied.

use tidegate_model::{Batch, Column, Headers};

use crate::bindings::types;

pub(crate) fn to_wire(batch: Batch) -> types::Batch {
    types::Batch {
        count: u32::try_from(batch.count).unwrap_or(u32::MAX),
        topics: batch.topics,
        topic_indexes: batch.topic_indexes,
        partitions: batch.partitions,
        offsets: batch.offsets,
        timestamps: batch.timestamps,
        schemas: batch.schemas,
        key_schemas: batch.key_schemas,
        keys: column_to_wire(batch.keys),
        value_schemas: batch.value_schemas,
        values: column_to_wire(batch.values),
        headers: types::Headers {
            counts: batch.headers.counts,
            keys: column_to_wire(batch.headers.keys),
            schemas: batch.headers.schemas,
            values: column_to_wire(batch.headers.values),
        },
    }
}

pub(crate) fn from_wire(batch: types::Batch) -> Batch {
    Batch {
        count: batch.count as usize,
        topics: batch.topics,
        topic_indexes: batch.topic_indexes,
        partitions: batch.partitions,
        offsets: batch.offsets,
        timestamps: batch.timestamps,
        schemas: batch.schemas,
        key_schemas: batch.key_schemas,
        keys: column_from_wire(batch.keys),
        value_schemas: batch.value_schemas,
        values: column_from_wire(batch.values),
        headers: headers_from_wire(batch.headers),
    }
}

pub(crate) fn headers_from_wire(headers: types::Headers) -> Headers {
    Headers {
        counts: headers.counts,
        keys: column_from_wire(headers.keys),
        schemas: headers.schemas,
        values: column_from_wire(headers.values),
    }
}

pub(crate) fn column_from_wire(column: types::Column) -> Column {
    Column {
        bytes: column.bytes,
        lengths: column.lengths,
    }
}

fn column_to_wire(column: Column) -> types::Column {
    types::Column {
        bytes: column.bytes,
        lengths: column.lengths,
    }
}
