//! `SimpleHeaderConverter`, the default for headers: text whose type is guessed from what it looks like. Its
//! schemas follow the text: `1` is an int8, `1.5` a float32, `2024-01-31` a date, `[1,2]` an array.

use tidegate_java::values::{self, Parsed};
use tidegate_model::Column;
use tidegate_model::schema::Schema;
use tidegate_model::value::{Encoder, View};

use crate::columns::{DecodedSchemas, convert_each, index_of};
use crate::error::ConvertError;
use crate::schema_index::SchemaIndexes;
use crate::{Converter, RecordFailure, ValueColumn};

/// Converts headers.
#[derive(Debug, Default)]
pub(crate) struct SimpleHeaderConverter {
    /// The schema met last, with its encoding: headers of one name mostly have one type.
    last: Option<(Schema, Vec<u8>)>,
}

impl SimpleHeaderConverter {
    fn read(
        &mut self,
        text: &[u8],
        schemas: &mut Vec<Vec<u8>>,
        indexes: &mut SchemaIndexes,
        out: &mut Vec<u8>,
    ) -> Result<(i32, bool), ConvertError> {
        let text = String::from_utf8_lossy(text);
        let Some(Parsed { schema, value }) = values::parse(&text) else {
            return Ok((-1, false));
        };
        match value {
            tidegate_model::Value::String(text) => Encoder::new(out).string(&text),
            value => value.encode(out),
        }
        let Some(schema) = schema else {
            return Ok((-1, true));
        };
        if !matches!(&self.last, Some((last, _)) if *last == schema) {
            let encoded = schema.to_encoded();
            self.last = Some((schema, encoded));
        }
        match &self.last {
            Some((_, encoded)) => Ok((indexes.of(schemas, encoded)?, true)),
            None => Ok((-1, true)),
        }
    }
}

impl Converter for SimpleHeaderConverter {
    fn to_connect(
        &mut self,
        _topic: &str,
        bytes: &Column,
        schemas: &mut Vec<Vec<u8>>,
        failures: &mut Vec<RecordFailure>,
    ) -> ValueColumn {
        let mut indexes = Vec::with_capacity(bytes.len());
        let mut places = SchemaIndexes::default();
        let room = bytes.bytes.len() + 5 * bytes.len();
        let values = convert_each(bytes, room, failures, |_, entry, out| {
            let read = match entry {
                None => Ok((-1, false)),
                Some(text) => self.read(text, schemas, &mut places, out),
            };
            indexes.push(index_of(&read));
            read.map(|(_, some)| some)
        });
        ValueColumn {
            values,
            schemas: indexes,
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
        let mut schemas = DecodedSchemas::new(schemas);
        convert_each(values, values.bytes.len(), failures, |index, entry, out| {
            let Some(entry) = entry.filter(|entry| *entry != [0]) else {
                return Ok(false);
            };
            values::print(View::read(entry)?, schemas.of(value_schemas, index), out)?;
            Ok(true)
        })
    }
}
