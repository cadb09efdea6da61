//! What masks a value, by its type.

use tidegate_java::class_name::class_name;
use tidegate_java::decimal::Decimal;
use tidegate_java::decimal_number;
use tidegate_sdk::{Error, Result, Value, View};

/// An encoded value for each tag; what has none cannot be masked.
#[derive(Debug)]
pub struct Masks {
    by_tag: Vec<Option<Vec<u8>>>,
    replacement: Option<String>,
}

impl Masks {
    /// Zeros and empty values.
    #[must_use]
    pub fn zeros() -> Self {
        let zero = Value::Decimal {
            scale: 0,
            unscaled: vec![0],
        };
        let masks = [
            Value::Null,
            Value::Boolean(false),
            Value::Int8(0),
            Value::Int16(0),
            Value::Int32(0),
            Value::Int64(0),
            Value::Float32(0.0),
            Value::Float64(0.0),
            Value::String(String::new()),
            Value::Array(Vec::new()),
            Value::Map(Vec::new()),
            Value::Date(0),
            Value::Time(0),
            Value::Timestamp(0),
            zero,
        ];
        Self::by_tag(masks.to_vec(), None)
    }

    /// A text for texts, and the number that it is for numbers.
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        reason = "Kafka Connect cuts what is too large, as Java's casts do"
    )]
    pub fn replacing(replacement: &str) -> Self {
        let mut masks = vec![Value::Null, replacement.into()];
        if let Some(decimal) = Decimal::parse(replacement) {
            let (scale, unscaled) = (decimal.scale, decimal.unscaled);
            if let Ok(whole) = decimal_number::long(scale, &unscaled) {
                masks.extend([
                    Value::Int8(whole as i8),
                    Value::Int16(whole as i16),
                    Value::Int32(whole as i32),
                    Value::Int64(whole),
                ]);
            }
            if let Ok(double) = decimal_number::double(scale, &unscaled) {
                masks.extend([Value::Float32(double as f32), Value::Float64(double)]);
            }
            masks.push(Value::Decimal { scale, unscaled });
        }
        Self::by_tag(masks, Some(replacement.to_owned()))
    }

    fn by_tag(masks: Vec<Value>, replacement: Option<String>) -> Self {
        let mut by_tag = Vec::new();
        for mask in masks.iter().map(Value::to_encoded) {
            let tag = mask.first().map_or(0, |tag| usize::from(*tag));
            if by_tag.len() <= tag {
                by_tag.resize(tag + 1, None);
            }
            if let Some(place) = by_tag.get_mut(tag) {
                *place = Some(mask);
            }
        }
        Self {
            by_tag,
            replacement,
        }
    }

    /// What masks an encoded value.
    ///
    /// # Errors
    /// A data error when values of its type cannot be masked, or not with the replacement.
    #[inline]
    pub fn of(&self, value: &[u8]) -> Result<&[u8]> {
        let tag = value.first().map_or(0, |tag| usize::from(*tag));
        match self.by_tag.get(tag) {
            Some(Some(mask)) => Ok(mask),
            _ => Err(self.refused(value)),
        }
    }

    #[cold]
    fn refused(&self, value: &[u8]) -> Error {
        let view = match View::read(value) {
            Ok(view) => view,
            Err(error) => return error.into(),
        };
        let class = class_name(&view);
        let Some(replacement) = &self.replacement else {
            return Error::data(format_args!("Cannot mask value of type: {class}"));
        };
        match view {
            View::Int8(_)
            | View::Int16(_)
            | View::Int32(_)
            | View::Int64(_)
            | View::Float32(_)
            | View::Float64(_) => Error::data(format_args!(
                "Unable to convert {replacement} (class java.lang.String) to a number"
            )),
            View::Decimal { .. } => Error::data(format_args!(
                "Unable to convert {replacement} (class java.lang.String) to number"
            )),
            _ => Error::data(format_args!(
                "Cannot mask value of type {class} with custom replacement."
            )),
        }
    }
}
