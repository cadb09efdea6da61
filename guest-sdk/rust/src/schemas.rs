//! The schemas of a batch: added once, referred to by index; and what a transform makes of each, made once.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use tidegate_model::{MapShape, Schema};

use crate::error::{Error, Result};

/// The index that stands for no schema.
pub const NO_SCHEMA: i32 = -1;

/// How many schemas a [`SchemaPlans`] remembers from batch to batch.
pub const SCHEMA_PLANS_MAX: usize = 64;

/// From so many schemas on, one is looked for by its hash.
const HASHED_MIN: usize = 8;

/// The distinct schemas of a batch, encoded.
#[derive(Debug)]
pub struct Schemas<'a> {
    encoded: &'a mut Vec<Vec<u8>>,
    /// Where they are, once there are many: a batch may have a schema for each record.
    places: HashMap<Hash, usize>,
    /// How many were looked at for that.
    placed: usize,
}

/// The hash of an encoded schema.
type Hash = u64;

fn hash(encoded: &[u8]) -> Hash {
    let mut hasher = DefaultHasher::new();
    hasher.write(encoded);
    hasher.finish()
}

impl<'a> Schemas<'a> {
    /// The schemas of a batch.
    pub fn new(encoded: &'a mut Vec<Vec<u8>>) -> Self {
        Self {
            encoded,
            places: HashMap::new(),
            placed: 0,
        }
    }

    /// The encoded schema with an index; `None` for [`NO_SCHEMA`].
    #[must_use]
    pub fn encoded(&self, index: i32) -> Option<&[u8]> {
        let index = usize::try_from(index).ok()?;
        self.encoded.get(index).map(Vec::as_slice)
    }

    /// The index of an encoded schema, which is added when it is new.
    pub fn index(&mut self, encoded: &[u8]) -> i32 {
        let known = if self.encoded.len() < HASHED_MIN {
            self.encoded.iter().position(|known| known == encoded)
        } else {
            self.find(encoded)
        };
        let index = known.unwrap_or_else(|| {
            self.encoded.push(encoded.to_vec());
            self.encoded.len() - 1
        });
        i32::try_from(index).unwrap_or(NO_SCHEMA)
    }

    fn find(&mut self, encoded: &[u8]) -> Option<usize> {
        let new = self.encoded.iter().enumerate().skip(self.placed);
        for (index, known) in new {
            self.places.entry(hash(known)).or_insert(index);
        }
        self.placed = self.encoded.len();
        // Of several with one hash only the first is found; another is added again, which costs its bytes alone.
        let index = *self.places.get(&hash(encoded))?;
        (self.encoded.get(index)? == encoded).then_some(index)
    }
}

impl std::ops::Deref for Schemas<'_> {
    type Target = [Vec<u8>];

    fn deref(&self) -> &[Vec<u8>] {
        self.encoded
    }
}

/// What a plugin makes of each schema it meets: made once, kept from batch to batch.
///
/// At most [`SCHEMA_PLANS_MAX`] are kept beyond a batch; when there are more, all are forgotten before the
/// next batch.
#[derive(Debug)]
pub struct SchemaPlans<P> {
    plans: Vec<P>,
    /// The place of each schema's plan.
    places: HashMap<Vec<u8>, usize>,
    by_index: Vec<Option<u32>>,
    batch: u64,
}

impl<P> Default for SchemaPlans<P> {
    fn default() -> Self {
        Self {
            plans: Vec::new(),
            places: HashMap::new(),
            by_index: Vec::new(),
            batch: 0,
        }
    }
}

impl<P> SchemaPlans<P> {
    /// Begins a batch: indexes mean other schemas from now on. The answer is the batch's number, for
    /// [`NewSchema::index`].
    pub fn begin(&mut self) -> u64 {
        self.batch += 1;
        self.by_index.clear();
        if self.plans.len() > SCHEMA_PLANS_MAX {
            self.plans.clear();
            self.places.clear();
        }
        self.batch
    }

    /// The plan for the schema with an index, made by `make` when it is new.
    ///
    /// # Errors
    /// When `make` fails, the schema is damaged, or there is no schema with that index.
    #[inline]
    pub fn plan(
        &mut self,
        schemas: &[Vec<u8>],
        index: i32,
        make: impl FnOnce(&Schema) -> Result<P>,
    ) -> Result<&mut P> {
        self.plan_encoded(schemas, index, |encoded| make(&Schema::decode(encoded)?))
    }

    /// The plan for the schema or map shape with an index, made by `make` when it is new.
    ///
    /// # Errors
    /// When `make` fails, or there is nothing with that index.
    #[inline]
    pub fn plan_encoded(
        &mut self,
        schemas: &[Vec<u8>],
        index: i32,
        make: impl FnOnce(&[u8]) -> Result<P>,
    ) -> Result<&mut P> {
        let known = usize::try_from(index)
            .ok()
            .and_then(|index| self.by_index.get(index).copied().flatten());
        let place = match known {
            Some(place) => place as usize,
            None => self.find(schemas, index, make)?,
        };
        match self.plans.get_mut(place) {
            Some(plan) => Ok(plan),
            None => Err(missing(index)),
        }
    }

