//! Finding the shapes that the maps of a batch have, for those that come with their keys.

use std::collections::HashSet;

use super::MapShape;
use crate::batch::Batch;
use crate::column::Column;
use crate::limits::{BATCH_SCHEMAS_MAX, MAP_SHAPE_KEYS_MAX};
use crate::value::{length, tag};

/// The most shapes that are found in a column; maps of others keep their keys.
const SHAPES_FOUND_MAX: usize = 64;

/// The shapes that maps of a column were found to have.
struct Found<'a> {
    schemas: &'a mut Vec<Vec<u8>>,
    shapes: Vec<(MapShape, i32)>,
    /// The one that the last map had.
    last: usize,
    /// So many maps may still be looked at for a shape that is new.
    looks_left: usize,
}

impl Batch {
    /// Has maps of texts without a schema leave their keys to shapes, as far as they have few. The inverse of
    /// [`Batch::expand_maps`].
    pub fn shape_maps(&mut self) {
        self.shape_keys();
        self.shape_values();
    }

    /// Has the keys of records that are such maps leave their keys to shapes.
    pub fn shape_keys(&mut self) {
        shape_column(&mut self.keys, &mut self.key_schemas, &mut self.schemas);
    }

    /// Has the values of records that are such maps leave their keys to shapes.
    pub fn shape_values(&mut self) {
        shape_column(&mut self.values, &mut self.value_schemas, &mut self.schemas);
    }
}

fn shape_column(column: &mut Column, indexes: &mut Vec<i32>, schemas: &mut Vec<Vec<u8>>) {
    let has_schema = |row: usize| indexes.get(row).is_some_and(|schema| *schema >= 0);
    let is_plain = |(row, value): (usize, Option<&[u8]>)| {
        value.is_some_and(|value| value.first() == Some(&tag::MAP)) && !has_schema(row)
    };
    if !column.iter().enumerate().any(is_plain) {
        return;
    }
    indexes.resize(column.len(), -1);
    let mut found = Found {
        schemas,
        shapes: Vec::new(),
        last: 0,
        looks_left: 2 * SHAPES_FOUND_MAX,
    };
    let mut shaped = Column::with_capacity(column.len(), column.bytes.len());
    for (value, index) in column.iter().zip(indexes) {
        let body = match value {
            Some([tag::MAP, rest @ ..]) if *index < 0 => rest.get(8..),
            _ => None,
        };
        let mark = shaped.begin();
        match body.and_then(|body| found.values(body, &mut shaped.bytes)) {
            Some(schema) => {
                shaped.end(mark);
                *index = schema;
            }
            None => {
                shaped.bytes.truncate(mark);
                shaped.push(value);
            }
        }
    }
    *column = shaped;
}

impl Found<'_> {
    /// Appends the values of a map with these entries as one that left its keys to a shape, and gives the shape's
    /// place among the schemas.
    fn values(&mut self, body: &[u8], out: &mut Vec<u8>) -> Option<i32> {
        let mark = out.len();
        if let Some((shape, schema)) = self.shapes.get(self.last)
            && shape.take_keys(body, out)
        {
            return Some(*schema);
        }
        self.looks_left = self.looks_left.checked_sub(1)?;
        let keys = keys_of(body)?;
        let known = self
            .shapes
            .iter()
            .position(|(shape, _)| shape.keys().eq(keys.iter().copied()));
        self.last = match known {
            Some(place) => {
                self.looks_left += 1;
                place
            }
            None => self.add(&keys)?,
        };
        out.truncate(mark);
        let (shape, schema) = self.shapes.get(self.last)?;
        shape.take_keys(body, out).then_some(*schema)
    }

    fn add(&mut self, keys: &[&[u8]]) -> Option<usize> {
        let distinct: HashSet<_> = keys.iter().collect();
        let are_texts = keys.iter().all(|key| key.first() == Some(&tag::STRING));
        if distinct.len() < keys.len() || !are_texts || self.shapes.len() >= SHAPES_FOUND_MAX {
            return None;
        }
        let shape = MapShape::of(keys.iter().copied()).ok()?;
        let encoded = shape.to_encoded();
        let known = self.schemas.iter().position(|known| *known == encoded);
        let schema = known.unwrap_or(self.schemas.len());
        if known.is_none() {
            if schema >= BATCH_SCHEMAS_MAX {
                return None;
            }
            self.schemas.push(encoded);
        }
        self.shapes.push((shape, i32::try_from(schema).ok()?));
        Some(self.shapes.len() - 1)
    }
}

/// The keys of a map with these entries; `None`: it is damaged, or has too many.
fn keys_of(body: &[u8]) -> Option<Vec<&[u8]>> {
    let (mut keys, mut rest) = (Vec::new(), body);
    while !rest.is_empty() && keys.len() <= MAP_SHAPE_KEYS_MAX {
        let (key, after) = rest.split_at_checked(length(rest).ok()?)?;
        (_, rest) = after.split_at_checked(length(after).ok()?)?;
        keys.push(key);
    }
    rest.is_empty().then_some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn maps_get_back_the_keys_that_they_left_to_shapes(
            maps in prop::collection::vec(prop::collection::vec((0..9_usize, any::<i64>()), 0..4), 1..200),
        ) {
            let keys: [Value; 9] = ["a", "b", "c", "d", "e", "f", "", "long key", "g"].map(Value::from);
            let value = |entries: &Vec<(usize, i64)>| match entries.as_slice() {
                [(8, _), ..] => Value::Null,
                [(7, number)] => Value::Map(vec![(number.to_owned().into(), "no text".into())]),
                entries => Value::Map(entries.iter().map(|(key, number)| (keys[*key].clone(), (*number).into())).collect()),
            };
            let encoded: Vec<_> = maps.iter().map(|entries| value(entries).to_encoded()).collect();
            let values: Column = encoded.iter().map(|value| Some(value.as_slice())).collect();
            let mut batch = Batch { count: maps.len(), values: values.clone(), ..Batch::default() };
            batch.shape_maps();
            prop_assert!(batch.has_map_shapes() || maps.len() < 20);
            for schema in &batch.schemas {
                prop_assert!(MapShape::decode(schema).is_ok());
            }
            batch.expand_maps();
            prop_assert_eq!(batch.values, values);
        }
    }
}
