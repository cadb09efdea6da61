//! `ByteArrayConverter`: bytes as they are. Its schema is optional bytes.

use tidegate_model::Column;
use tidegate_model::schema::{Schema, SchemaType};
use tidegate_model::value::{Encoder, View};

use crate::columns::convert_each;
use crate::error::ConvertError;
use crate::schema_index::{schema_index, schema_of};
use crate::{Converter, RecordFailure, ValueColumn};
use tidegate_java::class_name::class_name;

/// Passes bytes through.
#[derive(Debug)]
pub(crate) struct ByteArrayConverter {
    schema: Vec<u8>,
}

impl ByteArrayConverter {
    /// The converter; it has no configuration.
    pub(crate) fn new() -> Self {
        Self {
            schema: Schema::new(SchemaType::Bytes).optional().to_encoded(),
        }
    }
}

impl Converter for ByteArrayConverter {
    fn to_connect(
        &mut self,
        _topic: &str,
        bytes: &Column,
        schemas: &mut Vec<Vec<u8>>,
        failures: &mut Vec<RecordFailure>,
    ) -> ValueColumn {
        let schema = schema_index(schemas, &self.schema).unwrap_or(-1);
        let room = bytes.bytes.len() + 5 * bytes.len();
        let values = convert_each(bytes, room, failures, |_, entry, out| {
            let Some(entry) = entry else {
                return Ok(false);
            };
            Encoder::new(out).bytes(entry);
            Ok(true)
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
        let mut column = Column::with_capacity(values.len(), values.bytes.len());
        let types: Vec<Option<ConvertError>> =
            schemas.iter().map(|schema| refusal(schema)).collect();
        for (index, entry) in values.iter().enumerate() {
            let refused = schema_of(value_schemas, index)
                .and_then(|schema| types.get(schema))
                .and_then(Option::as_ref);
            let bytes = match refused {
                Some(error) => Err(error.clone()),
                None => entry.map_or(Ok(None), bytes_of),
            };
            match bytes {
                Ok(bytes) => column.push(bytes),
                Err(error) => {
                    column.push(None);
                    failures.push(RecordFailure { index, error });
                }
            }
        }
        column
    }
}

/// Why a schema cannot be that of bytes, if it cannot.
fn refusal(encoded: &[u8]) -> Option<ConvertError> {
    match Schema::decode(encoded) {
        Ok(schema) if schema.kind == SchemaType::Bytes => None,
        Ok(schema) => Some(ConvertError::data(format!(
            "Invalid schema type for ByteArrayConverter: {}",
            schema.kind.name().to_uppercase()
        ))),
        Err(error) => Some(error.into()),
    }
}

fn bytes_of(entry: &[u8]) -> Result<Option<&[u8]>, ConvertError> {
    match View::read(entry)? {
        View::Null => Ok(None),
        View::Bytes(bytes) => Ok(Some(bytes)),
        other => Err(ConvertError::data(format!(
            "ByteArrayConverter is not compatible with objects of type {}",
            class_name(&other)
        ))),
    }
}