    fn find(
        &mut self,
        schemas: &[Vec<u8>],
        index: i32,
        make: impl FnOnce(&[u8]) -> Result<P>,
    ) -> Result<usize> {
        let encoded = usize::try_from(index).ok();
        let encoded = encoded.and_then(|index| schemas.get(index));
        let encoded = encoded.ok_or_else(|| missing(index))?;
        let place = match self.places.get(encoded) {
            Some(place) => *place,
            None => {
                self.plans.push(make(encoded)?);
                let place = self.plans.len() - 1;
                self.places.insert(encoded.clone(), place);
                place
            }
        };
        let index = usize::try_from(index).unwrap_or_default();
        if self.by_index.len() <= index {
            self.by_index.resize(index + 1, None);
        }
        if let Some(slot) = self.by_index.get_mut(index) {
            *slot = u32::try_from(place).ok();
        }
        Ok(place)
    }
}

/// A schema that a plan gives its outputs, added to each batch when it is first used there.
#[derive(Debug, Clone)]
pub struct NewSchema {
    encoded: Vec<u8>,
    batch: u64,
    index: i32,
}

impl NewSchema {
    /// A schema for outputs.
    #[must_use]
    pub fn new(schema: &Schema) -> Self {
        Self {
            encoded: schema.to_encoded(),
            batch: 0,
            index: NO_SCHEMA,
        }
    }

    /// A map shape for outputs.
    pub(crate) fn shape(shape: &MapShape) -> Self {
        Self {
            encoded: shape.to_encoded(),
            batch: 0,
            index: NO_SCHEMA,
        }
    }

    /// Its index in the batch with a number, as [`SchemaPlans::begin`] gave it.
    #[inline]
    pub fn index(&mut self, schemas: &mut Schemas<'_>, batch: u64) -> i32 {
        if self.batch != batch {
            self.batch = batch;
            self.index = schemas.index(&self.encoded);
        }
        self.index
    }
}

fn missing(index: i32) -> Error {
    Error::fatal(format_args!(
        "a record refers to schema number {index}, which its batch does not have"
    ))
}

/// The schemas of a batch, decoded when first asked for and shared by all records that refer to them.
#[derive(Debug, Default)]
pub(crate) struct DecodedSchemas {
    decoded: Vec<Option<Arc<Schema>>>,
}

impl DecodedSchemas {
    /// The schema with an index; `None` for no schema.
    pub(crate) fn get(&mut self, encoded: &[Vec<u8>], index: i32) -> Result<Option<Arc<Schema>>> {
        let Ok(place) = usize::try_from(index) else {
            return Ok(None);
        };
        if let Some(Some(schema)) = self.decoded.get(place) {
            return Ok(Some(Arc::clone(schema)));
        }
        let bytes = encoded.get(place).ok_or_else(|| missing(index))?;
        let schema = Arc::new(Schema::decode(bytes)?);
        if self.decoded.len() <= place {
            self.decoded.resize(place + 1, None);
        }
        if let Some(slot) = self.decoded.get_mut(place) {
            *slot = Some(Arc::clone(&schema));
        }
        Ok(Some(schema))
    }
}

/// The indexes of schemas that records hold by reference: each is encoded once for a batch.
#[derive(Debug, Default)]
pub(crate) struct EncodedSchemas {
    known: Vec<(Arc<Schema>, i32)>,
}

impl EncodedSchemas {
    /// The index of a schema in a batch.
    pub(crate) fn index(
        &mut self,
        encoded: &mut Vec<Vec<u8>>,
        schema: Option<&Arc<Schema>>,
    ) -> i32 {
        let Some(schema) = schema else {
            return NO_SCHEMA;
        };
        if let Some((_, index)) = self
            .known
            .iter()
            .find(|(known, _)| Arc::ptr_eq(known, schema))
        {
            return *index;
        }
        let index = Schemas::new(encoded).index(&schema.to_encoded());
        // A plugin that makes a schema for each record must not make this list grow with the batch.
        if self.known.len() < SCHEMA_PLANS_MAX {
            self.known.push((Arc::clone(schema), index));
        }
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_found_whether_few_or_many() {
        let schema = |number: usize| format!("schema {number}").into_bytes();
        let mut encoded = vec![schema(0)];
        let mut schemas = Schemas::new(&mut encoded);
        for number in 0..3 * HASHED_MIN {
            assert_eq!(schemas.index(&schema(number)), number as i32);
        }
        for number in (0..3 * HASHED_MIN).rev() {
            assert_eq!(schemas.index(&schema(number)), number as i32);
        }
        assert_eq!(encoded.len(), 3 * HASHED_MIN);
    }
}
