//! The keys of maps without a schema, which many records share.
//!
//! The records of a topic mostly have the same keys in the same order. A *map shape* has them once, in the list of
//! schemas of a batch; a record that refers to it has the values alone, as a struct has. It is still a map without a
//! schema: [`Batch::expand_maps`] gives each its keys back.

use std::collections::HashSet;

use crate::batch::Batch;
use crate::column::Column;
use crate::limits::{BATCH_SCHEMAS_MAX, MAP_SHAPE_BYTES_MAX, MAP_SHAPE_KEYS_MAX};
use crate::schema::{Schema, SchemaType};
use crate::short::append;
use crate::value::{Encoder, View, length, tag};

/// The byte that a map shape begins with, where a schema has its type.
const TYPE: u8 = 17;

/// Which keys a map has, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MapShape {
    /// Encoded texts, all different.
    keys: Vec<Box<[u8]>>,
}

/// Bytes that are no map shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MapShapeError {
    /// It is cut off, something follows it, or a key is no text.
    #[error("a map shape is damaged")]
    Damaged,
    /// Too many keys, or too long ones.
    #[error(
        "a map shape of {keys} keys with {bytes} bytes; at most {MAP_SHAPE_KEYS_MAX} keys with {MAP_SHAPE_BYTES_MAX} bytes are allowed"
    )]
    Size {
        /// How many keys.
        keys: usize,
        /// Their bytes, as encoded.
        bytes: usize,
    },
    /// A key is there twice.
    #[error("a map shape has a key twice")]
    Repeated,
}

impl MapShape {
    /// Whether an entry of a batch's schemas is a map shape.
    #[inline]
    #[must_use]
    pub fn is(encoded: &[u8]) -> bool {
        encoded.first() == Some(&TYPE)
    }

    /// A shape of encoded texts, which are all different.
    ///
    /// # Errors
    /// When there are too many of them, or they are too long.
    pub fn of<'k>(keys: impl IntoIterator<Item = &'k [u8]>) -> Result<Self, MapShapeError> {
        let keys: Vec<Box<[u8]>> = keys.into_iter().map(Box::from).collect();
        let bytes = keys.iter().map(|key| key.len()).sum();
        if keys.len() > MAP_SHAPE_KEYS_MAX || bytes > MAP_SHAPE_BYTES_MAX {
            return Err(MapShapeError::Size {
                keys: keys.len(),
                bytes,
            });
        }
        Ok(Self { keys })
    }

    /// Reads an encoded one, of which nothing is known.
    ///
    /// # Errors
    /// What is wrong first.
    pub fn decode(encoded: &[u8]) -> Result<Self, MapShapeError> {
        let ([TYPE, a, b, c, d], mut rest) = encoded
            .split_first_chunk::<5>()
            .ok_or(MapShapeError::Damaged)?
        else {
            return Err(MapShapeError::Damaged);
        };
        let count = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
        if count > MAP_SHAPE_KEYS_MAX || rest.len() > MAP_SHAPE_BYTES_MAX {
            return Err(MapShapeError::Size {
                keys: count,
                bytes: rest.len(),
            });
        }
        let mut keys = Vec::with_capacity(count);
        for _ in 0..count {
            let Ok((View::String(_), after)) = View::read_first(rest) else {
                return Err(MapShapeError::Damaged);
            };
            keys.push(rest.get(..rest.len() - after.len()).unwrap_or_default());
            rest = after;
        }
        if !rest.is_empty() {
            return Err(MapShapeError::Damaged);
        }
        if keys.iter().collect::<HashSet<_>>().len() < keys.len() {
            return Err(MapShapeError::Repeated);
        }
        Self::of(keys)
    }

    /// Its encoding: 17, how many keys there are, and each as an encoded text.
    #[must_use]
    pub fn to_encoded(&self) -> Vec<u8> {
        let count = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        let mut encoded = vec![TYPE];
        encoded.extend_from_slice(&count.to_le_bytes());
        for key in &self.keys {
            encoded.extend_from_slice(key);
        }
        encoded
    }

    /// The keys, as encoded texts.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.keys.iter().map(|key| &**key)
    }

    /// The bytes of the keys: so much longer is a map that has them itself.
    #[must_use]
    pub fn key_bytes(&self) -> usize {
        self.keys.iter().map(|key| key.len()).sum()
    }

    /// Whether a value is a map of this shape, as far as its beginning says. Null has every shape.
    #[inline]
    #[must_use]
    pub fn fits(&self, value: &[u8]) -> bool {
        match value {
            [tag::NULL] => true,
            [tag::STRUCT, _, _, _, _, a, b, c, d, ..] => {
                u32::from_le_bytes([*a, *b, *c, *d]) as usize == self.keys.len()
            }
            _ => false,
        }
    }

    /// Appends a map with these entries as one of this shape. `false`: it has other keys, and what was appended is to
    /// be taken back.
    #[inline]
    fn take_keys(&self, entries: &[u8], out: &mut Vec<u8>) -> bool {
        let container = Encoder::new(out).structure();
        let mut rest = entries;
        for key in &self.keys {
            let Some(after) = rest.strip_prefix(&**key) else {
                return false;
            };
            let Some((value, after)) = length(after)
                .ok()
                .and_then(|end| after.split_at_checked(end))
            else {
                return false;
            };
            append(out, value);
            rest = after;
        }
        Encoder::new(out).end(container, self.keys.len());
        rest.is_empty()
    }

    /// Appends the map that has its keys itself. Of a damaged one only what can be read.
    pub fn expand(&self, value: &[u8], out: &mut Vec<u8>) {
        if value.first() != Some(&tag::STRUCT) {
            return append(out, value);
        }
        let container = Encoder::new(out).map();
        let mut rest = value.get(9..).unwrap_or_default();
        let mut count = 0;
        for key in &self.keys {
            let Some((value, after)) = length(rest).ok().and_then(|end| rest.split_at_checked(end))
            else {
                break;
            };
            append(out, key);
            append(out, value);
            rest = after;
            count += 1;
        }
        Encoder::new(out).end(container, count);
    }
}

