//! Values as a tree, for those who prefer one over speed.

use super::{Encoder, ValueError, View};
use crate::limits::VALUE_DEPTH_MAX;

/// A Connect value as a tree.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// Null.
    #[default]
    Null,
    /// A boolean.
    Boolean(bool),
    /// An int8.
    Int8(i8),
    /// An int16.
    Int16(i16),
    /// An int32.
    Int32(i32),
    /// An int64.
    Int64(i64),
    /// A float32.
    Float32(f32),
    /// A float64.
    Float64(f64),
    /// A string.
    String(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// An array.
    Array(Vec<Value>),
    /// A map, in the order in which its entries were written.
    Map(Vec<(Value, Value)>),
    /// A struct: the values of its fields, in the order of its schema.
    Struct(Vec<Value>),
    /// A date, in days since 1970-01-01.
    Date(i32),
    /// A time of day, in milliseconds since midnight.
    Time(i32),
    /// A timestamp, in milliseconds since the epoch.
    Timestamp(i64),
    /// A decimal: big-endian two's complement, times 10 to the power of minus the scale.
    Decimal {
        /// The scale.
        scale: i32,
        /// The unscaled value.
        unscaled: Vec<u8>,
    },
}

impl Value {
    /// Reads an encoded value.
    ///
    /// # Errors
    /// When `bytes` are not exactly one value, or it nests too deep.
    pub fn decode(bytes: &[u8]) -> Result<Self, ValueError> {
        Self::from_view(View::read(bytes)?, VALUE_DEPTH_MAX)
    }

    /// Appends the encoded value to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut encoder = Encoder::new(out);
        match self {
            Self::Null => encoder.null(),
            Self::Boolean(value) => encoder.boolean(*value),
            Self::Int8(value) => encoder.int8(*value),
            Self::Int16(value) => encoder.int16(*value),
            Self::Int32(value) => encoder.int32(*value),
            Self::Int64(value) => encoder.int64(*value),
            Self::Float32(value) => encoder.float32(*value),
            Self::Float64(value) => encoder.float64(*value),
            Self::String(value) => encoder.string(value),
            Self::Bytes(value) => encoder.bytes(value),
            Self::Date(days) => encoder.date(*days),
            Self::Time(milliseconds) => encoder.time(*milliseconds),
            Self::Timestamp(milliseconds) => encoder.timestamp(*milliseconds),
            Self::Decimal { scale, unscaled } => encoder.decimal(*scale, unscaled),
            Self::Array(elements) => {
                let container = encoder.array();
                elements.iter().for_each(|element| element.encode(out));
                Encoder::new(out).end(container, elements.len());
            }
            Self::Struct(fields) => {
                let container = encoder.structure();
                fields.iter().for_each(|field| field.encode(out));
                Encoder::new(out).end(container, fields.len());
            }
            Self::Map(entries) => {
                let container = encoder.map();
                for (key, value) in entries {
                    key.encode(out);
                    value.encode(out);
                }
                Encoder::new(out).end(container, entries.len());
            }
        }
    }

    /// The encoded value.
    #[must_use]
    pub fn to_encoded(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }

    fn from_view(view: View<'_>, depth_left: usize) -> Result<Self, ValueError> {
        let deeper = || depth_left.checked_sub(1).ok_or(ValueError::Depth);
        Ok(match view {
            View::Null => Self::Null,
            View::Boolean(value) => Self::Boolean(value),
            View::Int8(value) => Self::Int8(value),
            View::Int16(value) => Self::Int16(value),
            View::Int32(value) => Self::Int32(value),
            View::Int64(value) => Self::Int64(value),
            View::Float32(value) => Self::Float32(value),
            View::Float64(value) => Self::Float64(value),
            View::String(value) => Self::String(value.to_owned()),
            View::Bytes(value) => Self::Bytes(value.to_vec()),
            View::Date(days) => Self::Date(days),
            View::Time(milliseconds) => Self::Time(milliseconds),
            View::Timestamp(milliseconds) => Self::Timestamp(milliseconds),
            View::Decimal { scale, unscaled } => Self::Decimal {
                scale,
                unscaled: unscaled.to_vec(),
            },
            View::Array(elements) => Self::Array(Self::all(elements, elements.len(), deeper()?)?),
            View::Struct(elements) => Self::Struct(Self::all(elements, elements.len(), deeper()?)?),
            View::Map(entries) => {
                let wanted = entries.len().saturating_mul(2);
                let mut elements = Self::all(entries.elements(), wanted, deeper()?)?.into_iter();
                let mut map = Vec::new();
                while let (Some(key), Some(value)) = (elements.next(), elements.next()) {
                    map.push((key, value));
                }
                Self::Map(map)
            }
        })
    }

    /// The values that follow each other, of which there must be as many as the container says.
    fn all(
        mut elements: super::Elements<'_>,
        wanted: usize,
        depth_left: usize,
    ) -> Result<Vec<Self>, ValueError> {
        let mut all = Vec::new();
        while let Some(view) = elements.next_view()? {
            all.push(Self::from_view(view, depth_left)?);
        }
        if all.len() == wanted {
            Ok(all)
        } else {
            Err(ValueError::Container)
        }
    }
}

