//! What a guest reads of a batch, and keeping the rest on the host.

use tidegate_model::{Batch, Column, Headers};

use crate::bindings::types;

/// Which of the wide columns a transform, predicate or sink reads. What it does not read is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reads {
    /// Keys and their schemas.
    pub keys: bool,
    /// Values and their schemas.
    pub values: bool,
    /// Headers and their schemas.
    pub headers: bool,
    /// Whether maps may leave their keys to a shape.
    pub map_shapes: bool,
}

impl Reads {
    /// Everything, of a guest that was not asked yet.
    pub(crate) const ALL: Self = Self {
        keys: true,
        values: true,
        headers: true,
        map_shapes: false,
    };

    /// A batch as one who reads this is to get it: with map shapes where they are taken, else without.
    pub(crate) fn shown(self, mut batch: Batch) -> Batch {
        if !self.map_shapes {
            batch.drop_map_shapes();
            return batch;
        }
        if self.keys {
            batch.shape_keys();
        }
        if self.values {
            batch.shape_values();
        }
        batch
    }
}

impl From<types::Reads> for Reads {
    fn from(reads: types::Reads) -> Self {
        Self {
            keys: reads.keys,
            values: reads.values,
            headers: reads.headers,
            map_shapes: reads.map_shapes,
        }
    }
}

/// The columns of a batch that are not sent.
#[derive(Default)]
pub(crate) struct Held {
    keys: Option<(Vec<i32>, Column)>,
    values: Option<(Vec<i32>, Column)>,
    headers: Option<Headers>,
}

impl Held {
    /// Takes out of the batch what is not read.
    pub(crate) fn take(batch: &mut Batch, reads: Reads) -> Self {
        let mut held = Self::default();
        if !reads.keys {
            held.keys = Some((
                std::mem::take(&mut batch.key_schemas),
                std::mem::take(&mut batch.keys),
            ));
        }
        if !reads.values {
            held.values = Some((
                std::mem::take(&mut batch.value_schemas),
                std::mem::take(&mut batch.values),
            ));
        }
        if !reads.headers {
            held.headers = Some(std::mem::take(&mut batch.headers));
        }
        held
    }

    /// Puts it back.
    pub(crate) fn give_back(self, batch: &mut Batch) {
        if let Some((schemas, keys)) = self.keys {
            batch.key_schemas = schemas;
            batch.keys = keys;
        }
        if let Some((schemas, values)) = self.values {
            batch.value_schemas = schemas;
            batch.values = values;
        }
        if let Some(headers) = self.headers {
            batch.headers = headers;
        }
    }
}
