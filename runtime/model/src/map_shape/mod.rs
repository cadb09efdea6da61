//! The keys of maps without a schema, which many records share.
//!
//! The records of a topic mostly have the same keys in the same order. A *map shape* has them once, in the list of
//! schemas of a batch; a record that refers to it has the values alone, as a struct has. It is still a map without a
//! schema: [`Batch::expand_maps`](crate::Batch::expand_maps) gives each its keys back.
//!
//! | module | what |
//! | --- | --- |
//! | `expand` | giving the maps of a batch their keys back |
//! | `find` | finding the shapes that the maps of a batch have |

mod expand;
mod find;

pub use expand::replace_map_shapes;

use std::collections::HashSet;

use crate::limits::{MAP_SHAPE_BYTES_MAX, MAP_SHAPE_KEYS_MAX};
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;

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
}