impl Batch {
    /// Whether maps may have left their keys to a shape.
    #[inline]
    #[must_use]
    pub fn has_map_shapes(&self) -> bool {
        self.schemas.iter().any(|schema| MapShape::is(schema))
    }

    /// Gives maps their keys back. The shapes stay among the schemas, where nothing refers to them any longer.
    pub fn expand_maps(&mut self) {
        self.expand_keys();
        self.expand_values();
    }

    /// Gives the keys of records that are maps their keys back.
    pub fn expand_keys(&mut self) {
        expand_column(&mut self.keys, &mut self.key_schemas, &self.schemas);
    }

    /// Gives the values of records that are maps their keys back.
    pub fn expand_values(&mut self) {
        expand_column(&mut self.values, &mut self.value_schemas, &self.schemas);
    }

    /// Gives maps their keys back, for those who do not know shapes: in the place of each a schema is left that
    /// nothing refers to.
    pub fn drop_map_shapes(&mut self) {
        self.expand_maps();
        for schema in &mut self.schemas {
            if MapShape::is(schema) {
                *schema = Schema::new(SchemaType::String).to_encoded();
            }
        }
    }
}

fn expand_column(column: &mut Column, indexes: &mut Vec<i32>, schemas: &[Vec<u8>]) {
    let refers = |index: &i32| {
        let encoded = usize::try_from(*index).ok().and_then(|index| schemas.get(index));
        encoded.is_some_and(|encoded| MapShape::is(encoded))
    };
    if !schemas.iter().any(|schema| MapShape::is(schema)) || !indexes.iter().any(refers) {
        return;
    }
    let shape = |schema: &Vec<u8>| {
        let shape = MapShape::is(schema).then(|| MapShape::decode(schema));
        shape.map(Result::unwrap_or_default)
    };
    let shapes: Vec<Option<MapShape>> = schemas.iter().map(shape).collect();
    let shape_of = |index: i32| shapes.get(usize::try_from(index).ok()?)?.as_ref();
    let room = column.bytes.len() * 2;
    let mut expanded = Column::with_capacity(column.len(), room);
    for (value, index) in column.iter().zip(indexes.iter_mut()) {
        let shape = shape_of(*index);
        if shape.is_some() {
            *index = -1;
        }
        match (value, shape) {
            (Some(value), Some(shape)) => {
                let mark = expanded.begin();
                shape.expand(value, &mut expanded.bytes);
                expanded.end(mark);
            }
            (value, _) => expanded.push(value),
        }
    }
    *column = expanded;
    if indexes.iter().all(|index| *index == -1) {
        indexes.clear();
    }
}

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
        let count = self.count;
        for (column, schemas) in [
            (&mut self.keys, &mut self.key_schemas),
            (&mut self.values, &mut self.value_schemas),
        ] {
            let has_schema = |index: usize| schemas.get(index).is_some_and(|schema| *schema >= 0);
            let is_plain = |(index, value): (usize, Option<&[u8]>)| {
                value.is_some_and(|value| value.first() == Some(&tag::MAP)) && !has_schema(index)
            };
            if !column.iter().enumerate().any(is_plain) {
                continue;
            }
            schemas.resize(count, -1);
            shape_column(column, schemas, &mut self.schemas);
        }
    }
}

