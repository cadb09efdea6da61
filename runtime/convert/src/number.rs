//! `BooleanConverter`, `ShortConverter`, `IntegerConverter`, `LongConverter`, `FloatConverter` and
//! `DoubleConverter`: one number of a fixed size, big-endian. Their schemas are optional.

use tidegate_model::Column;
use tidegate_model::schema::{Schema, SchemaType};
use tidegate_model::value::{Encoder, View};

use crate::columns::convert_each;
use crate::error::{Cause, ConvertError, SERIALIZATION};
use crate::schema_index::{schema_index, schema_of};
use crate::{Converter, RecordFailure, ValueColumn};
use tidegate_java::class_name::class_name;

/// The type of number that a converter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumberType {
    Boolean,
    Short,
    Integer,
    Long,
    Float,
    Double,
}

impl NumberType {
    /// The name in Kafka Connect's messages.
    fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Short => "short",
            Self::Integer => "integer",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
        }
    }

    fn schema_type(self) -> SchemaType {
        match self {
            Self::Boolean => SchemaType::Boolean,
            Self::Short => SchemaType::Int16,
            Self::Integer => SchemaType::Int32,
            Self::Long => SchemaType::Int64,
            Self::Float => SchemaType::Float32,
            Self::Double => SchemaType::Float64,
        }
    }

    /// Appends the encoded value of `bytes`; `None`, and nothing appended, when they are none.
    fn read(self, bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let mut encoder = Encoder::new(out);
        match self {
            Self::Boolean => encoder.boolean(match bytes {
                [0] => false,
                [1] => true,
                _ => return None,
            }),
            Self::Short => encoder.int16(i16::from_be_bytes(bytes.try_into().ok()?)),
            Self::Integer => encoder.int32(i32::from_be_bytes(bytes.try_into().ok()?)),
            Self::Long => encoder.int64(i64::from_be_bytes(bytes.try_into().ok()?)),
            Self::Float => encoder.float32(f32::from_be_bytes(bytes.try_into().ok()?)),
            Self::Double => encoder.float64(f64::from_be_bytes(bytes.try_into().ok()?)),
        }
        Some(())
    }

    /// The error of bytes that are no such number, with the cause in the words of Kafka's deserializers.
    fn unread(self, bytes: &[u8]) -> ConvertError {
        let (name, size) = match self {
            Self::Boolean => ("Boolean", 1),
            Self::Short => ("Short", 2),
            Self::Integer => ("Integer", 4),
            Self::Long => ("Long", 8),
            Self::Float => ("", 4),
            Self::Double => ("", 8),
        };
        let text = match bytes {
            // Java's bytes have a sign.
            [byte] if self == Self::Boolean => format!(
                "Unexpected byte received by BooleanDeserializer: {}",
                byte.cast_signed()
            ),
            _ => format!("Size of data received by {name}Deserializer is not {size}"),
        };
        ConvertError::Caused {
            message: format!("Failed to deserialize {}: ", self.name()),
            cause: Cause {
                exception: SERIALIZATION,
                text,
            },
        }
    }

    /// Appends the bytes of a value; `None` when it is of another type.
    fn write(self, view: &View<'_>, out: &mut Vec<u8>) -> Option<()> {
        match (self, view) {
            (Self::Boolean, View::Boolean(value)) => out.push(u8::from(*value)),
            (Self::Short, View::Int16(value)) => out.extend_from_slice(&value.to_be_bytes()),
            (Self::Integer, View::Int32(value)) => out.extend_from_slice(&value.to_be_bytes()),
            (Self::Long, View::Int64(value)) => out.extend_from_slice(&value.to_be_bytes()),
            (Self::Float, View::Float32(value)) => out.extend_from_slice(&value.to_be_bytes()),
            (Self::Double, View::Float64(value)) => out.extend_from_slice(&value.to_be_bytes()),
            _ => return None,
        }
        Some(())
    }
}

/// Converts numbers.
#[derive(Debug)]
pub(crate) struct NumberConverter {
    number: NumberType,
    schema: Vec<u8>,
}

impl NumberConverter {
    /// The converter of a type of number; it has no configuration.
    pub(crate) fn new(number: NumberType) -> Self {
        Self {
            number,
            schema: Schema::new(number.schema_type()).optional().to_encoded(),
        }
    }

    /// Appends the bytes of an encoded value; false: it is null.
    fn write(
        &self,
        entry: &[u8],
        schema: Option<&[u8]>,
        out: &mut Vec<u8>,
    ) -> Result<bool, ConvertError> {
        let view = View::read(entry)?;
        if self.number == NumberType::Boolean
            && let Some(schema) = schema.map(Schema::decode).transpose()?
            && schema.kind != SchemaType::Boolean
        {
            return Err(ConvertError::data(format!(
                "Invalid schema type for BooleanConverter: {}",
                schema.kind.name().to_uppercase()
            )));
        }
        if view == View::Null {
            return Ok(false);
        }
        if self.number.write(&view, out).is_some() {
            return Ok(true);
        }
        let class = class_name(&view);
        Err(ConvertError::Data(match self.number {
            NumberType::Boolean => {
                format!("BooleanConverter is not compatible with objects of type {class}")
            }
            number => format!("Failed to serialize to {} (was {class}): ", number.name()),
        }))
    }
}

impl Converter for NumberConverter {
    fn to_connect(
        &mut self,
        _topic: &str,
        bytes: &Column,
        schemas: &mut Vec<Vec<u8>>,
        failures: &mut Vec<RecordFailure>,
    ) -> ValueColumn {
        let schema = schema_index(schemas, &self.schema).unwrap_or(-1);
        let room = bytes.bytes.len() + bytes.len();
        let values = convert_each(bytes, room, failures, |_, entry, out| {
            let Some(entry) = entry else {
                return Ok(false);
            };
            match self.number.read(entry, out) {
                Some(_) => Ok(true),
                None => Err(self.number.unread(entry)),
            }
        });
        ValueColumn {
            schemas: vec![schema; values.len()],
            values,
        }
    }

    fn from_connect(
        &mut self,
        _topic: &str,
        values: &Column,
        value_schemas: &[i32],
        schemas: &[Vec<u8>],
        failures: &mut Vec<RecordFailure>,
    ) -> Column {
        convert_each(values, values.bytes.len(), failures, |index, entry, out| {
            let schema = schema_of(value_schemas, index)
                .and_then(|schema| schemas.get(schema))
                .map(Vec::as_slice);
            self.write(entry.unwrap_or(&[0]), schema, out)
        })
    }
}
