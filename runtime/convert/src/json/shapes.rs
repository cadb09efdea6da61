//! The shapes of the maps that the documents of a batch are: which known keys they have, in which order.

use std::collections::HashMap;

use tidegate_model::MapShape;

use super::keys::Keys;
use crate::schema_index::schema_index;

/// The most shapes of one column; documents that have others keep their keys.
const SHAPES_MAX: usize = 64;

/// The shapes of a batch, and the document in hand.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    /// The numbers of the keys of the document in hand.
    pub(super) numbers: Vec<u8>,
    /// Those of the one before, and where its shape is among the schemas of the batch.
    last: Vec<u8>,
    last_schema: Option<i32>,
    known: HashMap<Box<[u8]>, i32>,
}

impl Shapes {
    /// Begins a batch: schemas have other places from now on, and keys other numbers.
    pub(super) fn begin_batch(&mut self) {
        self.last_schema = None;
        self.known.clear();
    }

    /// Where the shape of the document in hand is among the schemas of the batch, to which it is added when it is
    /// new; `None`: there are too many.
    #[inline]
    pub(super) fn schema(&mut self, keys: &Keys, schemas: &mut Vec<Vec<u8>>) -> Option<i32> {
        if self.last_schema.is_some() && self.numbers == self.last {
            return self.last_schema;
        }
        self.last_schema = self.find(keys, schemas);
        self.last.clone_from(&self.numbers);
        self.last_schema
    }

    #[cold]
    fn find(&mut self, keys: &Keys, schemas: &mut Vec<Vec<u8>>) -> Option<i32> {
        if let Some(schema) = self.known.get(self.numbers.as_slice()) {
            return Some(*schema);
        }
        if self.known.len() >= SHAPES_MAX {
            return None;
        }
        let encoded = self.numbers.iter().map(|number| keys.encoded(*number));
        let shape = MapShape::of(encoded).ok()?;
        let schema = schema_index(schemas, &shape.to_encoded()).ok()?;
        self.known.insert(self.numbers.as_slice().into(), schema);
        Some(schema)
    }
}