fn shape_column(column: &mut Column, indexes: &mut [i32], schemas: &mut Vec<Vec<u8>>) {
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

    fn key(text: &str) -> Vec<u8> {
        Value::from(text).to_encoded()
    }

    fn shape(keys: &[&str]) -> MapShape {
        let keys: Vec<_> = keys.iter().map(|text| key(text)).collect();
        MapShape::of(keys.iter().map(Vec::as_slice)).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        for shape in [shape(&[]), shape(&["a", "", "ä"])] {
            let encoded = shape.to_encoded();
            assert!(MapShape::is(&encoded));
            assert_eq!(MapShape::decode(&encoded), Ok(shape));
            for end in 0..encoded.len() {
                assert!(MapShape::decode(&encoded[..end]).is_err(), "{end}");
            }
        }
    }

    #[test]
    fn what_is_no_shape_is_refused() {
        let encoded = |keys: &[Vec<u8>]| {
            let count = (keys.len() as u32).to_le_bytes();
            [vec![TYPE], count.to_vec(), keys.concat()].concat()
        };
        let damaged = Err(MapShapeError::Damaged);
        assert_eq!(MapShape::decode(&[8, 0]), damaged);
        assert_eq!(MapShape::decode(&encoded(&[vec![tag::NULL]])), damaged);
        let not_utf8 = vec![tag::STRING, 1, 0, 0, 0, 0xff];
        assert_eq!(MapShape::decode(&encoded(&[not_utf8])), damaged);
        let twice = encoded(&[key("a"), key("b"), key("a")]);
        assert_eq!(MapShape::decode(&twice), Err(MapShapeError::Repeated));
        let many: Vec<_> = (0..=MAP_SHAPE_KEYS_MAX)
            .map(|n| key(&n.to_string()))
            .collect();
        let long = key(&"x".repeat(MAP_SHAPE_BYTES_MAX));
        for large in [encoded(&many), encoded(&[long])] {
            let refused = MapShape::decode(&large);
            assert!(
                matches!(refused, Err(MapShapeError::Size { .. })),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn maps_get_their_keys_back_and_all_else_stays() {
        let values = |values: Vec<Value>| Value::Struct(values).to_encoded();
        let schema = Schema::new(SchemaType::Int64).to_encoded();
        let text = Value::from("text").to_encoded();
        let given = [
            Some(values(vec![1_i64.into(), "x".into()])),
            Some(text.clone()),
            None,
            Some(values(vec![Value::Null, Value::Map(vec![])])),
        ];
        let mut batch = Batch {
            count: 4,
            schemas: vec![schema.clone(), shape(&["a", "b"]).to_encoded()],
            value_schemas: vec![1, 0, 1, 1],
            values: given.iter().map(Option::as_deref).collect(),
            ..Batch::default()
        };
        batch.drop_map_shapes();
        let entry = |key: &str, value| (Value::from(key), value);
        let map = |a, b| Value::Map(vec![entry("a", a), entry("b", b)]).to_encoded();
        let wanted = [
            Some(map(1_i64.into(), "x".into())),
            Some(text),
            None,
            Some(map(Value::Null, Value::Map(vec![]))),
        ];
        let wanted: Column = wanted.iter().map(Option::as_deref).collect();
        assert_eq!(
            (&batch.values, &batch.value_schemas),
            (&wanted, &vec![-1, 0, -1, -1])
        );
        assert_eq!(batch.schemas[0], schema);
        assert!(!batch.has_map_shapes());
    }

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