macro_rules! from {
    ($($from:ty => $variant:ident),* $(,)?) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}
from!(bool => Boolean, i8 => Int8, i16 => Int16, i32 => Int32, i64 => Int64, f32 => Float32, f64 => Float64,
    String => String, &str => String, Vec<u8> => Bytes);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::super::{Elements, check, length};
    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Boolean),
            any::<i8>().prop_map(Value::Int8),
            any::<i16>().prop_map(Value::Int16),
            any::<i32>().prop_map(Value::Int32),
            any::<i64>().prop_map(Value::Int64),
            any::<f32>().prop_map(Value::Float32),
            any::<f64>().prop_map(Value::Float64),
            ".{0,12}".prop_map(Value::String),
            prop::collection::vec(any::<u8>(), 0..12).prop_map(Value::Bytes),
            any::<i32>().prop_map(Value::Date),
            any::<i32>().prop_map(Value::Time),
            any::<i64>().prop_map(Value::Timestamp),
            (any::<i32>(), prop::collection::vec(any::<u8>(), 0..20))
                .prop_map(|(scale, unscaled)| Value::Decimal { scale, unscaled }),
        ];
        leaf.prop_recursive(6, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Struct),
                prop::collection::vec((inner.clone(), inner), 0..8).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_comes_back_from_its_encoding(value in any_value()) {
            let encoded = value.to_encoded();
            prop_assert_eq!(check(&encoded), Ok(()));
            prop_assert_eq!(length(&encoded), Ok(encoded.len()));
            prop_assert_eq!(Value::decode(&encoded).unwrap(), value);
        }

        #[test]
        fn a_struct_is_read_alike_both_ways(value in any_value(), cut in 0..20_usize) {
            let encoded = value.to_encoded();
            let bytes = encoded.get(..encoded.len().saturating_sub(cut)).unwrap();
            let read = match View::read(bytes) {
                Ok(View::Struct(elements)) => Some(elements),
                _ => None,
            };
            prop_assert_eq!(Elements::of_struct(bytes), read);
        }

        #[test]
        fn every_cut_of_a_value_is_refused(value in any_value()) {
            let encoded = value.to_encoded();
            for cut in 0..encoded.len() {
                prop_assert!(check(&encoded[..cut]).is_err());
            }
        }

        #[test]
        fn what_the_check_accepts_can_be_decoded(bytes in prop::collection::vec(0_u8..20, 0..40)) {
            prop_assert_eq!(check(&bytes).is_ok(), check(&bytes).is_ok() && Value::decode(&bytes).is_ok());
        }
    }

    fn nested(depth: usize) -> Vec<u8> {
        (0..depth)
            .fold(Value::Null, |value, _| Value::Array(vec![value]))
            .to_encoded()
    }

    #[test]
    fn nesting_has_a_limit() {
        assert_eq!(check(&nested(VALUE_DEPTH_MAX)), Ok(()));
        assert_eq!(check(&nested(VALUE_DEPTH_MAX + 1)), Err(ValueError::Depth));
        assert_eq!(
            Value::decode(&nested(VALUE_DEPTH_MAX + 1)),
            Err(ValueError::Depth)
        );
    }

    #[test]
    fn a_count_that_does_not_fit_is_refused() {
        let mut array = Value::Array(vec![Value::Null, Value::Null]).to_encoded();
        array[5] = 3;
        assert_eq!(check(&array), Err(ValueError::Container));
    }
}
